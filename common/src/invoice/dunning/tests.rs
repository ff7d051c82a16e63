//! The cases of the rule book, and what an outage or an unknown outcome does to a retry schedule.

use proptest::prelude::*;

use super::{
    Next::{EndAt, Now, RetryAt, Soon},
    *,
};

const SOFT: AttemptFailure = AttemptFailure::Declined(DeclineClass::Soft);
const HARD: AttemptFailure = AttemptFailure::Declined(DeclineClass::Hard);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The nth of March 2025, at nine.
fn march(day: u32) -> Timestamp {
    at(&format!("2025-03-{day:02}T09:00:00Z"))
}

/// The default policy, first declined on the 10th of March.
fn declined() -> RetrySchedule {
    let mut schedule = RetrySchedule::default();
    assert_eq!(schedule.attempt_failed(Reason::Schedule, SOFT, march(10)), RetryAt(march(11)));
    schedule
}

#[test]
fn case_18_gaps_are_counted_from_each_to_the_next() {
    let policy = Policy::days_between(&[8, 8, 8], Exhausted::Unpaid).unwrap();
    let mut schedule = RetrySchedule::new(policy);
    let day = |text: &str| at(&format!("{text}T00:00:00Z"));
    for (now, next) in [
        ("2012-05-31", RetryAt(day("2012-06-08"))),
        ("2012-06-08", RetryAt(day("2012-06-16"))),
        ("2012-06-16", RetryAt(day("2012-06-24"))),
        ("2012-06-24", Next::Exhausted(Exhausted::Unpaid)),
    ] {
        assert_eq!(schedule.attempt_failed(Reason::Schedule, SOFT, day(now)), next, "{now}");
    }
}

#[test]
fn case_19_the_default_policy() {
    let mut schedule = RetrySchedule::default();
    for (now, next) in [
        (10, RetryAt(march(11))),
        (11, RetryAt(march(13))),
        (13, RetryAt(march(17))),
        (17, RetryAt(march(24))),
        (24, Next::Exhausted(Exhausted::Cancel)),
    ] {
        assert_eq!(schedule.attempt_failed(Reason::Schedule, SOFT, march(now)), next, "{now} March");
    }
}

#[test]
fn case_20_a_new_payment_method_leaves_the_schedule_as_it_is() {
    let mut schedule = declined();
    assert_eq!(schedule.due(march(10)), Due::NotBefore(march(11)));
    assert_eq!(schedule.due(march(11)), Due::Attempt(Reason::Schedule));
    assert_eq!(schedule.attempt_failed(Reason::Schedule, SOFT, march(11)), RetryAt(march(13)));
    let before = schedule.clone();
    assert_eq!(schedule.renew_method(march(12)), RetryAt(march(13)));
    assert_eq!(schedule.due(march(12)), Due::Attempt(Reason::Asked));
    schedule.begin_attempt();
    assert_eq!(
        schedule.attempt_failed(Reason::Asked, SOFT, march(12)),
        RetryAt(march(13)),
        "an attempt off the retry schedule"
    );
    assert_eq!(schedule, before);
}

#[test]
fn case_21_a_technical_error_uses_up_nothing() {
    let mut schedule = declined();
    let before = schedule.clone();
    for _ in 0..100 {
        assert_eq!(schedule.attempt_failed(Reason::Schedule, AttemptFailure::Technical, march(11)), Soon);
    }
    assert_eq!(schedule, before);
    // Nor does it begin a retry schedule.
    let mut schedule = RetrySchedule::default();
    assert_eq!(schedule.attempt_failed(Reason::Schedule, AttemptFailure::Technical, march(10)), Soon);
    assert_eq!(schedule.end(), None);
}

/// A new payment method while an attempt with the old one has no outcome: whatever the old one brings, the new
/// one is tried as well.
#[test]
fn a_method_that_is_new_since_an_attempt_began_is_tried_after_it() {
    for (day, class, comes) in [
        (11, DeclineClass::Soft, RetryAt(march(13))),
        (11, DeclineClass::Hard, EndAt(march(24))),
        (24, DeclineClass::Soft, Next::Exhausted(Exhausted::Cancel)),
    ] {
        let mut schedule = declined();
        schedule.used = if day == 24 { 3 } else { 0 };
        schedule.begin_attempt();
        let _ = schedule.renew_method(march(day));
        assert_eq!(
            schedule.attempt_failed(Reason::Schedule, AttemptFailure::Declined(class), march(day)),
            Now
        );
        assert_eq!(schedule.due(march(day)), Due::Attempt(Reason::Asked), "and it is not the end");
        schedule.begin_attempt();
        assert_eq!(
            schedule.attempt_failed(Reason::Asked, AttemptFailure::Declined(class), march(day)),
            comes,
            "once"
        );
        assert!(!schedule.asked);
    }
}

/// What was asked for is not forgotten because the gateway was away, long before the next step.
#[test]
fn an_attempt_that_was_asked_for_outlives_a_technical_error() {
    let mut schedule = declined();
    let _ = schedule.renew_method(march(10));
    schedule.begin_attempt();
    assert_eq!(schedule.attempt_failed(Reason::Asked, AttemptFailure::Technical, march(10)), Soon);
    assert_eq!(schedule.due(march(10)), Due::Attempt(Reason::Asked));
    schedule.begin_attempt();
    assert_eq!(schedule.attempt_failed(Reason::Asked, SOFT, march(10)), RetryAt(march(11)));
    assert_eq!(schedule.due(march(10)), Due::NotBefore(march(11)));
}

