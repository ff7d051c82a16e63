//! An invoice: what a customer owes for a subscription, line by line, and how it is paid.
//!
//! [`totals`] turns what is sold into lines, [`state`] decides what becomes of the whole.

pub mod dunning;
mod note;
mod rate;
pub mod rounding;
mod span;
pub mod state;
pub mod store;
pub mod totals;

use rust_decimal::Decimal;
use serde::Serialize;

use dunning::RetrySchedule;
pub use note::{CreditNote, NoteLine};
pub use rate::{Discount, Duration, InvalidPercent, Percent, Reduction, TaxRate};
pub use span::Span;

use crate::{
    clock::Timestamp,
    id::{CustomerId, InvoiceId, MerchantId, PaymentId, SubscriptionId},
    money::{Currency, Money},
    name::names,
};

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

impl LineKind {
    /// Whether it is what something costs: the thing itself, or a discount on it.
    #[must_use]
    pub fn is_sold(self) -> bool {
        matches!(self, Self::Period | Self::ProrationCharge | Self::Discount)
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
    /// The line that a credit gives back, that a discount makes cheaper, or whose seats a charge takes up again.
    pub of: Option<LineRef>,
}

/// Where an invoice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being made: without a number, its lines may change, and it may be deleted.
    Draft,
    /// To be paid: it has its number, and its lines never change again.
    Open,
    /// Paid, or there was nothing to pay.
    Paid,
    /// Called off, as if it had never been.
    Void,
    /// Given up. It may still be paid.
    Uncollectible,
}

names!(
    Status,
    Draft => "draft", Open => "open", Paid => "paid", Void => "void", Uncollectible => "uncollectible",
);

/// What an invoice bills. Of each there is one invoice that is not void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// The whole of its period.
    Period,
    /// The change of that number, within its period.
    Change(u32),
}

/// A subscription that owes invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debtor {
    /// Which.
    pub subscription: SubscriptionId,
    /// It waits for the invoices that were given up, too; others have left them behind.
    pub is_unpaid: bool,
}

/// An invoice, whole.
#[derive(Debug, Clone)]
pub struct Invoice {
    /// Its name.
    pub id: InvoiceId,
    /// Whose money it asks for.
    pub merchant_id: MerchantId,
    /// Who is to pay.
    pub customer_id: CustomerId,
    /// For what.
    pub subscription_id: SubscriptionId,
    /// For which of its periods.
    pub period_index: u32,
    /// For what of that.
    pub occasion: Occasion,
    /// The merchant's number for it, from the moment it opens.
    pub number: Option<String>,
    /// What money is counted in.
    pub currency: Currency,
    /// Where it stands.
    pub status: Status,
    /// What it asks for.
    pub lines: Vec<Line>,
    /// The sum of the lines.
    pub total: Decimal,
    /// What of the total the customer's balance has paid; below zero, what it had owed from before, which is due
    /// besides.
    pub from_balance: Decimal,
    /// What of the total payments have paid.
    pub amount_paid: Decimal,
    /// What of the total credit notes have taken off: it was never paid, and never will be.
    pub amount_credited: Decimal,
    /// How many payments were begun for it.
    pub attempts: u32,
    /// The payment whose outcome is not known yet. While there is one, no other begins.
    pub live_payment: Option<PaymentId>,
    /// The retries: the policy of the day on which it opened, and how far they have come.
    pub retry_schedule: RetrySchedule,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it opened.
    pub opened_at: Option<Timestamp>,
    /// When it was paid, called off or given up.
    pub ended_at: Option<Timestamp>,
}

impl Invoice {
    /// What is still to pay.
    #[must_use]
    pub fn due(&self) -> Money {
        let amount = match self.status {
            Status::Draft | Status::Open | Status::Uncollectible => {
                self.total.max(Decimal::ZERO) - self.from_balance - self.amount_paid - self.amount_credited
            }
            Status::Paid | Status::Void => Decimal::ZERO,
        };
        Money { amount, currency: self.currency }
    }

    /// What its lines sell, net of discounts, with tax.
    #[must_use]
    pub fn charges(&self) -> Decimal {
        let sold = self.lines.iter().filter(|line| line.kind.is_sold());
        sold.map(|line| line.amount + line.tax).sum()
    }

    /// The lines, each with its place.
    pub fn places(&self) -> impl Iterator<Item = (LineRef, &Line)> {
        (0..).zip(&self.lines).map(|(position, line)| (LineRef { invoice: self.id, position }, line))
    }
}
