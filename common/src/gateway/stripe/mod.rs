//! Stripe: Payment Intents, created and confirmed in one call under the payment's own key.
//! [`request`] builds, [`response`] reads what [`wire`] declares, both pure; [`http`] speaks. Operations are in
//! [`operations`] and [`saving`], questions in [`look_up`] and [`settlement_report`], and what Stripe tells by itself
//! in [`event`], signed as [`signature`] checks.

mod account;
pub mod amount;
mod decline;
pub mod event;
mod http;
pub mod least;
mod look_up;
mod operations;
mod refusal;
mod request;
mod response;
mod saving;
mod search;
mod settlement_report;
pub mod signature;
pub mod token;
mod wire;

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::{
    Answer, Call, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRequest, Dispute, Found, Gateway,
    GatewayRefund, Guarantees, InDoubt, LookUp, RefundLookUp, RefundOutcome, RefundRequest, RefundsAsked,
    Reply, Report, Resolution, SaveOutcome, SaveRequest, SettlementReport, Verdict,
};
use crate::clock::{Ahead, Timestamp};
use http::Http;
use look_up::Asking;
pub(super) use refusal::sentence as refusal_sentence;
use response::Received;
use saving::Saving;

/// The version of Stripe's API that this adapter is written against: `docs/stripe-versions.md`.
pub const VERSION: &str = "2026-11-18.endive";

/// Stripe keeps keys for at least 24 hours, and its lists show at once what was made.
pub const GUARANTEES: Guarantees = Guarantees {
    replay_window: Duration::from_secs(20 * 3600),
    empty_look_ups_window: Duration::from_secs(30 * 60),
    settlement_report_lag: Duration::ZERO,
    unapproved_window: None,
};

/// How to reach Stripe.
pub struct StripeConfig {
    /// `https://api.stripe.com`, or a sandbox.
    pub base_url: Url,
    /// `sk_…`
    pub secret_key: SecretString,
    /// The API version that the adapter was written against.
    pub version: String,
    /// Bound for one whole call.
    pub timeout: Duration,
    /// In a test deployment: the time that a sandbox follows.
    pub ahead: Ahead,
}

/// The adapter.
pub struct Stripe {
    http: Http,
    timeout: Duration,
}

impl Stripe {
    /// An adapter with connections of its own.
    ///
    /// Fails when the TLS backend cannot be initialised.
    pub fn new(config: StripeConfig) -> reqwest::Result<Self> {
        Ok(Self { timeout: config.timeout, http: Http::new(config)? })
    }
}

impl Gateway for Stripe {
    fn charge<'a>(&'a self, request: &'a ChargeRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.charge(request))
    }

    fn save_method<'a>(&'a self, request: &'a SaveRequest) -> Reply<'a, Answer<SaveOutcome>> {
        Box::pin(Saving::of(&self.http, request, self.timeout))
    }

    fn look_up<'a>(&'a self, question: &'a LookUp) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(Asking::for_payment(&self.http, question, self.timeout))
    }

    fn capture<'a>(&'a self, request: &'a CaptureRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.capture(request))
    }

    fn cancel<'a>(&'a self, request: &'a CancelRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.cancel(request))
    }

    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(self.refund(request))
    }

    fn look_up_refund<'a>(&'a self, question: &'a RefundLookUp) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(Asking::for_refund(&self.http, question, self.timeout))
    }

    fn find_refunds<'a>(&'a self, asked: RefundsAsked<'a>) -> Reply<'a, Result<Vec<GatewayRefund>, String>> {
        Box::pin(look_up::find_refunds(&self.http, asked, self.timeout))
    }

    fn find_dispute<'a>(&'a self, dispute_ref: &'a str) -> Reply<'a, Found<Dispute>> {
        Box::pin(look_up::find_dispute(&self.http, dispute_ref))
    }

    fn verify_event<'a>(&'a self, _: &'a super::Received) -> Reply<'a, Verdict> {
        // Checked on arrival, with the secret that we share.
        Box::pin(async { Verdict::Genuine })
    }

    fn settlement_report<'a>(
        &'a self,
        between: (Timestamp, Timestamp),
        cursor: Option<&'a str>,
    ) -> Reply<'a, Result<SettlementReport, String>> {
        Box::pin(settlement_report::read(&self.http, between, cursor))
    }

    fn account_ref(&self) -> Reply<'_, Result<String, String>> {
        Box::pin(account::name(&self.http))
    }
}

fn answer<T>(
    operation: &'static str,
    duration: Duration,
    report: Report<T>,
    received: Option<&Received>,
) -> Answer<T> {
    Answer {
        report,
        call: Call {
            operation,
            http_status: received.map(|r| r.status),
            request_id: received.and_then(|r| r.request_id.clone()),
            duration,
        },
        cursor: None,
    }
}

fn unresolved(why: &str) -> InDoubt {
    InDoubt::Unknown { why: why.to_owned(), resolution: Resolution::LookUp }
}
