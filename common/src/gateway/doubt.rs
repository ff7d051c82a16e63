//! Calls whose outcome is in doubt, of whatever operation: what may be sent again, what must be looked
//! up, and what has to be shown to a person. Pure.
//!
//! An unknown outcome is asked for again: first with the same key, then by our reference. We say by
//! ourselves that something did not happen only where no request of ours can have run.

use std::time::Duration;

use crate::{alarm::Alarm, clock::Timestamp};

use super::{Fault, Guarantees, InDoubt, Resolution, refusal};

/// How long an outcome that nothing is known of is looked up before a person is asked.
pub const LOOK_UP_WINDOW: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long an outcome may take that the gateway is known to have: bank debits take days.
pub const SLOW_OUTCOME_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often a slow outcome (a bank debit, a payer at work) is asked for.
pub const SLOW_OUTCOME_POLL: Duration = Duration::from_secs(5 * 60);

/// The codes of what failed on our side: nothing is wrong with how the payer pays.
pub const TECHNICAL_FAILURE_CODES: [&str; 3] =
    ["gateway_unreachable", "gateway_configuration", "gateway_account"];

/// What we may have set in motion at the gateway under one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallLog {
    /// Calls that were begun, counted before each.
    pub calls_begun: i32,
    /// Of those, how many provably never ran.
    pub calls_not_sent: i32,
    /// When the first of them began: the replay window opens here.
    pub first_call_at: Option<Timestamp>,
    /// When the last of them began.
    pub last_call_at: Option<Timestamp>,
}

/// The context of what is in doubt.
#[derive(Debug, Clone, Copy)]
pub struct AssessmentContext<'a> {
    /// What we may have set in motion.
    pub call_log: &'a CallLog,
    /// When the operation was asked for: its time runs from here until the first call.
    pub asked_at: Timestamp,
    /// What the gateway promises about its memory.
    pub guarantees: Guarantees,
    /// Whether the report comes from a question, not from the operation itself.
    pub is_question: bool,
    /// Whether the gateway is known to have the operation: it will tell some day.
    pub is_known: bool,
    /// Now, by the database's clock.
    pub now: Timestamp,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// The same again, not before `at_least`.
    Again {
        /// Why, for operators.
        why: String,
        /// What the gateway asked for.
        at_least: Duration,
    },
    /// The same again after the wait: no call was made, and none is counted against it.
    Snooze {
        /// Why, for operators.
        why: String,
        /// How long.
        wait: Duration,
    },
    /// Ask the gateway what became of it.
    LookUp,
    /// No request of ours ran: it did not happen, and will not.
    NeverRan {
        /// Stable, for programs.
        code: String,
        /// For people.
        message: String,
    },
    /// It cannot be found out: a person must look.
    Review {
        /// At what.
        reason: String,
        /// What an operator is woken for.
        alarm: Alarm,
    },
}

/// What is made of a report in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// What to do.
    pub recovery: Recovery,
    /// The report proves that its call never ran.
    pub call_not_sent: bool,
    /// Something that an operator should be woken for.
    pub alarm: Option<Alarm>,
}

/// Says what to do about a report in doubt, whatever was asked.
#[must_use]
pub fn assess(in_doubt: &InDoubt, context: AssessmentContext<'_>) -> Assessment {
    let assessment = match in_doubt {
        InDoubt::NotSent { why, retry_after, obstacle: _ } => Assessment {
            call_not_sent: !context.is_question,
            ..only(not_sent(why, retry_after.unwrap_or_default(), context))
        },
        InDoubt::Deferred { why, wait, obstacle: _ } => Assessment {
            call_not_sent: !context.is_question,
            ..only(Recovery::Snooze { why: why.clone(), wait: *wait })
        },
        InDoubt::Refused { code, message: _, fault } => {
            Assessment { alarm: fault.alarm(), ..only(refused(code, *fault, context)) }
        }
        InDoubt::Unknown { why, resolution } => only(unknown(why, *resolution, context)),
        InDoubt::NotFound => only(not_found(context)),
    };
    match assessment.recovery {
        Recovery::Review { alarm, .. } => Assessment { alarm: Some(alarm), ..assessment },
        Recovery::Again { .. } | Recovery::Snooze { .. } | Recovery::LookUp | Recovery::NeverRan { .. } => {
            assessment
        }
    }
}

