//! An invoice as its merchant sees it.

use common::{
    clock::Timestamp,
    id::{InvoiceId, PaymentId},
    invoice::{CreditNote, Invoice, Line, NoteLine, Occasion, store},
    money::{Currency, display_amount},
};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::docs::named;

/// An invoice. Its lines never change once it is open, and add up to its total.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "paid", "credit_notes": [] }))]
pub struct InvoiceView {
    #[schema(value_type = named::InvoiceId)]
    id: String,
    /// Always `invoice`.
    #[schema(example = "invoice")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    /// `draft`, `open` (to be paid), `paid`, `void` (called off) or `uncollectible` (given up; it may still be
    /// paid).
    #[schema(value_type = named::InvoiceStatus)]
    status: &'static str,
    /// Your number for it: one after the other, without gaps.
    #[schema(example = "000042")]
    number: Option<String>,
    /// Who is to pay.
    #[schema(value_type = named::CustomerId)]
    customer: String,
    /// For what.
    #[schema(value_type = named::SubscriptionId)]
    subscription: String,
    /// For which of its periods, from zero.
    period_index: u32,
    /// `period` (a whole one) or `change` (something changed within it).
    #[schema(value_type = named::Occasion)]
    occasion: &'static str,
    /// ISO 4217.
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    /// The sum of its lines; negative where more is given back than charged.
    #[schema(example = "49.90")]
    total: String,
    /// What of it the tax is, or within it.
    #[schema(example = "0.00")]
    tax: String,
    /// What of it the customer's balance has paid. What cannot be charged by itself (less than the gateway's least,
    /// or than its smallest coin) is carried forward so: the balance is below zero then, and so is this on the
    /// invoice that asks for it.
    #[schema(example = "0.00")]
    amount_from_balance: String,
    /// What of it payments have paid.
    #[schema(example = "49.90")]
    amount_paid: String,
    /// What of it credit notes have taken off: seats and days that will not be used, and were never paid.
    #[schema(example = "0.00")]
    amount_credited: String,
    /// What is still to pay.
    #[schema(example = "0.00")]
    amount_due: String,
    lines: Vec<LineView>,
    /// How many payments were begun for it.
    #[schema(example = 1)]
    attempts: u32,
    /// Its payments, in their order. Shown for one invoice, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Vec<named::PaymentId>>)]
    payments: Option<Vec<String>>,
    /// What has made it smaller. Shown for one invoice, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credit_notes: Option<Vec<CreditNoteView>>,
    /// When it is tried again, after a decline.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    opened_at: Option<Timestamp>,
    /// When it was paid, called off or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// A credit note: seats and days of an invoice that will not be used, and were never paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditNoteView {
    /// What it makes smaller.
    #[schema(value_type = named::InvoiceId)]
    invoice: String,
    /// The invoice's number, and which change called for it.
    #[schema(example = "000042-C1")]
    number: String,
    /// What it takes off, with tax.
    #[schema(example = "999.00")]
    total: String,
    /// What of it the tax is.
    #[schema(example = "0.00")]
    tax: String,
    lines: Vec<CreditNoteLineView>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A line of a credit note.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditNoteLineView {
    #[schema(example = "Unused: Team")]
    description: String,
    #[schema(example = 999)]
    quantity: u32,
    /// Without tax.
    #[schema(example = "999.00")]
    amount: String,
    /// The first day that will not be used.
    #[schema(format = Date, example = "2026-11-24")]
    from: String,
    /// The day after the last.
    #[schema(format = Date, example = "2026-12-24")]
    to: String,
}

impl CreditNoteView {
    /// A credit note, in `currency`.
    pub fn new(note: &CreditNote, currency: Currency) -> Self {
        let amount = |amount| display_amount(amount, currency);
        let line = |line: &NoteLine| CreditNoteLineView {
            description: line.description.clone(),
            quantity: line.quantity,
            amount: amount(line.amount),
            from: line.days.from.to_string(),
            to: line.days.to.to_string(),
        };
        Self {
            invoice: note.invoice.to_string(),
            number: note.number.clone(),
            total: amount(note.total),
            tax: amount(note.lines.iter().map(|line| line.tax).sum()),
            lines: note.lines.iter().map(line).collect(),
            created_at: note.created_at,
        }
    }
}

/// What is shown of one invoice, and not in lists.
#[derive(Debug, Default)]
pub struct Details {
    payments: Vec<PaymentId>,
    notes: Vec<CreditNote>,
}

impl Details {
    /// What belongs to an invoice.
    pub async fn of(db: &mut PgConnection, id: InvoiceId) -> sqlx::Result<Self> {
        let payments = store::payments(&mut *db, id).await?;
        Ok(Self { payments, notes: store::notes(db, &[id.0]).await? })
    }
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    #[schema(value_type = named::LineKind)]
    kind: &'static str,
    #[schema(example = "Team")]
    description: String,
    #[schema(example = 1)]
    quantity: u32,
    /// The price of one for a whole period.
    #[schema(example = "49.90")]
    unit_amount: String,
    /// Negative on credits and discounts.
    #[schema(example = "49.90")]
    amount: String,
    /// The first day that it bills, or gives back.
    #[schema(format = Date, example = "2026-11-24")]
    from: Option<String>,
    /// The day after the last.
    #[schema(format = Date, example = "2026-12-24")]
    to: Option<String>,
}

impl InvoiceView {
    /// An invoice, as its merchant sees it.
    pub fn new(livemode: bool, invoice: Invoice, details: Option<Details>) -> Self {
        let currency = invoice.currency;
        let (payments, notes) = details.map(|all| (all.payments, all.notes)).unzip();
        let amount = |amount| display_amount(amount, currency);
        Self {
            id: invoice.id.to_string(),
            object: "invoice",
            livemode,
            status: invoice.status.as_str(),
            customer: invoice.customer_id.to_string(),
            subscription: invoice.subscription_id.to_string(),
            period_index: invoice.period_index,
            occasion: match invoice.occasion {
                Occasion::Period => "period",
                Occasion::Change(_) => "change",
            },
            currency: currency.code(),
            total: amount(invoice.total),
            tax: amount(invoice.lines.iter().map(|line| line.tax).sum()),
            amount_from_balance: amount(invoice.from_balance),
            amount_paid: amount(invoice.amount_paid),
            amount_credited: amount(invoice.amount_credited),
            amount_due: invoice.due().display_amount(),
            lines: LineView::all(&invoice.lines, currency),
            number: invoice.number,
            attempts: invoice.attempts,
            payments: payments.map(|payments| payments.iter().map(PaymentId::to_string).collect()),
            credit_notes: notes
                .map(|notes| notes.iter().map(|note| CreditNoteView::new(note, currency)).collect()),
            next_attempt_at: invoice.retry_schedule.next_at,
            created_at: invoice.created_at,
            updated_at: invoice.updated_at,
            opened_at: invoice.opened_at,
            ended_at: invoice.ended_at,
        }
    }
}

impl LineView {
    /// The lines of an invoice in `currency`.
    pub fn all(lines: &[Line], currency: Currency) -> Vec<Self> {
        lines.iter().map(|line| Self::new(line, currency)).collect()
    }

    fn new(line: &Line, currency: Currency) -> Self {
        Self {
            kind: line.kind.as_str(),
            description: line.description.clone(),
            quantity: line.quantity,
            unit_amount: display_amount(line.unit_amount, currency),
            amount: display_amount(line.amount, currency),
            from: line.days.map(|days| days.from.to_string()),
            to: line.days.map(|days| days.to.to_string()),
        }
    }
}
