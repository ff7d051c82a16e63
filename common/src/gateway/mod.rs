//! Gateways: who really moves the money. An adapter turns one operation into HTTP and the answer into
//! the one vocabulary of [`report`]; what follows from it is decided elsewhere.
//!
//! How a gateway is added, ARCHITECTURE.md says.

pub mod doubt;
pub mod event;
mod event_key;
pub mod operation;
pub mod paypal;
pub mod protection;
mod reference;
pub mod refund;
pub mod refusal;
pub mod report;
mod sending;
pub mod stripe;
pub mod window;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    clock::{Ahead, Timestamp},
    money::{Currency, Money},
    name::names,
};
pub use event::{
    About, Dispute, DisputeStatus, Event, Found, Line, Movement, Received, SettlementReport, Signature,
    Verdict,
};
pub use event_key::{EventKey, NoKey};
pub use operation::{
    CancelRequest, CaptureRequest, ChargeRequest, LookUp, RefundLookUp, RefundReason, RefundRequest,
    SaveRequest, SavedMethod,
};
pub use reference::{ChargeRef, CustomerRef, GatewayKey, GatewayRef, MethodRef};
pub use refund::{GatewayRefund, RefundsAsked};
pub use report::{
    Answer, Call, Card, Charge, ChargeOutcome, Decline, DeclineClass, Fault, InDoubt, Obstacle, Outcome,
    RefundOutcome, Report, Resolution, SaveOutcome,
};
pub use sending::Sending;

/// Which gateway: stored with each payment. Only a fallback, which the first has not taken, moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayName {
    /// Stripe's Payment Intents.
    Stripe,
    /// PayPal's Orders.
    Paypal,
}

/// How the payer pays. The type chooses the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// PayPal: a saved payer's token, or the payer approves on PayPal's page.
    Paypal,
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

/// What a gateway promises about its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarantees {
    /// For how long the same key may be sent again. Shorter than the gateway keeps keys: what is left is
    /// margin for clocks and for the last call.
    pub replay_window: Duration,
    /// For how long, from the first call, a look-up may find no trace of what ran all the same.
    pub empty_look_ups_window: Duration,
    /// How long its settlement report may lag.
    pub settlement_report_lag: Duration,
    /// How long it remembers, from the first call, what waits for its payer; `None`: for ever. Forgotten,
    /// it cannot be paid any more.
    pub unapproved_window: Option<Duration>,
}

/// The future of an adapter's answer. It never fails: not knowing is an answer too.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What every gateway can do. Adapters are safe to call twice with the same request: questions change
/// nothing, and operations have keys.
pub trait Gateway: Send + Sync {
    /// Charges (or authorizes) under the request's own key.
    fn charge<'a>(&'a self, request: &'a ChargeRequest) -> Reply<'a, Answer<ChargeOutcome>>;
    /// Saves a payment method, so that it can be charged without its payer.
    ///
    /// There is nothing to look up: a method belongs to one customer at most, so the request may be sent
    /// again at any time, also when its key is forgotten, and tells what it has come to.
    fn save_method<'a>(&'a self, request: &'a SaveRequest) -> Reply<'a, Answer<SaveOutcome>>;
    /// Asks what became of a payment: its charge, capture, or cancellation.
    fn look_up<'a>(&'a self, question: &'a LookUp) -> Reply<'a, Answer<ChargeOutcome>>;
    /// Takes money that was reserved. `Succeeded` says what was taken.
    fn capture<'a>(&'a self, request: &'a CaptureRequest) -> Reply<'a, Answer<ChargeOutcome>>;
    /// Calls a payment off. `Canceled`: no money of it will move.
    fn cancel<'a>(&'a self, request: &'a CancelRequest) -> Reply<'a, Answer<ChargeOutcome>>;
    /// Gives money back. `Succeeded` says what was given back, and names the refund as its gateway ref.
    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Reply<'a, Answer<RefundOutcome>>;
    /// Asks what became of a refund.
    fn look_up_refund<'a>(&'a self, question: &'a RefundLookUp) -> Reply<'a, Answer<RefundOutcome>>;
    /// Asks for refunds as the gateway knows them, whoever made them.
    fn find_refunds<'a>(&'a self, asked: RefundsAsked<'a>) -> Reply<'a, Result<Vec<GatewayRefund>, String>>;
    /// Asks for a dispute by the gateway's name for it, or as the gateway's settlement report names it.
    fn find_dispute<'a>(&'a self, dispute_ref: &'a str) -> Reply<'a, Found<Dispute>>;
    /// Asks whether an event is the gateway's own, where its signature could not be checked on arrival.
    fn verify_event<'a>(&'a self, received: &'a Received) -> Reply<'a, Verdict>;
    /// Reads a part of the gateway's settlement report. `cursor` is where an earlier part ended.
    fn settlement_report<'a>(
        &'a self,
        between: (Timestamp, Timestamp),
        cursor: Option<&'a str>,
    ) -> Reply<'a, Result<SettlementReport, String>>;
    /// Asks which account it is that we speak for: the gateway's name for it.
    ///
    /// Fails with a sentence for operators, also where the gateway does not know our credentials.
    fn account_ref(&self) -> Reply<'_, Result<String, String>>;
}

