//! The rows of `refunds`, and what is written with them. A refund changes together with its payment's
//! amounts, under the payment's lock, so that no two can give back the same money.

mod adopt;
mod row;

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    alarm::Alarm,
    billing,
    clock::Timestamp,
    db,
    event::{self, Event, EventType},
    gateway::{Answer, Charge, GatewayName, RefundOutcome, Report},
    id::{JobId, MerchantId, PaymentId, RefundId},
    job::{self, Claim, Kind, PUBLISHER_GRACE, work::Work},
    ledger::{self, Posting},
    page::{Found, Page},
    payment::{
        Payment, duplicate,
        store::{self as payments, insert_calls},
    },
};

use super::{
    NewRefund, Refund, Status,
    state::{self, Change, Context, Refusal},
};
pub use adopt::{Adopted, adopt};
use row::refunds;

/// What became of a request to refund.
#[derive(Debug)]
pub enum Accepted {
    /// A new refund, and the job that will make it.
    New(Box<Refund>, JobId),
    /// The same request was accepted before: this is that refund, as it stands now.
    Repeated(Box<Refund>),
    /// The key belongs to another request.
    KeyReused,
    /// This merchant has no such payment.
    NoPayment,
    /// It cannot be made.
    Refused(Refusal),
}

/// Stores a new refund with its job, and holds its amount, in the caller's transaction.
pub async fn accept(db: &mut PgConnection, new: &NewRefund, traceparent: &str) -> db::Result<Accepted> {
    let payment = payments::lock(&mut *db, new.params.payment_id).await?;
    let payment = payment.filter(|payment| payment.merchant_id == new.merchant_id);
    // A repetition is told what it was told before, whatever has become of the payment since.
    if let Some(earlier) = by_key(&mut *db, new).await? {
        return Ok(earlier);
    }
    let Some(payment) = payment else { return Ok(Accepted::NoPayment) };
    let free = billing::reclaim::refundable(&mut *db, &payment).await?;
    let money = match state::accept(&payment, new.params.amount, free) {
        Ok(money) => money,
        Err(refusal) => return Ok(Accepted::Refused(refusal)),
    };
    let inserted = sqlx::query!(
        "INSERT INTO refunds (id, merchant_id, payment_id, idempotency_key, request_hash, amount, currency,
             reason, metadata, gateway, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, remit_now(), remit_now())
         ON CONFLICT (merchant_id, idempotency_key) DO NOTHING",
        new.id.0,
        new.merchant_id.0,
        payment.id.0,
        new.idempotency_key,
        new.request_hash.as_slice(),
        money.amount,
        money.currency.code(),
        new.params.reason.map(crate::gateway::RefundReason::as_str),
        sqlx::types::Json(&new.params.metadata) as _,
        payment.route.gateway.as_str(),
    )
    .execute(&mut *db)
    .await?;
    if inserted.rows_affected() == 0 {
        // The same key, for another payment, at the same moment.
        return Ok(by_key(&mut *db, new).await?.unwrap_or(Accepted::KeyReused));
    }
    let held = Payment { amount_refunding: payment.amount_refunding + money.amount, ..payment };
    write_amounts(&mut *db, &held).await?;
    billing::reclaim::reclaim(&mut *db, &held).await?;
    let (flow, trace) = (Some(new.merchant_id.0), Some(traceparent));
    let job = job::store::enqueue_in(&mut *db, flow, Kind::RefundPayment, new.id.0, PUBLISHER_GRACE, trace);
    let job = job.await?;
    let refund = find(&mut *db, new.merchant_id, new.id).await?;
    let refund = refund.ok_or_else(|| db::Error::broken("a refund that was just stored is not there"))?;
    event::store::append(db, &[to_refund(&refund)], refund.created_at).await?;
    Ok(Accepted::New(Box::new(refund), job))
}

