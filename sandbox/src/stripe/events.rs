//! What Stripe tells by itself: which change is told by which events, and `/v1/events`.
//!
//! Derived from what an object was and what it becomes, in one place, so that no endpoint can forget
//! to tell and none can tell what did not happen.

use serde_json::{Value, json};

use super::call::API_VERSION;
use super::effect::Effect;
use super::errors::StripeError;
use super::expand::{Expand, Shelf};
use super::form::Params;
use super::idempotency::Answer;
use super::listing::{self, PAGING};
use super::money_objects::{Dispute, DisputeStatus, Refund, RefundStatus};
use super::objects::{Charge, ChargeStatus, Intent, IntentStatus};
use super::store::{Change, Store, StripeChange};
use super::{render, settling};
use crate::clock::Moment;
use crate::ids::new_id;
use crate::webhooks::outbox::Outbox;
use crate::webhooks::{Event, Gateway};

/// The events that these changes cause.
pub(crate) fn caused_by(store: &Store, changes: &[Change], now: Moment) -> Vec<Event> {
    let shelf = Shelf::after(store, changes);
    let request = changes.iter().find_map(|change| match change {
        Change::Own(StripeChange::Answer(answer)) => Some(answer),
        _ => None,
    });
    let teller = Teller { request, now };
    let mut told = Vec::new();
    for change in changes {
        let Change::Own(change) = change else {
            continue;
        };
        match change {
            StripeChange::Intent(intent) => {
                let kinds = of_intent(store.intents.get(&intent.id), intent);
                let object = |expand: &Expand| render::intent(intent, shelf, expand);
                told.extend(teller.tell(&kinds, &intent.id, object));
                let charge = intent.latest_charge.as_deref().and_then(|id| shelf.charge(id));
                if let Some(charge) = charge.filter(|_| has_expired(store, intent)) {
                    let object = |expand: &Expand| render::charge(charge, shelf, expand);
                    told.extend(teller.tell(&["charge.expired"], &intent.id, object));
                }
            }
            StripeChange::Charge(charge) => {
                let kinds = of_charge(store.charges.get(&charge.id), charge);
                let object = |expand: &Expand| render::charge(charge, shelf, expand);
                told.extend(teller.tell(&kinds, &charge.payment_intent, object));
            }
            StripeChange::Refund(refund) => {
                let kinds = of_refund(store.refunds.get(&refund.id), refund);
                let object = |expand: &Expand| render::refund(refund, shelf, expand);
                told.extend(teller.tell(&kinds, &refund.payment_intent, object));
            }
            StripeChange::Dispute(dispute) => {
                let kinds = of_dispute(store.disputes.get(&dispute.id), dispute);
                let object = |expand: &Expand| render::dispute(dispute, shelf, expand);
                told.extend(teller.tell(&kinds, &dispute.payment_intent, object));
            }
            StripeChange::BalanceTransaction(_)
            | StripeChange::PaymentMethod(_)
            | StripeChange::Customer(_)
            | StripeChange::Answer(_)
            | StripeChange::FaultSpent(_)
            | StripeChange::KeyRevoked(_) => {}
        }
    }
    told
}

fn of_intent(old: Option<&Intent>, new: &Intent) -> Vec<&'static str> {
    let failed = new.last_payment_error.is_some()
        && new.last_payment_error != old.and_then(|old| old.last_payment_error.clone());
    if failed {
        return vec!["payment_intent.payment_failed"];
    }
    if old.is_some_and(|old| old.status == new.status) {
        return Vec::new();
    }
    match new.status {
        IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation => Vec::new(),
        IntentStatus::RequiresAction => vec!["payment_intent.requires_action"],
        IntentStatus::Processing => vec!["payment_intent.processing"],
        IntentStatus::RequiresCapture => vec!["payment_intent.amount_capturable_updated"],
        IntentStatus::Canceled => vec!["payment_intent.canceled"],
        IntentStatus::Succeeded => vec!["payment_intent.succeeded"],
    }
}

/// Whether this change is an authorization that nobody captured in time.
fn has_expired(store: &Store, new: &Intent) -> bool {
    let was_held = store.intents.get(&new.id).is_some_and(|old| old.status == IntentStatus::RequiresCapture);
    was_held && new.cancellation_reason.as_deref() == Some(settling::EXPIRED)
}

fn of_charge(old: Option<&Charge>, new: &Charge) -> Vec<&'static str> {
    let succeeded = |charge: &Charge| charge.status == ChargeStatus::Succeeded;
    let mut kinds = Vec::new();
    if succeeded(new) && !old.is_some_and(succeeded) {
        kinds.push("charge.succeeded");
    } else if new.captured && old.is_some_and(|old| !old.captured) {
        kinds.push("charge.captured");
    }
    if new.amount_refunded > old.map_or(0, |old| old.amount_refunded) {
        kinds.push("charge.refunded");
    }
    kinds
}

