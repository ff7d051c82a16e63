//! Stripe's settlement report: first the payments as Stripe knows them, then what moved its balance.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    gateway::{
        Line, Movement,
        stripe::{
            request::{PAYMENT, REFUND},
            wire::BalanceTransaction,
        },
    },
    money::Money,
};

use super::{balance::money, read_value};

/// A payment intent of a list. `None` for what has no name.
pub fn payment(value: &Value) -> Option<Line> {
    Some(Line::Payment {
        reference: metadata(value, PAYMENT),
        gateway_ref: value["id"].as_str()?.into(),
        report: read_value(value),
    })
}

/// A balance transaction of a list, with its source written out. `None` for what moves nothing that we
/// could name: no amount, or a currency that is not ours to know.
pub fn movement(value: &Value) -> Option<Line> {
    let transaction = BalanceTransaction::deserialize(value).ok()?;
    let source = &value["source"];
    let amount = transaction.amount?;
    let movement = movement_of(transaction.kind.as_deref(), source, amount);
    let source_ref = source["id"].as_str().or(source.as_str()).map(str::to_owned);
    Some(Line::Movement {
        reference: match movement {
            Movement::Charge => metadata(source, PAYMENT),
            Movement::Refund | Movement::RefundReversal => metadata(source, REFUND),
            Movement::Dispute | Movement::DisputeReversal | Movement::Other => None,
        },
        gateway_ref: source_ref.or_else(|| transaction.id.clone())?,
        movement,
        money: moved(&transaction, source)?,
        fee: transaction.fee(),
    })
}

fn movement_of(kind: Option<&str>, source: &Value, amount: i64) -> Movement {
    match kind {
        Some("charge" | "payment") => Movement::Charge,
        Some("refund" | "payment_refund") => Movement::Refund,
        Some("refund_failure" | "payment_failure_refund") => Movement::RefundReversal,
        Some("adjustment") if source["object"].as_str() == Some("dispute") => {
            if amount < 0 {
                Movement::Dispute
            } else {
                Movement::DisputeReversal
            }
        }
        _ => Movement::Other,
    }
}

/// How much moved, in the payer's currency: where Stripe has changed it into another one, its balance
/// says what the source says in the payer's.
fn moved(transaction: &BalanceTransaction, source: &Value) -> Option<Money> {
    let booked = money(transaction.amount, transaction.currency.as_deref());
    let captured = source["amount_captured"].as_i64().filter(|captured| *captured > 0);
    let paid = money(captured.or(source["amount"].as_i64()), source["currency"].as_str());
    let money = match (booked, paid) {
        (Some(booked), Some(paid)) if booked.currency != paid.currency => paid,
        (booked, _) => booked?,
    };
    Some(Money { amount: money.amount.abs(), ..money })
}

fn metadata(object: &Value, key: &str) -> Option<String> {
    object["metadata"][key].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(kind: &str, amount: i64, source: &Value) -> String {
        let value = json!({
            "id": "txn_1", "type": kind, "amount": amount, "currency": "eur", "fee": 35, "source": source,
        });
        match movement(&value) {
            Some(Line::Movement { reference, gateway_ref, movement, money, fee }) => {
                let (reference, fee) = (reference.unwrap_or_default(), fee.unwrap());
                format!("{movement} {gateway_ref} {reference} {money} {fee}")
            }
            other => panic!("{kind}: {other:?}"),
        }
    }

    #[test]
    fn each_kind_of_movement_names_what_moved_it() {
        let charge = json!({"object": "charge", "id": "ch_1", "metadata": {"remit_payment": "pay_1"}});
        let refund = json!({
            "object": "refund", "id": "re_1",
            "metadata": {"remit_payment": "pay_1", "remit_refund": "ref_1"},
        });
        let dispute = json!({"object": "dispute", "id": "dp_1", "metadata": {}});
        let payout = json!({"object": "payout", "id": "po_1"});
        for (kind, amount, source, expected) in [
            ("charge", 4990, &charge, "charge ch_1 pay_1 49.90 EUR 0.35 EUR"),
            ("payment", 4990, &charge, "charge ch_1 pay_1 49.90 EUR 0.35 EUR"),
            ("refund", -990, &refund, "refund re_1 ref_1 9.90 EUR 0.35 EUR"),
            ("payment_refund", -990, &refund, "refund re_1 ref_1 9.90 EUR 0.35 EUR"),
            ("refund_failure", 990, &refund, "refund_reversal re_1 ref_1 9.90 EUR 0.35 EUR"),
            ("adjustment", -4990, &dispute, "dispute dp_1  49.90 EUR 0.35 EUR"),
            ("adjustment", 4990, &dispute, "dispute_reversal dp_1  49.90 EUR 0.35 EUR"),
            ("adjustment", 4990, &Value::Null, "other txn_1  49.90 EUR 0.35 EUR"),
            ("payout", -100_000, &payout, "other po_1  1000.00 EUR 0.35 EUR"),
            ("something_new", 1, &json!("xx_1"), "other xx_1  0.01 EUR 0.35 EUR"),
        ] {
            assert_eq!(line(kind, amount, source), expected, "{kind} {amount}");
        }
    }

    #[test]
    fn money_is_told_in_the_payers_currency() {
        let captured = json!({"id": "ch_1", "amount": 9000, "amount_captured": 7000, "currency": "jpy"});
        assert!(line("charge", 4990, &captured).contains("7000 JPY 0.35 EUR"));
        let refund = json!({"id": "re_1", "amount": 7000, "currency": "jpy"});
        assert!(line("refund", -4990, &refund).contains("7000 JPY"));
        let same = json!({"id": "ch_1", "amount": 9000, "amount_captured": 4990, "currency": "eur"});
        assert!(line("charge", 4990, &same).contains("49.90 EUR"));
    }

    #[test]
    fn what_has_no_name_or_amount_is_no_line() {
        for value in [
            json!(null),
            json!({}),
            json!({"id": "txn_1", "type": "charge", "currency": "eur"}),
            json!({"id": "txn_1", "type": "charge", "amount": 1}),
            json!({"type": "charge", "amount": 1, "currency": "eur"}),
            json!({"id": "txn_1", "amount": "1", "currency": "eur"}),
        ] {
            assert_eq!(movement(&value), None, "{value}");
        }
        assert_eq!(payment(&json!({"status": "succeeded"})), None);
    }
}
