//! By which policy the invoices of a merchant are tried again.

use std::collections::HashMap;

use sqlx::{PgExecutor, types::Json};

use crate::{db, id::MerchantId, invoice::dunning::Policy};

/// The policy by which a merchant's next invoices are tried again.
pub async fn policy(db: impl PgExecutor<'_>, merchant: MerchantId) -> db::Result<Policy> {
    let mut policies = policies(db, &[merchant]).await?;
    policies.remove(&merchant).ok_or_else(no_merchant)
}

/// None goes, so one that something names is there.
pub(crate) fn no_merchant() -> db::Error {
    db::Error::broken("a merchant that something names is not there")
}

/// [`policy`], of many.
pub(crate) async fn policies(
    db: impl PgExecutor<'_>,
    merchants: &[MerchantId],
) -> sqlx::Result<HashMap<MerchantId, Policy>> {
    let rows = sqlx::query!(
        r#"SELECT id, dunning AS "dunning: Json<Policy>" FROM merchants WHERE id = ANY($1)"#,
        &merchants.iter().map(|merchant| merchant.0).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (MerchantId(row.id), row.dunning.0)).collect())
}

/// From now on invoices open with this policy. Those that are open keep theirs.
pub async fn set_policy(db: impl PgExecutor<'_>, merchant: MerchantId, policy: &Policy) -> sqlx::Result<()> {
    sqlx::query!("UPDATE merchants SET dunning = $2 WHERE id = $1", merchant.0, Json(policy) as _)
        .execute(db)
        .await?;
    Ok(())
}
