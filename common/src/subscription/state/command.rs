//! What a merchant may ask of a subscription: to rest, to go on, to end. What is asked for twice is
//! done twice and changes nothing.

use chrono_tz::Tz;

use super::{Effect, Effects, Refusal, begin, begin_anew, boundary::take_pending, cut, enter};
use crate::{
    clock::Timestamp,
    customer::PaymentMethod,
    invoice::rounding::TooLarge,
    subscription::{
        Status, Subscription, Terms,
        calendar::{Anchor, OutOfCalendar, Period, local_date},
        proration::{Adjustment, Book, Proration, ProrationPoint, Seats},
    },
};

/// When a command takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// When the period has ended.
    AtPeriodEnd,
}

/// How a subscription goes on after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resume {
    /// Its periods are counted from today.
    #[default]
    NewAnchor,
    /// Its periods end when they always did: the rest of this one is charged by day.
    OldAnchor,
}

/// Where in time a command takes effect.
#[derive(Debug, Clone, Copy)]
pub struct ProrationContext<'a> {
    /// Now.
    pub now: Timestamp,
    /// What was billed for the current period, and what of it is still here.
    pub book: &'a Book,
}

/// It rests: at once, and the rest of the period is given back; or from the end of the period on.
pub fn pause(
    subscription: &mut Subscription,
    when: When,
    proration: Proration,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    match subscription.status {
        Status::Active | Status::PastDue => {}
        Status::Paused => return Ok(Vec::new()),
        status => return Err(not_now(status, "paused")),
    }
    if subscription.cancel_at_period_end {
        return Err(Refusal::Ending);
    }
    if when == When::AtPeriodEnd || proration == Proration::AtPeriodEnd {
        subscription.pause_at_period_end = true;
        subscription.updated_at = context.now;
        return Ok(Vec::new());
    }
    not_at_boundary(subscription, context.now)?;
    let adjustment = match proration {
        Proration::ByDay => end_all(subscription, context)?,
        Proration::None | Proration::AtPeriodEnd => Adjustment::default(),
    };
    subscription.pause_at_period_end = false;
    enter(subscription, Status::Paused, context.now);
    Ok(prorate(subscription, adjustment))
}

/// It goes on; or the pause that was planned is withdrawn.
pub fn resume(
    subscription: &mut Subscription,
    how: Resume,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    match subscription.status {
        Status::Paused => {}
        Status::Active | Status::PastDue => {
            subscription.pause_at_period_end = false;
            subscription.updated_at = context.now;
            return Ok(Vec::new());
        }
        status => return Err(not_now(status, "resumed")),
    }
    if subscription.method.is_none() {
        return Err(Refusal::NoMethod);
    }
    let today = local_date(context.now, subscription.anchor.zone);
    let is_running = subscription.current_period.is_some_and(|current| today < current.days.to);
    if how == Resume::OldAnchor && is_running {
        // What was put off waits for the end of the period, as it did.
        enter(subscription, Status::Active, context.now);
        return take_up(subscription, context);
    }
    let interval = subscription.terms.price.interval;
    // What was paid of the days to come is not paid again.
    let adjustment = end_all(subscription, context)?;
    let mut effects = prorate(subscription, adjustment);
    take_pending(subscription)?;
    enter(subscription, Status::Active, context.now);
    effects.extend(match how {
        Resume::OldAnchor if subscription.terms.price.interval == interval => {
            rejoin(subscription, context.now)?
        }
        Resume::OldAnchor | Resume::NewAnchor => begin_anew(subscription, context.now)?,
    });
    Ok(effects)
}

/// Back to the periods as they always were: the one that is running begins today.
fn rejoin(subscription: &mut Subscription, now: Timestamp) -> Result<Effects, Refusal> {
    let today = local_date(now, subscription.anchor.zone);
    let mut effects = Effects::new();
    let Some(period) = period_on(subscription, today)? else { return Ok(effects) };
    effects.extend(cut(subscription, period.start));
    let start = subscription.current_period.map_or(period.start, |last| period.start.max(last.end));
    let period = Period { start, ..period };
    let skipped = period.index - subscription.next_period_index;
    subscription.discounts.iter_mut().for_each(|discount| discount.postpone(skipped));
    begin(subscription, period, now);
    if period.days.from == today {
        effects.push(Effect::Bill(period));
        return Ok(effects);
    }
    effects.push(Effect::Open(period));
    // Nothing was billed for it yet.
    effects.extend(take_up(subscription, ProrationContext { now, book: &Book::default() })?);
    Ok(effects)
}

/// What is left of the running period, and is not paid, is charged.
fn take_up(subscription: &mut Subscription, context: ProrationContext<'_>) -> Result<Effects, Refusal> {
    let Some(point) = point(subscription, context) else { return Ok(Effects::new()) };
    let (adjustment, free) = point.resize(subscription.free_seats, &seats(&subscription.terms))?;
    subscription.free_seats = free;
    Ok(prorate(subscription, adjustment))
}

/// The period to come that `day` is in. Of what has passed of it, nothing is billed: it begins on that day.
fn period_on(subscription: &Subscription, day: chrono::NaiveDate) -> Result<Option<Period>, OutOfCalendar> {
    let Subscription { anchor, terms, .. } = subscription;
    let interval = terms.price.interval;
    let mut index = subscription.next_period_index;
    if day < anchor.date_of(interval, index)? {
        return Ok(None);
    }
    while anchor.date_of(interval, index + 1)? <= day {
        index += 1;
    }
    let aligned = anchor.period(interval, index)?;
    let start = Anchor { date: day, index, ..*anchor }.boundary(interval, index)?;
    Ok(Some(Period { start, ..aligned }))
}

