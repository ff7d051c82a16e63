//! What is remembered of events over a restart: they themselves, where they go, and which have arrived.
//!
//! The latest events are kept for `GET /v1/events` and for sending again. Older ones are forgotten once
//! nobody waits for them, or a long load run would keep its whole past in memory.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Event, Gateway};

/// How many events are remembered at least.
const KEPT: usize = 50_000;

/// Where each gateway's events go. A gateway that is absent keeps its events to itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Targets {
    pub(crate) stripe: Option<StripeTarget>,
    pub(crate) paypal: Option<PaypalTarget>,
}

/// A webhook endpoint as Stripe knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StripeTarget {
    pub(crate) url: String,
    /// The signing secret, `whsec_…`.
    pub(crate) secret: String,
}

/// A webhook as PayPal knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaypalTarget {
    pub(crate) url: String,
    pub(crate) webhook_id: String,
    /// Where its owner reaches this sandbox to fetch certificates, if not where a payer's browser does.
    #[serde(default)]
    pub(crate) cert_base: Option<String>,
}

impl Targets {
    /// The URL to which this gateway's events are posted.
    pub(crate) fn url(&self, gateway: Gateway) -> Option<&str> {
        match gateway {
            Gateway::Stripe => self.stripe.as_ref().map(|target| target.url.as_str()),
            Gateway::Paypal => self.paypal.as_ref().map(|target| target.url.as_str()),
        }
    }
}

/// One step in the life of events, as the journal keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// Something happened that is to be told.
    Event(Box<Event>),
    /// The event of this number has arrived, or was lost on purpose: it is no longer waited for.
    Done(u64),
    /// Where events go from now on.
    Targets(Targets),
}

/// All of it. Events are numbered in the order in which they happened.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) targets: Targets,
    events: VecDeque<Event>,
    /// The number of the first event that is still remembered.
    first: u64,
    numbers: HashMap<String, u64>,
    waiting: BTreeSet<u64>,
}

impl Outbox {
    /// Makes a change happen.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Event(event) => self.add(*event),
            Change::Done(number) => {
                self.waiting.remove(&number);
            }
            Change::Targets(targets) => self.targets = targets,
        }
    }

    fn add(&mut self, event: Event) {
        let number = self.end();
        self.numbers.insert(event.id.clone(), number);
        self.waiting.insert(number);
        self.events.push_back(event);
        while self.events.len() > KEPT && self.may_forget_first() {
            if let Some(old) = self.events.pop_front() {
                self.numbers.remove(&old.id);
            }
            self.waiting.remove(&self.first);
            self.first += 1;
        }
    }

    fn may_forget_first(&self) -> bool {
        let sent = |event: &Event| self.targets.url(event.gateway).is_some();
        !(self.waiting.contains(&self.first) && self.events.front().is_some_and(sent))
    }

    /// The event of this number.
    pub(crate) fn get(&self, number: u64) -> Option<&Event> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.events.get(at)
    }

    /// The number of the event with this id.
    pub(crate) fn number(&self, id: &str) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    /// The number that the next event will have.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// All remembered events with their numbers, oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = (u64, &Event)> {
        self.events.iter().enumerate().map(|(at, event)| (self.first + at as u64, event))
    }

    /// The events from this number on that have not arrived, oldest first.
    pub(crate) fn waiting_from(&self, number: u64) -> impl Iterator<Item = (u64, &Event)> {
        self.waiting.range(number..).filter_map(|&number| Some((number, self.get(number)?)))
    }

    /// Whether somebody listens to this gateway's events.
    pub(crate) fn is_sent(&self, event: &Event) -> bool {
        self.targets.url(event.gateway).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: usize) -> Event {
        Event {
            gateway: Gateway::Stripe,
            id: format!("evt_{number}"),
            kind: "charge.succeeded".to_owned(),
            body: "{}".to_owned(),
            created: 1,
            about: "pi_1".to_owned(),
        }
    }

    fn outbox(target: bool) -> Outbox {
        let mut outbox = Outbox::default();
        if target {
            let stripe = StripeTarget { url: "http://shop.test".to_owned(), secret: "whsec_1".to_owned() };
            outbox.apply(Change::Targets(Targets { stripe: Some(stripe), paypal: None }));
        }
        outbox
    }

    #[test]
    fn old_events_are_forgotten_when_nobody_waits_for_them() {
        let mut outbox = outbox(false);
        (0..KEPT + 3).for_each(|number| outbox.apply(Change::Event(Box::new(event(number)))));
        assert!(outbox.number("evt_2").is_none() && outbox.get(2).is_none());
        assert_eq!(outbox.get(3).unwrap().id, "evt_3");
        assert_eq!(outbox.waiting_from(0).next().unwrap().0, 3);
    }

    #[test]
    fn an_event_that_is_waited_for_is_not_forgotten() {
        let mut outbox = outbox(true);
        (0..KEPT + 3).for_each(|number| outbox.apply(Change::Event(Box::new(event(number)))));
        assert_eq!(outbox.get(0).unwrap().id, "evt_0");
        (0..=1).for_each(|number| outbox.apply(Change::Done(number)));
        outbox.apply(Change::Event(Box::new(event(KEPT + 3))));
        assert!(outbox.get(1).is_none() && outbox.get(2).is_some());
    }
}
