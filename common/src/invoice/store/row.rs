//! Between rows and invoices. Columns are named once to be read and once to be written, here.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{CustomerId, InvoiceId, MerchantId, PaymentId, SubscriptionId},
    invoice::{
        Invoice, Line, LineRef, Occasion, Span,
        dunning::{Ladder, Policy},
    },
    subscription::store::{InvalidColumn, currency, known, word},
};

/// A query that answers invoices: what stands after the tables.
macro_rules! invoices {
    ($after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            $crate::invoice::store::row::InvoiceRow,
            r#"SELECT i.id, i.merchant_id, i.customer_id, i.subscription_id, i.period_index, i.change_seq,
                i.number, i.currency, i.status,
                i.lines AS "lines: crate::invoice::store::row::Lines",
                i.total, i.from_balance, i.amount_paid,
                i.dunning AS "dunning: sqlx::types::Json<crate::invoice::dunning::Policy>",
                i.first_declined_at, i.rungs_used, i.retries_held, i.attempt_asked, i.next_attempt_at,
                i.created_at, i.updated_at, i.opened_at, i.ended_at,
                (SELECT count(*) FROM invoice_payments p WHERE p.invoice_id = i.id) AS "attempts!",
                (SELECT payment_id FROM invoice_payments p WHERE p.invoice_id = i.id AND p.open) AS live_payment
             FROM invoices i"# + $after
            $(, $argument)*
        )
    };
}
pub(super) use invoices;

/// The name of a column, which this stands in, is short.
pub type Lines = Json<Vec<StoredLine>>;

/// A row of `invoices`, as the database types it.
pub struct InvoiceRow {
    pub id: Uuid,
    pub merchant_id: Uuid,
    pub customer_id: Uuid,
    pub subscription_id: Uuid,
    pub period_index: i64,
    pub change_seq: Option<i64>,
    pub number: Option<String>,
    pub currency: String,
    pub status: String,
    pub lines: Lines,
    pub total: Decimal,
    pub from_balance: Decimal,
    pub amount_paid: Decimal,
    pub dunning: Json<Policy>,
    pub first_declined_at: Option<Timestamp>,
    pub rungs_used: i32,
    pub retries_held: bool,
    pub attempt_asked: bool,
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub opened_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub attempts: i64,
    pub live_payment: Option<Uuid>,
}

/// A [`Line`], as it is stored.
#[derive(Serialize, Deserialize)]
pub struct StoredLine {
    kind: String,
    description: String,
    quantity: u32,
    unit_amount: Decimal,
    amount: Decimal,
    tax: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<(NaiveDate, NaiveDate)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<(InvoiceId, u32)>,
}

impl From<&Line> for StoredLine {
    fn from(line: &Line) -> Self {
        Self {
            kind: line.kind.as_str().to_owned(),
            description: line.description.clone(),
            quantity: line.quantity,
            unit_amount: line.unit_amount,
            amount: line.amount,
            tax: line.tax,
            days: line.days.map(|Span { from, to }| (from, to)),
            of: line.of.map(|LineRef { invoice, position }| (invoice, position)),
        }
    }
}

impl TryFrom<StoredLine> for Line {
    type Error = InvalidColumn;

    fn try_from(stored: StoredLine) -> Result<Self, InvalidColumn> {
        Ok(Self {
            kind: word("lines", &stored.kind)?,
            description: stored.description,
            quantity: stored.quantity,
            unit_amount: stored.unit_amount,
            amount: stored.amount,
            tax: stored.tax,
            days: stored.days.map(|(from, to)| Span { from, to }),
            of: stored.of.map(|(invoice, position)| LineRef { invoice, position }),
        })
    }
}

impl TryFrom<InvoiceRow> for Invoice {
    type Error = InvalidColumn;

    fn try_from(row: InvoiceRow) -> Result<Self, InvalidColumn> {
        let change = row.change_seq.map(|change| known("change_seq", change)).transpose()?;
        Ok(Self {
            id: InvoiceId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            customer_id: CustomerId(row.customer_id),
            subscription_id: SubscriptionId(row.subscription_id),
            period_index: known("period_index", row.period_index)?,
            occasion: change.map_or(Occasion::Period, Occasion::Change),
            number: row.number,
            currency: currency(&row.currency)?,
            status: word("status", &row.status)?,
            lines: row.lines.0.into_iter().map(Line::try_from).collect::<Result<_, _>>()?,
            total: row.total,
            from_balance: row.from_balance,
            amount_paid: row.amount_paid,
            attempts: known("attempts", row.attempts)?,
            live_payment: row.live_payment.map(PaymentId),
            ladder: Ladder {
                policy: row.dunning.0,
                first_declined_at: row.first_declined_at,
                used: known("rungs_used", row.rungs_used)?,
                held: row.retries_held,
                asked: row.attempt_asked,
                next_at: row.next_attempt_at,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
            opened_at: row.opened_at,
            ended_at: row.ended_at,
        })
    }
}

/// Stores a new invoice.
pub async fn insert(db: &mut PgConnection, new: &Invoice) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invoices (id, merchant_id, customer_id, subscription_id, period_index, change_seq,
             number, currency, status, lines, total, from_balance, dunning, created_at, updated_at, opened_at,
             ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16)",
        new.id.0,
        new.merchant_id.0,
        new.customer_id.0,
        new.subscription_id.0,
        i64::from(new.period_index),
        match new.occasion {
            Occasion::Period => None,
            Occasion::Change(change) => Some(i64::from(change)),
        },
        new.number,
        new.currency.code(),
        new.status.as_str(),
        Json(new.lines.iter().map(StoredLine::from).collect::<Vec<_>>()) as _,
        new.total,
        new.from_balance,
        Json(&new.ladder.policy) as _,
        new.created_at,
        new.opened_at,
        new.ended_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes what of an invoice may change once it is open.
pub async fn update(db: &mut PgConnection, invoice: &Invoice) -> sqlx::Result<()> {
    let Ladder { first_declined_at, used, held, asked, next_at, .. } = &invoice.ladder;
    sqlx::query!(
        "UPDATE invoices
         SET status = $2, from_balance = $3, amount_paid = $4, first_declined_at = $5, rungs_used = $6,
             retries_held = $7, next_attempt_at = $8, ended_at = $9, attempt_asked = $10,
             updated_at = greatest(remit_now(), updated_at)
         WHERE id = $1",
        invoice.id.0,
        invoice.status.as_str(),
        invoice.from_balance,
        invoice.amount_paid,
        *first_declined_at,
        i32::try_from(*used).unwrap_or(i32::MAX),
        held,
        *next_at,
        invoice.ended_at,
        asked,
    )
    .execute(db)
    .await?;
    Ok(())
}
