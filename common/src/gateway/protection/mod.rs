//! Protection around an adapter: it bounds how many calls are under way and how many begin in a second,
//! and gives a gateway a rest that does not answer. What cannot be called soon is deferred, provably
//! without a call; the job comes back later, and its worker is free meanwhile.
//!
//! Charges off session come by the thousand when many subscriptions renew at once, and nobody waits for them:
//! they get four fifths of it at most, and the rest is for those that somebody waits for.
//!
//! Questions about events have a tenth of it besides, and what comes of them says nothing of the gateway's health:
//! anybody can send an event.
//!
//! All of it is per process: a deployment of three workers divides what the gateway allows by three.

pub mod breaker;
mod deferring;
mod health;
mod rate;
mod redaction;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::{
    Answer, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRequest, Dispute, Found, Gateway,
    GatewayName, GatewayRefund, LookUp, Obstacle, Received, RefundLookUp, RefundOutcome, RefundRequest,
    RefundsAsked, Reply, SaveOutcome, SaveRequest, SettlementReport, Verdict,
};
use crate::{clock::Timestamp, id::GatewayAccountId};
use breaker::{Breaker, Health, Pass, Rule};
pub use deferring::Deferring;
use health::AdapterAnswer;
use rate::Rate;
use redaction::Redact;

/// How long a call may wait for its turn. It comes on top of the call's own bound, and a lease must
/// outlive both.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// When to come back after a turn did not come.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// How a gateway is protected, and we from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// Calls under way at the same time, at most.
    pub concurrency: usize,
    /// Calls begun in one second, at most; 0: no bound.
    pub per_second: u32,
    /// When it is given a rest.
    pub breaker: Rule,
}

impl Protection {
    /// What suits a gateway. Stripe allows 100 calls a second; `PayPal` does not say, and slows down
    /// whom it thinks too fast.
    #[must_use]
    pub fn suiting(name: GatewayName) -> Self {
        let breaker = Rule { failures: 10, rest: Duration::from_secs(10) };
        match name {
            GatewayName::Stripe => Self { concurrency: 100, per_second: 100, breaker },
            GatewayName::Paypal => Self { concurrency: 50, per_second: 50, breaker },
        }
    }
}

/// Why no call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    CircuitOpen,
    Concurrency,
    Rate,
}

impl Why {
    /// Whether it says that the gateway is not there, or only that we have to wait for our turn.
    fn obstacle(self) -> Obstacle {
        match self {
            Self::CircuitOpen => Obstacle::Unreachable,
            Self::Concurrency | Self::Rate => Obstacle::Busy,
        }
    }

    /// Its name in metrics.
    fn as_str(self) -> &'static str {
        match self {
            Self::CircuitOpen => "circuit_open",
            Self::Concurrency => "concurrency",
            Self::Rate => "rate",
        }
    }
}

/// How many calls may be under way, and begin in a second.
struct Bulkhead {
    slots: Semaphore,
    rate: Option<Rate>,
}

impl Bulkhead {
    fn new(concurrency: usize, per_second: u32) -> Self {
        let slots = Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Self { slots, rate: Rate::per_second(per_second) }
    }

    /// Waits for a turn until the deadline.
    async fn turn(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Why> {
        let slot = timeout_at(deadline, self.slots.acquire()).await;
        let Ok(Ok(slot)) = slot else { return Err(Why::Concurrency) };
        if let Some(rate) = &self.rate {
            timeout_at(deadline, rate.turn()).await.map_err(|_| Why::Rate)?;
        }
        Ok(slot)
    }
}

/// Of five turns, so many may be taken by what nobody waits for.
const BACKGROUND_OF_FIVE: u32 = 4;

/// What questions about events have, of all.
const EVENTS_OF: u32 = 10;

/// An adapter, protected.
pub struct Protected {
    name: GatewayName,
    /// Of a merchant's; `None`: of the deployment.
    account: Option<GatewayAccountId>,
    adapter: Box<dyn Gateway>,
    /// For all calls.
    all: Bulkhead,
    /// For those that nobody waits for, besides.
    background: Bulkhead,
    /// For questions about events, and for nothing else.
    events: Bulkhead,
    breaker: Mutex<Breaker>,
}

/// A call that may be made. Should nobody wait for its end, that is recorded too: a probe that was given
/// up must not be waited for forever.
struct Admitted<'a> {
    gateway: &'a Protected,
    pass: Pass,
    health: Health,
    _slots: (Option<SemaphorePermit<'a>>, SemaphorePermit<'a>),
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let now = Instant::now().into_std();
        self.gateway.on_breaker(|breaker| breaker.record(&self.pass, self.health, now));
    }
}

impl Protected {
    /// Protects an adapter.
    #[must_use]
    pub fn new(name: GatewayName, adapter: Box<dyn Gateway>, protection: Protection) -> Self {
        let protected = Self {
            name,
            account: None,
            adapter,
            all: Bulkhead::new(protection.concurrency, protection.per_second),
            background: Bulkhead::new(
                (protection.concurrency.saturating_mul(BACKGROUND_OF_FIVE as usize)).div_ceil(5),
                // No bound stays none, and a small one does not become none.
                (protection.per_second.saturating_mul(BACKGROUND_OF_FIVE)).div_ceil(5),
            ),
            events: Bulkhead::new(
                protection.concurrency.div_ceil(EVENTS_OF as usize),
                protection.per_second.div_ceil(EVENTS_OF),
            ),
            breaker: Mutex::new(Breaker::new(protection.breaker)),
        };
        protected.show(false);
        protected
    }

    /// It is a merchant's account that is protected.
    #[must_use]
    pub fn of_account(mut self, account: GatewayAccountId) -> Self {
        self.account = Some(account);
        self
    }