fn of_refund(old: Option<&Refund>, new: &Refund) -> Vec<&'static str> {
    match old {
        None => vec!["refund.created"],
        Some(old) if old.status == new.status => Vec::new(),
        Some(_) if new.status == RefundStatus::Failed => vec!["refund.updated", "refund.failed"],
        Some(_) => vec!["refund.updated"],
    }
}

fn of_dispute(old: Option<&Dispute>, new: &Dispute) -> Vec<&'static str> {
    match (old, new.status) {
        (None, _) => vec!["charge.dispute.created", "charge.dispute.funds_withdrawn"],
        (Some(old), DisputeStatus::Won) if old.status != new.status => {
            vec!["charge.dispute.closed", "charge.dispute.funds_reinstated"]
        }
        (Some(old), DisputeStatus::Lost) if old.status != new.status => vec!["charge.dispute.closed"],
        (Some(old), _) if old.evidence != new.evidence || old.status != new.status => {
            vec!["charge.dispute.updated"]
        }
        (Some(_), _) => Vec::new(),
    }
}

/// What all events of one request have in common.
struct Teller<'a> {
    request: Option<&'a Answer>,
    now: Moment,
}

impl Teller<'_> {
    fn tell(&self, kinds: &[&str], about: &str, object: impl Fn(&Expand) -> Value) -> Vec<Event> {
        let event = |kind: &&str| {
            let id = new_id("evt");
            let body = envelope(&id, kind, object(&Expand::default()), self.request, self.now);
            Event {
                gateway: Gateway::Stripe,
                id,
                kind: (*kind).to_owned(),
                body: body.to_string(),
                created: self.now.seconds(),
                about: about.to_owned(),
            }
        };
        kinds.iter().map(event).collect()
    }
}

/// Stripe's event around an object.
pub(crate) fn envelope(id: &str, kind: &str, object: Value, request: Option<&Answer>, now: Moment) -> Value {
    json!({
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": now.seconds(),
        "data": {"object": object},
        "livemode": false,
        "pending_webhooks": 1,
        "request": {
            "id": request.map(|answer| answer.request_id.as_str()),
            "idempotency_key": request.map(|answer| answer.first_use.key.text.as_str()),
        },
        "type": kind,
    })
}

/// `GET /v1/events`.
pub(crate) fn list(outbox: &Outbox, params: &Params) -> Result<Effect, StripeError> {
    params.only(&[&PAGING[..], &["type", "types[]"]].concat())?;
    let limit = listing::limit(params)?;
    let bounds = listing::bounds(params)?;
    let cursor = |name: &str| {
        let number = params
            .text(name)
            .map(|id| outbox.number(id).ok_or_else(|| StripeError::no_such(400, "event", id, name)));
        number.transpose()
    };
    let before = cursor("starting_after")?.unwrap_or(u64::MAX);
    let after = cursor("ending_before")?;
    let types: Vec<&str> = params.text("type").into_iter().chain(params.list("types")).collect();
    let fits = |number: u64, event: &Event| {
        event.gateway == Gateway::Stripe
            && number < before
            && after.is_none_or(|after| number > after)
            && bounds.contains(&event.created)
            && (types.is_empty() || types.contains(&event.kind.as_str()))
    };
    let wanted = outbox.all().filter(|(number, event)| fits(*number, event)).map(|(_, event)| event);
    let mut found: Vec<&Event> = match after {
        None => wanted.rev().take(limit + 1).collect(),
        // The page just before the cursor, in the list's own order: the next newer ones.
        Some(_) => wanted.take(limit + 1).collect(),
    };
    let has_more = found.len() > limit;
    found.truncate(limit);
    if after.is_some() {
        found.reverse();
    }
    let data: Vec<Value> = found.into_iter().map(shown).collect();
    Ok(Effect::ok(json!({"object": "list", "url": "/v1/events", "has_more": has_more, "data": data})))
}

/// `GET /v1/events/{id}`.
pub(crate) fn retrieve(outbox: &Outbox, id: &str, params: &Params) -> Result<Effect, StripeError> {
    params.only(&["expand[]"])?;
    let found = outbox.number(id).and_then(|number| outbox.get(number));
    let event = found.filter(|event| event.gateway == Gateway::Stripe);
    event.map(|event| Effect::ok(shown(event))).ok_or_else(|| StripeError::no_such(404, "event", id, "id"))
}

/// An event as it was told.
fn shown(event: &Event) -> Value {
    serde_json::from_str(&event.body).unwrap_or_default()
}
