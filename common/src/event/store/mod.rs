//! The rows of `events`, which are only ever added to.

pub mod record;

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Event;
use crate::{clock::Timestamp, db::column};

/// Appends events, in their order. Whoever appends has locked their subjects, or made them: each takes the next place
/// among what happened to its subject.
pub(crate) async fn append(db: &mut PgConnection, events: &[Event], now: Timestamp) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO events (subject_id, sequence, merchant_id, position, type, data, created_at)
         SELECT told.subject_id,
             coalesce(earlier.sequence, 0) + row_number() OVER (PARTITION BY told.subject_id ORDER BY told.place),
             told.merchant_id, greatest(here.position, earlier.position), told.type, told.data, $5::timestamptz
         FROM (SELECT remit_position() AS position OFFSET 0) here,
              unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[])
                  WITH ORDINALITY AS told (merchant_id, subject_id, type, data, place)
         LEFT JOIN LATERAL (SELECT sequence, position FROM events WHERE subject_id = told.subject_id
                            ORDER BY sequence DESC LIMIT 1) earlier ON true",
        &column(events, |event| event.merchant_id.0),
        &column(events, |event| event.subject),
        &column(events, |event| event.r#type.as_str().to_owned()),
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
        "SELECT type, created_at, data FROM events WHERE subject_id = ANY($1) ORDER BY position, created_at, sequence",
        subjects,
    )
    .fetch_all(db)
    .await
}
