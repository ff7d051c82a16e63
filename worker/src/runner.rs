//! The runner: takes deliveries, claims their jobs, does them, records what came of it, acknowledges.
//! Whatever happens here, the job's row decides what comes next, so every fault simply lets go.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use common::{
    batch::BatchError,
    id::JobId,
    job::{
        Claim, Kind,
        broker::{BrokerConfig, Consumers, Delivered},
    },
    payment::store::{Settled, Settlement},
    retry::Policy,
    telemetry,
};
use futures_util::{FutureExt as _, future::join_all};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::{Context, books::Claimed, jobs};

/// Failures of a job's own code before it is parked.
const CODE_FAILURES_MAX: i32 = 10;

/// Waits between attempts to claim a job or to record a result while the database is away.
const ASK_AGAIN: Policy =
    Policy { initial: Duration::from_millis(50), factor: 2, max: Duration::from_secs(2) };

/// Attempts to claim or to record. After the last, half a minute later, the job is let go: its row is
/// found by the scheduler, and a gateway that is asked again with the same key gives the same answer.
const ASK_ATTEMPTS_MAX: i32 = 20;

/// Does jobs, a bounded number at once.
pub struct Runner {
    context: Arc<Context>,
    slots: Arc<Semaphore>,
    prefetch: u16,
    lease: Duration,
}

impl Runner {
    pub fn new(context: Context, concurrency: u16, lease: Duration) -> Self {
        Self {
            context: Arc::new(context),
            slots: Arc::new(Semaphore::new(concurrency.into())),
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

/// Does the jobs of one message, and acknowledges it when all have ended.
async fn handle_message(
    context: Arc<Context>,
    slots: Arc<Semaphore>,
    delivered: Delivered,
    stopping: CancellationToken,
) {
    let message = &delivered.message;
    let jobs = message.jobs.iter().map(|job| async {
        let slot = tokio::select! {
            biased;
            () = stopping.cancelled() => return false,
            slot = slots.acquire() => slot,
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
            let (claim, payment) = &claimed;
            let trace_id = claim.traceparent.as_deref().and_then(telemetry::trace_id).unwrap_or_default();
            let span = tracing::info_span!(
                "job",
                %kind,
                payment_id = %payment.id,
                merchant_id = %payment.merchant_id,
                attempt = claim.attempt,
                trace_id,
            );
            do_one(context, claimed, reply_to).instrument(span).await;
        }
        Ok(None) => tracing::debug!(%job, "done, in other hands, or not due"),
        Err(error) => tracing::warn!(%error, %job, "not claimed; it will be emitted again"),
    }
}

async fn do_one(context: &Context, (claim, payment): Claimed, reply_to: Option<&str>) {
    let started = Instant::now();
    let job = AssertUnwindSafe(jobs::run(context, &claim, &payment)).catch_unwind().await;
    let Ok(answer) = job else {
        return code_failed(context, &claim).await;
    };
    let outcome = answer.report.word();
    metrics::histogram!("gateway_request_duration_seconds",
        "gateway" => payment.order.gateway.as_str(), "operation" => answer.call.operation, "outcome" => outcome)
    .record(answer.call.duration);
    if let Some(why) = answer.report.detail() {
        tracing::info!(outcome, why, request_id = answer.call.request_id, "the gateway answered");
    }
    let kind = claim.kind;
    let settlement = Arc::new(Settlement { claim, payment, answer });
    match patiently(|| context.books.settle(Arc::clone(&settlement))).await {
        Ok(settled) => {
            let payment = &settlement.payment;
            report(payment, &settled);
            if let Some(reply_to) = reply_to.filter(|_| settled.changed) {
                context.publisher.notify(reply_to.to_owned(), payment.id);
            }
        }
        Err(error) => tracing::error!(%error, "a result was not recorded; the job will be done again"),
    }
    metrics::histogram!("messaging_process_duration_seconds", "kind" => kind.as_str())
        .record(started.elapsed());
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

fn report(payment: &common::payment::Payment, settled: &Settled) {
    if settled.changed {
        metrics::counter!("payments_total",
            "gateway" => payment.order.gateway.as_str(),
            "status" => settled.status.as_str(),
            "currency" => payment.order.money.currency.code())
        .increment(1);
    }
    if let Some(alarm) = settled.alarm {
        metrics::counter!("alarms_total", "alarm" => alarm).increment(1);
        tracing::error!(status = settled.status.as_str(), "{alarm}");
    }
}

/// A panic is a defect of ours. Its neighbours go on, and it is tried again until it looks hopeless.
async fn code_failed(context: &Context, claim: &Claim) {
    metrics::counter!("job_panics_total", "kind" => claim.kind.as_str()).increment(1);
    match context.books.code_failed(claim, CODE_FAILURES_MAX).await {
        Ok(false) => {}
        Ok(true) => tracing::error!("parked: its code has failed {CODE_FAILURES_MAX} times"),
        Err(error) => tracing::warn!(%error, "a failed job was not put back; its lease will end"),
    }
}
