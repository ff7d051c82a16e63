//! Taking in refunds that somebody made at the gateway itself. Whoever hears of one first does it, its event or the
//! reconciliation; by the payment's lock, and by the gateway's name for it, it is done once.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    billing, db, event,
    gateway::{GatewayName, GatewayRefund},
    id::{PaymentId, RefundId},
    job::{self, Kind, work::Work},
    ledger,
    payment::{Payment, store as payments},
    refund::{
        Refund, Status,
        state::{
            self, Context,
            adoption::{self, Missing, NotAdopted},
        },
    },
};

use super::{postings, to_refund, write, write_amounts};

/// What was made of a refund that a gateway knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It is one of ours from now on, and was booked.
    New(RefundId),
    /// It was one of ours already: it is looked up where there is news.
    Known(RefundId),
    /// It gives back nothing that a payment of ours stands for.
    NotOurs,
    /// Something else must be known first, and is being looked up.
    NotYet(Missing),
}

/// Takes in what the gateway says of a refund, whoever made it, in the caller's transaction.
///
/// One that we have sent and whose answer is still to come carries our name for it: that, and not what we know of it,
/// says that it is ours.
pub async fn adopt(db: &mut PgConnection, gateway: GatewayName, made: &GatewayRefund) -> db::Result<Adopted> {
    let payment = made.payment_reference.as_deref().and_then(|reference| reference.parse().ok());
    let Some(payment) = payment else { return Ok(Adopted::NotOurs) };
    // The payment's lock stands for the refund's: its row may not be there yet.
    let Some(mut payment) = payments::lock(&mut *db, payment).await? else { return Ok(Adopted::NotOurs) };
    if let Some((id, status)) = known(&mut *db, payment.id, made).await? {
        if adoption::is_news(status, &made.report) {
            job::store::enqueue(&mut *db, Kind::ResolveRefund, id.0, Duration::ZERO, None).await?;
        }
        return Ok(Adopted::Known(id));
    }
    let now = crate::db::now(&mut *db).await?;
    match adoption::adopt(&payment, gateway, made, RefundId::new(), now) {
        Ok(refund) => {
            let id = refund.id;
            book(&mut *db, &mut payment, refund, made).await?;
            Ok(Adopted::New(id))
        }
        Err(NotAdopted::NotOurs) => Ok(Adopted::NotOurs),
        Err(NotAdopted::NotYet(missing)) => {
            look_up(&mut *db, payment.id, missing).await?;
            Ok(Adopted::NotYet(missing))
        }
    }
}

/// The refund of this payment that it is: by our name for it, or by the gateway's.
async fn known(
    db: &mut PgConnection,
    payment: PaymentId,
    made: &GatewayRefund,
) -> sqlx::Result<Option<(RefundId, Status)>> {
    let reference = made.reference.as_deref().and_then(|reference| reference.parse::<RefundId>().ok());
    let row = sqlx::query!(
        "SELECT id, status FROM refunds WHERE payment_id = $1 AND (id = $2 OR gateway_ref = $3)
         ORDER BY (id = $2) DESC NULLS LAST LIMIT 1",
        payment.0,
        reference.map(|id| id.0),
        &*made.gateway_ref,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((RefundId(row.id), row.status.parse().map_err(crate::db::unreadable)?))).transpose()
}

/// Its row, its payment's amounts, the event, the books, and the look-up of what has no end yet: what [`state::apply`]
/// makes of the gateway's word, as of any other.
async fn book(
    db: &mut PgConnection,
    payment: &mut Payment,
    mut refund: Refund,
    made: &GatewayRefund,
) -> db::Result<()> {
    let now = refund.created_at;
    let before = refund.status;
    insert(&mut *db, payment, &refund).await?;
    payment.amount_refunding += refund.money.amount;
    let context = Context { now, kind: Kind::ResolveRefund, unrefunded: payment.unrefunded() };
    let change = state::apply(&refund, payment, &made.report, context);
    if let Some(outcome) = change.to {
        state::enter(&mut refund, payment, outcome, now);
    }
    write(&mut *db, &refund, payment.route.gateway).await?;
    write_amounts(&mut *db, payment).await?;
    billing::reclaim::reclaim(&mut *db, payment).await?;
    ledger::store::post(&mut *db, &postings(&refund, before, payment, &made.report), now).await?;
    event::store::append(&mut *db, &[to_refund(&refund)], now).await?;
    match change.work {
        Work::Done => Ok(()),
        Work::Retry { at_least: after, .. } | Work::Snooze { wait: after, .. } | Work::Next { after, .. } => {
            job::store::enqueue(&mut *db, Kind::ResolveRefund, refund.id.0, after, None).await?;
            Ok(())
        }
    }
}

async fn insert(db: &mut PgConnection, payment: &Payment, refund: &Refund) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO refunds (id, merchant_id, payment_id, origin, gateway, gateway_ref, amount, currency, status,
             created_at, updated_at, calls_begun, first_call_at, last_call_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13)",
        refund.id.0,
        refund.merchant_id.0,
        refund.payment_id.0,
        refund.origin.as_str(),
        payment.route.gateway.as_str(),
        refund.gateway_ref.as_deref(),
        refund.money.amount,
        refund.money.currency.code(),
        refund.status.as_str(),
        refund.created_at,
        refund.call_log.calls_begun,
        refund.call_log.first_call_at,
        refund.call_log.last_call_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn look_up(db: &mut PgConnection, payment: PaymentId, missing: Missing) -> sqlx::Result<()> {
    match missing {
        Missing::Payment => {
            job::store::enqueue(db, Kind::ResolvePayment, payment.0, Duration::ZERO, None).await.map(drop)
        }
        Missing::OtherRefunds => ask_about_others(db, payment).await,
        Missing::Outcome => Ok(()),
    }
}

/// Of a payment whose refunds seem to be more than was taken one must have come back: all that were told as given
/// back are asked about.
pub(super) async fn ask_about_others(db: &mut PgConnection, payment: PaymentId) -> sqlx::Result<()> {
    let given_back = sqlx::query_scalar!(
        "SELECT id FROM refunds WHERE payment_id = $1 AND status = 'succeeded' ORDER BY id",
        payment.0,
    );
    let given_back: Vec<Uuid> = given_back.fetch_all(&mut *db).await?;
    for id in given_back {
        job::store::enqueue(&mut *db, Kind::ResolveRefund, id, Duration::ZERO, None).await?;
    }
    Ok(())
}
