//! A credit note: what was billed, will not be used, and was never paid. It makes its invoice smaller, and is no money.

use rust_decimal::Decimal;

use super::{LineRef, Span};
use crate::{clock::Timestamp, id::InvoiceId};

/// A line of a credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteLine {
    /// The line of the invoice that it takes from.
    pub of: LineRef,
    /// For people.
    pub description: String,
    /// How many seats it is about.
    pub quantity: u32,
    /// How many seats leave by it: none, where the invoice of the change tells them.
    pub leaving: u32,
    /// Without tax, not below zero.
    pub amount: Decimal,
    /// The tax on it, not below zero.
    pub tax: Decimal,
    /// The days that will not be used.
    pub days: Span,
}

impl NoteLine {
    /// What it takes off the invoice.
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.amount + self.tax
    }
}

/// A credit note on an invoice. There is at most one for each change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNote {
    /// The invoice that it makes smaller.
    pub invoice: InvoiceId,
    /// The change that called for it.
    pub change: u32,
    /// Its number: the invoice's, and the change's.
    pub number: String,
    /// What it is about.
    pub lines: Vec<NoteLine>,
    /// The sum of its lines.
    pub total: Decimal,
    /// When it was made.
    pub created_at: Timestamp,
}
