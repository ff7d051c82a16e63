//! The worker's hold on the database: claims and results. What the jobs of this moment ask for shares a
//! transaction; nobody waits for a timer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use common::{
    batch::{BatchError, Batcher, Bounds},
    billing::{self, Renewed, settlement},
    id::{InvoiceId, JobId, SubscriptionId},
    job::{self, Claim, Kind, Lease},
    payment::{
        Payment,
        store::{self as payments, Settled, Settlement},
    },
    receipt::{self, Receipt},
    reconciliation::{self, Reconciliation},
    refund::{self, Refund},
    subscription::{state::Refusal, store::Trouble},
};
use sqlx::{Acquire as _, PgConnection, PgPool};
use tokio::sync::Semaphore;
use uuid::Uuid;

const CLAIMS: Bounds = Bounds { lanes: 1, batch: 64, waiting: 1024 };
const SETTLEMENTS: Bounds = Bounds { lanes: 2, batch: 64, waiting: 1024 };
/// In one lane: two would wait for each other where they number the invoices of the same merchants.
const RENEWALS: Bounds = Bounds { lanes: 1, batch: 64, waiting: 1024 };

/// Connections to the database that record what came of events.
const EVENT_CONNECTIONS: usize = 2;

/// A job in hand.
#[derive(Clone)]
pub struct Claimed {
    /// The claim.
    pub claim: Claim,
    /// What it is about.
    pub subject: Subject,
}

/// What a job is about.
#[derive(Clone)]
pub enum Subject {
    /// A payment.
    Payment(Box<Payment>),
    /// A refund, and its payment.
    Refund(Box<Refund>, Box<Payment>),
    /// What a gateway has told.
    Event(Box<Receipt>),
    /// A comparison of a gateway's account with ours.
    Reconciliation(Box<Reconciliation>),
    /// A subscription whose time may have come.
    Subscription(SubscriptionId),
    /// An invoice that may be due.
    Invoice(InvoiceId),
}

/// What a job has learnt, to be recorded.
pub enum Learnt {
    /// Of a payment.
    Payment(Arc<Settlement>),
    /// Of a refund.
    Refund(Arc<refund::store::Settlement>),
    /// Of a gateway's event.
    Event(Arc<receipt::Findings>),
    /// The job has recorded it.
    Recorded,
}

/// What recording has changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recorded {
    /// Whether somebody may wait for it.
    pub changed: bool,
    /// What an operator should be woken for.
    pub alarm: Option<&'static str>,
}

