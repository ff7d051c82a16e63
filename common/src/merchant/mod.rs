//! Merchants, and the keys they call us with.

pub mod key;
pub mod store;

use crate::id::MerchantId;

/// Whose money it is. Holding one means that a valid key was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merchant {
    /// The merchant's name in every row that is its own.
    pub id: MerchantId,
}
