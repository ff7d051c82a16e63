//! PayPal: Orders, created under the payment's own key, and what follows from them. [`request`] builds, [`response`] and
//! [`refusal`] read what [`wire`] declares, all pure; [`http`] speaks. Operations are in [`operations`], questions in
//! [`look_up`] and [`settlement_report`], and what PayPal tells by itself in [`event`]. Whether an event is PayPal's is
//! checked on arrival by [`PaypalTrust`]: [`certificates`] fetches, [`signature`] judges.

mod access_token;
pub mod amount;
pub mod certificates;
pub mod event;
mod http;
mod look_up;
mod operations;
mod refusal;
mod request;
mod response;
mod search;
mod settlement_report;
pub mod signature;
pub mod token;
mod trust;
mod wire;

use std::time::Duration;

use reqwest::{Client, Url};
use secrecy::SecretString;

pub(super) use refusal::sentence as refusal_sentence;
pub use trust::PaypalTrust;

use super::{
    Answer, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRequest, Dispute, Fault, Found, Gateway,
    GatewayRefund, Guarantees, InDoubt, LookUp, Received, RefundLookUp, RefundOutcome, RefundRequest,
    RefundsAsked, Reply, Resolution, SaveOutcome, SaveRequest, SavedMethod, SettlementReport, Verdict,
};
use crate::clock::{Ahead, Timestamp};

/// PayPal keeps request ids of Orders for 6 hours, as it does orders that nobody approves; its reports lag
/// up to 3.
pub const GUARANTEES: Guarantees = Guarantees {
    replay_window: Duration::from_secs(5 * 3600),
    empty_look_ups_window: Duration::from_secs(9 * 3600),
    settlement_report_lag: Duration::from_secs(4 * 3600),
    unapproved_window: Some(Duration::from_secs(6 * 3600)),
};

/// How to reach PayPal.
pub struct PaypalConfig {
    /// `https://api-m.paypal.com`, or a sandbox.
    pub base_url: Url,
    /// The application's client id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretString,
    /// The id of our webhook at PayPal, by which it verifies events.
    pub webhook_id: Option<String>,
    /// Bound for one whole operation, however many calls it takes.
    pub timeout: Duration,
    /// In a test deployment: the time that a sandbox follows.
    pub ahead: Ahead,
}

/// The adapter.
pub struct Paypal {
    client: Client,
    config: PaypalConfig,
    tokens: access_token::Tokens,
}

impl Paypal {
    /// An adapter with connections of its own.
    ///
    /// Fails when the TLS backend cannot be initialised.
    pub fn new(config: PaypalConfig) -> reqwest::Result<Self> {
        let client = super::http_client(config.timeout)?;
        Ok(Self { client, config, tokens: access_token::Tokens::default() })
    }
}

impl Gateway for Paypal {
    fn charge<'a>(&'a self, request: &'a ChargeRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.charge_order(request))
    }

    fn save_method<'a>(&'a self, request: &'a SaveRequest) -> Reply<'a, Answer<SaveOutcome>> {
        // The payer has saved it at PayPal, and the token is its name there: nothing is asked.
        let method = SavedMethod { customer_ref: None, method_ref: request.token.as_str().into() };
        Box::pin(async { Answer::without_a_call(Ok(SaveOutcome::Saved { method, card: None })) })
    }

    fn look_up<'a>(&'a self, question: &'a LookUp) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.ask_for_payment(question))
    }

    fn capture<'a>(&'a self, request: &'a CaptureRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.capture_authorization(request))
    }

    fn cancel<'a>(&'a self, request: &'a CancelRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.void_authorization(request))
    }

    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(self.refund_capture(request))
    }

    fn look_up_refund<'a>(&'a self, question: &'a RefundLookUp) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(self.ask_for_refund(question))
    }

    fn find_refunds<'a>(&'a self, asked: RefundsAsked<'a>) -> Reply<'a, Result<Vec<GatewayRefund>, String>> {
        Box::pin(self.ask_for_refunds(asked))
    }

    fn find_dispute<'a>(&'a self, dispute_ref: &'a str) -> Reply<'a, Found<Dispute>> {
        Box::pin(self.ask_for_dispute(dispute_ref))
    }

    fn verify_event<'a>(&'a self, received: &'a Received) -> Reply<'a, Verdict> {
        Box::pin(self.ask_for_verdict(received))
    }

    fn settlement_report<'a>(
        &'a self,
        between: (Timestamp, Timestamp),
        cursor: Option<&'a str>,
    ) -> Reply<'a, Result<SettlementReport, String>> {
        Box::pin(self.part_of_statement(between, cursor))
    }

    /// The application stands for its account: by its name request ids are known.
    fn account_ref(&self) -> Reply<'_, Result<String, String>> {
        Box::pin(async {
            self.authenticate().await?;
            Ok(self.config.client_id.clone())
        })
    }
}

fn unresolved(why: &str) -> InDoubt {
    InDoubt::Unknown { why: why.to_owned(), resolution: Resolution::LookUp }
}

fn not_chargeable(error: &amount::AmountError) -> InDoubt {
    InDoubt::Refused {
        code: "amount_not_chargeable".into(),
        message: error.to_string(),
        fault: Fault::Request,
    }
}
