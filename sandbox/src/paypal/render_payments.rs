//! PayPal's JSON of what money does: authorizations, captures, refunds and disputes.

use serde_json::{Value, json};

use super::objects::{
    Authorization, AuthorizationStatus, Capture, CaptureStatus, Dispute, DisputeStatus, Refund, RefundStatus,
};
use super::times;

/// The account that is paid: PayPal's ids have neither 0 nor 1, I nor O.
pub(crate) const SELLER: &str = "SANDBXMERCHNT";

/// An authorization.
pub(crate) fn authorization(authorization: &Authorization, public_url: &str) -> Value {
    let api = format!("{public_url}/v2/payments/authorizations/{}", authorization.id);
    let order = format!("{public_url}/v2/checkout/orders/{}", authorization.order);
    let mut links = vec![link(&api, "self", "GET")];
    if matches!(authorization.status, AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured) {
        links.push(link(&format!("{api}/capture"), "capture", "POST"));
        links.push(link(&format!("{api}/void"), "void", "POST"));
    }
    links.push(link(&order, "up", "GET"));
    let mut shown = json!({
        "id": authorization.id,
        "status": authorization_status(authorization.status),
        "amount": authorization.amount.json(),
        "seller_protection": seller_protection(),
        "expiration_time": times::write(authorization.expires_ms),
        "create_time": times::write(authorization.created_ms),
        "update_time": times::write(authorization.updated_ms),
        "supplementary_data": {"related_ids": {"order_id": authorization.order}},
        "links": links,
    });
    insert(&mut shown, "custom_id", &authorization.custom_id);
    insert(&mut shown, "invoice_id", &authorization.invoice_id);
    shown
}

/// A capture.
pub(crate) fn capture(capture: &Capture, public_url: &str) -> Value {
    let api = format!("{public_url}/v2/payments/captures/{}", capture.id);
    let up = match &capture.authorization {
        Some(id) => format!("{public_url}/v2/payments/authorizations/{id}"),
        None => format!("{public_url}/v2/checkout/orders/{}", capture.order),
    };
    let mut links = vec![link(&api, "self", "GET")];
    if capture.status == CaptureStatus::Completed {
        links.push(link(&format!("{api}/refund"), "refund", "POST"));
    }
    links.push(link(&up, "up", "GET"));
    let mut related = json!({"order_id": capture.order});
    insert(&mut related, "authorization_id", &capture.authorization);
    let mut shown = json!({
        "id": capture.id,
        "status": capture.status_name(),
        "amount": capture.amount.json(),
        "final_capture": capture.final_capture,
        "disbursement_mode": "INSTANT",
        "seller_protection": seller_protection(),
        "create_time": times::write(capture.created_ms),
        "update_time": times::write(capture.updated_ms),
        "supplementary_data": {"related_ids": related},
        "links": links,
    });
    insert(&mut shown, "custom_id", &capture.custom_id);
    insert(&mut shown, "invoice_id", &capture.invoice_id);
    match capture.status {
        CaptureStatus::Pending => shown["status_details"] = json!({"reason": "PENDING_REVIEW"}),
        CaptureStatus::Completed => {
            let (gross, fee) = (&capture.amount, capture.amount.fee());
            shown["seller_receivable_breakdown"] = json!({
                "gross_amount": gross.json(),
                "paypal_fee": fee.json(),
                "net_amount": gross.same_currency(gross.minor - fee.minor).json(),
            });
        }
        CaptureStatus::Declined | CaptureStatus::Failed => {
            shown["processor_response"] = json!({"response_code": "0500"});
        }
    }
    shown
}

/// A refund, with the capture it is of.
pub(crate) fn refund(refund: &Refund, capture: &Capture, public_url: &str) -> Value {
    let api = format!("{public_url}/v2/payments/refunds/{}", refund.id);
    let up = format!("{public_url}/v2/payments/captures/{}", capture.id);
    let money = |minor| refund.amount.same_currency(minor).json();
    let mut shown = json!({
        "id": refund.id,
        "status": refund_status(refund.status),
        "amount": refund.amount.json(),
        "seller_payable_breakdown": {
            "gross_amount": refund.amount.json(),
            "paypal_fee": money(0),
            "net_amount": refund.amount.json(),
            "total_refunded_amount": money(refund.total_refunded),
        },
        "create_time": times::write(refund.created_ms),
        "update_time": times::write(refund.updated_ms),
        "links": [link(&api, "self", "GET"), link(&up, "up", "GET")],
    });
    insert(&mut shown, "custom_id", &refund.custom_id);
    insert(&mut shown, "invoice_id", &refund.invoice_id);
    insert(&mut shown, "note_to_payer", &refund.note_to_payer);
    if refund.status == RefundStatus::Pending {
        shown["status_details"] = json!({"reason": "ECHECK"});
    }
    shown
}

/// A dispute, with the capture that it is about.
pub(crate) fn dispute(dispute: &Dispute, capture: &Capture, public_url: &str) -> Value {
    let api = format!("{public_url}/v1/customer/disputes/{}", dispute.id);
    let mut transaction = json!({
        "seller_transaction_id": capture.id,
        "create_time": times::write(capture.created_ms),
        "transaction_status": "COMPLETED",
        "gross_amount": capture.amount.json(),
        "buyer": {"name": "Ada Payer"},
        "seller": {"merchant_id": SELLER},
    });
    insert(&mut transaction, "invoice_number", &capture.invoice_id);
    insert(&mut transaction, "custom", &capture.custom_id);
    let (status, outcome) = match &dispute.status {
        DisputeStatus::Open => ("OPEN", None),
        DisputeStatus::WaitingForSellerResponse => ("WAITING_FOR_SELLER_RESPONSE", None),
        DisputeStatus::Lost => ("RESOLVED", Some(("RESOLVED_BUYER_FAVOUR", dispute.amount.minor))),
        DisputeStatus::Won(_) => ("RESOLVED", Some(("RESOLVED_SELLER_FAVOUR", 0))),
    };
    let mut shown = json!({
        "dispute_id": dispute.id,
        "create_time": times::write(dispute.created_ms),
        "update_time": times::write(dispute.updated_ms),
        "disputed_transactions": [transaction],
        "reason": "UNAUTHORISED",
        "status": status,
        "dispute_amount": dispute.amount.json(),
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "EXTERNAL",
        "links": [link(&api, "self", "GET")],
    });
    if let Some((code, refunded)) = outcome {
        let refunded = dispute.amount.same_currency(refunded).json();
        shown["dispute_outcome"] = json!({"outcome_code": code, "amount_refunded": refunded});
    }
    shown
}

/// A link to another call.
pub(crate) fn link(href: &str, rel: &str, method: &str) -> Value {
    json!({"href": href, "rel": rel, "method": method})
}

/// Adds a field that is there.
pub(crate) fn insert(shown: &mut Value, name: &str, value: &Option<String>) {
    if let Some(value) = value {
        shown[name] = json!(value);
    }
}

fn seller_protection() -> Value {
    json!({"status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"]})
}

fn authorization_status(status: AuthorizationStatus) -> &'static str {
    match status {
        AuthorizationStatus::Created => "CREATED",
        AuthorizationStatus::Captured => "CAPTURED",
        AuthorizationStatus::Denied => "DENIED",
        AuthorizationStatus::PartiallyCaptured => "PARTIALLY_CAPTURED",
        AuthorizationStatus::Voided => "VOIDED",
    }
}

fn refund_status(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Pending => "PENDING",
        RefundStatus::Completed => "COMPLETED",
        RefundStatus::Failed => "FAILED",
        RefundStatus::Cancelled => "CANCELLED",
    }
}
