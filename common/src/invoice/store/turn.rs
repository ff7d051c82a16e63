//! A new payment method is asked for one invoice of a subscription at a time: a card that is stolen is so asked once,
//! however much is owed. Those that wait are asked for (`attempt_asked`), and have a job for when their turn comes.

use std::collections::HashMap;

use chrono::TimeDelta;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::{clock::Timestamp, db, invoice::Invoice, job::store::plan};

use super::retry;

/// How long an outcome is waited for.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// An invoice that waits.
pub(crate) struct Waiting {
    pub invoice: Uuid,
    pub subscription: Uuid,
}

/// The invoices of these subscriptions that wait for the outcome of another, but for those that are named.
pub(crate) async fn waiting(
    db: impl PgExecutor<'_>,
    subscriptions: &[Uuid],
    but: &[Uuid],
) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        "SELECT i.id AS invoice, i.subscription_id AS subscription FROM invoices i
         WHERE i.subscription_id = ANY($1) AND i.attempt_asked AND i.status IN ('open', 'uncollectible')
             AND i.id <> ALL($2)
             AND NOT EXISTS (SELECT FROM invoice_payments p WHERE p.invoice_id = i.id AND p.open)",
        subscriptions,
        but,
    )
    .fetch_all(db)
    .await
}

/// Of these subscriptions, which are locked, those whose method is being asked off the retry schedule; and until when
/// what else they owe waits for that.
pub(crate) async fn asking(
    db: impl PgExecutor<'_>,
    subscriptions: &[Uuid],
    now: Timestamp,
) -> sqlx::Result<HashMap<Uuid, Timestamp>> {
    let rows = sqlx::query!(
        r#"SELECT i.subscription_id, max(p.created_at) AS "began!" FROM invoices i
           JOIN invoice_payments a ON a.invoice_id = i.id JOIN payments p ON p.id = a.payment_id
           WHERE i.subscription_id = ANY($1) AND a.open AND a.reason = 'asked' GROUP BY i.subscription_id"#,
        subscriptions,
    )
    .fetch_all(db)
    .await?;
    let until = rows.into_iter().map(|row| (row.subscription_id, row.began + PATIENCE));
    Ok(until.filter(|(_, until)| now < *until).collect())
}

/// Those of these invoices that were asked for, and did not begin, have their turn in an hour, if nobody calls them
/// before.
pub(crate) async fn call_for_turns(
    db: &mut PgConnection,
    invoices: &[Invoice],
    now: Timestamp,
) -> db::Result<()> {
    let waits = invoices.iter().filter(|one| one.retry_schedule.asked && one.live_payment.is_none());
    let turns: Vec<_> = waits.map(|one| retry(one.id.0, now + PATIENCE, None)).collect();
    plan(db, &turns).await.map(drop)
}
