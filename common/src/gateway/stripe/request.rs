//! What is sent to Stripe. Pure: the same operation always makes the same body, because the same key
//! must carry the same body for as long as the operation may be sent again.

use crate::gateway::{CaptureRequest, ChargeRequest, MethodType, RefundRequest, SaveRequest};

use super::amount::{AmountError, to_minor_units};

/// The metadata key under which our name for a payment is stored at Stripe, and found again.
pub const PAYMENT: &str = "remit_payment";

/// The same for a refund.
pub const REFUND: &str = "remit_refund";

/// The same for a customer.
pub const CUSTOMER: &str = "remit_customer";

/// Names and values, as a form or a query.
pub type Fields = Vec<(&'static str, String)>;

/// Why an operation cannot even be put into Stripe's words. No call is made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unspeakable {
    /// Stripe would refuse the amount.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// Nothing to charge: at Stripe the payer chooses before, on the merchant's page.
    #[error("a payment method's token is needed")]
    NoToken,
}

impl Unspeakable {
    /// A stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Amount(_) => "amount_not_chargeable",
            Self::NoToken => "payment_method_missing",
        }
    }
}

/// The form of `POST /v1/payment_intents`: create and confirm in one call.
pub fn charge(request: &ChargeRequest) -> Result<Fields, Unspeakable> {
    let mut form = vec![
        ("amount", to_minor_units(&request.money)?.to_string()),
        ("currency", request.money.currency.code().to_ascii_lowercase()),
        ("payment_method", request.method_ref().ok_or(Unspeakable::NoToken)?.to_owned()),
        ("confirm", "true".to_owned()),
        ("capture_method", request.capture.as_str().to_owned()),
        ("automatic_payment_methods[enabled]", "true".to_owned()),
        ("metadata[remit_payment]", request.reference.clone()),
        ("expand[0]", "latest_charge.balance_transaction".to_owned()),
    ];
    match request.return_url.as_ref().filter(|_| !request.off_session) {
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
    if let Some(customer) = request.saved.as_ref().and_then(|saved| saved.customer_ref.clone()) {
        form.push(("customer", customer.into()));
        if !request.off_session {
            // The bank is asked now for what will be charged without the payer later.
            form.push(("setup_future_usage", "off_session".to_owned()));
        }
    }
    if request.off_session {
        // Alone: it turns a request for authentication into a decline, and nothing else may say so beside it.
        form.push(("off_session", "true".to_owned()));
    }
    Ok(form)
}

/// The form of `POST /v1/customers`: a customer and their first payment method in one call, so that there
/// is never one without the other.
pub fn customer(request: &SaveRequest) -> Fields {
    let mut form = vec![
        ("payment_method", request.token.clone()),
        // Nothing is charged by default; but so the answer names the method.
        ("invoice_settings[default_payment_method]", request.token.clone()),
        ("metadata[remit_customer]", request.reference.clone()),
        ("expand[0]", "invoice_settings.default_payment_method".to_owned()),
    ];
    form.extend(request.email.clone().map(|email| ("email", email)));
    form.extend(request.name.clone().map(|name| ("name", name)));
    form
}

/// The form of `POST /v1/payment_methods/{id}/attach`.
pub fn attachment(customer_ref: &str) -> Fields {
    vec![("customer", customer_ref.to_owned())]
}

/// The form of `POST /v1/payment_intents/{id}/capture`. The amount is always said: what Stripe would
/// fill in is what is reserved when it runs, not when we asked.
pub fn capture(request: &CaptureRequest) -> Result<Fields, Unspeakable> {
    Ok(vec![
        ("amount_to_capture", to_minor_units(&request.money)?.to_string()),
        ("expand[0]", "latest_charge.balance_transaction".to_owned()),
    ])
}

/// The form of `POST /v1/payment_intents/{id}/cancel`: there is nothing to say.
pub fn cancel() -> Fields {
    Vec::new()
}

/// The form of `POST /v1/refunds`. The amount is always said: without one, Stripe gives back all that
/// is left.
pub fn refund(request: &RefundRequest) -> Result<Fields, Unspeakable> {
    let mut form = vec![
        ("payment_intent", request.payment_ref.to_string()),
        ("amount", to_minor_units(&request.money)?.to_string()),
        ("metadata[remit_refund]", request.reference.clone()),
        ("metadata[remit_payment]", request.payment_reference.clone()),
        ("expand[0]", "balance_transaction".to_owned()),
    ];
    form.extend(request.reason.map(|reason| ("reason", reason.as_str().to_owned())));
    Ok(form)
}

/// A query that asks for one more thing to be written out.
pub fn expanding(what: &str) -> Fields {
    vec![("expand[0]", what.to_owned())]
}

/// A query that asks for a refund with what says whose it is.
pub fn refund_found() -> Fields {
    vec![("expand[0]", "balance_transaction".to_owned()), ("expand[1]", "payment_intent".to_owned())]
}

/// The same of all refunds of a payment, newest first.
pub fn refunds_found(payment_ref: &str, starting_after: Option<&str>) -> Fields {
    let mut query = refunds_of(payment_ref, starting_after);
    query.push(("expand[1]", "data.payment_intent".to_owned()));
    query
}

/// The query of `GET /v1/payment_intents`, newest first, made between these two seconds.
pub fn payments_made(created: (i64, i64), starting_after: Option<&str>) -> Fields {
    made_between(created, "data.latest_charge.balance_transaction", starting_after)
}

/// The query of `GET /v1/balance_transactions`, newest first, made between these two seconds.
pub fn movements_made(created: (i64, i64), starting_after: Option<&str>) -> Fields {
    made_between(created, "data.source", starting_after)
}

/// The query of `GET /v1/refunds`: those of one payment, newest first.
pub fn refunds_of(payment_ref: &str, starting_after: Option<&str>) -> Fields {
    let mut query = page("data.balance_transaction", starting_after);
    query.push(("payment_intent", payment_ref.to_owned()));
    query
}

fn made_between(created: (i64, i64), expand: &str, starting_after: Option<&str>) -> Fields {
    let mut query = page(expand, starting_after);
    query.push(("created[gte]", created.0.to_string()));
    query.push(("created[lte]", created.1.to_string()));
    query
}

fn page(expand: &str, starting_after: Option<&str>) -> Fields {
    let mut query = vec![("limit", "100".to_owned()), ("expand[0]", expand.to_owned())];
    query.extend(starting_after.map(|id| ("starting_after", id.to_owned())));
    query
}

#[cfg(test)]
mod tests {
    use crate::{
        gateway::{Capture, RefundReason, SavedMethod, Sending},
        money::{Currency, Money},
    };

    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money::parse_positive(amount, Currency::from_code(currency).unwrap()).unwrap()
    }

    fn charge_request() -> ChargeRequest {
        ChargeRequest {
            reference: "pay_1".into(),
            key: "pay_1".into(),
            money: money("49.90", "EUR"),
            method: MethodType::Card,
            token: Some("pm_card_visa".into()),
            saved: None,
            off_session: false,
            capture: Capture::Automatic,
            description: None,
            return_url: None,
            approved: None,
            sending: Sending::default(),
        }
    }

    fn refund_request(reason: Option<RefundReason>) -> RefundRequest {
        RefundRequest {
            reference: "re_1".into(),
            key: "re_1".into(),
            payment_reference: "pay_1".into(),
            payment_ref: "pi_1".into(),
            charge_ref: Some("ch_1".into()),
            money: money("9.90", "EUR"),
            reason,
            sending: Sending::default(),
        }
    }

    fn encoded(fields: &Fields) -> String {
        serde_urlencoded::to_string(fields).unwrap()
    }

    // These texts must not change while any operation made with them may still be sent again (20 hours):
    // Stripe refuses a key that comes back with another body.

    #[test]
    fn the_body_of_a_charge_is_pinned() {
        assert_eq!(
            encoded(&charge(&charge_request()).unwrap()),
            "amount=4990&currency=eur&payment_method=pm_card_visa&confirm=true&capture_method=automatic\
             &automatic_payment_methods%5Benabled%5D=true&metadata%5Bremit_payment%5D=pay_1\
             &expand%5B0%5D=latest_charge.balance_transaction\
             &automatic_payment_methods%5Ballow_redirects%5D=never"
        );
    }

    #[test]
    fn the_bodies_of_charges_of_a_saved_method_are_pinned() {
        let saved = SavedMethod { customer_ref: Some("cus_1".into()), method_ref: "pm_1".into() };
        let with_payer = ChargeRequest { token: None, saved: Some(saved), ..charge_request() };
        let body = encoded(&charge(&charge_request()).unwrap());
        let body = body.replace("payment_method=pm_card_visa", "payment_method=pm_1");
        assert_eq!(
            encoded(&charge(&with_payer).unwrap()),
            format!("{body}&customer=cus_1&setup_future_usage=off_session")
        );
        let return_url = Some("https://shop.example/back".into());
        let without_payer = ChargeRequest { off_session: true, return_url, ..with_payer };
        assert_eq!(
            encoded(&charge(&without_payer).unwrap()),
            format!("{body}&customer=cus_1&off_session=true")
        );
    }

    #[test]
    fn the_bodies_of_saving_are_pinned() {
        let request = SaveRequest {
            reference: "cus_ours".into(),
            key: "key".into(),
            customer_ref: None,
            email: Some("ada@shop.example".into()),
            name: Some("Ada".into()),
            token: "pm_1".into(),
            sending: Sending::default(),
        };
        assert_eq!(
            encoded(&customer(&request)),
            "payment_method=pm_1&invoice_settings%5Bdefault_payment_method%5D=pm_1\
             &metadata%5Bremit_customer%5D=cus_ours\
             &expand%5B0%5D=invoice_settings.default_payment_method\
             &email=ada%40shop.example&name=Ada"
        );
        assert_eq!(encoded(&attachment("cus_1")), "customer=cus_1");
    }

    #[test]
    fn the_bodies_of_a_capture_and_of_a_cancellation_are_pinned() {
        let request = CaptureRequest {
            reference: "pay_1".into(),
            key: "pay_1-capture".into(),
            gateway_ref: "pi_1".into(),
            charge_ref: None,
            money: money("5000", "JPY"),
            sending: Sending::default(),
        };
        assert_eq!(
            encoded(&capture(&request).unwrap()),
            "amount_to_capture=5000&expand%5B0%5D=latest_charge.balance_transaction"
        );
        assert_eq!(encoded(&cancel()), "");
    }

    #[test]
    fn the_body_of_a_refund_is_pinned() {
        let body = "payment_intent=pi_1&amount=990&metadata%5Bremit_refund%5D=re_1\
                    &metadata%5Bremit_payment%5D=pay_1&expand%5B0%5D=balance_transaction";
        assert_eq!(encoded(&refund(&refund_request(None)).unwrap()), body);
        for reason in RefundReason::ALL {
            assert_eq!(
                encoded(&refund(&refund_request(Some(reason))).unwrap()),
                format!("{body}&reason={reason}")
            );
        }
    }

    #[test]
    fn options_are_sent_where_they_are_asked_for() {
        let request = ChargeRequest {
            capture: Capture::Manual,
            method: MethodType::BankDebit,
            description: Some("order 1".into()),
            return_url: Some("https://shop.example/back".into()),
            ..charge_request()
        };
        let body = encoded(&charge(&request).unwrap());
        for part in ["capture_method=manual", "description=order+1", "return_url=https", "mandate_data"] {
            assert!(body.contains(part), "{part} in {body}");
        }
        assert!(!body.contains("allow_redirects"));
    }

    #[test]
    fn what_cannot_be_said_is_not_sent() {
        let request = ChargeRequest { token: None, ..charge_request() };
        assert_eq!(charge(&request), Err(Unspeakable::NoToken));
        let request = ChargeRequest { money: money("1000000", "EUR"), ..charge_request() };
        assert_eq!(charge(&request).unwrap_err().code(), "amount_not_chargeable");
    }

    #[test]
    fn a_list_goes_on_where_it_ended() {
        assert_eq!(
            encoded(&movements_made((1, 2), Some("txn_1"))),
            "limit=100&expand%5B0%5D=data.source&starting_after=txn_1\
             &created%5Bgte%5D=1&created%5Blte%5D=2"
        );
    }
}
