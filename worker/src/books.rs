//! The worker's hold on the database: claims and results, each batched. What the jobs of this moment
//! ask for shares a transaction; nobody waits for a timer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use common::{
    batch::{BatchError, Batcher, Bounds},
    id::JobId,
    job::{self, Claim, Kind},
    payment::{
        Payment,
        store::{self as payments, Settled, Settlement},
    },
};
use sqlx::{Acquire as _, PgConnection, PgPool};
use uuid::Uuid;

const CLAIMS: Bounds = Bounds { lanes: 1, batch: 64, waiting: 1024 };
const SETTLEMENTS: Bounds = Bounds { lanes: 2, batch: 64, waiting: 1024 };

/// A job in hand, and the payment that it is about.
pub type Claimed = (Claim, Payment);

/// The batchers of a worker.
pub struct Books {
    pool: PgPool,
    charges: Batcher<Uuid, Option<Claimed>>,
    look_ups: Batcher<Uuid, Option<Claimed>>,
    settlements: Batcher<Arc<Settlement>, Settled>,
}

impl Books {
    /// Opens the books; each claim is this worker's own for `lease`.
    pub fn open(pool: PgPool, lease: Duration) -> Self {
        let claims = |kind| {
            let pool = pool.clone();
            Batcher::start(CLAIMS, move |ids| {
                let pool = pool.clone();
                async move { claim(pool.acquire().await?.as_mut(), kind, &ids, lease).await }
            })
        };
        let settling = pool.clone();
        let settlements = Batcher::start(SETTLEMENTS, move |batch: Vec<Arc<Settlement>>| {
            let pool = settling.clone();
            async move {
                let mut transaction = pool.begin().await?;
                let settled = payments::settle(&mut transaction, &batch).await?;
                transaction.commit().await?;
                Ok(settled)
            }
        });
        let (charges, look_ups) = (claims(Kind::ChargePayment), claims(Kind::ResolvePayment));
        Self { pool, charges, look_ups, settlements }
    }

    /// Takes a job. `None`: somebody else has it, or it is done, or its time has not come.
    pub async fn claim(&self, kind: Kind, job: JobId) -> Result<Option<Claimed>, BatchError> {
        match kind {
            Kind::ChargePayment => self.charges.submit(job.0).await,
            Kind::ResolvePayment => self.look_ups.submit(job.0).await,
        }
    }

    /// Records what came of a job.
    pub async fn settle(&self, settlement: Arc<Settlement>) -> Result<Settled, BatchError> {
        self.settlements.submit(settlement).await
    }

    /// The job's own code failed: it comes again later, or is put aside. Tells which.
    pub async fn code_failed(&self, claim: &Claim, max: i32) -> sqlx::Result<bool> {
        let wait = claim.kind.retry_policy().delay(claim.attempt);
        let mut transaction = self.pool.begin().await?;
        let parked = payments::code_failed(&mut transaction, claim, wait, max).await?;
        transaction.commit().await?;
        Ok(parked)
    }
}

/// One transaction: the jobs become ours, their payments come along, and jobs whose payment has ended
/// meanwhile are done.
async fn claim(
    db: &mut PgConnection,
    kind: Kind,
    ids: &[Uuid],
    lease: Duration,
) -> sqlx::Result<Vec<Option<Claimed>>> {
    let mut transaction = db.begin().await?;
    let claims = job::store::claim(&mut transaction, kind, ids, lease).await?;
    let subjects: Vec<_> = claims.iter().map(|claim| claim.subject).collect();
    let subjects = match kind {
        Kind::ChargePayment => payments::begin_charges(&mut transaction, &subjects).await?,
        Kind::ResolvePayment => payments::begin_look_ups(&mut transaction, &subjects).await?,
    };
    let mut subjects: HashMap<_, _> = subjects.into_iter().map(|payment| (payment.id.0, payment)).collect();
    let mut claimed = HashMap::new();
    let (mut ended, mut attempts) = (Vec::new(), Vec::new());
    for claim in claims {
        match subjects.remove(&claim.subject) {
            Some(payment) => drop(claimed.insert(claim.id.0, (claim, payment))),
            None => {
                ended.push(claim.id.0);
                attempts.push(claim.attempt);
            }
        }
    }
    if !ended.is_empty() {
        job::store::finish(&mut transaction, &ended, &attempts).await?;
    }
    transaction.commit().await?;
    Ok(ids.iter().map(|id| claimed.remove(id)).collect())
}
