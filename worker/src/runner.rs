//! The runner: takes deliveries, claims their jobs, does them, records what came of it, acknowledges.
//! Whatever happens here, the job's row decides what comes next, so every fault simply lets go.

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use common::{
    batch::BatchError,
    gateway::{Answer, GatewayName, Outcome},
    id::JobId,
    job::{
        Claim, Kind,
        broker::{BrokerConfig, Consumers, Delivered},
    },
    retry::Policy,
    telemetry,
};
use futures_util::{FutureExt as _, future::join_all};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::{
    books::{Claimed, Learnt, Subject},
    context::Context,
    jobs,
};

/// Waits between attempts to claim a job or to record a result while the database is away.
const ASK_AGAIN: Policy =
    Policy { initial: Duration::from_millis(50), factor: 2, max: Duration::from_secs(2) };

/// Attempts to claim or to record. After the last, half a minute later, the job is let go: its row is
/// found by the scheduler, and a gateway that is asked again with the same key gives the same answer.
const ASK_ATTEMPTS_MAX: i32 = 20;

/// Does jobs, a bounded number at once.
pub struct Runner {
    context: Arc<Context>,
    slots: Arc<Slots>,
    prefetch: u16,
    lease: Duration,
}

impl Runner {
    pub fn new(context: Context, concurrency: u16, lease: Duration) -> Self {
        Self {
            context: Arc::new(context),
            slots: Arc::new(Slots::new(concurrency.into())),
            // As many as can be under way if each message carries one job. What it holds beyond that,
            // other workers get when this one dies, or the scheduler emits it again.
            prefetch: concurrency,
            lease,
        }
    }

    /// Works until `shutdown`, then finishes what is in flight. What was delivered and not begun goes
    /// back to the broker with the connection.
    pub async fn run(&self, broker: BrokerConfig, kinds: Vec<Kind>, shutdown: &CancellationToken) {
        let consumers = Consumers { config: broker, kinds, prefetch: self.prefetch };
        let tracker = TaskTracker::new();
        let handle = |delivered: Delivered| {
            let (context, slots) = (Arc::clone(&self.context), Arc::clone(&self.slots));
            tracker.spawn(handle_message(context, slots, delivered, shutdown.clone()));
        };
        // No job is worth more time than its lease: after that it is somebody else's.
        consumers.run(handle, &tracker, self.lease, shutdown).await;
    }
}

/// Room for the jobs under way. Half of it is never taken by what nobody waits for: a hundred thousand charges of
/// renewals do not hold up the payment that comes after them. Jobs that ask no gateway have as much room besides.
/// Events have a little of their own, and those that anybody may have sent another: a flood of them waits for itself.
struct Slots {
    all: Semaphore,
    background: Semaphore,
    without_a_call: Semaphore,
    events: Semaphore,
    unverified_events: Semaphore,
}

/// Events that are looked into at once, and those of which the gateway is asked whether they are its own.
const EVENTS: usize = 4;
const UNVERIFIED_EVENTS: usize = 2;

impl Slots {
    fn new(all: usize) -> Self {
        let background = Semaphore::new(all.div_ceil(2));
        let (all, without_a_call) = (Semaphore::new(all), Semaphore::new(all));
        let (events, unverified_events) = (Semaphore::new(EVENTS), Semaphore::new(UNVERIFIED_EVENTS));
        Self { all, background, without_a_call, events, unverified_events }
    }

    /// Waits for room. The semaphores are never closed.
    async fn take(&self, kind: Kind) -> (Option<SemaphorePermit<'_>>, Option<SemaphorePermit<'_>>) {
        let own = match kind {
            Kind::HandleEvent => Some(&self.events),
            Kind::VerifyEvent => Some(&self.unverified_events),
            _ if !kind.asks_gateway() => Some(&self.without_a_call),
            _ => None,
        };
        if let Some(own) = own {
            return (None, own.acquire().await.ok());
        }
        let background = if kind.is_background() { self.background.acquire().await.ok() } else { None };
        (background, self.all.acquire().await.ok())
    }
}

/// Does the jobs of one message, and acknowledges it when all have ended.
async fn handle_message(
    context: Arc<Context>,
    slots: Arc<Slots>,
    delivered: Delivered,
    stopping: CancellationToken,
) {
    let message = &delivered.message;
    let jobs = message.jobs.iter().map(|job| async {
        let slot = tokio::select! {
            biased;
            () = stopping.cancelled() => return false,
            slot = slots.take(message.kind) => slot,
        };
        handle_one(&context, message.kind, *job, message.reply_to.as_deref()).await;
        drop(slot);
        true
    });
    let ended = join_all(jobs).await;
    if ended.into_iter().all(|ended| ended) {
        delivered.ack().await;
    }
}