/// It ends: at once, or with the period. At once, the rest of the period is given back only by day.
pub fn cancel(
    subscription: &mut Subscription,
    when: When,
    proration: Proration,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    let status = subscription.status;
    match (status, when) {
        (Status::Canceled, _) => return Ok(Vec::new()),
        (Status::IncompleteExpired, _) => return Err(Refusal::Ended(status)),
        (Status::Trialing | Status::Active | Status::PastDue, When::AtPeriodEnd) => {
            subscription.cancel_at_period_end = true;
            subscription.pause_at_period_end = false;
            subscription.updated_at = context.now;
            return Ok(Vec::new());
        }
        // What does not renew has no period's end to wait for.
        (Status::Incomplete | Status::Unpaid | Status::Paused, When::AtPeriodEnd) => {}
        (
            Status::Trialing
            | Status::Active
            | Status::PastDue
            | Status::Incomplete
            | Status::Unpaid
            | Status::Paused,
            When::Now,
        ) => {}
    }
    // What rests may have days that are paid: a pause without proration gave nothing back. So may what renews no more.
    let has_days = matches!(status, Status::Active | Status::PastDue | Status::Paused | Status::Unpaid);
    let adjustment = if has_days && proration == Proration::ByDay {
        end_all(subscription, context)?
    } else {
        Adjustment::default()
    };
    let mut effects = prorate(subscription, adjustment);
    if status == Status::Incomplete {
        effects.push(Effect::VoidFirstInvoice);
    }
    subscription.missed_renewals = None;
    enter(subscription, Status::Canceled, context.now);
    Ok(effects)
}

/// It shall not end with the period after all.
pub fn keep(subscription: &mut Subscription, now: Timestamp) -> Result<(), Refusal> {
    if subscription.status.is_final() {
        return Err(Refusal::Ended(subscription.status));
    }
    subscription.cancel_at_period_end = false;
    subscription.updated_at = now;
    Ok(())
}

/// It has a new payment method: whatever is open is tried once, now. The one that it has already changes
/// nothing.
pub fn change_method(
    subscription: &mut Subscription,
    method: PaymentMethod,
    now: Timestamp,
) -> Result<Effects, Refusal> {
    if subscription.status.is_final() {
        return Err(Refusal::Ended(subscription.status));
    }
    if subscription.method.as_ref().is_some_and(|present| present.id == method.id) {
        return Ok(Vec::new());
    }
    if method.is_declined {
        return Err(Refusal::MethodDeclined);
    }
    subscription.method = Some(method);
    subscription.updated_at = now;
    Ok(vec![Effect::TryOpenInvoices])
}

/// Its midnights are those of another zone, from the next boundary on.
pub fn change_zone(subscription: &mut Subscription, zone: Tz, now: Timestamp) -> Result<(), Refusal> {
    if subscription.status.is_final() {
        return Err(Refusal::Ended(subscription.status));
    }
    subscription.pending_zone = (zone != subscription.anchor.zone).then_some(zone);
    subscription.updated_at = now;
    Ok(())
}

/// The terms, as proration sees them.
pub(super) fn seats(terms: &Terms) -> Seats<'_> {
    Seats { name: &terms.name, unit_amount: terms.price.unit.amount, quantity: terms.quantity }
}

/// The point within the current period; `None` where none has begun.
pub(super) fn point<'a>(
    subscription: &Subscription,
    context: ProrationContext<'a>,
) -> Option<ProrationPoint<'a>> {
    subscription.current_period.map(|period| ProrationPoint {
        book: context.book,
        period: period.days,
        day: local_date(context.now, subscription.anchor.zone),
        currency: subscription.terms.price.unit.currency,
    })
}

/// All that is in force of the current period ends, and what was paid of it is given back.
pub(super) fn end_all(
    subscription: &Subscription,
    context: ProrationContext<'_>,
) -> Result<Adjustment, TooLarge> {
    point(subscription, context).map_or_else(|| Ok(Adjustment::default()), |point| point.end())
}

/// The credit notes and the invoice of a change, if there is anything on them.
pub(super) fn prorate(subscription: &mut Subscription, adjustment: Adjustment) -> Effects {
    let Some(period) = subscription.current_period.filter(|_| !adjustment.is_empty()) else {
        return Effects::new();
    };
    subscription.change_seq += 1;
    let (change, Adjustment { items, notes }) = (subscription.change_seq, adjustment);
    let mut effects = Effects::new();
    if !notes.is_empty() {
        effects.push(Effect::Note { change, lines: notes });
    }
    if !items.is_empty() {
        effects.push(Effect::Prorate { change, period: period.index, items });
    }
    effects.push(Effect::UseBalance);
    effects
}

/// Refuses what would need a period that is not billed yet.
pub(super) fn not_at_boundary(subscription: &Subscription, now: Timestamp) -> Result<(), Refusal> {
    match subscription.next_boundary()? {
        Some(boundary) if boundary <= now => Err(Refusal::RenewalDue),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn not_now(status: Status, command: &'static str) -> Refusal {
    let hint = match status {
        Status::Canceled | Status::IncompleteExpired => return Refusal::Ended(status),
        Status::Incomplete => ": its first invoice is to be paid first",
        Status::Unpaid => ": its open invoices are to be paid first",
        Status::Trialing => " before its trial has ended",
        Status::Paused => ": resume it first",
        Status::Active | Status::PastDue => "",
    };
    Refusal::NotNow { status, command, hint }
}
