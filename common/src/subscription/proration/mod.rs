//! Proration, by day: what is given back and what is charged when something changes within a period. The
//! day of the change belongs to the new terms.
//!
//! - A charge is `unit × quantity × d / T`: `T` days has the whole period, `d` are left of it.
//! - What leaves is worth the same part of what was billed: of the line's net amount after discounts, and of the tax
//!   on it, each capped at what was not given back before. Of that, what was never paid is noted on the line's own
//!   invoice, what was paid and is still here is given back, and the rest is nobody's.
//! - Seats that had left come back as they left, the last first, whichever line they are of: by the same part of the
//!   same line, for no more than was given back.
//!
//! Every line is rounded once, half away from zero. The seats of a period may stand on several lines (five from the
//! start, three more since the tenth): what leaves first are the seats that came last, and before them those that
//! came without proration, which stand on none. See docs/adr/0038-a-credit-is-money-that-came-in.md.

mod book;

use std::cmp::Reverse;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{
    invoice::{
        LineKind, NoteLine, Span,
        rounding::{TooLarge, fraction},
        totals::{AmountOff, Item, Sale, Share},
    },
    money::Currency,
    name::names,
};
use book::Departure;
pub use book::{Billed, Book, Funds, Gone};

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

/// What a change within a period does to what is billed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Adjustment {
    /// What is sold and given back: an invoice.
    pub items: Vec<Item>,
    /// What is taken off invoices that were not paid: credit notes.
    pub notes: Vec<NoteLine>,
}

impl Adjustment {
    /// Whether nothing is billed and nothing given back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.notes.is_empty()
    }
}

/// The point of a change: what was billed, and the day.
#[derive(Debug, Clone, Copy)]
pub struct ProrationPoint<'a> {
    /// What was billed for the period.
    pub book: &'a Book,
    /// The whole period, whether or not all of it was billed.
    pub period: Span,
    /// The first day of the new terms.
    pub day: NaiveDate,
    /// What money is counted in.
    pub currency: Currency,
}

impl ProrationPoint<'_> {
    /// All that is in force ends, without anything in its place: a pause, or a cancellation that gives back.
    pub fn end(&self) -> Result<Adjustment, TooLarge> {
        let mut leaving = Leaving::of(self);
        leaving.withdraw(u32::MAX, |_| true)?;
        Ok(leaving.done)
    }

    /// From what is in force to `new`, at the price that there was: more or less of the same, or a resumption. `free`
    /// seats stand on no line, and leave first; answers how many of them stay.
    pub fn resize(&self, free: u32, new: &Seats<'_>) -> Result<(Adjustment, u32), TooLarge> {
        self.settle(Leaving::of(self), free, new)
    }

    fn settle(
        &self,
        mut leaving: Leaving<'_>,
        free: u32,
        new: &Seats<'_>,
    ) -> Result<(Adjustment, u32), TooLarge> {
        let kept = self.book.in_force_at(new.unit_amount);
        let Some(more) = new.quantity.checked_sub(kept.saturating_add(free)) else {
            let stay = free.min(new.quantity.saturating_sub(kept));
            leaving.withdraw(kept.saturating_sub(new.quantity), |billed| {
                billed.unit_amount == new.unit_amount
            })?;
            return Ok((leaving.done, stay));
        };
        let mut left = more;
        for item in self.take_up(more, new.unit_amount)? {
            left -= item.quantity();
            leaving.done.items.push(item);
        }
        let is_alone = kept + free == 0 && left == more;
        leaving.done.items.extend(self.sell(left, new, is_alone)?);
        Ok((leaving.done, free))
    }

    /// Another price: what is in force at others leaves, and `new` takes its place.
    pub fn swap(&self, new: &Seats<'_>) -> Result<Adjustment, TooLarge> {
        let mut leaving = Leaving::of(self);
        leaving.withdraw(u32::MAX, |billed| billed.unit_amount != new.unit_amount)?;
        // What came without proration at the old price stands on no line, and is left behind.
        self.settle(leaving, 0, new).map(|(adjustment, _)| adjustment)
    }

    /// Up to `quantity` seats of that price come back to the lines that they left: what left last, first.
    fn take_up(&self, quantity: u32, unit_amount: Decimal) -> Result<Vec<Item>, TooLarge> {
        let mut items = Vec::new();
        for (billed, back) in self.book.lines.iter().zip(self.coming_back(quantity, unit_amount)) {
            items.extend(billed.take_up(back, self.day, self.currency)?);
        }
        Ok(items)
    }

    /// How many of these come back to each line. By one change the newest lines are left first.
    fn coming_back(&self, quantity: u32, unit_amount: Decimal) -> Vec<u32> {
        let lines = self.book.lines.iter().enumerate();
        let lines = lines.filter(|(_, billed)| {
            billed.unit_amount == unit_amount && !billed.days.since(self.day).is_empty()
        });
        let departures = |(place, billed): (usize, &'_ Billed)| {
            billed.departures.iter().map(|gone| (Reverse(gone.change), place, gone.away)).collect::<Vec<_>>()
        };
        let mut away: Vec<_> = lines.flat_map(departures).collect();
        away.sort_unstable();
        let (mut left, mut back) = (quantity, vec![0; self.book.lines.len()]);
        for (_, place, away) in away {
            let coming = left.min(away);
            back[place] += coming;
            left -= coming;
        }
        back
    }

    fn sell(&self, quantity: u32, seats: &Seats<'_>, is_alone: bool) -> Result<Option<Item>, TooLarge> {
        let days = self.period.since(self.day);
        if days.is_empty() || quantity == 0 {
            return Ok(None);
        }
        let amount_off =
            if is_alone { AmountOff::Days(days.days(), self.period.days()) } else { AmountOff::Nothing };
        Ok(Some(Item::Sale(Sale {
            kind: LineKind::ProrationCharge,
            description: seats.name.to_owned(),
            quantity,
            unit_amount: seats.unit_amount,
            amount: charge(seats.unit_amount, quantity, days, self.period, self.currency)?,
            days,
            amount_off,
        })))
    }
}

