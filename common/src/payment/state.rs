//! The rules of a payment: what a gateway's report changes. Pure, and the only place where a status is
//! decided. A worker's answer, a replay after a crash, a webhook and the reconciler all come through
//! [`apply`].
//!
//! - A fact (money moved, a definite no) is believed whenever it comes.
//! - `succeeded` is never left.
//! - An unknown outcome is asked for again: first with the same key, then by our reference, and in the
//!   end it is shown to a person. It never becomes `failed`.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::{
    clock::Timestamp,
    gateway::{Card, Charge, Decline, Report, Resolution},
    job::Kind,
};

use super::{Failure, Payment, REPLAY_WINDOW, Status};

/// How long look-ups may find no trace before a person is asked. A list shows at once what was made.
pub const EMPTY_LOOK_UPS_WINDOW: Duration = Duration::from_secs(30 * 60);

/// How long an outcome that nothing is known of is looked up before a person is asked.
pub const LOOK_UP_WINDOW: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long an outcome may take that the gateway is known to have: bank debits take days.
pub const SLOW_OUTCOME_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a payer may take to act.
pub const ACTION_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often a slow outcome (a bank debit, a payer at work) is asked for.
const SLOW_OUTCOME_POLL: Duration = Duration::from_secs(5 * 60);

/// The circumstances of a report.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Now, by the database's clock.
    pub now: Timestamp,
    /// The job that brought the report.
    pub kind: Kind,
}

/// What a report changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The new status, and what goes with it; `None`: the payment stays as it is.
    pub to: Option<Outcome>,
    /// The gateway's name for the operation, where the report tells one.
    pub gateway_ref: Option<String>,
    /// The report proves that its call never ran.
    pub call_not_sent: bool,
    /// What becomes of the work.
    pub work: Work,
    /// Something that an operator should be woken for.
    pub alarm: Option<&'static str>,
}

/// A status, and what must be known with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outcome is still being found out.
    Processing,
    /// The payer must go there.
    RequiresAction {
        /// Where to.
        url: Option<String>,
    },
    /// Money is reserved.
    Authorized {
        /// The gateway's name for the reservation.
        charge_ref: Option<String>,
        /// What may be kept of the card.
        card: Option<Card>,
    },
    /// Money has moved.
    Succeeded {
        /// How much.
        captured: Decimal,
        /// The gateway's name for the movement.
        charge_ref: Option<String>,
        /// What may be kept of the card.
        card: Option<Card>,
    },
    /// It will not happen.
    Failed(Failure),
    /// Called off.
    Canceled,
    /// A person must look.
    NeedsReview {
        /// At what.
        reason: String,
    },
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
    /// This job is done, and a look-up takes over.
    LookUp {
        /// When it is to begin.
        after: Duration,
    },
}

/// Decides what `report` changes.
#[must_use]
pub fn apply(payment: &Payment, report: &Report, context: Context) -> Change {
    match (payment.status, report) {
        (Status::Succeeded, _) => nothing_left(),
        (_, Report::Succeeded(charge)) => succeeded(payment, charge),
        (_, Report::Authorized(charge)) => authorized(payment, charge),
        // From here on nothing has moved: an end that we have told stands.
        (Status::Failed | Status::Canceled, _) => nothing_left(),
        (_, Report::Canceled { gateway_ref }) => {
            Change { gateway_ref: Some(gateway_ref.clone()), ..becomes(Outcome::Canceled, Work::Done) }
        }
        (Status::Authorized, _) => nothing_left(),
        (_, Report::Declined(decline)) => declined(decline),
        // A person has it: only a definite answer takes it back.
        (Status::NeedsReview, _) => nothing_left(),
        (_, Report::Processing { gateway_ref }) => slow(payment, Outcome::Processing, gateway_ref, context),
        (_, Report::RequiresAction { gateway_ref, url }) => {
            slow(payment, Outcome::RequiresAction { url: url.clone() }, gateway_ref, context)
        }
        (_, Report::NotSent { why, retry_after }) => {
            not_sent(payment, why, retry_after.unwrap_or_default(), context)
        }
        (_, Report::Refused { code, message, alarm }) => refused(payment, code, message, *alarm),
        (_, Report::Unknown { why, resolution }) => unknown(payment, why, *resolution, context),
        (_, Report::Approved { .. }) => again("approved", Duration::ZERO),
        (_, Report::PutOff { why, wait }) => again(why, *wait),
        (_, Report::NotFound) => not_found(payment, context),
    }
}

