//! What is sent next, and what goes wrong on the way: order, retries, and misbehaviour on request.
//!
//! In memory only; after a restart every event that has not arrived is taken up anew. Events about one
//! payment go one after another, those about different payments side by side. One whose first try has
//! failed, or that is late on purpose, no longer holds up the ones behind it: as with real gateways,
//! order is the rule and not a promise.

use std::collections::{BTreeMap, HashMap, VecDeque};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::outbox::Outbox;
use super::{Event, Gateway};
use crate::clock::Moment;

/// How long after the first failed try the next one follows; the wait doubles from try to try.
const FIRST_WAIT_MS: i64 = 100;
/// The longest wait between two tries.
const LONGEST_WAIT_MS: i64 = 60_000;
/// By how much shuffled events are late at most, so that neighbours change places.
const SHUFFLE_MS: i64 = 250;

/// How deliveries misbehave.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Faults {
    /// The chance that an event is sent twice.
    duplicate_per_mille: u16,
    /// The chance that an event is never sent.
    drop_per_mille: u16,
    /// By how much events are late at most.
    delay_ms_max: u32,
    /// Events overtake each other.
    shuffle: bool,
    /// The chance that a forgery about the same payment is sent as well.
    forge_per_mille: u16,
}

/// Why a delivery is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To tell: the event is done when it has arrived.
    Tell,
    /// To tell again what has been told.
    Repeat,
    /// To lie.
    Forge,
}

/// One delivery on its way.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) number: u64,
    pub(crate) purpose: Purpose,
    /// The line it stands in, until its first try is over.
    line: Option<Line>,
    tries: u32,
    /// Letters of an older generation are not tried again: everything was taken up anew since.
    generation: u64,
}

type Line = (Gateway, String);

/// What has been counted since the start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    delivered: u64,
    failed_attempts: u64,
    dropped: u64,
    duplicated: u64,
    forged: u64,
}

/// All deliveries.
pub(crate) struct Deliveries {
    pub(crate) faults: Faults,
    pub(crate) counts: Counts,
    dice: StdRng,
    /// The number of the first event that has not been looked at.
    next: u64,
    /// By when they are to be sent, then by the order in which they came.
    due: BTreeMap<(i64, u64), Letter>,
    /// Who waits behind whom.
    lines: HashMap<Line, VecDeque<Letter>>,
    in_flight: usize,
    last_place: u64,
    generation: u64,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self {
            faults: Faults::default(),
            counts: Counts::default(),
            dice: StdRng::seed_from_u64(0),
            next: 0,
            due: BTreeMap::new(),
            lines: HashMap::new(),
            in_flight: 0,
            last_place: 0,
            generation: 0,
        }
    }
}

