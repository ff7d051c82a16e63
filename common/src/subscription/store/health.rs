//! What must always hold: a subscription that time will change has a job that will do it.

use sqlx::PgPool;

use crate::{
    id::SubscriptionId,
    job::{self, Kind},
};

use super::{Trouble, effects::locked, wakes_at};
use crate::subscription::state::Refusal;

/// Subscriptions that are live and have no job: there must be none.
///
/// # Errors
/// When the database fails.
pub async fn without_a_job(db: &PgPool) -> sqlx::Result<Vec<SubscriptionId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM subscriptions s
         WHERE status IN ('incomplete', 'trialing', 'active', 'past_due') AND missed_renewals IS NULL
           AND NOT EXISTS (SELECT FROM jobs WHERE subject_id = s.id AND kind = $1)
         ORDER BY id LIMIT 1000",
        Kind::RenewSubscription.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(SubscriptionId).collect())
}

/// Gives such a subscription its job back.
///
/// # Errors
/// [`Trouble`].
pub async fn heal(db: &PgPool, id: SubscriptionId) -> Result<(), Trouble> {
    let mut transaction = db.begin().await?;
    let subscription = locked(&mut transaction, id).await?;
    if let Some(at) = wakes_at(&subscription).map_err(Refusal::from)? {
        job::store::enqueue_at(&mut *transaction, Kind::RenewSubscription, id.0, at, None).await?;
    }
    transaction.commit().await?;
    Ok(())
}
