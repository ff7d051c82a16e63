//! The rows of `subscriptions` and their periods. What changes them changes their invoices too, in one transaction
//! over one locked subscription: that is [`billing`](crate::billing).

pub mod dispute;
pub mod figures;
mod health;
mod periods;
pub(crate) mod row;
mod stored;

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db,
    event::{Event, EventType},
    id::{CustomerId, MerchantId, PaymentMethodId, PlanId, SubscriptionId},
    page::{Found, Page},
};

use super::{
    Status, Subscription,
    calendar::OutOfCalendar,
    state::{FIRST_INVOICE_WINDOW, Refusal},
};
pub use health::{heal, without_a_job};
pub(crate) use periods::{cut_period, open_periods};
use row::subscriptions;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed, or something is broken.
    #[error(transparent)]
    Failed(#[from] db::Error),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// One subscription of this merchant. Another merchant's is not found.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: SubscriptionId,
) -> sqlx::Result<Option<Subscription>> {
    let row = subscriptions!(" WHERE s.id = $1 AND s.merchant_id = $2", id.0, merchant.0)
        .fetch_optional(db)
        .await?;
    Ok(row.map(Subscription::try_from).transpose()?)
}

/// One subscription, whoever's it is: for operators.
pub async fn find_any(db: impl PgExecutor<'_>, id: SubscriptionId) -> sqlx::Result<Option<Subscription>> {
    let row = subscriptions!(" WHERE s.id = $1", id.0).fetch_optional(db).await?;
    Ok(row.map(Subscription::try_from).transpose()?)
}

/// Subscriptions that missed more renewals than are billed without asking, whoever's they are; a thousand at
/// most.
pub async fn in_review(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Subscription>> {
    let rows = subscriptions!(" WHERE s.missed_renewals IS NOT NULL ORDER BY s.id LIMIT 1000");
    let found = rows.fetch_all(db).await?.into_iter().map(Subscription::try_from);
    Ok(found.collect::<Result<_, _>>()?)
}

/// Locks one subscription until the end of the transaction, and reads it. In two statements: what belongs to
/// it is to be seen as it is once the lock is ours.
pub(crate) async fn lock(db: &mut PgConnection, id: SubscriptionId) -> sqlx::Result<Option<Subscription>> {
    sqlx::query!("SELECT FROM subscriptions WHERE id = $1 FOR UPDATE", id.0).execute(&mut *db).await?;
    find_any(db, id).await
}

/// None goes, so one that something names is there.
pub(crate) fn no_subscription() -> db::Error {
    db::Error::broken("a subscription that something names is not there")
}

/// [`lock`], for many at once; those of one merchant stand together. Missing ones are left out.
pub(crate) async fn lock_all(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<Subscription>> {
    sqlx::query!("SELECT FROM subscriptions WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
        .execute(&mut *db)
        .await?;
    let rows =
        subscriptions!(" WHERE s.id = ANY($1) ORDER BY s.merchant_id, s.id", ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(Subscription::try_from).collect::<Result<_, _>>()?)
}

/// Subscriptions of a customer that are paid by this method and have not ended, oldest first; ten at most.
pub(crate) async fn paid_by(
    db: &mut PgConnection,
    customer: CustomerId,
    method: PaymentMethodId,
) -> sqlx::Result<Vec<SubscriptionId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM subscriptions WHERE customer_id = $1 AND method_id = $2 AND status <> ALL($3)
         ORDER BY id LIMIT 10",
        customer.0,
        method.0,
        &final_statuses(),
    );
    Ok(ids.fetch_all(db).await?.into_iter().map(SubscriptionId).collect())
}

/// Those that have ended are not paid by this method any more.
pub(crate) async fn forget_method(
    db: &mut PgConnection,
    customer: CustomerId,
    method: PaymentMethodId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE subscriptions
         SET method_id = NULL, version = version + 1, updated_at = greatest(remit_now(), updated_at)
         WHERE customer_id = $1 AND method_id = $2 AND status = ANY($3)",
        customer.0,
        method.0,
        &final_statuses(),
    )
    .execute(db)
    .await?;
    Ok(())
}

fn final_statuses() -> Vec<String> {
    let ended = Status::ALL.into_iter().filter(|status| status.is_final());
    ended.map(|status| status.as_str().to_owned()).collect()
}

