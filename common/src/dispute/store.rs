//! The rows of `disputes`, and what is written with them.

use sqlx::{PgConnection, PgExecutor};

use crate::{
    alarm::Alarm,
    billing,
    db::{self, unreadable},
    event::{self, Event, EventType},
    gateway::{self, DisputeStatus, GatewayName},
    id::{DisputeId, MerchantId, PaymentId},
    ledger,
    money::{Currency, Money},
    payment::{Payment, store as payments},
};

use super::{
    Dispute,
    state::{self, Known},
};

/// What was made of a gateway's word about a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is about a payment of ours.
    Ours {
        /// What an operator should be woken for.
        alarm: Option<Alarm>,
    },
    /// It is about no payment of ours.
    NotOurs,
}

/// Records what the gateway says about a dispute: its row, the event, the books, and, when it is first heard of, what
/// the subscription that was paid does, in the caller's transaction.
pub async fn record(
    db: &mut PgConnection,
    gateway: GatewayName,
    told: &gateway::Dispute,
) -> db::Result<Recorded> {
    let reference = told.reference.as_deref().and_then(|reference| reference.parse().ok());
    let Some(id) = reference else { return Ok(Recorded::NotOurs) };
    // The payment's lock stands for the dispute's: its row may not be there yet.
    let Some(payment) = payments::lock(&mut *db, id).await? else { return Ok(Recorded::NotOurs) };
    // Where it is not the payment's gateway, it may have taken something beside it.
    if payment.route.gateway != gateway && !payments::was_duplicated_at(&mut *db, id, gateway).await? {
        return Ok(Recorded::NotOurs);
    }
    let known = by_ref(&mut *db, gateway, &told.dispute_ref).await?;
    let change = state::apply(known.as_ref().map(|(_, known)| *known), told);
    let now = crate::db::now(&mut *db).await?;
    let id = known.as_ref().map_or_else(DisputeId::new, |(id, _)| *id);
    upsert(&mut *db, id, (&payment, gateway), told, change.to).await?;
    // What it takes is with the customer, and may be in the balance too.
    billing::reclaim::reclaim(&mut *db, &payment).await?;
    let subject = ledger::Subject { merchant_id: payment.merchant_id, gateway, id: id.0 };
    let moved: Vec<_> = change.moved.iter().filter_map(|kind| subject.posting(*kind, told.money)).collect();
    ledger::store::post(&mut *db, &moved, now).await?;
    // The fee may be told later than the money.
    let fee = told.fee.and_then(|fee| subject.posting(ledger::Kind::DisputeFee, fee));
    ledger::store::post_once(&mut *db, fee.as_slice(), now).await?;
    if change.is_news {
        let news = to_dispute(id, &payment, told, change.to, known.is_none());
        event::store::append(&mut *db, &[news], now).await?;
    }
    let mut alarm = change.alarm;
    // A duplicate's is about what nobody was billed for.
    let is_the_payments = payment.route.gateway == gateway;
    if is_the_payments && known.is_none() && change.to.status != DisputeStatus::Won {
        alarm = alarm.or(billing::payment_disputed(&mut *db, &payment, now).await?);
    }
    Ok(Recorded::Ours { alarm })
}

async fn by_ref(
    db: &mut PgConnection,
    gateway: GatewayName,
    dispute_ref: &str,
) -> sqlx::Result<Option<(DisputeId, Known)>> {
    let row = sqlx::query!(
        "SELECT id, status, funds_withdrawn FROM disputes WHERE gateway = $1 AND dispute_ref = $2",
        gateway.as_str(),
        dispute_ref,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let status = row.status.parse().map_err(unreadable)?;
        Ok((DisputeId(row.id), Known { status, funds_withdrawn: row.funds_withdrawn }))
    })
    .transpose()
}

async fn upsert(
    db: &mut PgConnection,
    id: DisputeId,
    (payment, gateway): (&Payment, GatewayName),
    told: &gateway::Dispute,
    to: Known,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO disputes (id, merchant_id, payment_id, gateway, dispute_ref, amount, currency, reason,
             status, funds_withdrawn)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (gateway, dispute_ref) DO UPDATE
         SET status = excluded.status, funds_withdrawn = excluded.funds_withdrawn,
             reason = coalesce(excluded.reason, disputes.reason), updated_at = remit_now()",
        id.0,
        payment.merchant_id.0,
        payment.id.0,
        gateway.as_str(),
        told.dispute_ref,
        told.money.amount,
        told.money.currency.code(),
        told.reason,
        to.status.as_str(),
        to.funds_withdrawn,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A dispute has come into its present status.
fn to_dispute(id: DisputeId, payment: &Payment, told: &gateway::Dispute, to: Known, is_first: bool) -> Event {
    let r#type = match to.status {
        DisputeStatus::Open if is_first => EventType::DisputeCreated,
        DisputeStatus::Open => EventType::DisputeUpdated,
        DisputeStatus::Won => EventType::DisputeWon,
        DisputeStatus::Lost => EventType::DisputeLost,
    };
    Event {
        merchant_id: payment.merchant_id,
        subject: id.0,
        r#type,
        data: serde_json::json!({
            "id": id,
            "object": "dispute",
            "payment": payment.id,
            "status": to.status,
            "amount": told.money.display_amount(),
            "currency": told.money.currency,
            "reason": told.reason,
            "funds_withdrawn": to.funds_withdrawn,
        }),
    }
}

/// The disputes about these payments, in their order.
pub async fn of_payments(db: impl PgExecutor<'_>, payments: &[PaymentId]) -> sqlx::Result<Vec<Dispute>> {
    let ids: Vec<_> = payments.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT id, merchant_id, payment_id, dispute_ref, amount, currency, reason, status, funds_withdrawn,
                created_at, updated_at
         FROM disputes WHERE payment_id = ANY($1) ORDER BY id",
        &ids,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = Currency::from_code(&row.currency).map_err(unreadable)?;
            Ok(Dispute {
                id: DisputeId(row.id),
                merchant_id: MerchantId(row.merchant_id),
                payment_id: PaymentId(row.payment_id),
                dispute_ref: row.dispute_ref,
                money: Money { amount: row.amount, currency },
                reason: row.reason,
                status: row.status.parse().map_err(unreadable)?,
                funds_withdrawn: row.funds_withdrawn,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        })
        .collect()
}