fn becomes(outcome: Outcome, work: Work) -> Change {
    Change { to: Some(outcome), gateway_ref: None, call_not_sent: false, work, alarm: None }
}

/// The payment stays as it is.
fn stays(work: Work) -> Change {
    Change { to: None, gateway_ref: None, call_not_sent: false, work, alarm: None }
}

fn nothing_left() -> Change {
    stays(Work::Done)
}

fn again(why: &str, at_least: Duration) -> Change {
    stays(Work::Retry { why: why.to_owned(), at_least })
}

fn look_up() -> Change {
    stays(Work::LookUp { after: Duration::ZERO })
}

fn needs_review(reason: impl Into<String>, alarm: &'static str) -> Change {
    let outcome = Outcome::NeedsReview { reason: reason.into() };
    Change { alarm: Some(alarm), ..becomes(outcome, Work::Done) }
}

fn succeeded(payment: &Payment, charge: &Charge) -> Change {
    if let Some(change) = other_amount(payment, charge) {
        return change;
    }
    let outcome = Outcome::Succeeded {
        captured: payment.order.money.amount,
        charge_ref: charge.charge_ref.clone(),
        card: charge.card.clone(),
    };
    Change {
        gateway_ref: Some(charge.gateway_ref.clone()),
        alarm: told_otherwise(payment.status).then_some("a charge succeeded after we had told another end"),
        ..becomes(outcome, Work::Done)
    }
}

fn authorized(payment: &Payment, charge: &Charge) -> Change {
    if payment.status == Status::Authorized {
        return nothing_left();
    }
    if let Some(change) = other_amount(payment, charge) {
        return change;
    }
    let outcome = Outcome::Authorized { charge_ref: charge.charge_ref.clone(), card: charge.card.clone() };
    Change {
        gateway_ref: Some(charge.gateway_ref.clone()),
        alarm: told_otherwise(payment.status).then_some("money was reserved after we had told another end"),
        ..becomes(outcome, Work::Done)
    }
}

/// A success over another amount than the one asked for is nobody's to guess at.
fn other_amount(payment: &Payment, charge: &Charge) -> Option<Change> {
    let asked = payment.order.money;
    let stated = charge.money.filter(|stated| *stated != asked)?;
    Some(Change {
        gateway_ref: Some(charge.gateway_ref.clone()),
        ..needs_review(
            format!("the gateway states {stated}, we asked for {asked}"),
            "a gateway states another amount than the one we asked for",
        )
    })
}

fn told_otherwise(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Canceled)
}

fn declined(decline: &Decline) -> Change {
    let failure = Failure {
        code: decline.code.clone(),
        message: decline.message.clone(),
        decline_class: Some(decline.class),
    };
    Change { gateway_ref: decline.gateway_ref.clone(), ..becomes(Outcome::Failed(failure), Work::Done) }
}

/// An outcome that takes its time: the gateway has it, so it is asked for now and then. What takes
/// longer than anybody's patience is shown to a person; should it still come, it is recorded.
fn slow(payment: &Payment, outcome: Outcome, gateway_ref: &str, context: Context) -> Change {
    let (window, reason) = match outcome {
        Outcome::RequiresAction { .. } => (ACTION_WINDOW, "the payer has not acted in a week"),
        _ => (SLOW_OUTCOME_WINDOW, "the gateway has not settled it in a month"),
    };
    if !within(payment, context.now, window) {
        let gateway_ref = Some(gateway_ref.to_owned());
        return Change { gateway_ref, ..needs_review(reason, "an outcome does not come") };
    }
    let known = match (&outcome, payment.status) {
        (Outcome::Processing, Status::Processing) => payment.gateway_ref.is_some(),
        (Outcome::RequiresAction { url }, Status::RequiresAction) => payment.next_action_url == *url,
        _ => false,
    };
    Change {
        to: (!known).then_some(outcome),
        gateway_ref: Some(gateway_ref.to_owned()),
        call_not_sent: false,
        work: match context.kind {
            Kind::ChargePayment => Work::LookUp { after: SLOW_OUTCOME_POLL },
            Kind::ResolvePayment => {
                Work::Retry { why: "not settled yet".into(), at_least: SLOW_OUTCOME_POLL }
            }
        },
        alarm: None,
    }
}