impl Deliveries {
    /// Makes the sequence of chances start anew from this seed.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.dice = StdRng::seed_from_u64(seed);
    }

    /// Forgets what is under way and takes up every waiting event anew, as when the target changes.
    pub(crate) fn restart(&mut self) {
        self.generation += 1;
        self.next = 0;
        self.due.clear();
        self.lines.clear();
    }

    /// Takes up what happened since; answers the numbers of the events that are lost on purpose.
    pub(crate) fn take_up(&mut self, outbox: &Outbox, now: Moment) -> Vec<u64> {
        let mut lost = Vec::new();
        for (number, event) in outbox.waiting_from(self.next).filter(|(_, event)| outbox.is_sent(event)) {
            if self.chance(self.faults.drop_per_mille) {
                self.counts.dropped += 1;
                lost.push(number);
                continue;
            }
            self.enqueue(number, event, Purpose::Tell, now);
            if self.chance(self.faults.duplicate_per_mille) {
                self.counts.duplicated += 1;
                self.enqueue(number, event, Purpose::Repeat, now);
            }
            if self.chance(self.faults.forge_per_mille) {
                self.counts.forged += 1;
                self.enqueue(number, event, Purpose::Forge, now);
            }
        }
        self.next = outbox.end();
        lost
    }

    /// Sends every remembered event again; answers how many.
    pub(crate) fn repeat_all(&mut self, outbox: &Outbox, now: Moment) -> usize {
        let sent: Vec<_> = outbox.all().filter(|(_, event)| outbox.is_sent(event)).collect();
        for (number, event) in &sent {
            self.enqueue(*number, event, Purpose::Repeat, now);
        }
        sent.len()
    }

    /// The delivery to make now, if one is due. `finish` must follow.
    pub(crate) fn next_due(&mut self, now: Moment) -> Option<Letter> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now.0)?;
        self.in_flight += 1;
        Some(entry.remove())
    }

    /// Notes how a try ended; answers the number of an event that is done.
    pub(crate) fn finish(&mut self, mut letter: Letter, arrived: bool, now: Moment) -> Option<u64> {
        self.in_flight -= 1;
        if letter.generation == self.generation {
            self.release(letter.line.take(), now);
        }
        if arrived {
            self.counts.delivered += 1;
            return (letter.purpose == Purpose::Tell).then_some(letter.number);
        }
        self.counts.failed_attempts += 1;
        // A liar is content with having tried.
        if letter.generation == self.generation && letter.purpose != Purpose::Forge {
            let wait = FIRST_WAIT_MS << letter.tries.min(20);
            letter.tries += 1;
            self.put(letter, now.0 + wait.min(LONGEST_WAIT_MS));
        }
        None
    }

    /// How many deliveries are under way or ahead, without events that nobody has looked at.
    pub(crate) fn pending(&self) -> usize {
        let queued: usize = self.lines.values().map(VecDeque::len).sum();
        self.in_flight + self.due.len() + queued
    }

    /// The number of the first event that has not been looked at.
    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    fn enqueue(&mut self, number: u64, event: &Event, purpose: Purpose, now: Moment) {
        let mut letter = Letter { number, purpose, line: None, tries: 0, generation: self.generation };
        if let Some(late) = self.lateness() {
            return self.put(letter, now.0 + late);
        }
        let line = (event.gateway, event.about.clone());
        letter.line = Some(line.clone());
        if let Some(behind) = self.lines.get_mut(&line) {
            return behind.push_back(letter);
        }
        self.lines.insert(line, VecDeque::new());
        self.put(letter, now.0);
    }

    fn put(&mut self, letter: Letter, at_ms: i64) {
        self.last_place += 1;
        self.due.insert((at_ms, self.last_place), letter);
    }

    /// Lets the next one in the line go.
    fn release(&mut self, line: Option<Line>, now: Moment) {
        let Some(line) = line else {
            return;
        };
        match self.lines.get_mut(&line).and_then(VecDeque::pop_front) {
            Some(next) => self.put(next, now.0),
            None => {
                self.lines.remove(&line);
            }
        }
    }

    /// By how much an event is late; one that is not stands in its line.
    fn lateness(&mut self) -> Option<i64> {
        let shuffled = if self.faults.shuffle { SHUFFLE_MS } else { 0 };
        let most = shuffled.max(i64::from(self.faults.delay_ms_max));
        (most > 0).then(|| self.dice.random_range(0..=most))
    }

    fn chance(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.dice.random_range(0..1000) < per_mille
    }
}

