//! PayPal's amounts: decimal strings in one of 25 currencies, three of them without decimals.
//! Source: PayPal's list of currency codes. HUF and TWD have two decimals in ISO 4217 and none here.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{self, Currency, Money};

/// Why PayPal cannot take an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a currency of PayPal's.
    #[error("cannot be in {0}: PayPal takes no payments in it")]
    UnknownCurrency(Currency),
    /// More decimals than PayPal takes in this currency.
    #[error("must have {}: PayPal takes no more in {currency}", money::decimals(*.decimals))]
    TooManyDecimals {
        /// In which currency.
        currency: Currency,
        /// How many it takes.
        decimals: u32,
    },
}

/// An amount as PayPal writes it. What it sends may lack anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Amount {
    /// ISO 4217.
    pub currency_code: Option<String>,
    /// A decimal, possibly negative.
    pub value: Option<String>,
}

const CURRENCIES: [&str; 25] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR",
    "NOK", "NZD", "PHP", "PLN", "RUB", "SEK", "SGD", "THB", "TWD", "USD",
];
const WITHOUT_DECIMALS: [&str; 3] = ["HUF", "JPY", "TWD"];

fn decimals(currency: Currency) -> u32 {
    if WITHOUT_DECIMALS.contains(&currency.code()) { 0 } else { 2 }
}

/// The smallest amount that PayPal takes a multiple of.
#[must_use]
pub fn step(currency: Currency) -> Decimal {
    Decimal::new(1, decimals(currency))
}

/// The amount as PayPal wants it: `49.9 EUR` is `49.90`, `5000 HUF` is `5000`.
///
/// Fails with [`AmountError`] when PayPal would refuse it.
pub fn to_value(money: &Money) -> Result<String, AmountError> {
    let code = money.currency.code();
    if !CURRENCIES.contains(&code) {
        return Err(AmountError::UnknownCurrency(money.currency));
    }
    let decimals = decimals(money.currency);
    if money.amount.normalize().scale() > decimals {
        return Err(AmountError::TooManyDecimals { currency: money.currency, decimals });
    }
    Ok(format!("{:.*}", decimals as usize, money.amount))
}

/// Reads an amount that PayPal states. `None` for what is not ours to know.
#[must_use]
pub fn from_value(amount: &Amount) -> Option<Money> {
    let currency = Currency::from_code(amount.currency_code.as_deref()?).ok()?;
    let amount: Decimal = amount.value.as_deref()?.parse().ok()?;
    Some(Money { amount, currency })
}

impl Amount {
    /// The amount as it is sent.
    ///
    /// Fails with [`AmountError`] when PayPal would refuse it.
    pub fn of(money: &Money) -> Result<Self, AmountError> {
        let value = Some(to_value(money)?);
        Ok(Self { currency_code: Some(money.currency.code().to_owned()), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: Currency::from_code(currency).unwrap() }
    }

    #[test]
    fn amounts_in_paypals_decimals() {
        for (amount, currency, expected) in [
            ("49.90", "EUR", "49.90"),
            ("49.9000", "EUR", "49.90"),
            ("49", "USD", "49.00"),
            ("0.01", "GBP", "0.01"),
            ("5000", "JPY", "5000"),
            ("5000.00", "HUF", "5000"),
            ("300", "TWD", "300"),
        ] {
            let money = money(amount, currency);
            assert_eq!(to_value(&money).unwrap(), expected, "{amount} {currency}");
            assert_eq!(from_value(&Amount::of(&money).unwrap()), Some(money), "{amount} {currency}");
        }
    }

    #[test]
    fn what_paypal_would_refuse_is_refused_here() {
        for (amount, currency, sentence) in [
            ("10.00", "INR", "cannot be in INR: PayPal takes no payments in it"),
            ("1.234", "KWD", "cannot be in KWD: PayPal takes no payments in it"),
            ("5000.50", "HUF", "must have no decimals: PayPal takes no more in HUF"),
            ("300.1", "TWD", "must have no decimals: PayPal takes no more in TWD"),
            ("1.005", "EUR", "must have at most 2 decimals: PayPal takes no more in EUR"),
        ] {
            assert_eq!(to_value(&money(amount, currency)).unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn what_paypal_says_is_read_with_care() {
        let read = |code: Option<&str>, value: Option<&str>| {
            from_value(&Amount { currency_code: code.map(Into::into), value: value.map(Into::into) })
        };
        assert_eq!(read(Some("EUR"), Some("-2.24")), Some(money("-2.24", "EUR")));
        for (code, value) in [
            (None, Some("1.00")),
            (Some("EUR"), None),
            (Some("eur"), Some("1.00")),
            (Some("EUR"), Some("1,00")),
            (Some("EUR"), Some("")),
            (Some("EUR"), Some("99999999999999999999999999999999")),
        ] {
            assert_eq!(read(code, value), None, "{value:?} {code:?}");
        }
    }
}
