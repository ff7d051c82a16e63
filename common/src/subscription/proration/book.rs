//! What was billed for a period, line by line, and what of it is still here to be given back.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::NetAndTax;
use crate::{
    id::InvoiceId,
    invoice::{CreditNote, Invoice, Line, LineKind, LineRef, Occasion, Span, Status},
};

/// A line that was billed, and what has become of it.
#[derive(Debug, Clone)]
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
    /// The seats that have left, in their order.
    pub(super) departures: Vec<Departure>,
    /// Its amount after discounts, and the tax on that.
    pub(super) billed: NetAndTax,
    /// What was given back of it, as money or by a credit note.
    pub(super) credited: NetAndTax,
}

/// Seats that left a line by one change.
#[derive(Debug, Clone)]
pub struct Departure {
    /// Which change.
    pub(super) change: u32,
    /// How many.
    pub(super) quantity: u32,
    /// How many of them have not come back. Those that have stand on lines of their own.
    pub(super) away: u32,
    /// What was given back for all of them.
    pub(super) given: NetAndTax,
}

/// What an invoice has of money, and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funds {
    /// The invoice.
    pub invoice: InvoiceId,
    /// What is still to pay of it, or was given up.
    pub due: Decimal,
    /// What was paid for its lines and is still here: neither given back, nor refunded, nor disputed. Below zero: more has
    /// gone back than was paid.
    pub paid: Decimal,
}

impl Funds {
    /// Of an invoice that is not in the book.
    pub(super) fn none(invoice: InvoiceId) -> Self {
        Self { invoice, due: Decimal::ZERO, paid: Decimal::ZERO }
    }
}

/// What of an invoice's payments has gone back: by refunds, made or on their way, and by disputes that are not won.
pub type Gone = HashMap<InvoiceId, Decimal>;

/// What was billed for a period, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The lines that sold something.
    pub lines: Vec<Billed>,
    /// The invoices that they are on.
    pub funds: Vec<Funds>,
}

impl Book {
    /// Reads the invoices that billed the period, in the order in which they were made, and the credit notes on them.
    /// What is void was never billed, and took nothing back either.
    #[must_use]
    pub fn of(invoices: &[Invoice], notes: &[CreditNote], gone: &Gone) -> Self {
        let mut book = Self::default();
        let counts = |invoice: &&Invoice| !matches!(invoice.status, Status::Void | Status::Draft);
        let mut notes: Vec<_> = notes.iter().collect();
        notes.sort_unstable_by_key(|note| note.change);
        let mut notes = notes.into_iter().peekable();
        for invoice in invoices.iter().filter(counts) {
            // What an invoice of the same change tells of the same seats comes after.
            let is_earlier = |note: &&CreditNote| match invoice.occasion {
                Occasion::Period => false,
                Occasion::Change(change) => note.change <= change,
            };
            while let Some(note) = notes.next_if(is_earlier) {
                book.take_off(note);
            }
            for (place, line) in invoice.places() {
                book.read(invoice.occasion, place, line);
            }
            book.funds.push(Funds {
                invoice: invoice.id,
                due: invoice.due().amount,
                paid: invoice.charges()
                    - invoice.due().amount
                    - invoice.amount_credited
                    - gone.get(&invoice.id).copied().unwrap_or_default(),
            });
        }
        notes.for_each(|note| book.take_off(note));
        for line in invoices.iter().filter(counts).flat_map(|invoice| &invoice.lines) {
            book.give_back(line);
        }
        book
    }

    /// How many seats stand on lines at this price.
    #[must_use]
    pub fn in_force_at(&self, unit_amount: Decimal) -> u32 {
        let lines = self.lines.iter().filter(|billed| billed.unit_amount == unit_amount);
        lines.map(Billed::in_force).sum()
    }

    /// What of `invoice` was paid and is still here; below zero, what is with the customer twice. `None` where it is void.
    #[must_use]
    pub fn left(&self, invoice: InvoiceId) -> Option<Decimal> {
        self.funds.iter().find(|funds| funds.invoice == invoice).map(|funds| funds.paid)
    }

