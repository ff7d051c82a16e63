//! Sees what time has brought to a subscription. No gateway is asked: the charge that may follow is a job of
//! its own, called for in the same transaction.

use common::{
    batch::BatchError,
    billing::Renewed,
    db,
    id::SubscriptionId,
    job::{Claim, Kind},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::billing::{Error, not_done};
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Recorded, Subjects, alarm},
};

/// Does what is due of a subscription, together with others.
pub struct RenewSubscription;

impl Job for RenewSubscription {
    const KIND: Kind = Kind::RenewSubscription;
    const BULKHEAD: Bulkhead = Bulkhead::WithoutACall;
    type Subject = SubscriptionId;
    /// It is recorded already, or its batch has panicked.
    type Finding = Result<(), BatchError>;

    /// It is read under a lock, by whoever changes it.
    async fn begin(_db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<SubscriptionId>> {
        Ok(ids.iter().map(|id| (*id, SubscriptionId(*id))).collect())
    }

    async fn run(context: &Context, claim: &Claim, id: SubscriptionId) -> Self::Finding {
        match renew(context, claim).await {
            Ok(renewed) => {
                tracing::info!(subscription_id = %id, charges = renewed.jobs.len(), "looked at a subscription");
                renewed.alarm.into_iter().for_each(alarm);
                Ok(())
            }
            Err(error) => not_done(context, claim, error).await,
        }
    }

    async fn record(_context: &Context, done: &Self::Finding) -> Result<Recorded, BatchError> {
        done.clone().map(|()| Recorded::default())
    }

    /// The dead job is what operators see: the subscription is as it was.
    async fn bury(_db: &mut PgConnection, _claim: &Claim) -> db::Result<()> {
        Ok(())
    }
}

async fn renew(context: &Context, claim: &Claim) -> Result<Renewed, Error> {
    Ok(context.batches.renew(claim).await??)
}
