//! What is agreed: prices, discounts and taxes, as whole numbers of coins.

use super::Exact;
use crate::calendar::Every;

/// A share, as a fraction and as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent {
    /// So many
    pub part: i64,
    /// of so many.
    pub whole: i64,
    /// `"12.5"`.
    pub text: &'static str,
}

/// What a discount takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// A share of every price.
    Percent(Percent),
    /// So much of every period.
    Coins(i64),
}

/// A discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discount {
    /// Its name, by which it is known again.
    pub name: &'static str,
    /// What it takes off.
    pub off: Off,
    /// For how many periods; `None`: for all.
    pub periods: Option<u32>,
}

/// A tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tax {
    /// How much.
    pub percent: Percent,
    /// Whether prices contain it.
    pub inclusive: bool,
}

impl Tax {
    /// What is asked for a price.
    #[must_use]
    pub fn on(tax: Option<Self>, price: Exact) -> Exact {
        match tax {
            Some(Self { percent, inclusive: false }) => price + price.share(percent.part, percent.whole),
            Some(Self { inclusive: true, .. }) | None => price,
        }
    }
}

/// A plan of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The price of one seat for a period, in coins.
    pub unit: i64,
    /// How long a period is.
    pub every: Every,
}

/// What is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Which plan, by its place in the catalogue.
    pub plan: usize,
    /// What it costs.
    pub price: Plan,
    /// How many seats.
    pub quantity: i64,
}
