//! Accepting payments: many in one statement, each with the job that will charge it.

use std::collections::HashMap;

use rust_decimal::Decimal;
use sqlx::{Acquire as _, PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    db, event,
    gateway::doubt::CallLog,
    id::{JobId, MerchantId},
    job::{
        Kind, PUBLISHER_GRACE,
        store::{HELD_BACKSTOP, interval},
    },
    payment::{NewPayment, Payment, Stage, Status},
};

use super::{
    row::{PaymentRow, payments},
    write::status_event,
};

/// What became of a request to pay.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// A new payment, and the job that will charge it.
    New(Box<Payment>, JobId),
    /// The same request was accepted before: this is that payment, as it stands now.
    Repeated(Box<Payment>),
    /// The key belongs to another request.
    KeyReused,
}

/// Stores new payments with their jobs, in one transaction, and answers each in its order. A key that
/// was used before stores nothing. The jobs of merchants that are `full` are held: they are not to be published.
///
/// Fails when the database fails; then none of them was accepted, or it is not known (the connection was lost
/// during the commit), and the same request again will tell.
pub async fn accept(
    db: &mut PgConnection,
    requests: &[(NewPayment, Option<String>)],
    full: &[Uuid],
) -> db::Result<Vec<Accepted>> {
    let jobs: Vec<JobId> = requests.iter().map(|_| JobId::new()).collect();
    let mut transaction = db.begin().await?;
    let stored = insert(&mut transaction, requests, &jobs, full).await?;
    let fresh = |(new, _): &(NewPayment, _)| Some((new.id.0, fresh(new, *stored.get(&new.id.0)?)));
    let mut new: HashMap<Uuid, Payment> = requests.iter().filter_map(fresh).collect();
    if let Some(now) = stored.values().next() {
        let accepted: Vec<_> = new.values().map(status_event).collect();
        event::store::append(&mut transaction, &accepted, *now).await?;
    }
    transaction.commit().await?;
    let mut repeated = HashMap::new();
    if stored.len() < requests.len() {
        let misses = requests.iter().map(|(new, _)| new).filter(|new| !stored.contains_key(&new.id.0));
        repeated = find_by_keys(db, misses).await?;
    }
    requests
        .iter()
        .zip(jobs)
        .map(|((asked, _), job)| match new.remove(&asked.id.0) {
            Some(payment) => Ok(Accepted::New(Box::new(payment), job)),
            None => match repeated.get(&(asked.merchant_id, asked.idempotency_key.as_str())) {
                Some((hash, _)) if *hash != asked.request_hash => Ok(Accepted::KeyReused),
                Some((_, payment)) => Ok(Accepted::Repeated(Box::new(payment.clone()))),
                None => Err(db::Error::broken("a key that is taken belongs to no payment")),
            },
        })
        .collect()
}

type Stored = HashMap<Uuid, crate::clock::Timestamp>;

