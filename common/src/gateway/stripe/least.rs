//! The least that Stripe charges, in the currencies for which it says so: a payment of less is declined there, so it is
//! refused here. Source: Stripe's page "Supported currencies", section "Minimum and maximum charge amounts".
//!
//! It is said of the currency that the merchant is paid out in. In another one Stripe converts what is charged, so a
//! little less, or a little more, may be its least there; what that comes to only Stripe knows, on that day.

use rust_decimal::Decimal;

use crate::money::{Currency, Money};

/// The least, where it is known.
#[must_use]
pub fn least(currency: Currency) -> Option<Money> {
    let hundredths = match currency.code() {
        "USD" | "AUD" | "BRL" | "CAD" | "CHF" | "EUR" | "INR" | "NZD" | "SGD" => 50,
        "GBP" => 30,
        "BGN" => 100,
        "AED" | "MYR" | "PLN" | "RON" => 200,
        "DKK" => 250,
        "NOK" | "SEK" => 300,
        "HKD" => 400,
        "MXN" | "THB" => 1000,
        "CZK" => 1500,
        "JPY" => 5000,
        "HUF" => 17500,
        _ => return None,
    };
    Some(Money { amount: Decimal::new(hundredths, 2), currency })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::stripe::amount::to_minor_units;

    /// In Stripe's own units, as other users of Stripe have it in their tables: none was made from this one.
    #[test]
    fn it_is_what_others_know() {
        for (code, minor) in [
            ("USD", 50),
            ("AED", 200),
            ("AUD", 50),
            ("BGN", 100),
            ("BRL", 50),
            ("CAD", 50),
            ("CHF", 50),
            ("CZK", 1500),
            ("DKK", 250),
            ("EUR", 50),
            ("GBP", 30),
            ("HKD", 400),
            ("HUF", 17500),
            ("INR", 50),
            ("JPY", 50),
            ("MXN", 1000),
            ("MYR", 200),
            ("NOK", 300),
            ("NZD", 50),
            ("PLN", 200),
            ("RON", 200),
            ("SEK", 300),
            ("SGD", 50),
        ] {
            let least = least(Currency::from_code(code).unwrap()).unwrap();
            assert_eq!(to_minor_units(&least), Ok(minor), "{code}");
        }
        assert_eq!(least(Currency::from_code("KWD").unwrap()), None);
    }
}
