//! PayPal's disputes: a payer's complaint to PayPal, or the chargeback of the payer's bank.

use crate::gateway::{
    Dispute, DisputeStatus, Found,
    paypal::{
        amount::from_value,
        wire::{DisputeBody, DisputeList},
    },
};

use super::{Received, object};

/// What PayPal's ids of disputes begin with.
pub const PREFIX: &str = "PP-";

/// Reads the answer of `GET /v1/customer/disputes?disputed_transaction_id=…`: the id of the latest.
pub fn read_list(received: &Received) -> Found<String> {
    if received.status != 200 {
        return Found::Unknown(format!("the gateway answered {}", received.status));
    }
    match object::<DisputeList>(&received.body) {
        Ok(list) => {
            let first = list.items.unwrap_or_default().into_iter().find_map(|dispute| dispute.dispute_id);
            first.map_or(Found::None, Found::One)
        }
        Err(why) => Found::Unknown(why),
    }
}

/// Reads the answer of `GET /v1/customer/disputes/{id}`.
pub fn read(received: &Received) -> Found<Dispute> {
    match received.status {
        200 => match object::<DisputeBody>(&received.body).and_then(DisputeBody::dispute) {
            Ok(dispute) => Found::One(dispute),
            Err(why) => Found::Unknown(why),
        },
        404 => Found::None,
        status => Found::Unknown(format!("the gateway answered {status}")),
    }
}

impl DisputeBody {
    fn dispute(self) -> Result<Dispute, String> {
        let status = self.status()?;
        let disputed = self.disputed_transactions.and_then(|disputed| disputed.into_iter().next());
        let disputed = disputed.unwrap_or_default();
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        // PayPal holds a disputed amount from the chargeback on; an inquiry only asks.
        let escalated = matches!(
            self.dispute_life_cycle_stage.as_deref(),
            Some("CHARGEBACK" | "PRE_ARBITRATION" | "ARBITRATION")
        );
        Ok(Dispute {
            dispute_ref: self.dispute_id.ok_or("a dispute without an id")?,
            reference: filled(disputed.custom).or(filled(disputed.invoice_number)),
            money: self.dispute_amount.as_ref().and_then(from_value).ok_or("a dispute without an amount")?,
            fee: None,
            reason: self.reason,
            status,
            funds_withdrawn: escalated || status == DisputeStatus::Lost,
        })
    }

    /// Whatever is not resolved is open.
    fn status(&self) -> Result<DisputeStatus, String> {
        if self.status.as_deref() != Some("RESOLVED") {
            return match &self.status {
                Some(_) => Ok(DisputeStatus::Open),
                None => Err("a dispute without a status".into()),
            };
        }
        match self.dispute_outcome.as_ref().and_then(|outcome| outcome.outcome_code.as_deref()) {
            // A payout is PayPal's own money: the payer gets it, and the merchant keeps the payment.
            Some(
                "RESOLVED_SELLER_FAVOUR" | "RESOLVED_WITH_PAYOUT" | "CANCELED_BY_BUYER" | "DENIED" | "NONE",
            ) => Ok(DisputeStatus::Won),
            Some("RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => Ok(DisputeStatus::Lost),
            code => Err(format!("a dispute resolved with {}", code.unwrap_or("no outcome"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(status: u16, body: &str) -> Found<Dispute> {
        read(&Received { status, retry_after: None, body: body.to_owned().into() })
    }

    fn dispute(status: &str, outcome: &str, stage: &str) -> Found<Dispute> {
        found(
            200,
            &format!(
                r#"{{"dispute_id":"PP-D-1","reason":"UNAUTHORISED","status":"{status}",
                "dispute_amount":{{"currency_code":"EUR","value":"49.90"}},
                "dispute_outcome":{outcome},"dispute_life_cycle_stage":"{stage}",
                "disputed_transactions":[{{"seller_transaction_id":"3C1","custom":"pay_1","invoice_number":"x"}}]}}"#
            ),
        )
    }

    #[test]
    fn where_a_dispute_stands() {
        use DisputeStatus::{Lost, Open, Won};
        let code = |code: &str| format!(r#"{{"outcome_code":"{code}"}}"#);
        for (word, outcome, stage, status, funds_withdrawn) in [
            ("OPEN", "null".to_owned(), "INQUIRY", Open, false),
            ("WAITING_FOR_SELLER_RESPONSE", "null".into(), "CHARGEBACK", Open, true),
            ("UNDER_REVIEW", "null".into(), "PRE_ARBITRATION", Open, true),
            ("SOMETHING_NEW", "null".into(), "ARBITRATION", Open, true),
            ("RESOLVED", code("RESOLVED_SELLER_FAVOUR"), "CHARGEBACK", Won, true),
            ("RESOLVED", code("CANCELED_BY_BUYER"), "INQUIRY", Won, false),
            ("RESOLVED", code("RESOLVED_WITH_PAYOUT"), "INQUIRY", Won, false),
            ("RESOLVED", code("RESOLVED_BUYER_FAVOUR"), "INQUIRY", Lost, true),
            ("RESOLVED", code("ACCEPTED"), "INQUIRY", Lost, true),
        ] {
            let Found::One(dispute) = dispute(word, &outcome, stage) else { panic!("{word} {outcome}") };
            assert_eq!(
                (dispute.status, dispute.funds_withdrawn),
                (status, funds_withdrawn),
                "{word} {outcome}"
            );
            assert_eq!(dispute.reference.as_deref(), Some("pay_1"));
            assert_eq!(dispute.money.to_string(), "49.90 EUR");
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for outcome in ["null", "{}", r#"{"outcome_code":"SOMETHING_NEW"}"#] {
            assert!(matches!(dispute("RESOLVED", outcome, "CHARGEBACK"), Found::Unknown(_)), "{outcome}");
        }
        for body in ["", "null", "{}", r#"{"dispute_id":"PP-D-1","status":"OPEN"}"#, r#"{"status":"OPEN"}"#] {
            assert!(matches!(found(200, body), Found::Unknown(_)), "{body}");
        }
        assert_eq!(found(404, ""), Found::None);
        for status in [302, 400, 401, 403, 429, 500] {
            assert!(matches!(found(status, "{}"), Found::Unknown(_)), "{status}");
        }
    }
}