fn only(recovery: Recovery) -> Assessment {
    Assessment { recovery, call_not_sent: false, alarm: None }
}

fn not_sent(why: &str, at_least: Duration, context: AssessmentContext<'_>) -> Recovery {
    if context.is_question || context.within(context.guarantees.replay_window) {
        Recovery::Again { why: why.to_owned(), at_least }
    } else if context.call_log.is_first_that_could_run() {
        // The one failure that we may tell by ourselves: no request of ours ever ran.
        Recovery::NeverRan {
            code: "gateway_unreachable".into(),
            message: "The payment gateway could not be reached; nothing was done.".into(),
        }
    } else {
        Recovery::LookUp
    }
}

/// A refusal is about this request; an earlier one with the same key may still have run.
fn refused(code: &str, fault: Fault, context: AssessmentContext<'_>) -> Recovery {
    if !context.call_log.is_first_that_could_run() {
        return Recovery::LookUp;
    }
    let (code, message) = match fault {
        Fault::Request => (code, refusal::sentence(code)),
        // One code, whatever the gateway calls it: nothing is wrong with how the payer pays.
        Fault::Account => ("gateway_account", refusal::sentence_of_account(code)),
        // What is wrong with our credentials is nobody else's business.
        Fault::Credentials => ("gateway_configuration", "The payment gateway cannot be used at the moment."),
    };
    Recovery::NeverRan { code: code.to_owned(), message: message.to_owned() }
}

fn unknown(why: &str, resolution: Resolution, context: AssessmentContext<'_>) -> Recovery {
    let again = Recovery::Again { why: why.to_owned(), at_least: Duration::ZERO };
    if !context.is_question {
        let replay = resolution == Resolution::Replay && context.within(context.guarantees.replay_window);
        return if replay { again } else { Recovery::LookUp };
    }
    if context.within(if context.is_known { SLOW_OUTCOME_WINDOW } else { LOOK_UP_WINDOW }) {
        return again;
    }
    Recovery::Review {
        reason: format!("the gateway does not tell the outcome: {why}"),
        alarm: Alarm::OutcomeUnknown,
    }
}

fn not_found(context: AssessmentContext<'_>) -> Recovery {
    if context.is_known {
        return unknown("the gateway has lost its trace", Resolution::LookUp, context);
    }
    if context.within(context.guarantees.empty_look_ups_window) {
        return Recovery::Again { why: "the gateway has no trace of it".into(), at_least: Duration::ZERO };
    }
    Recovery::Review {
        reason: "the gateway has no trace of a request that it may have run".into(),
        alarm: Alarm::OutcomeUnknown,
    }
}

impl AssessmentContext<'_> {
    fn within(&self, window: Duration) -> bool {
        self.call_log.within(self.asked_at, self.now, window)
    }
}

impl CallLog {
    /// Whether a call begun at `now` may be sent: it is the first that could run, or the gateway still
    /// knows the key of those before it. A worker asks this before every call, because a job may have
    /// slept for longer than a key lives.
    #[must_use]
    pub fn may_send(&self, asked_at: Timestamp, now: Timestamp, guarantees: Guarantees) -> bool {
        self.is_first_that_could_run() || self.within(asked_at, now, guarantees.replay_window)
    }

    /// Whether every call before the present one provably never ran.
    #[must_use]
    pub fn is_first_that_could_run(&self) -> bool {
        self.calls_begun - self.calls_not_sent <= 1
    }

    /// Whether less than `window` has passed since the first call, or since it was asked for.
    #[must_use]
    pub fn within(&self, asked_at: Timestamp, now: Timestamp, window: Duration) -> bool {
        let since = self.first_call_at.unwrap_or(asked_at);
        (now - since).to_std().is_ok_and(|age| age < window) || now < since
    }

    /// From the first call to the last: what we set in motion was made within this time.
    #[must_use]
    pub fn made_between(&self, asked_at: Timestamp) -> (Timestamp, Timestamp) {
        (self.first_call_at.unwrap_or(asked_at), self.last_call_at.unwrap_or(asked_at))
    }
}
