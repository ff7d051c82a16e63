//! The comparison: sets against sets, each difference one statement. What the gateway can be asked about
//! is asked; a fee that it told late is booked; the rest is for a person. Every join is by a key that is indexed: a
//! condition that chooses its key (`CASE`, `OR`) would be looked at for each pair.

use sqlx::{PgConnection, PgPool};

use crate::{
    job::{self, Claim, Kind},
    reconciliation::Reconciliation,
};

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// Differences that were, or are being, put right.
    pub repaired: i64,
    /// Differences for a person.
    pub to_review: i64,
    /// Movements that were made twice, and that nobody knew of.
    pub duplicates: i64,
}

/// Compares what was read with what we have, calls for what puts it right, and ends the job. `None`: it is another
/// worker's by now, and nothing was written.
///
/// Fails when the database fails; then nothing was found.
pub async fn compare(pool: &PgPool, claim: &Claim, of: &Reconciliation) -> sqlx::Result<Option<Comparison>> {
    // The lines are new, and how the sets are joined rests on how many there are.
    sqlx::query!("ANALYZE reconciliation_lines").execute(pool).await?;
    let Some(duplicates) = super::duplicates::set_aside(pool, claim, of).await? else { return Ok(None) };
    let mut transaction = pool.begin().await?;
    let db = &mut *transaction;
    // Held to the end: while this compares, nobody else begins to.
    if !job::store::hold(&mut *db, claim).await? {
        return Ok(None);
    }
    sqlx::query!("DELETE FROM reconciliation_findings WHERE reconciliation_id = $1", of.id.0)
        .execute(&mut *db)
        .await?;
    super::refunds::name(&mut *db, of).await?;
    super::refunds::taken_in(&mut *db, of).await?;
    other_states(&mut *db, of).await?;
    other_amounts(&mut *db, of).await?;
    missing_there(&mut *db, of).await?;
    unknown_here(&mut *db, of).await?;
    let fees = late_fees(&mut *db, of).await?;
    other_fees(&mut *db, of).await?;
    ask(&mut *db, of).await?;
    let found = Comparison { duplicates, ..end(&mut *db, of, fees).await? };
    job::store::finish(&mut *db, &[claim.id.0], &[claim.attempt]).await?;
    transaction.commit().await?;
    Ok(Some(found))
}

