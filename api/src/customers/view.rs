//! A customer as its merchant sees it.

use common::{
    clock::Timestamp,
    customer::{Customer, KeptMethod},
    metadata::Metadata,
    money::Money,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::docs::named;

/// A customer: who pays invoices.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerView {
    #[schema(value_type = named::CustomerId)]
    id: String,
    /// Always `customer`.
    #[schema(example = "customer")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: Metadata,
    /// What the customer has with you, which pays the next invoices first. Below zero: what could not be charged by
    /// itself, and is asked for with the next invoice. Shown for one customer, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    balances: Option<Vec<BalanceView>>,
    /// How the customer pays, newest first: the newest hundred. Shown for one customer, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment_methods: Option<Vec<MethodOfCustomer>>,
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
    #[schema(value_type = named::Currency)]
    currency: &'static str,
}

/// A payment method of a customer. The token stays inside.
#[derive(Debug, Serialize, ToSchema)]
pub struct MethodOfCustomer {
    #[schema(value_type = named::PaymentMethodId)]
    id: String,
    /// Always `payment_method`.
    #[schema(example = "payment_method")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    #[schema(value_type = named::PaymentMethodType)]
    r#type: &'static str,
    /// Whether it is saved at the gateway, to be charged without the payer: its first payment does that.
    saved: bool,
    /// Whether new subscriptions are paid by it that name nothing else.
    default: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl MethodOfCustomer {
    /// A payment method, as its merchant sees it.
    pub fn new(livemode: bool, kept: &KeptMethod) -> Self {
        Self {
            id: kept.method.id.to_string(),
            object: "payment_method",
            livemode,
            r#type: kept.method.kind.as_str(),
            saved: kept.method.saved.is_some(),
            default: kept.is_default,
            created_at: kept.created_at,
        }
    }
}

impl CustomerView {
    /// A customer, as its merchant sees it; with what is in the balances and how the customer pays, if that is to
    /// be shown.
    pub fn new(livemode: bool, customer: Customer, more: Option<(Vec<Money>, Vec<KeptMethod>)>) -> Self {
        let (balances, methods) = more.unzip();
        let balance =
            |money: Money| BalanceView { amount: money.display_amount(), currency: money.currency.code() };
        Self {
            id: customer.id.to_string(),
            object: "customer",
            livemode,
            email: customer.email,
            name: customer.name,
            metadata: customer.metadata,
            balances: balances.map(|balances| balances.into_iter().map(balance).collect()),
            payment_methods: methods
                .map(|methods| methods.iter().map(|kept| MethodOfCustomer::new(livemode, kept)).collect()),
            created_at: customer.created_at,
            updated_at: customer.updated_at,
        }
    }
}
