//! The rules of an invoice: when it opens, who may pay it, and how it ends. Pure, and the only place where
//! its status is decided.
//!
//! - One payment at a time: while the outcome of one is unknown, no other begins, and nothing else ends the
//!   invoice, but the end of a subscription that never began. That is what keeps a customer from paying twice.
//! - Money that comes all the same (a late success) is never refused. What is too much goes to the
//!   customer's balance.

use rust_decimal::Decimal;

use super::{
    Invoice, Status,
    dunning::{AttemptFailure, Due, Exhausted, Next, Reason},
};
use crate::{
    alarm::Alarm,
    clock::Timestamp,
    customer::BalanceDelta,
    gateway::{DeclineClass, doubt::TECHNICAL_FAILURE_CODES},
    id::PaymentId,
    money::Money,
    payment,
};

/// Why something cannot be done with an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only a draft can be opened, changed or deleted.
    #[error("the invoice is {0}; only a draft can be changed, opened or deleted")]
    NotADraft(Status),
    /// A draft is deleted instead.
    #[error("the invoice is a draft, which is deleted, never voided")]
    IsADraft,
    /// Nothing is owed.
    #[error("the invoice is {0}: nothing is left to pay")]
    NothingOwed(Status),
    /// A payment is on its way.
    #[error("payment {0} of the invoice has no outcome yet; only then can there be another")]
    PaymentUnderWay(PaymentId),
    /// It was paid.
    #[error("the invoice is paid; refund its payment instead")]
    Paid,
    /// Part of it was paid.
    #[error("part of the invoice is paid; refund that payment first")]
    PartlyPaid,
    /// Called off.
    #[error("the invoice is void")]
    Void,
    /// Given up already.
    #[error("the invoice is uncollectible already")]
    Uncollectible,
    /// Nothing to pay with.
    #[error("the subscription of the invoice has no payment method; add one first")]
    NoMethod,
    /// What there is to pay with was declined for good.
    #[error("the payment method was declined for good, and is not asked again; name another")]
    MethodDeclined,
}

/// What a payment's end has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// The invoice is paid. The retries that were planned are dropped.
    Paid {
        /// What was too much of it.
        balance_delta: BalanceDelta,
    },
    /// It is still owed.
    Owed(Next),
    /// Less was taken than was due (a reservation captured elsewhere): the rest is owed, and asked for when
    /// the invoice next comes due.
    PartlyPaid,
    /// The retries have come to their end: it is uncollectible.
    GivenUp(Exhausted),
    /// Nothing was owed any more, and still money came: it goes to the balance, and somebody should look.
    Surplus {
        /// All of it.
        balance_delta: BalanceDelta,
        /// Why to look, unless it was paid while its last part was credited.
        alarm: Option<Alarm>,
    },
    /// It had ended, and nothing changes.
    Ended,
}

/// How a payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// So much was taken.
    Succeeded(Decimal),
    /// Nothing was taken.
    Failed(AttemptFailure),
}

/// How `payment` ended, for its invoice; `None` while it has no outcome: pending, at the gateway, at the
/// payer's, or not to be found out.
#[must_use]
pub fn ended(payment: &payment::Payment) -> Option<Ended> {
    match payment.status {
        payment::Status::Pending
        | payment::Status::Processing
        | payment::Status::RequiresAction
        | payment::Status::Authorized
        | payment::Status::NeedsReview => None,
        payment::Status::Succeeded => Some(Ended::Succeeded(payment.amount_captured)),
        payment::Status::Canceled => Some(Ended::Failed(AttemptFailure::Technical)),
        payment::Status::Failed => Some(Ended::Failed(attempt_failure(payment.failure.as_ref()))),
    }
}

/// A payment method that its gateway does not know, or does not take, is as good as declined for ever.
fn attempt_failure(failure: Option<&payment::Failure>) -> AttemptFailure {
    match failure {
        Some(payment::Failure { decline_class: Some(class), .. }) => AttemptFailure::Declined(*class),
        Some(failure) if !TECHNICAL_FAILURE_CODES.contains(&failure.code.as_str()) => {
            AttemptFailure::Declined(DeclineClass::Hard)
        }
        Some(_) | None => AttemptFailure::Technical,
    }
}

/// What the customer's balance pays of a total. It pays first, and what it owes from before is asked for now. What of
/// the rest cannot be charged is carried forward: the balance pays that as well, and is below zero then.
#[must_use]
pub fn from_balance(total: Money, balance: Decimal, chargeable: impl FnOnce(Money) -> Money) -> Decimal {
    if total.amount <= Decimal::ZERO {
        return Decimal::ZERO;
    }
    let due = Money { amount: total.amount - balance.min(total.amount), ..total };
    total.amount - chargeable(due).amount
}

