//! The rules of a refund: whether it may be made, and what a gateway's report changes. Pure, and the only
//! place where its status is decided.
//!
//! - A refund holds its amount from the moment it is accepted; a failed one gives it back.
//! - What the gateway says it gave back is a fact, whatever is held: it refuses what there is no room for.
//! - A refund that succeeded may come back from the payer's bank: it is `failed` then, and the books are
//!   reversed. Nothing else leaves `succeeded`, and what came back does not succeed again.

pub mod adoption;

use rust_decimal::Decimal;

use crate::{
    alarm::Alarm,
    clock::Timestamp,
    gateway::{
        Charge, GatewayRef, InDoubt, RefundOutcome, Report,
        doubt::{AssessmentContext, SLOW_OUTCOME_POLL, SLOW_OUTCOME_WINDOW, assess},
    },
    job::{
        Kind,
        work::{self, Work},
    },
    money::Money,
    payment::{Payment, Status as PaymentStatus},
};

use super::{Failure, Refund, Status};

/// Why a refund cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No money has moved yet, or none will.
    #[error("a payment that is {0} has nothing to refund; only a succeeded one has")]
    NotSettled(PaymentStatus),
    /// It was all given back, or is being given back.
    #[error("the {captured} that were captured are refunded, or being refunded, already")]
    NothingLeft {
        /// What was taken.
        captured: Money,
    },
    /// More than what is left.
    #[error("the payment has {left} left to refund, and {asked} is more")]
    TooMuch {
        /// What was asked for.
        asked: Money,
        /// What is left.
        left: Money,
    },
    /// The rest was given back to its customer otherwise.
    #[error(
        "{left} of the payment are left to refund: the other {otherwise} were credited to the customer, or are disputed"
    )]
    GivenOtherwise {
        /// What is left.
        left: Money,
        /// What of the payment is with the customer otherwise.
        otherwise: Money,
    },
    /// Not an amount of the payment's currency, or of its gateway.
    #[error("the amount {0}")]
    NotAnAmount(String),
}

/// How much is to be given back, if `asked` (or what is left) can be. `free` is what of the payment its customer has
/// not got otherwise.
pub fn accept(payment: &Payment, asked: Option<Decimal>, free: Decimal) -> Result<Money, Refusal> {
    let of = |amount| Money { amount, ..payment.request.money };
    // First whether there is such an amount: rounded in a message, it may look like what is left.
    let asked = asked.map(|amount| Money::new(amount, payment.request.money.currency)).transpose();
    let asked = asked.map_err(|error| Refusal::NotAnAmount(error.to_string()))?;
    if payment.status != PaymentStatus::Succeeded {
        return Err(Refusal::NotSettled(payment.status));
    }
    let left = of(payment.refundable());
    if left.amount.is_zero() {
        return Err(Refusal::NothingLeft { captured: of(payment.amount_captured) });
    }
    let money = asked.unwrap_or(of(left.amount.min(free)));
    payment.route.gateway.check_amount(&money).map_err(Refusal::NotAnAmount)?;
    if money.amount > left.amount {
        return Err(Refusal::TooMuch { asked: money, left });
    }
    if free.is_zero() || money.amount > free {
        return Err(Refusal::GivenOtherwise { left: of(free), otherwise: of(left.amount - free) });
    }
    Ok(money)
}

/// The context of a report.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Now, by the database's clock.
    pub now: Timestamp,
    /// The job that brought the report.
    pub kind: Kind,
    /// What was taken of the payment and not given back.
    pub unrefunded: Decimal,
}

/// The gateway never gives back more than it took: an earlier refund has come back, and we have not heard of it yet.
pub const NO_ROOM: &str = "more was given back than is left here: an earlier refund must have come back";

/// What a report changes.
pub type Change = work::Change<Outcome>;

/// A status, and what must be known with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outcome is still being found out.
    Processing,
    /// The money was given back.
    Succeeded,
    /// It was not, or it came back.
    Failed(Failure),
    /// A person must look.
    NeedsReview {
        /// At what.
        reason: String,
    },
}

/// Decides what `report` changes.
#[must_use]
pub fn apply(refund: &Refund, payment: &Payment, report: &Report<RefundOutcome>, context: Context) -> Change {
    match (refund.status, report) {
        (
            Status::Succeeded | Status::Processing | Status::Pending | Status::NeedsReview,
            Ok(RefundOutcome::Declined(no)),
        ) => {
            let failure = Failure { code: no.code.clone(), message: no.message.clone() };
            Change {
                gateway_ref: no.gateway_ref.clone(),
                ..Change::becomes(Outcome::Failed(failure), Work::Done)
            }
        }
        (
            Status::Succeeded | Status::Processing | Status::Pending | Status::NeedsReview,
            Ok(RefundOutcome::Canceled { .. }),
        ) => {
            let message = "The refund was canceled at the gateway.".into();
            Change::becomes(Outcome::Failed(Failure { code: "canceled".into(), message }), Work::Done)
        }
        (Status::Succeeded | Status::Failed, Ok(RefundOutcome::Succeeded(charge)))
            if is_another(refund, charge) =>
        {
            Change::beside(charge)
        }
        (Status::Succeeded, _) => Change::nothing_left(),
        // The gateway has it, and calls it failed: its success is an older word.
        (Status::Failed, Ok(RefundOutcome::Succeeded(_))) if refund.gateway_ref.is_some() => {
            Change::nothing_left()
        }
        (_, Ok(RefundOutcome::Succeeded(charge))) => succeeded(refund, charge, context),
        // An end that we have told stands; a person has the other: only a definite answer takes it back.
        (Status::Failed | Status::NeedsReview, _) => Change::nothing_left(),
        (Status::Pending | Status::Processing, Ok(RefundOutcome::Processing { gateway_ref })) => {
            slow(refund, gateway_ref, context)
        }
        (Status::Pending | Status::Processing, Err(doubt)) => in_doubt(refund, payment, doubt, context),
    }
}

