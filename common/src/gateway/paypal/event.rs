//! PayPal's events: what they are about, and the question whose they are, over the very bytes that came in, for
//! when [`super::signature`] cannot tell.

use std::collections::HashMap;

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::gateway::{About, Event, Received, Verdict, event};

use super::{
    response::{self, PAYMENT, REFUND},
    wire::Supplement,
};

/// What PayPal signs with, by header.
const SIGNED_WITH: [&str; 5] = [
    "paypal-auth-algo",
    "paypal-cert-url",
    "paypal-transmission-id",
    "paypal-transmission-sig",
    "paypal-transmission-time",
];

/// The question whether an event is PayPal's own. `None` if it cannot be: no headers, or no object of
/// JSON. The latter is more than tidiness: a text that ended the object early could put a certificate
/// and a webhook of its sender's into our question.
#[must_use]
pub fn verification(received: &Received, webhook_id: &str) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Question<'a> {
        auth_algo: &'a str,
        cert_url: &'a str,
        transmission_id: &'a str,
        transmission_sig: &'a str,
        transmission_time: &'a str,
        webhook_id: &'a str,
    }
    let header = |name: &str| received.headers.get(name).map(String::as_str);
    let [algo, cert, id, sig, time] = SIGNED_WITH.map(header);
    let question = Question {
        auth_algo: algo?,
        cert_url: cert?,
        transmission_id: id?,
        transmission_sig: sig?,
        transmission_time: time?,
        webhook_id,
    };
    serde_json::from_slice::<Object>(&received.body).ok()?;
    let mut question = serde_json::to_vec(&question).ok()?;
    // Not a byte of the body may change, or its checksum would.
    question.pop();
    question.extend_from_slice(b",\"webhook_event\":");
    question.extend_from_slice(&received.body);
    question.push(b'}');
    Some(question)
}

/// Reads the answer to such a question.
pub fn read_verdict(received: &response::Received) -> Verdict {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        verification_status: Option<String>,
    }
    if received.status != 200 {
        return Verdict::Unknown(format!("the gateway answered {}", received.status));
    }
    match response::object::<Body>(&received.body).map(|body| body.verification_status) {
        Ok(Some(status)) if status == "SUCCESS" => Verdict::Genuine,
        Ok(Some(status)) if status == "FAILURE" => Verdict::Forged,
        Ok(status) => Verdict::Unknown(format!("a verdict {status:?}")),
        Err(why) => Verdict::Unknown(why),
    }
}

/// Any object of JSON, whatever is in it.
type Object = HashMap<String, IgnoredAny>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    id: Option<String>,
    event_type: Option<String>,
    resource: Option<Resource>,
}

/// A capture, an authorization, a refund, an order or a dispute.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    id: Option<String>,
    dispute_id: Option<String>,
    custom_id: Option<String>,
    invoice_id: Option<String>,
    supplementary_data: Option<Supplement>,
    purchase_units: Option<Vec<Unit>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Unit {
    custom_id: Option<String>,
}

/// What an event is about.
///
/// Fails with a sentence for operators, when the body is no event.
pub fn read(body: &[u8]) -> Result<Event, String> {
    let body: Body = response::object(body)?;
    let id = name(body.id).ok_or("an event without an id")?;
    let kind = name(body.event_type).ok_or("an event without a type")?;
    let about = body.resource.unwrap_or_default().about(&kind);
    Ok(Event { id, kind, about })
}

/// What can be stored and looked for; whatever else stands there is no name.
fn name(text: Option<String>) -> Option<String> {
    text.as_deref().and_then(event::name)
}

impl Resource {
    fn about(self, kind: &str) -> About {
        let of = |prefix: &str| kind.starts_with(prefix);
        if of("PAYMENT.REFUND.") || kind == "PAYMENT.CAPTURE.REFUNDED" {
            match self.name(REFUND) {
                Some(reference) => About::Refund { reference },
                // Made by a person at PayPal: it carries the payment's name, or none.
                None => {
                    name(self.id).map_or(About::Nothing, |id| About::GatewayRefund { refund_ref: id.into() })
                }
            }
        } else if of("PAYMENT.CAPTURE.") || of("PAYMENT.AUTHORIZATION.") {
            self.payment(None)
        } else if of("CHECKOUT.ORDER.") {
            let unit = self.purchase_units.as_ref().and_then(|units| units.first());
            let reference = name(unit.and_then(|unit| unit.custom_id.clone()));
            self.payment(reference)
        } else if of("CUSTOMER.DISPUTE.") {
            name(self.dispute_id).map_or(About::Nothing, |dispute_ref| About::Dispute { dispute_ref })
        } else {
            About::Nothing
        }
    }

