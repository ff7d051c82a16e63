//! Several things of a subscription at once: all of them, or none. What is asked for twice changes nothing
//! the second time, so nothing is billed twice: whoever got no answer may ask again.

use chrono_tz::Tz;

use super::{
    Effect, Effects, Refusal, change, chargeable,
    command::{ProrationContext, When, cancel, change_method, change_zone, keep, not_now},
};
use crate::{
    customer::PaymentMethod,
    invoice::{Discount, TaxRate},
    metadata::Metadata,
    plan::Plan,
    subscription::{OnDispute, Status, Subscription, Terms, proration::Proration},
};

/// What shall be different. What is not named stays.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// What is subscribed to.
    pub plan: Option<Plan>,
    /// How many seats.
    pub quantity: Option<u32>,
    /// When other terms begin, and whether the rest of the period is settled.
    pub proration: Proration,
    /// How it is paid.
    pub method: Option<PaymentMethod>,
    /// What is taken off its invoices, instead of what was: what is new of it from the next period on.
    pub discounts: Option<Vec<Discount>>,
    /// The tax on what is billed from now on, or none.
    pub tax: Option<Option<TaxRate>>,
    /// Whose midnights end its periods, from the next boundary on.
    pub zone: Option<Tz>,
    /// What a dispute of one of its payments does to it from now on.
    pub on_dispute: Option<OnDispute>,
    /// The merchant's own keys and values: all of them anew.
    pub metadata: Option<Metadata>,
    /// Whether it ends with its period.
    pub cancel_at_period_end: Option<bool>,
}

/// Makes it so.
pub fn update(
    subscription: &mut Subscription,
    update: Update,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    if subscription.status.is_final() {
        return Err(Refusal::Ended(subscription.status));
    }
    let before = subscription.clone();
    let mut effects = Effects::new();
    // First, so that what the other terms cost is charged to it.
    if let Some(method) = update.method {
        effects.extend(change_method(subscription, method, context.now)?);
    }
    let terms = wanted(subscription, update.plan, update.quantity, update.proration)?;
    if let Some(terms) = terms.filter(|terms| !is_so_already(subscription, terms, update.proration)) {
        // Before the new method is tried: what is taken off an invoice is not to be charged.
        let changed = change(subscription, terms, update.proration, context)?;
        let is_note = |effect: &Effect| matches!(effect, Effect::Note { .. });
        let (mut notes, others): (Effects, Effects) = changed.into_iter().partition(is_note);
        notes.append(&mut effects);
        effects = notes.into_iter().chain(others).collect();
    }
    if let Some(discounts) = update.discounts {
        subscription.discounts = renewed(subscription, discounts);
    }
    if let Some(tax) = update.tax {
        subscription.tax = tax;
    }
    if bills_otherwise(&before, subscription) {
        chargeable::check(subscription)?;
        subscription.updated_at = context.now;
    }
    if let Some(zone) = update.zone {
        change_zone(subscription, zone, context.now)?;
    }
    if let Some(on_dispute) = update.on_dispute {
        subscription.on_dispute = on_dispute;
        subscription.updated_at = context.now;
    }
    if let Some(metadata) = update.metadata {
        subscription.metadata = metadata;
        subscription.updated_at = context.now;
    }
    match update.cancel_at_period_end {
        Some(true) => effects.extend(end_with_period(subscription, context)?),
        Some(false) => keep(subscription, context.now)?,
        None => {}
    }
    Ok(effects)
}

/// The terms that are asked for: what is not named of them stays as it is, or as it was to be.
fn wanted(
    subscription: &Subscription,
    plan: Option<Plan>,
    quantity: Option<u32>,
    proration: Proration,
) -> Result<Option<Terms>, Refusal> {
    if plan.is_none() && quantity.is_none() {
        return Ok(None);
    }
    let Subscription { terms, pending_terms, .. } = subscription;
    let base = pending_terms.as_ref().filter(|_| proration == Proration::AtPeriodEnd).unwrap_or(terms);
    let quantity = quantity.unwrap_or(base.quantity);
    let Some(plan) = plan else { return Ok(Some(Terms { quantity, ..base.clone() })) };
    // What was agreed before stays agreed, whatever has become of the plan.
    if let Some(agreed) = [base, terms].into_iter().find(|terms| terms.plan_id == plan.id) {
        return Ok(Some(Terms { quantity, ..agreed.clone() }));
    }
    if plan.archived {
        return Err(Refusal::PlanArchived);
    }
    Ok(Some(Terms { plan_id: plan.id, name: plan.name, price: plan.price, quantity }))
}

fn is_so_already(subscription: &Subscription, terms: &Terms, proration: Proration) -> bool {
    match &subscription.pending_terms {
        None => *terms == subscription.terms,
        Some(pending) => proration == Proration::AtPeriodEnd && terms == pending,
    }
}

/// A discount that it has already goes on as it is; one that is new begins with the next period, and one that is taken
/// away ends with this, in its place: what changes within a period costs what it gives back. One that has ended so, and
/// is named again, is new.
fn renewed(subscription: &Subscription, discounts: Vec<Discount>) -> Vec<Discount> {
    let (present, next) = (&subscription.discounts, subscription.next_period_index);
    let is_same = |old: &Discount, new: &Discount| {
        (&old.name, old.reduction, old.duration) == (&new.name, new.reduction, new.duration)
    };
    let begins = |new: Discount| {
        let goes_on = |old: &&Discount| is_same(old, &new) && old.until_period.is_none_or(|end| next <= end);
        let from_period = present.iter().find(goes_on).map_or(next, |old| old.from_period);
        Discount { from_period, ..new }
    };
    let mut renewed: Vec<_> = discounts.into_iter().map(begins).collect();
    for (place, old) in present.iter().enumerate() {
        let covers_now = next.checked_sub(1).is_some_and(|now| old.covers(now));
        if covers_now && !renewed.iter().any(|new| is_same(old, new)) {
            let stays = |before: &Discount| renewed.iter().position(|new| is_same(before, new));
            let before = present.iter().take(place).rev().find_map(stays);
            let ending = Discount { until_period: Some(next), ..old.clone() };
            renewed.insert(before.map_or(0, |before| before + 1), ending);
        }
    }
    renewed
}

/// What was agreed to before stays agreed, also where it could not be agreed to today.
fn bills_otherwise(before: &Subscription, now: &Subscription) -> bool {
    let bills = |one: &Subscription| {
        (
            one.terms.clone(),
            one.pending_terms.clone(),
            one.method.clone(),
            one.discounts.clone(),
            one.tax.clone(),
        )
    };
    bills(before) != bills(now)
}

/// Unlike a cancellation, an update never ends what has no period's end to wait for.
fn end_with_period(
    subscription: &mut Subscription,
    context: ProrationContext<'_>,
) -> Result<Effects, Refusal> {
    match subscription.status {
        Status::Trialing | Status::Active | Status::PastDue => {
            cancel(subscription, When::AtPeriodEnd, Proration::None, context)
        }
        status => Err(not_now(status, "made to end with its period")),
    }
}
