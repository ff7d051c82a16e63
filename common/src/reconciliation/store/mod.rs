//! The rows of a comparison: the lines that were read, while they are compared, and what differs. The
//! comparing itself is in [`mod@compare`].

mod compare;
mod disputes;
mod duplicates;
mod refunds;

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{column, unreadable},
    gateway::{GatewayName, Line, Movement, SettlementReport, report::Worded as _},
    id::ReconciliationId,
    job::{self, Claim, Kind, store::interval},
};

use super::{Reconciliation, State};

pub use compare::{Comparison, compare};
pub use disputes::{dispute_named, keep_dispute};
pub use refunds::{keep_refund, refund_named};

/// When a comparison should have ended, whatever its size. Before a gateway whose settlement report cannot be read is
/// given up.
const OVERDUE_AFTER: Duration = Duration::from_secs(6 * 3600);

/// Calls for a comparison, to begin `after` a while. One of the same time is not made twice.
pub async fn request(
    pool: &PgPool,
    gateway: GatewayName,
    between: (Timestamp, Timestamp),
    after: Duration,
) -> sqlx::Result<ReconciliationId> {
    let mut transaction = pool.begin().await?;
    let id = ReconciliationId::new();
    let made = sqlx::query!(
        "INSERT INTO reconciliations (id, gateway, from_at, to_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (gateway, from_at, to_at) DO NOTHING",
        id.0,
        gateway.as_str(),
        between.0,
        between.1,
    )
    .execute(&mut *transaction)
    .await?;
    let id = if made.rows_affected() == 1 {
        job::store::enqueue(&mut *transaction, Kind::ReconcileGateway, id.0, after, None).await?;
        id
    } else {
        let known = sqlx::query_scalar!(
            "SELECT id FROM reconciliations WHERE gateway = $1 AND from_at = $2 AND to_at = $3",
            gateway.as_str(),
            between.0,
            between.1,
        );
        ReconciliationId(known.fetch_one(&mut *transaction).await?)
    };
    transaction.commit().await?;
    Ok(id)
}

/// Calls for the comparison of the last days, which end at midnight, once the gateway's settlement report is
/// complete. Days overlap, so that what straddles the edge of one comparison is inside the next.
pub async fn request_daily(pool: &PgPool, gateway: GatewayName, days: u16) -> sqlx::Result<ReconciliationId> {
    let row = sqlx::query!(
        r#"SELECT date_trunc('day', remit_now() - $2::interval) - make_interval(days => $1) AS "from!",
                  date_trunc('day', remit_now() - $2::interval) AS "to!""#,
        i32::from(days),
        interval(gateway.guarantees().settlement_report_lag),
    )
    .fetch_one(pool)
    .await?;
    request(pool, gateway, (row.from, row.to), Duration::ZERO).await
}

/// Those that a worker is about to go on with.
pub async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Reconciliation>> {
    read(db, ids, Some(State::Reading)).await
}

/// One of them, whatever its state.
pub async fn find(db: impl PgExecutor<'_>, id: ReconciliationId) -> sqlx::Result<Option<Reconciliation>> {
    Ok(read(db, &[id.0], None).await?.pop())
}

