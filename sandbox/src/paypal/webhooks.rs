//! How PayPal's events are signed and checked, and what somebody would send who only pretends to be PayPal.
//!
//! The sandbox signs as PayPal does, with a certificate that leads to a root of its own. Whoever trusts that root can
//! tell; others ask `verify-webhook-signature`.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::certificates::{self, Signer};
use super::effect::Effect;
use super::errors::PayPalError;
use super::events;
use super::objects::{Capture, CaptureStatus, Dispute, DisputeStatus, Order, OrderStatus, new_id};
use super::render::{self, View};
use super::render_payments;
use super::store::Store;
use super::times;
use crate::clock::Moment;
use crate::webhooks::outbox::Targets;
use crate::webhooks::{Event, Header};

/// What the signature claims to be.
const ALGORITHM: &str = "SHA256withRSA";

/// PayPal's five headers.
pub(crate) fn sign(
    targets: &Targets,
    body: &str,
    forged: bool,
    now: Moment,
    public_url: &str,
) -> Vec<Header> {
    let target = targets.paypal.as_ref();
    let webhook_id = target.map_or("", |target| target.webhook_id.as_str());
    let base = target.and_then(|target| target.cert_base.as_deref()).unwrap_or(public_url);
    let transmission_id = Uuid::now_v7().to_string();
    let time = times::write(now.0);
    let signer = if forged { Signer::Forger } else { Signer::Paypal };
    let signature = signature(signer, &transmission_id, &time, webhook_id, body);
    vec![
        ("paypal-transmission-id", transmission_id),
        ("paypal-transmission-time", time),
        ("paypal-transmission-sig", signature),
        ("paypal-cert-url", certificates::url(base, certificates::OWN)),
        ("paypal-auth-algo", ALGORITHM.to_owned()),
    ]
}

fn signature(signer: Signer, transmission_id: &str, time: &str, webhook_id: &str, body: &str) -> String {
    let checksum = crc32fast::hash(body.as_bytes());
    certificates::sign(signer, &format!("{transmission_id}|{time}|{webhook_id}|{checksum}"))
}

/// A question whether a webhook is PayPal's. The event is looked at byte by byte.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question<'a> {
    auth_algo: String,
    #[expect(dead_code, reason = "PayPal insists on it; the sandbox knows its own signature")]
    cert_url: String,
    transmission_id: String,
    transmission_sig: String,
    transmission_time: String,
    webhook_id: String,
    #[serde(borrow)]
    webhook_event: &'a RawValue,
}

/// `POST /v1/notifications/verify-webhook-signature`.
pub(crate) fn verify(body: &Bytes) -> Result<Effect, PayPalError> {
    let asked: Question<'_> = serde_json::from_slice(body)
        .map_err(|error| PayPalError::invalid("INVALID_PARAMETER_SYNTAX", &error.to_string()))?;
    let event = asked.webhook_event.get();
    let own = Signer::Paypal;
    let right = signature(own, &asked.transmission_id, &asked.transmission_time, &asked.webhook_id, event);
    let is_ours = asked.transmission_sig == right && asked.auth_algo == ALGORITHM;
    let status = if is_ours { "SUCCESS" } else { "FAILURE" };
    Ok(Effect::json(json!({"verification_status": status})))
}

/// An event that claims what is not so: that a payment was made which was not, or that one is disputed
/// which nobody disputes.
pub(crate) fn forge(store: &Store, event: &Event, now: Moment, public_url: &str) -> Option<String> {
    let order = store.order(&event.about)?;
    let of_authorization = order.authorization.iter().flat_map(|id| store.captures_of(id)).next();
    let capture = order.captures.iter().find_map(|id| store.capture(id)).or(of_authorization);
    let (kind, resource_type, resource) = match capture {
        None => ("CHECKOUT.ORDER.APPROVED", "checkout-order", invented_approval(store, order, public_url)),
        Some(capture) if capture.status == CaptureStatus::Completed => {
            ("CUSTOMER.DISPUTE.CREATED", "dispute", invented_dispute(capture, now, public_url))
        }
        Some(capture) => ("PAYMENT.CAPTURE.COMPLETED", "capture", invented_success(capture, public_url)),
    };
    Some(events::envelope(kind, resource_type, resource, now, public_url).1)
}

fn invented_approval(store: &Store, order: &Order, public_url: &str) -> serde_json::Value {
    let order = Order { status: OrderStatus::Approved, ..order.clone() };
    render::order(View::stored(store), &order, public_url)
}

fn invented_success(capture: &Capture, public_url: &str) -> serde_json::Value {
    render_payments::capture(&Capture { status: CaptureStatus::Completed, ..capture.clone() }, public_url)
}

fn invented_dispute(capture: &Capture, now: Moment, public_url: &str) -> serde_json::Value {
    let dispute = Dispute {
        id: format!("PP-D-{}", new_id()),
        capture: capture.id.clone(),
        created_ms: now.0,
        updated_ms: now.0,
        amount: capture.amount.clone(),
        status: DisputeStatus::Open,
        withdrawal: new_id(),
        due_ms: None,
    };
    render_payments::dispute(&dispute, capture, public_url)
}
