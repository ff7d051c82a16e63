//! Between rows and invoices. Columns are named once to be read and once to be written, here.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{
        column,
        row::{InvalidColumn, currency, known, word},
    },
    id::{CustomerId, InvoiceId, MerchantId, PaymentId, SubscriptionId},
    invoice::{
        Invoice, Line, LineRef, Occasion, Span,
        dunning::{Policy, RetrySchedule},
    },
};

/// A query that answers invoices: what stands after the tables.
macro_rules! invoices {
    ($after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            $crate::invoice::store::row::InvoiceRow,
            r#"SELECT i.id, i.merchant_id, i.customer_id, i.subscription_id, i.period_index, i.change_seq,
                i.number, i.currency, i.status,
                i.lines AS "lines: crate::invoice::store::row::Lines",
                i.total, i.from_balance, i.amount_paid, i.amount_credited,
                i.dunning AS "dunning: sqlx::types::Json<crate::invoice::dunning::Policy>",
                i.first_declined_at, i.retries_used, i.retries_held, i.attempt_asked, i.next_attempt_at,
                i.created_at, i.updated_at, i.opened_at, i.ended_at,
                (SELECT count(*) FROM invoice_payments p WHERE p.invoice_id = i.id) AS "attempts!",
                (SELECT payment_id FROM invoice_payments p WHERE p.invoice_id = i.id AND p.open) AS live_payment
             FROM invoices i"# + $after
            $(, $argument)*
        )
    };
}
pub(crate) use invoices;

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
    pub amount_credited: Decimal,
    pub dunning: Json<Policy>,
    pub first_declined_at: Option<Timestamp>,
    pub retries_used: i32,
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
            amount_credited: row.amount_credited,
            attempts: known("attempts", row.attempts)?,
            live_payment: row.live_payment.map(PaymentId),
            retry_schedule: RetrySchedule {
                policy: row.dunning.0,
                first_declined_at: row.first_declined_at,
                used: known("retries_used", row.retries_used)?,
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

/// Stores new invoices.
pub async fn insert(db: &mut PgConnection, new: &[Invoice]) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO invoices (id, merchant_id, customer_id, subscription_id, period_index, change_seq,
             number, currency, status, lines, total, from_balance, dunning, created_at, updated_at, opened_at,
             ended_at)
         SELECT id, merchant_id, customer_id, subscription_id, period_index, change_seq, number, currency, status,
             lines, total, from_balance, dunning, created_at, created_at, opened_at, ended_at
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::text[],
                     $8::text[], $9::text[], $10::jsonb[], $11::numeric[], $12::numeric[], $13::jsonb[],
                     $14::timestamptz[], $15::timestamptz[], $16::timestamptz[])
              AS new (id, merchant_id, customer_id, subscription_id, period_index, change_seq, number, currency,
                      status, lines, total, from_balance, dunning, created_at, opened_at, ended_at)",
        &column(new, |i| i.id.0),
        &column(new, |i| i.merchant_id.0),
        &column(new, |i| i.customer_id.0),
        &column(new, |i| i.subscription_id.0),
        &column(new, |i| i64::from(i.period_index)),
        &column(new, |i| match i.occasion {
            Occasion::Period => None,
            Occasion::Change(change) => Some(i64::from(change)),
        }) as _,
        &column(new, |i| i.number.clone()) as _,
        &column(new, |i| i.currency.code().to_owned()),
        &column(new, |i| i.status.as_str().to_owned()),
        &column(new, |i| Json(i.lines.iter().map(StoredLine::from).collect::<Vec<_>>())) as _,
        &column(new, |i| i.total),
        &column(new, |i| i.from_balance),
        &column(new, |i| Json(&i.retry_schedule.policy)) as _,
        &column(new, |i| i.created_at),
        &column(new, |i| i.opened_at) as _,
        &column(new, |i| i.ended_at) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes what of invoices may change once they are open.
pub async fn update(db: &mut PgConnection, changed: &[&Invoice]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invoices i
         SET status = n.status, from_balance = n.from_balance, amount_paid = n.amount_paid,
             first_declined_at = n.first_declined_at, retries_used = n.retries_used, retries_held = n.held,
             next_attempt_at = n.next_at, ended_at = n.ended_at, attempt_asked = n.asked,
             amount_credited = n.amount_credited,
             updated_at = greatest(remit_now(), i.updated_at)
         FROM unnest($1::uuid[], $2::text[], $3::numeric[], $4::numeric[], $5::timestamptz[], $6::integer[],
                     $7::boolean[], $8::timestamptz[], $9::timestamptz[], $10::boolean[],
                     $11::numeric[])
              AS n (id, status, from_balance, amount_paid, first_declined_at, retries_used, held, next_at,
                    ended_at, asked, amount_credited)
         WHERE i.id = n.id",
        &column(changed, |i| i.id.0),
        &column(changed, |i| i.status.as_str().to_owned()),
        &column(changed, |i| i.from_balance),
        &column(changed, |i| i.amount_paid),
        &column(changed, |i| i.retry_schedule.first_declined_at) as _,
        &column(changed, |i| i32::try_from(i.retry_schedule.used).unwrap_or(i32::MAX)),
        &column(changed, |i| i.retry_schedule.held),
        &column(changed, |i| i.retry_schedule.next_at) as _,
        &column(changed, |i| i.ended_at) as _,
        &column(changed, |i| i.retry_schedule.asked),
        &column(changed, |i| i.amount_credited),
    )
    .execute(db)
    .await?;
    Ok(())
}
