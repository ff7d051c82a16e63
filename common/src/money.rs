//! Money: an exact decimal amount and an ISO 4217 currency. Never a float, and never an amount without
//! its currency.

use std::fmt;

use iso_currency::Currency as Iso;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

/// An ISO 4217 currency that money is actually paid in (no funds codes, metals or test codes).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(Iso);

/// An amount of one currency. Signed: a ledger entry may be negative, a payment's amount never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// The amount in major units: `49.90` euros is `49.90`.
    pub amount: Decimal,
    /// The currency it is in.
    pub currency: Currency,
}

/// Why a text is not an amount of money that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoney {
    /// Signs, exponents, separators, or nothing at all.
    #[error("must be a plain decimal such as \"49.90\": up to 15 digits, a point, up to 4 digits")]
    NotADecimal,
    /// Nothing is charged for nothing.
    #[error("must be greater than zero")]
    NotPositive,
    /// `"1.005"` euros.
    #[error("must have {}: {currency} has no more", decimals(*.exponent))]
    TooManyDecimals {
        /// The currency that was asked for.
        currency: Currency,
        /// How many decimal places it has.
        exponent: u32,
    },
    /// Not a code of ISO 4217 that money is paid in.
    #[error("must be an upper-case ISO 4217 code such as \"EUR\"")]
    UnknownCurrency,
}

/// So many decimals at most, as in "must have no decimals".
#[must_use]
pub fn decimals(exponent: u32) -> String {
    match exponent {
        0 => "no decimals".to_owned(),
        1 => "at most 1 decimal".to_owned(),
        many => format!("at most {many} decimals"),
    }
}

impl Currency {
    /// Reads an upper-case ISO 4217 code.
    ///
    /// Fails with [`InvalidMoney::UnknownCurrency`] for anything else, codes without minor units (gold, SDRs) included.
    pub fn from_code(code: &str) -> Result<Self, InvalidMoney> {
        Iso::from_code(code)
            .filter(|iso| iso.exponent().is_some() && *iso != Iso::XXX && *iso != Iso::XTS)
            .map(Self)
            .ok_or(InvalidMoney::UnknownCurrency)
    }

    /// The three-letter code, upper case.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(2, u32::from)
    }
}

impl Money {
    /// Reads the amount of a payment: `"49.90"` of a currency with two decimals.
    ///
    /// The text is matched before it is parsed, because the decimal parser also takes `1e3` and `1_000`.
    ///
    /// Fails with [`InvalidMoney`], but never for the currency.
    pub fn parse_positive(text: &str, currency: Currency) -> Result<Self, InvalidMoney> {
        Self::new(parse_positive_decimal(text)?, currency)
    }

    /// An amount with no more decimals than its currency has.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, InvalidMoney> {
        if amount.normalize().scale() > currency.exponent() {
            return Err(InvalidMoney::TooManyDecimals { currency, exponent: currency.exponent() });
        }
        Ok(Self { amount, currency })
    }

    /// The amount as merchants see it: with as many decimals as the currency has.
    #[must_use]
    pub fn display_amount(&self) -> String {
        display_amount(self.amount, self.currency)
    }
}

/// Writes `amount` with as many decimals as `currency` has.
#[must_use]
pub fn display_amount(amount: Decimal, currency: Currency) -> String {
    let decimals = usize::try_from(currency.exponent()).unwrap_or(2);
    format!("{amount:.decimals$}")
}

/// Reads `^\d{1,15}(\.\d{1,4})?$`, other than zero.
///
/// Fails with [`InvalidMoney::NotADecimal`] or [`InvalidMoney::NotPositive`].
pub fn parse_positive_decimal(text: &str) -> Result<Decimal, InvalidMoney> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |part: &str, max: usize| (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 15) || !digits(fraction, 4) {
        return Err(InvalidMoney::NotADecimal);
    }
    let amount: Decimal = text.parse().map_err(|_| InvalidMoney::NotADecimal)?;
    if amount.is_zero() { Err(InvalidMoney::NotPositive) } else { Ok(amount) }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.display_amount(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(amount: &str, currency: &str) -> Result<String, InvalidMoney> {
        Money::parse_positive(amount, Currency::from_code(currency)?).map(|m| m.to_string())
    }

    #[test]
    fn amounts_are_plain_decimals() {
        assert_eq!(parse("49.9", "EUR").unwrap(), "49.90 EUR");
        assert_eq!(parse("49.9000", "EUR").unwrap(), "49.90 EUR");
        assert_eq!(parse("5000", "JPY").unwrap(), "5000 JPY");
        assert_eq!(parse("1.234", "KWD").unwrap(), "1.234 KWD");
        for text in [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1_000",
            "1,000",
            " 1",
            "0x10",
            "NaN",
            "1.00000",
            "1234567890123456",
            "١",
            "1.2.3",
        ] {
            assert_eq!(parse(text, "EUR"), Err(InvalidMoney::NotADecimal), "{text:?}");
        }
    }

    #[test]
    fn nothing_and_fractions_of_the_smallest_coin_are_refused() {
        assert_eq!(parse("0.00", "EUR"), Err(InvalidMoney::NotPositive));
        for (amount, currency, told) in [
            ("1.005", "EUR", "must have at most 2 decimals: EUR has no more"),
            ("1.5", "JPY", "must have no decimals: JPY has no more"),
        ] {
            assert_eq!(parse(amount, currency).unwrap_err().to_string(), told);
        }
        assert!(matches!(parse("1.005", "EUR"), Err(InvalidMoney::TooManyDecimals { .. })));
        assert!(matches!(parse("1.5", "JPY"), Err(InvalidMoney::TooManyDecimals { .. })));
    }

    #[test]
    fn only_currencies_that_money_is_paid_in() {
        for code in ["eur", "EU", "XXX", "XTS", "XAU", "ZZZ", ""] {
            assert_eq!(parse("1", code), Err(InvalidMoney::UnknownCurrency), "{code:?}");
        }
    }
}