/// Seats that leave, and what becomes of their money.
struct Leaving<'a> {
    point: &'a ProrationPoint<'a>,
    funds: Vec<Funds>,
    done: Adjustment,
}

impl<'a> Leaving<'a> {
    fn of(point: &'a ProrationPoint<'a>) -> Self {
        Self { point, funds: point.book.funds.clone(), done: Adjustment::default() }
    }

    /// Up to `quantity` of these leave, those first that came last.
    fn withdraw(&mut self, quantity: u32, which: impl Fn(&Billed) -> bool) -> Result<(), TooLarge> {
        let mut left = quantity;
        for billed in self.point.book.lines.iter().rev().filter(|billed| which(billed)) {
            let quantity = left.min(billed.in_force());
            left -= quantity;
            self.let_go(billed, quantity)?;
        }
        Ok(())
    }

    /// What these are worth is taken off what is still to pay of their invoice; what was paid of it is given back.
    fn let_go(&mut self, billed: &Billed, quantity: u32) -> Result<(), TooLarge> {
        let currency = self.point.currency;
        let Some(worth) = billed.worth(quantity, self.point.day, currency)? else { return Ok(()) };
        let mut none = Funds::none(billed.line.invoice);
        let found = self.funds.iter_mut().find(|funds| funds.invoice == billed.line.invoice);
        let funds = found.unwrap_or(&mut none);
        let noted = worth.part(funds.due.min(worth.total()), currency)?;
        funds.due -= noted.total();
        let rest = worth.less(noted);
        let paid = rest.part(funds.paid.clamp(Decimal::ZERO, rest.total()), currency)?;
        funds.paid -= paid.total();
        let days = billed.days.since(self.point.day);
        let description = format!("Unused: {}", billed.name);
        if !paid.total().is_zero() {
            self.done.items.push(Item::Credit(Share {
                of: billed.line,
                description: description.clone(),
                quantity,
                unit_amount: billed.unit_amount,
                amount: -paid.net,
                tax: -paid.tax,
                days,
            }));
        }
        if !noted.total().is_zero() {
            let leaving = if paid.total().is_zero() { quantity } else { 0 };
            let NetAndTax { net: amount, tax } = noted;
            self.done.notes.push(NoteLine {
                of: billed.line,
                description,
                quantity,
                leaving,
                amount,
                tax,
                days,
            });
        }
        Ok(())
    }
}

