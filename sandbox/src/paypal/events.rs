//! What PayPal tells by itself: which change is told by which events, and `/v1/notifications/webhooks-events`.
//!
//! Derived from what an object was and what it becomes, in one place, so that no endpoint can forget
//! to tell and none can tell what did not happen.

use serde_json::{Value, json};

use super::call::Query;
use super::effect::Effect;
use super::errors::PayPalError;
use super::objects::{
    Authorization, AuthorizationStatus, Capture, CaptureStatus, Dispute, DisputeStatus, Order, OrderStatus,
    Refund, RefundStatus, new_id,
};
use super::render::{self, View};
use super::render_payments;
use super::store::{Change, PayPalChange, Store};
use super::times;
use crate::clock::Moment;
use crate::webhooks::outbox::Outbox;
use crate::webhooks::{Event, Gateway};

/// The events that these changes cause.
pub(crate) fn caused_by(store: &Store, changes: &[Change], now: Moment, public_url: &str) -> Vec<Event> {
    let view = View::after(store, changes);
    let teller = Teller { now, public_url };
    let told = changes.iter().flat_map(|change| match change {
        Change::Own(change) => of_change(store, view, change, &teller),
        _ => Vec::new(),
    });
    told.collect()
}

fn of_change(store: &Store, view: View<'_>, change: &PayPalChange, teller: &Teller<'_>) -> Vec<Event> {
    let url = teller.public_url;
    match change {
        PayPalChange::Order(new) => {
            let kind = of_order(store.order(&new.id), new);
            teller.tell(kind, "checkout-order", &new.id, || render::order(view, new, url))
        }
        PayPalChange::Authorization(new) => {
            let kind = of_authorization(store.authorization(&new.id), new);
            teller.tell(kind, "authorization", &new.order, || render_payments::authorization(new, url))
        }
        PayPalChange::Capture(new) => {
            let kind = of_capture(store.capture(&new.id), new);
            teller.tell(kind, "capture", &new.order, || render_payments::capture(new, url))
        }
        PayPalChange::Refund(new) => {
            let Some(capture) = view.capture(&new.capture) else {
                return Vec::new();
            };
            let kind = of_refund(store.refund(&new.id), new);
            teller.tell(kind, "refund", &capture.order, || render_payments::refund(new, capture, url))
        }
        PayPalChange::Dispute(new) => {
            let Some(capture) = view.capture(&new.capture) else {
                return Vec::new();
            };
            let kind = of_dispute(store.dispute(&new.id), new);
            let mut told =
                teller.tell(kind, "dispute", &capture.order, || render_payments::dispute(new, capture, url));
            let reversed = (new.status == DisputeStatus::Lost).then_some("PAYMENT.CAPTURE.REVERSED");
            told.extend(teller.tell(reversed, "refund", &capture.order, || reversal(new, capture, url)));
            told
        }
        PayPalChange::Kept(_)
        | PayPalChange::FaultSpent(_)
        | PayPalChange::Bearer(_)
        | PayPalChange::BearersForgotten
        | PayPalChange::ReportingDelay(_) => Vec::new(),
    }
}

fn of_order(old: Option<&Order>, new: &Order) -> Option<&'static str> {
    let status = old.map(|old| old.status);
    match new.status {
        // An order that was approved when it was made has nothing to tell its maker.
        OrderStatus::Approved if old.is_some() && status != Some(new.status) => {
            Some("CHECKOUT.ORDER.APPROVED")
        }
        OrderStatus::Completed if status != Some(new.status) => Some("CHECKOUT.ORDER.COMPLETED"),
        _ => None,
    }
}

fn of_authorization(old: Option<&Authorization>, new: &Authorization) -> Option<&'static str> {
    match (old.map(|old| old.status), new.status) {
        (None, AuthorizationStatus::Created) => Some("PAYMENT.AUTHORIZATION.CREATED"),
        (Some(old), AuthorizationStatus::Voided) if old != new.status => Some("PAYMENT.AUTHORIZATION.VOIDED"),
        _ => None,
    }
}

fn of_capture(old: Option<&Capture>, new: &Capture) -> Option<&'static str> {
    let old = old.map(|old| old.status);
    if old == Some(new.status) {
        return None;
    }
    Some(match new.status {
        CaptureStatus::Pending => "PAYMENT.CAPTURE.PENDING",
        CaptureStatus::Completed => "PAYMENT.CAPTURE.COMPLETED",
        CaptureStatus::Declined if old.is_some() => "PAYMENT.CAPTURE.DENIED",
        CaptureStatus::Declined | CaptureStatus::Failed => "PAYMENT.CAPTURE.DECLINED",
    })
}

