//! The rows of `payments`, and what is written with them. [`mod@accept`] makes them, [`begin`]
//! takes them in hand before a call to the gateway, [`billing::settlement`](crate::billing::settlement) records what
//! came of it, with what their invoices make of that.

mod accept;
mod bill;
mod command;
mod duplicates;
mod operators;
mod row;
mod settle;
mod write;

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    db::{self, unreadable},
    gateway::GatewayName,
    id::{MerchantId, PaymentId},
    job::{self, Kind},
    page::{Found, Page},
};

use super::{Payment, Stage, Status};
use row::payments;

pub use accept::{Accepted, accept};
pub use bill::OWN_KEYS;
pub(crate) use bill::{InvoicePayment, bill};
pub use command::CommandResult;
pub(crate) use command::execute;
pub use duplicates::{duplicates_of, open_duplicates, settle_duplicate};
pub(crate) use duplicates::{record as record_duplicate, was_duplicated_at};
pub use operators::{CallRow, calls};
pub(crate) use settle::{Recorded, settle};
pub use settle::{Settled, Settlement, panicked};
pub(crate) use write::insert_calls;

/// One payment of this merchant. Another merchant's is not found.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: PaymentId,
) -> sqlx::Result<Option<Payment>> {
    payments!("SELECT ", " FROM payments WHERE id = $1 AND merchant_id = $2", id.0, merchant.0)
        .fetch_optional(db)
        .await?
        .map(Payment::try_from)
        .transpose()
        .map_err(Into::into)
}

/// Those of these payments that there are, whoever's they are: for whoever has found them before.
pub async fn find_all(db: impl PgExecutor<'_>, ids: &[Uuid]) -> sqlx::Result<Vec<Payment>> {
    let rows = payments!("SELECT ", " FROM payments WHERE id = ANY($1)", ids).fetch_all(db).await?;
    rows.into_iter().map(|row| Payment::try_from(row).map_err(Into::into)).collect()
}

/// One payment, whoever's it is: for operators.
pub async fn find_any(db: impl PgExecutor<'_>, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    payments!("SELECT ", " FROM payments WHERE id = $1", id.0)
        .fetch_optional(db)
        .await?
        .map(Payment::try_from)
        .transpose()
        .map_err(Into::into)
}

/// Which payments to list, newest first.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those in this status.
    pub status: Option<Status>,
    /// Only those with this number of the merchant's.
    pub order_id: Option<String>,
    /// Which page of them.
    pub page: Page<PaymentId>,
}

/// A page of this merchant's payments. As in every list, the ids of the page come first: an index has all that this
/// asks for, whereas rows would be read by their age until enough of them are this merchant's.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    filter: &Filter,
) -> sqlx::Result<Found<Payment>> {
    let status = filter.status.map(Status::as_str);
    let rows = match filter.page.ending_before {
        None => {
            payments!(
                "SELECT ",
                " FROM payments WHERE id = ANY(ARRAY(
                      SELECT id FROM payments WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2)
                          AND ($3::text IS NULL OR order_id = $3) AND ($4::uuid IS NULL OR id < $4)
                      ORDER BY id DESC LIMIT $5))
                  ORDER BY id DESC",
                merchant.0,
                status,
                filter.order_id.as_deref(),
                filter.page.starting_after.map(|id| id.0),
                filter.page.rows()
            )
            .fetch_all(db)
            .await?
        }
        Some(before) => {
            payments!(
                "SELECT ",
                " FROM payments WHERE id = ANY(ARRAY(
                      SELECT id FROM payments WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2)
                          AND ($3::text IS NULL OR order_id = $3) AND id > $4
                      ORDER BY id LIMIT $5))
                  ORDER BY id",
                merchant.0,
                status,
                filter.order_id.as_deref(),
                before.0,
                filter.page.rows()
            )
            .fetch_all(db)
            .await?
        }
    };
    Ok(filter.page.cut(rows, Payment::try_from)?)
}

/// A worker is about to call the gateway for these: they become `processing`, and the call is counted
/// before it is made, so that a crash cannot hide that it may have run. With the first call it is decided whose account
/// it is: no other knows the key. Missing from the answer: those
/// that have ended meanwhile, or that are in another stage.
pub async fn begin(db: &mut PgConnection, stages: &[Stage], ids: &[Uuid]) -> sqlx::Result<Vec<Payment>> {
    let stages: &[String] = &stages.iter().map(|stage| stage.as_str().to_owned()).collect::<Vec<_>>();
    let rows = payments!(
        "UPDATE payments
         SET status = 'processing', calls_begun = calls_begun + 1, version = version + 1, updated_at = greatest(clock.now, updated_at),
             first_call_at = coalesce(first_call_at, clock.now), last_call_at = clock.now,
             review_reason = CASE WHEN status <> 'needs_review' THEN review_reason END, settled_at = NULL,
             gateway_account_id = CASE WHEN stage = 'charge' AND calls_begun = 0
                 THEN (SELECT a.id FROM gateway_accounts a
                       WHERE a.merchant_id = payments.merchant_id AND a.gateway = payments.gateway AND a.active)
                 ELSE gateway_account_id END
         FROM (SELECT remit_now() AS now OFFSET 0) clock
         WHERE id = ANY($1) AND stage = ANY($2) AND status IN ('pending', 'processing', 'needs_review')
         RETURNING ",
        "",
        ids,
        stages
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Payment::try_from).collect::<Result<_, _>>()?)
}