/// Charged there, and nothing of ours: in the gateway's dashboard, or by somebody else with the same account. Or given
/// back there, where it could not be taken in.
async fn unknown_here(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    // Each kind of movement by itself: a join by one key, where `OR` would be a look at all disputes for each line.
    sqlx::query!(
        "INSERT INTO reconciliation_findings (reconciliation_id, kind, reference, gateway_ref, detail, remedy)
         SELECT $1, 'unknown_here', reference, gateway_ref,
                format('a %s of %s %s that is none of ours', movement, trim_scale(amount), currency),
                'needs_review'
         FROM (
             SELECT l.* FROM reconciliation_lines l
             WHERE reconciliation_id = $1 AND movement = 'charge' AND NOT EXISTS (
                 SELECT FROM payments p WHERE p.id = remit_id('pay_', l.reference) AND p.gateway = $2)
             UNION ALL
             SELECT l.* FROM reconciliation_lines l
             WHERE reconciliation_id = $1 AND movement = 'refund' AND NOT EXISTS (
                 SELECT FROM refunds r JOIN payments p ON p.id = r.payment_id
                 WHERE r.id = remit_id('re_', l.reference) AND p.gateway = $2)
             UNION ALL
             SELECT l.* FROM reconciliation_lines l
             WHERE reconciliation_id = $1 AND movement = 'dispute' AND NOT EXISTS (
                 SELECT FROM disputes d WHERE d.gateway = $2 AND d.dispute_ref = l.gateway_ref)
               AND NOT EXISTS (
                 SELECT FROM disputes d WHERE d.payment_id = remit_id('pay_', l.reference) AND d.gateway = $2)
         ) unknown",
        of.id.0,
        of.gateway.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It ended there in another way than here: the gateway is asked, and the rules decide.
async fn other_states(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO reconciliation_findings (reconciliation_id, kind, reference, gateway_ref, detail, remedy)
         SELECT DISTINCT $1::uuid, 'state_differs', l.reference, l.gateway_ref,
                format('%s there, %s here', coalesce(l.outcome, l.movement), p.status), 'asked'
         FROM reconciliation_lines l JOIN payments p ON p.id = remit_id('pay_', l.reference)
         WHERE l.reconciliation_id = $1 AND p.gateway = $2 AND CASE
             WHEN l.movement = 'charge' OR l.outcome = 'succeeded' THEN p.status <> 'succeeded'
             WHEN l.outcome = 'authorized' THEN p.status IN ('pending', 'requires_action', 'failed', 'canceled', 'needs_review')
             WHEN l.outcome = 'canceled' THEN p.status IN ('processing', 'requires_action', 'authorized', 'needs_review')
             WHEN l.outcome = 'declined' THEN p.status IN ('processing', 'requires_action', 'needs_review')
             ELSE false END
         UNION ALL
         SELECT DISTINCT $1::uuid, 'state_differs', l.reference, l.gateway_ref,
                format('%s there, %s here', l.movement, r.status), 'asked'
         FROM reconciliation_lines l JOIN refunds r ON r.id = remit_id('re_', l.reference)
         WHERE l.reconciliation_id = $1 AND (
             l.movement = 'refund' AND r.status NOT IN ('succeeded', 'failed')
             OR l.movement = 'refund_reversal' AND r.status <> 'failed')",
        of.id.0,
        of.gateway.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Both have it, over different amounts.
async fn other_amounts(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH there AS (
             SELECT reference, movement, min(gateway_ref) AS gateway_ref, sum(amount) AS amount, currency, count(*) AS times
             FROM reconciliation_lines
             WHERE reconciliation_id = $1 AND movement IN ('charge', 'refund') AND reference IS NOT NULL
             GROUP BY reference, movement, currency
         ), here AS (
             SELECT t.*, p.amount_captured AS ours, p.currency AS our_currency
             FROM there t JOIN payments p ON p.id = remit_id('pay_', t.reference)
             WHERE t.movement = 'charge' AND p.status = 'succeeded'
             UNION ALL
             SELECT t.*, r.amount, r.currency
             FROM there t JOIN refunds r ON r.id = remit_id('re_', t.reference)
             WHERE t.movement = 'refund' AND r.status IN ('succeeded', 'failed')
         )
         INSERT INTO reconciliation_findings (reconciliation_id, kind, reference, gateway_ref, detail, remedy)
         SELECT $1, 'amount_differs', reference, gateway_ref,
                format('%s %s in %s movements there, %s %s here', trim_scale(amount), currency, times, trim_scale(ours), our_currency),
                'needs_review'
         FROM here WHERE (amount, currency) IS DISTINCT FROM (ours, our_currency)",
        of.id.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// We say that money moved within this time, and the gateway's settlement report does not have it. The report is that of
/// the deployment's own account: what merchants' own accounts have moved is in theirs.
async fn missing_there(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO reconciliation_findings (reconciliation_id, kind, reference, gateway_ref, detail, remedy)
         SELECT $1, 'missing_there', 'pay_' || replace(p.id::text, '-', ''), p.charge_ref,
                format('%s %s was taken, we say', trim_scale(p.amount_captured), p.currency), 'needs_review'
         FROM payments p
         WHERE p.gateway = $2 AND p.gateway_account_id IS NULL AND p.status = 'succeeded' AND p.first_call_at >= $3 AND p.settled_at < $4
           AND p.id >= remit_first_id($3 - interval '31 days') AND p.id < remit_first_id($4)
           AND NOT EXISTS (SELECT FROM reconciliation_lines l
                           WHERE l.reconciliation_id = $1 AND l.movement = 'charge'
                             AND l.reference = 'pay_' || replace(p.id::text, '-', ''))
         UNION ALL
         SELECT $1, 'missing_there', 're_' || replace(r.id::text, '-', ''), r.gateway_ref,
                format('%s %s was given back, we say', trim_scale(r.amount), r.currency), 'needs_review'
         FROM refunds r JOIN payments p ON p.id = r.payment_id
         WHERE p.gateway = $2 AND p.gateway_account_id IS NULL AND r.status = 'succeeded' AND r.first_call_at >= $3 AND r.settled_at < $4
           AND r.id >= remit_first_id($3 - interval '31 days') AND r.id < remit_first_id($4)
           AND NOT EXISTS (SELECT FROM reconciliation_lines l
                           WHERE l.reconciliation_id = $1 AND l.movement = 'refund'
                             AND l.reference = 're_' || replace(r.id::text, '-', ''))",
        of.id.0,
        of.gateway.as_str(),
        of.between.0,
        of.between.1,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Fees that the gateway had not told yet when the money moved: booked now. Answers how many.
///
/// A subject's fee is one entry, so its lines are added up; those of several currencies cannot be, and are left. A
/// line that names no dispute of ours is the fee of the first of its payment.
async fn late_fees(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<i64> {
    let booked = sqlx::query_scalar!(
        r#"WITH lines AS (
             SELECT movement, reference, gateway_ref, fee_currency, fee FROM reconciliation_lines
             WHERE reconciliation_id = $1 AND movement IN ('charge', 'refund', 'dispute') AND fee <> 0
         ), told AS (
             SELECT e.subject_id, e.merchant_id, e.gateway, 'payment.fee' AS kind, l.fee_currency, l.fee
             FROM lines l JOIN ledger_entries e ON e.subject_id = remit_id('pay_', l.reference)
             WHERE l.movement = 'charge' AND e.kind = 'payment.captured' AND e.account = 'gateway_clearing'
             UNION ALL
             SELECT e.subject_id, e.merchant_id, e.gateway, 'refund.fee', l.fee_currency, l.fee
             FROM lines l JOIN ledger_entries e ON e.subject_id = remit_id('re_', l.reference)
             WHERE l.movement = 'refund' AND e.kind = 'refund.succeeded' AND e.account = 'gateway_clearing'
             UNION ALL
             SELECT d.id, d.merchant_id, d.gateway, 'dispute.fee', l.fee_currency, l.fee
             FROM lines l JOIN disputes d ON d.gateway = $2 AND d.dispute_ref = l.gateway_ref
             WHERE l.movement = 'dispute' AND d.funds_withdrawn
             UNION ALL
             SELECT d.id, d.merchant_id, d.gateway, 'dispute.fee', l.fee_currency, l.fee
             FROM lines l JOIN LATERAL (
                 SELECT * FROM disputes d
                 WHERE d.payment_id = remit_id('pay_', l.reference) AND d.gateway = $2 AND d.funds_withdrawn
                 ORDER BY d.id LIMIT 1) d ON true
             WHERE l.movement = 'dispute' AND NOT EXISTS (
                 SELECT FROM disputes o WHERE o.gateway = $2 AND o.dispute_ref = l.gateway_ref)
         ), missing AS (
             SELECT subject_id, merchant_id, gateway, kind, min(fee_currency) AS currency, sum(fee) AS fee
             FROM told t WHERE NOT EXISTS (
                 SELECT FROM ledger_entries e WHERE e.subject_id = t.subject_id AND e.kind = t.kind)
             GROUP BY subject_id, merchant_id, gateway, kind
             HAVING sum(fee) <> 0 AND min(fee_currency) = max(fee_currency)
         ), booked AS (
             INSERT INTO ledger_entries (subject_id, kind, account, merchant_id, gateway, currency, amount)
             SELECT subject_id, kind, side.account, merchant_id, gateway, currency, fee * side.sign
             FROM missing, (VALUES ('fees', 1), ('gateway_clearing', -1)) side (account, sign)
             RETURNING account
         )
         SELECT count(*) AS "count!" FROM booked WHERE account = 'fees'"#,
        of.id.0,
        of.gateway.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok(booked)
}

/// Both have a fee, and not the same.
async fn other_fees(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO reconciliation_findings (reconciliation_id, kind, reference, gateway_ref, detail, remedy)
         SELECT $1, 'fee_differs', reference, min(gateway_ref),
                format('%s %s there, %s %s here', trim_scale(sum(fee)), fee_currency, trim_scale(min(amount)), min(currency)),
                'needs_review'
         FROM (
             SELECT l.reference, l.gateway_ref, l.fee, l.fee_currency, e.amount, e.currency
             FROM reconciliation_lines l JOIN ledger_entries e ON e.subject_id = remit_id('pay_', l.reference)
             WHERE l.reconciliation_id = $1 AND l.movement = 'charge' AND l.fee IS NOT NULL
               AND e.kind = 'payment.fee' AND e.account = 'fees'
             UNION ALL
             SELECT l.reference, l.gateway_ref, l.fee, l.fee_currency, e.amount, e.currency
             FROM reconciliation_lines l JOIN ledger_entries e ON e.subject_id = remit_id('re_', l.reference)
             WHERE l.reconciliation_id = $1 AND l.movement = 'refund' AND l.fee IS NOT NULL
               AND e.kind = 'refund.fee' AND e.account = 'fees'
         ) both_have
         GROUP BY reference, fee_currency
         HAVING (sum(fee), fee_currency) IS DISTINCT FROM (min(amount), min(currency))",
        of.id.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Calls for the look-ups that put right what differs.
async fn ask(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    let subjects = sqlx::query!(
        r#"SELECT DISTINCT remit_id('pay_', reference) AS payment, remit_id('re_', reference) AS refund
           FROM reconciliation_findings WHERE reconciliation_id = $1 AND remedy = 'asked'"#,
        of.id.0,
    )
    .fetch_all(&mut *db)
    .await?;
    for row in subjects {
        let looks = [(Kind::ResolvePayment, row.payment), (Kind::ResolveRefund, row.refund)];
        for (kind, subject) in looks.into_iter().filter_map(|(kind, id)| Some((kind, id?))) {
            job::store::enqueue(&mut *db, kind, subject, std::time::Duration::ZERO, None).await?;
        }
    }
    Ok(())
}

async fn end(db: &mut PgConnection, of: &Reconciliation, fees: i64) -> sqlx::Result<Comparison> {
    let found = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE remedy = 'asked') AS "asked!",
                  count(*) FILTER (WHERE remedy = 'needs_review') AS "to_review!"
           FROM reconciliation_findings WHERE reconciliation_id = $1"#,
        of.id.0,
    )
    .fetch_one(&mut *db)
    .await?;
    let repaired = found.asked + fees;
    sqlx::query!(
        "UPDATE reconciliations SET state = 'done', finished_at = remit_now(), repairs = $2 WHERE id = $1",
        of.id.0,
        i32::try_from(repaired).unwrap_or(i32::MAX),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM reconciliation_lines WHERE reconciliation_id = $1", of.id.0)
        .execute(db)
        .await?;
    Ok(Comparison { repaired, to_review: found.to_review, duplicates: 0 })
}
