//! A customer: who pays a merchant's invoices.

pub mod store;

use crate::{
    clock::Timestamp,
    id::{CustomerId, MerchantId},
    payment::Metadata,
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