/// An amount, and the tax on it.
#[derive(Debug, Clone, Copy)]
struct NetAndTax {
    net: Decimal,
    tax: Decimal,
}

impl NetAndTax {
    const ZERO: Self = Self { net: Decimal::ZERO, tax: Decimal::ZERO };

    fn total(self) -> Decimal {
        self.net + self.tax
    }

    fn less(self, other: Self) -> Self {
        Self { net: self.net - other.net, tax: self.tax - other.tax }
    }

    fn and(self, other: Self) -> Self {
        Self { net: self.net + other.net, tax: self.tax + other.tax }
    }

    /// So much of it, with its share of the tax.
    fn part(self, total: Decimal, currency: Currency) -> Result<Self, TooLarge> {
        let (mut part, mut whole) = (total, self.total());
        if part == whole || whole.is_zero() {
            return Ok(self);
        }
        let scale = part.scale().max(whole.scale());
        part.rescale(scale);
        whole.rescale(scale);
        let tax = fraction(self.tax, part.mantissa(), whole.mantissa(), currency)?;
        Ok(Self { net: total - tax, tax })
    }
}

impl Billed {
    /// What `quantity` of its seats are worth from `day` on; `None` where no day is left.
    fn worth(
        &self,
        quantity: u32,
        day: NaiveDate,
        currency: Currency,
    ) -> Result<Option<NetAndTax>, TooLarge> {
        let of = |billed: Decimal, credited: Decimal| {
            let part = self.part_of(billed, quantity, day, currency)?;
            Ok(part.min(billed - credited).max(Decimal::ZERO))
        };
        if self.days.since(day).is_empty() || quantity == 0 {
            return Ok(None);
        }
        let NetAndTax { net, tax } = self.credited;
        Ok(Some(NetAndTax { net: of(self.billed.net, net)?, tax: of(self.billed.tax, tax)? }))
    }

    /// `quantity` of its seats come back on `day`, what left last first, for no more than was given back for them; `None`
    /// where none do.
    fn take_up(&self, quantity: u32, day: NaiveDate, currency: Currency) -> Result<Option<Item>, TooLarge> {
        let days = self.days.since(day);
        let (mut back, mut amount, mut tax) = (0, Decimal::ZERO, Decimal::ZERO);
        for departure in self.departures.iter().rev() {
            let coming = (quantity - back).min(departure.away);
            let of = |billed: Decimal, given: Decimal| {
                let part = self.part_of(billed, coming, day, currency)?;
                Ok(part.min(departure.share(given, coming, currency)?).max(Decimal::ZERO))
            };
            amount += of(self.billed.net, departure.given.net)?;
            tax += of(self.billed.tax, departure.given.tax)?;
            back += coming;
        }
        if days.is_empty() || back == 0 {
            return Ok(None);
        }
        Ok(Some(Item::Return(Share {
            of: self.line,
            description: self.name.clone(),
            quantity: back,
            unit_amount: self.unit_amount,
            amount,
            tax,
            days,
        })))
    }

    /// The part of `amount` that `quantity` seats have from `day` on.
    fn part_of(
        &self,
        amount: Decimal,
        quantity: u32,
        day: NaiveDate,
        currency: Currency,
    ) -> Result<Decimal, TooLarge> {
        let part = u64::from(quantity) * u64::from(self.days.since(day).days());
        let whole = u64::from(self.quantity) * u64::from(self.days.days());
        fraction(amount, part, whole, currency)
    }
}

impl Departure {
    /// What of `given` was for the next `quantity` of its seats that come back. All together get all of it.
    fn share(&self, given: Decimal, quantity: u32, currency: Currency) -> Result<Decimal, TooLarge> {
        let of = |seats: u32| fraction(given, seats, self.quantity.max(1), currency);
        Ok(of(self.away)? - of(self.away - quantity)?)
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

#[cfg(test)]
mod tests;
