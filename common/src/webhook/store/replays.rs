//! Telling again what was told, or was missed: one delivery at once, all others part by part, by a job.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{deliveries, find};
use crate::{
    clock::Timestamp,
    db::{self, column},
    event::{
        EventId, EventType, Recorded,
        deliveries::{Addressed, call_for},
        store::record,
    },
    id::{JobId, MerchantId, WebhookDeliveryId, WebhookEndpointId, WebhookReplayId},
    job::{
        self, Claim, Kind,
        store::{HELD_BACKSTOP, interval},
    },
    webhook::{Delivery, DisabledReason, Endpoint},
};

/// When it is looked again whether what was written before a replay can be read: some transaction is still under way.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Deliveries that are called for in one transaction, at most.
const PART: u16 = 500;

/// What a merchant wants to be told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// This delivery.
    Delivery(WebhookDeliveryId),
    /// What was given up, or skipped.
    Missed,
    /// All that has happened since then.
    Since(Timestamp),
}

/// What came of asking for it.
#[derive(Debug)]
pub enum Replayed {
    /// The delivery is under way again.
    Delivery(Box<Delivery>),
    /// A job calls for them.
    CalledFor,
    /// The endpoint is told nothing now.
    Disabled(DisabledReason),
    /// This merchant has no such endpoint, or delivery.
    NotFound,
}

/// Calls for what this merchant's endpoint is to be told again.
pub async fn ask(
    db: &PgPool,
    merchant: MerchantId,
    id: WebhookEndpointId,
    asked: Asked,
) -> db::Result<Replayed> {
    let mut transaction = db.begin().await?;
    let Some(endpoint) = find(&mut *transaction, merchant, id).await? else { return Ok(Replayed::NotFound) };
    if let Some(why) = endpoint.disabled {
        return Ok(Replayed::Disabled(why));
    }
    let done = match asked {
        Asked::Delivery(delivery) => again(&mut transaction, merchant, id, delivery).await?,
        Asked::Missed => begin(&mut transaction, &endpoint, None).await?,
        Asked::Since(since) => begin(&mut transaction, &endpoint, Some(since)).await?,
    };
    transaction.commit().await?;
    Ok(done)
}

async fn again(
    db: &mut PgConnection,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
    id: WebhookDeliveryId,
) -> db::Result<Replayed> {
    if deliveries::find(&mut *db, merchant, endpoint, id).await?.is_none() {
        return Ok(Replayed::NotFound);
    }
    let now = db::now(&mut *db).await?;
    call_again(&mut *db, endpoint, &[id.0], now).await?;
    let delivery = deliveries::find(&mut *db, merchant, endpoint, id).await?;
    Ok(delivery.map_or(Replayed::NotFound, |delivery| Replayed::Delivery(Box::new(delivery))))
}

async fn begin(
    db: &mut PgConnection,
    endpoint: &Endpoint,
    since: Option<Timestamp>,
) -> sqlx::Result<Replayed> {
    let id = WebhookReplayId::new();
    sqlx::query!(
        "INSERT INTO webhook_replays (id, endpoint_id, merchant_id, since) VALUES ($1, $2, $3, $4)",
        id.0,
        endpoint.id.0,
        endpoint.merchant_id.0,
        since,
    )
    .execute(&mut *db)
    .await?;
    job::store::enqueue(db, Kind::ReplayWebhooks, id.0, Duration::ZERO, None).await?;
    Ok(Replayed::CalledFor)
}

/// Calls for deliveries that have ended, in the words that they were told in.
async fn call_again(
    db: &mut PgConnection,
    endpoint: WebhookEndpointId,
    ids: &[Uuid],
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH again AS (
             UPDATE webhook_deliveries SET status = 'pending', failures = 0, next_attempt_at = $3, updated_at = $3
             WHERE id = ANY($1) AND endpoint_id = $2 AND status <> 'pending' RETURNING id
         ), numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM again)
         INSERT INTO jobs (id, kind, subject_id, flow_id, held, due_at, created_at)
         SELECT job.id, $4, numbered.id, $2, true, $3::timestamptz + $5, $3
         FROM numbered JOIN unnest($6::uuid[]) WITH ORDINALITY AS job (id, place) USING (place)
         ON CONFLICT (subject_id, kind) DO UPDATE
         SET state = 'queued', held = true, due_at = excluded.due_at, emits = 0, panics = 0 WHERE jobs.state = 'dead'",
        ids,
        endpoint.0,
        now,
        Kind::DeliverWebhook.as_str(),
        interval(HELD_BACKSTOP),
        &column(ids, |_| -> Uuid { JobId::new().0 }),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Where a replay stands.
struct Replay {
    endpoint_id: Uuid,
    merchant_id: Uuid,
    since: Option<Timestamp>,
    position: i64,
    after_subject: Option<Uuid>,
    after_sequence: Option<i64>,
    after_delivery: Option<Uuid>,
}

/// What one part of it came to.
#[derive(Default)]
struct Part {
    called_for: usize,
    last_event: Option<EventId>,
    last_delivery: Option<Uuid>,
    /// When it goes on; `None`: it is over.
    goes_on: Option<Timestamp>,
}

