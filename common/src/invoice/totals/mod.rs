//! From what is sold and given back to the lines of an invoice. Discounts and tax are worked out line by
//! line and rounded there, and a price that includes its tax splits exactly: the lines always add up to the
//! total.

use rust_decimal::Decimal;

use super::{
    Discount, Line, LineKind, LineRef, Reduction, Span, TaxRate,
    rounding::{TooLarge, fraction},
};
use crate::{id::InvoiceId, money::Currency};

/// Something that goes on an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Something is sold: discounts and tax apply.
    Sale(Sale),
    /// Something that was billed is given back, with its share of discount and tax: amounts are not above zero.
    Credit(Share),
    /// Seats that had left come back, as they left, with the discount and the tax that were given back for them: amounts
    /// are not below zero.
    Return(Share),
}

/// A part of a line that was billed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The line that billed it.
    pub of: LineRef,
    /// For people.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// The price of one for a whole period.
    pub unit_amount: Decimal,
    /// After discounts, without tax.
    pub amount: Decimal,
    /// The tax on it.
    pub tax: Decimal,
    /// Its days.
    pub days: Span,
}

impl Share {
    fn line(&self, kind: LineKind) -> Line {
        Line {
            kind,
            description: self.description.clone(),
            quantity: self.quantity,
            unit_amount: self.unit_amount,
            amount: self.amount,
            tax: self.tax,
            days: Some(self.days),
            of: Some(self.of),
        }
    }
}

impl Item {
    /// How many seats it is about.
    #[must_use]
    pub fn quantity(&self) -> u32 {
        match self {
            Self::Sale(Sale { quantity, .. })
            | Self::Credit(Share { quantity, .. })
            | Self::Return(Share { quantity, .. }) => *quantity,
        }
    }
}

/// How much of what is taken off the whole of a period is taken off a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmountOff {
    /// All: it is the whole period.
    Whole,
    /// By day: so many days of so many. Nothing else of the period is in force.
    Days(u32, u32),
    /// Nothing: what else is in force has it.
    Nothing,
}

/// Something is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// [`LineKind::Period`] or [`LineKind::ProrationCharge`].
    pub kind: LineKind,
    /// For people: the plan's name.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// The price of one for a whole period.
    pub unit_amount: Decimal,
    /// The price of all for these days, before discounts, rounded.
    pub amount: Decimal,
    /// The days that it bills.
    pub days: Span,
    /// What of the amounts off a period it has.
    pub amount_off: AmountOff,
}

impl Sale {
    /// A whole period of `quantity` seats.
    pub fn period(
        name: &str,
        unit_amount: Decimal,
        quantity: u32,
        days: Span,
        currency: Currency,
    ) -> Result<Self, TooLarge> {
        Ok(Self {
            kind: LineKind::Period,
            description: name.to_owned(),
            quantity,
            unit_amount,
            amount: fraction(unit_amount, quantity, 1, currency)?,
            days,
            amount_off: AmountOff::Whole,
        })
    }
}

/// The sums of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// What is sold and given back, without discounts and tax.
    pub subtotal: Decimal,
    /// The discounts, not above zero.
    pub discount: Decimal,
    /// The tax.
    pub tax: Decimal,
    /// All of it. Negative where more is given back than sold.
    pub total: Decimal,
}

impl Totals {
    /// Adds up.
    #[must_use]
    pub fn of(lines: &[Line]) -> Self {
        let mut totals = Self::default();
        for line in lines {
            totals.total += line.amount;
            match line.kind {
                LineKind::Period | LineKind::ProrationCredit | LineKind::ProrationCharge => {
                    totals.subtotal += line.amount;
                }
                LineKind::Discount => totals.discount += line.amount,
                LineKind::Tax => totals.tax += line.amount,
            }
        }
        totals
    }
}

/// How the lines of one invoice are made.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The invoice, for references between its lines.
    pub invoice: InvoiceId,
    /// What money is counted in.
    pub currency: Currency,
    /// The discounts that cover the period, in their order: each on what the one before has left.
    pub discounts: &'a [Discount],
    /// The tax, if there is one.
    pub tax: Option<&'a TaxRate>,
}

