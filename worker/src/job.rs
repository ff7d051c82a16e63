//! The life of a job: what each file of [`crate::jobs`] tells of its kind. [`crate::desk`] leads every job through
//! it, and knows of batches, faults and acknowledgements; a kind knows what is done.

use std::collections::HashMap;

use common::{
    alarm::Alarm,
    batch::BatchError,
    db,
    id::{MerchantId, PaymentId, RefundId},
    job::{Claim, Kind},
    payment::Payment,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{bulkhead::Bulkhead, context::Context};

/// A kind of job. It must be safe to do twice.
pub trait Job: Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;
    /// Where there must be room for it.
    const BULKHEAD: Bulkhead;
    /// What it is about, as it is when it is claimed.
    type Subject: Send + 'static;
    /// What it has learnt.
    type Finding: Send + Sync;

    /// Takes the subjects of the jobs that are claimed together, in their transaction. A call is counted here, before
    /// it is made. Missing from the answer: those that need nothing any more, whose jobs are done.
    fn begin(
        db: &mut PgConnection,
        ids: &[Uuid],
    ) -> impl Future<Output = db::Result<Subjects<Self::Subject>>> + Send;

    /// Of jobs whose subjects need nothing now, defers those that come again, and answers which.
    fn defer(_db: &mut PgConnection, _jobs: &[Uuid]) -> impl Future<Output = db::Result<Vec<Uuid>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Does it. No transaction is open: this is where a gateway is asked.
    fn run(
        context: &Context,
        claim: &Claim,
        subject: Self::Subject,
    ) -> impl Future<Output = Self::Finding> + Send;

    /// Records what was learnt, and the end of the job with it, in one transaction, which it shares with others where
    /// there are many. Asked again while the database is away.
    fn record(
        context: &Context,
        finding: &Self::Finding,
    ) -> impl Future<Output = Result<Recorded, BatchError>> + Send;

    /// Its code has failed for good, and the job is put aside in this transaction: tells whoever waits for it.
    fn bury(db: &mut PgConnection, claim: &Claim) -> impl Future<Output = db::Result<()>> + Send;

    /// What the lines of the log that it writes have in common.
    fn names(_subject: &Self::Subject) -> Names {
        Names::default()
    }
}

/// What jobs are about, by the ids that their rows have.
pub type Subjects<S> = HashMap<Uuid, S>;

/// What recording has changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recorded {
    /// Whether somebody may wait for it.
    pub changed: bool,
    /// What an operator should be woken for.
    pub alarm: Option<Alarm>,
}

/// Whom a job concerns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names {
    /// The payment.
    pub payment: Option<PaymentId>,
    /// The refund.
    pub refund: Option<RefundId>,
    /// Whose they are.
    pub merchant: Option<MerchantId>,
}

impl Names {
    /// Those of a payment.
    pub fn of(payment: &Payment) -> Self {
        Self { payment: Some(payment.id), refund: None, merchant: Some(payment.merchant_id) }
    }
}

/// Something that an operator should be woken for.
pub fn alarm(alarm: Alarm) {
    metrics::counter!("alarms_total", "alarm" => alarm.as_str()).increment(1);
    tracing::error!(alarm = alarm.as_str(), "{}", alarm.sentence());
}
