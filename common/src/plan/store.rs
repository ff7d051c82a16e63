//! The rows of `plans`.

use rust_decimal::Decimal;
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::row::{InvalidColumn, currency, known, word},
    id::{MerchantId, PlanId},
    metadata::Metadata,
    money::Money,
    page::{Found, Page},
};

use super::{Interval, NewPlan, Offer, Plan, Price};

/// A query that answers plans: what stands before the columns, and what after.
macro_rules! plans {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            PlanRow,
            $before + "id, merchant_id, name, unit_amount, currency, interval_unit, interval_count,
                trial_days, archived, metadata AS \"metadata: sqlx::types::Json<crate::metadata::Metadata>\",
                created_at, updated_at" + $after
            $(, $argument)*
        )
    };
}

struct PlanRow {
    id: Uuid,
    merchant_id: Uuid,
    name: String,
    unit_amount: Decimal,
    currency: String,
    interval_unit: String,
    interval_count: i32,
    trial_days: i32,
    archived: bool,
    metadata: Json<Metadata>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<PlanRow> for Plan {
    type Error = InvalidColumn;

    fn try_from(row: PlanRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            id: PlanId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            name: row.name,
            price: price(row.unit_amount, &row.currency, &row.interval_unit, row.interval_count)?,
            trial_days: known("trial_days", row.trial_days)?,
            archived: row.archived,
            metadata: row.metadata.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A price, as its columns have it.
pub(crate) fn price(amount: Decimal, code: &str, unit: &str, count: i32) -> Result<Price, InvalidColumn> {
    let interval = Interval::every(known("interval_count", count)?, word("interval_unit", unit)?)
        .map_err(|_| InvalidColumn::new("interval_count", &count))?;
    Ok(Price { unit: Money { amount, currency: currency(code)? }, interval })
}

/// Stores a new plan.
pub async fn create(db: impl PgExecutor<'_>, new: &NewPlan) -> sqlx::Result<Plan> {
    let NewPlan { id, merchant_id, name, price, trial_days, metadata } = new;
    let row = plans!(
        "INSERT INTO plans (id, merchant_id, name, unit_amount, currency, interval_unit, interval_count,
             trial_days, metadata)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
        "",
        id.0,
        merchant_id.0,
        name,
        price.unit.amount,
        price.unit.currency.code(),
        price.interval.unit().as_str(),
        i32::from(price.interval.count()),
        i32::from(*trial_days),
        Json(metadata) as _
    )
    .fetch_one(db)
    .await?;
    Ok(row.try_into()?)
}

/// What stands behind an offer of this merchant: a plan, if there is one, or the row of a price. `None`: no such
/// plan.
pub(crate) async fn of_offer(
    db: &mut PgConnection,
    merchant: MerchantId,
    offer: &Offer,
) -> sqlx::Result<Option<Plan>> {
    let (name, price) = match offer {
        Offer::Plan(id) => return find(db, merchant, *id).await,
        Offer::Price(name, price) => (name, price),
    };
    // Archived from the start: nobody takes it by its id.
    let row = plans!(
        "INSERT INTO plans (id, merchant_id, name, unit_amount, currency, interval_unit, interval_count,
             archived, inline)
         VALUES ($1, $2, $3, $4, $5, $6, $7, true, true)
         ON CONFLICT (merchant_id, name, unit_amount, currency, interval_unit, interval_count) WHERE inline
         DO UPDATE SET name = EXCLUDED.name RETURNING ",
        "",
        PlanId::new().0,
        merchant.0,
        name,
        price.unit.amount,
        price.unit.currency.code(),
        price.interval.unit().as_str(),
        i32::from(price.interval.count())
    )
    .fetch_one(db)
    .await?;
    // It is offered now, to the one who asks.
    Ok(Some(Plan { archived: false, ..row.try_into()? }))
}

/// One plan of this merchant. Another merchant's is not found.
pub async fn find(db: impl PgExecutor<'_>, merchant: MerchantId, id: PlanId) -> sqlx::Result<Option<Plan>> {
    let row = plans!("SELECT ", " FROM plans WHERE id = $1 AND merchant_id = $2", id.0, merchant.0)
        .fetch_optional(db)
        .await?;
    Ok(row.map(Plan::try_from).transpose()?)
}

/// Which plans to list, newest first.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those that are archived, or that are not.
    pub archived: Option<bool>,
    /// Which page of them.
    pub page: Page<PlanId>,
}

/// A page of this merchant's plans.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    filter: &Filter,
) -> sqlx::Result<Found<Plan>> {
    let rows = plans!(
        "SELECT ",
        " FROM plans WHERE merchant_id = $1 AND NOT inline AND ($2::boolean IS NULL OR archived = $2)
            AND ($3::uuid IS NULL OR id < $3) AND ($4::uuid IS NULL OR id > $4)
          ORDER BY CASE WHEN $4::uuid IS NULL THEN id END DESC, id LIMIT $5",
        merchant.0,
        filter.archived,
        filter.page.starting_after.map(|id| id.0),
        filter.page.ending_before.map(|id| id.0),
        filter.page.rows()
    )
    .fetch_all(db)
    .await?;
    Ok(filter.page.cut(rows, Plan::try_from)?)
}

/// No new subscription is made from it; those that exist go on. Archiving twice changes nothing. `None`: this
/// merchant has no such plan.
pub async fn archive(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: PlanId,
) -> sqlx::Result<Option<Plan>> {
    let row = plans!(
        "UPDATE plans SET archived = true,
             updated_at = CASE WHEN archived THEN updated_at ELSE remit_now() END
         WHERE id = $1 AND merchant_id = $2 RETURNING ",
        "",
        id.0,
        merchant.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Plan::try_from).transpose()?)
}
