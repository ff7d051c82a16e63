//! `POST /v1/refunds` and what becomes of a refund: never more than was taken, and not always final.

use super::amounts;
use super::balance;
use super::declines;
use super::effect::Effect;
use super::errors::StripeError;
use super::expand::{self, Expand, Shelf};
use super::form::Params;
use super::listing;
use super::money_objects::{DisputeStatus, Refund, RefundStatus};
use super::objects::{Charge, ChargeStatus, Intent, PaymentMethod};
use super::render;
use super::store::{Change, Store, StripeChange};
use super::test_cards::{self, Refunding};
use crate::clock::Moment;
use crate::engine::Setting;
use crate::engine::settling::Ending;
use crate::faults::Operation;
use crate::ids::new_id;

/// `POST /v1/refunds`.
pub(crate) fn create(store: &Store, params: &Params, setting: &Setting<'_>) -> Result<Effect, StripeError> {
    params.only(&["amount", "charge", "expand[]", "metadata[*]", "payment_intent", "reason"])?;
    let expand = Expand::read(params, "", &expand::IN_REFUND)?;
    let reason = params.choice("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let metadata = params.metadata()?;
    let asked = params.integer("amount")?;
    let (intent, charge, method) = charged(store, params)?;
    let amount = refundable(store, charge, asked)?;
    if let Some(decline) = declines::of(&method.token, Operation::Refund) {
        return Err(StripeError::declined(&decline));
    }
    let now = setting.now;
    let mut refund = Refund {
        id: new_id("re"),
        created: now.seconds(),
        amount,
        currency: charge.currency.clone(),
        charge: charge.id.clone(),
        payment_intent: intent.id.clone(),
        reason: reason.map(str::to_owned),
        status: RefundStatus::Succeeded,
        metadata,
        balance_transaction: None,
        failure_reason: None,
        failure_balance_transaction: None,
        due_ms: None,
    };
    let mut charge = charge.clone();
    charge.amount_refunded += amount;
    let mut changes = Vec::with_capacity(4);
    match test_cards::of(method).refunding {
        Refunding::Succeeds => changes.push(balance::give_back(&mut refund, method, now)),
        Refunding::Pends => {
            refund.status = RefundStatus::Pending;
            refund.due_ms = Some(now.0 + setting.settle_after_ms);
        }
        Refunding::Fails => {
            changes.push(balance::give_back(&mut refund, method, now));
            refund.due_ms = Some(now.0 + setting.settle_after_ms);
        }
    }
    changes.push(balance::booked_refund(intent, &refund));
    changes.push(Change::Own(StripeChange::Charge(Box::new(charge))));
    let shown = |changes: &[Change]| render::refund(&refund, Shelf::after(store, changes), &expand);
    let effect = Effect::ok(shown(&changes));
    changes.push(Change::Own(StripeChange::Refund(Box::new(refund))));
    Ok(effect.with(changes))
}

/// `POST /v1/refunds/{id}/cancel`: only while the money is still there.
pub(crate) fn cancel(
    store: &Store,
    id: &str,
    params: &Params,
    setting: &Setting<'_>,
) -> Result<Effect, StripeError> {
    params.only(&["expand[]"])?;
    let expand = Expand::read(params, "", &expand::IN_REFUND)?;
    let refund = listing::find(&store.refunds, id)?;
    let status = refund.status.name();
    let changes =
        refund.status.is_open().then(|| ended(store, refund, RefundStatus::Canceled, setting.now)).flatten();
    let Some(changes) = changes else {
        let message = format!("You cannot cancel this refund because it has a status of {status}.");
        return Err(StripeError::invalid(message).executed());
    };
    let shelf = Shelf::after(store, &changes);
    let effect = Effect::ok(render::refund(shelf.refund(id).unwrap_or(refund), shelf, &expand));
    Ok(effect.with(changes))
}

/// The payment that a request wants to refund.
fn charged<'a>(
    store: &'a Store,
    params: &Params,
) -> Result<(&'a Intent, &'a Charge, &'a PaymentMethod), StripeError> {
    let charge = match (params.text("payment_intent"), params.text("charge")) {
        (Some(id), None) => {
            let intent = store.intents.get(id);
            let intent =
                intent.ok_or_else(|| StripeError::no_such(400, "payment_intent", id, "payment_intent"))?;
            let charge = intent.latest_charge.as_deref().and_then(|id| store.charges.get(id));
            charge.filter(|charge| charge.captured).ok_or_else(|| {
                let message =
                    format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
                StripeError::invalid(message).code("charge_not_refundable").param("payment_intent").executed()
            })?
        }
        (None, Some(id)) => {
            store.charges.get(id).ok_or_else(|| StripeError::no_such(400, "charge", id, "charge"))?
        }
        (None, None) => {
            let message = "One of the following params should be provided for this request: \
                payment_intent or charge.";
            return Err(StripeError::invalid(message).code("parameter_missing"));
        }
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: charge, payment_intent.";
            return Err(StripeError::invalid(message).code("parameter_invalid_combination"));
        }
    };
    let found = || Some((store.intents.get(&charge.payment_intent)?, store.method(&charge.payment_method)?));
    let (intent, method) = found().ok_or_else(StripeError::internal)?;
    Ok((intent, charge, method))
}

