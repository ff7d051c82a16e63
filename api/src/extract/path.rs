//! The ids in a path. What is not one of ours is simply not there; whose it would be is told.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use common::{
    event::EventId,
    id::{
        ApiKeyId, CustomerId, InvalidId, InvoiceId, PaymentId, PaymentMethodId, PlanId, RefundId,
        SubscriptionId, WebhookDeliveryId, WebhookEndpointId,
    },
};

use crate::{App, error::ApiError};

/// What ids name, by what they begin with.
const KINDS: [(&str, &str); 11] = [
    (ApiKeyId::PREFIX, "an API key"),
    (CustomerId::PREFIX, "a customer"),
    (EventId::PREFIX, "an event"),
    (InvoiceId::PREFIX, "an invoice"),
    (PaymentId::PREFIX, "a payment"),
    (PaymentMethodId::PREFIX, "a payment method"),
    (PlanId::PREFIX, "a plan"),
    (RefundId::PREFIX, "a refund"),
    (SubscriptionId::PREFIX, "a subscription"),
    (WebhookDeliveryId::PREFIX, "a delivery to a webhook endpoint"),
    (WebhookEndpointId::PREFIX, "a webhook endpoint"),
];

/// An id.
pub struct PathId<T>(pub T);

/// What belongs to something, by the name that its id has in a path.
pub trait Belonging {
    /// The name.
    const NAME: &'static str;
}

impl Belonging for PaymentMethodId {
    const NAME: &'static str = "method";
}

impl Belonging for WebhookDeliveryId {
    const NAME: &'static str = "delivery";
}

/// Two ids: of something, and of what belongs to it.
pub struct PathIds<T, U>(pub T, pub U);

impl<T: FromStr<Err = InvalidId>> FromRequestParts<App> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, app).await.map_err(|_| ApiError::NotFound)?;
        id(&text).map(Self)
    }
}

impl<T: FromStr<Err = InvalidId>, U: FromStr<Err = InvalidId>> FromRequestParts<App> for PathIds<T, U> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Path((first, second)) =
            Path::<(String, String)>::from_request_parts(parts, app).await.map_err(|_| ApiError::NotFound)?;
        Ok(Self(id(&first)?, id(&second)?))
    }
}

fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|invalid: InvalidId| ApiError::NoSuch(told(text, invalid.expected_prefix)))
}

/// Why a text is no such id. It is not repeated: whoever sent it knows it.
fn told(text: &str, expected: &str) -> String {
    let named =
        KINDS.iter().find(|(prefix, _)| *prefix == expected).map_or("something else", |(_, what)| what);
    match KINDS.iter().find(|(prefix, _)| text.starts_with(prefix)) {
        Some((prefix, what)) if *prefix != expected => {
            format!(
                "Here belongs the id of {named}, {expected:?} and so on: {prefix:?} is the beginning of {what}."
            )
        }
        _ => format!("Here belongs the id of {named}: {expected:?} and 32 hexadecimal digits."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_is_told_apart_from_one_that_is_cut_off() {
        for (text, sentence) in [
            (
                "sub_0193a3f1c2d87b51a9f0c4d2e8b7a601",
                "Here belongs the id of a payment, \"pay_\" and so on: \"sub_\" is the beginning of a subscription.",
            ),
            ("pay_0193", "Here belongs the id of a payment: \"pay_\" and 32 hexadecimal digits."),
            ("17", "Here belongs the id of a payment: \"pay_\" and 32 hexadecimal digits."),
        ] {
            assert_eq!(told(text, PaymentId::PREFIX), sentence);
        }
    }
}