    fn read(&mut self, occasion: Occasion, place: LineRef, line: &Line) {
        let (amount, tax) = (line.amount, line.tax);
        match (line.kind, line.days) {
            (LineKind::Period | LineKind::ProrationCharge, Some(days)) => {
                if let Some(first) = line.of.and_then(|of| self.line(of)) {
                    first.come_back(line.quantity);
                }
                self.lines.push(Billed::new(place, line, days));
            }
            (LineKind::Discount, _) => {
                if let Some(billed) = line.of.and_then(|of| self.line(of)) {
                    billed.billed.net += amount;
                    billed.billed.tax += tax;
                }
            }
            (LineKind::ProrationCredit, _) => {
                let change = match occasion {
                    Occasion::Period => 0,
                    Occasion::Change(change) => change,
                };
                if let Some(billed) = line.of.and_then(|of| self.line(of)) {
                    billed.leave(change, line.quantity, NetAndTax { net: -amount, tax: -tax });
                }
            }
            (LineKind::Period | LineKind::ProrationCharge | LineKind::Tax, _) => {}
        }
    }

    fn take_off(&mut self, note: &CreditNote) {
        for line in &note.lines {
            if let Some(billed) = self.line(line.of) {
                billed.leave(note.change, line.leaving, NetAndTax { net: line.amount, tax: line.tax });
            }
        }
    }

    /// A credit line is money that its own invoice's lines have no more.
    fn give_back(&mut self, line: &Line) {
        let of = line.of.filter(|_| line.kind == LineKind::ProrationCredit);
        let funds = of.and_then(|of| self.funds.iter_mut().find(|funds| funds.invoice == of.invoice));
        if let Some(funds) = funds {
            funds.paid += line.amount + line.tax;
        }
    }

    fn line(&mut self, of: LineRef) -> Option<&mut Billed> {
        self.lines.iter_mut().find(|billed| billed.line == of)
    }
}

impl Billed {
    fn new(place: LineRef, line: &Line, days: Span) -> Self {
        Self {
            line: place,
            name: line.description.clone(),
            unit_amount: line.unit_amount,
            days,
            quantity: line.quantity,
            departures: Vec::new(),
            billed: NetAndTax { net: line.amount, tax: line.tax },
            credited: NetAndTax::ZERO,
        }
    }

    /// How many of its seats are still there.
    #[must_use]
    pub fn in_force(&self) -> u32 {
        let left: u32 = self.departures.iter().map(|departure| departure.quantity).sum();
        self.quantity.saturating_sub(left)
    }

    fn leave(&mut self, change: u32, quantity: u32, given: NetAndTax) {
        self.credited = self.credited.and(given);
        match self.departures.last_mut() {
            // A credit note on the same seats comes before, and counts none.
            Some(noted) if noted.quantity == 0 && noted.change == change => {
                (noted.quantity, noted.away) = (quantity, quantity);
                noted.given = noted.given.and(given);
            }
            _ => self.departures.push(Departure { change, quantity, away: quantity, given }),
        }
    }

    /// What left last comes back first.
    fn come_back(&mut self, quantity: u32) {
        let mut left = quantity;
        for departure in self.departures.iter_mut().rev() {
            let back = left.min(departure.away);
            departure.away -= back;
            left -= back;
        }
    }
}

#[cfg(test)]
impl Billed {
    /// A line of that net amount, without tax, that was paid.
    pub(super) fn paid(place: LineRef, unit: Decimal, quantity: u32, days: Span, net: Decimal) -> Self {
        Self {
            line: place,
            name: "Basic".into(),
            unit_amount: unit,
            days,
            quantity,
            departures: Vec::new(),
            billed: NetAndTax { net, tax: Decimal::ZERO },
            credited: NetAndTax::ZERO,
        }
    }
}
