//! Waiting for outcomes, for callers who prefer that. A worker's notice wakes them; what they are told is
//! read from the database. A notice may be lost, so they also look by themselves now and then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use common::{
    id::PaymentId,
    job::broker::{BrokerConfig, Replies},
    payment::{Payment, Status, store},
};
use sqlx::PgPool;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// How often a caller looks by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Waiting = Arc<Mutex<HashMap<PaymentId, Waiters>>>;

/// Those who wait for one payment.
#[derive(Default)]
struct Waiters {
    changed: Arc<Notify>,
    count: usize,
}

/// Who waits for what.
pub struct Outcomes {
    pool: PgPool,
    waiting: Waiting,
    replies: Replies,
}

/// A caller who waits for one payment. Dropped, it waits no more.
pub struct Watch {
    id: PaymentId,
    changed: Arc<Notify>,
    waiting: Waiting,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        if let Some(waiters) = waiting.get_mut(&self.id) {
            waiters.count -= 1;
            if waiters.count == 0 {
                waiting.remove(&self.id);
            }
        }
    }
}

impl Outcomes {
    /// Starts to listen for notices.
    pub fn start(pool: PgPool, broker: BrokerConfig, shutdown: CancellationToken) -> Self {
        let waiting = Waiting::default();
        let wake = Arc::clone(&waiting);
        let on_notice = move |id: PaymentId| {
            if let Some(waiters) = lock(&wake).get(&id) {
                waiters.changed.notify_waiters();
                // Whoever begins to wait a moment later must not miss it.
                waiters.changed.notify_one();
            }
        };
        Self { pool, waiting, replies: Replies::start(broker, on_notice, shutdown) }
    }

    /// Where workers are to send their notices.
    pub fn address(&self) -> Option<String> {
        self.replies.address()
    }

    /// Begins to watch a payment: before its job is published, so that no notice is missed.
    pub fn watch(&self, id: PaymentId) -> Watch {
        let mut waiting = lock(&self.waiting);
        let waiters = waiting.entry(id).or_default();
        waiters.count += 1;
        Watch { id, changed: Arc::clone(&waiters.changed), waiting: Arc::clone(&self.waiting) }
    }

    /// The payment as it stands when it has an outcome, or when the time is over. It was accepted: a
    /// database that is away meanwhile only means that there is nothing newer to tell.
    pub async fn wait(&self, watch: &Watch, mut payment: Payment, wait: Duration) -> Payment {
        let deadline = Instant::now() + wait;
        while !has_outcome(&payment) && Instant::now() < deadline {
            let next_look = deadline.min(Instant::now() + LOOK_EVERY);
            let told = tokio::time::timeout_at(next_look, watch.changed.notified()).await.is_ok();
            match store::find(&self.pool, payment.merchant_id, watch.id).await {
                Ok(now) => payment = now.unwrap_or(payment),
                Err(error) => tracing::warn!(%error, "an outcome could not be read"),
            }
            if has_outcome(&payment) {
                let by = if told { "notice" } else { "look" };
                metrics::counter!("outcomes_awaited_total", "by" => by).increment(1);
            }
        }
        payment
    }
}

/// Whether there is something to tell: an end, something to do for the payer, or a gateway that has it
/// and takes its time.
fn has_outcome(payment: &Payment) -> bool {
    match payment.status {
        Status::Pending => false,
        Status::Processing => payment.gateway_ref.is_some(),
        _ => true,
    }
}

fn lock(waiting: &Mutex<HashMap<PaymentId, Waiters>>) -> MutexGuard<'_, HashMap<PaymentId, Waiters>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