/// Subscriptions of which statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statuses {
    /// Those that are in force: trialing, active, past due.
    #[default]
    InForce,
    /// One status.
    Only(Status),
    /// Whatever their status.
    All,
}

/// Which subscriptions to list, newest first.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Of which statuses.
    pub statuses: Statuses,
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Only those of this plan.
    pub plan: Option<PlanId>,
    /// Which page of them.
    pub page: Page<SubscriptionId>,
}

/// A page of this merchant's subscriptions.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    filter: &Filter,
) -> sqlx::Result<Found<Subscription>> {
    let statuses = match filter.statuses {
        Statuses::InForce => vec![Status::Trialing, Status::Active, Status::PastDue],
        Statuses::Only(status) => vec![status],
        Statuses::All => Status::ALL.to_vec(),
    };
    let statuses: Vec<String> = statuses.into_iter().map(|status| status.as_str().to_owned()).collect();
    let rows = subscriptions!(
        // Each status by itself, in the order of the list: a page of all of them is among these.
        " WHERE s.id = ANY(ARRAY(
              SELECT page.id FROM unnest($2::text[]) AS wanted (status) CROSS JOIN LATERAL (
                  SELECT id FROM subscriptions
                  WHERE merchant_id = $1 AND status = wanted.status AND ($3::uuid IS NULL OR customer_id = $3)
                    AND ($4::uuid IS NULL OR plan_id = $4) AND ($5::uuid IS NULL OR id < $5)
                    AND ($6::uuid IS NULL OR id > $6)
                  ORDER BY CASE WHEN $6::uuid IS NULL THEN id END DESC, id LIMIT $7) page))
          ORDER BY CASE WHEN $6::uuid IS NULL THEN s.id END DESC, s.id LIMIT $7",
        merchant.0,
        &statuses,
        filter.customer.map(|id| id.0),
        filter.plan.map(|id| id.0),
        filter.page.starting_after.map(|id| id.0),
        filter.page.ending_before.map(|id| id.0),
        filter.page.rows()
    )
    .fetch_all(db)
    .await?;
    Ok(filter.page.cut(rows, Subscription::try_from)?)
}

/// When time will next bring something to a subscription by itself; `None` where it will not.
pub(crate) fn wakes_at(subscription: &Subscription) -> Result<Option<Timestamp>, OutOfCalendar> {
    match subscription.status {
        Status::Incomplete => Ok(Some(subscription.created_at + FIRST_INVOICE_WINDOW)),
        _ if subscription.missed_renewals.is_some() => Ok(None),
        _ => subscription.next_boundary(),
    }
}

/// A subscription has changed: to another status, to its next period, or otherwise.
pub(crate) fn change_event(before: &Subscription, now: &Subscription) -> Event {
    let r#type = match now {
        _ if now.status != before.status => of_status(now.status),
        _ if now.next_period_index != before.next_period_index => EventType::SubscriptionRenewed,
        _ => EventType::SubscriptionUpdated,
    };
    event(now, r#type)
}

/// A subscription has come into its present status.
pub(crate) fn status_event(subscription: &Subscription) -> Event {
    event(subscription, of_status(subscription.status))
}

fn of_status(status: Status) -> EventType {
    match status {
        Status::Incomplete => EventType::SubscriptionIncomplete,
        Status::IncompleteExpired => EventType::SubscriptionIncompleteExpired,
        Status::Trialing => EventType::SubscriptionTrialing,
        Status::Active => EventType::SubscriptionActive,
        Status::PastDue => EventType::SubscriptionPastDue,
        Status::Unpaid => EventType::SubscriptionUnpaid,
        Status::Paused => EventType::SubscriptionPaused,
        Status::Canceled => EventType::SubscriptionCanceled,
    }
}

fn event(subscription: &Subscription, r#type: EventType) -> Event {
    Event {
        merchant_id: subscription.merchant_id,
        subject: subscription.id.0,
        r#type,
        data: serde_json::json!({
            "id": subscription.id,
            "object": "subscription",
            "status": subscription.status,
            "customer": subscription.customer_id,
            "plan": subscription.terms.plan_id,
            "quantity": subscription.terms.quantity,
            "cancel_at_period_end": subscription.cancel_at_period_end,
            "metadata": subscription.metadata,
        }),
    }
}
