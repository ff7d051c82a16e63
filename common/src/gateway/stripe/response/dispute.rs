//! Disputes: where one stands, and what it has cost so far.

use crate::{
    gateway::{
        Dispute, DisputeStatus, Found,
        stripe::{
            request::PAYMENT,
            wire::{BalanceTransaction, DisputeBody, Expandable},
        },
    },
    money::Money,
};

use super::{Received, balance::money, parse};

/// The answer to a question about one dispute.
pub fn read(received: &Received) -> Found<Dispute> {
    match received.status {
        200 => parse(&received.body).and_then(dispute).map_or_else(Found::Unknown, Found::One),
        404 => Found::None,
        status => Found::Unknown(format!("the gateway answered {status}")),
    }
}

fn dispute(body: DisputeBody) -> Result<Dispute, String> {
    let transactions = body.balance_transactions.unwrap_or_default();
    let status = body.status.ok_or("a dispute without a status")?;
    // An inquiry: the bank asks, and takes nothing.
    let inquiry = status.starts_with("warning_");
    let funds_withdrawn = !inquiry && transactions.iter().any(BalanceTransaction::takes);
    let intent = body.payment_intent.as_ref().and_then(Expandable::object);
    Ok(Dispute {
        dispute_ref: body.id.ok_or("a dispute without an id")?,
        reference: intent.and_then(|intent| intent.metadata.as_ref()?.get(PAYMENT).cloned()),
        money: money(body.amount, body.currency.as_deref()).ok_or("a dispute without an amount")?,
        fee: total_fee(&transactions),
        reason: body.reason,
        status: match status.as_str() {
            "won" | "warning_closed" => DisputeStatus::Won,
            "lost" => DisputeStatus::Lost,
            // It never becomes a dispute: whoever has the money by now keeps it.
            "prevented" if funds_withdrawn => DisputeStatus::Lost,
            "prevented" => DisputeStatus::Won,
            // An appeal is open as well.
            _ => DisputeStatus::Open,
        },
        funds_withdrawn,
    })
}

/// All fees together: what is given back for a dispute that was won counts against what was taken.
/// `None` where there are none, or where they cannot be added.
fn total_fee(transactions: &[BalanceTransaction]) -> Option<Money> {
    let mut total: Option<Money> = None;
    for fee in transactions.iter().filter_map(BalanceTransaction::fee) {
        total = match total {
            None => Some(fee),
            Some(sum) if sum.currency == fee.currency => {
                Some(Money { amount: sum.amount.checked_add(fee.amount)?, ..sum })
            }
            Some(_) => return None,
        };
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(status: u16, body: &str) -> Found<Dispute> {
        let body = body.to_owned().into();
        read(&Received { status, request_id: None, should_retry: None, retry_after: None, body })
    }

    fn dispute(fields: &str) -> Dispute {
        match found(200, &format!(r#"{{"id":"dp_1","amount":4990,"currency":"eur",{fields}}}"#)) {
            Found::One(dispute) => dispute,
            other => panic!("{fields}: {other:?}"),
        }
    }

    const WITHDRAWAL: &str = r#"{"amount":-4990,"fee":1500,"currency":"eur"}"#;

    #[test]
    fn every_word_has_a_status() {
        for (word, status, funds_withdrawn) in [
            ("needs_response", DisputeStatus::Open, true),
            ("under_review", DisputeStatus::Open, true),
            ("won", DisputeStatus::Won, true),
            ("lost", DisputeStatus::Lost, true),
            ("something_new", DisputeStatus::Open, true),
            ("warning_needs_response", DisputeStatus::Open, false),
            ("warning_under_review", DisputeStatus::Open, false),
            ("warning_closed", DisputeStatus::Won, false),
            ("appeal_needs_response", DisputeStatus::Open, true),
            ("appeal_under_review", DisputeStatus::Open, true),
            ("prevented", DisputeStatus::Lost, true),
        ] {
            let dispute = dispute(&format!(r#""status":"{word}","balance_transactions":[{WITHDRAWAL}]"#));
            assert_eq!((dispute.status, dispute.funds_withdrawn), (status, funds_withdrawn), "{word}");
        }
        let blocked = dispute(r#""status":"prevented","balance_transactions":[]"#);
        assert_eq!((blocked.status, blocked.funds_withdrawn), (DisputeStatus::Won, false));
    }

    #[test]
    fn fees_are_added_and_a_withdrawal_is_remembered() {
        for (transactions, fee, funds_withdrawn) in [
            ("null", None, false),
            ("[]", None, false),
            ("[{}]", None, false),
            (r#"[{"amount":-4990,"fee":1500,"currency":"eur"}]"#, Some("15.00 EUR"), true),
            (
                r#"[{"amount":-4990,"fee":1500,"currency":"eur"},{"amount":4990,"fee":-1500,"currency":"eur"}]"#,
                Some("0.00 EUR"),
                true,
            ),
            (
                r#"[{"amount":-4990,"fee":1500,"currency":"eur"},{"amount":1,"fee":1,"currency":"usd"}]"#,
                None,
                true,
            ),
        ] {
            let dispute = dispute(&format!(r#""status":"won","balance_transactions":{transactions}"#));
            assert_eq!(dispute.fee.map(|fee| fee.to_string()).as_deref(), fee, "{transactions}");
            assert_eq!(dispute.funds_withdrawn, funds_withdrawn, "{transactions}");
        }
    }

    #[test]
    fn the_payment_is_named_where_it_is_written_out() {
        for (intent, reference) in [
            (r#"{"id":"pi_1","metadata":{"remit_payment":"pay_1"}}"#, Some("pay_1")),
            (r#"{"id":"pi_1","metadata":{}}"#, None),
            (r#"{"id":"pi_1","metadata":null}"#, None),
            (r#""pi_1""#, None),
            ("null", None),
        ] {
            let dispute = dispute(&format!(r#""status":"lost","payment_intent":{intent}"#));
            assert_eq!(dispute.reference.as_deref(), reference, "{intent}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_only_404_is_nothing() {
        assert_eq!(found(404, ""), Found::None);
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, r#"{"id":"dp_1","status":"won"}"#),
            (200, r#"{"id":"dp_1","amount":1,"currency":"eur"}"#),
            (200, r#"{"status":"won","amount":1,"currency":"eur"}"#),
            (302, ""),
            (401, ""),
            (429, ""),
            (500, ""),
        ] {
            assert!(matches!(found(status, body), Found::Unknown(_)), "{status} {body}");
        }
    }
}
