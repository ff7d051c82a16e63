//! An invoice: what a customer owes for a subscription, line by line, and how it is paid.
//!
//! [`totals`] turns what is sold into lines, [`state`] decides what becomes of the whole.

pub mod rounding;
mod span;
pub mod totals;

use rust_decimal::Decimal;
use serde::Serialize;

pub use span::Span;

use crate::{id::InvoiceId, name::names};

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A whole period of a subscription.
    Period,
    /// Time that was billed and will not be used.
    ProrationCredit,
    /// The rest of a period, at new terms.
    ProrationCharge,
    /// A discount on another line of the invoice.
    Discount,
    /// The tax on all lines.
    Tax,
}

names!(
    LineKind,
    Period => "period", ProrationCredit => "proration_credit", ProrationCharge => "proration_charge",
    Discount => "discount", Tax => "tax",
);

/// A share in hundredths: more than nothing, at most all of it, with up to four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(Decimal);

/// A number that is no percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a percentage above 0 and up to 100, with up to 4 decimals")]
pub struct InvalidPercent;

impl Percent {
    /// `percent` hundredths.
    ///
    /// # Errors
    /// [`InvalidPercent`].
    pub fn new(percent: Decimal) -> Result<Self, InvalidPercent> {
        let percent = percent.normalize();
        let is_valid = percent > Decimal::ZERO && percent <= Decimal::ONE_HUNDRED && percent.scale() <= 4;
        if is_valid { Ok(Self(percent)) } else { Err(InvalidPercent) }
    }

    /// The number: `12.5` for one eighth.
    #[must_use]
    pub fn number(self) -> Decimal {
        self.0
    }

    /// The share as a fraction of whole numbers.
    #[must_use]
    pub fn fraction(self) -> (i128, i128) {
        (self.0.mantissa(), 10_i128.pow(2 + self.0.scale()))
    }
}

/// A tax, as a rate on every line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRate {
    /// What it is called on the invoice.
    pub name: String,
    /// How much.
    pub percent: Percent,
    /// Whether prices contain it. Otherwise it is added to them.
    pub inclusive: bool,
}

/// What a discount takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// A share of every line that sells something.
    Percent(Percent),
    /// So much off an invoice's period, once per invoice, in its currency and in terms of its prices (with
    /// tax where tax is inclusive). What is more than there is to pay is lost.
    Amount(Decimal),
}

/// For how many periods a discount is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duration {
    /// One.
    Once,
    /// So many.
    Periods(u32),
    /// All.
    Forever,
}

/// A discount of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// What it is called on the invoice.
    pub name: String,
    /// What it takes off.
    pub reduction: Reduction,
    /// For how long.
    pub duration: Duration,
    /// The first period that it is given for.
    pub from_period: u32,
}

impl Discount {
    /// Whether it is given for period `index`.
    #[must_use]
    pub fn covers(&self, index: u32) -> bool {
        let nth = index.checked_sub(self.from_period);
        match self.duration {
            Duration::Once => nth == Some(0),
            Duration::Periods(periods) => nth.is_some_and(|nth| nth < periods),
            Duration::Forever => nth.is_some(),
        }
    }
}

/// A line, by the invoice that it is on and its place there, from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineRef {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The place.
    pub position: u32,
}

/// One line. The amounts of all lines add up to the invoice's total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub kind: LineKind,
    /// For people.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// The price of one for a whole period, as it was agreed: with tax where tax is inclusive. Zero where
    /// there is no such price.
    pub unit_amount: Decimal,
    /// Without tax, rounded; negative on credits and discounts.
    pub amount: Decimal,
    /// The tax on it. The tax line tells the sum of these, so they are not added again.
    pub tax: Decimal,
    /// The days that it bills, or credits.
    pub days: Option<Span>,
    /// The line that a credit gives back, or that a discount makes cheaper.
    pub of: Option<LineRef>,
}
