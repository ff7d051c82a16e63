//! Settings, each a flag and an environment variable; `--help` of every binary lists its own.

mod addresses;
mod encryption;
mod guards;
mod webhooks;

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser as _},
};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    clock::Ahead,
    gateway::{
        EventTrust, GatewayName, Gateways,
        paypal::{
            Paypal, PaypalConfig, PaypalTrust,
            certificates::Certificates,
            signature::{Roots, Sources},
        },
        protection::{PATIENCE, Protected, Protection, breaker::Rule},
        stripe::{self, Stripe, StripeConfig},
    },
    job::{broker::BrokerConfig, flow::Bounds},
};

pub use addresses::AddressArgs;
pub use encryption::EncryptionArgs;
pub use guards::{Guards, Mode, ModeArgs};
pub use webhooks::WebhookArgs;

/// Where Postgres is.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// Postgres, the truth: `postgres://user:password@host:port/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
}

/// What is asked of Postgres besides answering.
#[derive(Debug, Clone, Args)]
pub struct StandbyArgs {
    /// A commit must have reached a second server before it is told: somebody is told where none is synchronous. Set
    /// it where money is real, and a failover must not lose what was told last.
    #[arg(long, env = "REMIT_REQUIRE_SYNCHRONOUS_STANDBY")]
    pub require_synchronous_standby: bool,
}

/// Where RabbitMQ is.
#[derive(Debug, Clone, Args)]
pub struct BrokerArgs {
    /// RabbitMQ, the conveyor belt: `amqp://user:password@host:port/vhost`.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, value_parser = secret)]
    pub amqp_url: SecretString,
    /// What the names of our exchange and queues start with.
    #[arg(long, env = "REMIT_QUEUE_PREFIX", default_value = "remit")]
    pub queue_prefix: String,
}

/// How many jobs of one flow are out at once: see [`Bounds`]. The same on every process.
#[derive(Debug, Clone, Copy, Args)]
pub struct FlowArgs {
    /// Jobs of one merchant and kind on the queue or under way at once, at most; the next wait in the database, and nobody
    /// else behind them. Twice what all workers do at once, or more.
    #[arg(long, env = "REMIT_MERCHANT_IN_FLIGHT", default_value = "384", value_parser = clap::value_parser!(u32).range(1..))]
    pub merchant_in_flight: u32,
}

impl From<FlowArgs> for Bounds {
    fn from(args: FlowArgs) -> Self {
        Self { merchant: args.merchant_in_flight }
    }
}

/// How to reach the gateways.
#[derive(Debug, Clone, Args)]
pub struct GatewayArgs {
    /// Stripe's API, or a sandbox that speaks its protocol.
    #[arg(long, env = "REMIT_STRIPE_URL", default_value = "https://api.stripe.com")]
    pub stripe_url: Url,
    /// Stripe's secret key.
    #[arg(long, env = "REMIT_STRIPE_SECRET_KEY", hide_env_values = true, value_parser = secret)]
    pub stripe_secret_key: SecretString,
    /// The version of Stripe's API that we speak. The adapter is written against its default.
    #[arg(long, env = "REMIT_STRIPE_VERSION", default_value = stripe::VERSION)]
    pub stripe_version: String,
    /// PayPal's API, or a sandbox that speaks its protocol.
    #[arg(long, env = "REMIT_PAYPAL_URL", default_value = "https://api-m.paypal.com")]
    pub paypal_url: Url,
    /// PayPal's client id of our application; without it payments by PayPal fail.
    #[arg(long, env = "REMIT_PAYPAL_CLIENT_ID", default_value = "")]
    pub paypal_client_id: String,
    /// PayPal's secret of our application.
    #[arg(long, env = "REMIT_PAYPAL_CLIENT_SECRET", hide_env_values = true, default_value = "", value_parser = secret)]
    pub paypal_client_secret: SecretString,
    /// PayPal's id of our webhook, by which it verifies its events; without it they wait.
    #[arg(long, env = "REMIT_PAYPAL_WEBHOOK_ID")]
    pub paypal_webhook_id: Option<String>,
    /// Bound for one operation at a gateway, in milliseconds.
    #[arg(long, env = "REMIT_GATEWAY_TIMEOUT_MS", default_value = "25000")]
    pub gateway_timeout_ms: u64,
    /// The same for Stripe alone.
    #[arg(long, env = "REMIT_STRIPE_TIMEOUT_MS")]
    pub stripe_timeout_ms: Option<u64>,
    /// The same for PayPal alone.
    #[arg(long, env = "REMIT_PAYPAL_TIMEOUT_MS")]
    pub paypal_timeout_ms: Option<u64>,
    /// Calls to Stripe under way at once, at most, in this process.
    #[arg(long, env = "REMIT_STRIPE_CONCURRENCY", default_value = "100")]
    pub stripe_concurrency: usize,
    /// Calls to Stripe begun in a second, at most, in this process; 0: no bound.
    #[arg(long, env = "REMIT_STRIPE_PER_SECOND", default_value = "100")]
    pub stripe_per_second: u32,
    /// Calls to PayPal under way at once, at most, in this process.
    #[arg(long, env = "REMIT_PAYPAL_CONCURRENCY", default_value = "50")]
    pub paypal_concurrency: usize,
    /// Calls to PayPal begun in a second, at most, in this process; 0: no bound.
    #[arg(long, env = "REMIT_PAYPAL_PER_SECOND", default_value = "50")]
    pub paypal_per_second: u32,
    /// Calls that fail one after the other before a gateway is given a rest.
    #[arg(long, env = "REMIT_GATEWAY_FAILURES", default_value = "10")]
    pub gateway_failures: u32,
    /// How long the rest is, in milliseconds; then one call tries.
    #[arg(long, env = "REMIT_GATEWAY_REST_MS", default_value = "10000")]
    pub gateway_rest_ms: u64,
}

