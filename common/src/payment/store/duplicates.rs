//! The rows of `duplicates`: found once, booked with the row, shown with the payment until a person has put it
//! right.

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::unreadable,
    event::{self, Event, EventType},
    gateway::GatewayName,
    id::{DuplicateId, MerchantId, PaymentId, RefundId},
    ledger,
    money::{Currency, Money},
    payment::duplicate::{Duplicate, Found, Status},
};

/// Books money that was moved twice, shows it with its payment or refund, and tells the merchant. Tells whether it
/// was not known yet.
pub(crate) async fn record(db: &mut PgConnection, found: &Found, now: Timestamp) -> sqlx::Result<bool> {
    let (id, money) = (DuplicateId::new(), found.money());
    let inserted = sqlx::query!(
        "INSERT INTO duplicates (id, merchant_id, payment_id, refund_id, gateway, gateway_ref, movement_ref, amount,
             currency, found_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (gateway, movement_ref) DO NOTHING",
        id.0,
        found.merchant_id.0,
        found.payment_id.0,
        found.refund_id.map(|refund| refund.0),
        found.gateway.as_str(),
        &*found.charge.gateway_ref,
        found.movement_ref(),
        money.amount,
        money.currency.code(),
        now,
    )
    .execute(&mut *db)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    ledger::store::post(&mut *db, &found.postings(id.0), now).await?;
    show(&mut *db, found).await?;
    event::store::append(&mut *db, &[to_merchant(id, found, money)], now).await?;
    Ok(true)
}

/// The payment, or the refund, is as it was told; what is to be looked at stands with it. Not a change that a
/// worker at the gateway would have to know of, so the row's version stays.
async fn show(db: &mut PgConnection, found: &Found) -> sqlx::Result<()> {
    let sentence = found.sentence();
    match found.refund_id {
        Some(refund) => {
            sqlx::query!("UPDATE refunds SET review_reason = $2 WHERE id = $1", refund.0, sentence)
                .execute(db)
                .await?
        }
        None => {
            sqlx::query!("UPDATE payments SET review_reason = $2 WHERE id = $1", found.payment_id.0, sentence)
                .execute(db)
                .await?
        }
    };
    Ok(())
}

fn to_merchant(id: DuplicateId, found: &Found, money: Money) -> Event {
    let (subject, r#type) = match found.refund_id {
        Some(refund) => (refund.0, EventType::RefundDuplicated),
        None => (found.payment_id.0, EventType::PaymentDuplicated),
    };
    Event {
        merchant_id: found.merchant_id,
        subject,
        r#type,
        data: json!({
            "id": id,
            "object": "duplicate",
            "payment": found.payment_id,
            "refund": found.refund_id,
            "gateway": found.gateway,
            "gateway_ref": found.charge.gateway_ref,
            "first_gateway_ref": found.first_ref,
            "amount": money.display_amount(),
            "currency": money.currency,
            "status": Status::NeedsReview,
        }),
    }
}

/// Whether this gateway has moved something beside a payment.
pub(crate) async fn was_duplicated_at(
    db: impl PgExecutor<'_>,
    payment: PaymentId,
    gateway: GatewayName,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM duplicates WHERE payment_id = $1 AND gateway = $2) AS "is_known!""#,
        payment.0,
        gateway.as_str(),
    )
    .fetch_one(db)
    .await
}

/// A query that answers duplicates: what stands before the columns, and what after.
macro_rules! duplicates {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            $before
                + "id, merchant_id, payment_id, refund_id, gateway, gateway_ref, movement_ref, amount, currency,
                   status, note, found_at"
                + $after
            $(, $argument)*
        )
    };
}

/// Those of a payment and its refunds, oldest first.
pub async fn duplicates_of(db: impl PgExecutor<'_>, payment: PaymentId) -> sqlx::Result<Vec<Duplicate>> {
    let rows = duplicates!("SELECT ", " FROM duplicates WHERE payment_id = $1 ORDER BY id", payment.0);
    rows.fetch_all(db).await?.into_iter().map(Duplicate::try_from).collect()
}

/// Those that wait for a person, oldest first, a thousand at most.
pub async fn open_duplicates(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Duplicate>> {
    let rows = duplicates!(
        "SELECT ",
        " FROM duplicates WHERE status = 'needs_review' ORDER BY found_at, id LIMIT 1000"
    );
    rows.fetch_all(db).await?.into_iter().map(Duplicate::try_from).collect()
}

/// An operator has put one right at the gateway: the books follow. `None`: there is none that waits.
pub async fn settle_duplicate(pool: &PgPool, id: DuplicateId, note: &str) -> sqlx::Result<Option<Duplicate>> {
    let mut transaction = pool.begin().await?;
    let db = &mut *transaction;
    let now = crate::db::now(&mut *db).await?;
    let settled = duplicates!(
        "UPDATE duplicates SET status = 'settled', note = $2, settled_at = $3
         WHERE id = $1 AND status = 'needs_review' RETURNING ",
        "",
        id.0,
        note,
        now
    );
    let Some(row) = settled.fetch_optional(&mut *db).await? else { return Ok(None) };
    let duplicate = Duplicate::try_from(row)?;
    let settlement: Vec<_> = duplicate.settlement().into_iter().collect();
    ledger::store::post(&mut *db, &settlement, now).await?;
    transaction.commit().await?;
    Ok(Some(duplicate))
}

/// A row of `duplicates`, as the database types it.
struct Row {
    id: Uuid,
    merchant_id: Uuid,
    payment_id: Uuid,
    refund_id: Option<Uuid>,
    gateway: String,
    gateway_ref: String,
    movement_ref: String,
    amount: Decimal,
    currency: String,
    status: String,
    note: Option<String>,
    found_at: Timestamp,
}

impl TryFrom<Row> for Duplicate {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let currency = Currency::from_code(&row.currency).map_err(unreadable)?;
        Ok(Self {
            id: DuplicateId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            payment_id: PaymentId(row.payment_id),
            refund_id: row.refund_id.map(RefundId),
            gateway: row.gateway.parse().map_err(unreadable)?,
            gateway_ref: row.gateway_ref.into(),
            movement_ref: row.movement_ref,
            money: Money { amount: row.amount, currency },
            status: row.status.parse().map_err(unreadable)?,
            note: row.note,
            found_at: row.found_at,
        })
    }
}
