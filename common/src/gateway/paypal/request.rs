//! What is sent to PayPal. Pure: the same operation always makes the same body, because a replay must
//! never be able to ask for something else.

use serde::Serialize;

use crate::gateway::{Capture, CaptureRequest, ChargeRequest, GatewayKey, RefundRequest};

use super::amount::{Amount, AmountError};

/// PayPal's bound for a description, in characters.
const DESCRIPTION_MAX: usize = 127;

#[derive(Serialize)]
struct Order<'a> {
    intent: &'static str,
    purchase_units: [Unit<'a>; 1],
    payment_source: Source<'a>,
}

/// The reference is in it three times: where the payment is found in an order, in events and in reports,
/// and, as the invoice, as a second guard against paying twice.
#[derive(Serialize)]
struct Unit<'a> {
    reference_id: &'a str,
    custom_id: &'a str,
    invoice_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    amount: Amount,
}

#[derive(Serialize)]
struct Source<'a> {
    paypal: Wallet<'a>,
}

#[derive(Serialize)]
struct Wallet<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    vault_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    experience_context: Option<Experience<'a>>,
}

#[derive(Serialize)]
struct Experience<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_url: Option<&'a str>,
    user_action: &'static str,
}

#[derive(Serialize)]
struct CaptureBody<'a> {
    amount: Amount,
    invoice_id: &'a str,
    final_capture: bool,
}

#[derive(Serialize)]
struct RefundBody<'a> {
    amount: Amount,
    custom_id: &'a str,
    invoice_id: &'a str,
}

/// The body of `POST /v2/checkout/orders`.
///
/// Fails with [`AmountError`] when PayPal would refuse the amount.
pub fn order(request: &ChargeRequest) -> Result<String, AmountError> {
    let return_url = request.return_url.as_deref();
    // A saved payer may be asked to come back after all: then there should be a way home.
    let comes_back = return_url.is_some() && !request.off_session;
    let goes_there = request.method_ref().is_none() || comes_back;
    let experience = Experience { return_url, cancel_url: return_url, user_action: "PAY_NOW" };
    Ok(json(&Order {
        intent: match request.capture {
            Capture::Automatic => "CAPTURE",
            Capture::Manual => "AUTHORIZE",
        },
        purchase_units: [Unit {
            reference_id: &request.reference,
            custom_id: &request.reference,
            invoice_id: &request.reference,
            description: request.description.as_deref().and_then(shortened),
            amount: Amount::of(&request.money)?,
        }],
        payment_source: Source {
            paypal: Wallet {
                vault_id: request.method_ref(),
                experience_context: goes_there.then_some(experience),
            },
        },
    }))
}

/// The last part of `POST /v2/checkout/orders/{id}/…` that completes an order.
#[must_use]
pub fn completion(capture: Capture) -> &'static str {
    match capture {
        Capture::Automatic => "capture",
        Capture::Manual => "authorize",
    }
}

/// The key under which an order is completed that was made under this one.
#[must_use]
pub fn completion_key(key: &GatewayKey) -> GatewayKey {
    GatewayKey(format!("{key}-capture"))
}

/// The body of `POST /v2/payments/authorizations/{id}/capture`.
///
/// Fails with [`AmountError`] when PayPal would refuse the amount.
pub fn capture(request: &CaptureRequest) -> Result<String, AmountError> {
    let amount = Amount::of(&request.money)?;
    Ok(json(&CaptureBody { amount, invoice_id: &request.reference, final_capture: true }))
}

/// The body of `POST /v2/payments/captures/{id}/refund`.
///
/// Fails with [`AmountError`] when PayPal would refuse the amount.
pub fn refund(request: &RefundRequest) -> Result<String, AmountError> {
    let amount = Amount::of(&request.money)?;
    Ok(json(&RefundBody { amount, custom_id: &request.reference, invoice_id: &request.reference }))
}

fn shortened(description: &str) -> Option<String> {
    let description: String = description.chars().take(DESCRIPTION_MAX).collect();
    (!description.is_empty()).then_some(description)
}

