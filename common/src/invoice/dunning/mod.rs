//! Dunning: when a declined invoice is tried again, and what happens when that has an end.
//!
//! The retry schedule is fixed at the first decline, F: its steps are F + so many days. What is copied onto an
//! invoice when it opens is never rewritten by a later edit of the policy.
//!
//! - A decline uses up a step. An error of the gateway or the network does not: it is tried again soon.
//! - After a hard decline the retries wait for a new payment method. The end does not wait.
//! - A new payment method is tried at once, off the retry schedule; while a payment has no outcome, as soon as that
//!   has failed. The retry schedule stands.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, gateway::DeclineClass, name::names, retry};

/// The waits after attempts that never reached the payer's bank.
pub const TECHNICAL_BACKOFF: retry::Policy = retry::Policy {
    initial: std::time::Duration::from_secs(60),
    factor: 2,
    max: std::time::Duration::from_secs(6 * 3600),
};

/// The most steps.
const STEPS_MAX: usize = 10;

/// The longest retry schedule, in days.
const DAYS_MAX: u16 = 90;

/// What becomes of a subscription when the retries of an invoice have come to their end. The invoice is
/// uncollectible in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exhausted {
    /// It ends.
    Cancel,
    /// It renews no more until its open invoices are paid.
    Unpaid,
    /// It stays as it is, and renews.
    Stay,
}

names!(Exhausted, Cancel => "cancel", Unpaid => "unpaid", Stay => "stay");

/// A merchant's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Policy {
    days: Vec<u16>,
    then: Exhausted,
}

/// Its stored form.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    retry_after_days: Vec<u16>,
    then: Exhausted,
}

/// A policy that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("retries must be up to {STEPS_MAX} days, each later than the one before, within {DAYS_MAX} days")]
pub struct InvalidPolicy;

impl Policy {
    /// Retries so many days after the first decline. None at all: the first decline is the end.
    pub fn days_after_first(days: &[u16], then: Exhausted) -> Result<Self, InvalidPolicy> {
        let is_valid = days.len() <= STEPS_MAX
            && days.iter().all(|day| (1..=DAYS_MAX).contains(day))
            && days.is_sorted_by(|earlier, later| earlier < later);
        if is_valid { Ok(Self { days: days.to_vec(), then }) } else { Err(InvalidPolicy) }
    }

    /// Retries so many days after each other.
    pub fn days_between(gaps: &[u16], then: Exhausted) -> Result<Self, InvalidPolicy> {
        let mut day = 0_u16;
        let add = |gap: &u16| {
            day = day.saturating_add(*gap);
            day
        };
        Self::days_after_first(&gaps.iter().map(add).collect::<Vec<_>>(), then)
    }

    /// The days after the first decline on which it is tried again.
    #[must_use]
    pub fn days(&self) -> &[u16] {
        &self.days
    }

    /// What becomes of the subscription at the end.
    #[must_use]
    pub fn then(&self) -> Exhausted {
        self.then
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { days: vec![1, 3, 7, 14], then: Exhausted::Cancel }
    }
}

impl TryFrom<Stored> for Policy {
    type Error = InvalidPolicy;

    fn try_from(stored: Stored) -> Result<Self, InvalidPolicy> {
        Self::days_after_first(&stored.retry_after_days, stored.then)
    }
}

impl From<Policy> for Stored {
    fn from(policy: Policy) -> Self {
        Self { retry_after_days: policy.days, then: policy.then }
    }
}

/// Why an attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The invoice has just opened, or a step has come.
    Schedule,
    /// There is a new payment method, or somebody asked for it: off the retry schedule.
    Asked,
}

names!(Reason, Schedule => "schedule", Asked => "asked");

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptFailure {
    /// The payer's bank, the gateway's rules or the payer said no.
    Declined(DeclineClass),
    /// The gateway or the network failed: provably nothing was asked of the payer's bank.
    Technical,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The same attempt again, after [`TECHNICAL_BACKOFF`].
    Soon,
    /// What was declined is not what there is now: one attempt at once, off the retry schedule.
    Now,
    /// The next step.
    RetryAt(Timestamp),
    /// The retries are held. Unless there is a new payment method before, the end.
    EndAt(Timestamp),
    /// The end: the invoice is uncollectible, and its subscription follows the policy.
    Exhausted(Exhausted),
}

/// What a time brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// An attempt, and why.
    Attempt(Reason),
    /// Nothing before that moment.
    NotBefore(Timestamp),
    /// The end.
    Exhausted(Exhausted),
}

