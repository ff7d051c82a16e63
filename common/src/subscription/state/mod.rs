//! The rules of a subscription: what happens to it, what a merchant may ask of it, and what its boundaries
//! do. Pure, and the only place where its status is decided. Every function changes the subscription and
//! says what else is to be done, in the same transaction and in that order. After an error the subscription
//! is to be thrown away: it may be half changed.
//!
//! - A status that has ended is never left.
//! - Every period is billed once: it is the number that counts, not the moment.
//! - At a boundary: cancel, pause, change, renew, in this order.

mod boundary;
mod change;
mod chargeable;
mod command;
mod creation;
mod update;

use chrono::TimeDelta;

use super::{
    OnDispute, Status, Subscription,
    calendar::{Anchor, OutOfCalendar, Period},
    dunning::Exhausted,
};
use crate::{
    alarm::Alarm,
    clock::Timestamp,
    invoice::{NoteLine, rounding::TooLarge, totals::Item},
    money::{Currency, InvalidMoney},
};

pub use boundary::{Renewal, bill_missed, renew, skip_missed, upcoming_period};
pub use change::change;
pub use command::{ProrationContext, Resume, When, cancel, change_method, change_zone, keep, pause, resume};
pub use creation::{New, create};
pub use update::{Update, update};

/// How long a first invoice may be paid.
pub const FIRST_INVOICE_WINDOW: TimeDelta = TimeDelta::hours(23);

/// What is to be done besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The period begins: its row, and an invoice over [`Subscription::period_lines`] that is tried at once.
    Bill(Period),
    /// The period begins, and is paid by the change that follows: its row, and no invoice.
    Open(Period),
    /// A period ends sooner than was thought: its row is shortened.
    Cut {
        /// Which.
        index: u32,
        /// When.
        end: Timestamp,
    },
    /// An invoice over [`Subscription::change_lines`] of these, which is tried at once.
    Prorate {
        /// The change's number.
        change: u32,
        /// The period that it changes.
        period: u32,
        /// What is sold and given back.
        items: Vec<Item>,
    },
    /// Credit notes on invoices that were not paid.
    Note {
        /// The change's number.
        change: u32,
        /// What is taken off them.
        lines: Vec<NoteLine>,
    },
    /// What the customer has in the balance pays what is open.
    UseBalance,
    /// The first invoice is void.
    VoidFirstInvoice,
    /// One attempt for every open invoice.
    TryOpenInvoices,
    /// Somebody should be woken.
    Alarm(Alarm),
}

/// All of it, in order.
pub type Effects = Vec<Effect>;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// An invoice of it was paid, or owed nothing when it opened.
    InvoicePaid {
        /// How many of its invoices are still open.
        open_left: u32,
    },
    /// A merchant has called an invoice of it off.
    InvoiceVoided {
        /// How many of its invoices are still open.
        open_left: u32,
    },
    /// A payment of an open invoice was declined.
    PaymentDeclined,
    /// The time for the first invoice is over.
    FirstInvoiceExpired {
        /// A payment of it has no outcome yet: that comes first.
        payment_under_way: bool,
    },
    /// An invoice's retries have come to their end, and this is the policy.
    DunningExhausted(Exhausted),
    /// A payer has objected to a payment of one of its invoices, for the first time.
    Disputed,
}

/// Why something cannot be done with a subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has ended.
    #[error("the subscription is {0}; it has ended, and a new one is needed")]
    Ended(Status),
    /// Not in that status.
    #[error("a subscription that is {status} cannot be {command}{hint}")]
    NotNow {
        /// Where it stands.
        status: Status,
        /// What was asked for, as in "cannot be paused".
        command: &'static str,
        /// What helps.
        hint: &'static str,
    },
    /// It ends with the period.
    #[error("the subscription ends with its period; withdraw the cancellation first")]
    Ending,
    /// Its boundary has come, and the renewal is not done yet.
    #[error("a renewal of the subscription is due at this moment; try again when it is done")]
    RenewalDue,
    /// Nothing to pay with.
    #[error("the subscription has no payment method; add one first")]
    NoMethod,
    /// What there is to pay with was declined for good.
    #[error("the payment method was declined for good, and is not asked again; name another")]
    MethodDeclined,
    /// The plan is not sold any more.
    #[error("the plan is archived, and no subscription takes it any more")]
    PlanArchived,
    /// Another currency.
    #[error("the subscription is in {ours}, and a plan in {theirs} cannot take its place")]
    OtherCurrency {
        /// Its own.
        ours: Currency,
        /// The new plan's.
        theirs: Currency,
    },
    /// No seats.
    #[error("quantity must be at least 1; cancel or pause the subscription instead")]
    NoSeats,
    /// Nobody has to decide anything.
    #[error("no renewals of the subscription were missed")]
    NothingMissed,
    /// No gateway takes what it would bill.
    #[error("{0}")]
    NotChargeable(String),
    /// A discount that is no amount of its currency.
    #[error("the amount of discount {place} {why}")]
    Discount {
        /// Its place among the discounts, from zero.
        place: usize,
        /// Why not.
        why: InvalidMoney,
    },
    /// Too much money.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// Too late.
    #[error(transparent)]
    OutOfCalendar(#[from] OutOfCalendar),
}

