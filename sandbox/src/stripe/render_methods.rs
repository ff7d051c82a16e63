//! The JSON of payment methods and of customers, and what they lend to the objects that name them.

use serde_json::{Map, Value, json};

use super::expand::{Expand, Shelf};
use super::objects::{Charge, Customer, PaymentMethod};
use super::store::Store;
use super::test_cards::{self, Kind, TestMethod};

/// How a charge was paid.
pub(crate) fn payment_method_details(method: &PaymentMethod, charge: &Charge) -> Value {
    let test = test_cards::of(method);
    let details = match test.kind {
        Kind::Card => json!({
            "amount_authorized": charge.amount,
            "brand": test.brand,
            "checks": checks(),
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": fingerprint(&test),
            "funding": "credit",
            "installments": null,
            "last4": test.last4,
            "mandate": null,
            "network": test.brand,
            "network_token": {"used": false},
            "three_d_secure": null,
            "wallet": null,
        }),
        Kind::UsBankAccount | Kind::SepaDebit => {
            let mut details = bank_account(&test);
            details.insert("mandate".to_owned(), json!(method.mandate));
            Value::Object(details)
        }
    };
    json!({"type": test.kind.name(), test.kind.name(): details})
}

/// A payment method, and whose it is.
pub(crate) fn owned_method(method: &PaymentMethod, store: &Store, expand: &Expand) -> Value {
    let mut shown = payment_method(method);
    shown["customer"] = customer_field(method.customer.as_deref(), store, expand);
    shown
}

/// A payment method.
pub(crate) fn payment_method(method: &PaymentMethod) -> Value {
    let test = test_cards::of(method);
    let details = match test.kind {
        Kind::Card => json!({
            "brand": test.brand,
            "checks": checks(),
            "country": "US",
            "display_brand": test.brand,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": fingerprint(&test),
            "funding": "credit",
            "generated_from": null,
            "last4": test.last4,
            "networks": {"available": [test.brand], "preferred": null},
            "three_d_secure_usage": {"supported": true},
            "wallet": null,
        }),
        Kind::UsBankAccount | Kind::SepaDebit => Value::Object(bank_account(&test)),
    };
    json!({
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        "created": method.created,
        "customer": method.customer,
        "customer_account": null,
        "livemode": false,
        "metadata": {},
        "type": test.kind.name(),
        test.kind.name(): details,
    })
}

/// A customer, and what they pay with.
pub(crate) fn customer_with_method(customer: &Customer, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let mut shown = self::customer(customer);
    let is_wanted = expand.within("invoice_settings.default_payment_method").is_some();
    if let Some(method) = customer.default_payment_method.as_deref().filter(|_| is_wanted) {
        shown["invoice_settings"]["default_payment_method"] = json!(shelf.method(method).map(payment_method));
    }
    shown
}

/// A customer.
pub(crate) fn customer(customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": customer.created,
        "currency": null,
        "default_source": null,
        "delinquent": false,
        "description": customer.description,
        "discount": null,
        "email": customer.email,
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": customer.default_payment_method,
            "footer": null,
            "rendering_options": null,
        },
        "livemode": false,
        "metadata": customer.metadata,
        "name": customer.name,
        "phone": customer.phone,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    })
}

/// A reference to a customer, whole if asked for.
pub(crate) fn customer_field(id: Option<&str>, store: &Store, expand: &Expand) -> Value {
    match id.and_then(|id| store.customer(id)) {
        Some(found) if expand.within("customer").is_some() => customer(found),
        _ => json!(id),
    }
}

fn bank_account(test: &TestMethod) -> Map<String, Value> {
    let mut fields = Map::new();
    let own = match test.kind {
        Kind::SepaDebit => json!({
            "bank_code": "37040044",
            "branch_code": "",
            "country": "DE",
        }),
        Kind::Card | Kind::UsBankAccount => json!({
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": test.brand,
            "routing_number": "110000000",
        }),
    };
    extend(&mut fields, own);
    extend(&mut fields, json!({"fingerprint": fingerprint(test), "last4": test.last4}));
    fields
}

fn checks() -> Value {
    json!({"address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass"})
}

/// What is known of a payer: nothing.
pub(crate) fn billing_details() -> Value {
    json!({
        "address": {
            "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
        },
        "email": null,
        "name": null,
        "phone": null,
        "tax_id": null,
    })
}

/// The same for the same card, as at Stripe.
fn fingerprint(test: &TestMethod) -> String {
    format!("sandbox{}{}", test.kind.name(), test.last4).replace('_', "")
}

/// Adds these fields.
pub(crate) fn extend(fields: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        fields.extend(more);
    }
}
