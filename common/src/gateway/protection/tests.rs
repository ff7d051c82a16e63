//! The protection around a gateway that answers as it is told, on a clock that is stopped.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::time::{advance, sleep};

use crate::{
    gateway::{
        Answer, Call, Capture, Decline, DeclineClass, Fault, InDoubt, MethodType, Report, Resolution, Sending,
    },
    money::{Currency, Money},
};

use super::*;

/// What the gateway does with a charge: its description says it.
struct Stub {
    calls: Arc<AtomicUsize>,
}

fn not_sent<T>(obstacle: Obstacle) -> Report<T> {
    Err(InDoubt::NotSent { why: String::new(), retry_after: None, obstacle })
}

fn processing() -> ChargeOutcome {
    ChargeOutcome::Processing { gateway_ref: "pi_1".into() }
}

fn no() -> Decline {
    let (code, message) = ("lost_card".into(), "no".into());
    Decline { class: DeclineClass::Hard, code, message, gateway_ref: None }
}

impl Stub {
    fn answer<T>(&self, order: Option<&str>, done: T) -> Answer<T> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let why = String::new();
        let (report, http_status) = match order {
            Some("fail") => (Err(InDoubt::Unknown { why, resolution: Resolution::Replay }), Some(503)),
            Some("unreachable") => (not_sent(Obstacle::Unreachable), None),
            Some("limited") => (not_sent(Obstacle::Busy), Some(429)),
            Some("refuse") => {
                (Err(InDoubt::Refused { code: why.clone(), message: why, fault: Fault::Request }), Some(400))
            }
            _ => (Ok(done), Some(200)),
        };
        let duration = Duration::from_millis(1);
        let call = Call { operation: "charge", http_status, request_id: None, duration };
        Answer { report, call, cursor: None }
    }
}

impl Gateway for Stub {
    fn charge<'a>(&'a self, request: &'a ChargeRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(async {
            if request.description.as_deref() == Some("slow") {
                sleep(Duration::from_secs(20)).await;
            }
            self.answer(request.description.as_deref(), processing())
        })
    }
    fn save_method<'a>(&'a self, _: &'a SaveRequest) -> Reply<'a, Answer<SaveOutcome>> {
        Box::pin(async { self.answer(None, no().into()) })
    }
    fn look_up<'a>(&'a self, _: &'a LookUp) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(async { self.answer(None, no().into()) })
    }
    fn capture<'a>(&'a self, _: &'a CaptureRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(async { self.answer(None, no().into()) })
    }
    fn cancel<'a>(&'a self, _: &'a CancelRequest) -> Reply<'a, Answer<ChargeOutcome>> {
        Box::pin(async { self.answer(None, no().into()) })
    }
    fn refund<'a>(&'a self, _: &'a RefundRequest) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(async { self.answer(None, no().into()) })
    }
    fn look_up_refund<'a>(&'a self, _: &'a RefundLookUp) -> Reply<'a, Answer<RefundOutcome>> {
        Box::pin(async { self.answer(None, no().into()) })
    }
    fn find_refunds<'a>(&'a self, _: RefundsAsked<'a>) -> Reply<'a, Result<Vec<GatewayRefund>, String>> {
        Box::pin(async { Err(String::new()) })
    }
    fn find_dispute<'a>(&'a self, _: &'a str) -> Reply<'a, Found<Dispute>> {
        Box::pin(async { Found::None })
    }
    fn verify_event<'a>(&'a self, _: &'a Received) -> Reply<'a, Verdict> {
        Box::pin(async { Verdict::Genuine })
    }
    fn settlement_report<'a>(
        &'a self,
        _: (Timestamp, Timestamp),
        _: Option<&'a str>,
    ) -> Reply<'a, Result<SettlementReport, String>> {
        Box::pin(async { Err("it has none".into()) })
    }
    fn account_ref(&self) -> Reply<'_, Result<String, String>> {
        Box::pin(async { Ok("acct_1".into()) })
    }
}

struct GatewayFixture {
    protected: Arc<Protected>,
    calls: Arc<AtomicUsize>,
}

const REST: Duration = Duration::from_secs(10);

fn fixture(concurrency: usize, per_second: u32) -> GatewayFixture {
    let calls = Arc::new(AtomicUsize::new(0));
    let adapter = Box::new(Stub { calls: calls.clone() });
    let protection = Protection { concurrency, per_second, breaker: Rule { failures: 3, rest: REST } };
    GatewayFixture { protected: Arc::new(Protected::new(GatewayName::Stripe, adapter, protection)), calls }
}