async fn handle_one(context: &Context, kind: Kind, job: JobId, reply_to: Option<&str>) {
    match patiently(|| context.books.claim(kind, job)).await {
        Ok(Some(claimed)) => {
            if context.test_clock {
                context.gateways.ahead.learn(claimed.claim.at);
            }
            let span = span(&claimed);
            do_one(context, claimed, reply_to).instrument(span).await;
        }
        Ok(None) => tracing::debug!(%job, "done, in other hands, or not due"),
        Err(error) => tracing::warn!(%error, %job, "not claimed; it will be emitted again"),
    }
}

/// What the lines of the log that a job writes have in common.
fn span(Claimed { claim, subject }: &Claimed) -> tracing::Span {
    let trace_id = claim.traceparent.as_deref().and_then(telemetry::trace_id).unwrap_or_default();
    let (payment, refund) = match subject {
        Subject::Payment(payment) => (Some(payment), None),
        Subject::Refund(refund, payment) => (Some(payment), Some(refund.id)),
        Subject::Event(_) | Subject::Reconciliation(_) | Subject::Subscription(_) | Subject::Invoice(_) => {
            (None, None)
        }
    };
    tracing::info_span!(
        "job",
        kind = %claim.kind,
        payment_id = payment.map(|payment| tracing::field::display(payment.id)),
        refund_id = refund.map(tracing::field::display),
        merchant_id = payment.map(|payment| tracing::field::display(payment.merchant_id)),
        attempt = claim.attempt,
        trace_id,
    )
}

async fn do_one(context: &Context, claimed: Claimed, reply_to: Option<&str>) {
    let (started, claim) = (Instant::now(), claimed.claim.clone());
    let done = AssertUnwindSafe(run_and_record(context, claimed, reply_to)).catch_unwind().await;
    if done.is_err() {
        context.code_failed(&claim).await;
    }
    metrics::histogram!("messaging_process_duration_seconds", "kind" => claim.kind.as_str())
        .record(started.elapsed());
}

async fn run_and_record(context: &Context, claimed: Claimed, reply_to: Option<&str>) {
    let claim = claimed.claim.clone();
    let Some(learnt) = in_time(&claim, jobs::run(context, claimed)).await else {
        metrics::counter!("jobs_cut_short_total", "kind" => claim.kind.as_str()).increment(1);
        return tracing::error!("a job has outlived its lease: it is let go, and will be done again");
    };
    measure(&learnt);
    match patiently(|| context.books.record(&learnt)).await {
        Ok(recorded) => {
            recorded.alarm.into_iter().for_each(jobs::alarm);
            if let Some(reply_to) = reply_to.filter(|_| recorded.changed) {
                context.publisher.notify(reply_to.to_owned(), claim.subject);
            }
        }
        // It was the panic of a batch, and this job's part in it.
        Err(BatchError::Panicked) => context.code_failed(&claim).await,
        Err(error) => tracing::error!(%error, "a result was not recorded; the job will be done again"),
    }
}

/// No job goes on after its lease, because somebody else does it then. But what was sent to a gateway in time is
/// waited for, as long as its call is bounded: money that moved is recorded from anybody.
async fn in_time<T>(claim: &Claim, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    if claim.kind.is_operation() {
        return Some(work.await);
    }
    loop {
        match timeout(claim.deadline.left(), work.as_mut()).await {
            Ok(done) => return Some(done),
            // The runtime's clock is not the deadline's.
            Err(_) if !claim.deadline.is_over() => {}
            Err(_) => return None,
        }
    }
}

/// How long the gateway took, and what it said where that is no outcome.
fn measure(learnt: &Learnt) {
    match learnt {
        Learnt::Payment(settlement) => measure_call(settlement.payment.order.gateway, &settlement.answer),
        Learnt::Refund(settlement) => measure_call(settlement.gateway, &settlement.answer),
        Learnt::Event(_) | Learnt::Recorded => {}
    }
}

fn measure_call<T: Outcome>(gateway: GatewayName, answer: &Answer<T>) {
    let outcome = answer.word();
    metrics::histogram!("gateway_request_duration_seconds",
        "gateway" => gateway.as_str(),
        "operation" => answer.call.operation, "outcome" => outcome)
    .record(answer.call.duration);
    if let Some(why) = answer.detail() {
        tracing::info!(outcome, why, request_id = answer.call.request_id, "the gateway answered");
    }
}

/// Waits for a database that is away: a delivery in hand, or an answer of the gateway, is worth it.
async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, BatchError>
where
    F: Future<Output = Result<T, BatchError>>,
{
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(error) if error.is_passing() && attempt < ASK_ATTEMPTS_MAX => {
                tracing::warn!(%error, attempt, "the database is away");
                tokio::time::sleep(ASK_AGAIN.delay(attempt)).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}
