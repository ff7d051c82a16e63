//! The stored forms of what stands in one column: terms, discounts, taxes. Names here are in rows for ever.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    db::row::InvalidColumn,
    id::PlanId,
    invoice::{Discount, Duration, Percent, Reduction, TaxRate},
    plan::store::price,
    subscription::Terms,
};

/// [`Terms`].
#[derive(Serialize, Deserialize)]
pub struct StoredTerms {
    plan_id: PlanId,
    name: String,
    unit_amount: Decimal,
    currency: String,
    interval_unit: String,
    interval_count: i32,
    quantity: u32,
}

impl From<&Terms> for StoredTerms {
    fn from(terms: &Terms) -> Self {
        let Terms { plan_id, name, price, quantity } = terms;
        Self {
            plan_id: *plan_id,
            name: name.clone(),
            unit_amount: price.unit.amount,
            currency: price.unit.currency.code().to_owned(),
            interval_unit: price.interval.unit().as_str().to_owned(),
            interval_count: price.interval.count().into(),
            quantity: *quantity,
        }
    }
}

impl TryFrom<StoredTerms> for Terms {
    type Error = InvalidColumn;

    fn try_from(stored: StoredTerms) -> Result<Self, InvalidColumn> {
        let StoredTerms { plan_id, name, quantity, unit_amount, currency, interval_unit, interval_count } =
            stored;
        let price = price(unit_amount, &currency, &interval_unit, interval_count)?;
        Ok(Self { plan_id, name, price, quantity })
    }
}

/// [`Discount`].
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredDiscount {
    name: String,
    reduction: StoredReduction,
    duration: StoredDuration,
    from_period: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until_period: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredReduction {
    Percent(Decimal),
    Amount(Decimal),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredDuration {
    Once,
    Periods(u32),
    Forever,
}

impl From<&Discount> for StoredDiscount {
    fn from(discount: &Discount) -> Self {
        Self {
            name: discount.name.clone(),
            reduction: match discount.reduction {
                Reduction::Percent(percent) => StoredReduction::Percent(percent.number()),
                Reduction::Amount(amount) => StoredReduction::Amount(amount),
            },
            duration: match discount.duration {
                Duration::Once => StoredDuration::Once,
                Duration::Periods(periods) => StoredDuration::Periods(periods),
                Duration::Forever => StoredDuration::Forever,
            },
            from_period: discount.from_period,
            until_period: discount.until_period,
        }
    }
}

impl TryFrom<StoredDiscount> for Discount {
    type Error = InvalidColumn;

    fn try_from(stored: StoredDiscount) -> Result<Self, InvalidColumn> {
        Ok(Self {
            name: stored.name,
            reduction: match stored.reduction {
                StoredReduction::Percent(number) => Reduction::Percent(percent("discounts", number)?),
                StoredReduction::Amount(amount) => Reduction::Amount(amount),
            },
            duration: match stored.duration {
                StoredDuration::Once => Duration::Once,
                StoredDuration::Periods(periods) => Duration::Periods(periods),
                StoredDuration::Forever => Duration::Forever,
            },
            from_period: stored.from_period,
            until_period: stored.until_period,
        })
    }
}

/// [`TaxRate`].
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredTax {
    name: String,
    percent: Decimal,
    inclusive: bool,
}

impl From<&TaxRate> for StoredTax {
    fn from(tax: &TaxRate) -> Self {
        Self { name: tax.name.clone(), percent: tax.percent.number(), inclusive: tax.inclusive }
    }
}

impl TryFrom<StoredTax> for TaxRate {
    type Error = InvalidColumn;

    fn try_from(stored: StoredTax) -> Result<Self, InvalidColumn> {
        let percent = percent("tax", stored.percent)?;
        Ok(Self { name: stored.name, percent, inclusive: stored.inclusive })
    }
}

fn percent(column: &'static str, number: Decimal) -> Result<Percent, InvalidColumn> {
    Percent::new(number).map_err(|_| InvalidColumn::new(column, &number))
}
