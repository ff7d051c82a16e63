//! Recording what came of a call: the state, the record of the call, the event, and the end of the job,
//! many payments in one transaction.
//!
//! A worker may come late: its lease was over, and another has taken the payment in hand. Every claim
//! touches the payment's `updated_at`, so a result counts only if the payment is still as its worker
//! read it. Whoever comes late loses its failure, but money that moved is recorded from anybody.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    gateway::{Answer, Report},
    id::EventId,
    job::{self, Claim, Kind},
    payment::{
        Payment, Status,
        state::{self, Change, Context, Work},
    },
};

use super::row::payments;

/// What a worker learnt about a payment.
#[derive(Debug)]
pub struct Settlement {
    /// The job under which it asked.
    pub claim: Claim,
    /// The payment, as it was when it was claimed.
    pub payment: Payment,
    /// What the gateway answered.
    pub answer: Answer,
}

/// What was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Where the payment stands now.
    pub status: Status,
    /// Whether this settlement changed it.
    pub changed: bool,
    /// What an operator should be woken for.
    pub alarm: Option<&'static str>,
}

/// A payment as it is to become, and what goes with it.
struct Decided {
    payment: Payment,
    seen: Timestamp,
    settled: Settled,
    work: Work,
}

/// Records what was learnt, and answers each in its order.
///
/// # Errors
/// When the database fails; then nothing was recorded, and the same facts may be recorded again.
pub async fn settle(db: &mut PgConnection, batch: &[Arc<Settlement>]) -> sqlx::Result<Vec<Settled>> {
    let now = sqlx::query_scalar!(r#"SELECT remit_now() AS "now!""#).fetch_one(&mut *db).await?;
    let decided: Vec<_> = batch.iter().map(|s| decide(&s.payment, s, now)).collect();
    let written = update(db, decided.iter()).await?;
    // Of two results for one payment in one batch only the first was written.
    let mut earlier = HashSet::new();
    let is_in_time = |d: &Decided| earlier.insert(d.payment.id) && written.contains(&d.payment.id.0);
    let in_time: Vec<bool> = decided.iter().map(is_in_time).collect();
    let results = || batch.iter().zip(&decided).zip(&in_time).filter(|(_, in_time)| **in_time);
    insert_calls(db, batch, now).await?;
    insert_events(db, results().map(|((_, decided), _)| decided), now).await?;
    end_jobs(db, results().map(|(result, _)| result)).await?;
    let mut answers = Vec::with_capacity(batch.len());
    for ((settlement, decided), in_time) in batch.iter().zip(&decided).zip(&in_time) {
        answers.push(match in_time {
            true => decided.settled,
            false => settle_late(db, settlement, now).await?,
        });
    }
    Ok(answers)
}

fn decide(payment: &Payment, settlement: &Settlement, now: Timestamp) -> Decided {
    let mut payment = payment.clone();
    let seen = payment.updated_at;
    let context = Context { now, kind: settlement.claim.kind };
    let Change { to, gateway_ref, call_not_sent, work, alarm } =
        state::apply(&payment, &settlement.answer.report, context);
    payment.calls_not_sent += i32::from(call_not_sent);
    payment.gateway_ref = gateway_ref.or(payment.gateway_ref.take());
    // Always another than was seen, so that a result cannot be written twice.
    payment.updated_at = now.max(seen + Duration::from_micros(1));
    let changed = to.is_some();
    if let Some(outcome) = to {
        state::enter(&mut payment, outcome, now);
    }
    let settled = Settled { status: payment.status, changed, alarm };
    Decided { payment, seen, settled, work }
}

/// Somebody else has taken the payment in hand since: only money that moved still counts. The job is
/// theirs to end.
async fn settle_late(
    db: &mut PgConnection,
    settlement: &Settlement,
    now: Timestamp,
) -> sqlx::Result<Settled> {
    let is_fact = matches!(settlement.answer.report, Report::Succeeded(_) | Report::Authorized(_));
    let row = payments!("SELECT ", " FROM payments WHERE id = $1 FOR UPDATE", settlement.payment.id.0)
        .fetch_one(&mut *db)
        .await?;
    let current = Payment::try_from(row)?;
    if !is_fact {
        return Ok(Settled { status: current.status, changed: false, alarm: None });
    }
    let decided = decide(&current, settlement, now);
    update(db, std::iter::once(&decided)).await?;
    insert_events(db, std::iter::once(&decided), now).await?;
    Ok(decided.settled)
}

async fn end_jobs<'a>(
    db: &mut PgConnection,
    ends: impl Iterator<Item = (&'a Arc<Settlement>, &'a Decided)>,
) -> sqlx::Result<()> {
    let (mut done, mut attempts) = (Vec::new(), Vec::new());
    for (settlement, decided) in ends {
        let claim = &settlement.claim;
        if let Work::Retry { why, at_least } = &decided.work {
            let wait = claim.kind.retry_policy().delay(claim.attempt).max(*at_least);
            job::store::retry(&mut *db, claim, wait, why).await?;
            continue;
        }
        if let Work::LookUp { after } = decided.work {
            let (kind, trace) = (Kind::ResolvePayment, claim.traceparent.as_deref());
            job::store::enqueue(&mut *db, kind, claim.subject, after, trace).await?;
        }
        done.push(claim.id.0);
        attempts.push(claim.attempt);
    }
    if done.is_empty() {
        return Ok(());
    }
    job::store::finish(db, &done, &attempts).await
}

