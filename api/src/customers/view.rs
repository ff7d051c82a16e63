//! A customer as its merchant sees it.

use common::{clock::Timestamp, customer::Customer, money::Money, payment::Metadata};
use serde::Serialize;
use utoipa::ToSchema;

/// A customer: who pays invoices.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerView {
    #[schema(example = "cus_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    id: String,
    /// Always `customer`.
    object: &'static str,
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    #[schema(value_type = Object)]
    metadata: Metadata,
    /// What the customer has with you, which pays the next invoices first. Below zero: what could not be charged by
    /// itself, and is asked for with the next invoice. Shown for one customer, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    balances: Option<Vec<BalanceView>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// What is left of credits, or carried forward, in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceView {
    #[schema(example = "5.00")]
    amount: String,
    #[schema(example = "EUR")]
    currency: &'static str,
}

impl CustomerView {
    /// A customer, as its merchant sees it.
    pub fn new(customer: Customer, balances: Option<Vec<Money>>) -> Self {
        let balance =
            |money: Money| BalanceView { amount: money.display_amount(), currency: money.currency.code() };
        Self {
            id: customer.id.to_string(),
            object: "customer",
            email: customer.email,
            name: customer.name,
            metadata: customer.metadata,
            balances: balances.map(|balances| balances.into_iter().map(balance).collect()),
            created_at: customer.created_at,
            updated_at: customer.updated_at,
        }
    }
}
