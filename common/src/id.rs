//! Identifiers: a prefix that tells a person what it names, over a UUIDv7 that sorts by time of birth.
//!
//! `pay_0193a3f1c2d87b51a9f0c4d2e8b7a601`: the digits after the prefix can be pasted into SQL as they are.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an id that starts with {expected_prefix:?}, followed by 32 hexadecimal digits")]
pub struct InvalidId {
    /// The prefix that the text should have had.
    pub expected_prefix: &'static str,
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    let invalid = InvalidId { expected_prefix: prefix };
    let digits = text.strip_prefix(prefix).ok_or(invalid)?;
    if digits.len() != 32 {
        return Err(invalid);
    }
    Uuid::try_parse(digits).map_err(|_| invalid)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What the text form starts with.
            pub const PREFIX: &'static str = $prefix;

            /// A new one, later in order than all made before it in this process.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// A merchant: whose money it is.
    MerchantId, "mer_"
);
id!(
    /// An API key's own id (not its secret).
    ApiKeyId, "key_"
);
id!(
    /// A payment. Its text form is also its idempotency key at the gateway.
    PaymentId, "pay_"
);
id!(
    /// A refund. Its text form is also its idempotency key at the gateway.
    RefundId, "re_"
);
id!(
    /// A duplicate: money that a gateway moved twice.
    DuplicateId, "dup_"
);
id!(
    /// A dispute: a payer's bank takes money back.
    DisputeId, "dp_"
);
id!(
    /// A gateway's event, as we received it.
    GatewayEventId, "gev_"
);
id!(
    /// A merchant's own account at a gateway. Not to be taken for a gateway's name: Stripe's begin with `acct_`.
    GatewayAccountId, "gac_"
);
id!(
    /// A comparison of a gateway's settlement report with ours.
    ReconciliationId, "rec_"
);
id!(
    /// A customer: who pays a merchant's invoices.
    CustomerId, "cus_"
);
id!(
    /// A customer's payment method. Not to be taken for a gateway's name: Stripe's begin with `pm_`.
    PaymentMethodId, "pym_"
);
id!(
    /// A plan: a price that subscriptions are made from.
    PlanId, "plan_"
);
id!(
    /// A subscription.
    SubscriptionId, "sub_"
);
id!(
    /// An invoice.
    InvoiceId, "in_"
);
id!(
    /// An endpoint of a merchant's, which is told of events.
    WebhookEndpointId, "whe_"
);
id!(
    /// An event on its way to an endpoint.
    WebhookDeliveryId, "whd_"
);
id!(
    /// What an endpoint is told again.
    WebhookReplayId, "whr_"
);
id!(
    /// A job.
    JobId, "job_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = PaymentId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("pay_"));
    }

    #[test]
    fn another_kind_of_id_is_refused() {
        let merchant = MerchantId::new().to_string();
        assert!(merchant.parse::<PaymentId>().is_err());
        for text in ["", "pay_", "pay_12", "pay_zz93a3f1c2d87b51a9f0c4d2e8b7a601"] {
            assert!(text.parse::<PaymentId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn later_ids_sort_later() {
        let earlier = PaymentId::new();
        assert!(earlier < PaymentId::new());
    }
}
