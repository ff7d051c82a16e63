//! Captures and the money that goes back.

use serde_json::Value;

use super::amounts::Money;
use super::effect::Effect;
use super::errors::PayPalError;
use super::fields::Fields;
use super::objects::{Capture, CaptureStatus, DisputeStatus, Object, Refund, RefundStatus, new_id};
use super::store::{Change, PayPalChange, Store};
use super::vault::{self, Refunding};
use crate::books;
use crate::clock::Moment;
use crate::engine::Setting;

/// How long after its capture money can be given back.
const REFUNDABLE_MS: i64 = 180 * 24 * 60 * 60 * 1000;

/// `GET /v2/payments/captures/{id}`.
pub(crate) fn retrieve_capture(store: &Store, id: &str) -> Result<Effect, PayPalError> {
    store.capture(id).ok_or_else(PayPalError::no_such_resource)?;
    Ok(Effect::show(Object::Capture(id.to_owned())))
}

/// `GET /v2/payments/refunds/{id}`.
pub(crate) fn retrieve(store: &Store, id: &str) -> Result<Effect, PayPalError> {
    store.refund(id).ok_or_else(PayPalError::no_such_resource)?;
    Ok(Effect::show(Object::Refund(id.to_owned())))
}

/// `POST /v2/payments/captures/{id}/refund`.
pub(crate) fn create(
    store: &Store,
    capture: &str,
    body: &Value,
    setting: &Setting<'_>,
) -> Result<Effect, PayPalError> {
    let fields = Fields::of(body, "")?;
    fields.only(&["amount", "custom_id", "invoice_id", "note_to_payer"])?;
    let capture = store.capture(capture).ok_or_else(PayPalError::no_such_resource)?;
    // A dispute that was won leaves the money where it was.
    if store.disputes_of(&capture.id).any(|dispute| !matches!(dispute.status, DisputeStatus::Won(_))) {
        return Err(PayPalError::issue("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"));
    }
    check_refundable(capture, setting.now)?;
    let amount = wanted_amount(&fields, capture)?;
    let invoice_id = fields.string("invoice_id", 127)?;
    if invoice_id.as_ref().is_some_and(|invoice| store.invoice_refunded(invoice)) {
        return Err(PayPalError::issue("DUPLICATE_INVOICE_ID").at("/invoice_id"));
    }
    let due_ms = match vault::refunding(capture.instrument.as_deref().unwrap_or_default()) {
        Refunding::Refuses(issue) => return Err(PayPalError::issue(issue)),
        Refunding::Completes => None,
        Refunding::Pends { .. } => Some(setting.now.0 + setting.settle_after_ms),
    };
    let refund = Refund {
        id: new_id(),
        capture: capture.id.clone(),
        created_ms: setting.now.0,
        updated_ms: setting.now.0,
        total_refunded: capture.refunded + capture.refunding + amount.minor,
        amount,
        status: RefundStatus::Pending,
        custom_id: fields.string("custom_id", 127)?,
        invoice_id,
        note_to_payer: fields.string("note_to_payer", 255)?,
        due_ms,
    };
    let id = Object::Refund(refund.id.clone());
    let mut capture = capture.clone();
    capture.refunding += refund.amount.minor;
    let changes = if due_ms.is_none() {
        ended(refund, capture, RefundStatus::Completed, setting.now)
    } else {
        changes(refund, capture)
    };
    Ok(Effect::created(id, changes))
}

fn check_refundable(capture: &Capture, now: Moment) -> Result<(), PayPalError> {
    let issue = match capture.status {
        CaptureStatus::Pending => "PENDING_CAPTURE",
        CaptureStatus::Declined | CaptureStatus::Failed => "REFUND_NOT_ALLOWED",
        CaptureStatus::Completed if capture.refundable() == 0 => "CAPTURE_FULLY_REFUNDED",
        CaptureStatus::Completed if now.0 - capture.created_ms > REFUNDABLE_MS => {
            "REFUND_TIME_LIMIT_EXCEEDED"
        }
        CaptureStatus::Completed => return Ok(()),
    };
    Err(PayPalError::issue(issue))
}

fn wanted_amount(fields: &Fields<'_>, capture: &Capture) -> Result<Money, PayPalError> {
    let Some(amount) = fields.object("amount")? else {
        return Ok(capture.amount.same_currency(capture.refundable()));
    };
    let amount = Money::read(&amount)?;
    if amount.currency != capture.amount.currency {
        return Err(PayPalError::issue("REFUND_CAPTURE_CURRENCY_MISMATCH").at("/amount/currency_code"));
    }
    if amount.minor > capture.refundable() {
        return Err(PayPalError::issue("REFUND_AMOUNT_EXCEEDED").at("/amount/value"));
    }
    Ok(amount)
}

/// The end of a pending refund. Only now has money moved, if it has.
pub(crate) fn ended(
    mut refund: Refund,
    mut capture: Capture,
    status: RefundStatus,
    now: Moment,
) -> Vec<Change> {
    capture.refunding -= refund.amount.minor;
    if status == RefundStatus::Completed {
        capture.refunded += refund.amount.minor;
    }
    capture.updated_ms = now.0;
    refund.status = status;
    refund.updated_ms = now.0;
    refund.due_ms = None;
    changes(refund, capture)
}

fn changes(refund: Refund, capture: Capture) -> Vec<Change> {
    let movement = Change::BooksRefund(movement(&refund, &capture));
    let capture = PayPalChange::Capture(Box::new(capture)).into();
    vec![movement, capture, PayPalChange::Refund(Box::new(refund)).into()]
}

/// The entry in the books. PayPal takes nothing for giving back, and keeps its fee for the capture.
fn movement(refund: &Refund, capture: &Capture) -> books::Refund {
    books::Refund {
        reference: refund.reference().map(str::to_owned),
        payment_reference: capture.custom_id.clone(),
        gateway: "paypal".to_owned(),
        id: refund.id.clone(),
        charge: capture.movement.clone(),
        currency: refund.amount.currency.to_lowercase(),
        decimals: refund.amount.decimals(),
        amount: refund.amount.minor,
        fee: 0,
        status: match refund.status {
            RefundStatus::Pending => books::RefundStatus::Pending,
            RefundStatus::Completed => books::RefundStatus::Succeeded,
            RefundStatus::Failed | RefundStatus::Cancelled => books::RefundStatus::Failed,
        },
        created: Moment(refund.created_ms).seconds(),
    }
}