    /// Makes a call that somebody waits for, if it may be made soon, and learns from its end.
    async fn call<T: AdapterAnswer + Redact>(&self, call: impl Future<Output = T>) -> T {
        self.call_from(None, call).await
    }

    async fn call_from<T: AdapterAnswer + Redact>(
        &self,
        background: Option<&Bulkhead>,
        call: impl Future<Output = T>,
    ) -> T {
        match self.admitted(background).await {
            Ok(mut admitted) => {
                let answer = call.await;
                admitted.health = answer.health();
                answer.redacted()
            }
            Err((why, wait)) => self.deferred(why, wait),
        }
    }

    /// Asks about an event, from turns that are for nothing else. A gateway that rests is not asked.
    async fn ask_about_event<T: AdapterAnswer + Redact>(&self, call: impl Future<Output = T>) -> T {
        if let Some(rest) = self.breaker().rest(Instant::now().into_std()) {
            return self.deferred(Why::CircuitOpen, rest);
        }
        match self.events.turn(Instant::now() + PATIENCE).await {
            Ok(_slot) => call.await.redacted(),
            Err(why) => self.deferred(why, BUSY_WAIT),
        }
    }

    fn deferred<T: AdapterAnswer>(&self, why: Why, wait: Duration) -> T {
        metrics::counter!("gateway_deferred_total", "gateway" => self.name.as_str(), "why" => why.as_str())
            .increment(1);
        T::deferred(self.words(why), wait, why.obstacle())
    }

    /// The breaker is asked twice: at once, so that nobody queues for a gateway that rests, and in the end,
    /// because only who really calls may be the probe.
    async fn admitted<'a>(
        &'a self,
        background: Option<&'a Bulkhead>,
    ) -> Result<Admitted<'a>, (Why, Duration)> {
        let deadline = Instant::now() + PATIENCE;
        let rests = |rest| (Why::CircuitOpen, rest);
        if let Some(rest) = self.breaker().rest(Instant::now().into_std()) {
            return Err(rests(rest));
        }
        let busy = |why| (why, BUSY_WAIT);
        let first = match background {
            Some(bulkhead) => Some(bulkhead.turn(deadline).await.map_err(busy)?),
            None => None,
        };
        let slot = self.all.turn(deadline).await.map_err(busy)?;
        let now = Instant::now().into_std();
        let pass = self.on_breaker(|breaker| breaker.admit(now)).map_err(rests)?;
        Ok(Admitted { gateway: self, pass, health: Health::Unclear, _slots: (first, slot) })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the breaker, and tells where it turns.
    fn on_breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.breaker();
        let before = breaker.is_open();
        let done = act(&mut breaker);
        let after = breaker.is_open();
        drop(breaker);
        if before != after {
            self.show(after);
            let account = self.account.map(|account| account.to_string());
            match after {
                true => {
                    tracing::warn!(gateway = %self.name, account, "a gateway does not answer: it is given a rest");
                }
                false => tracing::info!(gateway = %self.name, account, "a gateway answers again"),
            }
        }
        done
    }

    /// Merchants' accounts are in the log: as many gauges as there are merchants would be no metric.
    fn show(&self, open: bool) {
        if self.account.is_some() {
            return;
        }
        metrics::gauge!("gateway_circuit_open", "gateway" => self.name.as_str()).set(u8::from(open));
    }

    fn words(&self, why: Why) -> String {
        match why {
            Why::CircuitOpen => format!("{} does not answer, and is given a rest", self.name),
            Why::Concurrency => format!("as many calls to {} are under way as are allowed", self.name),
            Why::Rate => format!("as many calls to {} are made as are allowed in a second", self.name),
        }
    }
}

impl Gateway for Protected {
    fn charge<'a>(&'a self, request: &'a ChargeRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        let background = request.off_session.then_some(&self.background);
        Box::pin(self.call_from(background, self.adapter.charge(request)))
    }

    fn save_method<'a>(&'a self, request: &'a SaveRequest) -> Reply<'a, Answer<SaveOutcome>> {
        Box::pin(self.call(self.adapter.save_method(request)))
    }

    fn look_up<'a>(&'a self, question: &'a LookUp) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.call(self.adapter.look_up(question)))
    }

    fn capture<'a>(&'a self, request: &'a CaptureRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.call(self.adapter.capture(request)))
    }

    fn cancel<'a>(&'a self, request: &'a CancelRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(self.call(self.adapter.cancel(request)))
    }

    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(self.call(self.adapter.refund(request)))
    }

    fn look_up_refund<'a>(&'a self, question: &'a RefundLookUp) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(self.call(self.adapter.look_up_refund(question)))
    }

    fn find_refunds<'a>(&'a self, asked: RefundsAsked<'a>) -> Reply<'a, Result<Vec<GatewayRefund>, String>> {
        Box::pin(self.ask_about_event(self.adapter.find_refunds(asked)))
    }

    fn find_dispute<'a>(&'a self, dispute_ref: &'a str) -> Reply<'a, Found<Dispute>> {
        Box::pin(self.ask_about_event(self.adapter.find_dispute(dispute_ref)))
    }

    fn verify_event<'a>(&'a self, received: &'a Received) -> Reply<'a, Verdict> {
        Box::pin(self.ask_about_event(self.adapter.verify_event(received)))
    }

    fn settlement_report<'a>(
        &'a self,
        between: (Timestamp, Timestamp),
        cursor: Option<&'a str>,
    ) -> Reply<'a, Result<SettlementReport, String>> {
        Box::pin(self.call(self.adapter.settlement_report(between, cursor)))
    }

    fn account_ref(&self) -> Reply<'_, Result<String, String>> {
        Box::pin(self.call(self.adapter.account_ref()))
    }
}

#[cfg(test)]
mod tests;
