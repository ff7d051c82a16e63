//! What is taken off a price, and the tax on it: worked out line by line, and rounded there.

use chrono::NaiveDate;

use tests::calendar::share;
pub use tests::law::{Off, Percent};

use super::invoice::Line;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    pub name: &'static str,
    pub off: Off,
    /// For how many periods; `None`: for all.
    pub periods: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tax {
    pub percent: Percent,
    /// Whether prices contain it.
    pub inclusive: bool,
}

/// Something that is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// `period` or `proration_charge`.
    pub kind: &'static str,
    pub name: String,
    pub quantity: i64,
    pub unit: i64,
    /// The price of all, before discounts.
    pub price: i64,
    pub days: (NaiveDate, NaiveDate),
    /// How much of what is taken off a whole period is taken off this: so many days of so many.
    pub part: (i64, i64),
}

impl Tax {
    /// What of a price is kept, and the tax on it.
    fn split(tax: Option<Self>, price: i64) -> (i64, i64) {
        match tax {
            None => (price, 0),
            Some(Self { percent, inclusive: true }) => {
                let tax = share(price, percent.part, percent.whole + percent.part);
                (price - tax, tax)
            }
            Some(Self { percent, inclusive: false }) => (price, share(price, percent.part, percent.whole)),
        }
    }

    /// The line that tells the sum.
    pub fn line(tax: Option<Self>, amount: i64) -> Option<Line> {
        let Some(Self { percent, inclusive }) = tax else { return None };
        let included = if inclusive { ", included in the prices" } else { "" };
        let name = format!("VAT {}%{included}", percent.text);
        Some(Line { kind: "tax", name, quantity: 1, unit: 0, amount, tax: 0, days: None })
    }
}

impl Sale {
    /// Its line, and one for each discount that covers this period: what is left is split and rounded once.
    pub fn lines(&self, discounts: &[Discount], tax: Option<Tax>, period: u32) -> Vec<Line> {
        let Self { kind, name, quantity, unit, price, days, part } = self.clone();
        let mut before = Tax::split(tax, price);
        let (amount, on_it) = before;
        let mut lines = vec![Line { kind, name, quantity, unit, amount, tax: on_it, days: Some(days) }];
        let mut left = price;
        for Discount { name, off, periods } in discounts {
            let off = match off {
                _ if periods.is_some_and(|periods| period >= periods) => 0,
                Off::Percent(percent) => share(left, percent.part, percent.whole),
                Off::Coins(coins) => left.min(share(*coins, part.0, part.1)),
            };
            if off == 0 {
                continue;
            }
            left -= off;
            let after = Tax::split(tax, left);
            let (amount, tax) = (after.0 - before.0, after.1 - before.1);
            before = after;
            let (kind, name) = ("discount", (*name).to_owned());
            lines.push(Line { kind, name, quantity: 1, unit: 0, amount, tax, days: Some(days) });
        }
        lines
    }
}
