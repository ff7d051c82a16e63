//! Stripe's events: whose they are, and what they are about. Bodies come from anybody: every field is
//! optional, and what is taken from one is a short name or nothing.

use hmac::{Hmac, KeyInit, Mac};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use crate::{
    clock::Timestamp,
    gateway::{About, Event, Received, Signature, event},
};

use super::{
    amount::from_minor_units,
    request::{PAYMENT, REFUND},
};

/// How far an event's time may be from ours, in seconds, before it may be an old one sent again.
const AGE_MAX_SECONDS: u64 = 300;

/// Whether Stripe made this event: `Stripe-Signature` over time and body, with one of our secrets, and
/// not older than five minutes.
pub fn check_signature(received: &Received, secrets: &[SecretString], now: Timestamp) -> Signature {
    let header = received.headers.get("stripe-signature").map(String::as_str).unwrap_or_default();
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let Some((_, signed_at)) = fields().find(|(name, _)| *name == "t") else {
        return Signature::Forged;
    };
    let recent = signed_at.parse::<i64>().is_ok_and(|at| now.timestamp().abs_diff(at) <= AGE_MAX_SECONDS);
    let signatures: Vec<_> =
        fields().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| hex::decode(value).ok()).collect();
    // What anybody could sign with is no secret.
    let secrets = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
    let genuine = secrets.filter_map(|secret| mac(secret, signed_at, &received.body)).any(|mac| {
        // Compared in constant time.
        signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    });
    if recent && genuine { Signature::Genuine } else { Signature::Forged }
}

fn mac(secret: &str, signed_at: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

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
            None => Some(About::GatewayRefund { refund_ref: name(&object["id"])? }),
        }
    } else if kind.starts_with("payment_intent.") {
        let gateway_ref = name(&object["id"]);
        Some(About::Payment { reference: reference(PAYMENT)?, gateway_ref, refunded: None })
    } else if kind.starts_with("charge.") {
        // Stripe copies the payment's metadata to its charges.
        let intent = &object["payment_intent"];
        let gateway_ref = name(intent).or_else(|| name(&intent["id"]));
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
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    const BODY: &str = r#"{"id":"evt_1","object":"event"}"#;
    const SIGNATURE: &str = "4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021";
    const SIGNED_AT: i64 = 1_700_000_000;

    fn checked(header: Option<&str>, body: &str, secrets: &[&str], now: i64) -> Signature {
        let header = header.map(|header| ("stripe-signature".to_owned(), header.to_owned()));
        let received = Received { headers: BTreeMap::from_iter(header), body: body.as_bytes().to_vec() };
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        check_signature(&received, &secrets, Timestamp::from_timestamp(now, 0).unwrap())
    }

    #[test]
    fn the_known_vector_is_genuine() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        assert_eq!(checked(Some(&header), BODY, &["whsec_test"], SIGNED_AT), Signature::Genuine);
    }

    #[test]
    fn any_signature_and_any_secret_may_match() {
        let other = "0".repeat(64);
        for header in [
            format!("t={SIGNED_AT},v1={other},v1={SIGNATURE}"),
            format!("t={SIGNED_AT},v1={SIGNATURE},v1={other},v0={other}"),
            format!("v1={SIGNATURE}, t={SIGNED_AT}"),
            format!("t={SIGNED_AT},v1={}", SIGNATURE.to_uppercase()),
        ] {
            let signature = checked(Some(&header), BODY, &["whsec_next", "whsec_test"], SIGNED_AT);
            assert_eq!(signature, Signature::Genuine, "{header}");
        }
    }

    #[test]
    fn five_minutes_are_allowed_either_way() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        for (apart, expected) in [
            (-301, Signature::Forged),
            (-300, Signature::Genuine),
            (300, Signature::Genuine),
            (301, Signature::Forged),
        ] {
            let signature = checked(Some(&header), BODY, &["whsec_test"], SIGNED_AT + apart);
            assert_eq!(signature, expected, "{apart}");
        }
    }

    #[test]
    fn everything_else_is_forged() {
        let good = format!("t={SIGNED_AT},v1={SIGNATURE}");
        let forged = |header: Option<&str>, body: &str, secrets: &[&str]| {
            assert_eq!(checked(header, body, secrets, SIGNED_AT), Signature::Forged, "{header:?}");
        };
        forged(None, BODY, &["whsec_test"]);
        forged(Some(&good), BODY, &[]);
        forged(Some(&good), BODY, &["whsec_other"]);
        forged(Some(&good), r#"{"id":"evt_2","object":"event"}"#, &["whsec_test"]);
        for header in [
            "",
            "t=,v1=",
            "t,v1",
            &format!("v1={SIGNATURE}"),
            &format!("t={SIGNED_AT}"),
            &format!("t={SIGNED_AT},v0={SIGNATURE}"),
            &format!("t={SIGNED_AT},v1={}", &SIGNATURE[..62]),
            &format!("t={SIGNED_AT},v1={SIGNATURE}00"),
            &format!("t={SIGNED_AT},v1=é{SIGNATURE}"),
            &format!("t={},v1={SIGNATURE}", SIGNED_AT + 1),
            &format!("t={},v1={SIGNATURE}", i64::MIN),
            &format!("t=now,v1={SIGNATURE}"),
        ] {
            forged(Some(header), BODY, &["whsec_test"]);
        }
    }

    /// An empty setting must not let everybody sign.
    #[test]
    fn an_empty_secret_is_no_secret() {
        let mac = mac("", "1700000000", BODY.as_bytes()).unwrap().finalize().into_bytes();
        let header = format!("t={SIGNED_AT},v1={}", hex::encode(mac));
        assert_eq!(checked(Some(&header), BODY, &[""], SIGNED_AT), Signature::Forged);
    }

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
