//! Merchants' own accounts at gateways: their credentials, sealed where they are stored, and the adapters that speak
//! with them.

pub mod registry;
pub mod store;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    config::Mode,
    encryption::{Keyring, NotOpened, Sealed},
    gateway::GatewayName,
    id::{GatewayAccountId, MerchantId},
};

/// An account, as it is stored.
#[derive(Debug, Clone)]
pub struct GatewayAccount {
    /// Its name.
    pub id: GatewayAccountId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Where it is.
    pub gateway: GatewayName,
    /// The gateway's name for it: Stripe's `acct_…`, PayPal's client id.
    pub account_ref: String,
    /// Whether new payments go there.
    pub active: bool,
    /// The [`Credentials`].
    pub secrets: Sealed,
    /// Raised by every change of the secrets.
    pub version: i64,
}

/// What it takes to speak for an account, and to know its events.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Stripe's secret key, or the secret of PayPal's application.
    pub secret: SecretString,
    /// Stripe's `whsec_…`, several while one replaces another; or PayPal's id of the webhook. None: no events are taken.
    pub webhooks: Vec<SecretString>,
}

/// The text that is sealed.
#[derive(Serialize, Deserialize)]
struct Plain {
    secret: String,
    webhooks: Vec<String>,
}

/// Why an account's credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// They stay closed.
    #[error("the credentials of {0} cannot be opened: {1}")]
    Closed(GatewayAccountId, NotOpened),
    /// They are none.
    #[error("the credentials of {0} cannot be read")]
    Unreadable(GatewayAccountId),
}

/// What a sealed secret of an account is bound to.
pub(crate) const CONTEXT: &str = "gateway_account";

fn context(id: GatewayAccountId) -> String {
    format!("{CONTEXT}:{}", id.0)
}

impl Credentials {
    /// Seals them for the row of this account.
    pub fn seal(&self, keys: &Keyring, id: GatewayAccountId, rng: &mut impl rand::Rng) -> Sealed {
        let plain = Plain {
            secret: self.secret.expose_secret().to_owned(),
            webhooks: self.webhooks.iter().map(|secret| secret.expose_secret().to_owned()).collect(),
        };
        let text = serde_json::json!({ "secret": plain.secret, "webhooks": plain.webhooks }).to_string();
        keys.seal(&context(id), &text.into(), rng)
    }
}

impl GatewayAccount {
    /// Its credentials.
    pub fn credentials(&self, keys: &Keyring) -> Result<Credentials, Unusable> {
        let text =
            keys.open(&context(self.id), &self.secrets).map_err(|why| Unusable::Closed(self.id, why))?;
        let plain = serde_json::from_str::<Plain>(text.expose_secret());
        let plain = plain.map_err(|_| Unusable::Unreadable(self.id))?;
        Ok(Credentials {
            secret: plain.secret.into(),
            webhooks: plain.webhooks.into_iter().map(Into::into).collect(),
        })
    }
}

/// Whether this key may be used where money is real, or where it is not.
///
/// Fails with a sentence for operators.
pub fn check_mode(gateway: GatewayName, secret: &SecretString, mode: Mode) -> Result<(), &'static str> {
    let is_live = ["sk_live_", "rk_live_"].iter().any(|prefix| secret.expose_secret().starts_with(prefix));
    match (gateway, mode) {
        (GatewayName::Stripe, Mode::Test) if is_live => {
            Err("it is a live key, and this is a test: real money would move")
        }
        (GatewayName::Stripe, Mode::Live) if !is_live => Err("it is not a live key (sk_live_… or rk_live_…)"),
        // PayPal's look alike; where they are good for is the address, which is the deployment's.
        (GatewayName::Stripe | GatewayName::Paypal, Mode::Test | Mode::Live) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_key_and_a_test_never_meet() {
        let stripe =
            |key: &str, mode| check_mode(GatewayName::Stripe, &SecretString::from(key), mode).is_ok();
        for (key, live) in [
            ("sk_live_51", true),
            ("rk_live_51", true),
            ("sk_test_51", false),
            ("rk_test_51", false),
            ("", false),
        ] {
            assert_eq!((stripe(key, Mode::Live), stripe(key, Mode::Test)), (live, !live), "{key}");
        }
    }
}
