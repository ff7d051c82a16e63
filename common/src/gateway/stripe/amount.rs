//! Stripe's amounts: integers of Stripe's own minor units, which are not always ISO 4217's.
//! Source: Stripe's list of zero-decimal, three-decimal and special-case currencies.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::money::{Currency, Money};

/// The largest amount that Stripe takes in one operation, in minor units: eight digits, and twelve of rupiah.
fn max_minor_units(currency: Currency) -> i64 {
    if currency.code() == "IDR" { 999_999_999_999 } else { 99_999_999 }
}

/// Why Stripe cannot take an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// More decimals than Stripe charges in this currency.
    #[error("must be a multiple of {1}: cards and bank debits in {0} are charged so")]
    Indivisible(Currency, Decimal),
    /// More digits of minor units than Stripe takes.
    #[error("must be at most {0}: no more can be charged at once")]
    TooLarge(Money),
}

const ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
const THREE_DECIMAL: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];
/// They have no decimals any more, and are sent with two all the same, which must be zeros.
const WHOLE_IN_HUNDREDTHS: [&str; 2] = ["ISK", "UGX"];

/// Minor units per major unit, and the step that an amount in minor units must be a multiple of.
fn scale_and_step(currency: Currency) -> (i64, i64) {
    match currency.code() {
        code if ZERO_DECIMAL.contains(&code) => (1, 1),
        code if THREE_DECIMAL.contains(&code) => (1000, 10),
        code if WHOLE_IN_HUNDREDTHS.contains(&code) => (100, 100),
        _ => (100, 1),
    }
}

/// The smallest amount that Stripe charges a multiple of.
#[must_use]
pub fn step(currency: Currency) -> Decimal {
    let (scale, step) = scale_and_step(currency);
    Decimal::from(step) / Decimal::from(scale)
}

/// The amount as Stripe wants it: `49.90 EUR` is 4990, `5000 JPY` is 5000, `1.230 KWD` is 1230.
///
/// Fails with [`AmountError`] when Stripe would refuse it.
pub fn to_minor_units(money: &Money) -> Result<i64, AmountError> {
    let (scale, step) = scale_and_step(money.currency);
    let most = max_minor_units(money.currency);
    let too_large = AmountError::TooLarge(Money {
        amount: Decimal::from(most / step * step) / Decimal::from(scale),
        currency: money.currency,
    });
    let minor = (money.amount * Decimal::from(scale)).normalize();
    if minor > Decimal::from(most) {
        return Err(too_large);
    }
    if minor.scale() > 0 || !(minor % Decimal::from(step)).is_zero() {
        return Err(AmountError::Indivisible(money.currency, self::step(money.currency)));
    }
    minor.to_i64().ok_or(too_large)
}

/// Reads an amount that Stripe states. `None` for a currency that is not ours to know.
#[must_use]
pub fn from_minor_units(minor: i64, currency: &str) -> Option<Money> {
    let currency = Currency::from_code(&currency.to_ascii_uppercase()).ok()?;
    let (scale, _) = scale_and_step(currency);
    Some(Money { amount: Decimal::from(minor) / Decimal::from(scale), currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(amount: &str, currency: &str) -> Result<i64, AmountError> {
        let currency = Currency::from_code(currency).unwrap();
        to_minor_units(&Money { amount: amount.parse().unwrap(), currency })
    }

    #[test]
    fn amounts_in_stripes_units() {
        for (amount, currency, expected) in [
            ("49.90", "EUR", 4990),
            ("0.01", "USD", 1),
            ("5000", "JPY", 5000),
            ("5000", "UGX", 500_000),
            ("10", "MGA", 10),
            ("1.230", "KWD", 1230),
            ("250", "ISK", 25_000),
            ("999999.99", "EUR", 99_999_999),
            ("99999999", "JPY", 99_999_999),
            ("9999999999.99", "IDR", 999_999_999_999),
        ] {
            assert_eq!(minor(amount, currency), Ok(expected), "{amount} {currency}");
            let back = from_minor_units(expected, &currency.to_ascii_lowercase()).unwrap();
            assert_eq!(back.amount, amount.parse().unwrap());
        }
    }

    #[test]
    fn what_stripe_would_refuse_is_refused_here() {
        for (amount, currency) in [("1.234", "KWD"), ("1.50", "MGA"), ("0.5", "JPY")] {
            assert!(
                matches!(minor(amount, currency), Err(AmountError::Indivisible(..))),
                "{amount} {currency}"
            );
        }
        for (amount, currency) in [
            ("1000000.00", "EUR"),
            ("100000000", "JPY"),
            ("99999.9999", "KWD"),
            ("1000000", "ISK"),
            ("1000000", "UGX"),
            ("10000000000", "IDR"),
        ] {
            assert!(minor(amount, currency).is_err(), "{amount} {currency}");
        }
        assert_eq!(
            minor("1000000", "EUR").unwrap_err().to_string(),
            "must be at most 999999.99 EUR: no more can be charged at once"
        );
    }
}