/// Opens a draft: it gets its number, and what the customer has in the balance is used first, or asked for, as
/// [`from_balance`] says. What is more than nothing to give back goes there.
pub fn finalize(
    invoice: &mut Invoice,
    number: String,
    balance: Decimal,
    chargeable: impl FnOnce(Money) -> Money,
    now: Timestamp,
) -> Result<BalanceDelta, Refusal> {
    if invoice.status != Status::Draft {
        return Err(Refusal::NotADraft(invoice.status));
    }
    invoice.number = Some(number);
    invoice.opened_at = Some(now);
    let given_back = -invoice.total.min(Decimal::ZERO);
    let total = Money { amount: invoice.total, currency: invoice.currency };
    invoice.from_balance = from_balance(total, balance, chargeable);
    invoice.status = Status::Open;
    if invoice.due().amount.is_zero() {
        end(invoice, Status::Paid, now);
    }
    invoice.updated_at = now;
    Ok(BalanceDelta(given_back - invoice.from_balance))
}

/// What the customer has in the balance pays what is still due, before any card is asked. What of the rest cannot be
/// charged is carried forward, as when the invoice opened.
pub fn draw(
    invoice: &mut Invoice,
    balance: Decimal,
    chargeable: impl FnOnce(Money) -> Money,
    now: Timestamp,
) -> BalanceDelta {
    let due = invoice.due();
    // A payment under way asks for what was due when it began.
    let is_waiting = matches!(invoice.status, Status::Open | Status::Uncollectible);
    if !is_waiting || invoice.live_payment.is_some() {
        return BalanceDelta::default();
    }
    let drawn = from_balance(due, balance.max(Decimal::ZERO), chargeable);
    invoice.from_balance += drawn;
    close_if_nothing_is_due(invoice, now);
    BalanceDelta(-drawn)
}

/// A credit note takes off what was never paid; never more than what is due. A payment under way may still bring it:
/// then it is too much.
pub fn credit(invoice: &mut Invoice, amount: Decimal, now: Timestamp) -> Result<(), Refusal> {
    match invoice.status {
        Status::Open | Status::Uncollectible => {}
        Status::Draft => return Err(Refusal::IsADraft),
        Status::Paid | Status::Void => return Err(Refusal::NothingOwed(invoice.status)),
    }
    if amount > invoice.due().amount {
        return Err(Refusal::NothingOwed(invoice.status));
    }
    invoice.amount_credited += amount;
    invoice.updated_at = now;
    close_if_nothing_is_due(invoice, now);
    Ok(())
}

fn close_if_nothing_is_due(invoice: &mut Invoice, now: Timestamp) {
    if invoice.due().amount.is_zero() {
        end(invoice, Status::Paid, now);
    }
}

/// There is a payment method, and no bank will take it any more: that is a decline, without asking.
pub fn decline_unasked(invoice: &mut Invoice, reason: Reason, now: Timestamp) -> Result<Next, Refusal> {
    may_be_tried(invoice)?;
    invoice.retry_schedule.begin_attempt();
    let next =
        invoice.retry_schedule.attempt_failed(reason, AttemptFailure::Declined(DeclineClass::Hard), now);
    if let (Status::Open, Next::Exhausted(_)) = (invoice.status, next) {
        end(invoice, Status::Uncollectible, now);
    }
    Ok(next)
}

/// Whether a draft may be deleted, or its lines changed.
pub fn may_edit(invoice: &Invoice) -> Result<(), Refusal> {
    if invoice.status == Status::Draft { Ok(()) } else { Err(Refusal::NotADraft(invoice.status)) }
}

/// Whether a payment of it may begin.
///
/// Fails with [`Refusal`], above all while another payment has no outcome.
pub fn may_be_tried(invoice: &Invoice) -> Result<(), Refusal> {
    match invoice.status {
        Status::Open | Status::Uncollectible => nothing_under_way(invoice),
        Status::Draft => Err(Refusal::NotADraft(invoice.status)),
        Status::Paid | Status::Void => Err(Refusal::NothingOwed(invoice.status)),
    }
}

/// A payment begins, for all that is due. Its number is the answer, from 1.
pub fn begin_payment(invoice: &mut Invoice, payment: PaymentId, now: Timestamp) -> Result<u32, Refusal> {
    may_be_tried(invoice)?;
    invoice.live_payment = Some(payment);
    invoice.attempts += 1;
    invoice.retry_schedule.begin_attempt();
    invoice.updated_at = now;
    Ok(invoice.attempts)
}