/// Does the next part of a replay, and the end of its job with the last one: it comes again until then.
pub async fn go_on(pool: &PgPool, claim: &Claim) -> db::Result<()> {
    let mut transaction = pool.begin().await?;
    if !job::store::hold(&mut transaction, claim).await? {
        return Ok(());
    }
    let now = db::now(&mut *transaction).await?;
    let part = match read(&mut transaction, claim.subject).await? {
        Some((replay, endpoint)) => do_part(&mut transaction, &replay, &endpoint, now).await?,
        None => Part::default(),
    };
    sqlx::query!(
        "UPDATE webhook_replays SET called_for = called_for + $2, after_subject = coalesce($3, after_subject),
             after_sequence = coalesce($4, after_sequence), after_delivery = coalesce($5, after_delivery), ended_at = $6
         WHERE id = $1",
        claim.subject,
        i64::try_from(part.called_for).unwrap_or(i64::MAX),
        part.last_event.map(|id| id.subject),
        part.last_event.map(|id| id.sequence),
        part.last_delivery,
        part.goes_on.is_none().then_some(now),
    )
    .execute(&mut *transaction)
    .await?;
    match part.goes_on {
        Some(at) => job::store::reschedule(&mut *transaction, &[(claim, at)]).await?,
        None => job::store::finish(&mut transaction, &[claim.id.0], &[claim.attempt]).await?,
    }
    transaction.commit().await?;
    Ok(())
}

/// A replay and its endpoint, if that is told anything.
async fn read(db: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<(Replay, Endpoint)>> {
    let replay = sqlx::query_as!(
        Replay,
        "SELECT endpoint_id, merchant_id, since, position, after_subject, after_sequence, after_delivery
         FROM webhook_replays WHERE id = $1 AND ended_at IS NULL",
        id,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(replay) = replay else { return Ok(None) };
    let endpoint = find(db, MerchantId(replay.merchant_id), WebhookEndpointId(replay.endpoint_id)).await?;
    let endpoint = endpoint.filter(|endpoint| endpoint.disabled.is_none());
    Ok(endpoint.map(|endpoint| (replay, endpoint)))
}

async fn do_part(
    db: &mut PgConnection,
    replay: &Replay,
    endpoint: &Endpoint,
    now: Timestamp,
) -> sqlx::Result<Part> {
    match replay.since {
        Some(since) => events_since(db, replay, endpoint, since, now).await,
        None => missed(db, replay, endpoint, now).await,
    }
}

async fn missed(
    db: &mut PgConnection,
    replay: &Replay,
    endpoint: &Endpoint,
    now: Timestamp,
) -> sqlx::Result<Part> {
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM (
               (SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 AND merchant_id = $4 AND status = 'failed' AND id > $2
                ORDER BY id LIMIT $3)
               UNION ALL
               (SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 AND merchant_id = $4 AND status = 'skipped' AND id > $2
                ORDER BY id LIMIT $3)) missed
           ORDER BY id LIMIT $3"#,
        endpoint.id.0,
        replay.after_delivery.unwrap_or_default(),
        i64::from(PART),
        endpoint.merchant_id.0,
    )
    .fetch_all(&mut *db)
    .await?;
    call_again(db, endpoint.id, &ids, now).await?;
    Ok(Part {
        called_for: ids.len(),
        last_event: None,
        last_delivery: ids.last().copied(),
        goes_on: (ids.len() == usize::from(PART)).then_some(now),
    })
}

async fn events_since(
    db: &mut PgConnection,
    replay: &Replay,
    endpoint: &Endpoint,
    since: Timestamp,
    now: Timestamp,
) -> sqlx::Result<Part> {
    let merchant = endpoint.merchant_id;
    let filter = record::Filter {
        types: endpoint.terms.types.clone(),
        from: Some(since),
        ..record::Filter::default()
    };
    let from = match replay.after_subject.zip(replay.after_sequence) {
        Some((subject, sequence)) => {
            let place = record::place(&mut *db, merchant, EventId { subject, sequence }).await?;
            record::From::After(place.unwrap_or(record::Place::BEGINNING))
        }
        None => record::From::After(record::Place::BEGINNING),
    };
    // Before it is read: what is written between the two would be taken for told.
    let is_settled = is_settled(db, replay.position).await?;
    let read = record::read(&mut *db, merchant, &filter, from, PART).await?;
    let addressed: Vec<_> = read
        .events
        .into_iter()
        .filter(|event| is_told(endpoint, event))
        .map(|event| Addressed {
            event,
            endpoint: endpoint.id,
            payload: endpoint.terms.payload,
            is_sent: true,
        })
        .collect();
    call_for(db, &addressed, now).await?;
    let goes_on = match read.has_more {
        true => Some(now),
        false => (!is_settled).then_some(now + LOOK_AGAIN),
    };
    Ok(Part {
        called_for: addressed.len(),
        last_event: read.last.map(|place| place.id()),
        last_delivery: None,
        goes_on,
    })
}

/// Whether everything that was written before this position can be read.
async fn is_settled(db: &mut PgConnection, position: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT remit_settled_position() > $1 AS "is_settled!""#, position)
        .fetch_one(db)
        .await
}

/// As when it happened: an endpoint is not told of itself, nor that another was pinged.
fn is_told(endpoint: &Endpoint, event: &Recorded) -> bool {
    event.id.subject != endpoint.id.0 && event.r#type != EventType::WebhookEndpointPing
}
