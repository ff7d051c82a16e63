//! What becomes of a job, and what a gateway's report changes: what the rules of every noun answer with.

use std::time::Duration;

use super::Kind;
use crate::{
    alarm::Alarm,
    gateway::{
        Charge, GatewayRef,
        doubt::{Assessment, Recovery},
    },
};

/// What a report changes. `O` is an outcome of the noun that the report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<O> {
    /// The new status, and what goes with it; `None`: it stays as it is.
    pub to: Option<O>,
    /// The gateway's name for the operation, where the report tells one.
    pub gateway_ref: Option<GatewayRef>,
    /// The report proves that its call never ran.
    pub call_not_sent: bool,
    /// What becomes of the work.
    pub work: Work,
    /// Something that an operator should be woken for.
    pub alarm: Option<Alarm>,
    /// Money that the report says has moved beside what this stands for.
    pub duplicate: Option<Charge>,
}

/// What becomes of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Nothing is left to do: the row goes.
    Done,
    /// The same job again, after its kind's backoff and not before `at_least`.
    Retry {
        /// Why, for operators.
        why: String,
        /// What the gateway asked for.
        at_least: Duration,
    },
    /// The same job again after the wait, as if it had not been tried.
    Snooze {
        /// Why, for operators.
        why: String,
        /// How long.
        wait: Duration,
    },
    /// This job is done, and another takes over.
    Next {
        /// Which.
        kind: Kind,
        /// When it is to begin.
        after: Duration,
    },
}

impl<O> Change<O> {
    /// It becomes this.
    #[must_use]
    pub fn becomes(outcome: O, work: Work) -> Self {
        Self { to: Some(outcome), ..Self::stays(work) }
    }

    /// It stays as it is.
    #[must_use]
    pub fn stays(work: Work) -> Self {
        Self { to: None, gateway_ref: None, call_not_sent: false, work, alarm: None, duplicate: None }
    }

    /// It stays as it is, and nothing is left to do.
    #[must_use]
    pub fn nothing_left() -> Self {
        Self::stays(Work::Done)
    }

    /// It stays as it is, but money has moved a second time. Nothing is left to do for us: a person gives it back.
    #[must_use]
    pub fn beside(charge: &Charge) -> Self {
        Self { duplicate: Some(charge.clone()), alarm: Some(Alarm::MovedTwice), ..Self::nothing_left() }
    }

    /// What is made of a report in doubt, done: `look_up` is the job that asks; the noun says what it means that
    /// nothing ran, told as a code and a message, and that a person must look, told as a reason and an alarm.
    #[must_use]
    pub fn recovering(
        Assessment { recovery, call_not_sent, alarm }: Assessment,
        look_up: Kind,
        never_ran: impl FnOnce(String, String) -> Self,
        needs_review: impl FnOnce(String, Alarm) -> Self,
    ) -> Self {
        let change = match recovery {
            Recovery::Again { why, at_least } => Self::stays(Work::Retry { why, at_least }),
            Recovery::Snooze { why, wait } => Self::stays(Work::Snooze { why, wait }),
            Recovery::LookUp => Self::stays(Work::Next { kind: look_up, after: Duration::ZERO }),
            Recovery::NeverRan { code, message } => never_ran(code, message),
            Recovery::Review { reason, alarm } => needs_review(reason, alarm),
        };
        Self { call_not_sent, alarm: alarm.or(change.alarm), ..change }
    }

    /// The same, with the gateway's name for it.
    #[must_use]
    pub fn named(self, gateway_ref: &GatewayRef) -> Self {
        Self { gateway_ref: Some(gateway_ref.clone()), ..self }
    }
}
