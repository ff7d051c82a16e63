//! What a deployment must not start with. Live, money is real: a key that travels in the clear, a secret that
//! everybody can read in our repository, or a clock that somebody can move, is found out before anything starts.
//! In test, a live key is: real money would move. All faults are told at once, each with its setting.

use std::{net::IpAddr, str::FromStr as _};

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{BrokerArgs, DatabaseArgs, EncryptionArgs, EventArgs, GatewayArgs, Url, WebhookArgs};
use crate::encryption::DEVELOPMENT_KEY_ID;

/// Whether money is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// It is not: sandboxes, test keys, a clock that can be moved.
    Test,
    /// It is.
    Live,
}

/// In which mode a process runs.
#[derive(Debug, Clone, Copy, Args)]
pub struct ModeArgs {
    /// `live`: money is real, and what must not be then is refused; `test`: it is not, and live keys are refused.
    #[arg(long, env = "REMIT_MODE", value_enum, default_value = "live")]
    pub mode: Mode,
}

/// Secrets that stand in our repository, for sandboxes and for development.
const PUBLISHED: [&str; 13] = [
    "whsec_sandbox",
    "whsec_system",
    "whsec_test",
    "sk_test_sandbox",
    "test_sandbox",
    "SANDBOXWEBHOOK",
    "WH-sandbox",
    "remit",
    "guest",
    "postgres",
    "password",
    "secret",
    "test",
];

/// Where Stripe is.
const STRIPE: [&str; 1] = ["api.stripe.com"];
/// Where PayPal is, by its two names.
const PAYPAL: [&str; 2] = ["api-m.paypal.com", "api.paypal.com"];

/// Stripe's `whsec_` and 32 characters; shorter ones are nobody's secret.
const WEBHOOK_SECRET_LENGTH_MIN: usize = 30;

/// Looks at settings, and collects what is wrong with them.
#[derive(Debug)]
pub struct Guards {
    mode: Mode,
    faults: Vec<String>,
}

impl Guards {
    /// For a process in that mode.
    #[must_use]
    pub fn new(args: ModeArgs) -> Self {
        Self { mode: args.mode, faults: Vec::new() }
    }

    /// Live, what goes to another host is encrypted, and its password is a secret.
    #[must_use]
    pub fn database(mut self, args: &DatabaseArgs) -> Self {
        let url = args.database_url.expose_secret();
        let Ok(options) = PgConnectOptions::from_str(url) else { return self };
        let is_near = options.get_socket().is_some() || is_local(options.get_host());
        if self.mode == Mode::Live && !is_near {
            let mode = options.get_ssl_mode();
            if !matches!(mode, PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull) {
                self.fault(
                    "DATABASE_URL",
                    "goes to another host, and may go there in the clear: add ?sslmode=verify-full",
                );
            }
            self.password("DATABASE_URL", url);
        }
        self
    }

    /// The same for the broker.
    #[must_use]
    pub fn broker(mut self, args: &BrokerArgs) -> Self {
        let url = args.amqp_url.expose_secret();
        let Ok(parsed) = url.parse::<Url>() else { return self };
        if self.mode == Mode::Live && !parsed.host_str().is_some_and(is_local) {
            if parsed.scheme() != "amqps" {
                self.fault("AMQP_URL", "goes to another host in the clear: use amqps://");
            }
            // The client would take guest for either.
            if parsed.username().is_empty() || parsed.password().is_none() {
                self.fault("AMQP_URL", "goes to another host as nobody: name a user, and a password");
            }
            self.password("AMQP_URL", url);
        }
        self
    }

    /// Live, keys are live and go to their gateway alone. In test, none is.
    #[must_use]
    pub fn gateways(mut self, args: &GatewayArgs) -> Self {
        let key = args.stripe_secret_key.expose_secret();
        let is_live_key = ["sk_live_", "rk_live_"].iter().any(|prefix| key.starts_with(prefix));
        let paypal_secret = args.paypal_client_secret.expose_secret();
        let has_paypal = !args.paypal_client_id.is_empty() && !is_sandboxs(&args.paypal_client_id);
        if self.mode == Mode::Test {
            if is_live_key {
                self.fault(
                    "REMIT_STRIPE_SECRET_KEY",
                    "is a live key, and this is a test: real money would move",
                );
            }
            if has_paypal && args.paypal_url.host_str().is_some_and(|host| PAYPAL.contains(&host)) {
                self.fault("REMIT_PAYPAL_URL", "is where PayPal moves real money, and this is a test");
            }
            return self;
        }
        self = self.gateway_urls(&args.stripe_url, &args.paypal_url);
        if !is_live_key && !key.is_empty() {
            self.fault("REMIT_STRIPE_SECRET_KEY", "is not a live key (sk_live_… or rk_live_…)");
        }
        for (setting, secret) in [
            ("REMIT_PAYPAL_CLIENT_ID", args.paypal_client_id.as_str()),
            ("REMIT_PAYPAL_CLIENT_SECRET", paypal_secret),
        ] {
            if is_sandboxs(secret) {
                self.fault(setting, "is the sandbox's, which everybody can read");
            }
        }
        self
    }

