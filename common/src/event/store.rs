//! The rows of `events`, which are only ever added to.

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Event;
use crate::{clock::Timestamp, db::column, id::EventId};

/// Appends events, in their order.
pub(crate) async fn append(db: &mut PgConnection, events: &[Event], now: Timestamp) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO events (id, merchant_id, subject_id, type, data, created_at)
         SELECT *, $6::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[])",
        &column(events, |_| EventId::new().0),
        &column(events, |event| event.merchant_id.0),
        &column(events, |event| event.subject),
        &column(events, |event| event.kind.clone()),
        &column(events, |event| event.data.clone()) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An event, as operators see it.
#[derive(Debug, serde::Serialize)]
pub struct EventRow {
    /// `payment.succeeded` …
    pub r#type: String,
    /// When it happened.
    pub created_at: Timestamp,
    /// What merchants are told.
    pub data: serde_json::Value,
}

/// What happened to some subjects (a payment, its refunds and disputes), in order.
pub async fn of_subjects(db: impl PgExecutor<'_>, subjects: &[Uuid]) -> sqlx::Result<Vec<EventRow>> {
    sqlx::query_as!(
        EventRow,
        "SELECT type, created_at, data FROM events WHERE subject_id = ANY($1) ORDER BY id",
        subjects,
    )
    .fetch_all(db)
    .await
}
