//! The JSON of what moves money, as complete as the official client libraries expect it: intents, charges, refunds,
//! disputes and balance transactions. They stand together, because each can be shown within another.

use serde_json::{Map, Value, json};

use super::expand::{Expand, Shelf};
use super::money_objects::{BalanceTransaction, Dispute, Refund, TransactionKind};
use super::objects::{Charge, ChargeStatus, Intent, NextAction, Redirects};
use super::render_methods::{
    billing_details, customer_field, extend, payment_method, payment_method_details,
};
use super::test_cards::{self, Kind};

/// How long a merchant has to answer a dispute.
const ANSWER_WITHIN_SECONDS: i64 = 7 * 24 * 60 * 60;

/// The evidence that Stripe knows.
pub(crate) const EVIDENCE: [&str; 27] = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

/// A payment intent.
pub(crate) fn intent(intent: &Intent, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let method = intent.payment_method.as_deref().and_then(|id| shelf.method(id));
    let kind = method.map_or(Kind::Card, |method| test_cards::of(method).kind);
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
        "balance_transaction": transaction_field(
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
        "payment_intent": intent_field(&charge.payment_intent, shelf, expand),
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
    let data: Vec<Value> = all.iter().take(10).map(|found| refund(found, shelf, &inner)).collect();
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

/// A refund.
pub(crate) fn refund(refund: &Refund, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let kind = charge_kind(&refund.charge, shelf);
    let details = match kind {
        Kind::Card => json!({
            "reference": null, "reference_status": "pending", "reference_type": "acquirer_reference_number",
            "type": "refund",
        }),
        Kind::UsBankAccount | Kind::SepaDebit => json!({}),
    };
    let mut shown = json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": transaction_field(
            refund.balance_transaction.as_deref(), "balance_transaction", shelf, expand,
        ),
        "charge": charge_field(&refund.charge, shelf, expand),
        "created": refund.created,
        "currency": refund.currency,
        "destination_details": {"type": kind.name(), kind.name(): details},
        "metadata": refund.metadata,
        "payment_intent": intent_field(&refund.payment_intent, shelf, expand),
        "reason": refund.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": refund.status.name(),
        "transfer_reversal": null,
    });
    // Stripe shows these two only where there is something to show.
    if let Some(reason) = &refund.failure_reason {
        shown["failure_reason"] = json!(reason);
    }
    if let Some(id) = refund.failure_balance_transaction.as_deref() {
        shown["failure_balance_transaction"] =
            transaction_field(Some(id), "failure_balance_transaction", shelf, expand);
    }
    shown
}

/// A dispute.
pub(crate) fn dispute(dispute: &Dispute, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let kind = charge_kind(&dispute.charge, shelf);
    let details = match kind {
        Kind::Card => json!({"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4"}),
        Kind::UsBankAccount | Kind::SepaDebit => json!({}),
    };
    let transactions = dispute.balance_transactions.iter().filter_map(|id| shelf.transaction(id));
    let transactions: Vec<Value> =
        transactions.map(|found| transaction(found, shelf, &Expand::default())).collect();
    let evidence: Map<String, Value> =
        EVIDENCE.iter().map(|name| ((*name).to_owned(), json!(dispute.evidence.get(*name)))).collect();
    json!({
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "balance_transactions": transactions,
        "charge": charge_field(&dispute.charge, shelf, expand),
        "created": dispute.created,
        "currency": dispute.currency,
        "enhanced_eligibility_types": [],
        "evidence": evidence,
        "evidence_details": {
            "due_by": dispute.created + ANSWER_WITHIN_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": !dispute.evidence.is_empty(),
            "past_due": false,
            "submission_count": dispute.submission_count,
        },
        "is_charge_refundable": false,
        "livemode": false,
        "metadata": dispute.metadata,
        "payment_intent": intent_field(&dispute.payment_intent, shelf, expand),
        "payment_method_details": {"type": kind.name(), kind.name(): details},
        "reason": "fraudulent",
        "status": dispute.status.name(),
    })
}

/// A balance transaction. The sandbox pays out at once, so all of them are available.
pub(crate) fn transaction(transaction: &BalanceTransaction, shelf: Shelf<'_>, expand: &Expand) -> Value {
    let fees = match (transaction.fee, transaction.kind) {
        (0, _) => json!([]),
        (fee, kind) => json!([{
            "amount": fee,
            "application": null,
            "currency": transaction.currency,
            "description": if kind == TransactionKind::Dispute { "Dispute fee" } else { "Stripe processing fees" },
            "type": "stripe_fee",
        }]),
    };
    let source = expand.within("source").and_then(|inner| {
        let id = transaction.source.as_str();
        let charge = || shelf.charge(id).map(|found| charge(found, shelf, &inner));
        let refunded = || shelf.refund(id).map(|found| refund(found, shelf, &inner));
        let disputed = || shelf.dispute(id).map(|found| dispute(found, shelf, &inner));
        charge().or_else(refunded).or_else(disputed)
    });
    json!({
        "id": transaction.id,
        "object": "balance_transaction",
        "amount": transaction.amount,
        "available_on": transaction.created,
        "balance_type": "payments",
        "created": transaction.created,
        "currency": transaction.currency,
        "description": null,
        "exchange_rate": null,
        "fee": transaction.fee,
        "fee_details": fees,
        "net": transaction.amount - transaction.fee,
        "reporting_category": transaction.kind.category(),
        "source": source.unwrap_or_else(|| json!(transaction.source)),
        "status": "available",
        "type": transaction.kind.name(),
    })
}

/// A reference to a balance transaction, whole if asked for; null where there is none yet.
pub(crate) fn transaction_field(id: Option<&str>, name: &str, shelf: Shelf<'_>, expand: &Expand) -> Value {
    match (id.and_then(|id| shelf.transaction(id)), expand.within(name)) {
        (Some(found), Some(inner)) => transaction(found, shelf, &inner),
        _ => json!(id),
    }
}

fn charge_field(id: &str, shelf: Shelf<'_>, expand: &Expand) -> Value {
    match (shelf.charge(id), expand.within("charge")) {
        (Some(found), Some(inner)) => charge(found, shelf, &inner),
        _ => json!(id),
    }
}

/// A reference to an intent, whole if asked for.
pub(crate) fn intent_field(id: &str, shelf: Shelf<'_>, expand: &Expand) -> Value {
    match (shelf.intent(id), expand.within("payment_intent")) {
        (Some(found), Some(inner)) => intent(found, shelf, &inner),
        _ => json!(id),
    }
}

/// How the charge was paid.
fn charge_kind(charge: &str, shelf: Shelf<'_>) -> Kind {
    let method = shelf.charge(charge).and_then(|charge| shelf.method(&charge.payment_method));
    method.map_or(Kind::Card, |method| test_cards::of(method).kind)
}