    /// Live, gateways are reached where they are, and encrypted.
    #[must_use]
    pub fn gateway_urls(mut self, stripe: &Url, paypal: &Url) -> Self {
        if self.mode == Mode::Live {
            self.gateway_url("REMIT_STRIPE_URL", stripe, &STRIPE);
            self.gateway_url("REMIT_PAYPAL_URL", paypal, &PAYPAL);
        }
        self
    }

    fn gateway_url(&mut self, setting: &str, url: &Url, hosts: &[&str]) {
        let own = hosts[0];
        if url.scheme() != "https" {
            self.fault(setting, &format!("is not encrypted: it must be https://{own}"));
        } else if !url.host_str().is_some_and(|host| hosts.contains(&host)) || url.port().is_some() {
            self.fault(setting, &format!("is not the gateway's own address: it must be https://{own}"));
        }
    }

    /// Live, nobody else knows with what a gateway signs, and its certificates come from itself.
    #[must_use]
    pub fn events(mut self, args: &EventArgs) -> Self {
        self = self.webhook_id(args.paypal_webhook_id.as_deref());
        let is_weak = |secret: &SecretString| {
            let secret = secret.expose_secret();
            is_published(secret) || !secret.starts_with("whsec_") || secret.len() < WEBHOOK_SECRET_LENGTH_MIN
        };
        if self.mode == Mode::Live && args.stripe_secrets().any(is_weak) {
            let detail = "has one that is not Stripe's (whsec_ and 32 characters), or that everybody can read: anybody \
                          could sign events with it";
            self.fault("REMIT_STRIPE_WEBHOOK_SECRETS", detail);
        }
        if self.mode == Mode::Live && args.test_root().is_some() {
            self.fault(
                "REMIT_PAYPAL_TEST_ROOT",
                "trusts the sandbox's certificates, whose keys everybody can read",
            );
        }
        let is_paypals = |host: &String| host == "paypal.com" || host.ends_with(".paypal.com");
        if self.mode == Mode::Live && !args.cert_hosts().iter().all(is_paypals) {
            self.fault("REMIT_PAYPAL_CERT_HOSTS", "has a host that is not PayPal's");
        }
        self
    }

    /// Live, PayPal's events are for our webhook, not for the sandbox's.
    #[must_use]
    pub fn webhook_id(mut self, id: Option<&str>) -> Self {
        if self.mode == Mode::Live && id.is_some_and(is_published) {
            self.fault("REMIT_PAYPAL_WEBHOOK_ID", "is the sandbox's, which everybody can read");
        }
        self
    }

    /// Live, secrets are sealed with keys of the deployment's own.
    #[must_use]
    pub fn encryption(mut self, args: &EncryptionArgs) -> Self {
        if self.mode == Mode::Live && !args.is_set() {
            let detail = "is missing: secrets of merchants are stored sealed. Set it, or REMIT_ENCRYPTION_KEYS_FILE, to \
                          k1:$(openssl rand -base64 32)";
            self.fault("REMIT_ENCRYPTION_KEYS", detail);
            return self;
        }
        match args.keyring() {
            Ok(keys) if self.mode == Mode::Live && keys.knows(DEVELOPMENT_KEY_ID) => {
                self.fault("REMIT_ENCRYPTION_KEYS", "has the development key, which everybody can read");
            }
            Ok(_) => {}
            Err((setting, why)) => self.fault(setting, &why),
        }
        self
    }

    /// Live, a merchant's webhooks do not reach into our own network.
    #[must_use]
    pub fn webhooks(mut self, args: &WebhookArgs) -> Self {
        if self.mode == Mode::Live && args.webhook_allow_private {
            self.fault("REMIT_WEBHOOK_ALLOW_PRIVATE", "lets merchants have our own network called");
        }
        self
    }

    /// Live, time is nobody's to move.
    #[must_use]
    pub fn test_clock(mut self, is_on: bool) -> Self {
        if self.mode == Mode::Live && is_on {
            self.fault("REMIT_TEST_CLOCK", "lets merchants move the clock");
        }
        self
    }

    /// Whether the process may start.
    ///
    /// Fails with all faults, a sentence each.
    pub fn check(self) -> Result<(), String> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let (mode, other) = match self.mode {
            Mode::Live => ("live", "For development and tests: REMIT_MODE=test."),
            Mode::Test => ("test", "Where money is real: REMIT_MODE=live."),
        };
        Err(format!("not with these settings in REMIT_MODE={mode}:\n- {}\n{other}", self.faults.join("\n- ")))
    }

    fn fault(&mut self, setting: &str, detail: &str) {
        self.faults.push(format!("{setting} {detail}."));
    }

    fn password(&mut self, setting: &str, url: &str) {
        let password = url.parse::<Url>().ok().and_then(|url| url.password().map(str::to_owned));
        if password.is_some_and(|password| is_published(&password)) {
            self.fault(setting, "has a password that everybody can read, and goes to another host");
        }
    }
}

/// An application of our sandbox's: PayPal knows no such one.
fn is_sandboxs(application: &str) -> bool {
    is_published(application) || application.starts_with("test_")
}

fn is_published(secret: &str) -> bool {
    PUBLISHED.contains(&secret)
}

/// Whether what goes there stays on this machine.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.starts_with('/') || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
