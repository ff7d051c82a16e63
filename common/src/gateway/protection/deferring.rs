//! The adapter of an account that cannot be spoken for now: whatever it is asked is put off, and nobody else is asked
//! instead.

use std::time::Duration;

use super::health::AdapterAnswer;
use crate::{
    clock::Timestamp,
    gateway::{
        Answer, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRequest, Dispute, Found, Gateway,
        GatewayRefund, LookUp, Obstacle, Received, RefundLookUp, RefundOutcome, RefundRequest, RefundsAsked,
        Reply, SaveOutcome, SaveRequest, SettlementReport, Verdict,
    },
};

/// When to come back.
const WAIT: Duration = Duration::from_secs(15);

/// See above.
pub struct Deferring {
    why: String,
}

impl Deferring {
    /// It is put off for this reason.
    #[must_use]
    pub fn new(why: String) -> Self {
        Self { why }
    }

    /// It says nothing of the gateway, so no other takes over.
    fn reply<'a, T: AdapterAnswer + Send + 'a>(&self) -> Reply<'a, T> {
        let answer = T::deferred(self.why.clone(), WAIT, Obstacle::Busy);
        Box::pin(async { answer })
    }
}

impl Gateway for Deferring {
    fn charge<'a>(&'a self, _: &'a ChargeRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        self.reply()
    }

    fn save_method<'a>(&'a self, _: &'a SaveRequest) -> Reply<'a, Answer<SaveOutcome>> {
        self.reply()
    }

    fn look_up<'a>(&'a self, _: &'a LookUp) -> Reply<'a, Answer<ChargeOutcome>> {
        self.reply()
    }

    fn capture<'a>(&'a self, _: &'a CaptureRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        self.reply()
    }

    fn cancel<'a>(&'a self, _: &'a CancelRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        self.reply()
    }

    fn refund<'a>(&'a self, _: &'a RefundRequest) -> Reply<'a, Answer<RefundOutcome>> {
        self.reply()
    }

    fn look_up_refund<'a>(&'a self, _: &'a RefundLookUp) -> Reply<'a, Answer<RefundOutcome>> {
        self.reply()
    }

    fn find_refunds<'a>(&'a self, _: RefundsAsked<'a>) -> Reply<'a, Result<Vec<GatewayRefund>, String>> {
        self.reply()
    }

    fn find_dispute<'a>(&'a self, _: &'a str) -> Reply<'a, Found<Dispute>> {
        self.reply()
    }

    fn verify_event<'a>(&'a self, _: &'a Received) -> Reply<'a, Verdict> {
        self.reply()
    }

    fn settlement_report<'a>(
        &'a self,
        _: (Timestamp, Timestamp),
        _: Option<&'a str>,
    ) -> Reply<'a, Result<SettlementReport, String>> {
        self.reply()
    }

    fn account_ref(&self) -> Reply<'_, Result<String, String>> {
        self.reply()
    }
}