/// An invoice's policy, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetrySchedule {
    /// The policy, as it was when the invoice opened.
    pub policy: Policy,
    /// F: when it was declined first.
    pub first_declined_at: Option<Timestamp>,
    /// How many steps are used up.
    pub used: u32,
    /// A hard decline holds the retries.
    pub held: bool,
    /// There is a new payment method, or somebody asked, and no attempt was made since that reached anybody.
    pub asked: bool,
    /// When the next step comes, or the end, if the retries are held; `None` before the first decline and
    /// when nothing is left to try.
    pub next_at: Option<Timestamp>,
}

impl RetrySchedule {
    /// One that nobody has stepped on.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// All steps, in their order; none before the first decline.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = Timestamp> + ExactSizeIterator {
        let first = self.first_declined_at;
        let days: &[u16] = if first.is_some() { &self.policy.days } else { &[] };
        days.iter().map(move |days| first.unwrap_or_default() + TimeDelta::days(i64::from(*days)))
    }

    /// When it ends; `None` before the first decline.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.steps().next_back().or(self.first_declined_at)
    }

    /// An attempt begins, with the payment method that there is now.
    pub fn begin_attempt(&mut self) {
        self.asked = false;
    }

    /// An attempt has failed.
    pub fn attempt_failed(&mut self, reason: Reason, failure: AttemptFailure, now: Timestamp) -> Next {
        let again = self.ask_again(reason, failure);
        let AttemptFailure::Declined(class) = failure else { return Next::Soon };
        if self.first_declined_at.is_none() {
            self.first_declined_at = Some(now);
        } else if reason == Reason::Schedule {
            self.use_up(now);
        }
        self.held = class == DeclineClass::Hard && !self.asked;
        let next = self.plan(now);
        again.unwrap_or(next)
    }

    /// An attempt has failed. What was asked for off the retry schedule is still to be done if it reached nobody, or if
    /// it was asked for while this attempt was under way.
    pub fn ask_again(&mut self, reason: Reason, failure: AttemptFailure) -> Option<Next> {
        let is_technical = failure == AttemptFailure::Technical;
        self.asked |= is_technical && reason == Reason::Asked;
        self.asked.then_some(if is_technical { Next::Soon } else { Next::Now })
    }

    /// A step was tried. With it go those that have passed meanwhile, but never the last: an outage must not
    /// cost the last attempt.
    fn use_up(&mut self, now: Timestamp) {
        let passed = self.steps().take_while(|step| *step <= now).count();
        let but_last = passed.min(self.policy.days.len().saturating_sub(1));
        self.used = (self.used + 1).max(u32::try_from(but_last).unwrap_or(u32::MAX));
    }

    /// There is a new payment method: one attempt at once, for [`Reason::Asked`]; and this is what comes
    /// next if that changes nothing.
    pub fn renew_method(&mut self, now: Timestamp) -> Next {
        self.held = false;
        self.asked = true;
        self.plan(now)
    }

    /// What the time `now` brings.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Due {
        match self.next_at {
            _ if self.asked => Due::Attempt(Reason::Asked),
            Some(at) if now < at => Due::NotBefore(at),
            Some(_) if self.held => Due::Exhausted(self.policy.then),
            Some(_) => Due::Attempt(Reason::Schedule),
            None if self.first_declined_at.is_none() => Due::Attempt(Reason::Schedule),
            None => Due::Exhausted(self.policy.then),
        }
    }

    /// Decides what comes next, and remembers when.
    fn plan(&mut self, now: Timestamp) -> Next {
        let next = self.next(now);
        self.next_at = match next {
            Next::RetryAt(at) | Next::EndAt(at) => Some(at),
            Next::Soon | Next::Now | Next::Exhausted(_) => None,
        };
        next
    }

    /// What comes next, seen from `now`: the first step that is still to come. Should all have passed before
    /// the last was tried, it is tried a day from now.
    fn next(&self, now: Timestamp) -> Next {
        let Some(end) = self.end() else { return Next::Soon };
        let left = self.steps().skip(usize::try_from(self.used).unwrap_or(usize::MAX));
        if left.len() == 0 || self.held && end <= now {
            return Next::Exhausted(self.policy.then);
        }
        if self.held {
            return Next::EndAt(end);
        }
        let mut to_come = left.filter(|step| *step > now);
        Next::RetryAt(to_come.next().unwrap_or(now + TimeDelta::days(1)))
    }
}

#[cfg(test)]
mod tests;
