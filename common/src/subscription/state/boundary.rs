//! What a boundary does: cancel, pause, change, renew, in this order. It may be called at any time and any
//! number of times: a boundary that has not come, or was dealt with, is left alone.

use super::{Effect, Effects, Refusal, begin, enter};
use crate::{
    alarm::Alarm,
    clock::Timestamp,
    subscription::{
        Status, Subscription, WithoutMethod,
        calendar::{Anchor, OutOfCalendar, Period},
    },
};

/// How many missed renewals are billed without asking anybody.
const CATCH_UP_MAX: u32 = 3;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// Its boundary has not come: nothing before then.
    NotBefore(Timestamp),
    /// It does not renew.
    None,
    /// A person must decide over what was missed: [`bill_missed`] or [`skip_missed`].
    InReview,
    /// The boundary was dealt with. More may be due: ask again.
    Done(Effects),
}

/// A subscription's boundary may have come. The oldest one that has is dealt with.
pub fn renew(subscription: &mut Subscription, now: Timestamp) -> Result<Renewal, Refusal> {
    let Some(boundary) = subscription.next_boundary()? else { return Ok(Renewal::None) };
    if now < boundary {
        return Ok(Renewal::NotBefore(boundary));
    }
    let is_unpayable_trial = subscription.status == Status::Trialing && subscription.method.is_none();
    let end = if subscription.cancel_at_period_end {
        Some(Status::Canceled)
    } else if subscription.pause_at_period_end {
        Some(Status::Paused)
    } else if is_unpayable_trial {
        Some(match subscription.without_method {
            WithoutMethod::Pause => Status::Paused,
            WithoutMethod::Cancel => Status::Canceled,
        })
    } else {
        None
    };
    if let Some(status) = end {
        subscription.pause_at_period_end = false;
        subscription.missed_renewals = None;
        enter(subscription, status, now);
        // It ended at its boundary, however late somebody looks.
        subscription.ended_at = status.is_final().then_some(boundary);
        return Ok(Renewal::Done(Vec::new()));
    }
    if subscription.missed_renewals.is_some() {
        return Ok(Renewal::InReview);
    }
    take_pending(subscription)?;
    let due = due(subscription, now)?;
    let is_allowed = subscription.catch_up_to.is_some_and(|last| subscription.next_period_index <= last);
    if due > CATCH_UP_MAX && !is_allowed {
        subscription.missed_renewals = Some(due);
        subscription.updated_at = now;
        return Ok(Renewal::Done(vec![Effect::Alarm(Alarm::RenewalsMissed)]));
    }
    if subscription.status == Status::Trialing {
        enter(subscription, Status::Active, now);
    }
    // A new zone or interval begins where the old one ended.
    let period = subscription.next_period()?;
    let period = Period { start: boundary, end: period.end.max(boundary), ..period };
    begin(subscription, period, now);
    Ok(Renewal::Done(vec![Effect::Bill(period)]))
}

/// The renewal that comes next, if nothing happens before: the subscription as it then is, and the period that
/// is billed. `None` where it does not renew.
pub fn upcoming_period(subscription: &Subscription) -> Result<Option<(Subscription, Period)>, Refusal> {
    let Some(boundary) = subscription.next_boundary()? else { return Ok(None) };
    let mut then = subscription.clone();
    let Renewal::Done(effects) = renew(&mut then, boundary)? else { return Ok(None) };
    let billed = effects
        .into_iter()
        .find_map(|effect| if let Effect::Bill(period) = effect { Some(period) } else { None });
    Ok(billed.map(|period| (then, period)))
}

/// A person lets all be billed that is due, one after the other. Then renew.
pub fn bill_missed(subscription: &mut Subscription, now: Timestamp) -> Result<(), Refusal> {
    let last = last_due(subscription, now)?;
    subscription.catch_up_to = Some(last);
    subscription.missed_renewals = None;
    subscription.updated_at = now;
    Ok(())
}

/// A person forgoes what was missed: only the period that is running now is billed. Then renew.
pub fn skip_missed(subscription: &mut Subscription, now: Timestamp) -> Result<(), Refusal> {
    let last = last_due(subscription, now)?;
    let skipped = last - subscription.next_period_index;
    subscription.discounts.iter_mut().for_each(|discount| discount.postpone(skipped));
    subscription.next_period_index = last;
    subscription.missed_renewals = None;
    subscription.updated_at = now;
    Ok(())
}

fn last_due(subscription: &Subscription, now: Timestamp) -> Result<u32, Refusal> {
    if subscription.missed_renewals.is_none() {
        return Err(Refusal::NothingMissed);
    }
    let due = due(subscription, now)?;
    Ok(subscription.next_period_index + due - 1)
}

/// How many periods have begun that were not billed: the next one has.
fn due(subscription: &Subscription, now: Timestamp) -> Result<u32, OutOfCalendar> {
    let Subscription { anchor, terms, next_period_index: next, .. } = subscription;
    let mut due = 1;
    while anchor.boundary(terms.price.interval, next + due)? <= now {
        due += 1;
    }
    Ok(due)
}

/// At a boundary, what was put off takes effect. A new interval is counted from here.
pub(super) fn take_pending(subscription: &mut Subscription) -> Result<(), OutOfCalendar> {
    if let Some(terms) = subscription.pending_terms.take() {
        let interval = subscription.terms.price.interval;
        let index = subscription.next_period_index;
        if terms.price.interval != interval {
            let date = subscription.anchor.date_of(interval, index)?;
            subscription.anchor = Anchor { date, index, ..subscription.anchor };
        }
        subscription.terms = terms;
    }
    if let Some(zone) = subscription.pending_zone.take() {
        subscription.anchor.zone = zone;
    }
    Ok(())
}
