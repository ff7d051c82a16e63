//! The JSON of Stripe's objects, as complete as the official client libraries expect it.

use serde_json::{Map, Value, json};

use super::expand::{Expand, Shelf};
use super::objects::{Charge, ChargeStatus, Customer, Intent, NextAction, PaymentMethod, Redirects};
use super::render_money;
use super::store::Store;
use super::test_cards::{self, Kind, TestMethod};

/// A payment intent.
pub(crate) fn intent(intent: &Intent, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let method = intent.payment_method.as_deref().and_then(|id| shelf.method(id));
    let kind = method.map_or(Kind::Card, |method| test_method(method).kind);
    let mut fields = fixed_intent_fields();
    let own = json!({
        "id": intent.id,
        "created": intent.created,
        "client_secret": intent.client_secret,
        "amount": intent.amount,
        "currency": intent.currency,
        "status": intent.status.name(),
        "amount_capturable": intent.amount_capturable,
        "amount_received": intent.amount_received,
        "capture_method": intent.capture_method.name(),
        "customer": customer_field(intent.customer.as_deref(), shelf.store, expand),
        "payment_method": match method {
            Some(method) if expand.within("payment_method").is_some() => payment_method(method),
            _ => json!(intent.payment_method),
        },
        "payment_method_types": [kind.name()],
        "automatic_payment_methods": {
            "enabled": true,
            "allow_redirects": if intent.redirects == Redirects::Never { "never" } else { "always" },
        },
        "latest_charge": latest_charge(intent, shelf, expand),
        "metadata": intent.metadata,
        "description": intent.description,
        "receipt_email": intent.receipt_email,
        "statement_descriptor": intent.statement_descriptor,
        "statement_descriptor_suffix": intent.statement_descriptor_suffix,
        "setup_future_usage": intent.setup_future_usage,
        "last_payment_error": intent.last_payment_error,
        "next_action": intent.next_action.as_ref().map(next_action),
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
    });
    extend(&mut fields, own);
    Value::Object(fields)
}

fn fixed_intent_fields() -> Map<String, Value> {
    let mut fields = Map::new();
    let fixed = json!({
        "object": "payment_intent",
        "livemode": false,
        "amount_details": {"tip": {}},
        "application": null,
        "application_fee_amount": null,
        "confirmation_method": "automatic",
        "customer_account": null,
        "excluded_payment_method_types": null,
        "on_behalf_of": null,
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "processing": null,
        "review": null,
        "shipping": null,
        "source": null,
        "transfer_data": null,
        "transfer_group": null,
    });
    extend(&mut fields, fixed);
    fields
}

fn latest_charge(intent: &Intent, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let found = intent.latest_charge.as_deref().and_then(|id| shelf.charge(id));
    match (found, expand.within("latest_charge")) {
        (Some(found), Some(inner)) => charge(found, shelf, &inner),
        _ => json!(intent.latest_charge),
    }
}

/// Stripe names the URL differently depending on who is to follow it: the caller, who gave a place to
/// come back to, or Stripe's own script.
fn next_action(action: &NextAction) -> Value {
    match &action.return_url {
        Some(return_url) => json!({
            "type": "redirect_to_url",
            "redirect_to_url": {"url": action.url, "return_url": return_url},
        }),
        None => json!({
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": action.url},
        }),
    }
}

/// A charge.
pub(crate) fn charge(charge: &Charge, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let method = shelf.method(&charge.payment_method);
    let mut fields = fixed_charge_fields();
    let own = json!({
        "id": charge.id,
        "created": charge.created,
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "balance_transaction": render_money::transaction_field(
            charge.balance_transaction.as_deref(), "balance_transaction", shelf, expand,
        ),
        "captured": charge.captured,
        "currency": charge.currency,
        "customer": customer_field(charge.customer.as_deref(), shelf.store, expand),
        "description": charge.description,
        "disputed": charge.disputed,
        "failure_code": charge.failure_code,
        "failure_message": charge.failure_message,
        "metadata": charge.metadata,
        "outcome": outcome(charge),
        "paid": charge.status == ChargeStatus::Succeeded,
        "payment_intent": render_money::intent_field(&charge.payment_intent, shelf, expand),
        "payment_method": charge.payment_method,
        "payment_method_details": method.map(|method| payment_method_details(method, charge)),
        "receipt_email": charge.receipt_email,
        "refunded": charge.amount_refunded > 0 && charge.amount_refunded == charge.amount_captured,
        "statement_descriptor_suffix": charge.statement_descriptor_suffix,
        "status": charge.status.name(),
    });
    extend(&mut fields, own);
    // Not even an empty list unless it is asked for.
    if let Some(inner) = expand.within("refunds") {
        fields.insert("refunds".to_owned(), refunds(charge, shelf, &inner));
    }
    Value::Object(fields)
}

/// The latest refunds of a charge: ten at most, as at Stripe.
fn refunds(charge: &Charge, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let all = shelf.refunds(&charge.id);
    let inner = expand.within("data").unwrap_or_default();
    let data: Vec<Value> =
        all.iter().take(10).map(|refund| render_money::refund(refund, shelf, &inner)).collect();
    json!({
        "object": "list",
        "data": data,
        "has_more": all.len() > 10,
        "url": format!("/v1/refunds?charge={}", charge.id),
    })
}

fn fixed_charge_fields() -> Map<String, Value> {
    let mut fields = Map::new();
    let fixed = json!({
        "object": "charge",
        "livemode": false,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "billing_details": billing_details(),
        "calculated_statement_descriptor": null,
        "failure_balance_transaction": null,
        "fraud_details": {},
        "on_behalf_of": null,
        "receipt_number": null,
        "receipt_url": null,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "transfer_data": null,
        "transfer_group": null,
    });
    extend(&mut fields, fixed);
    fields
}

fn outcome(charge: &Charge) -> Value {
    let (kind, network_status, seller_message) = match charge.status {
        ChargeStatus::Failed => (
            "issuer_declined",
            "declined_by_network",
            "The bank did not return any further details with this decline.",
        ),
        ChargeStatus::Pending | ChargeStatus::Succeeded => {
            ("authorized", "approved_by_network", "Payment complete.")
        }
    };
    json!({
        "type": kind,
        "network_status": network_status,
        "reason": charge.decline_code.as_ref().or(charge.failure_code.as_ref()),
        "seller_message": seller_message,
        "risk_level": "normal",
        "advice_code": charge.advice_code,
        "network_advice_code": null,
        "network_decline_code": null,
    })
}

fn payment_method_details(method: &PaymentMethod, charge: &Charge) -> Value {
    let test = test_method(method);
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
    let test = test_method(method);
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

fn customer_field(id: Option<&str>, store: &Store, expand: &Expand) -> Value {
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

fn billing_details() -> Value {
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

/// What a stored method does. Tokens are checked before a method is made of them, so every stored one
/// is known, unless a newer sandbox has dropped it: then it is a plain Visa.
pub(crate) fn test_method(method: &PaymentMethod) -> TestMethod<'_> {
    test_cards::find(&method.token).unwrap_or(test_cards::VISA)
}

fn extend(fields: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        fields.extend(more);
    }
}
