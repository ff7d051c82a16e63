//! The rows of `events`, which are only ever added to.

pub mod record;

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{
    Event, EventId, Recorded,
    deliveries::{self, Addressed},
};
use crate::{
    clock::Timestamp,
    db::{
        column,
        row::{InvalidColumn, word},
    },
    id::{MerchantId, WebhookEndpointId},
};

/// Appends events, in their order, and calls for their deliveries. Whoever appends has locked their subjects, or made
/// them: each takes the next place among what happened to its subject. Of an endpoint the others are told; that it was
/// pinged, it alone.
pub(crate) async fn append(db: &mut PgConnection, events: &[Event], now: Timestamp) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query_as!(
        AddressedRow,
        "WITH told AS (INSERT INTO events (subject_id, sequence, merchant_id, position, type, data, created_at)
         SELECT told.subject_id,
             coalesce(earlier.sequence, 0) + row_number() OVER (PARTITION BY told.subject_id ORDER BY told.place),
             told.merchant_id, greatest(here.position, earlier.position), told.type, told.data, $5::timestamptz
         FROM (SELECT remit_position() AS position OFFSET 0) here,
              unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[])
                  WITH ORDINALITY AS told (merchant_id, subject_id, type, data, place)
         LEFT JOIN LATERAL (SELECT sequence, position FROM events WHERE subject_id = told.subject_id
                            ORDER BY sequence DESC LIMIT 1) earlier ON true
         RETURNING subject_id, sequence, merchant_id, type, data, created_at)
         SELECT told.*, endpoint.id AS endpoint_id, endpoint.payload, endpoint.disabled_why
         FROM told JOIN webhook_endpoints endpoint
             ON endpoint.merchant_id = told.merchant_id AND endpoint.deleted_at IS NULL
             AND CASE told.type WHEN 'webhook_endpoint.ping' THEN endpoint.id = told.subject_id
                 ELSE endpoint.id <> told.subject_id AND (endpoint.types IS NULL OR told.type = ANY(endpoint.types)) END",
        &column(events, |event| event.merchant_id.0),
        &column(events, |event| event.subject),
        &column(events, |event| event.r#type.as_str().to_owned()),
        &column(events, |event| event.data.clone()) as _,
        now,
    )
    .fetch_all(&mut *db)
    .await?;
    let addressed = rows.into_iter().map(AddressedRow::read).collect::<Result<Vec<_>, _>>()?;
    deliveries::call_for(db, &addressed, now).await
}

/// An event that was written, and an endpoint that is told of it.
struct AddressedRow {
    subject_id: Uuid,
    sequence: i64,
    merchant_id: Uuid,
    r#type: String,
    data: serde_json::Value,
    created_at: Timestamp,
    endpoint_id: Uuid,
    payload: String,
    disabled_why: Option<String>,
}

impl AddressedRow {
    fn read(self) -> Result<Addressed, InvalidColumn> {
        let event = Recorded {
            id: EventId { subject: self.subject_id, sequence: self.sequence },
            merchant_id: MerchantId(self.merchant_id),
            r#type: word("type", &self.r#type)?,
            created_at: self.created_at,
            data: self.data,
        };
        let payload = word("payload", &self.payload)?;
        let endpoint = WebhookEndpointId(self.endpoint_id);
        Ok(Addressed { event, endpoint, payload, is_sent: self.disabled_why.is_none() })
    }
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