/// Where PayPal keeps its certificates.
const PAYPAL_CERT_HOSTS: &str =
    "api.paypal.com,api-m.paypal.com,api.sandbox.paypal.com,api-m.sandbox.paypal.com";

/// By what the events of gateways are known to be theirs. What is empty is not set.
#[derive(Debug, Clone, Args)]
pub struct EventArgs {
    /// The secrets with which Stripe signs its events (`whsec_…`), separated by commas; none: none is taken.
    #[arg(long, env = "REMIT_STRIPE_WEBHOOK_SECRETS", hide_env_values = true, value_delimiter = ',', value_parser = secret)]
    pub stripe_webhook_secrets: Vec<SecretString>,
    /// PayPal's id of our webhook, for which it signs its events; none: none is taken.
    #[arg(long, env = "REMIT_PAYPAL_WEBHOOK_ID")]
    pub paypal_webhook_id: Option<String>,
    /// The hosts from which PayPal's certificates are fetched, separated by commas; none: PayPal's.
    #[arg(long, env = "REMIT_PAYPAL_CERT_HOSTS", value_delimiter = ',', default_value = PAYPAL_CERT_HOSTS)]
    pub paypal_cert_hosts: Vec<String>,
    /// For tests alone: the one root (a file, PEM) to which PayPal's certificates lead, which may then come over plain
    /// HTTP. Never where money is real: the sandbox's keys are published.
    #[arg(long, env = "REMIT_PAYPAL_TEST_ROOT", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub paypal_test_root: Option<PathBuf>,
}

impl From<BrokerArgs> for BrokerConfig {
    fn from(args: BrokerArgs) -> Self {
        Self { url: args.amqp_url, prefix: args.queue_prefix }
    }
}

impl GatewayArgs {
    /// The adapters of this deployment, with connections of their own.
    ///
    /// Fails when the TLS backend cannot be initialised.
    pub fn connect(self) -> reqwest::Result<Gateways> {
        let ahead = Ahead::default();
        let (key, secret) = (self.stripe_secret_key.clone(), self.paypal_client_secret.clone());
        let webhook = self.paypal_webhook_id.clone();
        let paypal = (self.paypal_client_id.as_str(), secret, webhook);
        Ok(Gateways {
            stripe: Arc::new(self.stripe(key, ahead.clone())?),
            paypal: Arc::new(self.paypal(paypal, ahead.clone())?),
            ahead,
        })
    }