fn of_refund(old: Option<&Refund>, new: &Refund) -> Option<&'static str> {
    if old.is_some_and(|old| old.status == new.status) {
        return None;
    }
    Some(match new.status {
        RefundStatus::Pending => "PAYMENT.REFUND.PENDING",
        RefundStatus::Completed => "PAYMENT.CAPTURE.REFUNDED",
        RefundStatus::Failed | RefundStatus::Cancelled => "PAYMENT.REFUND.FAILED",
    })
}

fn of_dispute(old: Option<&Dispute>, new: &Dispute) -> Option<&'static str> {
    match old {
        None => Some("CUSTOMER.DISPUTE.CREATED"),
        Some(old) if old.status == new.status => None,
        Some(_) if new.status.is_resolved() => Some("CUSTOMER.DISPUTE.RESOLVED"),
        Some(_) => Some("CUSTOMER.DISPUTE.UPDATED"),
    }
}

/// A lost dispute as PayPal tells it of the capture: like a refund that nobody asked for.
fn reversal(dispute: &Dispute, capture: &Capture, public_url: &str) -> Value {
    let up = format!("{public_url}/v2/payments/captures/{}", capture.id);
    let mut shown = json!({
        "id": dispute.withdrawal,
        "status": "COMPLETED",
        "amount": dispute.amount.json(),
        "note_to_payer": "Payment reversed",
        "create_time": times::write(dispute.created_ms),
        "update_time": times::write(dispute.updated_ms),
        "links": [render_payments::link(&up, "up", "GET")],
    });
    if let Some(custom) = &capture.custom_id {
        shown["custom_id"] = json!(custom);
    }
    if let Some(invoice) = &capture.invoice_id {
        shown["invoice_id"] = json!(invoice);
    }
    shown
}

/// What all events of one moment have in common.
struct Teller<'a> {
    now: Moment,
    public_url: &'a str,
}

impl Teller<'_> {
    fn tell(
        &self,
        kind: Option<&'static str>,
        resource_type: &str,
        order: &str,
        resource: impl Fn() -> Value,
    ) -> Vec<Event> {
        let event = kind.map(|kind| {
            let (id, body) = envelope(kind, resource_type, resource(), self.now, self.public_url);
            Event {
                gateway: Gateway::Paypal,
                id,
                kind: kind.to_owned(),
                body,
                created: self.now.seconds(),
                about: order.to_owned(),
            }
        });
        event.into_iter().collect()
    }
}

/// PayPal's event around an object: its id and its text.
pub(crate) fn envelope(
    kind: &str,
    resource_type: &str,
    resource: Value,
    now: Moment,
    public_url: &str,
) -> (String, String) {
    let id = format!("WH-{}-{}", new_id(), new_id());
    let href = format!("{public_url}/v1/notifications/webhooks-events/{id}");
    let body = json!({
        "id": id,
        "event_version": "1.0",
        "create_time": times::write(now.0),
        "resource_type": resource_type,
        "resource_version": "2.0",
        "event_type": kind,
        "summary": kind.to_lowercase().replace(['.', '_'], " "),
        "resource": resource,
        "links": [render_payments::link(&href, "self", "GET")],
    });
    (id, body.to_string())
}

/// `GET /v1/notifications/webhooks-events`, newest first.
pub(crate) fn list(outbox: &Outbox, query: &Query) -> Result<Effect, PayPalError> {
    query.only(&["page_size", "start_time", "end_time", "transaction_id", "event_type"])?;
    let size = query.integer("page_size", 1..=300)?.unwrap_or(10);
    let (start, end) = (query.moment("start_time")?, query.moment("end_time")?);
    let (kind, transaction) = (query.text("event_type"), query.text("transaction_id"));
    let fits = |event: &Event| {
        let moment = Moment(event.created * 1000);
        event.gateway == Gateway::Paypal
            && start.is_none_or(|start| start <= moment)
            && end.is_none_or(|end| moment <= end)
            && kind.is_none_or(|kind| event.kind == kind)
            && transaction.is_none_or(|id| shown(event)["resource"]["id"] == id)
    };
    let found: Vec<Value> = outbox
        .all()
        .rev()
        .map(|(_, event)| event)
        .filter(|event| fits(event))
        .take(size)
        .map(shown)
        .collect();
    Ok(Effect::json(json!({"count": found.len(), "events": found, "links": []})))
}

/// `GET /v1/notifications/webhooks-events/{id}`.
pub(crate) fn retrieve(outbox: &Outbox, id: &str) -> Result<Effect, PayPalError> {
    let found = outbox.number(id).and_then(|number| outbox.get(number));
    let event = found.filter(|event| event.gateway == Gateway::Paypal);
    event.map(|event| Effect::json(shown(event))).ok_or_else(PayPalError::no_such_resource)
}

/// An event as it was told.
fn shown(event: &Event) -> Value {
    serde_json::from_str(&event.body).unwrap_or_default()
}
