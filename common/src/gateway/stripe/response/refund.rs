//! Refunds: what became of one, and which refusals are a definite no.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    clock::Timestamp,
    gateway::{
        Charge, Decline, DeclineClass, GatewayRef, GatewayRefund, InDoubt, RefundOutcome, Report, Resolution,
        stripe::{
            request::{PAYMENT, REFUND},
            wire::{ErrorBody, Expandable, List, Refund},
        },
    },
};

use super::{
    Received,
    balance::{fee_of, money},
    parse,
};

/// What is told where the gateway's word is missing, or tells more than anybody should know.
const FAILED: &str = "refund_failed";

/// The answer to a question about one refund, whoever made it; `None`: there is none of that name.
pub fn find(received: &Received) -> Result<Option<GatewayRefund>, String> {
    match received.status {
        200 => parse(&received.body).and_then(found).map(Some),
        404 => Ok(None),
        status => Err(format!("the gateway answered {status}")),
    }
}

/// One of a list.
pub fn find_in(list: &List) -> Result<Vec<GatewayRefund>, String> {
    let read =
        |value: &Value| Refund::deserialize(value).map_err(|error| format!("unreadable refund: {error}"));
    list.members().iter().map(|value| read(value).and_then(found)).collect()
}

fn found(refund: Refund) -> Result<GatewayRefund, String> {
    let report = read(&refund, Resolution::LookUp);
    let (payment_ref, intent) = match refund.payment_intent {
        Some(Expandable::Id(id)) => (Some(id), None),
        Some(Expandable::Object(intent)) => (intent.id.clone(), Some(intent)),
        None => (None, None),
    };
    let named = |metadata: Option<&HashMap<String, String>>, key| metadata?.get(key).cloned();
    Ok(GatewayRefund {
        gateway_ref: refund.id.ok_or("a refund without an id")?.into(),
        reference: named(refund.metadata.as_ref(), REFUND),
        payment_reference: named(intent.as_ref().and_then(|intent| intent.metadata.as_ref()), PAYMENT),
        payment_ref: payment_ref.map(GatewayRef),
        charge_ref: refund.charge.as_ref().and_then(|charge| charge.as_str().map(Into::into)),
        money: money(refund.amount, refund.currency.as_deref()).ok_or("a refund without an amount")?,
        made_at: refund.created.and_then(|at| Timestamp::from_timestamp(at, 0)),
        report,
    })
}

/// What its status means. One without a status is not decided yet.
pub fn read(refund: &Refund, resolution: Resolution) -> Report<RefundOutcome> {
    let Some(gateway_ref) = refund.id.clone().map(GatewayRef) else {
        return Err(InDoubt::Unknown { why: "an answer without an id".into(), resolution });
    };
    Ok(match refund.status.as_deref() {
        Some("succeeded") => RefundOutcome::Succeeded(Charge {
            gateway_ref,
            charge_ref: None,
            card: None,
            money: money(refund.amount, refund.currency.as_deref()),
            fee: fee_of(refund.balance_transaction.as_ref()),
        }),
        Some("pending" | "requires_action") | None => RefundOutcome::Processing { gateway_ref },
        Some("failed") => RefundOutcome::Declined(failed(refund.failure_reason.as_deref(), gateway_ref)),
        Some("canceled") => RefundOutcome::Canceled { gateway_ref },
        Some(other) => {
            return Err(InDoubt::Unknown { why: format!("an answer with status {other}"), resolution });
        }
    })
}

fn failed(reason: Option<&str>, gateway_ref: GatewayRef) -> Decline {
    let code = match reason {
        None | Some("unknown" | "lost_or_stolen_card") => FAILED,
        Some(reason) => reason,
    };
    no(code, Some(gateway_ref))
}

/// A refusal that the state of the payment explains. As the first answer it is definite; after an earlier
/// request that may have run, it may be that request's own doing.
pub fn definite_no(error: &ErrorBody) -> Option<Decline> {
    match error.code.as_deref() {
        Some(
            code @ ("charge_already_refunded"
            | "amount_too_large"
            | "charge_disputed"
            | "charge_not_refundable"
            | "balance_insufficient"),
        ) => Some(no(code, None)),
        Some("refund_disputed_payment") => Some(no("charge_disputed", None)),
        // Older versions give no code to a refund of more than is left.
        None if error.param.as_deref() == Some("amount") => Some(no("amount_too_large", None)),
        _ => None,
    }
}

fn no(code: &str, gateway_ref: Option<GatewayRef>) -> Decline {
    let message = sentence(code).to_owned();
    Decline { class: DeclineClass::Hard, code: code.to_owned(), message, gateway_ref }
}