/// One statement for all. The rows go in by the order of their keys, so that two batches with the same
/// keys cannot wait for each other.
async fn insert(
    db: &mut PgConnection,
    requests: &[(NewPayment, Option<String>)],
    jobs: &[JobId],
    full: &[Uuid],
) -> sqlx::Result<Stored> {
    let mut rows: Vec<_> = requests.iter().zip(jobs).collect();
    rows.sort_by_key(|((new, _), _)| (new.merchant_id, &new.idempotency_key));
    macro_rules! column {
        ($value:expr) => {
            rows.iter().map(|((new, trace), job)| ($value)(new, trace, job)).collect::<Vec<_>>()
        };
    }
    type New = NewPayment;
    let rows = sqlx::query!(
        r#"WITH asked AS (
               SELECT * FROM unnest(
                   $1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::numeric[], $6::text[], $7::text[],
                   $8::text[], $9::text[], $10::text[], $11::jsonb[], $12::text[], $13::text[], $14::jsonb[],
                   $15::text[], $16::uuid[], $17::text[], $20::jsonb[], $23::uuid[])
               AS asked (id, merchant_id, idempotency_key, request_hash, amount, currency, capture,
                   method_type, method_token, gateway, customer, description, order_id, metadata,
                   return_url, job_id, traceparent, fallback, api_key_id)
           ), stored AS (
               INSERT INTO payments (id, merchant_id, idempotency_key, request_hash, amount, currency,
                   capture, method_type, method_token, gateway, customer, description, order_id, metadata,
                   return_url, fallback, api_key_id, created_at, updated_at)
               SELECT id, merchant_id, idempotency_key, request_hash, amount, currency, capture,
                   method_type, method_token, gateway, customer, description, order_id, metadata,
                   return_url, fallback, api_key_id, (SELECT remit_now()), (SELECT remit_now())
               FROM asked
               ON CONFLICT (merchant_id, idempotency_key) DO NOTHING
               RETURNING id, created_at
           ), called_for AS (
               INSERT INTO jobs (id, kind, subject_id, flow_id, held, due_at, created_at, traceparent)
               SELECT job_id, $18, stored.id, merchant_id, merchant_id = ANY($21),
                   stored.created_at + CASE WHEN merchant_id = ANY($21) THEN $22::interval ELSE $19::interval END, stored.created_at,
                   traceparent
               FROM stored JOIN asked USING (id)
           )
           SELECT id, created_at FROM stored"#,
        &column!(|new: &New, _, _| new.id.0),
        &column!(|new: &New, _, _| new.merchant_id.0),
        &column!(|new: &New, _, _| new.idempotency_key.clone()),
        &column!(|new: &New, _, _| new.request_hash.to_vec()),
        &column!(|new: &New, _, _| new.request.money.amount),
        &column!(|new: &New, _, _| new.request.money.currency.code().to_owned()),
        &column!(|new: &New, _, _| new.request.capture.as_str().to_owned()),
        &column!(|new: &New, _, _| new.route.method.as_str().to_owned()),
        &column!(|new: &New, _, _| new.route.token.clone()) as _,
        &column!(|new: &New, _, _| new.route.gateway.as_str().to_owned()),
        &column!(|new: &New, _, _| new.request.customer.clone().map(Json)) as _,
        &column!(|new: &New, _, _| new.request.description.clone()) as _,
        &column!(|new: &New, _, _| new.request.order_id.clone()) as _,
        &column!(|new: &New, _, _| Json(new.request.metadata.clone())) as _,
        &column!(|new: &New, _, _| new.request.return_url.clone()) as _,
        &column!(|_: &New, _, job: &JobId| job.0),
        &column!(|_: &New, trace: &Option<String>, _| trace.clone()) as _,
        Kind::ChargePayment.as_str(),
        interval(PUBLISHER_GRACE),
        &column!(|new: &New, _, _| new.route.fallback.clone().map(Json)) as _,
        full,
        interval(HELD_BACKSTOP),
        &column!(|new: &New, _, _| new.api_key_id.0),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.created_at)).collect())
}

/// A statement of its own, so that it sees what the insert had to wait for.
async fn find_by_keys<'a>(
    db: &mut PgConnection,
    requests: impl Iterator<Item = &'a NewPayment>,
) -> db::Result<HashMap<(MerchantId, &'a str), ([u8; 32], Payment)>> {
    let mut found = HashMap::new();
    for new in requests {
        let hash = sqlx::query_scalar!(
            "SELECT request_hash FROM payments WHERE merchant_id = $1 AND idempotency_key = $2",
            new.merchant_id.0,
            new.idempotency_key,
        )
        .fetch_optional(&mut *db)
        .await?;
        let row: Option<PaymentRow> = payments!(
            "SELECT ",
            " FROM payments WHERE merchant_id = $1 AND idempotency_key = $2",
            new.merchant_id.0,
            new.idempotency_key
        )
        .fetch_optional(&mut *db)
        .await?;
        if let (Some(hash), Some(row)) = (hash, row) {
            let hash = hash.try_into().map_err(|_| db::Error::broken("a request's hash has 32 bytes"))?;
            found.insert((new.merchant_id, new.idempotency_key.as_str()), (hash, row.try_into()?));
        }
    }
    Ok(found)
}

/// The payment that was just stored.
fn fresh(new: &NewPayment, created_at: crate::clock::Timestamp) -> Payment {
    Payment {
        id: new.id,
        merchant_id: new.merchant_id,
        request: new.request.clone(),
        route: new.route.clone(),
        account: None,
        billing: None,
        created_at,
        status: Status::Pending,
        stage: Stage::Charge,
        stage_number: 0,
        stage_amount: None,
        amount_captured: Decimal::ZERO,
        amount_refunded: Decimal::ZERO,
        amount_refunding: Decimal::ZERO,
        failure: None,
        next_action_url: None,
        review_reason: None,
        version: 1,
        updated_at: created_at,
        settled_at: None,
        gateway_ref: None,
        charge_ref: None,
        card: None,
        call_log: CallLog::default(),
    }
}
