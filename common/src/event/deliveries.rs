//! Events on their way to endpoints: for each that is told of one a delivery with its job, in the transaction that wrote
//! the event. What becomes of them is decided by [`crate::webhook`].

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Recorded,
    told::{Payload, Told},
};
use crate::{
    clock::Timestamp,
    db::column,
    id::{JobId, WebhookDeliveryId, WebhookEndpointId},
    job::{
        Kind,
        store::{HELD_BACKSTOP, interval},
    },
};

/// An event, and an endpoint that is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Addressed {
    /// What is told.
    pub event: Recorded,
    /// To whom.
    pub endpoint: WebhookEndpointId,
    /// How much of it.
    pub payload: Payload,
    /// Whether it is sent now: what a disabled endpoint has missed is only noted.
    pub is_sent: bool,
}

/// Calls for deliveries: their jobs wait for their endpoint's turn, so that one which hangs holds up no other. One that is there already is called for anew, and is told in the words that it was told in
/// before; one that is under way stays as it is.
pub(crate) async fn call_for(
    db: &mut PgConnection,
    addressed: &[Addressed],
    now: Timestamp,
) -> sqlx::Result<()> {
    if addressed.is_empty() {
        return Ok(());
    }
    let live = live(&mut *db, addressed).await?;
    let livemode = |told: &Addressed| live.contains(&told.event.merchant_id.0);
    let status = |is_sent: bool| if is_sent { "pending" } else { "skipped" };
    sqlx::query!(
        "WITH called_for AS (
             INSERT INTO webhook_deliveries (id, endpoint_id, merchant_id, subject_id, sequence, type, status, body,
                 next_attempt_at, created_at, updated_at)
             SELECT id, endpoint, merchant, subject, sequence, type, status, body,
                 CASE status WHEN 'pending' THEN $9::timestamptz END, $9, $9
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::bytea[])
                 AS told (id, endpoint, merchant, subject, sequence, type, status, body)
             ON CONFLICT (endpoint_id, subject_id, sequence) DO UPDATE
             SET status = excluded.status, failures = 0, next_attempt_at = excluded.next_attempt_at,
                 updated_at = excluded.updated_at
             WHERE webhook_deliveries.status <> 'pending'
             RETURNING id, endpoint_id, status
         ), numbered AS (
             SELECT id, endpoint_id, row_number() OVER (ORDER BY id) AS place FROM called_for WHERE status = 'pending'
         )
         INSERT INTO jobs (id, kind, subject_id, flow_id, held, due_at, created_at)
         SELECT job.id, $10, numbered.id, numbered.endpoint_id, true, $9::timestamptz + $12, $9
         FROM numbered JOIN unnest($11::uuid[]) WITH ORDINALITY AS job (id, place) USING (place)
         ON CONFLICT (subject_id, kind) DO UPDATE SET state = 'queued', held = true, due_at = excluded.due_at, emits = 0, panics = 0
         WHERE jobs.state = 'dead'",
        &column(addressed, |_| WebhookDeliveryId::new().0),
        &column(addressed, |told| told.endpoint.0),
        &column(addressed, |told| told.event.merchant_id.0),
        &column(addressed, |told| told.event.id.subject),
        &column(addressed, |told| told.event.id.sequence),
        &column(addressed, |told| told.event.r#type.as_str().to_owned()),
        &column(addressed, |told| status(told.is_sent).to_owned()),
        &column(addressed, |told| Told::new(&told.event, livemode(told), told.payload).bytes()),
        now,
        Kind::DeliverWebhook.as_str(),
        &column(addressed, |_| -> Uuid { JobId::new().0 }),
        interval(HELD_BACKSTOP),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Which of the merchants are live sides.
async fn live(db: &mut PgConnection, addressed: &[Addressed]) -> sqlx::Result<HashSet<Uuid>> {
    let live = sqlx::query_scalar!(
        "SELECT id FROM merchants WHERE id = ANY($1) AND livemode",
        &column(addressed, |told| told.event.merchant_id.0),
    )
    .fetch_all(db)
    .await?;
    Ok(live.into_iter().collect())
}
