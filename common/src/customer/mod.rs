//! A customer: who pays a merchant's invoices.

mod change;
pub mod store;

pub use change::{Change, MetadataChange, TooManyEntries};

use rust_decimal::Decimal;

use crate::{
    clock::Timestamp,
    gateway::{GatewayName, MethodType, SavedMethod},
    id::{CustomerId, MerchantId, PaymentMethodId},
    metadata::Metadata,
    money::Money,
};

/// What a merchant makes.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    /// Its name from now on.
    pub id: CustomerId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Who it is.
    pub name: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
}

/// A customer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its name for programs.
    pub id: CustomerId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Who it is.
    pub name: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How a customer pays without being present. All subscriptions of the customer may be paid by it, and what one of
/// them has saved at the gateway, the others charge too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMethod {
    /// Its name for programs.
    pub id: PaymentMethodId,
    /// What it is; it chooses the gateway.
    pub kind: MethodType,
    /// The gateway's token for it.
    pub token: String,
    /// What is charged instead of the token; `None` until its first payment has saved it at the gateway.
    pub saved: Option<SavedMethod>,
    /// It was declined for good: it is asked for nothing any more, until it is replaced.
    pub is_declined: bool,
}

impl PaymentMethod {
    /// How much of what is due it can be charged, by its gateway.
    #[must_use]
    pub fn chargeable(&self, due: Money) -> Money {
        GatewayName::for_method(self.kind).chargeable(due)
    }

    /// One that nobody has named before.
    #[must_use]
    pub fn new(kind: MethodType, token: impl Into<String>) -> Self {
        Self { id: PaymentMethodId::new(), kind, token: token.into(), saved: None, is_declined: false }
    }
}

/// A customer's payment method, as it stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMethod {
    /// The method.
    pub method: PaymentMethod,
    /// New subscriptions are paid by it that name nothing else.
    pub is_default: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

/// What a customer's balance gets (or gives, where it is negative).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct BalanceDelta(pub Decimal);

/// A payment method, as a merchant names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MethodChoice {
    /// One that the customer has.
    Kept(PaymentMethodId),
    /// By the gateway's token: one that the customer has from then on.
    Token(MethodType, String),
}