/// Something has happened to a subscription.
///
/// Fails with [`Refusal`], but only for the end of the calendar.
pub fn apply(subscription: &mut Subscription, fact: Fact, now: Timestamp) -> Result<Effects, Refusal> {
    match (subscription.status, fact) {
        (Status::Incomplete, Fact::InvoicePaid { .. }) => enter(subscription, Status::Active, now),
        (Status::PastDue, Fact::InvoicePaid { open_left: 0 } | Fact::InvoiceVoided { open_left: 0 }) => {
            enter(subscription, Status::Active, now);
        }
        (Status::Unpaid, Fact::InvoicePaid { open_left: 0 } | Fact::InvoiceVoided { open_left: 0 }) => {
            return revive(subscription, now);
        }
        (Status::Active, Fact::PaymentDeclined) => enter(subscription, Status::PastDue, now),
        (Status::Incomplete, Fact::FirstInvoiceExpired { payment_under_way: false })
            if subscription.created_at + FIRST_INVOICE_WINDOW <= now =>
        {
            enter(subscription, Status::IncompleteExpired, now);
            return Ok(vec![Effect::VoidFirstInvoice]);
        }
        (Status::Active | Status::PastDue, Fact::DunningExhausted(then)) => match then {
            Exhausted::Cancel => enter(subscription, Status::Canceled, now),
            Exhausted::Unpaid => enter(subscription, Status::Unpaid, now),
            Exhausted::Stay => enter(subscription, Status::PastDue, now),
        },
        (_, Fact::Disputed) => return Ok(disputed(subscription, now)),
        // It rests, is free or has ended: what becomes of its invoices changes nothing.
        (
            Status::Trialing | Status::Paused | Status::Canceled | Status::IncompleteExpired,
            Fact::InvoicePaid { .. } | Fact::PaymentDeclined | Fact::DunningExhausted(_),
        )
        // There is more to pay, or nothing was owed.
        | (Status::Active | Status::PastDue | Status::Unpaid, Fact::InvoicePaid { .. })
        | (Status::PastDue | Status::Unpaid, Fact::PaymentDeclined)
        | (Status::Unpaid, Fact::DunningExhausted(_))
        // A first invoice has its own time. Void, it leaves nothing to begin with.
        | (Status::Incomplete, Fact::PaymentDeclined | Fact::DunningExhausted(_))
        | (_, Fact::InvoiceVoided { .. })
        | (_, Fact::FirstInvoiceExpired { .. }) => {}
    }
    Ok(Vec::new())
}

/// A payment is objected to: the policy that was agreed decides. Nothing is given back: the payer's bank has done that.
fn disputed(subscription: &mut Subscription, now: Timestamp) -> Effects {
    let status = subscription.status;
    if subscription.on_dispute == OnDispute::Keep || status.is_final() {
        return Effects::new();
    }
    subscription.missed_renewals = None;
    enter(subscription, Status::Canceled, now);
    (status == Status::Incomplete).then_some(Effect::VoidFirstInvoice).into_iter().collect()
}

/// Whether anything comes of it.
#[must_use]
pub fn is_moved_by(subscription: &Subscription, fact: Fact, now: Timestamp) -> bool {
    let mut then = subscription.clone();
    let effects = apply(&mut then, fact, now);
    then != *subscription || effects != Ok(Effects::new())
}

/// Everything is paid at last. If its period is still running it goes on; otherwise it begins anew today, and
/// the time in between is not billed.
fn revive(subscription: &mut Subscription, now: Timestamp) -> Result<Effects, Refusal> {
    enter(subscription, Status::Active, now);
    if subscription.current_period.is_some_and(|period| now < period.end) {
        return Ok(Vec::new());
    }
    begin_anew(subscription, now)
}

fn enter(subscription: &mut Subscription, status: Status, now: Timestamp) {
    subscription.status = status;
    subscription.updated_at = now;
    if status.is_final() {
        subscription.ended_at = Some(now);
        subscription.cancel_at_period_end = false;
        subscription.pause_at_period_end = false;
        subscription.pending_terms = None;
        subscription.pending_zone = None;
    }
}

/// A new anchor: today, and the period that begins with it. What runs longer is cut.
fn begin_anew(subscription: &mut Subscription, now: Timestamp) -> Result<Effects, Refusal> {
    let zone = subscription.anchor.zone;
    subscription.anchor = Anchor::on_day_of(now, zone, subscription.next_period_index);
    let interval = subscription.terms.price.interval;
    let start = subscription.anchor.boundary(interval, subscription.next_period_index)?;
    let cut = cut(subscription, start);
    let bill = bill_next(subscription, now)?;
    Ok(cut.into_iter().chain([bill]).collect())
}

/// The current period ends at `end`, if it would end later.
fn cut(subscription: &mut Subscription, end: Timestamp) -> Option<Effect> {
    let current = subscription.current_period.as_mut().filter(|current| end < current.end)?;
    current.end = end.max(current.start);
    Some(Effect::Cut { index: current.index, end: current.end })
}

/// The next period begins, and is billed.
fn bill_next(subscription: &mut Subscription, now: Timestamp) -> Result<Effect, Refusal> {
    let period = subscription.next_period()?;
    begin(subscription, period, now);
    Ok(Effect::Bill(period))
}

fn begin(subscription: &mut Subscription, period: Period, now: Timestamp) {
    subscription.current_period = Some(period);
    subscription.next_period_index = period.index + 1;
    subscription.free_seats = 0;
    subscription.updated_at = now;
}

#[cfg(test)]
mod tests;
