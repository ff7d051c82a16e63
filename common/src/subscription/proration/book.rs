//! What was billed for a period, line by line, and what of it is still here to be given back.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::NetAndTax;
use crate::{
    id::InvoiceId,
    invoice::{CreditNote, Invoice, Line, LineKind, LineRef, NoteLine, Span, Status},
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
    /// How many of these have left.
    pub(super) left: u32,
    /// How many of those have come back: they stand on lines of their own.
    pub(super) back: u32,
    /// Its amount after discounts, and the tax on that.
    pub(super) billed: NetAndTax,
    /// What was given back of it, as money or by a credit note.
    pub(super) credited: NetAndTax,
    /// What of that was billed again, because its seats came back.
    pub(super) returned: NetAndTax,
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
        for invoice in invoices.iter().filter(counts) {
            for (place, line) in invoice.places() {
                book.read(place, line);
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
        for line in notes.iter().flat_map(|note| &note.lines) {
            book.take_off(line);
        }
        for line in invoices.iter().filter(counts).flat_map(|invoice| &invoice.lines) {
            book.give_back(line);
        }
        book
    }

    /// What of `invoice` was paid and is still here; below zero, what is with the customer twice. `None` where it is void.
    #[must_use]
    pub fn left(&self, invoice: InvoiceId) -> Option<Decimal> {
        self.funds.iter().find(|funds| funds.invoice == invoice).map(|funds| funds.paid)
    }

    fn read(&mut self, place: LineRef, line: &Line) {
        let (amount, tax) = (line.amount, line.tax);
        match (line.kind, line.days) {
            (LineKind::Period | LineKind::ProrationCharge, Some(days)) => {
                if let Some(first) = line.of.and_then(|of| self.line(of)) {
                    first.back += line.quantity;
                    first.returned.net += amount;
                    first.returned.tax += tax;
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
                if let Some(billed) = line.of.and_then(|of| self.line(of)) {
                    billed.leave(line.quantity, -amount, -tax);
                }
            }
            (LineKind::Period | LineKind::ProrationCharge | LineKind::Tax, _) => {}
        }
    }

    fn take_off(&mut self, note: &NoteLine) {
        if let Some(billed) = self.line(note.of) {
            billed.leave(note.leaving, note.amount, note.tax);
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
            left: 0,
            back: 0,
            billed: NetAndTax { net: line.amount, tax: line.tax },
            credited: NetAndTax::ZERO,
            returned: NetAndTax::ZERO,
        }
    }

    /// How many of its seats are still there.
    #[must_use]
    pub fn in_force(&self) -> u32 {
        self.quantity.saturating_sub(self.left)
    }

    /// How many have left, and not come back.
    pub(super) fn away(&self) -> u32 {
        self.left.saturating_sub(self.back)
    }

    fn leave(&mut self, quantity: u32, net: Decimal, tax: Decimal) {
        self.left += quantity;
        self.credited.net += net;
        self.credited.tax += tax;
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
            left: 0,
            back: 0,
            billed: NetAndTax { net, tax: Decimal::ZERO },
            credited: NetAndTax::ZERO,
            returned: NetAndTax::ZERO,
        }
    }
}