/// Structs of texts: there is nothing in them that JSON could not say.
fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::{
        gateway::{MethodType, SavedMethod, Sending},
        money::{Currency, Money},
    };

    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: Currency::from_code(currency).unwrap() }
    }

    fn charge() -> ChargeRequest {
        ChargeRequest {
            reference: "pay_1".into(),
            key: "pay_1".into(),
            money: money("49.9", "EUR"),
            method: MethodType::Paypal,
            token: Some("vault_ok".into()),
            saved: None,
            off_session: false,
            capture: Capture::Automatic,
            description: None,
            return_url: None,
            approved: None,
            sending: Sending::default(),
        }
    }

    /// These texts must not change while any payment made with them may still be replayed.
    #[test]
    fn the_bodies_are_pinned() {
        assert_eq!(
            order(&charge()).unwrap(),
            r#"{"intent":"CAPTURE","purchase_units":[{"reference_id":"pay_1","custom_id":"pay_1","invoice_id":"pay_1","amount":{"currency_code":"EUR","value":"49.90"}}],"payment_source":{"paypal":{"vault_id":"vault_ok"}}}"#
        );
        let by_the_payer = ChargeRequest {
            token: None,
            capture: Capture::Manual,
            money: money("5000.00", "HUF"),
            description: Some("order 1".into()),
            return_url: Some("https://shop.example/back".into()),
            ..charge()
        };
        assert_eq!(
            order(&by_the_payer).unwrap(),
            r#"{"intent":"AUTHORIZE","purchase_units":[{"reference_id":"pay_1","custom_id":"pay_1","invoice_id":"pay_1","description":"order 1","amount":{"currency_code":"HUF","value":"5000"}}],"payment_source":{"paypal":{"experience_context":{"return_url":"https://shop.example/back","cancel_url":"https://shop.example/back","user_action":"PAY_NOW"}}}}"#
        );
        let saved = SavedMethod { customer_ref: None, method_ref: "vault_ok".into() };
        let return_url = Some("https://shop.example/back".into());
        let without_payer =
            ChargeRequest { token: None, saved: Some(saved), off_session: true, return_url, ..charge() };
        assert_eq!(order(&without_payer).unwrap(), order(&charge()).unwrap(), "nobody comes back");
        let taking = CaptureRequest {
            reference: "pay_1".into(),
            key: "pay_1-take".into(),
            gateway_ref: "5O1".into(),
            charge_ref: Some("2A1".into()),
            money: money("20", "EUR"),
            sending: Sending::default(),
        };
        assert_eq!(
            capture(&taking).unwrap(),
            r#"{"amount":{"currency_code":"EUR","value":"20.00"},"invoice_id":"pay_1","final_capture":true}"#
        );
        let giving_back = RefundRequest {
            reference: "re_1".into(),
            key: "re_1".into(),
            payment_reference: "pay_1".into(),
            payment_ref: "5O1".into(),
            charge_ref: Some("3C1".into()),
            money: money("9.99", "EUR"),
            reason: None,
            sending: Sending::default(),
        };
        assert_eq!(
            refund(&giving_back).unwrap(),
            r#"{"amount":{"currency_code":"EUR","value":"9.99"},"custom_id":"re_1","invoice_id":"re_1"}"#
        );
    }

    #[test]
    fn a_description_is_cut_between_characters() {
        let long = ChargeRequest { description: Some("ő".repeat(500)), ..charge() };
        assert!(order(&long).unwrap().contains(&format!(r#""description":"{}""#, "ő".repeat(127))));
        let empty = ChargeRequest { description: Some(String::new()), ..charge() };
        assert!(!order(&empty).unwrap().contains("description"));
    }

    #[test]
    fn who_has_no_page_to_come_back_to_approves_all_the_same() {
        let body = order(&ChargeRequest { token: None, ..charge() }).unwrap();
        assert!(
            body.ends_with(
                r#""payment_source":{"paypal":{"experience_context":{"user_action":"PAY_NOW"}}}}"#
            )
        );
        let body =
            order(&ChargeRequest { return_url: Some("https://a.example".into()), ..charge() }).unwrap();
        assert!(body.contains(r#""vault_id":"vault_ok","experience_context":{"return_url""#));
    }
}
