//! What must always hold: a subscription that time will change has a job that will do it.

use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    id::SubscriptionId,
    job::{self, Kind},
};

use super::{Error, lock, no_subscription, wakes_at};
use crate::subscription::state::Refusal;

/// Live subscriptions looked at by one statement.
const BATCH: i64 = 5000;

/// Subscriptions that are live and have no job: there must be none. Each that is live is looked at, so it is done a
/// batch at a time: no statement takes long, however many there are.
pub async fn without_a_job(db: &PgPool) -> sqlx::Result<Vec<SubscriptionId>> {
    let (mut found, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let batch = sqlx::query!(
            // A count asks for the jobs of one subscription at a time; `EXISTS` here would read all jobs at once.
            r#"SELECT s.id, (SELECT count(*) FROM jobs WHERE subject_id = s.id AND kind = $1) = 0
                   AND missed_renewals IS NULL AS "is_stuck!"
               FROM subscriptions s
               WHERE status IN ('incomplete', 'trialing', 'active', 'past_due') AND id > $2 ORDER BY id LIMIT $3"#,
            Kind::RenewSubscription.as_str(),
            after,
            BATCH,
        )
        .fetch_all(db)
        .await?;
        let Some(last) = batch.last() else { return Ok(found) };
        after = last.id;
        found.extend(batch.iter().filter(|row| row.is_stuck).map(|row| SubscriptionId(row.id)));
    }
}

/// Gives such a subscription its job back.
pub async fn heal(db: &PgPool, id: SubscriptionId) -> Result<(), Error> {
    let mut transaction = db.begin().await?;
    let subscription = lock(&mut transaction, id).await?.ok_or_else(no_subscription)?;
    if let Some(at) = wakes_at(&subscription).map_err(Refusal::from)? {
        job::store::enqueue_at(&mut *transaction, Kind::RenewSubscription, id.0, at, None).await?;
    }
    transaction.commit().await?;
    Ok(())
}
