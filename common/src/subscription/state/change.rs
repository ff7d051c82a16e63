//! Other terms: another plan, or another number of seats.

use super::{
    Effects, Refusal, begin_anew,
    command::{ProrationContext, end_all, not_at_boundary, not_now, point, prorate, seats},
};
use crate::subscription::{
    Status, Subscription, Terms,
    calendar::Anchor,
    proration::{Adjustment, Proration},
};

/// Other terms, at once or from the next boundary on. A change at once forgets one that was put off.
///
/// With [`Proration::ByDay`] a plan with another interval begins a whole period today; with
/// [`Proration::None`] its periods begin when the present one ends.
pub fn change(
    subscription: &mut Subscription,
    terms: Terms,
    proration: Proration,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    let (ours, theirs) = (subscription.terms.price.unit.currency, terms.price.unit.currency);
    if ours != theirs {
        return Err(Refusal::OtherCurrency { ours, theirs });
    }
    if terms.quantity == 0 {
        return Err(Refusal::NoSeats);
    }
    let has_other_interval = terms.price.interval != subscription.terms.price.interval;
    match (subscription.status, proration) {
        (Status::Canceled | Status::IncompleteExpired, _) => Err(Refusal::Ended(subscription.status)),
        (Status::Incomplete | Status::Unpaid, _) => Err(not_now(subscription.status, "changed")),
        (Status::Paused, _) if has_other_interval => {
            Err(not_now(subscription.status, "moved to a plan with another interval"))
        }
        (Status::Trialing | Status::Active | Status::PastDue, Proration::AtPeriodEnd) => {
            subscription.pending_terms = (terms != subscription.terms).then_some(terms);
            subscription.updated_at = context.now;
            Ok(Vec::new())
        }
        // Nothing was billed yet.
        (Status::Trialing, _) => {
            take_terms(subscription, terms, context);
            Ok(Vec::new())
        }
        // What it rests from is not billed; what was paid of another plan is given back, as if it did not rest.
        (Status::Paused, Proration::ByDay) => rest_otherwise(subscription, terms, context),
        (Status::Paused, Proration::None | Proration::AtPeriodEnd) => {
            take_free(subscription, terms, context);
            Ok(Vec::new())
        }
        (Status::Active | Status::PastDue, Proration::None) => {
            not_at_boundary(subscription, context.now)?;
            if has_other_interval {
                let index = subscription.next_period_index;
                let date = subscription.anchor.date_of(subscription.terms.price.interval, index)?;
                subscription.anchor = Anchor { date, index, ..subscription.anchor };
            }
            take_free(subscription, terms, context);
            Ok(Vec::new())
        }
        (Status::Active | Status::PastDue, Proration::ByDay) => {
            not_at_boundary(subscription, context.now)?;
            by_day(subscription, terms, has_other_interval, context)
        }
    }
}

fn by_day(
    subscription: &mut Subscription,
    terms: Terms,
    has_other_interval: bool,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    let Some(point) = point(subscription, context) else {
        take_terms(subscription, terms, context);
        return Ok(Vec::new());
    };
    let is_same_price = terms.price.unit == subscription.terms.price.unit;
    let (adjustment, free_seats) = if has_other_interval {
        (point.end()?, 0)
    } else if is_same_price {
        point.resize(subscription.free_seats, &seats(&terms))?
    } else {
        (point.swap(&seats(&terms))?, 0)
    };
    take_terms(subscription, terms, context);
    subscription.free_seats = free_seats;
    let mut effects = prorate(subscription, adjustment);
    if has_other_interval {
        effects.extend(begin_anew(subscription, context.now)?);
    }
    Ok(effects)
}

/// Another price while it rests: what is still in force at the old one is given back. Seats are counted when it goes
/// on.
fn rest_otherwise(
    subscription: &mut Subscription,
    terms: Terms,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    let is_same_price = terms.price.unit == subscription.terms.price.unit;
    let fewer = subscription.terms.quantity.saturating_sub(terms.quantity);
    let adjustment = if is_same_price { Adjustment::default() } else { end_all(subscription, context)? };
    subscription.free_seats = if is_same_price { subscription.free_seats.saturating_sub(fewer) } else { 0 };
    take_terms(subscription, terms, context);
    Ok(prorate(subscription, adjustment))
}

/// At once, and nothing is billed or given back: more seats come free, and fewer take the free ones first. Another
/// price comes free as a whole.
fn take_free(subscription: &mut Subscription, terms: Terms, context: ProrationContext<'_>) {
    let (old, new) = (&subscription.terms, &terms);
    let rests = subscription.status == Status::Paused;
    subscription.free_seats = if !rests {
        // Whatever stands on a line was paid, and is not free.
        new.quantity.saturating_sub(context.book.in_force_at(new.price.unit.amount))
    } else if old.price.unit == new.price.unit {
        let fewer = old.quantity.saturating_sub(new.quantity);
        let more = new.quantity.saturating_sub(old.quantity);
        subscription.free_seats.saturating_sub(fewer).saturating_add(more)
    } else {
        new.quantity
    };
    take_terms(subscription, terms, context);
}

fn take_terms(subscription: &mut Subscription, terms: Terms, context: ProrationContext<'_>) {
    subscription.terms = terms;
    subscription.pending_terms = None;
    subscription.updated_at = context.now;
}