/// Why a change that needs no gateway was not made.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// The database failed, or is busy.
    #[error(transparent)]
    Database(#[from] BatchError),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<Trouble> for Undone {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Database(error) => Self::Database(Arc::new(error).into()),
            Trouble::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// The batchers of a worker.
pub struct Books {
    pool: PgPool,
    claims: HashMap<Kind, Batcher<Uuid, Option<Claimed>>>,
    settlements: Batcher<Arc<Settlement>, Settled>,
    renewals: Batcher<Claim, Result<Renewed, Refusal>>,
    /// However many events come, their results hold no more connections than this.
    events: Semaphore,
}

impl Books {
    /// Opens the books; each claim is this worker's own for `lease`.
    pub fn open(pool: PgPool, lease: Duration) -> Self {
        let claims = |kind: Kind| {
            let (pool, lease) = (pool.clone(), kind.lease(lease));
            Batcher::start(CLAIMS, move |ids| {
                let pool = pool.clone();
                async move { claim(pool.acquire().await?.as_mut(), kind, &ids, Lease::of(lease)).await }
            })
        };
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
        let claims = Kind::ALL.into_iter().map(|kind| (kind, claims(kind))).collect();
        Self { pool, claims, settlements, renewals, events: Semaphore::new(EVENT_CONNECTIONS) }
    }

    /// Takes a job. `None`: somebody else has it, or it is done, or its time has not come.
    pub async fn claim(&self, kind: Kind, job: JobId) -> Result<Option<Claimed>, BatchError> {
        match self.claims.get(&kind) {
            Some(claims) => claims.submit(job.0).await,
            None => Ok(None),
        }
    }

    /// Does what is due of a subscription, and records it.
    pub async fn renew(&self, claim: &Claim) -> Result<Renewed, Undone> {
        Ok(self.renewals.submit(claim.clone()).await??)
    }

    /// Records what came of a job.
    pub async fn record(&self, learnt: &Learnt) -> Result<Recorded, BatchError> {
        let recorded = match learnt {
            Learnt::Payment(settlement) => {
                let settled = self.settlements.submit(Arc::clone(settlement)).await?;
                count_payment(&settlement.payment, &settled);
                Recorded { changed: settled.changed, alarm: settled.alarm }
            }
            Learnt::Refund(settlement) => {
                let settled = refund::store::settle(&self.pool, settlement).await.map_err(Arc::new)?;
                count_refund(settlement, &settled);
                Recorded { changed: settled.changed, alarm: settled.alarm }
            }
            Learnt::Event(findings) => {
                let _turn = self.events.acquire().await;
                let alarm = receipt::store::settle(&self.pool, findings).await.map_err(Arc::new)?;
                count_event(findings);
                Recorded { changed: false, alarm }
            }
            Learnt::Recorded => Recorded::default(),
        };
        Ok(recorded)
    }

    /// The job's own code failed: it comes again later, or is put aside. Tells which.
    pub async fn code_failed(&self, claim: &Claim, max: i32) -> sqlx::Result<bool> {
        let wait = claim.kind.retry_policy().delay(claim.tries);
        let mut transaction = self.pool.begin().await?;
        let parked = job::store::code_failed(&mut *transaction, claim, wait, max).await?;
        if parked {
            match claim.kind {
                Kind::ChargePayment
                | Kind::ChargeOffSession
                | Kind::CapturePayment
                | Kind::CancelPayment
                | Kind::ResolvePayment => {
                    payments::code_failed(&mut transaction, claim).await?;
                }
                Kind::RefundPayment | Kind::ResolveRefund => {
                    refund::store::code_failed(&mut transaction, claim).await?;
                }
                Kind::HandleEvent
                | Kind::VerifyEvent
                | Kind::ReconcileGateway
                | Kind::RenewSubscription
                | Kind::RetryInvoice => {}
            }
        }
        transaction.commit().await?;
        Ok(parked)
    }
}

/// One transaction: the jobs become ours, their subjects come along, and jobs whose subject needs nothing
/// any more are done.
async fn claim(
    db: &mut PgConnection,
    kind: Kind,
    ids: &[Uuid],
    lease: Lease,
) -> sqlx::Result<Vec<Option<Claimed>>> {
    let mut transaction = db.begin().await?;
    let claims = job::store::claim(&mut transaction, kind, ids, lease).await?;
    let subjects: Vec<_> = claims.iter().map(|claim| claim.subject).collect();
    let mut subjects = begin(&mut transaction, kind, &subjects).await?;
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
    if kind == Kind::ResolveRefund && !ended.is_empty() {
        // A refund may come back: what a call under way will tell may be older than what we were told.
        let waiting = job::store::give_way(&mut *transaction, &ended, Kind::RefundPayment).await?;
        (ended, attempts) = ended.into_iter().zip(attempts).filter(|(id, _)| !waiting.contains(id)).unzip();
    }
    if !ended.is_empty() {
        job::store::finish(&mut transaction, &ended, &attempts).await?;
    }
    transaction.commit().await?;
    Ok(ids.iter().map(|id| claimed.remove(id)).collect())
}

/// Takes the subjects of jobs in hand.
async fn begin(db: &mut PgConnection, kind: Kind, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, Subject>> {
    let payment = |payment: Payment| (payment.id.0, Subject::Payment(Box::new(payment)));
    Ok(match kind {
        Kind::ChargePayment | Kind::ChargeOffSession | Kind::CapturePayment | Kind::CancelPayment => {
            payments::begin(db, kind, ids).await?.into_iter().map(payment).collect()
        }
        Kind::ResolvePayment => payments::begin_look_ups(db, ids).await?.into_iter().map(payment).collect(),
        Kind::RefundPayment | Kind::ResolveRefund => {
            let refunds = refund::store::begin(db, kind, ids).await?.into_iter();
            let subject = |(refund, payment): (Refund, Payment)| {
                (refund.id.0, Subject::Refund(Box::new(refund), Box::new(payment)))
            };
            refunds.map(subject).collect()
        }
        Kind::HandleEvent | Kind::VerifyEvent => {
            let receipts = receipt::store::begin(db, ids).await?.into_iter();
            receipts.map(|receipt| (receipt.id.0, Subject::Event(Box::new(receipt)))).collect()
        }
        Kind::ReconcileGateway => {
            let found = reconciliation::store::begin(db, ids).await?.into_iter();
            found.map(|found| (found.id.0, Subject::Reconciliation(Box::new(found)))).collect()
        }
        // These are read under a lock, by whoever changes them.
        Kind::RenewSubscription => {
            ids.iter().map(|id| (*id, Subject::Subscription(SubscriptionId(*id)))).collect()
        }
        Kind::RetryInvoice => ids.iter().map(|id| (*id, Subject::Invoice(InvoiceId(*id)))).collect(),
    })
}

fn count_payment(payment: &Payment, settled: &Settled) {
    if settled.changed {
        metrics::counter!("payments_total",
            "gateway" => payment.order.gateway.as_str(),
            "status" => settled.status.as_str(),
            "currency" => payment.order.money.currency.code())
        .increment(1);
    }
}

fn count_refund(settlement: &refund::store::Settlement, settled: &refund::store::Settled) {
    if settled.changed {
        metrics::counter!("refunds_total",
            "gateway" => settlement.gateway.as_str(),
            "status" => settled.status.as_str(),
            "currency" => settlement.refund.money.currency.code())
        .increment(1);
    }
}

fn count_event(findings: &receipt::Findings) {
    let outcome = match findings.learnt {
        receipt::Learnt::Forged => "forged",
        receipt::Learnt::Genuine(_) => "genuine",
        receipt::Learnt::Unknown(_) => "unknown",
    };
    metrics::counter!("gateway_events_total",
        "gateway" => findings.receipt.gateway.as_str(), "outcome" => outcome)
    .increment(1);
}