/// The adapters of a deployment, each with its protection.
pub struct Gateways {
    /// Stripe.
    pub stripe: Arc<protection::Protected>,
    /// PayPal.
    pub paypal: Arc<protection::Protected>,
    /// In a test deployment: the time that sandboxes follow.
    pub ahead: Ahead,
}

impl Gateways {
    /// The adapter of that name.
    #[must_use]
    pub fn get(&self, name: GatewayName) -> Arc<dyn Gateway> {
        match name {
            GatewayName::Stripe => Arc::clone(&self.stripe) as Arc<dyn Gateway>,
            GatewayName::Paypal => Arc::clone(&self.paypal) as Arc<dyn Gateway>,
        }
    }
}

impl GatewayName {
    /// The gateway that usually takes this method.
    #[must_use]
    pub fn for_method(method: MethodType) -> Self {
        match method {
            MethodType::Card | MethodType::ApplePay | MethodType::GooglePay | MethodType::BankDebit => {
                Self::Stripe
            }
            MethodType::Paypal => Self::Paypal,
        }
    }

    /// Whether this gateway can take this method.
    #[must_use]
    pub fn takes(self, method: MethodType) -> bool {
        match self {
            Self::Stripe => method != MethodType::Paypal,
            Self::Paypal => method == MethodType::Paypal,
        }
    }