    /// An adapter for another account: that of the key, or of `PayPal`'s application with this client id.
    ///
    /// Fails when the TLS backend cannot be initialised.
    pub fn adapter_of(
        &self,
        gateway: GatewayName,
        client_id: &str,
        (secret, webhook): (SecretString, Option<String>),
        ahead: Ahead,
    ) -> reqwest::Result<Protected> {
        match gateway {
            GatewayName::Stripe => self.stripe(secret, ahead),
            GatewayName::Paypal => self.paypal((client_id, secret, webhook), ahead),
        }
    }

    fn stripe(&self, secret_key: SecretString, ahead: Ahead) -> reqwest::Result<Protected> {
        let adapter = Stripe::new(StripeConfig {
            base_url: self.stripe_url.clone(),
            secret_key,
            version: self.stripe_version.clone(),
            timeout: self.timeout(self.stripe_timeout_ms),
            ahead,
        })?;
        let protection = self.protection(self.stripe_concurrency, self.stripe_per_second);
        Ok(Protected::new(GatewayName::Stripe, Box::new(adapter), protection))
    }

    fn paypal(
        &self,
        (client_id, client_secret, webhook_id): (&str, SecretString, Option<String>),
        ahead: Ahead,
    ) -> reqwest::Result<Protected> {
        let adapter = Paypal::new(PaypalConfig {
            base_url: self.paypal_url.clone(),
            client_id: client_id.to_owned(),
            client_secret,
            webhook_id,
            timeout: self.timeout(self.paypal_timeout_ms),
            ahead,
        })?;
        let protection = self.protection(self.paypal_concurrency, self.paypal_per_second);
        Ok(Protected::new(GatewayName::Paypal, Box::new(adapter), protection))
    }

    fn timeout(&self, own: Option<u64>) -> Duration {
        Duration::from_millis(own.unwrap_or(self.gateway_timeout_ms))
    }

    fn protection(&self, concurrency: usize, per_second: u32) -> Protection {
        let rest = Duration::from_millis(self.gateway_rest_ms);
        Protection { concurrency, per_second, breaker: Rule { failures: self.gateway_failures, rest } }
    }

    /// The longest time that one job may take at a gateway, the waits for its turns included. The first charge
    /// of a subscription makes two operations: its method is saved, and then it is charged.
    #[must_use]
    pub fn longest_job(&self) -> Duration {
        let own = [self.stripe_timeout_ms, self.paypal_timeout_ms];
        let longest = own.map(|own| own.unwrap_or(self.gateway_timeout_ms)).into_iter().max();
        2 * (Duration::from_millis(longest.unwrap_or_default()) + PATIENCE)
    }
}

impl EventArgs {
    fn stripe_secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.stripe_webhook_secrets.iter().filter(|secret| !secret.expose_secret().is_empty())
    }

    fn cert_hosts(&self) -> Vec<String> {
        let set: Vec<_> = self.paypal_cert_hosts.iter().filter(|host| !host.is_empty()).cloned().collect();
        if set.is_empty() { PAYPAL_CERT_HOSTS.split(',').map(str::to_owned).collect() } else { set }
    }

    fn test_root(&self) -> Option<&Path> {
        self.paypal_test_root.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    /// What it takes to check events. What is empty is not configured.
    ///
    /// Fails when no roots can be read, or the TLS backend cannot be initialised.
    pub fn trust(&self) -> Result<EventTrust, String> {
        let stripe = self.stripe_secrets().cloned().collect();
        let Some(webhook_id) = self.paypal_webhook_id.clone().filter(|id| !id.is_empty()) else {
            return Ok(EventTrust { stripe, paypal: None });
        };
        let plain = self.test_root().is_some();
        let roots = match self.test_root() {
            Some(path) => {
                let pem = std::fs::read(path).map_err(|error| error.to_string());
                let roots = pem.and_then(|pem| Roots::of_pem(&pem));
                roots.map_err(|why| format!("REMIT_PAYPAL_TEST_ROOT: {}: {why}", path.display()))?
            }
            None => Roots::of_this_machine()?,
        };
        let certificates = Certificates::new().map_err(|error| error.to_string())?;
        let sources = Sources { hosts: self.cert_hosts(), plain };
        let (roots, certificates) = (Arc::new(roots), Arc::new(certificates));
        Ok(EventTrust { stripe, paypal: Some(PaypalTrust { webhook_id, sources, roots, certificates }) })
    }
}

/// Reads a value that is never printed.
pub fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}
