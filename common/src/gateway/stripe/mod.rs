//! Stripe: Payment Intents, created and confirmed in one call under the payment's own key.
//! [`request`] builds and [`response`] reads, both pure; [`http`] speaks. Operations are here and in
//! [`saving`], questions in [`look_up`] and [`statement`], and what Stripe tells by itself in [`event`].

pub mod amount;
mod decline;
pub mod event;
mod http;
pub mod least;
mod look_up;
mod refusal;
mod request;
mod response;
mod saving;
mod search;
mod settlement_report;
pub mod token;

use std::time::{Duration, Instant};

use reqwest::Url;
use secrecy::SecretString;

use super::{
    Answer, Call, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRequest, Dispute, Fault, Found,
    Gateway, GatewayKey, GatewayRefund, Guarantees, InDoubt, LookUp, RefundLookUp, RefundOutcome,
    RefundRequest, RefundsAsked, Reply, Report, Resolution, SaveOutcome, SaveRequest, Sending,
    SettlementReport, Verdict, sending::TooLate,
};
use crate::clock::{Ahead, Timestamp};
use http::Http;
use look_up::Asking;
pub(super) use refusal::sentence as refusal_sentence;
use request::{Fields, Unspeakable};
use response::{Object, Operation, Received};
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

    async fn charge(&self, request: &ChargeRequest) -> Answer<ChargeOutcome> {
        let form = request::charge(request);
        self.operate(Operation::Charge, &["payment_intents"], &request.key, form, &request.sending).await
    }

    async fn capture(&self, request: &CaptureRequest) -> Answer<ChargeOutcome> {
        let path = ["payment_intents", &request.gateway_ref, "capture"];
        let form = request::capture(request);
        self.operate(Operation::Capture, &path, &request.key, form, &request.sending).await
    }

    async fn cancel(&self, request: &CancelRequest) -> Answer<ChargeOutcome> {
        let path = ["payment_intents", &request.gateway_ref, "cancel"];
        let form = Ok(request::cancel());
        self.operate(Operation::Cancel, &path, &request.key, form, &request.sending).await
    }

    async fn refund(&self, request: &RefundRequest) -> Answer<RefundOutcome> {
        let form = request::refund(request);
        self.operate(Operation::Refund, &["refunds"], &request.key, form, &request.sending).await
    }

    /// One call under a key. What cannot be put into Stripe's words is not sent.
    async fn operate<T: Object>(
        &self,
        operation: Operation,
        path: &[&str],
        key: &GatewayKey,
        form: Result<Fields, Unspeakable>,
        sending: &Sending,
    ) -> Answer<T> {
        let form = match form {
            Ok(form) => form,
            Err(unspeakable) => {
                let (code, message) = (unspeakable.code().into(), unspeakable.to_string());
                return Answer::without_a_call(Err(InDoubt::Refused {
                    code,
                    message,
                    fault: Fault::Request,
                }));
            }
        };
        // The body looks at the clock once more when it is written; a cancellation has none.
        if sending.is_too_late() {
            return Answer::without_a_call(Err(http::held_back(TooLate.to_string())));
        }
        let started = Instant::now();
        let received = self.http.post(path, key, &form, sending).await;
        let report = match &received {
            Ok(received) => response::read(operation, received),
            Err(error) => Err(http::not_answered(error)),
        };
        answer(operation.as_str(), started.elapsed(), report, received.as_ref().ok())
    }

    async fn find_dispute(&self, dispute_ref: &str) -> Found<Dispute> {
        let query = request::expanding("payment_intent");
        match self.http.get(&["disputes", dispute_ref], &query, None).await {
            Ok(received) => response::dispute::read(&received),
            Err(error) => Found::Unknown(http::root_cause(&error)),
        }
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
        Box::pin(self.find_dispute(dispute_ref))
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
