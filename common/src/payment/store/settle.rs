//! Recording what came of a call: the state, the record of the call, the event, and the end of the job,
//! many payments in one transaction.
//!
//! A worker may come late: its lease was over, and another has taken the job. What it learnt is fenced:
//! failures count only from whoever holds the job, but money that moved is recorded from anybody.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;
use sqlx::{PgConnection, types::Json};

use crate::{
    clock::Timestamp,
    gateway::{Answer, Report},
    id::{EventId, PaymentId},
    job::{self, Claim, Kind},
    payment::{
        Payment, Status,
        state::{self, Change, Context, Work},
    },
};

use super::row::payments;

/// What a worker learnt about a payment.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The job under which it asked.
    pub claim: Claim,
    /// The payment.
    pub payment: PaymentId,
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

/// Everything to be written, gathered before the first write.
#[derive(Default)]
struct Writes<'a> {
    changed: BTreeMap<PaymentId, Payment>,
    calls: Vec<&'a Settlement>,
    events: Vec<(EventId, Payment, Timestamp)>,
    finished: Vec<uuid::Uuid>,
    retried: Vec<(&'a Claim, std::time::Duration, String)>,
    looked_up: Vec<(&'a Settlement, std::time::Duration)>,
}

/// Records what was learnt, and answers each in its order.
///
/// # Errors
/// When the database fails; then nothing was recorded, and the same facts may be recorded again.
pub async fn settle(db: &mut PgConnection, batch: &[Settlement]) -> sqlx::Result<Vec<Settled>> {
    let jobs: Vec<_> = batch.iter().map(|s| s.claim.id.0).collect();
    let held = job::store::lock_running(db, &jobs).await?;
    let held: HashMap<_, _> = held.into_iter().map(|job| (job.id, job.attempt)).collect();
    let (mut payments, now) = lock(db, batch).await?;
    let mut writes = Writes::default();
    let mut answers = Vec::with_capacity(batch.len());
    for settlement in batch {
        let payment = payments.get_mut(&settlement.payment).ok_or(sqlx::Error::RowNotFound)?;
        let holds = held.get(&settlement.claim.id.0) == Some(&settlement.claim.attempt);
        answers.push(writes.gather(payment, settlement, holds, now));
    }
    writes.save(db, now).await?;
    Ok(answers)
}

async fn lock(
    db: &mut PgConnection,
    batch: &[Settlement],
) -> sqlx::Result<(HashMap<PaymentId, Payment>, Timestamp)> {
    let ids: Vec<_> = batch.iter().map(|s| s.payment.0).collect();
    let rows = payments!("SELECT ", " FROM payments WHERE id = ANY($1) ORDER BY id FOR UPDATE", &ids)
        .fetch_all(&mut *db)
        .await?;
    let now = sqlx::query_scalar!(r#"SELECT remit_now() AS "now!""#).fetch_one(db).await?;
    let payments = rows.into_iter().map(|row| Payment::try_from(row).map(|p| (p.id, p)));
    Ok((payments.collect::<Result<_, _>>()?, now))
}

impl<'a> Writes<'a> {
    fn gather(
        &mut self,
        payment: &mut Payment,
        settlement: &'a Settlement,
        holds: bool,
        now: Timestamp,
    ) -> Settled {
        let Settlement { claim, answer, .. } = settlement;
        self.calls.push(settlement);
        let is_fact = matches!(answer.report, Report::Succeeded(_) | Report::Authorized(_));
        if !holds && !is_fact {
            return Settled { status: payment.status, changed: false, alarm: None };
        }
        let context = Context { now, kind: claim.kind };
        let Change { to, gateway_ref, call_not_sent, work, alarm } =
            state::apply(payment, &answer.report, context);
        payment.calls_not_sent += i32::from(call_not_sent);
        payment.gateway_ref = gateway_ref.or(payment.gateway_ref.take());
        payment.updated_at = now;
        let changed = to.is_some();
        if let Some(outcome) = to {
            state::enter(payment, outcome, now);
            self.events.push((EventId::new(), payment.clone(), now));
        }
        self.changed.insert(payment.id, payment.clone());
        if holds {
            self.end(settlement, work);
        }
        Settled { status: payment.status, changed, alarm }
    }

    fn end(&mut self, settlement: &'a Settlement, work: Work) {
        let claim = &settlement.claim;
        match work {
            Work::Done => self.finished.push(claim.id.0),
            Work::Retry { why, at_least } => {
                let wait = claim.kind.retry_policy().delay(claim.attempt).max(at_least);
                self.retried.push((claim, wait, why));
            }
            Work::LookUp { after } => {
                self.finished.push(claim.id.0);
                self.looked_up.push((settlement, after));
            }
        }
    }

    async fn save(self, db: &mut PgConnection, now: Timestamp) -> sqlx::Result<()> {
        update(db, self.changed.into_values().collect()).await?;
        insert_calls(db, &self.calls, now).await?;
        insert_events(db, self.events).await?;
        if !self.finished.is_empty() {
            job::store::finish(db, &self.finished).await?;
        }
        for (claim, wait, why) in self.retried {
            job::store::retry(&mut *db, claim.id, wait, &why).await?;
        }
        for (settlement, after) in self.looked_up {
            let trace = settlement.claim.traceparent.as_deref();
            job::store::enqueue(&mut *db, Kind::ResolvePayment, settlement.payment.0, after, trace).await?;
        }
        Ok(())
    }
}

async fn update(db: &mut PgConnection, payments: Vec<Payment>) -> sqlx::Result<()> {
    if payments.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        ($value:expr) => {
            payments.iter().map($value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "UPDATE payments p
         SET status = n.status, amount_captured = n.captured, failure_code = n.failure_code,
             failure_message = n.failure_message, decline_class = n.decline_class,
             next_action_url = n.next_action_url, review_reason = n.review_reason,
             updated_at = n.updated_at, settled_at = n.settled_at, gateway_ref = n.gateway_ref,
             charge_ref = n.charge_ref, card = n.card, calls_not_sent = n.calls_not_sent
         FROM unnest($1::uuid[], $2::text[], $3::numeric[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[],
                     $13::jsonb[], $14::integer[])
              AS n (id, status, captured, failure_code, failure_message, decline_class, next_action_url,
                    review_reason, updated_at, settled_at, gateway_ref, charge_ref, card, calls_not_sent)
         WHERE p.id = n.id",
        &column!(|p: &Payment| p.id.0),
        &column!(|p: &Payment| p.status.as_str().to_owned()),
        &column!(|p: &Payment| p.amount_captured),
        &column!(|p: &Payment| p.failure.as_ref().map(|f| f.code.clone())) as _,
        &column!(|p: &Payment| p.failure.as_ref().map(|f| f.message.clone())) as _,
        &column!(|p: &Payment| p
            .failure
            .as_ref()
            .and_then(|f| f.decline_class)
            .map(|c| c.as_str().to_owned())) as _,
        &column!(|p: &Payment| p.next_action_url.clone()) as _,
        &column!(|p: &Payment| p.review_reason.clone()) as _,
        &column!(|p: &Payment| p.updated_at),
        &column!(|p: &Payment| p.settled_at) as _,
        &column!(|p: &Payment| p.gateway_ref.clone()) as _,
        &column!(|p: &Payment| p.charge_ref.clone()) as _,
        &column!(|p: &Payment| p.card.clone().map(Json)) as _,
        &column!(|p: &Payment| p.calls_not_sent),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_calls(db: &mut PgConnection, calls: &[&Settlement], now: Timestamp) -> sqlx::Result<()> {
    macro_rules! column {
        ($value:expr) => {
            calls.iter().copied().map($value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "INSERT INTO gateway_calls (payment_id, job_id, attempt, operation, outcome, detail, http_status,
             request_id, duration_ms, at)
         SELECT *, $10::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[],
             $5::text[], $6::text[], $7::integer[], $8::text[], $9::integer[])
         ON CONFLICT DO NOTHING",
        &column!(|s: &Settlement| s.payment.0),
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

async fn insert_events(
    db: &mut PgConnection,
    events: Vec<(EventId, Payment, Timestamp)>,
) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        ($value:expr) => {
            events.iter().map($value).collect::<Vec<_>>()
        };
    }
    type Row = (EventId, Payment, Timestamp);
    sqlx::query!(
        "INSERT INTO events (id, merchant_id, subject_id, type, data, created_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::timestamptz[])",
        &column!(|(id, _, _): &Row| id.0),
        &column!(|(_, p, _): &Row| p.merchant_id.0),
        &column!(|(_, p, _): &Row| p.id.0),
        &column!(|(_, p, _): &Row| format!("payment.{}", p.status.as_str())),
        &column!(|(_, p, _): &Row| Json(event_data(p))) as _,
        &column!(|(_, _, at): &Row| *at),
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
    wait: std::time::Duration,
    max: i32,
) -> sqlx::Result<bool> {
    let parked = job::store::code_failed(&mut *db, claim, wait, max).await?;
    if !parked {
        return Ok(false);
    }
    let rows = payments!("SELECT ", " FROM payments WHERE id = $1 FOR UPDATE", claim.subject)
        .fetch_all(&mut *db)
        .await?;
    let now = sqlx::query_scalar!(r#"SELECT remit_now() AS "now!""#).fetch_one(&mut *db).await?;
    for row in rows {
        let mut payment = Payment::try_from(row)?;
        if !payment.status.is_final() {
            let reason = format!("the code of job {} fails again and again", claim.id);
            state::enter(&mut payment, state::Outcome::NeedsReview { reason }, now);
            payment.updated_at = now;
            insert_events(&mut *db, vec![(EventId::new(), payment.clone(), now)]).await?;
            update(&mut *db, vec![payment]).await?;
        }
    }
    Ok(true)
}