fn not_sent(payment: &Payment, why: &str, at_least: Duration, context: Context) -> Change {
    let change = if may_replay(payment, context.now) {
        again(why, at_least)
    } else if is_first_that_could_run(payment) {
        // The one failure that we may tell by ourselves: no request of this payment ever ran.
        let failure = Failure {
            code: "gateway_unreachable".into(),
            message: "The payment gateway could not be reached; nothing was charged.".into(),
            decline_class: None,
        };
        becomes(Outcome::Failed(failure), Work::Done)
    } else {
        look_up()
    };
    Change { call_not_sent: true, ..change }
}

/// A refusal is about this request; an earlier one with the same key may still have charged.
fn refused(payment: &Payment, code: &str, message: &str, alarm: bool) -> Change {
    let alarm = alarm.then_some("a gateway refuses our credentials");
    if !is_first_that_could_run(payment) {
        return Change { alarm, ..look_up() };
    }
    let (code, message) = match alarm {
        // What is wrong with our credentials is nobody else's business.
        Some(_) => ("gateway_configuration", "The payment gateway cannot be used at the moment.".into()),
        None => (code, format!("The payment gateway refused the request: {message}")),
    };
    let failure = Failure { code: code.to_owned(), message, decline_class: None };
    Change { alarm, ..becomes(Outcome::Failed(failure), Work::Done) }
}

fn unknown(payment: &Payment, why: &str, resolution: Resolution, context: Context) -> Change {
    // What the gateway is known to have, it will tell some day.
    let window = if payment.gateway_ref.is_some() { SLOW_OUTCOME_WINDOW } else { LOOK_UP_WINDOW };
    match context.kind {
        Kind::ChargePayment if resolution == Resolution::Replay && may_replay(payment, context.now) => {
            again(why, Duration::ZERO)
        }
        Kind::ChargePayment => look_up(),
        Kind::ResolvePayment if within(payment, context.now, window) => again(why, Duration::ZERO),
        Kind::ResolvePayment => {
            needs_review(format!("the gateway does not tell the outcome: {why}"), "an outcome stays unknown")
        }
    }
}

fn not_found(payment: &Payment, context: Context) -> Change {
    if payment.gateway_ref.is_some() {
        return unknown(payment, "the gateway has lost its trace", Resolution::LookUp, context);
    }
    if within(payment, context.now, EMPTY_LOOK_UPS_WINDOW) {
        return again("the gateway has no trace of it", Duration::ZERO);
    }
    needs_review("the gateway has no trace of a request that it may have run", "an outcome stays unknown")
}

/// Whether a call begun at `now` may be sent: it is the first that could run, or the gateway still knows
/// the key of those before it. A worker asks this before every call, because a job may have slept for
/// longer than a key lives.
#[must_use]
pub fn may_send(payment: &Payment, now: Timestamp) -> bool {
    is_first_that_could_run(payment) || may_replay(payment, now)
}

/// Whether every call before the present one provably never ran.
fn is_first_that_could_run(payment: &Payment) -> bool {
    payment.calls_begun - payment.calls_not_sent <= 1
}

/// Whether the gateway still knows the key.
fn may_replay(payment: &Payment, now: Timestamp) -> bool {
    within(payment, now, REPLAY_WINDOW)
}

fn within(payment: &Payment, now: Timestamp, window: Duration) -> bool {
    let since = payment.first_call_at.unwrap_or(payment.created_at);
    (now - since).to_std().is_ok_and(|age| age < window) || now < since
}

/// Brings a payment into the state of an outcome.
pub fn enter(payment: &mut Payment, outcome: Outcome, now: Timestamp) {
    payment.failure = None;
    payment.next_action_url = None;
    payment.review_reason = None;
    let keep = |new: Option<String>, old: &mut Option<String>| *old = new.or(old.take());
    payment.status = match outcome {
        Outcome::Processing => Status::Processing,
        Outcome::RequiresAction { url } => {
            payment.next_action_url = url;
            Status::RequiresAction
        }
        Outcome::Authorized { charge_ref, card } => {
            keep(charge_ref, &mut payment.charge_ref);
            payment.card = card.or(payment.card.take());
            Status::Authorized
        }
        Outcome::Succeeded { captured, charge_ref, card } => {
            payment.amount_captured = captured;
            keep(charge_ref, &mut payment.charge_ref);
            payment.card = card.or(payment.card.take());
            Status::Succeeded
        }
        Outcome::Failed(failure) => {
            payment.failure = Some(failure);
            Status::Failed
        }
        Outcome::Canceled => Status::Canceled,
        Outcome::NeedsReview { reason } => {
            payment.review_reason = Some(reason);
            Status::NeedsReview
        }
    };
    payment.settled_at = payment.status.is_final().then_some(now);
}

#[cfg(test)]
mod tests;