/// The lines of an invoice: every item, followed by its discounts; and the tax on all of it.
pub fn lines(items: &[Item], terms: &Terms<'_>) -> Result<Vec<Line>, TooLarge> {
    let mut lines = Vec::with_capacity(items.len() + 1);
    // What an amount off the invoice has left to take off.
    let mut remaining: Vec<Decimal> = terms
        .discounts
        .iter()
        .map(|discount| match discount.reduction {
            Reduction::Amount(amount) => amount,
            Reduction::Percent(_) => Decimal::ZERO,
        })
        .collect();
    for item in items {
        match item {
            Item::Credit(share) => lines.push(share.line(LineKind::ProrationCredit)),
            Item::Return(share) => lines.push(share.line(LineKind::ProrationCharge)),
            Item::Sale(sale) => sell(sale, terms, &mut remaining, &mut lines)?,
        }
    }
    let tax: Decimal = lines.iter().map(|line| line.tax).sum();
    if terms.tax.is_some() || !tax.is_zero() {
        lines.push(tax_line(terms.tax, tax));
    }
    Ok(lines)
}

fn sell(
    sale: &Sale,
    terms: &Terms<'_>,
    remaining: &mut [Decimal],
    lines: &mut Vec<Line>,
) -> Result<(), TooLarge> {
    let place =
        LineRef { invoice: terms.invoice, position: u32::try_from(lines.len()).map_err(|_| TooLarge)? };
    let (amount, tax) = split(sale.amount, terms)?;
    lines.push(Line {
        kind: sale.kind,
        description: sale.description.clone(),
        quantity: sale.quantity,
        unit_amount: sale.unit_amount,
        amount,
        tax,
        days: Some(sale.days),
        of: None,
    });
    let (mut left, mut split_before) = (sale.amount, (amount, tax));
    for (discount, remaining) in terms.discounts.iter().zip(remaining) {
        let off = match discount.reduction {
            Reduction::Percent(percent) => {
                let (numerator, denominator) = percent.fraction();
                fraction(left, numerator, denominator, terms.currency)?
            }
            Reduction::Amount(whole) => match sale.amount_off {
                AmountOff::Whole => left.min(*remaining),
                AmountOff::Days(days, of) => {
                    left.min(fraction(whole, days, of, terms.currency)?).min(*remaining)
                }
                AmountOff::Nothing => Decimal::ZERO,
            },
        };
        if off.is_zero() {
            continue;
        }
        left -= off;
        *remaining -= off.min(*remaining);
        // The difference, so that line and discounts together are what is left, split and rounded once.
        let split_after = split(left, terms)?;
        let (amount, tax) = (split_after.0 - split_before.0, split_after.1 - split_before.1);
        split_before = split_after;
        lines.push(Line {
            kind: LineKind::Discount,
            description: discount.name.clone(),
            quantity: 1,
            unit_amount: Decimal::ZERO,
            amount,
            tax,
            days: Some(sale.days),
            of: Some(place),
        });
    }
    Ok(())
}

/// A price, as what is kept of it and the tax on it.
fn split(price: Decimal, terms: &Terms<'_>) -> Result<(Decimal, Decimal), TooLarge> {
    let Some(rate) = terms.tax else { return Ok((price, Decimal::ZERO)) };
    let (part, whole) = rate.percent.fraction();
    if rate.inclusive {
        let tax = fraction(price, part, whole + part, terms.currency)?;
        Ok((price - tax, tax))
    } else {
        Ok((price, fraction(price, part, whole, terms.currency)?))
    }
}

fn tax_line(rate: Option<&TaxRate>, amount: Decimal) -> Line {
    let description = rate.map_or_else(
        || "Tax".to_owned(),
        |TaxRate { name, percent, inclusive }| {
            let kind = if *inclusive { ", included in the prices" } else { "" };
            format!("{name} {}%{kind}", percent.number())
        },
    );
    Line {
        kind: LineKind::Tax,
        description,
        quantity: 1,
        unit_amount: Decimal::ZERO,
        amount,
        tax: Decimal::ZERO,
        days: None,
        of: None,
    }
}

#[cfg(test)]
mod tests;
