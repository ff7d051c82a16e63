//! PayPal: Orders, created under the payment's own key, and what follows from them.

pub mod amount;
pub mod event;

use std::time::Duration;

use reqwest::{Client, Url};
use secrecy::SecretString;

use super::{
    Answer, CancelRequest, CaptureRequest, ChargeRequest, Dispute, Found, Gateway, LookUp, Received,
    RefundLookUp, RefundRequest, Reply, Report, Resolution, Statement, Terms, Verdict,
};
use crate::clock::Timestamp;

/// PayPal keeps request ids of Orders for 6 hours, and its reports lag up to 3.
pub const TERMS: Terms = Terms {
    replay_window: Duration::from_secs(5 * 3600),
    empty_look_ups_window: Duration::from_secs(9 * 3600),
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
    /// Bound for one whole call.
    pub timeout: Duration,
}

/// The adapter.
pub struct Paypal {
    _client: Client,
    _config: PaypalConfig,
}

impl Paypal {
    /// An adapter with connections of its own.
    ///
    /// # Errors
    /// When the TLS backend cannot be initialised.
    pub fn new(config: PaypalConfig) -> reqwest::Result<Self> {
        Ok(Self { _client: super::http_client(config.timeout)?, _config: config })
    }
}

fn not_yet<'a>() -> Reply<'a> {
    let report = Report::Unknown { why: "not spoken yet".into(), resolution: Resolution::LookUp };
    Box::pin(async { Answer::without_a_call(report) })
}

impl Gateway for Paypal {
    fn charge<'a>(&'a self, _: &'a ChargeRequest) -> Reply<'a> {
        not_yet()
    }

    fn look_up<'a>(&'a self, _: &'a LookUp) -> Reply<'a> {
        not_yet()
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

    fn verify_event<'a>(&'a self, _: &'a Received) -> Reply<'a, Verdict> {
        Box::pin(async { Verdict::Unknown("not spoken yet".into()) })
    }

    fn statement<'a>(
        &'a self,
        _: (Timestamp, Timestamp),
        _: Option<&'a str>,
    ) -> Reply<'a, Result<Statement, String>> {
        Box::pin(async { Err("not spoken yet".into()) })
    }
}