fn request(order: &str) -> ChargeRequest {
    ChargeRequest {
        reference: "pay_1".into(),
        key: "pay_1".into(),
        money: Money { amount: 1.into(), currency: Currency::from_code("EUR").unwrap() },
        method: MethodType::Card,
        token: None,
        saved: None,
        off_session: false,
        capture: Capture::Automatic,
        description: Some(order.into()),
        return_url: None,
        approved: None,
        sending: Sending::default(),
    }
}

impl GatewayFixture {
    async fn word(&self, order: &str) -> &'static str {
        self.protected.charge(&request(order)).await.word()
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// A call that is under way for 20 seconds.
    async fn under_way(&self) -> tokio::task::JoinHandle<Answer<ChargeOutcome>> {
        let protected = self.protected.clone();
        let call = tokio::spawn(async move { protected.charge(&request("slow")).await });
        tokio::task::yield_now().await;
        call
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_answer_is_given_a_rest() {
    let fixture = fixture(10, 0);
    for (order, word) in [("fail", "unknown"), ("unreachable", "not_sent"), ("fail", "unknown")] {
        assert_eq!(fixture.word(order).await, word);
    }
    let started = Instant::now();
    let answer = fixture.protected.charge(&request("well")).await;
    let Err(InDoubt::Deferred { wait, .. }) = &answer.report else { panic!("{answer:?}") };
    assert_eq!((*wait, answer.call.was_made(), fixture.calls()), (REST, false, 3));
    let dispute = fixture.protected.find_dispute("dp_1").await;
    assert!(matches!(dispute, Found::Unknown(_)), "{dispute:?}");
    assert!(started.elapsed() < Duration::from_millis(10), "nobody queues for a gateway that rests");

    advance(REST).await;
    assert_eq!(fixture.word("well").await, "processing");
    assert_eq!(fixture.word("well").await, "processing");
}

#[tokio::test(start_paused = true)]
async fn a_no_is_an_answer() {
    let fixture = fixture(10, 0);
    for _ in 0..10 {
        assert_eq!(fixture.word("refuse").await, "refused");
        assert_eq!(fixture.word("limited").await, "not_sent");
    }
    assert_eq!(fixture.calls(), 20);
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_and_one_that_is_given_up_is_followed_by_another() {
    let fixture = fixture(10, 0);
    for _ in 0..3 {
        fixture.word("fail").await;
    }
    advance(REST).await;
    let probe = fixture.under_way().await;
    assert_eq!(fixture.word("well").await, "deferred");
    probe.abort();
    assert!(probe.await.unwrap_err().is_cancelled());
    assert_eq!(fixture.word("well").await, "deferred", "it told nothing: the rest goes on");
    advance(REST).await;
    assert_eq!(fixture.word("well").await, "processing");
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_under_way_than_are_allowed() {
    let fixture = fixture(2, 0);
    let calls = [fixture.under_way().await, fixture.under_way().await];
    let started = Instant::now();
    assert_eq!(fixture.word("well").await, "deferred");
    assert_eq!(started.elapsed(), PATIENCE, "it waits for its turn, but not for long");
    for call in calls {
        assert_eq!(call.await.unwrap().word(), "processing");
    }
    assert_eq!(fixture.word("well").await, "processing");
    assert_eq!(fixture.calls(), 3);
}

/// Fifty at once, ten a second: the first now, ten more within the patience of the others.
#[tokio::test(start_paused = true)]
async fn no_more_calls_begin_in_a_second_than_are_allowed() {
    let fixture = fixture(50, 10);
    let started = Instant::now();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let protected = fixture.protected.clone();
            tokio::spawn(async move { protected.charge(&request("well")).await.word() })
        })
        .collect();
    let mut deferred = 0;
    for call in calls {
        deferred += usize::from(call.await.unwrap() == "deferred");
    }
    assert!((10..=11).contains(&fixture.calls()), "{}", fixture.calls());
    assert_eq!(deferred + fixture.calls(), 50);
    assert!(started.elapsed() <= PATIENCE + Duration::from_millis(10));
}

/// Renewals by the thousand, and one payment that somebody waits for.
#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_leaves_room() {
    for fixture in [fixture(10, 0), fixture(1000, 10)] {
        let off_session = || {
            let protected = fixture.protected.clone();
            tokio::spawn(async move {
                let request = ChargeRequest { off_session: true, ..request("slow") };
                protected.charge(&request).await.word()
            })
        };
        let renewals: Vec<_> = (0..100).map(|_| off_session()).collect();
        sleep(PATIENCE).await;
        let started = Instant::now();
        assert_eq!(fixture.word("well").await, "processing");
        assert!(started.elapsed() < PATIENCE / 4, "after {:?}", started.elapsed());
        let mut made = 0;
        for renewal in renewals {
            made += usize::from(renewal.await.unwrap() == "processing");
        }
        assert!((8..=10).contains(&made), "{made} of four fifths of ten");
    }
}
