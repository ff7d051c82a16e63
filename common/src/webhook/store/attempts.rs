//! What came of attempts: each is noted, and what it means for its delivery, its endpoint and the job is written in the
//! same transaction.

use std::collections::{HashMap, HashSet};

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{deliveries::ToSend, tell};
use crate::{
    clock::Timestamp,
    db::{self, column},
    event::EventType,
    id::{MerchantId, WebhookDeliveryId, WebhookEndpointId},
    job::{
        self, Claim, Kind,
        store::{HELD_BACKSTOP, interval},
    },
    webhook::{
        Attempt, Status,
        sender::Sent,
        state::{Before, DisabledReason, Health, Next, decide},
    },
};

/// An attempt that was made.
#[derive(Debug)]
pub struct Attempted {
    /// Whose job it was.
    pub claim: Claim,
    /// What was sent.
    pub delivery: ToSend,
    /// What came of it.
    pub sent: Sent,
    /// What spreads the wait before the next: see [`decide`].
    pub dice: u32,
}

type End<'a> = (&'a Attempted, Next);

/// Records attempts, in a transaction of the caller's, and answers what becomes of each delivery. `None`: somebody else
/// has it in hand by now, and this one's failure decides nothing.
pub async fn record(db: &mut PgConnection, attempts: &[&Attempted]) -> db::Result<Vec<Option<Next>>> {
    let held = held(db, attempts).await?;
    let now = db::now(&mut *db).await?;
    note(db, attempts, now).await?;
    let mut endpoints = Endpoints::lock(db, attempts).await?;
    let mut decided = Vec::with_capacity(attempts.len());
    for attempted in attempts {
        let failing_since = endpoints.failing_since(attempted.delivery.endpoint_id);
        let before = Before { failures: attempted.delivery.failures, failing_since };
        let (next, health) = decide(before, attempted.sent.outcome, now, attempted.dice);
        let counts = next == Next::Delivered || held.contains(&attempted.claim.id.0);
        if counts {
            endpoints.learn(attempted.delivery.endpoint_id, health);
        }
        decided.push(counts.then_some(next));
    }
    let ends: Vec<End<'_>> =
        attempts.iter().zip(&decided).filter_map(|(one, next)| Some((*one, (*next)?))).collect();
    write_deliveries(db, &ends, now).await?;
    endpoints.write(db, now).await?;
    end_jobs(db, &ends, now).await?;
    endpoints.call_for_next(db, &ends, now).await?;
    Ok(decided)
}

/// The jobs that are still in the hands of those who made these attempts, and stay there until the end of the transaction.
async fn held(db: &mut PgConnection, attempts: &[&Attempted]) -> sqlx::Result<HashSet<Uuid>> {
    let held = sqlx::query_scalar!(
        "SELECT jobs.id FROM jobs JOIN unnest($1::uuid[], $2::integer[]) AS ours (id, attempt)
             ON jobs.id = ours.id AND jobs.attempt = ours.attempt
         WHERE state = 'running' ORDER BY jobs.id FOR NO KEY UPDATE OF jobs",
        &column(attempts, |one| one.claim.id.0),
        &column(attempts, |one| one.claim.attempt),
    )
    .fetch_all(db)
    .await?;
    Ok(held.into_iter().collect())
}

/// Each attempt gets the next number of its delivery.
async fn note(db: &mut PgConnection, attempts: &[&Attempted], now: Timestamp) -> sqlx::Result<()> {
    let milliseconds = |one: &&Attempted| i32::try_from(one.sent.duration.as_millis()).unwrap_or(i32::MAX);
    sqlx::query!(
        "WITH made AS (
             SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[])
                 AS made (id, status, duration_ms, answer, error)
         ), counted AS (
             UPDATE webhook_deliveries SET attempts = attempts + 1 FROM made
             WHERE webhook_deliveries.id = made.id RETURNING webhook_deliveries.id, attempts
         )
         INSERT INTO webhook_attempts (delivery_id, number, status, duration_ms, answer, error, at)
         SELECT id, attempts, made.status, duration_ms, answer, error, $6 FROM counted JOIN made USING (id)",
        &column(attempts, |one| one.delivery.id.0),
        &column(attempts, |one| one.sent.outcome.status().map(i32::from)) as _,
        &column(attempts, milliseconds),
        &column(attempts, |one| one.sent.answer.clone()) as _,
        &column(attempts, |one| one.sent.error.clone()) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

fn status(next: Next) -> Status {
    match next {
        Next::Delivered => Status::Delivered,
        Next::Again(_) => Status::Pending,
        Next::GivenUp => Status::Failed,
        Next::Skipped => Status::Skipped,
    }
}

fn again_at(next: Next, now: Timestamp) -> Option<Timestamp> {
    match next {
        Next::Again(wait) => Some(now + wait),
        Next::Delivered | Next::GivenUp | Next::Skipped => None,
    }
}

