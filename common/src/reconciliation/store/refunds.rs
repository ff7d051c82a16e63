//! The refunds that a gateway's settlement report has and that nobody here knows. The gateway is asked about each, as
//! when its event comes, and what gives back a payment of ours is taken in: an event that was lost is made up for here.
//! Each answer is kept by itself: a long list of them takes as many claims as it needs.

use sqlx::{PgConnection, PgPool};

use crate::{
    db,
    gateway::GatewayRefund,
    job::{self, Claim},
    reconciliation::Reconciliation,
    refund::store::{Adopted, adopt},
};

/// One that the gateway was not asked about yet, by its own name for it.
pub async fn refund_named(pool: &PgPool, of: &Reconciliation) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT gateway_ref FROM reconciliation_lines l
         WHERE reconciliation_id = $1 AND movement = 'refund' AND outcome IS NULL
           AND NOT EXISTS (SELECT FROM refunds r WHERE r.id = remit_id('re_', l.reference))
           AND NOT EXISTS (SELECT FROM refunds r WHERE r.gateway = $2 AND r.gateway_ref = l.gateway_ref)
         ORDER BY gateway_ref LIMIT 1",
        of.id.0,
        of.gateway.as_str(),
    )
    .fetch_optional(pool)
    .await
}

/// Takes in what the gateway says of one; nothing: that it knows of none. Tells whether the job is still this claim's;
/// if not, nothing was written.
pub async fn keep_refund(
    pool: &PgPool,
    claim: &Claim,
    of: &Reconciliation,
    refund_ref: &str,
    told: &[GatewayRefund],
) -> db::Result<bool> {
    let mut transaction = pool.begin().await?;
    if !job::store::hold(&mut transaction, claim).await? {
        return Ok(false);
    }
    let mut is_adopted = false;
    for made in told {
        is_adopted |= matches!(adopt(&mut transaction, of.gateway, made).await?, Adopted::New(_));
    }
    sqlx::query!(
        "UPDATE reconciliation_lines SET outcome = $3
         WHERE reconciliation_id = $1 AND movement = 'refund' AND gateway_ref = $2",
        of.id.0,
        refund_ref,
        if is_adopted { "adopted" } else { "asked" },
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Refunds that were made at the gateway do not carry our names: the lines about them get these, and are compared as
/// any others.
pub(super) async fn name(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE reconciliation_lines l SET reference = 're_' || replace(r.id::text, '-', '')
         FROM refunds r
         WHERE l.reconciliation_id = $1 AND l.movement IN ('refund', 'refund_reversal')
           AND r.gateway = $2 AND r.gateway_ref = l.gateway_ref AND r.origin = 'gateway'",
        of.id.0,
        of.gateway.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those that were taken in by this comparison, for whoever reads it.
pub(super) async fn taken_in(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO reconciliation_findings (reconciliation_id, kind, reference, gateway_ref, detail, remedy)
         SELECT $1, 'unknown_here', reference, gateway_ref,
                format('%s %s given back at the gateway itself: it is one of ours now', trim_scale(amount), currency),
                'asked'
         FROM reconciliation_lines WHERE reconciliation_id = $1 AND movement = 'refund' AND outcome = 'adopted'",
        of.id.0,
    )
    .execute(db)
    .await?;
    Ok(())
}
