//! The rows of `customers`, whom gateways know them as, and what they have in the balance.

mod balance;

use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    gateway::SaveRequest,
    id::{CustomerId, MerchantId},
    payment::{Metadata, Payment},
};

use super::{Customer, NewCustomer};
pub use balance::balances;
pub(crate) use balance::{Purse, balance, credit, credit_all, hold};

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

/// The request to save the method that a payment of an invoice charges; `None` where that is done, or where
/// there is nothing to save.
///
/// # Errors
/// When the database fails.
pub async fn save_request(
    db: impl PgExecutor<'_>,
    payment: &Payment,
    traceparent: Option<&str>,
) -> sqlx::Result<Option<SaveRequest>> {
    let unsaved = payment.billing.as_ref().filter(|billing| billing.saved.is_none());
    let (Some(billing), Some(token)) = (unsaved, &payment.order.token) else { return Ok(None) };
    let row = sqlx::query!(
        r#"SELECT c.id, c.name, c.email, r.customer_ref AS "customer_ref?"
           FROM invoices i JOIN customers c ON c.id = i.customer_id
           LEFT JOIN customer_refs r ON r.customer_id = c.id AND r.gateway = $2
           WHERE i.id = $1"#,
        billing.invoice.0,
        payment.order.gateway.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok(Some(SaveRequest {
        reference: CustomerId(row.id).to_string(),
        key: format!("{}-save", payment.id),
        customer_ref: row.customer_ref,
        email: row.email,
        name: row.name,
        token: token.clone(),
        traceparent: traceparent.map(str::to_owned),
    }))
}