/// A payment of the invoice has ended. `reason` is why it was made. To be called once for every end, and once
/// more if a payment that had failed succeeds after all.
pub fn settle(
    invoice: &mut Invoice,
    payment: PaymentId,
    ended: Ended,
    reason: Reason,
    now: Timestamp,
) -> Settled {
    let was_live = invoice.live_payment == Some(payment);
    if was_live {
        invoice.live_payment = None;
        invoice.updated_at = now;
    }
    match (invoice.status, ended) {
        (Status::Open | Status::Uncollectible, Ended::Succeeded(amount)) => receive(invoice, amount, now),
        (Status::Draft | Status::Paid | Status::Void, Ended::Succeeded(amount)) => Settled::Surplus {
            balance_delta: BalanceDelta(amount),
            alarm: (!was_live || invoice.status != Status::Paid).then_some(Alarm::PaidWithoutDebt),
        },
        (Status::Open, Ended::Failed(failure)) if was_live => {
            match invoice.retry_schedule.attempt_failed(reason, failure, now) {
                Next::Exhausted(then) => {
                    end(invoice, Status::Uncollectible, now);
                    Settled::GivenUp(then)
                }
                next => Settled::Owed(next),
            }
        }
        (Status::Uncollectible, Ended::Failed(failure)) if was_live => {
            invoice.retry_schedule.ask_again(reason, failure).map_or(Settled::Ended, Settled::Owed)
        }
        (
            Status::Open | Status::Draft | Status::Paid | Status::Void | Status::Uncollectible,
            Ended::Failed(_),
        ) => Settled::Ended,
    }
}

fn receive(invoice: &mut Invoice, amount: Decimal, now: Timestamp) -> Settled {
    let due = invoice.due().amount;
    invoice.amount_paid += amount.min(due);
    invoice.updated_at = now;
    if amount < due {
        return Settled::PartlyPaid;
    }
    end(invoice, Status::Paid, now);
    Settled::Paid { balance_delta: BalanceDelta(amount - due) }
}

/// A job finds that the invoice may be due. What is to be done now; at the end of its retries, the invoice has
/// become uncollectible.
///
/// Fails with [`Refusal`]: it has ended, or a payment of it has no outcome yet. Then that outcome decides what is next.
pub fn come_due(invoice: &mut Invoice, now: Timestamp) -> Result<Due, Refusal> {
    match invoice.status {
        Status::Open => {}
        Status::Uncollectible if invoice.retry_schedule.asked => {}
        status => return Err(Refusal::NothingOwed(status)),
    }
    nothing_under_way(invoice)?;
    let due = invoice.retry_schedule.due(now);
    if let Due::Exhausted(_) = due {
        end(invoice, Status::Uncollectible, now);
    }
    Ok(due)
}

/// A merchant calls it off. What the balance had paid goes back.
pub fn void(invoice: &mut Invoice, now: Timestamp) -> Result<BalanceDelta, Refusal> {
    if matches!(invoice.status, Status::Open | Status::Uncollectible) {
        nothing_under_way(invoice)?;
    }
    call_off(invoice, now)
}

/// The subscription ends before it has begun, and nothing is owed for it, whatever becomes of a payment under
/// way: should it succeed all the same, [`settle`] gives the money to the customer's balance and wakes
/// somebody.
pub fn call_off(invoice: &mut Invoice, now: Timestamp) -> Result<BalanceDelta, Refusal> {
    match invoice.status {
        Status::Draft => return Err(Refusal::IsADraft),
        Status::Paid => return Err(Refusal::Paid),
        Status::Void => return Err(Refusal::Void),
        Status::Open | Status::Uncollectible => {}
    }
    if !invoice.amount_paid.is_zero() {
        return Err(Refusal::PartlyPaid);
    }
    end(invoice, Status::Void, now);
    Ok(BalanceDelta(std::mem::take(&mut invoice.from_balance)))
}

/// A merchant gives it up.
pub fn give_up(invoice: &mut Invoice, now: Timestamp) -> Result<(), Refusal> {
    match invoice.status {
        Status::Draft => return Err(Refusal::IsADraft),
        Status::Paid => return Err(Refusal::Paid),
        Status::Void => return Err(Refusal::Void),
        Status::Uncollectible => return Err(Refusal::Uncollectible),
        Status::Open => nothing_under_way(invoice)?,
    }
    // What was asked for before is given up with it.
    invoice.retry_schedule.asked = false;
    end(invoice, Status::Uncollectible, now);
    Ok(())
}

fn nothing_under_way(invoice: &Invoice) -> Result<(), Refusal> {
    invoice.live_payment.map_or(Ok(()), |payment| Err(Refusal::PaymentUnderWay(payment)))
}

fn end(invoice: &mut Invoice, status: Status, now: Timestamp) {
    invoice.status = status;
    invoice.ended_at = Some(now);
    invoice.updated_at = now;
    // Nothing is tried any more by itself.
    invoice.retry_schedule.next_at = None;
}

#[cfg(test)]
pub mod tests;