    /// Says before anything is stored whether this could be a token of the gateway's.
    ///
    /// Fails with a sentence for the merchant.
    pub fn check_token(self, token: &str) -> Result<(), &'static str> {
        match self {
            Self::Stripe if stripe::token::is_one(token) => Ok(()),
            Self::Stripe => Err("must be the name of a payment method at Stripe, such as \"pm_card_visa\""),
            Self::Paypal if paypal::token::is_one(token) => Ok(()),
            Self::Paypal => Err("must be the id of a payment token in PayPal's vault, such as \"8kk8451t\""),
        }
    }

    /// Says before anything is stored whether the gateway could take this much.
    ///
    /// Fails with what is wrong with the amount, for the merchant: such as "must have no decimals: …".
    pub fn check_amount(self, money: &Money) -> Result<(), String> {
        match self {
            Self::Stripe => stripe::amount::to_minor_units(money).map(drop).map_err(|e| e.to_string()),
            Self::Paypal => paypal::amount::to_value(money).map(drop).map_err(|e| e.to_string()),
        }
    }

    /// The same for a charge, which must not be less than the gateway charges either, where that is known.
    ///
    /// Fails with what is wrong with the amount, for the merchant: such as "must be at least 0.50 EUR: …".
    pub fn check_charge(self, money: &Money) -> Result<(), String> {
        self.check_amount(money)?;
        match self.least(money.currency).filter(|least| money.amount < least.amount) {
            Some(least) => Err(format!("must be at least {least}: {} charges no less", self.brand())),
            None => Ok(()),
        }
    }

    /// The same for what a subscription will bill: what of it are no whole steps will be carried forward.
    ///
    /// Fails as [`GatewayName::check_charge`] does.
    pub fn check_bill(self, money: &Money) -> Result<(), String> {
        self.check_charge(&self.whole_steps(*money))
    }

    /// How much of an amount it can charge: the whole steps of it, and nothing where that is below the least.
    #[must_use]
    pub fn chargeable(self, money: Money) -> Money {
        let whole = self.whole_steps(money);
        let is_too_little = self.least(money.currency).is_some_and(|least| whole.amount < least.amount);
        Money { amount: if is_too_little { Decimal::ZERO } else { whole.amount }, ..money }
    }

    /// Without what is less than the smallest step that it charges in this currency.
    fn whole_steps(self, money: Money) -> Money {
        let step = match self {
            Self::Stripe => stripe::amount::step(money.currency),
            Self::Paypal => paypal::amount::step(money.currency),
        };
        Money { amount: money.amount - money.amount % step, ..money }
    }

    /// What people call it.
    fn brand(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::Paypal => "PayPal",
        }
    }

    fn least(self, currency: Currency) -> Option<Money> {
        match self {
            Self::Stripe => stripe::least::least(currency),
            Self::Paypal => None,
        }
    }

    /// What it promises about its memory.
    #[must_use]
    pub fn guarantees(self) -> Guarantees {
        match self {
            Self::Stripe => stripe::GUARANTEES,
            Self::Paypal => paypal::GUARANTEES,
        }
    }

    /// With what an event's signature can be checked, as its headers say.
    pub async fn event_key(
        self,
        headers: &BTreeMap<String, String>,
        trust: &EventTrust,
        now: Timestamp,
    ) -> Result<EventKey, NoKey> {
        match self {
            Self::Stripe if trust.stripe.is_empty() => Err(NoKey::NotConfigured),
            Self::Stripe => Ok(EventKey::Secrets),
            Self::Paypal => match &trust.paypal {
                Some(paypal) => paypal.key(headers, now).await,
                None => Err(NoKey::NotConfigured),
            },
        }
    }

    /// Checks the signature of an event on arrival.
    #[must_use]
    pub fn check_signature(
        self,
        received: &Received,
        key: &EventKey,
        trust: &EventTrust,
        now: Timestamp,
    ) -> Signature {
        match (self, key, &trust.paypal) {
            (Self::Stripe, EventKey::Secrets, _) => stripe::signature::check(received, &trust.stripe, now),
            (Self::Paypal, EventKey::Certificate(claim, chain), Some(paypal)) => {
                paypal.check(claim, chain, &received.body, now)
            }
            // A key of another gateway's, or of one whose events are not taken.
            (Self::Stripe, EventKey::Certificate(..), _)
            | (Self::Paypal, EventKey::Secrets, _)
            | (Self::Paypal, EventKey::Certificate(..), None) => Signature::Forged,
        }
    }

    /// Reads what an event is about.
    ///
    /// Fails with a sentence for operators, when the body is no event.
    pub fn read_event(self, body: &[u8]) -> Result<Event, String> {
        let event = match self {
            Self::Stripe => stripe::event::read(body),
            Self::Paypal => paypal::event::read(body),
        };
        event?.of_names()
    }
}

/// By what gateways' events are known to be theirs.
#[derive(Default)]
pub struct EventTrust {
    /// Stripe's secrets, `whsec_…`; several while one replaces another. None: no events of Stripe's are taken.
    pub stripe: Vec<SecretString>,
    /// What it takes to check PayPal's; `None`: no events of PayPal's are taken.
    pub paypal: Option<paypal::PaypalTrust>,
}

names!(GatewayName, Stripe => "stripe", Paypal => "paypal");
names!(
    MethodType,
    Card => "card", ApplePay => "apple_pay", GooglePay => "google_pay", BankDebit => "bank_debit",
    Paypal => "paypal",
);
names!(Capture, Automatic => "automatic", Manual => "manual");
names!(DeclineClass, Soft => "soft", Customer => "customer", Hard => "hard");

/// Says to a sandbox how far the clock of this test deployment is ahead, so that it follows. To a real gateway
/// nothing is said: nobody has moved the clock.
fn tell_time(call: reqwest::RequestBuilder, ahead: &Ahead) -> reqwest::RequestBuilder {
    match ahead.milliseconds() {
        Some(milliseconds) => call.header("remit-clock-ahead", milliseconds),
        None => call,
    }
}

/// The HTTP client for gateways: no redirects, no proxy, no hidden retries, and separate bounds for
/// connecting (3 s) and for the whole call.
///
/// Fails when the TLS backend cannot be initialised.
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
