//! Names in a body: of closed sets, and ids.

use common::{
    event::EventType,
    gateway::{Capture, MethodType, RefundReason},
    id::{CustomerId, PaymentId, PaymentMethodId, PlanId, WebhookDeliveryId},
    merchant::scope::Scope,
    plan::Unit,
    subscription::{OnDispute, WithoutMethod, proration::Proration},
    webhook::{Order, Payload},
};
use serde_json::{Value, json};

use crate::docs::named::Named as _;

use super::part::{Components, Part, Pointer, Reader};

/// One of a closed set of names, or an id.
fn named<T: std::str::FromStr<Err: std::fmt::Display>>(value: &Value) -> Result<T, String> {
    match value {
        Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
        _ => Err("must be a string".into()),
    }
}

macro_rules! names {
    ($($type:ty),+ $(,)?) => {$(
        impl Part for $type {
            type Value = Self;

            fn describe() -> Value {
                json!(<$type>::reference())
            }

            fn components(all: &mut Components) {
                all.push(<$type>::component());
            }

            fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                reader.take(at, named(&value))
            }
        }
    )+};
}
names!(
    Capture,
    EventType,
    MethodType,
    OnDispute,
    Order,
    Payload,
    Proration,
    RefundReason,
    Scope,
    Unit,
    WithoutMethod
);
names!(CustomerId, PaymentId, PaymentMethodId, PlanId, WebhookDeliveryId);

/// Declares a few words of a body, each with what it means.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $type:ty, $($word:literal => $meaning:expr),+ $(,)?) => {
        $(#[$doc])*
        pub enum $name {}

        impl $crate::extract::Part for $name {
            type Value = $type;

            fn describe() -> ::serde_json::Value {
                ::serde_json::json!({ "type": "string", "enum": [$($word),+] })
            }

            fn read(
                value: ::serde_json::Value,
                at: $crate::extract::Pointer<'_>,
                reader: &mut $crate::extract::Reader<'_>,
            ) -> Option<$type> {
                match value.as_str() {
                    $(Some($word) => Some($meaning),)+
                    _ => reader.fault(at, concat!("must be one of", $(" ", $word, ","),+).trim_end_matches(',')),
                }
            }
        }
    };
}
pub(crate) use words;
