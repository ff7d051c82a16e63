//! The rows of `webhook_deliveries`: as merchants see them, and as workers take them. They are inserted with their events
//! (`event::deliveries`).

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::row::{InvalidColumn, known, word},
    encryption::Sealed,
    event::EventId,
    id::{MerchantId, WebhookDeliveryId, WebhookEndpointId},
    job::Kind,
    page::{Found, Page},
    webhook::{Delivery, Status},
};

/// A query that answers deliveries: what stands before the columns, and what after.
macro_rules! deliveries {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            DeliveryRow,
            $before + "id, endpoint_id, subject_id, sequence, type, status, attempts, next_attempt_at, created_at,
                updated_at" + $after
            $(, $argument)*
        )
    };
}

struct DeliveryRow {
    id: Uuid,
    endpoint_id: Uuid,
    subject_id: Uuid,
    sequence: i64,
    r#type: String,
    status: String,
    attempts: i32,
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = InvalidColumn;

    fn try_from(row: DeliveryRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            id: WebhookDeliveryId(row.id),
            endpoint_id: WebhookEndpointId(row.endpoint_id),
            event_id: EventId { subject: row.subject_id, sequence: row.sequence },
            r#type: word("type", &row.r#type)?,
            status: word("status", &row.status)?,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// One delivery to this endpoint of this merchant.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> sqlx::Result<Option<Delivery>> {
    let row = deliveries!(
        "SELECT ",
        " FROM webhook_deliveries WHERE id = $1 AND endpoint_id = $2 AND merchant_id = $3",
        id.0,
        endpoint.0,
        merchant.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Delivery::try_from).transpose()?)
}

/// What an endpoint was told last about something.
pub(super) async fn last_about(
    db: impl PgExecutor<'_>,
    endpoint: WebhookEndpointId,
    subject: Uuid,
) -> sqlx::Result<Option<Delivery>> {
    let row = deliveries!(
        "SELECT ",
        " FROM webhook_deliveries WHERE endpoint_id = $1 AND subject_id = $2 ORDER BY sequence DESC LIMIT 1",
        endpoint.0,
        subject
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Delivery::try_from).transpose()?)
}

/// Which deliveries to list, newest first.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those that stand so.
    pub status: Option<Status>,
    /// Which page of them.
    pub page: Page<WebhookDeliveryId>,
}

/// A page of what was sent to an endpoint of this merchant.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
    filter: &Filter,
) -> sqlx::Result<Found<Delivery>> {
    let rows = deliveries!(
        "SELECT ",
        " FROM webhook_deliveries WHERE endpoint_id = $1 AND merchant_id = $2 AND ($3::text IS NULL OR status = $3)
            AND ($4::uuid IS NULL OR id < $4) AND ($5::uuid IS NULL OR id > $5)
          ORDER BY CASE WHEN $5::uuid IS NULL THEN id END DESC, id LIMIT $6",
        endpoint.0,
        merchant.0,
        filter.status.map(Status::as_str),
        filter.page.starting_after.map(|id| id.0),
        filter.page.ending_before.map(|id| id.0),
        filter.page.rows()
    )
    .fetch_all(db)
    .await?;
    Ok(filter.page.cut(rows, Delivery::try_from)?)
}

/// A delivery in hand.
#[derive(Debug, Clone)]
pub struct ToSend {
    /// Its name.
    pub id: WebhookDeliveryId,
    /// Whom it concerns.
    pub merchant_id: MerchantId,
    /// Where to.
    pub endpoint_id: WebhookEndpointId,
    /// Where that is now.
    pub url: String,
    /// What is told.
    pub event_id: EventId,
    /// In these words.
    pub body: Vec<u8>,
    /// By what it is signed: the present secret, and the one before while it signs beside it.
    pub secrets: Vec<Sealed>,
    /// Failures in a row so far.
    pub failures: u16,
}

/// Takes the deliveries of these that are to be sent now. Those whose endpoint is told nothing any more are skipped; where
/// an endpoint wants each object's events in order, those that come after one that is pending wait for it.
pub async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<ToSend>> {
    sqlx::query!(
        "UPDATE webhook_deliveries SET status = 'skipped', next_attempt_at = NULL, updated_at = remit_now()
         FROM webhook_endpoints endpoint
         WHERE webhook_deliveries.id = ANY($1) AND status = 'pending' AND endpoint.id = endpoint_id
           AND (endpoint.disabled_why IS NOT NULL OR endpoint.deleted_at IS NOT NULL)",
        ids,
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT delivery.id, delivery.merchant_id, endpoint_id, subject_id, sequence, body, failures, url, secret,
               CASE WHEN previous_until > remit_now() THEN previous_secret END AS previous
           FROM webhook_deliveries delivery JOIN webhook_endpoints endpoint ON endpoint.id = endpoint_id
           WHERE delivery.id = ANY($1) AND status = 'pending' AND NOT (delivery_order = 'per_object' AND EXISTS (
               SELECT FROM webhook_deliveries earlier
               WHERE earlier.endpoint_id = delivery.endpoint_id AND earlier.subject_id = delivery.subject_id
                 AND earlier.sequence < delivery.sequence AND earlier.status = 'pending'))"#,
        ids,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ToSend {
                id: WebhookDeliveryId(row.id),
                merchant_id: MerchantId(row.merchant_id),
                endpoint_id: WebhookEndpointId(row.endpoint_id),
                url: row.url,
                event_id: EventId { subject: row.subject_id, sequence: row.sequence },
                body: row.body,
                secrets: std::iter::once(row.secret).chain(row.previous).map(Sealed::from).collect(),
                failures: known("failures", row.failures)?,
            })
        })
        .collect()
}

/// Of these jobs puts off those whose delivery is still pending, and answers which: they wait for an earlier event. When
/// that has ended, its end makes the next one's job due ([`super::attempts::record`]). Should that have looked before this
/// one was there, it comes again when the earlier one's lease is over: nobody waits for ever.
pub async fn put_off(db: &mut PgConnection, jobs: &[Uuid]) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "UPDATE jobs SET state = 'queued', held = false, emits = 0, snoozes = jobs.snoozes + 1,
             due_at = interval '5 s' + coalesce((
                 SELECT greatest(ahead.due_at, remit_now())
                 FROM webhook_deliveries earlier JOIN jobs ahead ON ahead.subject_id = earlier.id AND ahead.kind = $2
                 WHERE earlier.endpoint_id = delivery.endpoint_id AND earlier.subject_id = delivery.subject_id
                   AND earlier.sequence < delivery.sequence AND earlier.status = 'pending'
                 ORDER BY earlier.sequence LIMIT 1), remit_now())
         FROM webhook_deliveries delivery
         WHERE jobs.id = ANY($1) AND delivery.id = jobs.subject_id AND delivery.status = 'pending'
         RETURNING jobs.id",
        jobs,
        Kind::DeliverWebhook.as_str(),
    )
    .fetch_all(db)
    .await
}

/// Its code has failed for good: it is not sent any more, and stands as given up.
pub async fn bury(db: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL, updated_at = remit_now()
         WHERE id = $1 AND status = 'pending'",
        id,
    )
    .execute(db)
    .await?;
    Ok(())
}
