//! Gateways: who really moves the money. An adapter turns one operation into HTTP and the answer into
//! the one vocabulary of [`report`]; what follows from it is decided elsewhere.
//!
//! To add a gateway: a folder beside `stripe/`, a variant of [`GatewayName`], and an arm in each `match`
//! of this file. Then run the contract suite on it.

pub mod report;
pub mod stripe;

use std::{future::Future, pin::Pin, time::Duration};

use serde::Serialize;

use crate::{clock::Timestamp, money::Money, name::names};
pub use report::{Answer, Call, Card, Charge, Decline, DeclineClass, Report, Resolution};

/// Which gateway: stored with each payment, so that it never moves to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayName {
    /// Stripe's Payment Intents.
    Stripe,
}

/// How the payer pays. The type chooses the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodType {
    /// A card, as a token of the gateway.
    Card,
    /// Apple Pay: a card token made by the wallet.
    ApplePay,
    /// Google Pay: a card token made by the wallet.
    GooglePay,
    /// A bank debit (ACH, SEPA): days pass between the order and the money.
    BankDebit,
}

/// When the money is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// At once.
    Automatic,
    /// Authorized now, captured by a later call.
    Manual,
}

/// One charge, as every gateway needs to know it. A pure function of a payment's immutable columns: the
/// same payment always makes the same request, which is what makes the same key safe to send again.
#[derive(Debug, Clone)]
pub struct ChargeRequest {
    /// Our name for it (`pay_…`): idempotency key and searchable reference at once.
    pub reference: String,
    /// How much, of what.
    pub money: Money,
    /// How the payer pays.
    pub method: MethodType,
    /// The gateway's token for the payment method.
    pub token: String,
    /// When the money is taken.
    pub capture: Capture,
    /// Shown to the merchant in the gateway's dashboard.
    pub description: Option<String>,
    /// Where the gateway sends the payer after an authentication.
    pub return_url: Option<String>,
    /// W3C trace context, for the gateway's logs. Not a part of the operation.
    pub traceparent: Option<String>,
}

/// A question: what became of this operation?
#[derive(Debug, Clone)]
pub struct LookUp {
    /// Our name for it, which the gateway stored when it was created.
    pub reference: String,
    /// The gateway's name for it, where we have learnt it.
    pub gateway_ref: Option<String>,
    /// Ours was made within this time, by our clock: from the first call to the last.
    pub made_between: (Timestamp, Timestamp),
    /// W3C trace context, for the gateway's logs.
    pub traceparent: Option<String>,
}

/// The future of an adapter's answer. It never fails: not knowing is an answer too.
pub type Reply<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What every gateway can do. Adapters are safe to call twice with the same request.
pub trait Gateway: Send + Sync {
    /// Charges (or authorizes) under the request's own key.
    fn charge<'a>(&'a self, request: &'a ChargeRequest) -> Reply<'a>;
    /// Asks what became of an earlier charge. Changes nothing at the gateway.
    fn look_up<'a>(&'a self, question: &'a LookUp) -> Reply<'a>;
}

/// The adapters of a deployment.
pub struct Gateways {
    /// Stripe.
    pub stripe: stripe::Stripe,
}

impl Gateways {
    /// The adapter of that name.
    #[must_use]
    pub fn get(&self, name: GatewayName) -> &dyn Gateway {
        match name {
            GatewayName::Stripe => &self.stripe,
        }
    }
}

impl GatewayName {
    /// The gateway that takes this method.
    #[must_use]
    pub fn for_method(method: MethodType) -> Self {
        match method {
            MethodType::Card | MethodType::ApplePay | MethodType::GooglePay | MethodType::BankDebit => {
                Self::Stripe
            }
        }
    }

    /// Says before anything is stored whether the gateway could take this much.
    ///
    /// # Errors
    /// A sentence for the merchant.
    pub fn check_amount(self, money: &Money) -> Result<(), String> {
        match self {
            Self::Stripe => stripe::amount::to_minor_units(money).map(drop).map_err(|e| e.to_string()),
        }
    }
}

names!(GatewayName, Stripe => "stripe");
names!(
    MethodType,
    Card => "card", ApplePay => "apple_pay", GooglePay => "google_pay", BankDebit => "bank_debit",
);
names!(Capture, Automatic => "automatic", Manual => "manual");
names!(DeclineClass, Soft => "soft", Customer => "customer", Hard => "hard");

/// The HTTP client for gateways: no redirects, no proxy, no hidden retries, and separate bounds for
/// connecting (3 s) and for the whole call.
///
/// # Errors
/// When the TLS backend cannot be initialised.
pub fn http_client(total_timeout: Duration) -> reqwest::Result<reqwest::Client> {
    // Ignored: the provider may have been installed by an earlier client of this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .timeout(total_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .http1_only()
        .user_agent(concat!("remit/", env!("CARGO_PKG_VERSION")))
        .build()
}
