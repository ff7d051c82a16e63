//! What makes an invoice cheaper or dearer than its prices: discounts and taxes.

use rust_decimal::Decimal;

/// A share in hundredths: more than nothing, at most all of it, with up to four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(Decimal);

/// A number that is no percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a percentage above 0 and up to 100, with up to 4 decimals")]
pub struct InvalidPercent;

impl Percent {
    /// `percent` hundredths.
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
    /// It was taken away: the first period that it is not given for any more.
    pub until_period: Option<u32>,
}

impl Discount {
    /// Whether it is given for period `index`.
    #[must_use]
    pub fn covers(&self, index: u32) -> bool {
        let nth =
            index.checked_sub(self.from_period).filter(|_| self.until_period.is_none_or(|end| index < end));
        match self.duration {
            Duration::Once => nth == Some(0),
            Duration::Periods(periods) => nth.is_some_and(|nth| nth < periods),
            Duration::Forever => nth.is_some(),
        }
    }

    /// Whether it has no end.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.duration == Duration::Forever && self.until_period.is_none()
    }

    /// So many periods are never billed: it waits for those after them.
    pub fn postpone(&mut self, periods: u32) {
        self.from_period = self.from_period.saturating_add(periods);
        self.until_period = self.until_period.map(|end| end.saturating_add(periods));
    }
}
