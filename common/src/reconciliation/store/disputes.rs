//! The disputes that a gateway's settlement report names. The gateway is asked about each, and each answer is kept by
//! itself: a long list of them takes as many claims as it needs.

use sqlx::PgPool;

use crate::{
    db, dispute,
    gateway::Dispute,
    job::{self, Claim},
    reconciliation::Reconciliation,
};

/// One that the gateway was not asked about yet, by its own name for it.
pub async fn dispute_named(pool: &PgPool, of: &Reconciliation) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT gateway_ref FROM reconciliation_lines
         WHERE reconciliation_id = $1 AND movement IN ('dispute', 'dispute_reversal') AND outcome IS NULL
         ORDER BY movement, gateway_ref LIMIT 1",
        of.id.0,
    )
    .fetch_optional(pool)
    .await
}

/// Records what the gateway says of one; `None`: that it knows of none. Tells whether the job is still this claim's;
/// if not, nothing was written.
pub async fn keep_dispute(
    pool: &PgPool,
    claim: &Claim,
    of: &Reconciliation,
    dispute_ref: &str,
    told: Option<&Dispute>,
) -> db::Result<bool> {
    let mut transaction = pool.begin().await?;
    if !job::store::hold(&mut transaction, claim).await? {
        return Ok(false);
    }
    if let Some(told) = told {
        dispute::store::record(&mut transaction, of.gateway, told).await?;
    }
    sqlx::query!(
        "UPDATE reconciliation_lines SET outcome = 'asked'
         WHERE reconciliation_id = $1 AND movement IN ('dispute', 'dispute_reversal') AND gateway_ref = $2",
        of.id.0,
        dispute_ref,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}
