//! The rows of `customers`, what they have in the balance, and how they pay.

mod balance;
mod methods;

use sqlx::{PgConnection, PgExecutor, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{CustomerId, MerchantId},
    metadata::Metadata,
    page::{Found, Page},
};

use super::{Change, Customer, NewCustomer, TooManyEntries};
pub(crate) use balance::{BalanceKey, balance, credit, credit_all, hold_balances};
pub use balance::{balances, lower_balance};
pub use methods::{add_method, find_method, make_default, methods};
pub(crate) use methods::{chosen, decline, default_method, remove};

/// A query that answers customers: what stands before the columns, and what after.
macro_rules! customers {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            CustomerRow,
            $before + r#"id, merchant_id, name, email, metadata AS "metadata: Json<Metadata>",
                created_at, updated_at"# + $after
            $(, $argument)*
        )
    };
}

struct CustomerRow {
    id: Uuid,
    merchant_id: Uuid,
    name: Option<String>,
    email: Option<String>,
    metadata: Json<Metadata>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<CustomerRow> for Customer {
    fn from(row: CustomerRow) -> Self {
        Self {
            id: CustomerId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            name: row.name,
            email: row.email,
            metadata: row.metadata.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Stores a new customer.
pub async fn create(db: impl PgExecutor<'_>, new: &NewCustomer) -> sqlx::Result<Customer> {
    let row = customers!(
        "INSERT INTO customers (id, merchant_id, name, email, metadata)
         VALUES ($1, $2, $3, $4, $5) RETURNING ",
        "",
        new.id.0,
        new.merchant_id.0,
        new.name,
        new.email,
        Json(&new.metadata) as _
    )
    .fetch_one(db)
    .await?;
    Ok(row.into())
}

/// One customer of this merchant. Another merchant's is not found.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: CustomerId,
) -> sqlx::Result<Option<Customer>> {
    let row = customers!("SELECT ", " FROM customers WHERE id = $1 AND merchant_id = $2", id.0, merchant.0)
        .fetch_optional(db)
        .await?;
    Ok(row.map(Customer::from))
}

/// One customer, whoever's it is: for operators.
pub async fn find_any(db: impl PgExecutor<'_>, id: CustomerId) -> sqlx::Result<Option<Customer>> {
    let row = customers!("SELECT ", " FROM customers WHERE id = $1", id.0).fetch_optional(db).await?;
    Ok(row.map(Customer::from))
}

/// What came of a change.
#[derive(Debug)]
pub enum Changed {
    /// It is so.
    Done(Box<Customer>),
    /// This merchant has no such customer.
    NotFound,
    /// It cannot be so.
    Refused(TooManyEntries),
}

/// Changes a customer of this merchant. One that is so already stays as it is, to the moment of its last change.
pub async fn change(
    db: &PgPool,
    merchant: MerchantId,
    id: CustomerId,
    change: &Change,
) -> sqlx::Result<Changed> {
    let mut transaction = db.begin().await?;
    if !hold(&mut transaction, merchant, id).await? {
        return Ok(Changed::NotFound);
    }
    let Some(before) = find(&mut *transaction, merchant, id).await? else { return Ok(Changed::NotFound) };
    let then = match change.of(&before) {
        Ok(then) if then == before => return Ok(Changed::Done(Box::new(before))),
        Ok(then) => then,
        Err(refused) => return Ok(Changed::Refused(refused)),
    };
    let row = customers!(
        "UPDATE customers SET name = $3, email = $4, metadata = $5,
             updated_at = greatest(remit_now(), updated_at + interval '1 us')
         WHERE id = $1 AND merchant_id = $2 RETURNING ",
        "",
        id.0,
        merchant.0,
        then.name,
        then.email,
        Json(&then.metadata) as _
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Changed::Done(Box::new(row.into())))
}

/// Holds a customer of this merchant until the end of the transaction, if there is one: who adds or takes away
/// payment methods, or chooses one, does it alone. Before any of the customer's subscriptions is locked.
pub(crate) async fn hold(db: &mut PgConnection, merchant: MerchantId, id: CustomerId) -> sqlx::Result<bool> {
    let held = sqlx::query!(
        "SELECT FROM customers WHERE id = $1 AND merchant_id = $2 FOR NO KEY UPDATE",
        id.0,
        merchant.0,
    );
    Ok(held.fetch_optional(db).await?.is_some())
}

/// Which customers to list, newest first.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those with this address, whatever its case.
    pub email: Option<String>,
    /// Which page of them.
    pub page: Page<CustomerId>,
}

/// A page of this merchant's customers.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    filter: &Filter,
) -> sqlx::Result<Found<Customer>> {
    let rows = customers!(
        "SELECT ",
        " FROM customers WHERE id = ANY(ARRAY(
              SELECT id FROM customers WHERE merchant_id = $1 AND ($2::text IS NULL OR lower(email) = lower($2))
                  AND ($3::uuid IS NULL OR id < $3) AND ($4::uuid IS NULL OR id > $4)
              ORDER BY CASE WHEN $4::uuid IS NULL THEN id END DESC, id LIMIT $5))
          ORDER BY CASE WHEN $4::uuid IS NULL THEN id END DESC, id",
        merchant.0,
        filter.email,
        filter.page.starting_after.map(|id| id.0),
        filter.page.ending_before.map(|id| id.0),
        filter.page.rows()
    )
    .fetch_all(db)
    .await?;
    filter.page.cut(rows, |row| Ok(Customer::from(row)))
}
