//! What many jobs write together: the results of this moment share a transaction, and nobody waits for a timer.

use std::sync::Arc;

use common::{
    batch::{BatchError, Batcher, Bounds},
    billing::{self, Renewed, settlement},
    job::Claim,
    payment::store::{Settled, Settlement},
    subscription::state::Refusal,
    webhook::{
        state::Next,
        store::attempts::{self, Attempted},
    },
};
use sqlx::PgPool;
use tokio::sync::Semaphore;

const SETTLEMENTS: Bounds = Bounds { lanes: 2, batch: 64, waiting: 1024 };
/// In one lane: two would wait for each other where they number the invoices of the same merchants.
const RENEWALS: Bounds = Bounds { lanes: 1, batch: 64, waiting: 1024 };

/// In one lane: payments need the other connections.
const ATTEMPTS: Bounds = Bounds { lanes: 1, batch: 64, waiting: 1024 };

/// Connections to the database that record what came of events.
const EVENT_CONNECTIONS: usize = 2;

/// The batchers that kinds of job share.
pub struct Batches {
    settlements: Batcher<Arc<Settlement>, Settled>,
    renewals: Batcher<Claim, Result<Renewed, Refusal>>,
    attempts: Batcher<Arc<Attempted>, Option<Next>>,
    /// However many events come, their results hold no more connections than this.
    pub events: Semaphore,
}

impl Batches {
    pub fn open(pool: &PgPool) -> Self {
        let settling = pool.clone();
        let settlements = Batcher::start(SETTLEMENTS, move |batch: Vec<Arc<Settlement>>| {
            let pool = settling.clone();
            async move {
                let mut transaction = pool.begin().await?;
                let settled = settlement::settle(&mut transaction, &batch).await?;
                transaction.commit().await?;
                Ok(settled)
            }
        });
        let renewing = pool.clone();
        let renewals = Batcher::start(RENEWALS, move |claims: Vec<Claim>| {
            let pool = renewing.clone();
            async move { billing::renew(&pool, &claims).await }
        });
        let recording = pool.clone();
        let attempts = Batcher::start(ATTEMPTS, move |batch: Vec<Arc<Attempted>>| {
            let pool = recording.clone();
            async move {
                let batch: Vec<_> = batch.iter().map(Arc::as_ref).collect();
                let mut transaction = pool.begin().await?;
                let next = attempts::record(&mut transaction, &batch).await?;
                transaction.commit().await?;
                Ok(next)
            }
        });
        Self { settlements, renewals, attempts, events: Semaphore::new(EVENT_CONNECTIONS) }
    }

    /// Records what a gateway answered about a payment.
    pub async fn settle(&self, settlement: &Arc<Settlement>) -> Result<Settled, BatchError> {
        self.settlements.submit(Arc::clone(settlement)).await
    }

    /// Records what came of telling an endpoint.
    pub async fn attempted(&self, attempted: &Arc<Attempted>) -> Result<Option<Next>, BatchError> {
        self.attempts.submit(Arc::clone(attempted)).await
    }

    /// Does what is due of a subscription, and records it.
    pub async fn renew(&self, claim: &Claim) -> Result<Result<Renewed, Refusal>, BatchError> {
        self.renewals.submit(claim.clone()).await
    }
}
