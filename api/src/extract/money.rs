//! Amounts and percentages in a body: strings alone. A JSON number has no unit, and APIs that count in cents write
//! `4990` for 49.90: taken at its word it would charge a hundredfold. So a number is refused, with both of its
//! readings as they are to be written: docs/adr/0036-an-amount-is-a-string.md.

use common::{
    invoice::{InvalidPercent, Percent},
    money::{Currency, parse_positive_decimal},
};
use rust_decimal::Decimal;
use serde_json::{Number, Value, json};

use crate::docs::named::Named as _;

use super::{
    part::{Components, Part, Pointer, Reader},
    texts::text,
};

/// How an amount is written.
const AMOUNT: &str = r"^\d{1,15}(\.\d{1,4})?$";
/// How a percentage is written.
const PERCENT: &str = r"^\d{1,3}(\.\d{1,4})?$";

/// An amount above zero, in the main unit of its currency.
pub enum PositiveAmount {}

impl Part for PositiveAmount {
    type Value = Decimal;

    fn describe() -> Value {
        json!({ "type": "string", "pattern": AMOUNT, "examples": ["49.90"] })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Decimal> {
        reader.take(at, positive_amount(value))
    }
}

/// An amount that may be nothing.
pub enum Amount {}

impl Part for Amount {
    type Value = Decimal;

    fn describe() -> Value {
        PositiveAmount::describe()
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Decimal> {
        reader.take(at, amount(value))
    }
}

impl Part for Percent {
    type Value = Self;

    fn describe() -> Value {
        json!({ "type": "string", "pattern": PERCENT, "examples": ["19"] })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.take(at, percent(value))
    }
}

impl Part for Currency {
    type Value = Self;

    fn describe() -> Value {
        json!(Self::reference())
    }

