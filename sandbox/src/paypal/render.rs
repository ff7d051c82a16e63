//! PayPal's JSON: stored objects with the many fields that are always the same.

use serde_json::{Map, Value, json};

use super::objects::{
    Authorization, AuthorizationStatus, Capture, CaptureStatus, Dispute, DisputeStatus, Intent, Order,
    OrderStatus, Refund, RefundStatus, Source, Unit,
};
use super::store::{Change as PayPalChange, Object, Store};
use super::times;
use crate::state::Change;

/// The stored objects, and before them those that are about to be stored.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    store: &'a Store,
    changes: &'a [Change],
}

impl<'a> View<'a> {
    /// Things as they are.
    pub(crate) fn stored(store: &'a Store) -> Self {
        Self { store, changes: &[] }
    }

    /// Things as they will be after these changes.
    pub(crate) fn after(store: &'a Store, changes: &'a [Change]) -> Self {
        Self { store, changes }
    }

    /// The capture with this id.
    pub(crate) fn capture(self, id: &str) -> Option<&'a Capture> {
        let coming = self.changes.iter().find_map(|change| match change {
            Change::Paypal(PayPalChange::Capture(capture)) if capture.id == id => Some(&**capture),
            _ => None,
        });
        coming.or_else(|| self.store.capture(id))
    }

    fn authorization(self, id: &str) -> Option<&'a Authorization> {
        let coming = self.changes.iter().find_map(|change| match change {
            Change::Paypal(PayPalChange::Authorization(found)) if found.id == id => Some(&**found),
            _ => None,
        });
        coming.or_else(|| self.store.authorization(id))
    }
}

/// How much of an object is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Id, status and links.
    Minimal,
    Whole,
}

/// An object, if it exists.
pub(crate) fn object(store: &Store, object: &Object, public_url: &str, extent: Extent) -> Option<Value> {
    let mut shown = match object {
        Object::Order(id) => order(View::stored(store), store.order(id)?, public_url),
        Object::Authorization(id) => authorization(store.authorization(id)?, public_url),
        Object::Capture(id) => capture(store.capture(id)?, public_url),
        Object::Refund(id) => {
            let found = store.refund(id)?;
            refund(found, store.capture(&found.capture)?, public_url)
        }
        Object::Dispute(id) => {
            let found = store.dispute(id)?;
            dispute(found, store.capture(&found.capture)?, public_url)
        }
    };
    if extent == Extent::Minimal {
        let minimal = ["id", "status", "links"];
        shown.as_object_mut()?.retain(|name, _| minimal.contains(&name.as_str()));
    }
    Some(shown)
}

/// An order, with the payments that the view knows of.
pub(crate) fn order(view: View<'_>, order: &Order, public_url: &str) -> Value {
    let mut shown = json!({
        "id": order.id,
        "intent": intent_name(order.intent),
        "status": order_status(order.status),
        "purchase_units": [unit(view, order, public_url)],
        "create_time": times::write(order.created_ms),
        "update_time": times::write(order.updated_ms),
        "links": order_links(order, public_url),
    });
    if order.source != Source::Unsaid {
        let mut paypal = json!({});
        if is_paid_or_approved(order) {
            paypal = json!({
                "email_address": "payer@example.com",
                "account_id": "QYR5Z8XDVJNXQ",
                "account_status": "VERIFIED",
                "name": {"given_name": "Ada", "surname": "Payer"},
                "address": {"country_code": "US"},
            });
        }
        shown["payment_source"] = json!({"paypal": paypal});
    }
    if is_paid_or_approved(order) {
        shown["payer"] = json!({
            "name": {"given_name": "Ada", "surname": "Payer"},
            "email_address": "payer@example.com",
            "payer_id": "QYR5Z8XDVJNXQ",
            "address": {"country_code": "US"},
        });
    }
    shown
}

fn is_paid_or_approved(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Approved | OrderStatus::Completed)
}

fn unit(view: View<'_>, order: &Order, public_url: &str) -> Value {
    let Unit { reference_id, amount, custom_id, invoice_id, description, soft_descriptor } = &order.unit;
    let mut shown = json!({
        "reference_id": reference_id,
        "amount": amount.json(),
        "payee": {"email_address": "shop@example.com", "merchant_id": "SANDBOXMERCH1"},
    });
    insert(&mut shown, "custom_id", custom_id);
    insert(&mut shown, "invoice_id", invoice_id);
    insert(&mut shown, "description", description);
    insert(&mut shown, "soft_descriptor", soft_descriptor);
    let authorization = order.authorization.as_ref().and_then(|id| view.authorization(id));
    let captures: Vec<&Capture> = match &order.authorization {
        Some(id) => view.store.captures_of(id).collect(),
        None => order.captures.iter().filter_map(|id| view.capture(id)).collect(),
    };
    let refunds =
        captures.iter().flat_map(|capture| view.store.refunds_of(&capture.id).map(move |r| (*capture, r)));
    let refunds: Vec<Value> = refunds.map(|(capture, found)| refund(found, capture, public_url)).collect();
    let mut payments = Map::new();
    if let Some(found) = authorization {
        payments.insert("authorizations".to_owned(), json!([self::authorization(found, public_url)]));
    }
    if !captures.is_empty() {
        let captures: Vec<Value> = captures.iter().map(|found| capture(found, public_url)).collect();
        payments.insert("captures".to_owned(), json!(captures));
    }
    if !refunds.is_empty() {
        payments.insert("refunds".to_owned(), json!(refunds));
    }
    if !payments.is_empty() {
        shown["payments"] = Value::Object(payments);
    }
    shown
}

fn order_links(order: &Order, public_url: &str) -> Value {
    let api = format!("{public_url}/v2/checkout/orders/{}", order.id);
    let page = format!("{public_url}/checkoutnow?token={}", order.id);
    let mut links = vec![link(&api, "self", "GET")];
    match order.status {
        OrderStatus::Created => links.push(link(&page, "approve", "GET")),
        OrderStatus::PayerActionRequired => links.push(link(&page, "payer-action", "GET")),
        OrderStatus::Approved => {
            let what = if order.intent == Intent::Capture { "capture" } else { "authorize" };
            links.push(link(&format!("{api}/{what}"), what, "POST"));
        }
        OrderStatus::Completed | OrderStatus::Voided => {}
    }
    json!(links)
}

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
        "seller": {"merchant_id": "SANDBOXMERCH1"},
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
        "dispute_state": if outcome.is_some() { "RESOLVED" } else { "REQUIRED_ACTION" },
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

fn seller_protection() -> Value {
    json!({"status": "ELIGIBLE", "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"]})
}

fn insert(shown: &mut Value, name: &str, value: &Option<String>) {
    if let Some(value) = value {
        shown[name] = json!(value);
    }
}

fn intent_name(intent: Intent) -> &'static str {
    match intent {
        Intent::Capture => "CAPTURE",
        Intent::Authorize => "AUTHORIZE",
    }
}

fn order_status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Created => "CREATED",
        OrderStatus::PayerActionRequired => "PAYER_ACTION_REQUIRED",
        OrderStatus::Approved => "APPROVED",
        OrderStatus::Completed => "COMPLETED",
        OrderStatus::Voided => "VOIDED",
    }
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
    }
}
