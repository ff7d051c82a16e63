//! Keys and references: texts that must not take each other's place.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// A text with a meaning: it reads as a `str`, and is made from one only where somebody says so.
macro_rules! named_text {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )+};
}

named_text!(
    /// The idempotency key of one operation: the same key is the same operation, for life.
    GatewayKey,
    /// The gateway's name for an operation: a payment, or a refund.
    GatewayRef,
    /// The gateway's name for the movement of a payment's money, or for its reservation.
    ChargeRef,
    /// The gateway's name for a customer, with whom it keeps payment methods.
    CustomerRef,
    /// The gateway's name for a payment method that it keeps.
    MethodRef,
);
