//! What is sent to Stripe. Pure: the same operation always makes the same body, because the same key
//! must carry the same body for as long as the payment may be replayed.

use crate::gateway::{ChargeRequest, MethodType};

use super::amount::{AmountError, to_minor_units};

/// The metadata key under which our reference is stored at Stripe, and found again.
pub const REFERENCE: &str = "remit_payment";

/// The form of `POST /v1/payment_intents`: create and confirm in one call.
pub fn charge_form(request: &ChargeRequest) -> Result<Vec<(&'static str, String)>, AmountError> {
    let mut form = vec![
        ("amount", to_minor_units(&request.money)?.to_string()),
        ("currency", request.money.currency.code().to_ascii_lowercase()),
        ("payment_method", request.token.clone().unwrap_or_default()),
        ("confirm", "true".to_owned()),
        ("capture_method", request.capture.as_str().to_owned()),
        ("automatic_payment_methods[enabled]", "true".to_owned()),
        ("metadata[remit_payment]", request.reference.clone()),
        ("expand[0]", "latest_charge".to_owned()),
    ];
    match &request.return_url {
        Some(url) => form.push(("return_url", url.clone())),
        // Without a page to come back to, no method that leaves ours can be used.
        None => form.push(("automatic_payment_methods[allow_redirects]", "never".to_owned())),
    }
    if let Some(description) = &request.description {
        form.push(("description", description.clone()));
    }
    if request.method == MethodType::BankDebit {
        // The payer agreed on the merchant's page; the merchant vouches for it.
        form.push(("mandate_data[customer_acceptance][type]", "offline".to_owned()));
    }
    Ok(form)
}

/// The query of `GET /v1/payment_intents`, newest first, made between these two seconds.
pub fn list_query(created: (i64, i64), starting_after: Option<&str>) -> Vec<(&'static str, String)> {
    let mut query = vec![
        ("limit", "100".to_owned()),
        ("created[gte]", created.0.to_string()),
        ("created[lte]", created.1.to_string()),
        ("expand[0]", "data.latest_charge".to_owned()),
    ];
    query.extend(starting_after.map(|id| ("starting_after", id.to_owned())));
    query
}

#[cfg(test)]
mod tests {
    use crate::{
        gateway::Capture,
        money::{Currency, Money},
    };

    use super::*;

    fn request() -> ChargeRequest {
        ChargeRequest {
            reference: "pay_1".into(),
            key: "pay_1".into(),
            money: Money::parse_positive("49.90", Currency::from_code("EUR").unwrap()).unwrap(),
            method: MethodType::Card,
            token: Some("pm_card_visa".into()),
            capture: Capture::Automatic,
            description: None,
            return_url: None,
            approved: None,
            traceparent: None,
        }
    }

    fn encoded(request: &ChargeRequest) -> String {
        serde_urlencoded::to_string(charge_form(request).unwrap()).unwrap()
    }

    /// This text must not change while any payment made with it may still be replayed (20 hours):
    /// Stripe refuses a key that comes back with another body.
    #[test]
    fn the_body_of_a_charge_is_pinned() {
        assert_eq!(
            encoded(&request()),
            "amount=4990&currency=eur&payment_method=pm_card_visa&confirm=true&capture_method=automatic\
             &automatic_payment_methods%5Benabled%5D=true&metadata%5Bremit_payment%5D=pay_1\
             &expand%5B0%5D=latest_charge&automatic_payment_methods%5Ballow_redirects%5D=never"
        );
    }

    #[test]
    fn options_are_sent_where_they_are_asked_for() {
        let body = encoded(&ChargeRequest {
            capture: Capture::Manual,
            method: MethodType::BankDebit,
            description: Some("order 1".into()),
            return_url: Some("https://shop.example/back".into()),
            ..request()
        });
        for part in ["capture_method=manual", "description=order+1", "return_url=https", "mandate_data"] {
            assert!(body.contains(part), "{part} in {body}");
        }
        assert!(!body.contains("allow_redirects"));
    }
}
