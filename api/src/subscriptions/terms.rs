//! What is agreed on, in a body: what is sold, what is taken off, and the tax.

use common::{
    id::PlanId,
    invoice::{Discount, Duration, Percent, Reduction, TaxRate},
    money::Currency,
    plan::Offer,
    plan::{Interval, Price},
};
use serde_json::{Value, json};

use crate::extract::{
    Amount, List, Part, Pointer, PositiveAmount, Reader, Text, Whole, body,
    part::{Components, is_given},
    price,
};

/// Seats.
pub type Quantity = Whole<u32, 1, 1_000_000>;

/// The discounts of a subscription, in their order.
pub type Discounts = List<DiscountRequest, 10>;

body! {
    /// A price for this subscription alone: it is not listed as a plan.
    #[example({ "name": "Team, as agreed", "amount": "39.90", "currency": "EUR", "interval": "month" })]
    pub struct InlinePrice {
        /// For people: it is on the invoices.
        #[example = "Team, as agreed"]
        name: Text<200>,
        /// What one costs for one interval: a decimal string in major units, and not a number. May be `"0"`.
        #[example = "39.90"]
        amount: Amount,
        /// ISO 4217, upper case.
        currency: Currency,
        /// `day`, `week`, `month` or `year`; or so many of them: `{"unit": "month", "count": 3}`. At most three years.
        interval: Interval,
    }
    read(at, reader) -> (String, Price) {
        let price = price(amount, currency, interval, at, reader);
        Some((name?, price?))
    }
}

body! {
    /// What is taken off the invoices of whole periods; a percentage also off charges within one. Either `percent` or
    /// `amount`.
    #[example({ "name": "Launch", "percent": "12.5", "duration": { "periods": 3 } })]
    pub struct DiscountRequest {
        /// For people: it is on the invoices.
        #[example = "Launch"]
        name: Text<100>,
        /// Above 0 and up to 100, a decimal string with up to 4 decimals: `"20"` is 20 %, and `"0.2"` a fifth of one
        /// percent.
        #[example = "12.5"]
        percent: Option<Percent>,
        /// So much off each period, in the currency of the subscription: a decimal string in major units, and not a
        /// number. What is more than there is to pay is lost.
        #[example = "5.00"]
        amount: Option<PositiveAmount>,
        /// `once`, `forever`, or `{"periods": 3}`.
        duration: Duration,
    }
    read(at, reader) -> Discount {
        let reduction = match (percent?, amount?) {
            (Some(percent), None) => Reduction::Percent(percent),
            (None, Some(amount)) => Reduction::Amount(amount),
            _ => return reader.fault(at.field("percent"), "is required, or amount: one of them"),
        };
        Some(Discount { name: name?, reduction, duration: duration?, from_period: 0, until_period: None })
    }
}

body! {
    /// The tax on every line.
    #[example({ "name": "VAT", "percent": "19", "inclusive": true })]
    pub struct TaxRequest {
        /// For people: it is on the invoices.
        #[example = "VAT"]
        name: Text<100>,
        /// Above 0 and up to 100, a decimal string with up to 4 decimals. It is a percentage, not a share of one: `"19"`
        /// is 19 %, and `"0.19"` is 0.19 %, a hundredth of that. `POST /subscriptions/{id}/preview` shows what it comes
        /// to.
        percent: Percent,
        /// Whether prices contain it; without it, or `false`, it is added to them.
        inclusive: Option<bool>,
    }
    read(at, reader) -> TaxRate {
        Some(TaxRate { name: name?, percent: percent?, inclusive: inclusive?.unwrap_or(false) })
    }
}

/// Another tax, or `"none"`.
pub enum TaxChange {}

impl Part for TaxChange {
    type Value = Option<TaxRate>;

    fn describe() -> Value {
        json!({ "oneOf": [{ "type": "string", "enum": ["none"] }, TaxRequest::describe()] })
    }

    fn components(all: &mut Components) {
        TaxRequest::components(all);
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match value {
            Value::String(word) if word == "none" => Some(None),
            Value::Object(_) => TaxRequest::read(value, at, reader).map(Some),
            _ => reader.fault(at, "must be an object, or \"none\""),
        }
    }
}

body! {
    /// For so many periods.
    #[example({ "periods": 3 })]
    pub struct SoManyPeriods {
        /// How many.
        #[example = 3]
        periods: Whole<u32, 1, 1000>,
    }
}

/// `"once"`, `"forever"`, or `{"periods": 3}`.
impl Part for Duration {
    type Value = Self;

    fn describe() -> Value {
        let words = json!({ "type": "string", "enum": ["once", "forever"] });
        json!({ "oneOf": [words, SoManyPeriods::describe()], "examples": ["forever"] })
    }

    fn components(all: &mut Components) {
        SoManyPeriods::components(all);
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::String(word) if word == "once" => Some(Self::Once),
            Value::String(word) if word == "forever" => Some(Self::Forever),
            Value::Object(_) => {
                SoManyPeriods::read(value, at, reader).map(|many| Self::Periods(many.periods))
            }
            _ => reader.fault(at, "must be \"once\", \"forever\" or such as {\"periods\": 3}"),
        }
    }
}

/// A plan, or a price: not both.
pub fn offer(
    plan: Option<Option<PlanId>>,
    inline: Option<Option<(String, Price)>>,
    at: Pointer<'_>,
    reader: &mut Reader<'_>,
) -> Option<Option<Offer>> {
    if is_given(plan.as_ref()) && is_given(inline.as_ref()) {
        return reader.fault(at.field("price"), "cannot be used together with plan");
    }
    let inline = inline?.map(|(name, price)| Offer::Price(name, price));
    Some(plan?.map(Offer::Plan).or(inline))
}
