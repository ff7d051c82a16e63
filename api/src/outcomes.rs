//! Waiting for outcomes, for callers who prefer that. A worker's notice wakes them; what they are told is
//! read from the database. A notice may be lost, so they also look by themselves now and then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use common::{
    invoice::{self, Invoice},
    job::broker::{BrokerConfig, Replies},
    payment::{self, Payment, Stage},
    refund::{self, Refund},
};
use sqlx::PgPool;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::extract::Prefer;

/// How often a caller looks by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Waiting = Arc<Mutex<HashMap<Uuid, Waiters>>>;

/// Those who wait for one payment or refund.
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

/// A caller who waits for one payment or refund. Dropped, it waits no more.
pub struct Watch {
    id: Uuid,
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
        let on_notice = move |id: Uuid| {
            if let Some(waiters) = lock(&wake).get(&id) {
                waiters.changed.notify_waiters();
                // Whoever begins to wait a moment later must not miss it.
                waiters.changed.notify_one();
            }
        };
        Self { pool, waiting, replies: Replies::start(broker, on_notice, shutdown) }
    }

    /// Where workers are to send their notices, for a caller who prefers to wait for one.
    pub fn address(&self, prefer: Prefer) -> Option<String> {
        prefer.wait.and_then(|_| self.replies.address())
    }

    /// Begins to watch a payment or a refund: before its job is published, so that no notice is missed.
    pub fn watch(&self, id: Uuid) -> Watch {
        let mut waiting = lock(&self.waiting);
        let waiters = waiting.entry(id).or_default();
        waiters.count += 1;
        Watch { id, changed: Arc::clone(&waiters.changed), waiting: Arc::clone(&self.waiting) }
    }

    /// The subject as it stands when it has an outcome, or when the time is over. It was accepted: a
    /// database that is away meanwhile only means that there is nothing newer to tell.
    pub async fn wait<T: Awaited>(&self, watch: &Watch, mut subject: T, wait: Duration) -> T {
        let deadline = Instant::now() + wait;
        while !subject.has_outcome() && Instant::now() < deadline {
            let next_look = deadline.min(Instant::now() + LOOK_EVERY);
            let told = tokio::time::timeout_at(next_look, watch.changed.notified()).await.is_ok();
            match subject.look(&self.pool).await {
                Ok(now) => subject = now.unwrap_or(subject),
                Err(error) => tracing::warn!(%error, "an outcome could not be read"),
            }
            if subject.has_outcome() {
                let by = if told { "notice" } else { "look" };
                metrics::counter!("outcomes_awaited_total", "by" => by).increment(1);
            }
        }
        subject
    }
}

/// Something whose outcome can be awaited.
pub trait Awaited: Sized {
    /// Whether there is something to tell.
    fn has_outcome(&self) -> bool;
    /// The same, as it stands now.
    fn look(&self, pool: &PgPool) -> impl Future<Output = sqlx::Result<Option<Self>>> + Send;
}

impl Awaited for Payment {
    /// An end, something to do for the payer, or a gateway that has it and takes its time.
    fn has_outcome(&self) -> bool {
        match self.status {
            payment::Status::Pending => false,
            payment::Status::Processing => self.stage == Stage::Charge && self.gateway_ref.is_some(),
            _ => true,
        }
    }

    async fn look(&self, pool: &PgPool) -> sqlx::Result<Option<Self>> {
        payment::store::find(pool, self.merchant_id, self.id).await
    }
}

impl Awaited for Refund {
    /// An end, or a gateway that has it and takes its time.
    fn has_outcome(&self) -> bool {
        self.status.is_final() || self.gateway_ref.is_some()
    }

    async fn look(&self, pool: &PgPool) -> sqlx::Result<Option<Self>> {
        refund::store::find(pool, self.merchant_id, self.id).await
    }
}

impl Awaited for Invoice {
    /// No payment of it is under way.
    fn has_outcome(&self) -> bool {
        self.live_payment.is_none()
    }

    async fn look(&self, pool: &PgPool) -> sqlx::Result<Option<Self>> {
        invoice::store::find(pool, self.merchant_id, self.id).await
    }
}

fn lock(waiting: &Mutex<HashMap<Uuid, Waiters>>) -> MutexGuard<'_, HashMap<Uuid, Waiters>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