async fn by_key(db: &mut PgConnection, new: &NewRefund) -> sqlx::Result<Option<Accepted>> {
    let hash = sqlx::query_scalar!(
        "SELECT request_hash FROM refunds WHERE merchant_id = $1 AND idempotency_key = $2",
        new.merchant_id.0,
        new.idempotency_key,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(hash) = hash else { return Ok(None) };
    if hash.as_deref() != Some(new.request_hash.as_slice()) {
        return Ok(Some(Accepted::KeyReused));
    }
    let row = refunds!(
        "SELECT ",
        " FROM refunds WHERE merchant_id = $1 AND idempotency_key = $2",
        new.merchant_id.0,
        new.idempotency_key
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(Some(Accepted::Repeated(Box::new(row.try_into()?))))
}

async fn write_amounts(db: &mut PgConnection, payment: &Payment) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payments SET amount_refunding = $2, amount_refunded = $3,
             version = version + 1, updated_at = greatest(remit_now(), updated_at) WHERE id = $1",
        payment.id.0,
        payment.amount_refunding,
        payment.amount_refunded,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One refund of this merchant. Another merchant's is not found.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: RefundId,
) -> sqlx::Result<Option<Refund>> {
    refunds!("SELECT ", " FROM refunds WHERE id = $1 AND merchant_id = $2", id.0, merchant.0)
        .fetch_optional(db)
        .await?
        .map(Refund::try_from)
        .transpose()
}

/// Those of these refunds that there are, whoever's they are: for whoever has found them before.
pub async fn find_all(db: impl PgExecutor<'_>, ids: &[Uuid]) -> sqlx::Result<Vec<Refund>> {
    let rows = refunds!("SELECT ", " FROM refunds WHERE id = ANY($1)", ids).fetch_all(db).await?;
    rows.into_iter().map(Refund::try_from).collect()
}

/// Which refunds to list, newest first.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those of this payment.
    pub payment: Option<PaymentId>,
    /// Only those in this status.
    pub status: Option<Status>,
    /// Which page of them.
    pub page: Page<RefundId>,
}

/// A page of this merchant's refunds.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    filter: &Filter,
) -> sqlx::Result<Found<Refund>> {
    let rows = refunds!(
        "SELECT ",
        " FROM refunds WHERE id = ANY(ARRAY(
              SELECT id FROM refunds WHERE merchant_id = $1 AND ($2::uuid IS NULL OR payment_id = $2)
                  AND ($3::text IS NULL OR status = $3) AND ($4::uuid IS NULL OR id < $4)
                  AND ($5::uuid IS NULL OR id > $5)
              ORDER BY CASE WHEN $5::uuid IS NULL THEN id END DESC, id LIMIT $6))
          ORDER BY CASE WHEN $5::uuid IS NULL THEN id END DESC, id",
        merchant.0,
        filter.payment.map(|id| id.0),
        filter.status.map(Status::as_str),
        filter.page.starting_after.map(|id| id.0),
        filter.page.ending_before.map(|id| id.0),
        filter.page.rows()
    )
    .fetch_all(db)
    .await?;
    filter.page.cut(rows, Refund::try_from)
}

/// All refunds of these payments, whoever's they are, in their order: for whoever has found the payments before.
pub async fn of_payments(db: impl PgExecutor<'_>, payments: &[PaymentId]) -> sqlx::Result<Vec<Refund>> {
    let ids: Vec<_> = payments.iter().map(|id| id.0).collect();
    let rows = refunds!("SELECT ", " FROM refunds WHERE payment_id = ANY($1) ORDER BY id", &ids)
        .fetch_all(db)
        .await?;
    rows.into_iter().map(Refund::try_from).collect()
}

