//! Only connections to a server that takes writes are used. After a failover some may still lead to the server that
//! was demoted, and would answer 25006 until they are old.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{PgConnection, pool::PoolConnectionMetadata};
use tokio::time::Instant;

/// A connection that lay idle for longer is tried before it is used: it may have died meanwhile.
const IDLE_MAX: Duration = Duration::from_millis(500);

/// How often one is tried that is in constant use.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// For how long all are tried after one was found to lead to the wrong server.
const SUSPECT_FOR: Duration = Duration::from_secs(30);

/// What a pool knows of the server behind its connections. A try is one round trip, so it is not made each time.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Moments>);

#[derive(Debug)]
struct Moments {
    started: Instant,
    /// When a connection in constant use is tried next, in milliseconds since the start.
    look_at: AtomicU64,
    /// Until when all of them are, likewise.
    suspect_until: AtomicU64,
}

impl Watch {
    pub(super) fn new() -> Self {
        let (look_at, suspect_until) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Moments { started: Instant::now(), look_at, suspect_until }))
    }

    /// Whether this connection may be used; if not, the pool closes it and takes another.
    pub(super) async fn passes(&self, connection: &mut PgConnection, meta: PoolConnectionMetadata) -> bool {
        if meta.idle_for < IDLE_MAX && !self.is_time_to_look() {
            return true;
        }
        match takes_writes(connection).await {
            Ok(true) => true,
            Ok(false) => {
                tracing::warn!("a connection leads to a server that takes no writes; it is closed");
                self.0.suspect_until.store(self.now() + millis(SUSPECT_FOR), Ordering::Relaxed);
                false
            }
            Err(_) => false,
        }
    }

    /// One connection of the pool is looked at for all of them; all of them while there is reason to.
    fn is_time_to_look(&self) -> bool {
        let now = self.now();
        if now < self.0.suspect_until.load(Ordering::Relaxed) {
            return true;
        }
        let look_at = self.0.look_at.load(Ordering::Relaxed);
        let next = now + millis(LOOK_EVERY);
        let taken = || self.0.look_at.compare_exchange(look_at, next, Ordering::Relaxed, Ordering::Relaxed);
        now >= look_at && taken().is_ok()
    }

    fn now(&self) -> u64 {
        millis(self.0.started.elapsed())
    }
}

/// Refuses a new connection to a server that takes no writes.
pub(super) async fn refuse_read_only(connection: &mut PgConnection) -> sqlx::Result<()> {
    if takes_writes(connection).await? {
        return Ok(());
    }
    Err(std::io::Error::other("the database takes no writes: is DATABASE_URL that of the primary?").into())
}

/// Neither a standby, nor told to refuse writes.
async fn takes_writes(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT NOT current_setting('transaction_read_only')::boolean")
        .fetch_one(connection)
        .await
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
