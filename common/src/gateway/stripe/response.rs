//! What Stripe's answers mean. Pure; every field is optional, and what cannot be understood is unknown,
//! never failed.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::gateway::{Card, Charge, Report, Resolution};

use super::{amount::from_minor_units, decline, request::REFERENCE};

/// Not a decline: the bank believes that it has this payment already.
const DUPLICATE: &str = "duplicate_transaction";

/// The longest wait that we take a gateway's word for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// An answer, as received.
pub struct Received {
    pub status: u16,
    pub request_id: Option<String>,
    pub should_retry: Option<String>,
    pub retry_after: Option<String>,
    pub body: Bytes,
}

/// One page of a list, searched for our reference.
pub enum Page {
    Found(Report),
    More { last_id: String },
    Last,
    Unreadable(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PaymentIntent {
    id: Option<String>,
    status: Option<String>,
    currency: Option<String>,
    amount_received: Option<i64>,
    amount_capturable: Option<i64>,
    latest_charge: Option<LatestCharge>,
    next_action: Option<NextAction>,
    last_payment_error: Option<ErrorBody>,
    metadata: Option<HashMap<String, String>>,
}

/// An id, or the object where the request asked to expand it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum LatestCharge {
    Id(String),
    Object(ChargeBody),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChargeBody {
    id: Option<String>,
    payment_method_details: Option<MethodDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MethodDetails {
    card: Option<Card>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NextAction {
    redirect_to_url: Option<Redirect>,
    use_stripe_sdk: Option<UseSdk>,
}

/// Where the caller gave no page to come back to, Stripe's script would follow this one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UseSdk {
    stripe_js: Option<String>,
}

impl NextAction {
    fn url(&self) -> Option<String> {
        let redirect = self.redirect_to_url.as_ref().and_then(|redirect| redirect.url.clone());
        redirect.or_else(|| self.use_stripe_sdk.as_ref()?.stripe_js.clone())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Redirect {
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorEnvelope {
    error: Option<ErrorBody>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    advice_code: Option<String>,
    message: Option<String>,
    param: Option<String>,
    payment_intent: Option<Box<PaymentIntent>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct List {
    data: Option<Vec<Value>>,
    has_more: Option<bool>,
}

/// The answer to a create-and-confirm.
pub fn read_charge(received: &Received) -> Report {
    let unknown =
        |resolution| Report::Unknown { why: format!("the gateway answered {}", received.status), resolution };
    match received.status {
        200..=299 => match serde_json::from_slice(&received.body) {
            Ok(intent) => read_intent(&intent, Resolution::Replay),
            Err(error) => {
                Report::Unknown { why: format!("unreadable answer: {error}"), resolution: Resolution::Replay }
            }
        },
        429 => Report::NotSent {
            why: "the gateway limits our rate".into(),
            retry_after: received.retry_after.as_deref().and_then(seconds),
        },
        402 => read_error(402, &error_body(received)),
        // Only these say for sure that the request itself is at fault, and only if not told otherwise. A
        // proxy's 408 or 499 is as good as silence.
        400 | 401 | 403 | 404 if received.should_retry.as_deref() != Some("true") => {
            read_error(received.status, &error_body(received))
        }
        // Stripe keeps a 500 under the key: a replay would only repeat it. Its hint goes before our rule.
        500 if received.should_retry.as_deref() != Some("true") => unknown(Resolution::LookUp),
        501..=599 if received.should_retry.as_deref() == Some("false") => unknown(Resolution::LookUp),
        _ => unknown(Resolution::Replay),
    }
}

/// The answer to a GET by id. Whatever is not about the operation itself leaves it unknown.
pub fn read_look_up(received: &Received) -> Report {
    match received.status {
        200 => match serde_json::from_slice(&received.body) {
            Ok(intent) => read_intent(&intent, Resolution::LookUp),
            Err(error) => super::unresolved(&format!("unreadable answer: {error}")),
        },
        404 => Report::NotFound,
        status => super::unresolved(&format!("the gateway answered {status}")),
    }
}

/// The answer to a list.
pub fn find_in_page(received: &Received, reference: &str) -> Page {
    if received.status != 200 {
        return Page::Unreadable(format!("the gateway answered {}", received.status));
    }
    let list: List = match serde_json::from_slice(&received.body) {
        Ok(list) => list,
        Err(error) => return Page::Unreadable(format!("unreadable answer: {error}")),
    };
    // One by one: an odd one must not hide the others.
    let intents = list.data.unwrap_or_default().into_iter();
    let data: Vec<_> = intents.map(|intent| PaymentIntent::deserialize(intent).unwrap_or_default()).collect();
    let ours = |intent: &&PaymentIntent| {
        intent.metadata.as_ref().and_then(|metadata| metadata.get(REFERENCE)).is_some_and(|r| r == reference)
    };
    if let Some(intent) = data.iter().find(ours) {
        return Page::Found(read_intent(intent, Resolution::LookUp));
    }
    match data.last().and_then(|intent| intent.id.clone()) {
        Some(last_id) if list.has_more == Some(true) => Page::More { last_id },
        _ => Page::Last,
    }
}

fn read_intent(intent: &PaymentIntent, resolution: Resolution) -> Report {
    let unknown = |why: String| Report::Unknown { why, resolution };
    let Some(gateway_ref) = intent.id.clone() else {
        return unknown("an answer without an id".into());
    };
    match intent.status.as_deref() {
        Some("succeeded") => Report::Succeeded(read_money(intent, gateway_ref, intent.amount_received)),
        Some("requires_capture") => {
            Report::Authorized(read_money(intent, gateway_ref, intent.amount_capturable))
        }
        Some("processing") => Report::Processing { gateway_ref },
        Some("requires_action") => {
            Report::RequiresAction { gateway_ref, url: intent.next_action.as_ref().and_then(NextAction::url) }
        }
        Some("canceled") => Report::Canceled { gateway_ref },
        Some("requires_payment_method") => match &intent.last_payment_error {
            Some(error) if error.decline_code.as_deref() == Some(DUPLICATE) => {
                unknown("the gateway takes it for a duplicate of another payment".into())
            }
            Some(error) => Report::Declined(decline::classify(said(error), Some(gateway_ref))),
            None => unknown("an answer without the reason of its failure".into()),
        },
        other => unknown(format!("an answer with status {}", other.unwrap_or("missing"))),
    }
}

fn read_money(intent: &PaymentIntent, gateway_ref: String, minor: Option<i64>) -> Charge {
    let (charge_ref, card) = match &intent.latest_charge {
        Some(LatestCharge::Id(id)) => (Some(id.clone()), None),
        Some(LatestCharge::Object(charge)) => (
            charge.id.clone(),
            charge.payment_method_details.as_ref().and_then(|details| details.card.clone()),
        ),
        None => (None, None),
    };
    Charge {
        gateway_ref,
        charge_ref,
        card,
        money: minor.and_then(|minor| from_minor_units(minor, intent.currency.as_deref()?)),
        fee: None,
    }
}

fn read_error(status: u16, error: &ErrorBody) -> Report {
    if error.code.as_deref() == Some(DUPLICATE) || error.decline_code.as_deref() == Some(DUPLICATE) {
        return super::unresolved("the gateway takes it for a duplicate of another payment");
    }
    if status == 402 || error.kind.as_deref() == Some("card_error") {
        let gateway_ref = error.payment_intent.as_ref().and_then(|intent| intent.id.clone());
        return Report::Declined(decline::classify(said(error), gateway_ref));
    }
    // A key in use answers 409 with the same type; here it can only be another body.
    if error.kind.as_deref() == Some("idempotency_error") {
        tracing::error!("the gateway says that a key was sent with two different bodies: a defect of ours");
        return super::unresolved("the key was used with another body");
    }
    let code = error.code.clone().or(error.kind.clone()).unwrap_or_else(|| format!("http_{status}"));
    let message = match (&error.message, &error.param) {
        (Some(message), Some(param)) => format!("{message} ({param})"),
        (Some(message), None) => message.clone(),
        (None, _) => format!("the gateway answered {status}"),
    };
    Report::Refused { code, message, alarm: matches!(status, 401 | 403) }
}

fn said(error: &ErrorBody) -> decline::Said<'_> {
    decline::Said {
        advice_code: error.advice_code.as_deref(),
        decline_code: error.decline_code.as_deref(),
        code: error.code.as_deref(),
    }
}

fn error_body(received: &Received) -> ErrorBody {
    let envelope: ErrorEnvelope = serde_json::from_slice(&received.body).unwrap_or_default();
    envelope.error.unwrap_or_default()
}

/// `Retry-After` in seconds; its date form is not used by Stripe.
fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(status: u16, body: &str) -> Received {
        let body = Bytes::from(body.to_owned());
        Received { status, request_id: None, should_retry: None, retry_after: None, body }
    }

    fn word(status: u16, body: &str) -> &'static str {
        read_charge(&received(status, body)).word()
    }

    #[test]
    fn every_status_has_a_meaning_even_without_a_body() {
        for (status, expected) in [
            (200, "unknown"),
            (302, "unknown"),
            (400, "refused"),
            (401, "refused"),
            (402, "declined"),
            (403, "refused"),
            (404, "refused"),
            (408, "unknown"),
            (409, "unknown"),
            (422, "unknown"),
            (424, "unknown"),
            (429, "not_sent"),
            (499, "unknown"),
            (500, "unknown"),
            (502, "unknown"),
            (503, "unknown"),
            (504, "unknown"),
        ] {
            for body in ["", "{}", "null", "<html>", "{\"error\":null}"] {
                assert_eq!(word(status, body), expected, "{status} {body}");
            }
            let look_up = read_look_up(&received(status, "{}")).word();
            assert_eq!(look_up, if status == 404 { "not_found" } else { "unknown" }, "look-up: {status}");
        }
    }

    #[test]
    fn a_status_that_we_do_not_know_is_unknown_and_nulls_are_read() {
        for (status, expected) in [
            ("\"succeeded\"", "succeeded"),
            ("\"requires_capture\"", "authorized"),
            ("\"processing\"", "processing"),
            ("\"requires_action\"", "requires_action"),
            ("\"canceled\"", "canceled"),
            ("\"requires_payment_method\"", "unknown"),
            ("\"requires_confirmation\"", "unknown"),
            ("\"something_new\"", "unknown"),
            ("null", "unknown"),
        ] {
            let nulls = r#""metadata":null,"latest_charge":null,"next_action":null,"last_payment_error":null,
                "amount_received":null,"currency":null"#;
            let body = format!(r#"{{"id":"pi_1","status":{status},{nulls}}}"#);
            assert_eq!(word(200, &body), expected, "{body}");
        }
        assert_eq!(word(200, r#"{"status":"succeeded"}"#), "unknown", "nothing can be found without an id");
    }

    #[test]
    fn the_gateways_hint_goes_before_the_rule() {
        let hinted = |status, hint: &str| {
            let received = Received { should_retry: Some(hint.into()), ..received(status, "") };
            match read_charge(&received) {
                Report::Unknown { resolution, .. } => resolution,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(hinted(500, "true"), Resolution::Replay);
        assert_eq!(hinted(500, "false"), Resolution::LookUp);
        assert_eq!(hinted(503, "true"), Resolution::Replay);
        assert_eq!(hinted(503, "false"), Resolution::LookUp);
    }

    #[test]
    fn a_wish_to_wait_is_read() {
        let received = Received { retry_after: Some("7".into()), ..received(429, "") };
        let Report::NotSent { retry_after, .. } = read_charge(&received) else { panic!() };
        assert_eq!(retry_after, Some(Duration::from_secs(7)));
    }
}