async fn read(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    state: Option<State>,
) -> sqlx::Result<Vec<Reconciliation>> {
    let rows = sqlx::query!(
        "SELECT id, gateway, from_at, to_at, cursor, state, lines, repairs, created_at FROM reconciliations
         WHERE id = ANY($1) AND ($2::text IS NULL OR state = $2)",
        ids,
        state.map(State::as_str),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Reconciliation {
                id: ReconciliationId(row.id),
                gateway: row.gateway.parse().map_err(unreadable)?,
                between: (row.from_at, row.to_at),
                cursor: row.cursor,
                state: row.state.parse().map_err(unreadable)?,
                lines: row.lines,
                repairs: row.repairs,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// Keeps a part of the gateway's settlement report, and where the next begins: a crash loses nothing and reads
/// nothing twice. Tells whether the job is still this claim's; if not, nothing was written.
pub async fn keep(
    pool: &PgPool,
    claim: &Claim,
    of: &Reconciliation,
    part: &SettlementReport,
) -> sqlx::Result<bool> {
    let mut transaction = pool.begin().await?;
    if !job::store::hold(&mut transaction, claim).await? {
        return Ok(false);
    }
    // Whoever has read the same part meanwhile has moved the cursor.
    let moved = sqlx::query!(
        "UPDATE reconciliations SET cursor = $2, lines = lines + $3
         WHERE id = $1 AND state = 'reading' AND cursor IS NOT DISTINCT FROM $4",
        of.id.0,
        part.next,
        i32::try_from(part.lines.len()).unwrap_or(i32::MAX),
        of.cursor,
    )
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() == 1 {
        insert_lines(&mut transaction, of.id, &part.lines).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

async fn insert_lines(db: &mut PgConnection, of: ReconciliationId, lines: &[Line]) -> sqlx::Result<()> {
    let money = |line: &Line| match line {
        Line::Movement { money, .. } => Some(*money),
        Line::Payment { .. } => None,
    };
    let fee = |line: &Line| match line {
        Line::Movement { fee, .. } => *fee,
        Line::Payment { .. } => None,
    };
    sqlx::query!(
        "INSERT INTO reconciliation_lines (reconciliation_id, reference, gateway_ref, movement, outcome, amount,
             currency, fee, fee_currency)
         SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::text[],
             $8::numeric[], $9::text[])
         ON CONFLICT DO NOTHING",
        of.0,
        &column(lines, |line| reference(line)) as _,
        &column(lines, |line| gateway_ref(line).to_owned()),
        &column(lines, |line| match line {
            Line::Payment { .. } => "payment".to_owned(),
            Line::Movement { movement, .. } => Movement::as_str(*movement).to_owned(),
        }),
        &column(lines, |line| match line {
            Line::Payment { report, .. } => Some(report.word().to_owned()),
            Line::Movement { .. } => None,
        }) as _,
        &column(lines, |line| money(line).map(|money| money.amount)) as _,
        &column(lines, |line| money(line).map(|money| money.currency.code().to_owned())) as _,
        &column(lines, |line| fee(line).map(|fee| fee.amount)) as _,
        &column(lines, |line| fee(line).map(|fee| fee.currency.code().to_owned())) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

fn reference(line: &Line) -> Option<String> {
    match line {
        Line::Payment { reference, .. } | Line::Movement { reference, .. } => reference.clone(),
    }
}

fn gateway_ref(line: &Line) -> &str {
    match line {
        Line::Payment { gateway_ref, .. } => gateway_ref,
        Line::Movement { gateway_ref, .. } => gateway_ref,
    }
}

/// The settlement report cannot be read now: later again, or, after a day of trying, given up. Answers where it stands
/// by now, as far as this claim has a say in it.
pub async fn unreadable_account(
    pool: &PgPool,
    claim: &Claim,
    of: &Reconciliation,
    why: &str,
) -> sqlx::Result<State> {
    let mut transaction = pool.begin().await?;
    if !job::store::hold(&mut transaction, claim).await? {
        return Ok(State::Reading);
    }
    let given_up = sqlx::query!(
        "UPDATE reconciliations SET state = 'failed', finished_at = remit_now()
         WHERE id = $1 AND created_at < remit_now() - interval '1 day'",
        of.id.0,
    )
    .execute(&mut *transaction)
    .await?;
    let state = if given_up.rows_affected() == 1 {
        job::store::finish(&mut transaction, &[claim.id.0], &[claim.attempt]).await?;
        State::Failed
    } else {
        let wait = claim.kind.retry_policy().delay(claim.tries);
        job::store::retry(&mut *transaction, claim, wait, why).await?;
        State::Reading
    };
    transaction.commit().await?;
    Ok(state)
}

/// There is more to read than one claim has time for: the same job again, at once.
pub async fn go_on_later(pool: &PgPool, claim: &Claim) -> sqlx::Result<()> {
    job::store::snooze(pool, claim, Duration::ZERO, "more to read").await
}

/// Comparisons that have not come to their end in this time, which is enough for the largest.
pub async fn overdue(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ReconciliationId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM reconciliations WHERE state = 'reading' AND created_at < remit_now() - $1::interval",
        interval(OVERDUE_AFTER),
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ReconciliationId).collect())
}

/// A difference, as operators read it.
#[derive(Debug, serde::Serialize)]
pub struct FindingRow {
    /// What differs.
    pub kind: String,
    /// Our name for the subject.
    pub reference: Option<String>,
    /// The gateway's name for it.
    pub gateway_ref: Option<String>,
    /// How it differs.
    pub detail: String,
    /// What was done about it: `asked`, or `needs_review`.
    pub remedy: String,
}

/// What a comparison has found, what a person must look at first.
pub async fn findings(db: impl PgExecutor<'_>, of: ReconciliationId) -> sqlx::Result<Vec<FindingRow>> {
    sqlx::query_as!(
        FindingRow,
        "SELECT kind, reference, gateway_ref, detail, remedy FROM reconciliation_findings
         WHERE reconciliation_id = $1 ORDER BY remedy DESC, kind, reference, gateway_ref",
        of.0,
    )
    .fetch_all(db)
    .await
}
