//! A desk: where the jobs of one kind are claimed, done, and recorded. Whatever happens here, the job's row decides
//! what comes next, so every fault simply lets go.

use std::{collections::HashMap, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use common::{
    batch::{BatchError, Batcher, Bounds},
    db,
    id::JobId,
    job::{Claim, Kind, Lease, broker::Delivered, store},
    retry::Policy,
    telemetry,
};
use futures_util::{FutureExt as _, future::join_all};
use sqlx::{Acquire as _, PgConnection};
use tokio::time::{Instant, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    bulkhead::Slots,
    context::Context,
    job::{Job, alarm},
};

const CLAIMS: Bounds = Bounds { lanes: 1, batch: 64, waiting: 1024 };

/// Failures of a job's own code before it is parked.
const PANICS_MAX: i32 = 10;

/// Waits between attempts to claim a job or to record a result while the database is away.
const ASK_AGAIN: Policy =
    Policy { initial: Duration::from_millis(50), factor: 2, max: Duration::from_secs(2) };

/// Attempts to claim or to record. After the last, half a minute later, the job is let go: its row is
/// found by the scheduler, and a gateway that is asked again with the same key gives the same answer.
const ASK_ATTEMPTS_MAX: i32 = 20;

/// The desk of some kind.
pub trait Desk: Send + Sync {
    /// Which kind.
    fn kind(&self) -> Kind;
    /// Does the jobs of one message, as a task, and acknowledges it when all have ended.
    fn take(self: Arc<Self>, delivered: Delivered, stopping: CancellationToken, tasks: &TaskTracker);
}

/// Opens the desk of this kind.
pub fn open<J: Job>(context: &Arc<Context>, slots: &Arc<Slots>) -> Arc<dyn Desk> {
    let (pool, lease) = (context.pool.clone(), J::KIND.lease(context.lease));
    let claims = Batcher::start(CLAIMS, move |ids: Vec<Uuid>| {
        let pool = pool.clone();
        async move { claim::<J>(pool.acquire().await?.as_mut(), &ids, Lease::of(lease)).await }
    });
    Arc::new(DeskOf::<J> { context: Arc::clone(context), slots: Arc::clone(slots), claims })
}

/// A job in hand.
struct Claimed<J: Job> {
    claim: Claim,
    subject: J::Subject,
}

struct DeskOf<J: Job> {
    context: Arc<Context>,
    slots: Arc<Slots>,
    /// `None`: somebody else has it, or it is done, or its time has not come.
    claims: Batcher<Uuid, Option<Claimed<J>>>,
}

impl<J: Job> Desk for DeskOf<J> {
    fn kind(&self) -> Kind {
        J::KIND
    }

    fn take(self: Arc<Self>, delivered: Delivered, stopping: CancellationToken, tasks: &TaskTracker) {
        tasks.spawn(async move { self.work_off(delivered, &stopping).await });
    }
}

impl<J: Job> DeskOf<J> {
    async fn work_off(&self, delivered: Delivered, stopping: &CancellationToken) {
        let message = &delivered.message;
        let jobs = message.jobs.iter().map(|job| async {
            let slot = tokio::select! {
                biased;
                () = stopping.cancelled() => return false,
                slot = self.slots.take(J::BULKHEAD) => slot,
            };
            self.work(*job, message.reply_to.as_deref()).await;
            drop(slot);
            true
        });
        let ended = join_all(jobs).await;
        if ended.into_iter().all(|ended| ended) {
            delivered.ack().await;
        }
    }

    async fn work(&self, job: JobId, reply_to: Option<&str>) {
        match patiently(|| self.claims.submit(job.0)).await {
            Ok(Some(claimed)) => {
                if self.context.test_clock {
                    self.context.gateways.own().ahead.learn(claimed.claim.at);
                }
                let span = span(&claimed);
                self.live(claimed, reply_to).instrument(span).await;
            }
            Ok(None) => tracing::debug!(%job, "done, in other hands, or not due"),
            Err(error) => tracing::warn!(%error, %job, "not claimed; it will be emitted again"),
        }
    }

    async fn live(&self, Claimed { claim, subject }: Claimed<J>, reply_to: Option<&str>) {
        let started = Instant::now();
        let done = AssertUnwindSafe(self.run_and_record(&claim, subject, reply_to)).catch_unwind().await;
        if done.is_err() {
            self.panicked(&claim).await;
        }
        metrics::histogram!("messaging_process_duration_seconds", "kind" => J::KIND.as_str())
            .record(started.elapsed());
    }

    async fn run_and_record(&self, claim: &Claim, subject: J::Subject, reply_to: Option<&str>) {
        let Some(finding) = in_time(claim, J::run(&self.context, claim, subject)).await else {
            metrics::counter!("jobs_cut_short_total", "kind" => J::KIND.as_str()).increment(1);
            return tracing::error!("a job has outlived its lease: it is let go, and will be done again");
        };
        match patiently(|| J::record(&self.context, &finding)).await {
            Ok(recorded) => {
                recorded.alarm.into_iter().for_each(alarm);
                if let Some(reply_to) = reply_to.filter(|_| recorded.changed) {
                    self.context.publisher.notify(reply_to.to_owned(), claim.subject);
                }
            }
            // It was the panic of a batch, and this job's part in it.
            Err(BatchError::Panicked) => self.panicked(claim).await,
            Err(error) => tracing::error!(%error, "a result was not recorded; the job will be done again"),
        }
    }

    /// A panic is a defect of ours. Its neighbours go on, and it is tried again until it looks hopeless.
    async fn panicked(&self, claim: &Claim) {
        metrics::counter!("job_panics_total", "kind" => J::KIND.as_str()).increment(1);
        match self.reschedule_or_bury(claim).await {
            Ok(false) => {}
            Ok(true) => tracing::error!("parked: its code has failed {PANICS_MAX} times"),
            Err(error) => tracing::warn!(%error, "a failed job was not rescheduled; its lease will end"),
        }
    }

    /// It comes again later, or is put aside. Tells which.
    async fn reschedule_or_bury(&self, claim: &Claim) -> db::Result<bool> {
        let wait = J::KIND.retry_policy().delay(claim.tries);
        let mut transaction = self.context.pool.begin().await?;
        let parked = store::panicked(&mut *transaction, claim, wait, PANICS_MAX).await?;
        if parked {
            J::bury(&mut transaction, claim).await?;
        }
        transaction.commit().await?;
        Ok(parked)
    }
}

/// One transaction: the jobs become ours, their subjects come along, and jobs whose subject needs nothing
/// any more are done.
async fn claim<J: Job>(
    db: &mut PgConnection,
    ids: &[Uuid],
    lease: Lease,
) -> db::Result<Vec<Option<Claimed<J>>>> {
    let mut transaction = db.begin().await?;
    let claims = store::claim(&mut transaction, J::KIND, ids, lease).await?;
    let subjects: Vec<_> = claims.iter().map(|claim| claim.subject).collect();
    let mut subjects = J::begin(&mut transaction, &subjects).await?;
    let mut claimed = HashMap::new();
    let (mut ended, mut attempts): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for claim in claims {
        match subjects.remove(&claim.subject) {
            Some(subject) => drop(claimed.insert(claim.id.0, Claimed { claim, subject })),
            None => {
                ended.push(claim.id.0);
                attempts.push(claim.attempt);
            }
        }
    }
    if !ended.is_empty() {
        let back = J::defer(&mut transaction, &ended).await?;
        (ended, attempts) = ended.into_iter().zip(attempts).filter(|(id, _)| !back.contains(id)).unzip();
    }
    if !ended.is_empty() {
        store::finish(&mut transaction, &ended, &attempts).await?;
    }
    transaction.commit().await?;
    Ok(ids.iter().map(|id| claimed.remove(id)).collect())
}

fn span<J: Job>(Claimed { claim, subject }: &Claimed<J>) -> tracing::Span {
    let trace_id = claim.traceparent.as_deref().and_then(telemetry::trace_id).unwrap_or_default();
    let names = J::names(subject);
    tracing::info_span!(
        "job",
        kind = %claim.kind,
        payment_id = names.payment.map(tracing::field::display),
        refund_id = names.refund.map(tracing::field::display),
        merchant_id = names.merchant.map(tracing::field::display),
        attempt = claim.attempt,
        trace_id,
    )
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
