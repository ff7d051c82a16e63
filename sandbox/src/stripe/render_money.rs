//! The JSON of refunds, disputes and balance transactions.

use serde_json::{Map, Value, json};

use super::expand::{Expand, Shelf};
use super::money_objects::{BalanceTransaction, Dispute, Refund, TransactionKind};
use super::render;
use super::test_cards::Kind;

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
        let charge = || shelf.charge(id).map(|found| render::charge(found, shelf, &inner));
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
        (Some(found), Some(inner)) => render::charge(found, shelf, &inner),
        _ => json!(id),
    }
}

/// A reference to an intent, whole if asked for.
pub(crate) fn intent_field(id: &str, shelf: Shelf<'_>, expand: &Expand) -> Value {
    match (shelf.intent(id), expand.within("payment_intent")) {
        (Some(found), Some(inner)) => render::intent(found, shelf, &inner),
        _ => json!(id),
    }
}

/// How the charge was paid.
fn charge_kind(charge: &str, shelf: Shelf<'_>) -> Kind {
    let method = shelf.charge(charge).and_then(|charge| shelf.method(&charge.payment_method));
    method.map_or(Kind::Card, |method| render::test_method(method).kind)
}
