//! The rows of `invoices`, and what is written with them. An invoice changes under the lock of its
//! subscription, which is taken first: so both are always seen together as they are.

pub mod law;
mod notes;
mod numbers;
mod policy;
mod retries;
mod row;
mod turn;

use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{self, column},
    event::{self, Event, EventType},
    id::{CustomerId, InvoiceId, MerchantId, PaymentId, SubscriptionId},
    money::display_amount,
    page::{Found, Page},
};

use super::{Debtor, Invoice, Status};
pub use notes::notes;
pub(crate) use notes::{Flow, credit, flow, gone, notes_of_change};
pub(crate) use numbers::Numbers;
pub(crate) use policy::{no_merchant, policies};
pub use policy::{policy, set_policy};
pub(crate) use retries::{at_next, call_for_retries, retry, soon};
use row::invoices;
pub use row::{insert, update};
pub(crate) use turn::{Waiting, asking, call_for_turns, waiting};

/// One invoice of this merchant. Another merchant's is not found.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: InvoiceId,
) -> sqlx::Result<Option<Invoice>> {
    let row =
        invoices!(" WHERE i.id = $1 AND i.merchant_id = $2", id.0, merchant.0).fetch_optional(db).await?;
    Ok(row.map(Invoice::try_from).transpose()?)
}

/// Those of these invoices that there are, whoever's they are: for whoever has found them before.
pub async fn find_all(db: impl PgExecutor<'_>, ids: &[Uuid]) -> sqlx::Result<Vec<Invoice>> {
    let rows = invoices!(" WHERE i.id = ANY($1)", ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(Invoice::try_from).collect::<Result<_, _>>()?)
}

/// Which invoices to list, newest first.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those in this status.
    pub status: Option<Status>,
    /// Only those of this subscription.
    pub subscription: Option<SubscriptionId>,
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Which page of them.
    pub page: Page<InvoiceId>,
}

/// A page of this merchant's invoices.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    filter: &Filter,
) -> sqlx::Result<Found<Invoice>> {
    let rows = invoices!(
        " WHERE i.id = ANY(ARRAY(
              SELECT id FROM invoices WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2)
                  AND ($3::uuid IS NULL OR subscription_id = $3) AND ($4::uuid IS NULL OR customer_id = $4)
                  AND ($5::uuid IS NULL OR id < $5) AND ($6::uuid IS NULL OR id > $6)
              ORDER BY CASE WHEN $6::uuid IS NULL THEN id END DESC, id LIMIT $7))
          ORDER BY CASE WHEN $6::uuid IS NULL THEN i.id END DESC, i.id",
        merchant.0,
        filter.status.map(Status::as_str),
        filter.subscription.map(|id| id.0),
        filter.customer.map(|id| id.0),
        filter.page.starting_after.map(|id| id.0),
        filter.page.ending_before.map(|id| id.0),
        filter.page.rows()
    )
    .fetch_all(db)
    .await?;
    Ok(filter.page.cut(rows, Invoice::try_from)?)
}

/// What was billed for a period of a subscription that is locked, and is not void: the period itself, then its changes in
/// their order, which the clocks of the processes that made them do not tell.
pub(crate) async fn of_period(
    db: &mut PgConnection,
    subscription: SubscriptionId,
    index: u32,
) -> sqlx::Result<Vec<Invoice>> {
    let rows = invoices!(
        " WHERE i.subscription_id = $1 AND i.period_index = $2 AND i.status <> 'void'
          ORDER BY i.change_seq NULLS FIRST, i.id",
        subscription.0,
        i64::from(index)
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Invoice::try_from).collect::<Result<_, _>>()?)
}

/// The payments of an invoice, in their order.
pub async fn payments(db: impl PgExecutor<'_>, id: InvoiceId) -> sqlx::Result<Vec<PaymentId>> {
    let ids = sqlx::query_scalar!(
        "SELECT payment_id FROM invoice_payments WHERE invoice_id = $1 ORDER BY attempt_no",
        id.0,
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(PaymentId).collect())
}

