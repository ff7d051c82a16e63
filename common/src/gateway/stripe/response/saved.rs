//! Payment methods that belong to a customer, and can be charged without them.

use crate::gateway::{
    Card, CustomerRef, InDoubt, MethodRef, Report, Resolution, SaveOutcome, SaveRequest, SavedMethod,
    stripe::{
        request::CUSTOMER,
        wire::{Customer, Expandable, PaymentMethod, SavedBody},
    },
};

use super::{Received, parse};

/// The answer to saving.
pub fn read(body: &[u8], resolution: Resolution) -> Report<SaveOutcome> {
    let saved = parse(body).and_then(|body| {
        let saved = match body {
            SavedBody::Customer(customer) => customer.with_method(),
            SavedBody::PaymentMethod(method) => method.with_customer(),
        };
        saved.ok_or_else(|| "an answer without a customer and their payment method".into())
    });
    saved.map_err(|why| InDoubt::Unknown { why, resolution })
}

/// The answer to the question whose a method is: `None` when it is not the request's customer's.
pub fn find(received: &Received, request: &SaveRequest) -> Result<Option<SaveOutcome>, String> {
    match received.status {
        200 => {
            let method: PaymentMethod = parse(&received.body)?;
            let is_ours = method.customer.as_ref().is_some_and(|customer| customer.is_of(request));
            Ok(if is_ours { method.with_customer() } else { None })
        }
        404 => Ok(None),
        status => Err(format!("the gateway answered {status}")),
    }
}

impl Customer {
    fn with_method(self) -> Option<SaveOutcome> {
        let (method_ref, card) = match self.invoice_settings?.default_payment_method? {
            Expandable::Id(id) => (id, None),
            Expandable::Object(method) => (method.id?, method.card),
        };
        Some(saved(self.id?.into(), method_ref.into(), card))
    }
}

impl PaymentMethod {
    fn with_customer(self) -> Option<SaveOutcome> {
        let customer_ref = match self.customer? {
            Expandable::Id(id) => id,
            Expandable::Object(customer) => customer.id?,
        };
        Some(saved(customer_ref.into(), self.id?.into(), self.card))
    }
}

impl Expandable<Box<Customer>> {
    /// By the gateway's name for them, or by ours.
    fn is_of(&self, request: &SaveRequest) -> bool {
        let (id, reference) = match self {
            Self::Id(id) => (Some(id), None),
            Self::Object(customer) => {
                (customer.id.as_ref(), customer.metadata.as_ref().and_then(|metadata| metadata.get(CUSTOMER)))
            }
        };
        (id.is_some() && id.map(String::as_str) == request.customer_ref.as_deref())
            || reference == Some(&request.reference)
    }
}

fn saved(customer_ref: CustomerRef, method_ref: MethodRef, card: Option<Card>) -> SaveOutcome {
    SaveOutcome::Saved { method: SavedMethod { customer_ref: Some(customer_ref), method_ref }, card }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::gateway::Sending;

    use super::*;

    fn refs(outcome: &SaveOutcome) -> Option<(&str, &str)> {
        match outcome {
            SaveOutcome::Saved { method, .. } => Some((method.customer_ref.as_deref()?, &method.method_ref)),
            SaveOutcome::Declined(_) => None,
        }
    }

    #[test]
    fn a_customer_or_a_method_tells_both() {
        for body in [
            r#"{"object":"customer","id":"cus_1","invoice_settings":{"default_payment_method":"pm_1"}}"#,
            r#"{"object":"customer","id":"cus_1","invoice_settings":{"default_payment_method":{"id":"pm_1","customer":"cus_1","card":{"brand":"visa"}}}}"#,
            r#"{"object":"payment_method","id":"pm_1","customer":"cus_1","card":null}"#,
            r#"{"object":"payment_method","id":"pm_1","customer":{"id":"cus_1"}}"#,
        ] {
            assert_eq!(
                refs(&read(body.as_bytes(), Resolution::Replay).unwrap()),
                Some(("cus_1", "pm_1")),
                "{body}"
            );
        }
    }

    #[test]
    fn what_says_too_little_is_not_taken_for_saved() {
        for body in [
            "{}",
            r#"{"id":"cus_1"}"#,
            r#"{"object":"customer","id":"cus_1","invoice_settings":{"default_payment_method":null}}"#,
            r#"{"object":"customer","invoice_settings":{"default_payment_method":"pm_1"}}"#,
            r#"{"object":"payment_method","id":"pm_1","customer":null}"#,
            r#"{"object":"payment_method","customer":"cus_1"}"#,
            r#"{"object":"something_new","id":"pm_1","customer":"cus_1"}"#,
        ] {
            let report = read(body.as_bytes(), Resolution::Replay);
            let is_unclear = matches!(report, Err(InDoubt::Unknown { resolution: Resolution::Replay, .. }));
            assert!(is_unclear, "{body}: {report:?}");
        }
    }

    #[test]
    fn only_our_own_customer_has_it_saved() {
        let request = |customer_ref: Option<&str>| SaveRequest {
            reference: "cus_ours".into(),
            key: "key".into(),
            customer_ref: customer_ref.map(Into::into),
            email: None,
            name: None,
            token: "pm_1".into(),
            sending: Sending::default(),
        };
        let ours = r#"{"id":"cus_1","metadata":{"remit_customer":"cus_ours"}}"#;
        let other = r#"{"id":"cus_2","metadata":{"remit_customer":"cus_other"}}"#;
        for (customer, customer_ref, expected) in [
            (ours, None, Some(("cus_1", "pm_1"))),
            (ours, Some("cus_2"), Some(("cus_1", "pm_1"))),
            (other, None, None),
            (other, Some("cus_2"), Some(("cus_2", "pm_1"))),
            (other, Some("cus_1"), None),
            ("\"cus_1\"", Some("cus_1"), Some(("cus_1", "pm_1"))),
            ("\"cus_1\"", None, None),
            ("{}", None, None),
            ("null", None, None),
        ] {
            let body = Bytes::from(format!(r#"{{"id":"pm_1","customer":{customer}}}"#));
            let received =
                Received { status: 200, request_id: None, should_retry: None, retry_after: None, body };
            let found = find(&received, &request(customer_ref)).unwrap();
            assert_eq!(found.as_ref().and_then(refs), expected, "{customer} {customer_ref:?}");
        }
    }
}
