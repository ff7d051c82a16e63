//! PayPal's rules about amounts: decimal strings, 25 currencies, three of them without decimals.
//!
//! HUF has two decimals in ISO's table and none in PayPal's: that difference is a classical way to
//! charge a hundredfold, so the sandbox refuses exactly what PayPal refuses.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::PayPalError;
use super::fields::Fields;

const CURRENCIES: &str = "AUD BRL CAD CNY CZK DKK EUR HKD HUF ILS JPY MYR MXN TWD NZD NOK PHP PLN GBP SGD SEK \
    CHF THB USD RUB";

const WITHOUT_DECIMALS: [&str; 3] = ["HUF", "JPY", "TWD"];

/// The most that one amount may be, in whole units of its currency.
const MOST_UNITS: i64 = 9_999_999;

/// An amount in PayPal's smallest unit of its currency: hundredths, or whole HUF, JPY and TWD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Money {
    pub(crate) currency: String,
    pub(crate) minor: i64,
}

impl Money {
    /// Reads `{"currency_code", "value"}`. Only positive amounts can be paid or given back.
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self, PayPalError> {
        fields.only(&["currency_code", "value"])?;
        let (code_field, value_field) = (fields.path("currency_code"), fields.path("value"));
        let currency = fields.text("currency_code", 3)?.ok_or_else(|| PayPalError::missing(&code_field))?;
        let value = fields.text("value", 32)?.ok_or_else(|| PayPalError::missing(&value_field))?;
        if !CURRENCIES.split_whitespace().any(|known| known == currency) {
            return Err(PayPalError::issue("INVALID_CURRENCY_CODE").at(&code_field));
        }
        let minor = read_value(value, decimals(currency)).map_err(|wrong| match wrong {
            Wrong::Syntax => PayPalError::invalid("INVALID_PARAMETER_SYNTAX", &value_field),
            Wrong::Rule(issue) => PayPalError::issue(issue).at(&value_field),
        })?;
        Ok(Self { currency: currency.to_owned(), minor })
    }

    /// Another amount in the same currency.
    pub(crate) fn same_currency(&self, minor: i64) -> Self {
        Self { currency: self.currency.clone(), minor }
    }

    /// How many decimals its currency has here.
    pub(crate) fn decimals(&self) -> u32 {
        decimals(&self.currency)
    }

    /// PayPal's fee for taking this: 3.49 % and a fixed part, rounded half up.
    pub(crate) fn fee(&self) -> Self {
        self.same_currency((self.minor * 349 + 5_000) / 10_000 + 49)
    }

    /// `{"currency_code", "value"}`.
    pub(crate) fn json(&self) -> Value {
        json!({"currency_code": self.currency, "value": self.value()})
    }

    fn value(&self) -> String {
        if decimals(&self.currency) == 0 {
            return self.minor.to_string();
        }
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        format!("{sign}{}.{:02}", minor / 100, minor % 100)
    }
}

enum Wrong {
    Syntax,
    Rule(&'static str),
}

fn decimals(currency: &str) -> u32 {
    if WITHOUT_DECIMALS.contains(&currency) { 0 } else { 2 }
}

fn read_value(value: &str, decimals: u32) -> Result<i64, Wrong> {
    let (negative, digits) = value.strip_prefix('-').map_or((false, value), |rest| (true, rest));
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, Some(fraction)),
        Some(_) => return Err(Wrong::Syntax),
        None if digits.is_empty() => return Err(Wrong::Syntax),
        None => (digits, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return Err(Wrong::Syntax);
    }
    let fraction = fraction.unwrap_or_default();
    if decimals == 0 && value.contains('.') {
        return Err(Wrong::Rule("DECIMALS_NOT_SUPPORTED"));
    }
    let decimals = decimals as usize;
    if fraction.len() > decimals {
        return Err(Wrong::Rule("DECIMAL_PRECISION"));
    }
    let units: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| MAX_VALUE)? };
    if units > MOST_UNITS {
        return Err(MAX_VALUE);
    }
    let scale = if decimals == 0 { 1 } else { 100 };
    let fraction: i64 = format!("{fraction:0<decimals$}").parse().unwrap_or(0);
    let minor = units * scale + fraction;
    if negative || minor == 0 {
        return Err(Wrong::Rule("CANNOT_BE_ZERO_OR_NEGATIVE"));
    }
    Ok(minor)
}

const MAX_VALUE: Wrong = Wrong::Rule("MAX_VALUE_EXCEEDED");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str, currency: &str) -> Result<i64, PayPalError> {
        let json = json!({"currency_code": currency, "value": value});
        Money::read(&Fields::of(&json, "/amount").unwrap()).map(|money| money.minor)
    }

    #[test]
    fn values_are_read_without_loss() {
        for (value, currency, minor) in [
            ("10.99", "EUR", 1099),
            ("10.9", "EUR", 1090),
            ("10", "EUR", 1000),
            (".5", "USD", 50),
            ("0.01", "GBP", 1),
            ("500", "JPY", 500),
            ("500", "HUF", 500),
            ("9999999.99", "USD", 999_999_999),
        ] {
            assert_eq!(read(value, currency).unwrap(), minor, "{value} {currency}");
        }
    }

    #[test]
    fn what_paypal_refuses_is_refused_for_its_reason() {
        for (value, currency, issue) in [
            ("10.999", "EUR", "DECIMAL_PRECISION"),
            ("10.990", "EUR", "DECIMAL_PRECISION"),
            ("500.00", "JPY", "DECIMALS_NOT_SUPPORTED"),
            ("500.5", "HUF", "DECIMALS_NOT_SUPPORTED"),
            ("0", "EUR", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("0.00", "EUR", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("-1.00", "EUR", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("10.00", "KWD", "INVALID_CURRENCY_CODE"),
            ("10.00", "eur", "INVALID_CURRENCY_CODE"),
            ("10000000", "EUR", "MAX_VALUE_EXCEEDED"),
            ("99999999999999999999", "EUR", "MAX_VALUE_EXCEEDED"),
            ("10,99", "EUR", "INVALID_PARAMETER_SYNTAX"),
            ("10.", "EUR", "INVALID_PARAMETER_SYNTAX"),
            ("1e3", "EUR", "INVALID_PARAMETER_SYNTAX"),
            ("", "EUR", "INVALID_STRING_LENGTH"),
        ] {
            let body = read(value, currency).unwrap_err().body("d");
            assert!(body.contains(issue), "{value} {currency}: {body}");
        }
    }

    #[test]
    fn amounts_are_written_with_their_currencys_decimals() {
        let written = |currency: &str, minor| Money { currency: currency.to_owned(), minor }.value();
        assert_eq!(written("EUR", 1099), "10.99");
        assert_eq!(written("EUR", 5), "0.05");
        assert_eq!(written("EUR", -205), "-2.05");
        assert_eq!(written("JPY", 500), "500");
    }

    #[test]
    fn fees_are_rounded_half_up() {
        let fee = |currency: &str, minor| Money { currency: currency.to_owned(), minor }.fee().minor;
        assert_eq!(fee("EUR", 1099), 38 + 49, "38.36 cents");
        assert_eq!(fee("EUR", 5_000), 175 + 49, "174.5 cents");
        assert_eq!(fee("JPY", 1_000), 35 + 49, "34.9 yen");
    }
}