/// The invoices that a subscription is to pay, oldest first.
pub(crate) async fn owed(db: &mut PgConnection, debtor: Debtor) -> sqlx::Result<Vec<Invoice>> {
    let rows = invoices!(
        " WHERE i.subscription_id = $1 AND (i.status = 'open' OR $2 AND i.status = 'uncollectible')
          ORDER BY i.id",
        debtor.subscription.0,
        debtor.is_unpaid
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Invoice::try_from).collect::<Result<_, _>>()?)
}

/// How many invoices these subscriptions are to pay, each: in the sense of [`owed`].
pub(crate) async fn count_owed(
    db: &mut PgConnection,
    debtors: &[Debtor],
) -> sqlx::Result<HashMap<SubscriptionId, u32>> {
    if debtors.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"SELECT s.id AS "id!", (
               SELECT count(*) FROM invoices i WHERE i.subscription_id = s.id
                  AND (i.status = 'open' OR s.is_unpaid AND i.status = 'uncollectible')) AS "count!"
           FROM unnest($1::uuid[], $2::boolean[]) AS s (id, is_unpaid)"#,
        &column(debtors, |debtor| debtor.subscription.0),
        &column(debtors, |debtor| debtor.is_unpaid),
    )
    .fetch_all(db)
    .await?;
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(rows.into_iter().map(|row| (SubscriptionId(row.id), count(row.count))).collect())
}

/// [`count_owed`], for one.
pub(crate) async fn open_left(db: &mut PgConnection, debtor: Debtor) -> sqlx::Result<u32> {
    Ok(count_owed(db, &[debtor]).await?.into_values().next().unwrap_or_default())
}

/// The payments of a subscription's invoices that have no outcome yet, oldest first.
pub async fn payments_under_way(
    db: impl PgExecutor<'_>,
    subscription: SubscriptionId,
) -> sqlx::Result<Vec<PaymentId>> {
    let ids = sqlx::query_scalar!(
        "SELECT p.payment_id FROM invoices i JOIN invoice_payments p ON p.invoice_id = i.id
         WHERE i.subscription_id = $1 AND p.open ORDER BY i.id",
        subscription.0,
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(PaymentId).collect())
}

/// One invoice, whose subscription is locked.
pub(crate) async fn read(db: &mut PgConnection, id: InvoiceId) -> sqlx::Result<Invoice> {
    Ok(invoices!(" WHERE i.id = $1", id.0).fetch_one(db).await?.try_into()?)
}

/// None goes, so one that something names is there.
pub(crate) fn no_invoice() -> db::Error {
    db::Error::broken("an invoice that something names is not there")
}

/// [`read`], for many.
pub(crate) async fn read_all(
    db: &mut PgConnection,
    ids: &[InvoiceId],
) -> sqlx::Result<HashMap<InvoiceId, Invoice>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    Ok(find_all(db, &ids).await?.into_iter().map(|invoice| (invoice.id, invoice)).collect())
}

/// Writes invoices as they have become, each with the status that it had, and tells the merchants of those that
/// have another.
pub(crate) async fn write(
    db: &mut PgConnection,
    changed: &[(Status, &Invoice)],
    at: Timestamp,
) -> sqlx::Result<()> {
    update(&mut *db, &changed.iter().map(|(_, invoice)| *invoice).collect::<Vec<_>>()).await?;
    let moved = changed.iter().filter(|(before, invoice)| invoice.status != *before);
    event::store::append(db, &moved.map(|(_, invoice)| status_event(invoice)).collect::<Vec<_>>(), at).await
}

/// An invoice has come into its present status.
pub(crate) fn status_event(invoice: &Invoice) -> Event {
    Event {
        merchant_id: invoice.merchant_id,
        subject: invoice.id.0,
        r#type: match invoice.status {
            Status::Draft => EventType::InvoiceDraft,
            Status::Open => EventType::InvoiceOpen,
            Status::Paid => EventType::InvoicePaid,
            Status::Void => EventType::InvoiceVoid,
            Status::Uncollectible => EventType::InvoiceUncollectible,
        },
        data: serde_json::json!({
            "id": invoice.id,
            "object": "invoice",
            "status": invoice.status,
            "number": invoice.number,
            "customer": invoice.customer_id,
            "subscription": invoice.subscription_id,
            "total": display_amount(invoice.total, invoice.currency),
            "amount_due": invoice.due().display_amount(),
            "currency": invoice.currency,
            "next_attempt_at": invoice.retry_schedule.next_at,
        }),
    }
}
