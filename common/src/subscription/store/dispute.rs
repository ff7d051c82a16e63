//! What disputes do to subscriptions: what a merchant has settled for those that are made from now on.

use sqlx::PgExecutor;

use crate::{db::row::word, id::MerchantId, subscription::OnDispute};

/// What a dispute does to the subscriptions that a merchant makes without saying so.
///
/// Fails when the database fails, or there is no such merchant.
pub async fn policy(db: impl PgExecutor<'_>, merchant: MerchantId) -> sqlx::Result<OnDispute> {
    let policy = sqlx::query_scalar!("SELECT on_dispute FROM merchants WHERE id = $1", merchant.0);
    Ok(word("on_dispute", &policy.fetch_one(db).await?)?)
}

/// From now on subscriptions are made with this. Those that there are keep theirs. Tells whether there is such a
/// merchant.
pub async fn set_policy(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    policy: OnDispute,
) -> sqlx::Result<bool> {
    sqlx::query!("UPDATE merchants SET on_dispute = $2 WHERE id = $1", merchant.0, policy.as_str())
        .execute(db)
        .await
        .map(|set| set.rows_affected() == 1)
}
