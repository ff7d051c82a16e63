//! Waiting for outcomes, for callers who prefer that. A worker's notice wakes them; what they are told is
//! read from the database. A notice may be lost, so they also look by themselves now and then. Those who look at the
//! same time share a query, and all of them one connection: however many wait, payments are accepted beside them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use common::{
    batch::{Batcher, Bounds},
    id::{JobId, MerchantId},
    invoice::{self, Invoice},
    job::{
        Kind,
        broker::{BrokerConfig, Replies},
    },
    payment::{self, Payment, Stage},
    refund::{self, Refund},
};
use sqlx::PgPool;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{extract::Prefer, flows::Flows};

/// How often a caller looks by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// As many may wait for a look as may be connected.
const LOOKS: Bounds = Bounds { lanes: 1, batch: 1000, waiting: 10_000 };

type Waiting = Arc<Mutex<HashMap<Uuid, Waiters>>>;

/// Those who wait for one payment or refund.
#[derive(Default)]
struct Waiters {
    changed: Arc<Notify>,
    count: usize,
}

/// Reads what is awaited, by its id.
type Look<T> = Batcher<Uuid, Option<T>>;

/// The looks at everything that can be awaited.
pub struct Looks {
    payments: Look<Payment>,
    refunds: Look<Refund>,
    invoices: Look<Invoice>,
}

/// Who waits for what.
pub struct Outcomes {
    looks: Looks,
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
        Self { looks: Looks::start(&pool), waiting, replies: Replies::start(broker, on_notice, shutdown) }
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

    /// Begins to watch what was accepted, sends out its jobs, and waits for its outcome if that is preferred.
    pub async fn follow<T: Awaited>(
        &self,
        flows: &Flows,
        prefer: Prefer,
        subject: T,
        jobs: impl IntoIterator<Item = (Kind, JobId)>,
    ) -> T {
        // Before the jobs go out, so that no notice of their end can be missed.
        let watch = self.watch(subject.watched());
        flows.send_out(subject.merchant(), jobs, self.address(prefer).as_deref()).await;
        self.wait(&watch, subject, prefer.wait.unwrap_or_default()).await
    }

    /// The subject as it stands when it has an outcome, or when the time is over. It was accepted: a
    /// database that is away meanwhile only means that there is nothing newer to tell.
    pub async fn wait<T: Awaited>(&self, watch: &Watch, mut subject: T, wait: Duration) -> T {
        let deadline = Instant::now() + wait;
        while !subject.has_outcome() && Instant::now() < deadline {
            let next_look = deadline.min(Instant::now() + LOOK_EVERY);
            let told = tokio::time::timeout_at(next_look, watch.changed.notified()).await.is_ok();
            match T::look(&self.looks).submit(subject.id()).await {
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

impl Looks {
    fn start(pool: &PgPool) -> Self {
        let turn = Arc::new(Semaphore::new(1));
        Self { payments: look(pool, &turn), refunds: look(pool, &turn), invoices: look(pool, &turn) }
    }
}

fn look<T: Awaited>(pool: &PgPool, turn: &Arc<Semaphore>) -> Look<T> {
    let (pool, turn) = (pool.clone(), Arc::clone(turn));
    Batcher::start(LOOKS, move |ids: Vec<Uuid>| {
        let (pool, turn) = (pool.clone(), Arc::clone(&turn));
        async move {
            let _turn = turn.acquire().await;
            let found = T::find_all(&pool, &ids).await?.into_iter();
            let found: HashMap<Uuid, T> = found.map(|subject| (subject.id(), subject)).collect();
            // Several may wait for the same.
            Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
        }
    })
}

/// Something whose outcome can be awaited.
pub trait Awaited: Clone + Send + 'static {
    /// Its id.
    fn id(&self) -> Uuid;
    /// Whose it is.
    fn merchant(&self) -> MerchantId;
    /// What a worker's notice names, when there is something to tell.
    fn watched(&self) -> Uuid {
        self.id()
    }
    /// Whether there is something to tell.
    fn has_outcome(&self) -> bool;
    /// The looks at its kind.
    fn look(looks: &Looks) -> &Look<Self>;
    /// These, as they stand now.
    fn find_all(pool: &PgPool, ids: &[Uuid]) -> impl Future<Output = sqlx::Result<Vec<Self>>> + Send;
}

impl Awaited for Payment {
    fn id(&self) -> Uuid {
        self.id.0
    }

    fn merchant(&self) -> MerchantId {
        self.merchant_id
    }

    /// An end, something to do for the payer, or a gateway that has it and takes its time.
    fn has_outcome(&self) -> bool {
        match self.status {
            payment::Status::Pending => false,
            payment::Status::Processing => self.stage == Stage::Charge && self.gateway_ref.is_some(),
            _ => true,
        }
    }

    fn look(looks: &Looks) -> &Look<Self> {
        &looks.payments
    }

    async fn find_all(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<Self>> {
        payment::store::find_all(pool, ids).await
    }
}

impl Awaited for Refund {
    fn id(&self) -> Uuid {
        self.id.0
    }

    fn merchant(&self) -> MerchantId {
        self.merchant_id
    }

    /// An end, or a gateway that has it and takes its time.
    fn has_outcome(&self) -> bool {
        self.status.is_final() || self.gateway_ref.is_some()
    }

    fn look(looks: &Looks) -> &Look<Self> {
        &looks.refunds
    }

    async fn find_all(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<Self>> {
        refund::store::find_all(pool, ids).await
    }
}

impl Awaited for Invoice {
    fn id(&self) -> Uuid {
        self.id.0
    }

    fn merchant(&self) -> MerchantId {
        self.merchant_id
    }

    /// Its payment.
    fn watched(&self) -> Uuid {
        self.live_payment.map_or(self.id.0, |payment| payment.0)
    }

    /// No payment of it is under way.
    fn has_outcome(&self) -> bool {
        self.live_payment.is_none()
    }

    fn look(looks: &Looks) -> &Look<Self> {
        &looks.invoices
    }

    async fn find_all(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<Self>> {
        invoice::store::find_all(pool, ids).await
    }
}

fn lock(waiting: &Mutex<HashMap<Uuid, Waiters>>) -> MutexGuard<'_, HashMap<Uuid, Waiters>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
