//! The rows of `customers`, whom gateways know them as, what they have in the balance, and how they pay.

mod methods;
mod saving;

use rust_decimal::Decimal;
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::unreadable,
    id::{CustomerId, MerchantId},
    invoice::state::ToBalance,
    money::{Currency, Money},
    payment::Metadata,
};

use super::{Customer, NewCustomer};
pub use methods::{Deleted, add_method, delete_method, find_method, make_default, methods};
pub(crate) use methods::{chosen, default_method};
pub(crate) use saving::remember;
pub use saving::{ToSave, to_save};

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
///
/// # Errors
/// When the database fails.
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
///
/// # Errors
/// When the database fails.
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
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those with this address.
    pub email: Option<String>,
    /// The page after this customer, towards older ones.
    pub starting_after: Option<CustomerId>,
    /// The page before this customer, towards newer ones.
    pub ending_before: Option<CustomerId>,
    /// How many.
    pub limit: u16,
}

/// A page of this merchant's customers, newest first, and whether there are more in its direction.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    filter: &Filter,
) -> sqlx::Result<(Vec<Customer>, bool)> {
    let rows = customers!(
        "SELECT ",
        " FROM customers WHERE merchant_id = $1 AND ($2::text IS NULL OR email = $2)
            AND ($3::uuid IS NULL OR id < $3) AND ($4::uuid IS NULL OR id > $4)
          ORDER BY CASE WHEN $4::uuid IS NULL THEN id END DESC, id LIMIT $5",
        merchant.0,
        filter.email,
        filter.starting_after.map(|id| id.0),
        filter.ending_before.map(|id| id.0),
        i64::from(filter.limit) + 1
    )
    .fetch_all(db)
    .await?;
    let has_more = rows.len() > usize::from(filter.limit);
    let mut page: Vec<_> = rows.into_iter().take(usize::from(filter.limit)).map(Customer::from).collect();
    if filter.ending_before.is_some() {
        page.reverse();
    }
    Ok((page, has_more))
}

/// What a customer has in the balance of a currency, held until the end of the transaction.
pub(crate) async fn balance(
    db: &mut PgConnection,
    customer: CustomerId,
    currency: Currency,
) -> sqlx::Result<Decimal> {
    let amount = sqlx::query_scalar!(
        "SELECT amount FROM customer_balances WHERE customer_id = $1 AND currency = $2 FOR UPDATE",
        customer.0,
        currency.code(),
    )
    .fetch_optional(db)
    .await?;
    Ok(amount.unwrap_or_default())
}

/// The balance gets, or gives.
pub(crate) async fn credit(
    db: &mut PgConnection,
    customer: CustomerId,
    currency: Currency,
    ToBalance(amount): ToBalance,
) -> sqlx::Result<()> {
    if amount.is_zero() {
        return Ok(());
    }
    // Nothing is taken that was not read under the row's lock: then there is a row to update.
    sqlx::query!(
        "INSERT INTO customer_balances AS b (customer_id, currency, amount) VALUES ($1, $2, greatest($3::numeric, 0))
         ON CONFLICT (customer_id, currency) DO UPDATE SET amount = b.amount + $3",
        customer.0,
        currency.code(),
        amount,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is in the balances of a customer.
///
/// # Errors
/// When the database fails.
pub async fn balances(db: impl PgExecutor<'_>, customer: CustomerId) -> sqlx::Result<Vec<Money>> {
    let rows = sqlx::query!(
        "SELECT currency, amount FROM customer_balances WHERE customer_id = $1 AND amount > 0
         ORDER BY currency",
        customer.0,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = Currency::from_code(&row.currency).map_err(unreadable)?;
            Ok(Money { amount: row.amount, currency })
        })
        .collect()
}
