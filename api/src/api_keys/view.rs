//! A key as its merchant sees it.

use common::{
    clock::Timestamp,
    merchant::{Rights, StoredKey, caps::Caps, scope::Scope},
    money::Money,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::docs::named;

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "revoked_at": null, "expires_at": null }))]
pub struct ApiKeyView {
    #[schema(value_type = named::ApiKeyId)]
    id: String,
    /// Always `api_key`.
    #[schema(example = "api_key")]
    object: &'static str,
    /// Whether money is real: `false` on your test side. A key sees and does nothing of the other side.
    #[schema(example = false)]
    livemode: bool,
    /// What people call it.
    #[schema(example = "shop plugin")]
    name: Option<String>,
    /// What it begins with: `rmt_live_` or `rmt_test_`.
    #[schema(example = "rmt_test_")]
    prefix: String,
    /// Its last four characters.
    #[schema(example = "x7Qd")]
    last4: String,
    /// What it may do.
    #[schema(value_type = Vec<named::Scope>)]
    scopes: Vec<&'static str>,
    /// From where it may be used; from anywhere where there is none.
    #[schema(example = json!(["203.0.113.0/24"]))]
    allowed_addresses: Vec<String>,
    caps: CapsOfKey,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it stops to work, by itself or because it was rotated; `null`: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// The key itself. Shown once, in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "rmt_test_YourOwnTestKey0000000000000000000000")]
    secret: Option<String>,
}

/// Up to which amounts a key may be used.
#[derive(Debug, Serialize, ToSchema)]
pub struct CapsOfKey {
    /// What one payment may come to, one amount for each currency; no other currency is paid in. Without any: as much as
    /// there is.
    amount_per_payment: Vec<CapView>,
    /// What all payments of a day (UTC) may come to together, whatever becomes of them.
    amount_per_day: Vec<CapView>,
    /// It refunds only payments that were made with it, or with a key that it has come from by rotation.
    #[schema(example = false)]
    own_payments_only: bool,
}

/// An amount of one currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct CapView {
    #[schema(example = "100.00")]
    amount: String,
    #[schema(value_type = named::Currency)]
    currency: &'static str,
}

impl ApiKeyView {
    /// A key as its merchant sees it; with its secret, where it was just made.
    pub fn new(key: StoredKey, secret: Option<String>) -> Self {
        let expires_at = key.ends_at();
        let Rights { scopes, allowed_addresses, caps, expires_at: _ } = key.rights;
        Self {
            id: key.id.to_string(),
            object: "api_key",
            livemode: key.livemode,
            name: key.name,
            prefix: key.prefix,
            last4: key.last4,
            scopes: scopes.iter().map(Scope::as_str).collect(),
            allowed_addresses: allowed_addresses.iter().map(ToString::to_string).collect(),
            caps: CapsOfKey::new(&caps),
            created_at: key.created_at,
            expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            secret,
        }
    }
}

impl CapsOfKey {
    fn new(caps: &Caps) -> Self {
        let all = |caps: &[Money]| {
            caps.iter()
                .map(|cap| CapView { amount: cap.display_amount(), currency: cap.currency.code() })
                .collect()
        };
        Self {
            amount_per_payment: all(&caps.payment),
            amount_per_day: all(&caps.day),
            own_payments_only: caps.own_payments_only,
        }
    }
}
