//! The connections to Postgres, apart by what they are for, so that none of it stops the others: accepting (payments,
//! who is calling, and the outcomes that are awaited), writing (whatever else is done), reading (what merchants ask to
//! see), and the probes. Of those for reading one merchant has never all, and no statement there takes long.

use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::Args;
use common::{config::DatabaseArgs, db, id::MerchantId};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::error::ApiError;

/// What a statement that only reads may take; then it is given up, so that others are served.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// What a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a merchant's read waits for an earlier one of the same merchant to end.
const TURN_WITHIN: Duration = Duration::from_secs(1);

/// Merchants remembered without a reason, at most.
const REMEMBERED_MAX: usize = 1000;

/// Connections for accepting: one for each lane of the intake, and one to know who is calling. The outcomes that are
/// awaited hold one of them at most.
const ACCEPTING: u32 = 3;

/// Connections for probes.
const PROBING: u32 = 1;

/// How many connections there are, and for what.
#[derive(Debug, Clone, Args)]
pub struct PoolArgs {
    /// Connections to Postgres, at most: three for accepting payments, those for reading, one for probes, and the
    /// rest for whatever else is written.
    #[arg(long, env = "REMIT_API_DATABASE_CONNECTIONS", default_value = "10")]
    pub database_connections: u32,
    /// How many of them are for what merchants ask to see. One merchant has all but one of them, at most.
    #[arg(long, env = "REMIT_API_READ_CONNECTIONS", default_value = "3")]
    pub read_connections: u32,
}

/// The pools of one process.
pub struct Pools {
    pub accepting: PgPool,
    pub writing: PgPool,
    pub reads: Reads,
    pub probing: PgPool,
}

/// The pool that merchants' reads share.
pub struct Reads {
    pool: PgPool,
    /// How many of its connections one merchant has at once, at most.
    each: usize,
    turns: Mutex<HashMap<MerchantId, Arc<Semaphore>>>,
}

/// A connection on which one merchant reads. Given back, it is the merchant's until it has come to rest: whoever
/// hangs up does not so get another one sooner.
pub struct Reading {
    connection: PoolConnection<Postgres>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Pools {
    /// Opens them, without waiting for the database.
    ///
    /// Fails with a sentence, when the settings cannot be used.
    pub fn open(args: &PoolArgs, database: &DatabaseArgs) -> Result<Self, String> {
        let reading = args.read_connections;
        let others = reading.saturating_add(ACCEPTING + PROBING);
        let writing = args.database_connections.saturating_sub(others);
        if reading == 0 || writing == 0 {
            return Err(format!(
                "REMIT_API_READ_CONNECTIONS must be at least 1, and less than REMIT_API_DATABASE_CONNECTIONS by more \
                 than {}",
                ACCEPTING + PROBING,
            ));
        }
        let unreadable = |error: sqlx::Error| format!("DATABASE_URL: {error}");
        let url = &database.database_url;
        let reads = db::pool_within(url, "remit-api-reads", reading, READ_TIMEOUT).map_err(unreadable)?;
        Ok(Self {
            accepting: db::pool(url, "remit-api", ACCEPTING).map_err(unreadable)?,
            writing: db::pool(url, "remit-api-writes", writing).map_err(unreadable)?,
            reads: Reads::new(reads, reading),
            probing: db::pool_within(url, "remit-api-probes", PROBING, PROBE_TIMEOUT).map_err(unreadable)?,
        })
    }
}

impl Reads {
    fn new(pool: PgPool, connections: u32) -> Self {
        let each = usize::try_from(connections).unwrap_or(usize::MAX).saturating_sub(1).max(1);
        Self { pool, each, turns: Mutex::default() }
    }

    /// A connection for this merchant's reads: one of its share, which is waited for, but not for long.
    ///
    /// Fails with [`ApiError::TooManyReads`] when its other reads have not ended by then; otherwise when the database fails.
    pub async fn of(&self, merchant: MerchantId) -> Result<Reading, ApiError> {
        let turn = timeout(TURN_WITHIN, self.turns_of(merchant).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            metrics::counter!("reads_refused_total").increment(1);
            return Err(ApiError::TooManyReads);
        };
        Ok(Reading { connection: self.pool.acquire().await?, turn: Some(turn) })
    }

    fn turns_of(&self, merchant: MerchantId) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= REMEMBERED_MAX {
            // Whoever reads at this moment, or waits to, holds on to its own.
            turns.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        Arc::clone(turns.entry(merchant).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}

impl Deref for Reading {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // What was asked is still being answered if its caller has gone away: the pool waits for that.
        let at_rest = self.connection.return_to_pool();
        let turn = self.turn.take();
        tokio::spawn(async move {
            at_rest.await;
            drop(turn);
        });
    }
}
