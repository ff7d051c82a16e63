//! PayPal's JSON: stored objects with the many fields that are always the same; here, orders.

use serde_json::{Map, Value, json};

use super::objects::{Authorization, Capture, Intent, Object, Order, OrderStatus, Source, Unit};
use super::render_payments::{SELLER, authorization, capture, dispute, insert, link, refund};
use super::store::{Change, PayPalChange, Store};
use super::times;

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
            Change::Own(PayPalChange::Capture(capture)) if capture.id == id => Some(&**capture),
            _ => None,
        });
        coming.or_else(|| self.store.capture(id))
    }

    fn authorization(self, id: &str) -> Option<&'a Authorization> {
        let coming = self.changes.iter().find_map(|change| match change {
            Change::Own(PayPalChange::Authorization(found)) if found.id == id => Some(&**found),
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
        "payee": {"email_address": "shop@example.com", "merchant_id": SELLER},
    });
    insert(&mut shown, "custom_id", custom_id);
    insert(&mut shown, "invoice_id", invoice_id);
    insert(&mut shown, "description", description);
    insert(&mut shown, "soft_descriptor", soft_descriptor);
    let reserved = order.authorization.as_ref().and_then(|id| view.authorization(id));
    let captures: Vec<&Capture> = match &order.authorization {
        Some(id) => view.store.captures_of(id).collect(),
        None => order.captures.iter().filter_map(|id| view.capture(id)).collect(),
    };
    let refunds =
        captures.iter().flat_map(|capture| view.store.refunds_of(&capture.id).map(move |r| (*capture, r)));
    let refunds: Vec<Value> = refunds.map(|(capture, found)| refund(found, capture, public_url)).collect();
    let mut payments = Map::new();
    if let Some(found) = reserved {
        payments.insert("authorizations".to_owned(), json!([within(authorization(found, public_url))]));
    }
    if !captures.is_empty() {
        let captures: Vec<Value> = captures.iter().map(|found| within(capture(found, public_url))).collect();
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

/// A payment as its order shows it: whose it is need not be said.
fn within(mut payment: Value) -> Value {
    if let Some(fields) = payment.as_object_mut() {
        fields.remove("supplementary_data");
    }
    payment
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
