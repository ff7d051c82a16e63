//! Other terms: another plan, or another number of seats.

use super::{
    Effects, Refusal, begin_anew,
    wish::{Place, moment, not_at_boundary, not_now, prorate, seats},
};
use crate::subscription::{Status, Subscription, Terms, calendar::Anchor, proration::Proration};

/// Other terms, at once or from the next boundary on. A change at once forgets one that was put off.
///
/// With [`Proration::ByDay`] a plan with another interval begins a whole period today; with
/// [`Proration::None`] its periods begin when the present one ends.
///
/// # Errors
/// [`Refusal`].
pub fn change(
    subscription: &mut Subscription,
    terms: Terms,
    proration: Proration,
    place: Place<'_>,
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
            subscription.updated_at = place.now;
            Ok(Vec::new())
        }
        // Nothing is billed, so nothing is to be settled.
        (Status::Trialing | Status::Paused, _) => {
            take_terms(subscription, terms, place);
            Ok(Vec::new())
        }
        (Status::Active | Status::PastDue, Proration::None) => {
            not_at_boundary(subscription, place.now)?;
            if has_other_interval {
                let index = subscription.next_period_index;
                let date = subscription.anchor.date_of(subscription.terms.price.interval, index)?;
                subscription.anchor = Anchor { date, index, ..subscription.anchor };
            }
            take_terms(subscription, terms, place);
            Ok(Vec::new())
        }
        (Status::Active | Status::PastDue, Proration::ByDay) => {
            not_at_boundary(subscription, place.now)?;
            by_day(subscription, terms, has_other_interval, place)
        }
    }
}

fn by_day(
    subscription: &mut Subscription,
    terms: Terms,
    has_other_interval: bool,
    place: Place<'_>,
) -> Result<Effects, Refusal> {
    let Some(moment) = moment(subscription, place) else {
        take_terms(subscription, terms, place);
        return Ok(Vec::new());
    };
    let adjustment = if has_other_interval {
        moment.end()?
    } else {
        moment.change(&seats(&subscription.terms), &seats(&terms))?
    };
    take_terms(subscription, terms, place);
    let mut effects = prorate(subscription, adjustment);
    if has_other_interval {
        effects.extend(begin_anew(subscription, place.now)?);
    }
    Ok(effects)
}

fn take_terms(subscription: &mut Subscription, terms: Terms, place: Place<'_>) {
    subscription.terms = terms;
    subscription.pending_terms = None;
    subscription.updated_at = place.now;
}