/// Whether this is another movement of money than the one that the refund stands for.
fn is_another(refund: &Refund, charge: &Charge) -> bool {
    refund.gateway_ref.as_ref().is_some_and(|known| *known != charge.gateway_ref)
}

fn needs_review(reason: impl Into<String>, alarm: Alarm) -> Change {
    Change {
        alarm: Some(alarm),
        ..Change::becomes(Outcome::NeedsReview { reason: reason.into() }, Work::Done)
    }
}

fn succeeded(refund: &Refund, charge: &Charge, context: Context) -> Change {
    let gateway_ref = Some(charge.gateway_ref.clone());
    if let Some(stated) = charge.money.filter(|stated| *stated != refund.money) {
        let reason = format!("the gateway states {stated}, we asked for {}", refund.money);
        return Change { gateway_ref, ..needs_review(reason, Alarm::OtherAmount) };
    }
    let alarm = (refund.status == Status::Failed).then_some(Alarm::RefundedAfterTheEnd);
    if context.unrefunded < refund.money.amount {
        let work = Work::Retry { why: NO_ROOM.into(), at_least: SLOW_OUTCOME_POLL };
        return Change { gateway_ref, alarm, ..Change::stays(work) };
    }
    Change { gateway_ref, alarm, ..Change::becomes(Outcome::Succeeded, Work::Done) }
}

/// The gateway has it, and takes its time.
fn slow(refund: &Refund, gateway_ref: &GatewayRef, context: Context) -> Change {
    let gateway_ref = Some(gateway_ref.clone());
    if !refund.call_log.within(refund.created_at, context.now, SLOW_OUTCOME_WINDOW) {
        let reason = "the gateway has not settled it in a month";
        return Change { gateway_ref, ..needs_review(reason, Alarm::OutcomeOverdue) };
    }
    let work = if context.kind == Kind::ResolveRefund {
        Work::Retry { why: "not settled yet".into(), at_least: SLOW_OUTCOME_POLL }
    } else {
        Work::Next { kind: Kind::ResolveRefund, after: SLOW_OUTCOME_POLL }
    };
    Change { gateway_ref, ..Change::stays(work) }
}

fn in_doubt(refund: &Refund, payment: &Payment, doubt: &InDoubt, context: Context) -> Change {
    let assessed = AssessmentContext {
        call_log: &refund.call_log,
        asked_at: refund.created_at,
        guarantees: payment.route.gateway.guarantees(),
        is_question: context.kind == Kind::ResolveRefund,
        is_known: refund.gateway_ref.is_some(),
        now: context.now,
    };
    let never_ran = |code, message| Change::becomes(Outcome::Failed(Failure { code, message }), Work::Done);
    Change::recovering(assess(doubt, assessed), Kind::ResolveRefund, never_ran, needs_review)
}

/// Whether a call begun at `now` may be sent.
#[must_use]
pub fn may_send(refund: &Refund, payment: &Payment, now: Timestamp) -> bool {
    refund.call_log.may_send(refund.created_at, now, payment.route.gateway.guarantees())
}

/// Brings a refund into the state of an outcome, and its payment's amounts with it.
pub fn enter(refund: &mut Refund, payment: &mut Payment, outcome: Outcome, now: Timestamp) {
    let before = refund.status;
    refund.failure = None;
    refund.review_reason = None;
    refund.status = match outcome {
        Outcome::Processing => Status::Processing,
        Outcome::Succeeded => Status::Succeeded,
        Outcome::Failed(failure) => {
            refund.failure = Some(failure);
            Status::Failed
        }
        Outcome::NeedsReview { reason } => {
            refund.review_reason = Some(reason);
            Status::NeedsReview
        }
    };
    refund.settled_at = refund.status.is_final().then_some(now);
    let (held_before, held) = (held(before, refund.money.amount), held(refund.status, refund.money.amount));
    payment.amount_refunding += held.0 - held_before.0;
    payment.amount_refunded += held.1 - held_before.1;
}

/// What a refund in that status holds, and what it has given back.
fn held(status: Status, amount: Decimal) -> (Decimal, Decimal) {
    match status {
        Status::Pending | Status::Processing | Status::NeedsReview => (amount, Decimal::ZERO),
        Status::Succeeded => (Decimal::ZERO, amount),
        Status::Failed => (Decimal::ZERO, Decimal::ZERO),
    }
}

#[cfg(test)]
mod tests;
