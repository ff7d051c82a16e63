//! Chargebacks: the payer's bank takes the money back, and then somebody decides.

use serde_json::{Value, json};

use super::call::Query;
use super::effect::Effect;
use super::errors::PayPalError;
use super::objects::{Capture, CaptureStatus, Dispute, DisputeStatus, Object, new_id};
use super::render_payments::{self, link};
use super::store::{Change, PayPalChange, Store};
use crate::books;
use crate::clock::Moment;
use crate::engine::Setting;

/// What a dispute costs the seller, whoever wins it, in minor units.
pub(crate) const FEE: i64 = 2_000;

/// Opens a dispute about what is left of a capture.
pub(crate) fn open(capture: &Capture, setting: &Setting<'_>) -> Option<Vec<Change>> {
    if capture.status != CaptureStatus::Completed || capture.refundable() == 0 {
        return None;
    }
    let dispute = Dispute {
        id: format!("PP-D-{}", new_id()),
        capture: capture.id.clone(),
        created_ms: setting.now.0,
        updated_ms: setting.now.0,
        amount: capture.amount.same_currency(capture.refundable()),
        status: DisputeStatus::Open,
        withdrawal: new_id(),
        due_ms: Some(setting.now.0 + setting.settle_after_ms),
    };
    let mut capture = capture.clone();
    capture.disputed += dispute.amount.minor;
    capture.due_ms = None;
    Some(changes(dispute, capture))
}

/// Now it is the seller's turn.
pub(crate) fn asked_for_answer(mut dispute: Dispute, now: Moment) -> Vec<Change> {
    if dispute.status == DisputeStatus::Open {
        dispute.status = DisputeStatus::WaitingForSellerResponse;
        dispute.updated_ms = now.0;
    }
    dispute.due_ms = None;
    vec![PayPalChange::Dispute(Box::new(dispute)).into()]
}

fn end(store: &Store, dispute: &Dispute, won: bool, now: Moment) -> Option<Vec<Change>> {
    let mut capture = store.capture(&dispute.capture)?.clone();
    let mut dispute = dispute.clone();
    if won {
        capture.disputed -= dispute.amount.minor;
    }
    dispute.status = if won { DisputeStatus::Won(new_id()) } else { DisputeStatus::Lost };
    dispute.updated_ms = now.0;
    dispute.due_ms = None;
    Some(changes(dispute, capture))
}

fn changes(dispute: Dispute, capture: Capture) -> Vec<Change> {
    let movement = books::Dispute {
        payment_reference: capture.custom_id.clone(),
        gateway: "paypal".to_owned(),
        id: dispute.id.clone(),
        charge: capture.movement.clone(),
        currency: dispute.amount.currency.to_lowercase(),
        decimals: dispute.amount.decimals(),
        amount: dispute.amount.minor,
        fee: FEE,
        status: match dispute.status {
            DisputeStatus::Open | DisputeStatus::WaitingForSellerResponse => books::DisputeStatus::Open,
            DisputeStatus::Lost => books::DisputeStatus::Lost,
            DisputeStatus::Won(_) => books::DisputeStatus::Won,
        },
        created: Moment(dispute.created_ms).seconds(),
    };
    let capture = PayPalChange::Capture(Box::new(capture)).into();
    vec![Change::BooksDispute(movement), capture, PayPalChange::Dispute(Box::new(dispute)).into()]
}

/// Opens a dispute about a payment of this reference, unless one is open.
pub(crate) fn open_by_hand(store: &Store, reference: &str, setting: &Setting<'_>) -> Option<Vec<Change>> {
    if open_one(store, reference).is_some() {
        return None;
    }
    let mut captures = store.captures_of_reference(reference);
    captures.find_map(|capture| open(capture, setting))
}

/// Ends the open dispute about a payment of this reference.
pub(crate) fn end_by_hand(store: &Store, reference: &str, won: bool, now: Moment) -> Option<Vec<Change>> {
    end(store, open_one(store, reference)?, won, now)
}

fn open_one<'a>(store: &'a Store, reference: &str) -> Option<&'a Dispute> {
    let mut disputes =
        store.captures_of_reference(reference).flat_map(|capture| store.disputes_of(&capture.id));
    disputes.find(|dispute| !dispute.status.is_resolved())
}

/// `GET /v1/customer/disputes/{id}`.
pub(crate) fn retrieve(store: &Store, id: &str) -> Result<Effect, PayPalError> {
    store.dispute(id).ok_or_else(PayPalError::no_such_resource)?;
    Ok(Effect::show(Object::Dispute(id.to_owned())))
}

/// `GET /v1/customer/disputes`: all, or those about one capture, newest first.
pub(crate) fn list(store: &Store, query: &Query, public_url: &str) -> Result<Effect, PayPalError> {
    query.only(&["disputed_transaction_id", "page_size", "start_time"])?;
    let wanted = query.text("disputed_transaction_id");
    let size = query.integer("page_size", 1..=50)?.unwrap_or(10);
    let all = store.ledger().rev().filter_map(|(_, object)| match object {
        Object::Dispute(id) => store.dispute(id),
        _ => None,
    });
    let found = all.filter(|dispute| wanted.is_none_or(|capture| dispute.capture == capture));
    let summary = |dispute: &Dispute| -> Option<Value> {
        let mut shown = render_payments::dispute(dispute, store.capture(&dispute.capture)?, public_url);
        // The list says less than the object, and one thing more.
        shown
            .as_object_mut()?
            .retain(|name, _| !matches!(name.as_str(), "disputed_transactions" | "dispute_outcome"));
        shown["dispute_state"] =
            json!(if dispute.status.is_resolved() { "RESOLVED" } else { "REQUIRED_ACTION" });
        Some(shown)
    };
    let items: Vec<Value> = found.take(size).filter_map(summary).collect();
    let links = [link(&format!("{public_url}/v1/customer/disputes"), "self", "GET")];
    Ok(Effect::json(json!({"items": items, "links": links})))
}
