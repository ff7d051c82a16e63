//! What an attempt means, for its delivery and for its endpoint: pure. Nothing else decides when something is sent again,
//! or that an endpoint is told no more.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{clock::Timestamp, name::names};

/// The waits after each failure in a row; after the last of them it is sent once more, and then given up.
const LADDER: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];

/// What an endpoint may ask us to wait, at most.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// For how long nothing may get there, before an endpoint is told nothing any more.
const FAILING_MAX: TimeDelta = TimeDelta::days(5);

/// The dice that spread a wait say 0 to this.
pub const DICE_MAX: u32 = 200;

/// Why an endpoint is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledReason {
    /// Its merchant wants it so.
    Merchant,
    /// It has said that it is gone: 410.
    Gone,
    /// Nothing has got there for five days.
    Failing,
}

names!(DisabledReason, Merchant => "merchant", Gone => "gone", Failing => "failing");

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status, and what it asks us to wait.
    Answered(u16, Option<Duration>),
    /// None came in time, or no connection.
    Unanswered,
}

impl Outcome {
    /// The status of the answer, if one came.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Answered(status, ..) => Some(status),
            Self::Unanswered => None,
        }
    }
}

/// Where a delivery and its endpoint stand before it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Failures in a row, of this delivery.
    pub failures: u16,
    /// Since when nothing has got to the endpoint.
    pub failing_since: Option<Timestamp>,
}

/// What becomes of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It got there.
    Delivered,
    /// It is sent again after this wait.
    Again(Duration),
    /// It was sent often enough.
    GivenUp,
    /// Its endpoint is disabled by it.
    Skipped,
}

/// What becomes of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Something got there.
    Well,
    /// Nothing has since then.
    FailingSince(Timestamp),
    /// It is told nothing any more.
    Disabled(DisabledReason),
}

/// Decides. `dice` (0 to [`DICE_MAX`]) spread the wait by a tenth to either side, so that those who failed together do
/// not come back together.
#[must_use]
pub fn decide(before: Before, outcome: Outcome, now: Timestamp, dice: u32) -> (Next, Health) {
    let asked = match outcome {
        Outcome::Answered(200..=299, ..) => return (Next::Delivered, Health::Well),
        Outcome::Answered(410, ..) => return (Next::Skipped, Health::Disabled(DisabledReason::Gone)),
        // A redirection among them: what was agreed on is this URL.
        Outcome::Answered(.., asked) => asked,
        Outcome::Unanswered => None,
    };
    let since = before.failing_since.unwrap_or(now);
    if now - since >= FAILING_MAX {
        return (Next::Skipped, Health::Disabled(DisabledReason::Failing));
    }
    let next = match LADDER.get(usize::from(before.failures)) {
        Some(wait) => Next::Again(spread(*wait, dice).max(asked.unwrap_or_default().min(RETRY_AFTER_MAX))),
        None => Next::GivenUp,
    };
    (next, Health::FailingSince(since))
}

fn spread(wait: Duration, dice: u32) -> Duration {
    wait * (1000 - DICE_MAX / 2 + dice.min(DICE_MAX)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64, seconds: i64) -> Timestamp {
        "2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap()
            + TimeDelta::days(days)
            + TimeDelta::seconds(seconds)
    }

    const FRESH: Before = Before { failures: 0, failing_since: None };
    const EVEN: u32 = DICE_MAX / 2;

    #[test]
    fn an_answer_means_one_thing() {
        let failing = Health::FailingSince(at(0, 0));
        let again = |seconds| (Next::Again(Duration::from_secs(seconds)), failing);
        for (outcome, expected) in [
            (Outcome::Answered(200, None), (Next::Delivered, Health::Well)),
            (Outcome::Answered(204, None), (Next::Delivered, Health::Well)),
            (Outcome::Answered(299, None), (Next::Delivered, Health::Well)),
            (Outcome::Answered(199, None), again(5)),
            (Outcome::Answered(301, None), again(5)),
            (Outcome::Answered(307, None), again(5)),
            (Outcome::Answered(400, None), again(5)),
            (Outcome::Answered(404, None), again(5)),
            (Outcome::Answered(429, Some(Duration::from_secs(90))), again(90)),
            (Outcome::Answered(503, Some(Duration::from_secs(1))), again(5)),
            (Outcome::Answered(503, Some(Duration::from_secs(u64::MAX))), again(86_400)),
            (Outcome::Answered(500, None), again(5)),
            (Outcome::Answered(410, None), (Next::Skipped, Health::Disabled(DisabledReason::Gone))),
            (Outcome::Unanswered, again(5)),
        ] {
            assert_eq!(decide(FRESH, outcome, at(0, 0), EVEN), expected, "{outcome:?}");
        }
    }

    #[test]
    fn each_failure_waits_longer_until_it_is_given_up() {
        let waits: Vec<_> = (0..11)
            .map(|failures| {
                let before = Before { failures, failing_since: Some(at(0, 0)) };
                decide(before, Outcome::Unanswered, at(0, 0), EVEN).0
            })
            .collect();
        let minutes = |minutes: u64| Next::Again(Duration::from_secs(60 * minutes));
        let expected = [
            Next::Again(Duration::from_secs(5)),
            minutes(5),
            minutes(30),
            minutes(2 * 60),
            minutes(5 * 60),
            minutes(10 * 60),
            minutes(14 * 60),
            minutes(20 * 60),
            minutes(24 * 60),
            Next::GivenUp,
            Next::GivenUp,
        ];
        assert_eq!(waits, expected);
    }

    #[test]
    fn dice_move_a_wait_by_a_tenth() {
        let wait = |dice| decide(FRESH, Outcome::Unanswered, at(0, 0), dice).0;
        assert_eq!(wait(0), Next::Again(Duration::from_millis(4500)));
        assert_eq!(wait(DICE_MAX), Next::Again(Duration::from_millis(5500)));
        assert_eq!(wait(u32::MAX), Next::Again(Duration::from_millis(5500)));
    }

    #[test]
    fn an_endpoint_that_has_failed_for_five_days_is_told_no_more() {
        let before = Before { failures: 0, failing_since: Some(at(0, 0)) };
        let (next, health) = decide(before, Outcome::Answered(500, None), at(5, -1), EVEN);
        assert_eq!((next, health), (Next::Again(Duration::from_secs(5)), Health::FailingSince(at(0, 0))));
        let disabled = (Next::Skipped, Health::Disabled(DisabledReason::Failing));
        assert_eq!(decide(before, Outcome::Answered(500, None), at(5, 0), EVEN), disabled);
        let well = (Next::Delivered, Health::Well);
        assert_eq!(decide(before, Outcome::Answered(200, None), at(9, 0), EVEN), well);
    }
}