impl Faults {
    /// A sentence about what makes no sense in them.
    pub(crate) fn complaint(&self) -> Option<String> {
        let chances = [self.duplicate_per_mille, self.drop_per_mille, self.forge_per_mille];
        let wrong = chances.into_iter().find(|chance| *chance > 1000)?;
        Some(format!("a chance is at most 1000 per mille, not {wrong}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::outbox::{Change, StripeTarget, Targets};
    use super::*;

    const NOW: Moment = Moment(1_000_000);

    /// An outbox with one event for each of these payments.
    fn outbox(about: &[&str]) -> Outbox {
        let mut outbox = Outbox::default();
        let stripe = StripeTarget { url: "http://shop.test".to_owned(), secret: "whsec_1".to_owned() };
        outbox.apply(Change::Targets(Targets { stripe: Some(stripe), paypal: None }));
        for (number, about) in about.iter().enumerate() {
            outbox.apply(Change::Event(Box::new(Event {
                gateway: Gateway::Stripe,
                id: format!("evt_{number}"),
                kind: "charge.succeeded".to_owned(),
                body: "{}".to_owned(),
                created: 1,
                about: (*about).to_owned(),
            })));
        }
        outbox
    }

    fn due(deliveries: &mut Deliveries, now: Moment) -> Vec<Letter> {
        std::iter::from_fn(|| deliveries.next_due(now)).collect()
    }

    fn numbers(letters: &[Letter]) -> Vec<u64> {
        letters.iter().map(|letter| letter.number).collect()
    }

    #[test]
    fn one_payment_is_told_in_order_and_several_side_by_side() {
        let outbox = outbox(&["pi_1", "pi_1", "pi_2", "pi_1"]);
        let mut deliveries = Deliveries::default();
        assert!(deliveries.take_up(&outbox, NOW).is_empty());
        let first = due(&mut deliveries, NOW);
        assert_eq!(numbers(&first), [0, 2]);
        assert_eq!(deliveries.finish(first[0].clone(), true, NOW), Some(0));
        let second = due(&mut deliveries, NOW);
        assert_eq!(numbers(&second), [1]);
        assert_eq!(deliveries.pending(), 3);
    }

    #[test]
    fn a_failed_try_is_repeated_ever_later_and_holds_nobody_up() {
        let outbox = outbox(&["pi_1", "pi_1"]);
        let mut deliveries = Deliveries::default();
        deliveries.take_up(&outbox, NOW);
        let letter = deliveries.next_due(NOW).unwrap();
        assert_eq!(deliveries.finish(letter, false, NOW), None);
        assert_eq!(numbers(&due(&mut deliveries, NOW)), [1], "the second goes first");
        let mut now = NOW;
        for wait in [100, 200, 400] {
            assert!(deliveries.next_due(Moment(now.0 + wait - 1)).is_none());
            now = Moment(now.0 + wait);
            let again = deliveries.next_due(now).unwrap();
            assert_eq!(again.number, 0);
            deliveries.finish(again, false, now);
        }
        for _ in 0..30 {
            now = Moment(now.0 + LONGEST_WAIT_MS);
            let again = deliveries.next_due(now).expect("it is never given up, nor later than a minute");
            deliveries.finish(again, false, now);
        }
    }

    #[test]
    fn lost_events_are_named_and_not_sent() {
        let outbox = outbox(&["pi_1", "pi_2"]);
        let mut deliveries = Deliveries {
            faults: Faults { drop_per_mille: 1000, ..Faults::default() },
            ..Deliveries::default()
        };
        assert_eq!(deliveries.take_up(&outbox, NOW), [0, 1]);
        assert_eq!(deliveries.pending(), 0);
    }

    #[test]
    fn duplicates_follow_and_forgeries_are_tried_once() {
        let outbox = outbox(&["pi_1"]);
        let faults = Faults { duplicate_per_mille: 1000, forge_per_mille: 1000, ..Faults::default() };
        let mut deliveries = Deliveries { faults, ..Deliveries::default() };
        deliveries.take_up(&outbox, NOW);
        let mut purposes = Vec::new();
        while let Some(letter) = deliveries.next_due(NOW) {
            purposes.push(letter.purpose);
            let arrived = letter.purpose != Purpose::Forge;
            deliveries.finish(letter, arrived, NOW);
        }
        assert_eq!(purposes, [Purpose::Tell, Purpose::Repeat, Purpose::Forge]);
        assert_eq!(deliveries.pending(), 0);
    }

    #[test]
    fn shuffled_events_come_in_another_order() {
        let about: Vec<String> = (0..20).map(|number| format!("pi_{number}")).collect();
        let outbox = outbox(&about.iter().map(String::as_str).collect::<Vec<_>>());
        let mut deliveries =
            Deliveries { faults: Faults { shuffle: true, ..Faults::default() }, ..Deliveries::default() };
        deliveries.take_up(&outbox, NOW);
        let order = numbers(&due(&mut deliveries, Moment(NOW.0 + SHUFFLE_MS)));
        assert_eq!(order.len(), 20);
        assert!(!order.is_sorted(), "{order:?}");
    }
}
