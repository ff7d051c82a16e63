//! How a subscription begins: with a trial, or with its first period billed.

use chrono::Days;
use chrono_tz::Tz;

use super::{Effects, Refusal, bill_next, chargeable};
use crate::{
    clock::Timestamp,
    customer::PaymentMethod,
    id::{CustomerId, MerchantId, SubscriptionId},
    invoice::{Discount, TaxRate},
    metadata::Metadata,
    subscription::{
        OnDispute, Status, Subscription, Terms, WithoutMethod,
        calendar::{Anchor, OutOfCalendar},
    },
};

/// What a subscription is made from.
#[derive(Debug, Clone)]
pub struct New {
    /// Its name from now on.
    pub id: SubscriptionId,
    /// Whose customer it is.
    pub merchant_id: MerchantId,
    /// Who pays.
    pub customer_id: CustomerId,
    /// For what.
    pub terms: Terms,
    /// How many days are free; today is the first.
    pub trial_days: u16,
    /// What then, without a payment method.
    pub without_method: WithoutMethod,
    /// What a dispute of one of its payments does to it.
    pub on_dispute: OnDispute,
    /// Whose midnights end its periods.
    pub zone: Tz,
    /// What is taken off its invoices.
    pub discounts: Vec<Discount>,
    /// The tax on them.
    pub tax: Option<TaxRate>,
    /// How it is paid.
    pub method: Option<PaymentMethod>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
}

/// A new subscription. With a trial nothing is billed yet; without, its first period is.
///
/// Fails with [`Refusal::NoSeats`], [`Refusal::NoMethod`] without a trial, [`Refusal::MethodDeclined`],
/// [`Refusal::NotChargeable`], [`Refusal::OutOfCalendar`].
pub fn create(new: New, now: Timestamp) -> Result<(Subscription, Effects), Refusal> {
    if new.terms.quantity == 0 {
        return Err(Refusal::NoSeats);
    }
    let has_trial = new.trial_days > 0;
    if !has_trial && new.method.is_none() {
        return Err(Refusal::NoMethod);
    }
    if new.method.as_ref().is_some_and(|method| method.is_declined) {
        return Err(Refusal::MethodDeclined);
    }
    let today = Anchor::on_day_of(now, new.zone, 0);
    let date = today.date.checked_add_days(Days::new(new.trial_days.into()));
    let anchor = Anchor { date: date.ok_or(OutOfCalendar { anchor: today, index: 0 })?, ..today };
    let mut subscription = Subscription {
        id: new.id,
        merchant_id: new.merchant_id,
        customer_id: new.customer_id,
        terms: new.terms,
        discounts: new.discounts,
        tax: new.tax,
        method: new.method,
        status: if has_trial { Status::Trialing } else { Status::Incomplete },
        anchor,
        current_period: None,
        latest_invoice: None,
        next_period_index: 0,
        change_seq: 0,
        free_seats: 0,
        trial_ends_at: None,
        without_method: new.without_method,
        on_dispute: new.on_dispute,
        cancel_at_period_end: false,
        pause_at_period_end: false,
        pending_terms: None,
        pending_zone: None,
        missed_renewals: None,
        catch_up_to: None,
        metadata: new.metadata,
        version: 0,
        created_at: now,
        updated_at: now,
        ended_at: None,
    };
    if has_trial {
        subscription.trial_ends_at = Some(subscription.next_period()?.start);
        chargeable::check(&subscription)?;
        return Ok((subscription, Vec::new()));
    }
    chargeable::check(&subscription)?;
    let bill = bill_next(&mut subscription, now)?;
    Ok((subscription, vec![bill]))
}