async fn write_deliveries(db: &mut PgConnection, ends: &[End<'_>], now: Timestamp) -> sqlx::Result<()> {
    let failures = |one: &Attempted, next: Next| match next {
        Next::Delivered => 0,
        Next::Again(_) | Next::GivenUp | Next::Skipped => i32::from(one.delivery.failures) + 1,
    };
    sqlx::query!(
        "UPDATE webhook_deliveries SET status = ended.status, failures = ended.failures,
             next_attempt_at = ended.again_at, updated_at = $5
         FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::timestamptz[]) AS ended (id, status, failures, again_at)
         WHERE webhook_deliveries.id = ended.id AND webhook_deliveries.status = 'pending'",
        &column(ends, |(one, _)| one.delivery.id.0),
        &column(ends, |(_, next)| status(*next).as_str().to_owned()),
        &column(ends, |(one, next)| failures(one, *next)),
        &column(ends, |(_, next)| again_at(*next, now)) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn end_jobs(db: &mut PgConnection, ends: &[End<'_>], now: Timestamp) -> sqlx::Result<()> {
    let (mut done, mut numbers, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for (one, next) in ends {
        match again_at(*next, now) {
            Some(at) => again.push((&one.claim, at)),
            None => {
                done.push(one.claim.id.0);
                numbers.push(one.claim.attempt);
            }
        }
    }
    job::store::reschedule(&mut *db, &again).await?;
    job::store::finish(db, &done, &numbers).await
}

/// The endpoints of these attempts, which nobody else changes until the end of the transaction.
struct Endpoints(HashMap<Uuid, Known>);

struct Known {
    is_in_order: bool,
    failing_since: Option<Timestamp>,
    learnt: Option<Health>,
}

impl Endpoints {
    async fn lock(db: &mut PgConnection, attempts: &[&Attempted]) -> sqlx::Result<Self> {
        let rows = sqlx::query!(
            r#"SELECT id, failing_since, delivery_order = 'per_object' AS "is_in_order!" FROM webhook_endpoints
               WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"#,
            &column(attempts, |one| one.delivery.endpoint_id.0),
        )
        .fetch_all(db)
        .await?;
        let known = rows.into_iter().map(|row| {
            let (is_in_order, failing_since) = (row.is_in_order, row.failing_since);
            (row.id, Known { is_in_order, failing_since, learnt: None })
        });
        Ok(Self(known.collect()))
    }

    fn failing_since(&self, id: WebhookEndpointId) -> Option<Timestamp> {
        self.0.get(&id.0)?.failing_since
    }

    fn learn(&mut self, id: WebhookEndpointId, health: Health) {
        let Some(known) = self.0.get_mut(&id.0) else { return };
        match health {
            Health::Well => known.failing_since = None,
            Health::FailingSince(since) => known.failing_since = Some(since),
            Health::Disabled(_) => {}
        }
        known.learnt = Some(health);
    }

    /// What is as it was is not written.
    async fn write(&self, db: &mut PgConnection, now: Timestamp) -> db::Result<()> {
        let learnt: Vec<_> = self.0.iter().filter(|(_, known)| known.learnt.is_some()).collect();
        sqlx::query!(
            "UPDATE webhook_endpoints SET failing_since = learnt.since
             FROM unnest($1::uuid[], $2::timestamptz[]) AS learnt (id, since)
             WHERE webhook_endpoints.id = learnt.id AND failing_since IS DISTINCT FROM learnt.since",
            &column(&learnt, |(id, _)| **id),
            &column(&learnt, |(_, known)| known.failing_since) as _,
        )
        .execute(&mut *db)
        .await?;
        for (id, known) in learnt {
            if let Some(Health::Disabled(why)) = known.learnt {
                disable(&mut *db, WebhookEndpointId(*id), why, now).await?;
            }
        }
        Ok(())
    }

    /// Where each object's events go in their order, the end of one makes the next due. Whoever claims that one at this
    /// moment has its row: it is either claimed with what we leave behind, or put off and due at once.
    async fn call_for_next(
        &self,
        db: &mut PgConnection,
        ends: &[End<'_>],
        now: Timestamp,
    ) -> sqlx::Result<()> {
        let is_in_order =
            |one: &Attempted| self.0.get(&one.delivery.endpoint_id.0).is_some_and(|known| known.is_in_order);
        let ended: Vec<_> = ends
            .iter()
            .filter(|(one, next)| again_at(*next, now).is_none() && is_in_order(one))
            .map(|(one, _)| &one.delivery)
            .collect();
        if ended.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "UPDATE jobs SET held = true, due_at = $3::timestamptz + $4
             FROM unnest($1::uuid[], $2::uuid[]) AS ended (endpoint, subject)
             CROSS JOIN LATERAL (SELECT id FROM webhook_deliveries
                 WHERE endpoint_id = endpoint AND subject_id = subject AND status = 'pending'
                 ORDER BY sequence LIMIT 1) next
             WHERE jobs.subject_id = next.id AND kind = $5 AND state = 'queued'",
            &column(&ended, |delivery| delivery.endpoint_id.0),
            &column(&ended, |delivery| delivery.event_id.subject),
            now,
            interval(HELD_BACKSTOP),
            Kind::DeliverWebhook.as_str(),
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// An endpoint is told nothing any more, and the others are told so. Not one that is so already.
async fn disable(
    db: &mut PgConnection,
    id: WebhookEndpointId,
    why: DisabledReason,
    now: Timestamp,
) -> db::Result<()> {
    let disabled = sqlx::query_scalar!(
        "UPDATE webhook_endpoints SET disabled_why = $2, version = version + 1, updated_at = greatest($3, updated_at)
         WHERE id = $1 AND disabled_why IS NULL AND deleted_at IS NULL RETURNING merchant_id",
        id.0,
        why.as_str(),
        now,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(merchant) = disabled else { return Ok(()) };
    let endpoint = super::find(&mut *db, MerchantId(merchant), id).await?;
    let endpoint = endpoint.ok_or_else(|| db::Error::broken("an endpoint that is locked is not there"))?;
    tell(db, &endpoint, EventType::WebhookEndpointDisabled, now).await?;
    Ok(())
}

/// The attempts of a delivery, in their order.
pub async fn list(db: impl PgExecutor<'_>, delivery: WebhookDeliveryId) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as!(
        Attempt,
        "SELECT number, status, duration_ms, answer, error, at FROM webhook_attempts
         WHERE delivery_id = $1 ORDER BY number",
        delivery.0,
    )
    .fetch_all(db)
    .await
}
