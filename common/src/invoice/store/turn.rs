//! A new payment method is asked for one open invoice of a subscription at a time: a card that is stolen is so asked
//! once, however much is owed.

use chrono::TimeDelta;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{InvoiceId, SubscriptionId},
};

/// How long an outcome is waited for.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// The invoices of these subscriptions, which are locked, that wait for the outcome of another, but for those that are
/// named.
pub(crate) async fn waiting(
    db: impl PgExecutor<'_>,
    subscriptions: &[Uuid],
    but: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT i.id FROM invoices i
         WHERE i.subscription_id = ANY($1) AND i.attempt_asked AND i.status IN ('open', 'uncollectible')
             AND i.id <> ALL($2)
             AND NOT EXISTS (SELECT FROM invoice_payments p WHERE p.invoice_id = i.id AND p.open)",
        subscriptions,
        but,
    )
    .fetch_all(db)
    .await
}

/// Until when this invoice of a subscription that is locked waits for the outcome of another; `None`: it is its turn.
pub(crate) async fn waits_until(
    db: impl PgExecutor<'_>,
    subscription: SubscriptionId,
    invoice: InvoiceId,
    now: Timestamp,
) -> sqlx::Result<Option<Timestamp>> {
    let began = sqlx::query_scalar!(
        r#"SELECT max(p.created_at) FROM invoices i
           JOIN invoice_payments a ON a.invoice_id = i.id JOIN payments p ON p.id = a.payment_id
           WHERE i.subscription_id = $1 AND i.id <> $2 AND a.open AND a.reason = 'asked'"#,
        subscription.0,
        invoice.0,
    )
    .fetch_one(db)
    .await?;
    Ok(began.map(|began| began + PATIENCE).filter(|until| now < *until))
}
