//! Stripe: Payment Intents, created and confirmed in one call under the payment's own key.
//! [`request`] builds and [`response`] reads, both pure; this file does the HTTP.

pub mod amount;
mod decline;
pub mod event;
mod request;
mod response;

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Answer, Call, CancelRequest, CaptureRequest, ChargeRequest, Dispute, Found, Gateway, LookUp,
    RefundLookUp, RefundRequest, Reply, Report, Resolution, Statement, Terms, Verdict,
};
use crate::clock::Timestamp;
use response::Received;

/// Stripe keeps keys for at least 24 hours, and its lists show at once what was made.
pub const TERMS: Terms = Terms {
    replay_window: Duration::from_secs(20 * 3600),
    empty_look_ups_window: Duration::from_secs(30 * 60),
};

/// How far the gateway's clock may be from ours, in seconds.
const CLOCKS_APART_SECONDS: i64 = 120;

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
}

/// The adapter.
pub struct Stripe {
    client: Client,
    config: StripeConfig,
}

impl Stripe {
    /// An adapter with connections of its own.
    ///
    /// # Errors
    /// When the TLS backend cannot be initialised.
    pub fn new(config: StripeConfig) -> reqwest::Result<Self> {
        Ok(Self { client: super::http_client(config.timeout)?, config })
    }

    async fn charge(&self, request: &ChargeRequest) -> Answer {
        let form = match request::charge_form(request) {
            Ok(form) => form,
            Err(error) => {
                let report = Report::Refused {
                    code: "amount_not_chargeable".into(),
                    message: error.to_string(),
                    alarm: false,
                };
                return answer("charge", Duration::ZERO, report, None);
            }
        };
        let call = self
            .client
            .post(self.url("/v1/payment_intents"))
            .header("idempotency-key", &request.key)
            .form(&form);
        let started = Instant::now();
        match self.send(call, request.traceparent.as_deref()).await {
            Ok(received) => {
                answer("charge", started.elapsed(), response::read_charge(&received), Some(&received))
            }
            Err(error) => answer("charge", started.elapsed(), not_answered(&error), None),
        }
    }

    /// However many pages it takes, a look-up is bounded as one call is: a lease outlives it.
    async fn look_up(&self, question: &LookUp) -> Answer {
        let started = Instant::now();
        let mut last = None;
        let looking = async {
            match &question.gateway_ref {
                Some(id) => self.look_up_by_id(id, question, &mut last).await,
                None => self.look_up_by_reference(question, &mut last).await,
            }
        };
        let report = tokio::time::timeout(self.config.timeout, looking)
            .await
            .unwrap_or_else(|_| unresolved("the gateway's list could not be read in time"));
        answer("look_up", started.elapsed(), report, last.as_ref())
    }

    async fn look_up_by_id(&self, id: &str, question: &LookUp, last: &mut Option<Received>) -> Report {
        let call = self
            .client
            .get(self.url(&format!("/v1/payment_intents/{id}")))
            .query(&[("expand[]", "latest_charge")]);
        match self.send(call, question.traceparent.as_deref()).await {
            Ok(received) => response::read_look_up(last.insert(received)),
            Err(error) => unresolved(&root_cause(&error)),
        }
    }

    /// Reads the list, newest first, until our reference turns up. Search is not used: it lags.
    async fn look_up_by_reference(&self, question: &LookUp, last: &mut Option<Received>) -> Report {
        let (from, to) = question.made_between;
        let created = (from.timestamp() - CLOCKS_APART_SECONDS, to.timestamp() + CLOCKS_APART_SECONDS);
        let mut starting_after = None;
        loop {
            let call = self
                .client
                .get(self.url("/v1/payment_intents"))
                .query(&request::list_query(created, starting_after.as_deref()));
            let received = match self.send(call, question.traceparent.as_deref()).await {
                Ok(received) => last.insert(received),
                Err(error) => return unresolved(&root_cause(&error)),
            };
            match response::find_in_page(received, &question.reference) {
                response::Page::Found(report) => return report,
                response::Page::Last => return Report::NotFound,
                response::Page::More { last_id } => starting_after = Some(last_id),
                response::Page::Unreadable(why) => return unresolved(&why),
            }
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.config.base_url.clone();
        url.set_path(path);
        url
    }

    async fn send(&self, call: RequestBuilder, traceparent: Option<&str>) -> reqwest::Result<Received> {
        let call = match traceparent {
            Some(traceparent) => call.header("traceparent", traceparent),
            None => call,
        };
        let response = call
            .bearer_auth(self.config.secret_key.expose_secret())
            .header("stripe-version", &self.config.version)
            .send()
            .await?;
        let header = |name| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Ok(Received {
            status: response.status().as_u16(),
            request_id: header("request-id"),
            should_retry: header("stripe-should-retry"),
            retry_after: header("retry-after"),
            body: response.bytes().await?,
        })
    }
}

impl Gateway for Stripe {
    fn charge<'a>(&'a self, request: &'a ChargeRequest) -> Reply<'a> {
        Box::pin(self.charge(request))
    }

    fn look_up<'a>(&'a self, question: &'a LookUp) -> Reply<'a> {
        Box::pin(self.look_up(question))
    }

    fn capture<'a>(&'a self, _: &'a CaptureRequest) -> Reply<'a> {
        not_yet()
    }

    fn cancel<'a>(&'a self, _: &'a CancelRequest) -> Reply<'a> {
        not_yet()
    }

    fn refund<'a>(&'a self, _: &'a RefundRequest) -> Reply<'a> {
        not_yet()
    }

    fn look_up_refund<'a>(&'a self, _: &'a RefundLookUp) -> Reply<'a> {
        not_yet()
    }

    fn find_dispute<'a>(&'a self, _: &'a str) -> Reply<'a, Found<Dispute>> {
        Box::pin(async { Found::Unknown("not spoken yet".into()) })
    }

    fn verify_event<'a>(&'a self, _: &'a super::Received) -> Reply<'a, Verdict> {
        // Checked on receipt, with the secret that we share.
        Box::pin(async { Verdict::Genuine })
    }

    fn statement<'a>(
        &'a self,
        _: (Timestamp, Timestamp),
        _: Option<&'a str>,
    ) -> Reply<'a, Result<Statement, String>> {
        Box::pin(async { Err("not spoken yet".into()) })
    }
}

fn not_yet<'a>() -> Reply<'a> {
    Box::pin(async { Answer::without_a_call(unresolved("not spoken yet")) })
}

fn answer(
    operation: &'static str,
    duration: Duration,
    report: Report,
    received: Option<&Received>,
) -> Answer {
    Answer {
        report,
        call: Call {
            operation,
            http_status: received.map(|r| r.status),
            request_id: received.and_then(|r| r.request_id.clone()),
            duration,
        },
    }
}

/// No answer came. Only a failure to connect proves that nothing was sent.
fn not_answered(error: &reqwest::Error) -> Report {
    let why = root_cause(error);
    if error.is_connect() {
        Report::NotSent { why, retry_after: None }
    } else {
        Report::Unknown { why, resolution: Resolution::Replay }
    }
}

fn unresolved(why: &str) -> Report {
    Report::Unknown { why: why.to_owned(), resolution: Resolution::LookUp }
}

/// The innermost error says what happened; the outer ones name the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_timeout() { format!("time-out: {cause}") } else { cause.to_string() }
}