/// Our own words.
pub fn sentence(code: &str) -> &'static str {
    match code {
        "charge_already_refunded" => "The payment has been refunded already.",
        "amount_too_large" => "The amount is more than what is left of the payment.",
        "charge_disputed" | "charge_for_pending_refund_disputed" => {
            "The payment is disputed, and cannot be refunded."
        }
        "charge_not_refundable" => "The gateway gives nothing of this payment back any more.",
        "balance_insufficient" | "insufficient_funds" => {
            "The account at the gateway has too little money for this refund; it can be asked for again once there is enough."
        }
        "merchant_request" => "The refund was called off at the gateway, in the account's own name.",
        "expired_or_canceled_card" => "The card that was charged can take no refund any more.",
        _ => "The refund was declined; the money must be given back in another way.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::report::Worded as _;

    fn word(fields: &str) -> String {
        let body = format!(r#"{{"id":"re_1","amount":990,"currency":"eur"{fields}}}"#);
        match read(&serde_json::from_str(&body).unwrap(), Resolution::LookUp) {
            Ok(RefundOutcome::Declined(decline)) => format!("declined {}", decline.code),
            other => other.word().to_owned(),
        }
    }

    #[test]
    fn every_status_has_a_meaning() {
        for (fields, expected) in [
            (r#","status":"succeeded""#, "succeeded"),
            (r#","status":"pending""#, "processing"),
            (r#","status":"requires_action""#, "processing"),
            (r#","status":null"#, "processing"),
            ("", "processing"),
            (r#","status":"canceled""#, "canceled"),
            (r#","status":"something_new""#, "unknown"),
            (r#","status":"failed""#, "declined refund_failed"),
            (r#","status":"failed","failure_reason":null"#, "declined refund_failed"),
            (r#","status":"failed","failure_reason":"lost_or_stolen_card""#, "declined refund_failed"),
            (r#","status":"failed","failure_reason":"insufficient_funds""#, "declined insufficient_funds"),
        ] {
            assert_eq!(word(fields), expected, "{fields}");
        }
        let nameless = read(&Refund::default(), Resolution::Replay);
        assert!(
            matches!(nameless, Err(InDoubt::Unknown { resolution: Resolution::Replay, .. })),
            "{nameless:?}"
        );
    }

    #[test]
    fn a_success_says_what_was_given_back_and_what_it_cost() {
        let read_one = |transaction: &str| {
            let body = format!(
                r#"{{"id":"re_1","status":"succeeded","amount":990,"currency":"eur",
                     "balance_transaction":{transaction}}}"#
            );
            match read(&serde_json::from_str(&body).unwrap(), Resolution::LookUp) {
                Ok(RefundOutcome::Succeeded(charge)) => charge,
                other => panic!("{other:?}"),
            }
        };
        let booked = read_one(r#"{"id":"txn_1","fee":-35,"currency":"usd"}"#);
        assert_eq!(&*booked.gateway_ref, "re_1");
        assert_eq!(booked.money.unwrap().to_string(), "9.90 EUR");
        assert_eq!(booked.fee.unwrap().to_string(), "-0.35 USD");
        for unbooked in ["null", r#""txn_1""#] {
            assert_eq!(read_one(unbooked).fee, None);
        }
    }

    #[test]
    fn only_what_the_payments_state_explains_is_a_definite_no() {
        let said = |code: Option<&str>, param: Option<&str>| {
            let body = ErrorBody {
                code: code.map(Into::into),
                param: param.map(Into::into),
                ..ErrorBody::default()
            };
            definite_no(&body).map(|decline| decline.code)
        };
        assert_eq!(said(Some("charge_already_refunded"), None).as_deref(), Some("charge_already_refunded"));
        for code in ["charge_disputed", "charge_not_refundable", "balance_insufficient"] {
            assert_eq!(said(Some(code), None).as_deref(), Some(code));
            assert_ne!(sentence(code), sentence(""), "{code}: it says why");
        }
        assert_eq!(said(Some("refund_disputed_payment"), None).as_deref(), Some("charge_disputed"));
        assert_eq!(said(Some("amount_too_large"), Some("amount")).as_deref(), Some("amount_too_large"));
        assert_eq!(said(None, Some("amount")).as_deref(), Some("amount_too_large"));
        assert_eq!(said(Some("parameter_invalid_integer"), Some("amount")), None);
        assert_eq!(said(Some("resource_missing"), Some("payment_intent")), None);
        assert_eq!(said(None, None), None);
    }
}
