//! Stripe's events: what they are about. Bodies come from anybody: every field is optional, and what is taken from one
//! is a short name or nothing.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::gateway::{About, Event, event};

use super::{
    amount::from_minor_units,
    request::{PAYMENT, REFUND},
};

/// What an event is about.
pub fn read(body: &[u8]) -> Result<Event, String> {
    let event: Value = serde_json::from_slice(body).map_err(|error| format!("unreadable: {error}"))?;
    let id = name(&event["id"]).ok_or("an event without an id")?;
    let kind = name(&event["type"]).ok_or("an event without a type")?;
    let about = about(&kind, &event["data"]["object"]).unwrap_or(About::Nothing);
    Ok(Event { id, kind, about })
}

/// `None` for what has no name of ours: others may use the same account.
fn about(kind: &str, object: &Value) -> Option<About> {
    let reference = |key| name(&object["metadata"][key]);
    if kind.starts_with("charge.dispute.") {
        Some(About::Dispute { dispute_ref: name(&object["id"])? })
    } else if kind.starts_with("refund.") || kind.starts_with("charge.refund.") {
        // Without our name for it somebody has made it at Stripe.
        match reference(REFUND) {
            Some(reference) => Some(About::Refund { reference }),
            None => Some(About::GatewayRefund { refund_ref: name(&object["id"])?.into() }),
        }
    } else if kind.starts_with("payment_intent.") {
        let gateway_ref = name(&object["id"]).map(Into::into);
        Some(About::Payment { reference: reference(PAYMENT)?, gateway_ref, refunded: None })
    } else if kind.starts_with("charge.") {
        // Stripe copies the payment's metadata to its charges.
        let intent = &object["payment_intent"];
        let gateway_ref = name(intent).or_else(|| name(&intent["id"])).map(Into::into);
        let refunded = (kind == "charge.refunded").then(|| refunded(object)).flatten();
        Some(About::Payment { reference: reference(PAYMENT)?, gateway_ref, refunded })
    } else {
        None
    }
}

/// How much of a charge was given back so far.
fn refunded(charge: &Value) -> Option<Decimal> {
    let refunded = from_minor_units(charge["amount_refunded"].as_i64()?, charge["currency"].as_str()?)?;
    Some(refunded.amount)
}

fn name(value: &Value) -> Option<String> {
    value.as_str().and_then(event::name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn about_what(kind: &str, object: &Value) -> About {
        let body = json!({"id": "evt_1", "type": kind, "data": {"object": object}}).to_string();
        let event = read(body.as_bytes()).unwrap();
        assert_eq!((event.id.as_str(), event.kind.as_str()), ("evt_1", kind));
        event.about
    }

    #[test]
    fn an_event_names_what_should_be_looked_at() {
        let payment = |gateway_ref: Option<&str>| About::Payment {
            reference: "pay_1".into(),
            gateway_ref: gateway_ref.map(Into::into),
            refunded: None,
        };
        let of_payment = json!({"remit_payment": "pay_1"});
        for kind in ["payment_intent.succeeded", "payment_intent.something_new"] {
            let object = json!({"id": "pi_1", "metadata": of_payment});
            assert_eq!(about_what(kind, &object), payment(Some("pi_1")), "{kind}");
        }
        for (intent, gateway_ref) in
            [(json!("pi_1"), Some("pi_1")), (json!({"id": "pi_1"}), Some("pi_1")), (json!(null), None)]
        {
            let object = json!({"id": "ch_1", "payment_intent": intent, "metadata": of_payment});
            for kind in ["charge.captured", "charge.refunded", "charge.expired"] {
                assert_eq!(about_what(kind, &object), payment(gateway_ref), "{kind}");
            }
        }
        let given_back = json!({
            "id": "ch_1", "payment_intent": "pi_1", "metadata": of_payment,
            "amount_refunded": 990, "currency": "eur",
        });
        let refunded = Some("9.90".parse().unwrap());
        let about = About::Payment { reference: "pay_1".into(), gateway_ref: Some("pi_1".into()), refunded };
        assert_eq!(about_what("charge.refunded", &given_back), about);
        assert_eq!(about_what("charge.captured", &given_back), payment(Some("pi_1")));
        let object = json!({
            "id": "re_1", "payment_intent": "pi_1",
            "metadata": {"remit_refund": "ref_1", "remit_payment": "pay_1"},
        });
        for kind in ["refund.created", "refund.failed", "charge.refund.updated"] {
            assert_eq!(about_what(kind, &object), About::Refund { reference: "ref_1".into() }, "{kind}");
        }
        let object = json!({"id": "dp_1", "metadata": of_payment});
        for kind in ["charge.dispute.created", "charge.dispute.funds_withdrawn"] {
            assert_eq!(about_what(kind, &object), About::Dispute { dispute_ref: "dp_1".into() }, "{kind}");
        }
    }

    #[test]
    fn what_is_not_ours_is_about_nothing() {
        // Whose it is, Stripe must be asked.
        let refund = json!({"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1", "metadata": {}});
        let told = About::GatewayRefund { refund_ref: "re_1".into() };
        assert_eq!(about_what("refund.created", &refund), told);
        let ours = json!({"id": "cus_1", "metadata": {"remit_payment": "pay_1"}});
        for kind in ["customer.created", "payment_intentional", "chargeback", "refund", "x"] {
            assert_eq!(about_what(kind, &ours), About::Nothing, "{kind}");
        }
    }

    #[test]
    fn hostile_bodies_are_read_without_harm() {
        for object in [
            json!(null),
            json!(7),
            json!([]),
            json!("pi_1"),
            json!({"metadata": "pay_1"}),
            json!({"metadata": {"remit_payment": 7, "remit_refund": {}}}),
            json!({"metadata": {"remit_payment": "", "remit_refund": "a b"}}),
            json!({"metadata": {"remit_payment": "pay\u{0}1", "remit_refund": "x".repeat(256)}}),
            json!({"id": "dp\n1"}),
        ] {
            for kind in ["payment_intent.x", "charge.x", "refund.x", "charge.dispute.x"] {
                assert_eq!(about_what(kind, &object), About::Nothing, "{kind} {object}");
            }
        }
        for body in ["", "null", "[]", "{}", r#"{"id":"evt_1"}"#, r#"{"id":1,"type":"x"}"#, "\u{fffd}"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        let deep = format!(r#"{{"id":"evt_1","type":"x","data":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(read(deep.as_bytes()).is_err());
    }
}
