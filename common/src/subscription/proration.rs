//! Proration, by day: what is given back and what is charged when something changes within a period. The
//! day of the change belongs to the new terms.
//!
//! A charge is `unit × quantity × d / T`: `T` days has the whole period, `d` are left of it. A credit is the
//! same part of what was really billed: of the line's net amount after discounts, and of the tax on it, each
//! capped at what was not given back before. Every line is rounded once, half away from zero.
//!
//! The seats of a period may stand on several lines (five from the start, three more since the tenth).
//! [`in_force`] finds them; what leaves first are the seats that came last.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{
    invoice::{
        Line, LineKind, LineRef, Span,
        rounding::{TooLarge, fraction},
        totals::{Item, Sale},
    },
    money::Currency,
    name::names,
};

/// What a change within a period does to what was billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Proration {
    /// Credits and charges, by day.
    #[default]
    ByDay,
    /// The change takes effect at once, and nothing is billed or given back before the next renewal.
    None,
    /// The change waits for the end of the period.
    AtPeriodEnd,
}

names!(Proration, ByDay => "by_day", None => "none", AtPeriodEnd => "at_period_end");

/// What is billed for: one price, so many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seats<'a> {
    /// The plan's name, for people.
    pub name: &'a str,
    /// The price of one for a whole period.
    pub unit_amount: Decimal,
    /// How many.
    pub quantity: u32,
}

/// A line that was billed, and what of it was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// Which.
    pub line: LineRef,
    /// The plan's name, which is the line's text.
    pub name: String,
    /// The price of one for a whole period.
    pub unit_amount: Decimal,
    /// The days that it bills.
    pub days: Span,
    /// How many it bills.
    pub quantity: u32,
    /// How many of these are still there.
    pub in_force: u32,
    /// Its amount after discounts, without tax.
    pub net: Decimal,
    /// The tax on that.
    pub tax: Decimal,
    /// What was given back of `net`.
    pub credited: Decimal,
    /// What was given back of `tax`.
    pub credited_tax: Decimal,
}

/// The place of a change: what was billed, and the day.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// What was billed for the period, oldest first, as [`in_force`] found it.
    pub billed: &'a [Billed],
    /// The whole period, whether or not all of it was billed.
    pub period: Span,
    /// The first day of the new terms.
    pub day: NaiveDate,
    /// What money is counted in.
    pub currency: Currency,
}

impl Moment<'_> {
    /// All that is in force ends, without anything in its place: a pause, or a cancellation that gives back.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn end(&self) -> Result<Vec<Item>, TooLarge> {
        self.withdraw(u32::MAX)
    }

    /// Something begins where nothing was in force: a resumption.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn begin(&self, seats: &Seats<'_>) -> Result<Vec<Item>, TooLarge> {
        let days = self.period.since(self.day);
        if days.is_empty() || seats.quantity == 0 {
            return Ok(Vec::new());
        }
        let amount = charge(seats.unit_amount, seats.quantity, days, self.period, self.currency)?;
        Ok(vec![Item::Sale(Sale {
            kind: LineKind::ProrationCharge,
            description: seats.name.to_owned(),
            quantity: seats.quantity,
            unit_amount: seats.unit_amount,
            amount,
            days,
        })])
    }

    /// All that is in force ends, and the new takes its place: another plan.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn swap(&self, new: &Seats<'_>) -> Result<Vec<Item>, TooLarge> {
        let mut items = self.end()?;
        items.extend(self.begin(new)?);
        Ok(items)
    }

    /// More of the same, or less of it: `to` is what there shall be, instead of `from`.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn resize(&self, from: u32, to: &Seats<'_>) -> Result<Vec<Item>, TooLarge> {
        match to.quantity.checked_sub(from) {
            Some(more) => self.begin(&Seats { quantity: more, ..to.clone() }),
            None => self.withdraw(from - to.quantity),
        }
    }

    /// Gives back up to `quantity`, those first that came last.
    fn withdraw(&self, quantity: u32) -> Result<Vec<Item>, TooLarge> {
        let mut left = quantity;
        let mut items = Vec::new();
        for billed in self.billed.iter().rev() {
            let quantity = left.min(billed.in_force);
            left -= quantity;
            items.extend(billed.credit(quantity, self.day, self.currency)?);
        }
        Ok(items)
    }
}

impl Billed {
    /// What is given back for `quantity` of its seats from `day` on; `None` where no day is left.
    fn credit(&self, quantity: u32, day: NaiveDate, currency: Currency) -> Result<Option<Item>, TooLarge> {
        let days = self.days.since(day);
        if days.is_empty() || quantity == 0 {
            return Ok(None);
        }
        let part = u64::from(quantity) * u64::from(days.days());
        let whole = u64::from(self.quantity) * u64::from(self.days.days());
        let of = |billed: Decimal, credited: Decimal| {
            Ok(fraction(billed, part, whole, currency)?.min(billed - credited).max(Decimal::ZERO))
        };
        Ok(Some(Item::Credit {
            of: self.line,
            description: format!("Unused: {}", self.name),
            quantity,
            unit_amount: self.unit_amount,
            amount: -of(self.net, self.credited)?,
            tax: -of(self.tax, self.credited_tax)?,
            days,
        }))
    }
}

/// `unit × quantity × d / T`.
fn charge(
    unit: Decimal,
    quantity: u32,
    days: Span,
    period: Span,
    currency: Currency,
) -> Result<Decimal, TooLarge> {
    fraction(unit, u64::from(quantity) * u64::from(days.days()), period.days(), currency)
}

/// What a period's lines have left in force, oldest first. Takes the lines of all invoices that billed the
/// period and are open or paid (nothing is given back of what is void or was never collected), each with its
/// place, in the order in which they were made.
#[must_use]
pub fn in_force<'a>(lines: impl IntoIterator<Item = (LineRef, &'a Line)>) -> Vec<Billed> {
    let mut all: Vec<Billed> = Vec::new();
    for (place, line) in lines {
        let of = line.of.and_then(|of| all.iter_mut().find(|billed| billed.line == of));
        match (line.kind, of, line.days) {
            (LineKind::Period | LineKind::ProrationCharge, _, Some(days)) => {
                all.push(Billed::of(place, line, days))
            }
            (LineKind::Discount, Some(billed), _) => {
                billed.net += line.amount;
                billed.tax += line.tax;
            }
            (LineKind::ProrationCredit, Some(billed), _) => {
                billed.in_force = billed.in_force.saturating_sub(line.quantity);
                billed.credited -= line.amount;
                billed.credited_tax -= line.tax;
            }
            (
                LineKind::Period
                | LineKind::ProrationCharge
                | LineKind::Discount
                | LineKind::ProrationCredit
                | LineKind::Tax,
                _,
                _,
            ) => {}
        }
    }
    all.retain(|billed| billed.in_force > 0);
    all
}

impl Billed {
    fn of(place: LineRef, line: &Line, days: Span) -> Self {
        Self {
            line: place,
            name: line.description.clone(),
            unit_amount: line.unit_amount,
            days,
            quantity: line.quantity,
            in_force: line.quantity,
            net: line.amount,
            tax: line.tax,
            credited: Decimal::ZERO,
            credited_tax: Decimal::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;