/// A worker is about to ask the gateway about these, whatever has been told of them: facts may come late.
/// Missing from the answer: those whose money has moved, and those that another job has in hand, which
/// learns the same by itself.
///
/// They are locked before those jobs are looked for: a capture or a cancellation that was asked for
/// meanwhile must be seen, or its payment would be found as it was before.
///
/// Like [`begin`] it makes another version of each, by which the settlement sees whether somebody else has taken
/// the payment in hand since.
pub async fn begin_look_ups(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Payment>> {
    sqlx::query!("SELECT FROM payments WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
        .execute(&mut *db)
        .await?;
    let rows = payments!(
        "UPDATE payments SET version = version + 1, updated_at = greatest(clock.now, updated_at)
         FROM (SELECT remit_now() AS now OFFSET 0) clock
         WHERE id = ANY($1) AND status <> 'succeeded' AND NOT EXISTS (
             SELECT FROM jobs WHERE subject_id = payments.id AND state <> 'dead'
                AND kind IN ('charge_payment', 'charge_off_session', 'capture_payment', 'cancel_payment'))
         RETURNING ",
        "",
        ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Payment::try_from).collect::<Result<_, _>>()?)
}

/// An event of the gateway's names a payment that we know by no name of the gateway's yet, even one whose
/// end we have told: by that name it is found, however much later it was made. Not a change
/// that a worker at the gateway would have to know of, so the row's version stays.
pub async fn learn_gateway_ref(
    db: &mut PgConnection,
    gateway: GatewayName,
    id: PaymentId,
    gateway_ref: Option<&str>,
) -> sqlx::Result<()> {
    if let Some(gateway_ref) = gateway_ref {
        sqlx::query!(
            "UPDATE payments SET gateway_ref = $2
             WHERE id = $1 AND gateway = $3 AND gateway_ref IS NULL
                AND status IN ('processing', 'needs_review', 'failed', 'canceled')",
            id.0,
            gateway_ref,
            gateway.as_str(),
        )
        .execute(db)
        .await?;
    }
    Ok(())
}

/// Locks one payment until the end of the transaction, and reads it.
pub async fn lock(db: &mut PgConnection, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    payments!("SELECT ", " FROM payments WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(db)
        .await?
        .map(Payment::try_from)
        .transpose()
        .map_err(Into::into)
}

/// None goes, so one that something names is there.
pub(crate) fn no_payment() -> db::Error {
    db::Error::broken("a payment that something names is not there")
}

/// A payment that is under way without a job that would end it.
pub struct Stuck {
    /// The payment.
    pub id: PaymentId,
    /// Its stage.
    stage: Stage,
    /// Whether a call was begun in it.
    called: bool,
}

/// Payments that are under way without a job, a thousand of them at most: there must be none. They are found by what
/// is under way, not among all that there are.
pub async fn without_a_job(db: &PgPool) -> sqlx::Result<Vec<Stuck>> {
    let rows = sqlx::query!(
        "SELECT id, stage, calls_begun FROM payments p
         WHERE status IN ('pending', 'processing', 'requires_action')
           AND NOT EXISTS (SELECT FROM jobs WHERE subject_id = p.id) LIMIT 1000",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let stage = row.stage.parse().map_err(unreadable)?;
            Ok(Stuck { id: PaymentId(row.id), stage, called: row.calls_begun > 0 })
        })
        .collect()
}

/// Gives such a payment its job back. Where a call may have run it is a look-up, which charges nothing.
pub async fn heal(db: &PgPool, stuck: &Stuck) -> sqlx::Result<()> {
    let kind = match stuck.stage {
        _ if stuck.called => Kind::ResolvePayment,
        Stage::Charge | Stage::Complete => Kind::ChargePayment,
        Stage::Capture => Kind::CapturePayment,
        Stage::Cancel => Kind::CancelPayment,
    };
    job::store::enqueue(db, kind, stuck.id.0, Duration::ZERO, None).await.map(drop)
}

/// An operator wants the gateway to be asked once more what became of a payment. Tells whether there is
/// one that is not settled.
pub async fn resolve(db: &PgPool, id: PaymentId) -> sqlx::Result<bool> {
    let open = find_any(db, id).await?.is_some_and(|payment| !payment.status.is_settled());
    if open {
        job::store::enqueue(db, Kind::ResolvePayment, id.0, Duration::ZERO, None).await?;
    }
    Ok(open)
}