/// Writes payments that are still as they were seen, and answers which.
async fn update<'a>(
    db: &mut PgConnection,
    decided: impl Iterator<Item = &'a Decided>,
) -> sqlx::Result<HashSet<Uuid>> {
    // Two results for one payment in one batch: the first is in time, the second is late. In the order
    // of their ids, so that two batches cannot wait for each other.
    let mut first = HashMap::new();
    for decided in decided {
        first.entry(decided.payment.id).or_insert(decided);
    }
    let mut rows: Vec<(&Payment, Timestamp)> = first.values().map(|d| (&d.payment, d.seen)).collect();
    rows.sort_by_key(|(payment, _)| payment.id);
    macro_rules! column {
        ($value:expr) => {
            rows.iter().map(|(payment, _)| *payment).map($value).collect::<Vec<_>>()
        };
    }
    let written = sqlx::query_scalar!(
        "UPDATE payments p
         SET status = n.status, amount_captured = n.captured, failure_code = n.failure_code,
             failure_message = n.failure_message, decline_class = n.decline_class,
             next_action_url = n.next_action_url, review_reason = n.review_reason,
             updated_at = n.updated_at, settled_at = n.settled_at, gateway_ref = n.gateway_ref,
             charge_ref = n.charge_ref, card = n.card, calls_not_sent = n.calls_not_sent
         FROM unnest($1::uuid[], $2::text[], $3::numeric[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[],
                     $13::jsonb[], $14::integer[], $15::timestamptz[])
              AS n (id, status, captured, failure_code, failure_message, decline_class, next_action_url,
                    review_reason, updated_at, settled_at, gateway_ref, charge_ref, card, calls_not_sent, seen)
         WHERE p.id = n.id AND p.updated_at = n.seen
         RETURNING p.id",
        &column!(|p| p.id.0),
        &column!(|p| p.status.as_str().to_owned()),
        &column!(|p| p.amount_captured),
        &column!(|p| p.failure.as_ref().map(|f| f.code.clone())) as _,
        &column!(|p| p.failure.as_ref().map(|f| f.message.clone())) as _,
        &column!(|p| p.failure.as_ref().and_then(|f| f.decline_class).map(|c| c.as_str().to_owned())) as _,
        &column!(|p| p.next_action_url.clone()) as _,
        &column!(|p| p.review_reason.clone()) as _,
        &column!(|p| p.updated_at),
        &column!(|p| p.settled_at) as _,
        &column!(|p| p.gateway_ref.clone()) as _,
        &column!(|p| p.charge_ref.clone()) as _,
        &column!(|p| p.card.clone().map(Json)) as _,
        &column!(|p| p.calls_not_sent),
        &rows.iter().map(|(_, seen)| *seen).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    Ok(written.into_iter().collect())
}

async fn insert_calls(db: &mut PgConnection, calls: &[Arc<Settlement>], now: Timestamp) -> sqlx::Result<()> {
    macro_rules! column {
        ($value:expr) => {
            calls.iter().map(AsRef::as_ref).map($value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "INSERT INTO gateway_calls (payment_id, job_id, attempt, operation, outcome, detail, http_status,
             request_id, duration_ms, at)
         SELECT *, $10::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[],
             $5::text[], $6::text[], $7::integer[], $8::text[], $9::integer[])
         ON CONFLICT DO NOTHING",
        &column!(|s: &Settlement| s.payment.id.0),
        &column!(|s: &Settlement| s.claim.id.0),
        &column!(|s: &Settlement| s.claim.attempt),
        &column!(|s: &Settlement| s.answer.call.operation.to_owned()),
        &column!(|s: &Settlement| s.answer.report.word().to_owned()),
        &column!(|s: &Settlement| s.answer.report.detail()) as _,
        &column!(|s: &Settlement| s.answer.call.http_status.map(i32::from)) as _,
        &column!(|s: &Settlement| s.answer.call.request_id.clone()) as _,
        &column!(|s: &Settlement| i32::try_from(s.answer.call.duration.as_millis()).unwrap_or(i32::MAX)),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_events<'a>(
    db: &mut PgConnection,
    decided: impl Iterator<Item = &'a Decided>,
    now: Timestamp,
) -> sqlx::Result<()> {
    let told: Vec<_> = decided.filter(|d| d.settled.changed).map(|d| &d.payment).collect();
    if told.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        ($value:expr) => {
            told.iter().copied().map($value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "INSERT INTO events (id, merchant_id, subject_id, type, data, created_at)
         SELECT *, $6::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[])",
        &column!(|_: &Payment| EventId::new().0),
        &column!(|p: &Payment| p.merchant_id.0),
        &column!(|p: &Payment| p.id.0),
        &column!(|p: &Payment| format!("payment.{}", p.status.as_str())),
        &column!(|p: &Payment| Json(event_data(p))) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What merchants are told: ids, status, amounts, metadata. No personal data.
fn event_data(payment: &Payment) -> serde_json::Value {
    json!({
        "id": payment.id,
        "object": "payment",
        "status": payment.status,
        "amount": payment.order.money.display_amount(),
        "currency": payment.order.money.currency,
        "order_id": payment.order.order_id,
        "metadata": payment.order.metadata,
        "failure": payment.failure,
    })
}

/// A job's own code has failed. It comes again after `wait`; after `max` times it is put aside, and the
/// payment is shown to a person. Only for whoever holds the job. Tells whether it was put aside.
///
/// # Errors
/// When the database fails.
pub async fn code_failed(
    db: &mut PgConnection,
    claim: &Claim,
    wait: Duration,
    max: i32,
) -> sqlx::Result<bool> {
    let parked = job::store::code_failed(&mut *db, claim, wait, max).await?;
    if !parked {
        return Ok(false);
    }
    let row = payments!("SELECT ", " FROM payments WHERE id = $1 FOR UPDATE", claim.subject)
        .fetch_one(&mut *db)
        .await?;
    let now = sqlx::query_scalar!(r#"SELECT remit_now() AS "now!""#).fetch_one(&mut *db).await?;
    let mut payment = Payment::try_from(row)?;
    if !payment.status.is_final() {
        let seen = payment.updated_at;
        let reason = format!("the code of job {} fails again and again", claim.id);
        state::enter(&mut payment, state::Outcome::NeedsReview { reason }, now);
        payment.updated_at = now;
        let settled = Settled { status: payment.status, changed: true, alarm: None };
        let decided = Decided { payment, seen, settled, work: Work::Done };
        update(&mut *db, std::iter::once(&decided)).await?;
        insert_events(&mut *db, std::iter::once(&decided), now).await?;
    }
    Ok(true)
}