/// How much of the charge is to be given back: what was asked for, or the remainder.
fn refundable(store: &Store, charge: &Charge, asked: Option<i64>) -> Result<i64, StripeError> {
    let id = &charge.id;
    if charge.status != ChargeStatus::Succeeded || !charge.captured {
        let message = format!("Charge {id} cannot be refunded: it was not captured.");
        return Err(StripeError::invalid(message).code("charge_not_refundable").executed());
    }
    // A dispute that was won leaves the money where it was.
    if store.disputes.of(id).any(|dispute| dispute.status != DisputeStatus::Won) {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(StripeError::invalid(message).code("charge_disputed").executed());
    }
    let left = charge.refundable();
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(StripeError::invalid(message).code("charge_already_refunded").executed());
    }
    let amount = asked.unwrap_or(left);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message).code("parameter_invalid_integer").param("amount"));
    }
    amounts::check_step(amount, &charge.currency)?;
    if amount > left {
        let message = format!(
            "Refund amount ({amount}) is greater than unrefunded amount on charge ({left}), in minor units \
             of {}.",
            charge.currency
        );
        return Err(StripeError::invalid(message).code("amount_too_large").param("amount").executed());
    }
    Ok(amount)
}

/// The changes that end a refund now, if it is not final yet: one that pends, or one whose bank will
/// send it back.
pub(crate) fn settle(store: &Store, refund: &Refund, ending: Ending, now: Moment) -> Option<Vec<Change>> {
    let status = match (refund.status, ending) {
        (status, Ending::Failed) if status.is_open() => RefundStatus::Failed,
        (status, Ending::Canceled) if status.is_open() => RefundStatus::Canceled,
        (status, Ending::RequiresAction) if status.is_open() => RefundStatus::RequiresAction,
        (status, Ending::Succeeded | Ending::ByToken) if status.is_open() => RefundStatus::Succeeded,
        (RefundStatus::Succeeded, Ending::Failed | Ending::ByToken) if refund.due_ms.is_some() => {
            RefundStatus::Failed
        }
        _ => return None,
    };
    ended(store, refund, status, now)
}

fn ended(store: &Store, refund: &Refund, status: RefundStatus, now: Moment) -> Option<Vec<Change>> {
    let charge = store.charges.get(&refund.charge)?;
    let intent = store.intents.get(&refund.payment_intent)?;
    let method = store.method(&charge.payment_method)?;
    let mut refund = refund.clone();
    let had_left = refund.status == RefundStatus::Succeeded;
    refund.status = status;
    refund.due_ms = None;
    let mut changes = Vec::with_capacity(4);
    match status {
        RefundStatus::Pending => return None,
        RefundStatus::RequiresAction => {}
        RefundStatus::Succeeded => changes.push(balance::give_back(&mut refund, method, now)),
        RefundStatus::Failed | RefundStatus::Canceled => {
            if status == RefundStatus::Failed {
                refund.failure_reason = Some("expired_or_canceled_card".to_owned());
            }
            if had_left {
                changes.push(balance::come_back(&mut refund, now));
            }
            let mut charge = charge.clone();
            charge.amount_refunded -= refund.amount;
            changes.push(Change::Own(StripeChange::Charge(Box::new(charge))));
        }
    }
    changes.push(balance::booked_refund(intent, &refund));
    changes.push(Change::Own(StripeChange::Refund(Box::new(refund))));
    Some(changes)
}