/// A worker is about to call the gateway for these: the call is counted before it is made. Missing from
/// the answer: those that have ended meanwhile.
pub async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Vec<(Refund, Payment)>> {
    let rows = refunds!(
        "UPDATE refunds
             SET status = 'processing', calls_begun = calls_begun + 1,
                 version = version + 1, updated_at = greatest(clock.now, updated_at),
                 first_call_at = coalesce(first_call_at, clock.now), last_call_at = clock.now
             FROM (SELECT remit_now() AS now OFFSET 0) clock
             WHERE id = ANY($1) AND status IN ('pending', 'processing') AND origin = 'api' RETURNING ",
        "",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    with_payments(db, rows).await
}

/// A worker is about to ask the gateway about these. Missing from the answer: those that a call is under way for.
pub async fn begin_look_ups(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Vec<(Refund, Payment)>> {
    // Locked first, so that a call which ends meanwhile is seen to have ended.
    sqlx::query!("SELECT FROM refunds WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
        .execute(&mut *db)
        .await?;
    let rows = refunds!(
        "UPDATE refunds SET version = version + 1, updated_at = greatest(remit_now(), updated_at)
             WHERE id = ANY($1) AND NOT EXISTS (
                 SELECT FROM jobs WHERE subject_id = refunds.id AND kind = 'refund_payment' AND state <> 'dead')
             RETURNING ",
        "",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    with_payments(db, rows).await
}

async fn with_payments(
    db: &mut PgConnection,
    rows: Vec<row::RefundRow>,
) -> db::Result<Vec<(Refund, Payment)>> {
    let mut begun = Vec::with_capacity(rows.len());
    for row in rows {
        let refund = Refund::try_from(row)?;
        let payment =
            payments::find_any(&mut *db, refund.payment_id).await?.ok_or_else(payments::no_payment)?;
        begun.push((refund, payment));
    }
    Ok(begun)
}

/// What a worker learnt about a refund.
#[derive(Debug)]
pub struct Settlement {
    /// The job under which it asked.
    pub claim: Claim,
    /// The refund, as it was when it was claimed.
    pub refund: Refund,
    /// The gateway that was asked.
    pub gateway: GatewayName,
    /// What the gateway answered.
    pub answer: Answer<RefundOutcome>,
}

impl Settlement {
    fn found_beside(&self, refund: &Refund, charge: Charge) -> duplicate::Found {
        duplicate::Found {
            merchant_id: refund.merchant_id,
            payment_id: refund.payment_id,
            refund_id: Some(refund.id),
            gateway: self.gateway,
            charge,
            asked: refund.money,
            first_ref: refund.gateway_ref.clone(),
        }
    }
}

/// What was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Where the refund stands now.
    pub status: Status,
    /// Whether this settlement changed it.
    pub changed: bool,
    /// What an operator should be woken for.
    pub alarm: Option<Alarm>,
}

/// Records what was learnt: the refund, its payment's amounts, the call, the event, the books, and the end
/// of the job. A worker that comes late loses its failure, but money that moved is recorded from anybody.
///
/// Fails when the database fails; then nothing was recorded, and the same facts may be recorded again.
pub async fn settle(pool: &PgPool, settlement: &Settlement) -> db::Result<Settled> {
    let mut transaction = pool.begin().await?;
    let db = &mut *transaction;
    let now = crate::db::now(&mut *db).await?;
    let Settlement { claim, refund: seen, answer, .. } = settlement;
    let mut payment = payments::lock(&mut *db, seen.payment_id).await?.ok_or_else(payments::no_payment)?;
    let row =
        refunds!("SELECT ", " FROM refunds WHERE id = $1 FOR UPDATE", seen.id.0).fetch_one(&mut *db).await?;
    let mut refund = Refund::try_from(row)?;
    insert_calls(&mut *db, std::iter::once((payment.id.0, claim, answer)), now).await?;
    let is_late = refund.version != seen.version;
    if is_late && !matches!(answer.report, Ok(RefundOutcome::Succeeded(_))) {
        transaction.commit().await?;
        return Ok(Settled { status: refund.status, changed: false, alarm: None });
    }
    let context = Context { now, kind: claim.kind, unrefunded: payment.unrefunded() };
    let before = refund.status;
    let Change { to, gateway_ref, call_not_sent, work, alarm, duplicate } =
        state::apply(&refund, &payment, &answer.report, context);
    if matches!(&work, Work::Retry { why, .. } if why == state::NO_ROOM) {
        adopt::ask_about_others(&mut *db, payment.id).await?;
    }
    refund.call_log.calls_not_sent += i32::from(call_not_sent);
    refund.gateway_ref = gateway_ref.or(refund.gateway_ref.take());
    let changed = to.is_some();
    if let Some(outcome) = to {
        state::enter(&mut refund, &mut payment, outcome, now);
        write_amounts(&mut *db, &payment).await?;
        billing::reclaim::reclaim(&mut *db, &payment).await?;
        event::store::append(&mut *db, &[to_refund(&refund)], now).await?;
        ledger::store::post(&mut *db, &postings(&refund, before, &payment, &answer.report), now).await?;
    }
    write(&mut *db, &refund, payment.route.gateway).await?;
    if let Some(charge) = duplicate {
        payments::record_duplicate(&mut *db, &settlement.found_beside(&refund, charge), now).await?;
    }
    if !is_late {
        job::store::end(&mut *db, std::iter::once((claim, &work))).await?;
    }
    transaction.commit().await?;
    Ok(Settled { status: refund.status, changed, alarm })
}

async fn write(db: &mut PgConnection, refund: &Refund, gateway: GatewayName) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE refunds
         SET status = $2, failure_code = $3, failure_message = $4, review_reason = $5, settled_at = $6,
             gateway_ref = $7, calls_not_sent = $8, gateway = $9,
             version = version + 1, updated_at = greatest(remit_now(), updated_at)
         WHERE id = $1",
        refund.id.0,
        refund.status.as_str(),
        refund.failure.as_ref().map(|failure| failure.code.as_str()),
        refund.failure.as_ref().map(|failure| failure.message.as_str()),
        refund.review_reason,
        refund.settled_at,
        refund.gateway_ref.as_deref(),
        refund.call_log.calls_not_sent,
        gateway.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the books say of a refund that has come from one status into another.
fn postings(
    refund: &Refund,
    before: Status,
    payment: &Payment,
    report: &Report<RefundOutcome>,
) -> Vec<Posting> {
    let subject =
        ledger::Subject { merchant_id: refund.merchant_id, gateway: payment.route.gateway, id: refund.id.0 };
    let fee = match report {
        Ok(RefundOutcome::Succeeded(Charge { fee, .. })) => *fee,
        _ => None,
    };
    match (before, refund.status) {
        (_, Status::Succeeded) => {
            let moved = subject.posting(ledger::Kind::RefundSucceeded, refund.money);
            let fee = fee.and_then(|fee| subject.posting(ledger::Kind::RefundFee, fee));
            moved.into_iter().chain(fee).collect()
        }
        (Status::Succeeded, _) => {
            subject.posting(ledger::Kind::RefundFailed, refund.money).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// A refund has come into its present status.
fn to_refund(refund: &Refund) -> Event {
    Event {
        merchant_id: refund.merchant_id,
        subject: refund.id.0,
        r#type: match refund.status {
            Status::Pending => EventType::RefundPending,
            Status::Processing => EventType::RefundProcessing,
            Status::Succeeded => EventType::RefundSucceeded,
            Status::Failed => EventType::RefundFailed,
            Status::NeedsReview => EventType::RefundNeedsReview,
        },
        data: serde_json::json!({
            "id": refund.id,
            "object": "refund",
            "payment": refund.payment_id,
            "origin": refund.origin,
            "status": refund.status,
            "amount": refund.money.display_amount(),
            "currency": refund.money.currency,
            "metadata": refund.metadata,
            "failure": refund.failure,
        }),
    }
}

/// The code of a refund's job has failed for good: the refund is shown to a person.
pub async fn panicked(db: &mut PgConnection, claim: &Claim) -> db::Result<()> {
    let now: Timestamp = crate::db::now(&mut *db).await?;
    // The payment is locked first, as everywhere; what the refund is then, counts.
    let of = sqlx::query_scalar!("SELECT payment_id FROM refunds WHERE id = $1", claim.subject);
    let Some(payment) = of.fetch_optional(&mut *db).await? else { return Ok(()) };
    let mut payment = payments::lock(&mut *db, PaymentId(payment)).await?.ok_or_else(payments::no_payment)?;
    let refund = refunds!("SELECT ", " FROM refunds WHERE id = $1 FOR UPDATE", claim.subject);
    let mut refund = Refund::try_from(refund.fetch_one(&mut *db).await?)?;
    if refund.status.is_final() {
        return Ok(());
    }
    let reason = format!("the code of job {} fails again and again", claim.id);
    state::enter(&mut refund, &mut payment, state::Outcome::NeedsReview { reason }, now);
    write(&mut *db, &refund, payment.route.gateway).await?;
    Ok(event::store::append(&mut *db, &[to_refund(&refund)], now).await?)
}

/// Refunds that are under way without a job get one, and are answered: there must be none. Where a call may
/// have run it is a look-up, which gives nothing back.
pub async fn heal(pool: &PgPool) -> sqlx::Result<Vec<RefundId>> {
    let stuck = sqlx::query!(
        "SELECT id, calls_begun FROM refunds r
         WHERE status IN ('pending', 'processing') AND NOT EXISTS (SELECT FROM jobs WHERE subject_id = r.id)
         LIMIT 1000",
    )
    .fetch_all(pool)
    .await?;
    for row in &stuck {
        let kind = if row.calls_begun > 0 { Kind::ResolveRefund } else { Kind::RefundPayment };
        job::store::enqueue(pool, kind, row.id, Duration::ZERO, None).await?;
    }
    Ok(stuck.into_iter().map(|row| RefundId(row.id)).collect())
}
