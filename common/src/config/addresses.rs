//! Where the gateways are, for those who ask them about credentials alone.

use std::time::Duration;

use clap::Args;
use reqwest::Url;
use secrecy::SecretString;

use crate::{
    clock::Ahead,
    gateway::{
        Gateway, GatewayName,
        paypal::{Paypal, PaypalConfig},
        stripe::{self, Stripe, StripeConfig},
    },
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where the gateways are.
#[derive(Debug, Clone, Args)]
pub struct AddressArgs {
    /// Stripe's API, or a sandbox that speaks its protocol.
    #[arg(long, env = "REMIT_STRIPE_URL", default_value = "https://api.stripe.com")]
    pub stripe_url: Url,
    /// PayPal's API, or a sandbox that speaks its protocol.
    #[arg(long, env = "REMIT_PAYPAL_URL", default_value = "https://api-m.paypal.com")]
    pub paypal_url: Url,
}

impl AddressArgs {
    /// Asks a gateway which account these credentials are good for: its name there.
    ///
    /// Fails with a sentence for operators.
    pub async fn account_ref(
        &self,
        gateway: GatewayName,
        client_id: &str,
        secret: SecretString,
    ) -> Result<String, String> {
        let (timeout, ahead) = (TIMEOUT, Ahead::default());
        let adapter: reqwest::Result<Box<dyn Gateway>> = match gateway {
            GatewayName::Stripe => {
                let (base_url, version) = (self.stripe_url.clone(), stripe::VERSION.to_owned());
                Stripe::new(StripeConfig { base_url, secret_key: secret, version, timeout, ahead })
                    .map(|adapter| Box::new(adapter) as Box<dyn Gateway>)
            }
            GatewayName::Paypal => {
                let (base_url, client_id) = (self.paypal_url.clone(), client_id.to_owned());
                let config = PaypalConfig {
                    base_url,
                    client_id,
                    client_secret: secret,
                    webhook_id: None,
                    timeout,
                    ahead,
                };
                Paypal::new(config).map(|adapter| Box::new(adapter) as Box<dyn Gateway>)
            }
        };
        adapter.map_err(|error| error.to_string())?.account_ref().await
    }
}