    /// `of_order`: the resource is an order, and this is our name in it.
    fn payment(self, of_order: Option<String>) -> About {
        match (of_order, self.name(PAYMENT)) {
            (Some(reference), _) => {
                About::Payment { reference, gateway_ref: name(self.id).map(Into::into), refunded: None }
            }
            (None, Some(reference)) => {
                let order = self.supplementary_data.as_ref().and_then(Supplement::order_id);
                let gateway_ref = order.and_then(event::name).map(Into::into);
                About::Payment { reference, gateway_ref, refunded: None }
            }
            (None, None) => About::Nothing,
        }
    }

    /// Our name for it, of this kind.
    fn name(&self, prefix: &str) -> Option<String> {
        let ids = [&self.custom_id, &self.invoice_id].into_iter().flatten();
        ids.into_iter().find(|id| id.starts_with(prefix)).and_then(|id| event::name(id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn received(body: &str) -> Received {
        let headers = SIGNED_WITH.map(|name| (name.to_owned(), format!("{name} \"x\"")));
        Received { headers: BTreeMap::from(headers), body: body.into() }
    }

    #[test]
    fn what_is_not_signed_cannot_be_asked_about() {
        assert!(verification(&received("{}"), "WH-1").is_some());
        for name in SIGNED_WITH {
            let mut one_less = received("{}");
            one_less.headers.remove(name);
            assert!(verification(&one_less, "WH-1").is_none(), "{name}");
        }
    }

    /// A name that PostgreSQL cannot store would be a fault of ours.
    #[test]
    fn what_cannot_be_stored_is_no_name() {
        for odd in ["", r"WH\u0000-1", "WH 1", "WH-\u{e9}", &"W".repeat(256)] {
            for body in [
                format!(r#"{{"id":"{odd}","event_type":"X"}}"#),
                format!(r#"{{"id":"WH-1","event_type":"{odd}"}}"#),
            ] {
                assert!(read(body.as_bytes()).is_err(), "{body}");
            }
            for (kind, resource) in [
                ("PAYMENT.CAPTURE.COMPLETED", format!(r#"{{"custom_id":"pay_{odd} "}}"#)),
                ("CUSTOMER.DISPUTE.CREATED", format!(r#"{{"dispute_id":"{odd}"}}"#)),
                ("CHECKOUT.ORDER.APPROVED", format!(r#"{{"purchase_units":[{{"custom_id":"{odd}"}}]}}"#)),
            ] {
                let body = format!(r#"{{"id":"WH-1","event_type":"{kind}","resource":{resource}}}"#);
                assert_eq!(read(body.as_bytes()).unwrap().about, About::Nothing, "{body}");
            }
        }
    }

    #[test]
    fn not_a_byte_of_an_event_changes() {
        let body = "{ \"b\" : 1.50,\n\"a\":\"\\u00e9é\",  \"a\":1e2 }\n";
        let question = String::from_utf8(verification(&received(body), "WH-1").unwrap()).unwrap();
        assert!(
            question.ends_with(&format!(r#","webhook_id":"WH-1","webhook_event":{body}}}"#)),
            "{question}"
        );
        let read: serde_json::Value = serde_json::from_str(&question).unwrap();
        assert_eq!(read["cert_url"], "paypal-cert-url \"x\"");
        assert_eq!(read["webhook_event"]["b"], 1.5);
    }

    #[test]
    fn an_event_cannot_speak_for_us() {
        for body in [
            "",
            "1",
            "null",
            "[]",
            "\"x\"",
            r#"{},"webhook_id":"WH-OF-A-THIEF","x":{}"#,
            r#"{}}{"webhook_id":"WH-OF-A-THIEF""#,
            "{",
        ] {
            assert!(verification(&received(body), "WH-1").is_none(), "{body}");
        }
    }

    #[test]
    fn verdicts() {
        let verdict = |status, body: &str| {
            read_verdict(&response::Received { status, retry_after: None, body: body.to_owned().into() })
        };
        assert_eq!(verdict(200, r#"{"verification_status":"SUCCESS"}"#), Verdict::Genuine);
        assert_eq!(verdict(200, r#"{"verification_status":"FAILURE"}"#), Verdict::Forged);
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, r#"{"verification_status":null}"#),
            (200, r#"{"verification_status":"success"}"#),
            (201, r#"{"verification_status":"SUCCESS"}"#),
            (400, "{}"),
            (401, "{}"),
            (500, r#"{"verification_status":"FAILURE"}"#),
        ] {
            assert!(matches!(verdict(status, body), Verdict::Unknown(_)), "{status} {body}");
        }
    }

    #[test]
    fn what_an_event_is_about() {
        let about = |kind: &str, resource: &str| {
            let body = format!(r#"{{"id":"WH-1","event_type":"{kind}","resource":{resource}}}"#);
            read(body.as_bytes()).unwrap().about
        };
        let payment = |gateway_ref: Option<&str>| About::Payment {
            reference: "pay_1".into(),
            gateway_ref: gateway_ref.map(Into::into),
            refunded: None,
        };
        let refund = || About::Refund { reference: "re_1".into() };
        let related = r#""supplementary_data":{"related_ids":{"order_id":"5O1"}}"#;
        let capture = format!(r#"{{"id":"3C1","custom_id":"pay_1",{related}}}"#);
        for kind in [
            "PAYMENT.CAPTURE.COMPLETED",
            "PAYMENT.CAPTURE.PENDING",
            "PAYMENT.CAPTURE.DENIED",
            "PAYMENT.CAPTURE.DECLINED",
            "PAYMENT.CAPTURE.REVERSED",
            "PAYMENT.AUTHORIZATION.CREATED",
            "PAYMENT.AUTHORIZATION.VOIDED",
        ] {
            assert_eq!(about(kind, &capture), payment(Some("5O1")), "{kind}");
            assert_eq!(about(kind, r#"{"invoice_id":"pay_1"}"#), payment(None), "{kind}");
            for nothing in ["{}", "null", r#"{"custom_id":"of-somebody-else"}"#] {
                assert_eq!(about(kind, nothing), About::Nothing, "{kind} {nothing}");
            }
        }
        for kind in ["CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED"] {
            let order = r#"{"id":"5O1","purchase_units":[{"custom_id":"pay_1"}]}"#;
            assert_eq!(about(kind, order), payment(Some("5O1")), "{kind}");
            assert_eq!(about(kind, r#"{"id":"5O1","purchase_units":[]}"#), About::Nothing, "{kind}");
        }
        for kind in ["PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED", "PAYMENT.CAPTURE.REFUNDED"] {
            assert_eq!(about(kind, r#"{"id":"1R1","custom_id":"re_1"}"#), refund(), "{kind}");
            assert_eq!(
                about(kind, r#"{"id":"1R1","custom_id":"pay_1","invoice_id":"re_1"}"#),
                refund(),
                "{kind}"
            );
            let told = About::GatewayRefund { refund_ref: "1R1".into() };
            assert_eq!(about(kind, r#"{"id":"1R1","custom_id":"pay_1"}"#), told, "{kind}");
            assert_eq!(about(kind, r#"{"id":"1R1"}"#), told, "{kind}");
            assert_eq!(about(kind, r#"{"custom_id":"pay_1"}"#), About::Nothing, "{kind}");
        }
        let dispute = About::Dispute { dispute_ref: "PP-D-1".into() };
        for kind in ["CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.UPDATED", "CUSTOMER.DISPUTE.RESOLVED"] {
            assert_eq!(about(kind, r#"{"dispute_id":"PP-D-1"}"#), dispute, "{kind}");
            assert_eq!(about(kind, "{}"), About::Nothing, "{kind}");
        }
        assert_eq!(about("BILLING.PLAN.CREATED", &capture), About::Nothing);
    }

    #[test]
    fn what_is_no_event_is_told_so() {
        for body in ["", "null", "[]", "{}", r#"{"id":"WH-1"}"#, r#"{"event_type":"X"}"#, "<html>"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