#[test]
fn a_hard_decline_holds_the_retries_until_there_is_a_new_method_or_the_end() {
    let mut schedule = RetrySchedule::default();
    assert_eq!(schedule.attempt_failed(Reason::Schedule, HARD, march(10)), EndAt(march(24)));
    assert_eq!(schedule.due(march(23)), Due::NotBefore(march(24)));
    assert_eq!(schedule.due(march(24)), Due::Exhausted(Exhausted::Cancel));
    assert_eq!(schedule.renew_method(march(14)), RetryAt(march(17)), "the retry schedule stands");
    schedule.begin_attempt();
    assert_eq!(schedule.attempt_failed(Reason::Asked, HARD, march(14)), EndAt(march(24)), "held again");
    assert_eq!(schedule.renew_method(march(18)), RetryAt(march(24)));
    schedule.begin_attempt();
    assert_eq!(
        schedule.attempt_failed(Reason::Schedule, HARD, march(24)),
        Next::Exhausted(Exhausted::Cancel)
    );
}

#[test]
fn steps_that_passed_are_skipped_but_never_the_last() {
    // The outcome of the 11th was not known before the 15th.
    let mut schedule = declined();
    assert_eq!(schedule.attempt_failed(Reason::Schedule, SOFT, march(15)), RetryAt(march(17)));
    assert_eq!(schedule.attempt_failed(Reason::Schedule, SOFT, march(17)), RetryAt(march(24)));
    assert_eq!(
        schedule.attempt_failed(Reason::Schedule, SOFT, march(24)),
        Next::Exhausted(Exhausted::Cancel)
    );
    // Everything was down for weeks.
    let mut schedule = declined();
    assert_eq!(schedule.attempt_failed(Reason::Schedule, SOFT, march(29)), RetryAt(march(30)));
    assert_eq!(
        schedule.attempt_failed(Reason::Schedule, SOFT, march(30)),
        Next::Exhausted(Exhausted::Cancel)
    );
}

#[test]
fn without_retries_the_first_decline_is_the_end() {
    let policy = Policy::days_after_first(&[], Exhausted::Stay).unwrap();
    for class in DeclineClass::ALL {
        let mut schedule = RetrySchedule::new(policy.clone());
        let next = schedule.attempt_failed(Reason::Schedule, AttemptFailure::Declined(class), march(10));
        assert_eq!(next, Next::Exhausted(Exhausted::Stay), "{class}");
    }
}

#[test]
fn a_policy_that_cannot_be_kept_is_refused() {
    for days in [&[0][..], &[3, 3], &[3, 1], &[91], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
        assert_eq!(Policy::days_after_first(days, Exhausted::Cancel), Err(InvalidPolicy), "{days:?}");
    }
    assert!(Policy::days_between(&[8, 0], Exhausted::Cancel).is_err());
    assert!(Policy::days_between(&[u16::MAX, u16::MAX], Exhausted::Cancel).is_err());
}

#[test]
fn the_stored_form_is_checked_when_it_is_read() {
    let stored = r#"{"retry_after_days":[1,3,7,14],"then":"cancel"}"#;
    assert_eq!(serde_json::to_string(&Policy::default()).unwrap(), stored);
    assert_eq!(serde_json::from_str::<Policy>(stored).unwrap(), Policy::default());
    for broken in
        [r#"{"retry_after_days":[3,1],"then":"cancel"}"#, r#"{"retry_after_days":[1],"then":"x"}"#, "{}"]
    {
        assert!(serde_json::from_str::<Policy>(broken).is_err(), "{broken}");
    }
}

proptest! {
    /// Whatever goes wrong, in whatever order and however late: every retry schedule ends, no two retries fall on one
    /// moment, and there are never more declines on the retry schedule than it has steps, and the first.
    #[test]
    fn every_schedule_ends(
        gaps in proptest::collection::vec(1_u16..9, 0..10),
        steps in proptest::collection::vec((0_usize..4, 0_i64..400), 1..200),
    ) {
        let policy = Policy::days_between(&gaps, Exhausted::Unpaid).unwrap();
        let mut schedule = RetrySchedule::new(policy);
        let mut now = march(10);
        let mut next = schedule.attempt_failed(Reason::Schedule, SOFT, now);
        let mut declines = 1;
        for (what, hours_late) in steps {
            match next {
                RetryAt(at) | EndAt(at) => {
                    prop_assert!(at > now, "{at} is not after {now}");
                    now = at + TimeDelta::hours(hours_late);
                }
                Soon | Now | Next::Exhausted(_) => break,
            }
            if !matches!(next, EndAt(_)) {
                schedule.begin_attempt();
            }
            next = match (next, what) {
                (EndAt(_), 0) => schedule.renew_method(now),
                (EndAt(_), _) => {
                    prop_assert_eq!(schedule.due(now), Due::Exhausted(Exhausted::Unpaid));
                    break;
                }
                (_, 0) => schedule.attempt_failed(Reason::Asked, SOFT, now),
                (_, what) => {
                    declines += 1;
                    schedule.attempt_failed(Reason::Schedule, if what == 1 { HARD } else { SOFT }, now)
                }
            };
            prop_assert!(declines <= gaps.len() + 1);
        }
        if declines == gaps.len() + 1 {
            prop_assert_eq!(next, Next::Exhausted(Exhausted::Unpaid));
        }
    }
}
