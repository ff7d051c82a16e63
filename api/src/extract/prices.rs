//! What something costs: an amount that its currency has, and how often it is billed.

use common::{
    money::{Currency, Money},
    plan::{Interval, Price, Unit},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    declare::body,
    part::{Components, Part, Pointer, Reader},
    texts::Whole,
};

body! {
    /// So many days, weeks, months or years: at most three years.
    #[example({ "unit": "month", "count": 3 })]
    pub struct EverySoOften {
        /// Of what.
        unit: Unit,
        /// How many of them: 1 by default.
        #[example = 3]
        count: Option<Whole<u16, 1, 1095>>,
    }
    read(at, reader) -> Interval {
        let every = Interval::every(count?.unwrap_or(1), unit?);
        reader.take(at.field("count"), every.map_err(|error| error.to_string()))
    }
}

/// How often something is billed: `"month"`, or `{"unit": "month", "count": 3}`.
impl Part for Interval {
    type Value = Self;

    fn describe() -> Value {
        json!({ "oneOf": [Unit::describe(), EverySoOften::describe()], "examples": ["month"] })
    }

    fn components(all: &mut Components) {
        EverySoOften::components(all);
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::String(_) => {
                let once = Self::every(1, Unit::read(value, at, reader)?);
                reader.take(at, once.map_err(|error| error.to_string()))
            }
            Value::Object(_) => EverySoOften::read(value, at, reader),
            _ => reader.fault(at, "must be such as \"month\" or {\"unit\": \"month\", \"count\": 3}"),
        }
    }
}

/// A price, if the currency has such an amount.
pub fn price(
    amount: Option<Decimal>,
    currency: Option<Currency>,
    interval: Option<Interval>,
    at: Pointer<'_>,
    reader: &mut Reader<'_>,
) -> Option<Price> {
    let unit = Money::new(amount?, currency?).map_err(|error| error.to_string());
    Some(Price { unit: reader.take(at.field("amount"), unit)?, interval: interval? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::part;

    #[test]
    fn intervals_are_said_in_two_ways() {
        let interval = |value: Value| part::read::<Interval>(value.into(), &Default::default());
        for (value, unit, count) in [
            (json!("month"), Unit::Month, 1),
            (json!({ "unit": "week" }), Unit::Week, 1),
            (json!({ "unit": "month", "count": 3 }), Unit::Month, 3),
        ] {
            assert_eq!(interval(value).unwrap(), Interval::every(count, unit).unwrap());
        }
        for value in [
            json!("fortnight"),
            json!(1),
            json!({}),
            json!({ "unit": "month", "count": 0 }),
            json!({ "unit": "year", "count": 4 }),
            json!({ "unit": "month", "count": 1.5 }),
            json!({ "unit": "month", "size": 1 }),
        ] {
            assert!(interval(value.clone()).is_err(), "{value}");
        }
    }
}