    fn components(all: &mut Components) {
        all.push(Self::component());
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.take(at, currency(value))
    }
}

/// An amount above zero.
fn positive_amount(value: Value) -> Result<Decimal, String> {
    match value {
        Value::String(text) => parse_positive_decimal(&text).map_err(|error| error.to_string()),
        Value::Number(number) => Err(not_a_number(&number)),
        _ => Err("must be a string such as \"49.90\"".into()),
    }
}

/// An amount that may be nothing.
fn amount(value: Value) -> Result<Decimal, String> {
    match &value {
        Value::String(text) if ["0", "0.0", "0.00", "0.000"].contains(&text.as_str()) => Ok(Decimal::ZERO),
        Value::Number(number) if number.as_f64() == Some(0.0) => {
            Err("must be a string, not a number: \"0\"".into())
        }
        _ => positive_amount(value),
    }
}

/// A percentage above zero.
fn percent(value: Value) -> Result<Percent, String> {
    match value {
        Value::String(text) => parse_positive_decimal(&text)
            .ok()
            .and_then(|number| Percent::new(number).ok())
            .ok_or_else(|| format!("{InvalidPercent}, such as \"12.5\"")),
        Value::Number(number) => Err(not_a_share(&number)),
        _ => Err("must be a string such as \"12.5\", which is 12.5 %".into()),
    }
}

/// An ISO 4217 code, upper case.
fn currency(value: Value) -> Result<Currency, String> {
    let code = text(value, 10)?;
    Currency::from_code(&code).map_err(|error| {
        if Currency::from_code(&code.to_ascii_uppercase()).is_ok() {
            format!("must be in upper case: {:?}", code.to_ascii_uppercase())
        } else if code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase()) {
            format!("must be a currency of ISO 4217 that is paid in, such as \"EUR\": there is no {code:?}")
        } else {
            error.to_string()
        }
    })
}

/// What to send instead of a number. What a whole one means only its sender knows.
fn not_a_number(number: &Number) -> String {
    let written = number.to_string();
    let Ok(amount) = parse_positive_decimal(&written) else {
        return "must be a string above zero, such as \"49.90\", not a number".into();
    };
    let hundredths = amount.normalize() / Decimal::ONE_HUNDRED;
    if number.is_f64() || hundredths.scale() > 4 {
        return format!("must be a string, not a number: \"{written}\"");
    }
    format!(
        "must be a string in the main unit of the currency, not a number: \"{hundredths:.2}\" if {written} counts \
         hundredths of it, \"{written}\" if it counts whole ones"
    )
}

/// A share of one and a number of hundredths look alike.
fn not_a_share(number: &Number) -> String {
    let written = number.to_string();
    let percent = parse_positive_decimal(&written).ok().and_then(|number| Percent::new(number).ok());
    let Some(percent) = percent else {
        return format!("{InvalidPercent}: a string such as \"12.5\", not a number");
    };
    let share = percent.number() * Decimal::ONE_HUNDRED;
    match Percent::new(share).map(Percent::number) {
        Ok(share) => format!(
            "must be a string, not a number: \"{written}\" is {written} %, and \"{share}\" is {share} %"
        ),
        Err(_) => format!("must be a string, not a number: \"{written}\" is {written} %"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_no_amount_and_both_of_its_readings_are_told() {
        for (number, told) in [
            (
                json!(4990),
                "must be a string in the main unit of the currency, not a number: \"49.90\" if 4990 counts \
                 hundredths of it, \"4990\" if it counts whole ones",
            ),
            (
                json!(5),
                "must be a string in the main unit of the currency, not a number: \"0.05\" if 5 counts hundredths of \
                 it, \"5\" if it counts whole ones",
            ),
            (json!(49.9), "must be a string, not a number: \"49.9\""),
            (json!(0), "must be a string above zero, such as \"49.90\", not a number"),
            (json!(-1), "must be a string above zero, such as \"49.90\", not a number"),
            (json!(1e300), "must be a string above zero, such as \"49.90\", not a number"),
        ] {
            assert_eq!(positive_amount(number.clone()).unwrap_err(), told, "{number}");
        }
        assert_eq!(amount(json!(0)).unwrap_err(), "must be a string, not a number: \"0\"");
        assert_eq!(amount(json!(4990)), positive_amount(json!(4990)));
        assert_eq!(amount(json!("0.00")), Ok(Decimal::ZERO));
        assert_eq!(positive_amount(json!("49.90")), Ok(Decimal::new(4990, 2)));
        for value in [json!(true), json!(["1"]), json!({}), json!("0")] {
            assert!(positive_amount(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_currency_is_said() {
        let none = "must be a currency of ISO 4217 that is paid in, such as \"EUR\": there is no";
        for (code, told) in [
            ("eur", "must be in upper case: \"EUR\"".to_owned()),
            ("XYZ", format!("{none} \"XYZ\"")),
            ("XAU", format!("{none} \"XAU\"")),
            ("EURO", "must be an upper-case ISO 4217 code such as \"EUR\"".to_owned()),
            ("€", "must be an upper-case ISO 4217 code such as \"EUR\"".to_owned()),
        ] {
            assert_eq!(currency(json!(code)).unwrap_err(), told, "{code}");
        }
    }

    #[test]
    fn a_number_is_no_percentage_either() {
        for (value, told) in [
            (json!(19), "must be a string, not a number: \"19\" is 19 %"),
            (json!(0.19), "must be a string, not a number: \"0.19\" is 0.19 %, and \"19\" is 19 %"),
            (
                json!(0),
                "must be a percentage above 0 and up to 100, with up to 4 decimals: a string such as \"12.5\", not a \
                 number",
            ),
            (
                json!("0"),
                "must be a percentage above 0 and up to 100, with up to 4 decimals, such as \"12.5\"",
            ),
            (json!(null), "must be a string such as \"12.5\", which is 12.5 %"),
        ] {
            assert_eq!(percent(value.clone()).unwrap_err(), told, "{value}");
        }
        assert_eq!(percent(json!("0.19")).unwrap().number(), Decimal::new(19, 2));
    }
}
