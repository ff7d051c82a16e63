//! Names in a body: of closed sets, and ids.

use common::{
    gateway::{Capture, MethodType, RefundReason},
    id::{CustomerId, PaymentId, PaymentMethodId, PlanId},
    plan::Unit,
    subscription::{OnDispute, WithoutMethod, proration::Proration},
};
use serde_json::{Value, json};

use super::part::{Part, Pointer, Reader};

/// One of a closed set of names, or an id.
fn named<T: std::str::FromStr<Err: std::fmt::Display>>(value: &Value) -> Result<T, String> {
    match value {
        Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
        _ => Err("must be a string".into()),
    }
}

macro_rules! closed_sets {
    ($($type:ty),+) => {$(
        impl Part for $type {
            type Value = Self;

            fn describe() -> Value {
                json!({ "type": "string", "enum": <$type>::ALL.map(<$type>::as_str) })
            }

            fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                reader.take(at, named(&value))
            }
        }
    )+};
}
closed_sets!(Capture, MethodType, OnDispute, Proration, RefundReason, Unit, WithoutMethod);

macro_rules! ids {
    ($($type:ty),+) => {$(
        impl Part for $type {
            type Value = Self;

            fn describe() -> Value {
                let prefix = <$type>::PREFIX;
                json!({
                    "type": "string",
                    "pattern": format!("^{prefix}[0-9a-f]{{32}}$"),
                    "examples": [format!("{prefix}0193a3f1c2d87b51a9f0c4d2e8b7a601")],
                })
            }

            fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
                reader.take(at, named(&value))
            }
        }
    )+};
}
ids!(CustomerId, PaymentId, PaymentMethodId, PlanId);

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
