//! The credit notes on invoices, and what of their payments has gone back.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{self, row::known, unreadable},
    id::{InvoiceId, SubscriptionId},
    invoice::{CreditNote, Invoice, LineRef, NoteLine, Span, state},
};

use super::{read_all, write};

/// A [`NoteLine`], as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct StoredLine {
    position: u32,
    description: String,
    quantity: u32,
    leaving: u32,
    amount: Decimal,
    tax: Decimal,
    days: (NaiveDate, NaiveDate),
}

/// How the money of an invoice's payments flowed beside the invoice. What another gateway took beside a payment is a
/// duplicate's, and none of the invoice's; one at the same gateway cannot be told from the payment by its dispute.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    invoice: Uuid,
    /// What came that was too much for it: it went to the customer's balance.
    pub surplus: Decimal,
    /// What was refunded, or is being refunded, or is disputed and not won.
    pub back: Decimal,
    /// What of that was taken from the balance.
    pub reclaimed: Decimal,
}

impl Flow {
    /// What went back of what its lines were paid.
    pub fn gone(&self) -> Decimal {
        self.back - self.reclaimed
    }

    /// What was too much and has not gone back.
    pub fn spare(&self) -> Decimal {
        (self.surplus - self.back).max(Decimal::ZERO)
    }

    /// What should be taken from the balance, where `held` of the invoice was paid and not given back: what was too much
    /// goes back first, and what goes back beyond what is held is with the customer twice.
    pub fn twice(&self, held: Decimal) -> Decimal {
        let too_much = self.back.min(self.surplus);
        too_much + (self.back - too_much - held).max(Decimal::ZERO)
    }
}

/// [`flows`], of one; nothing has flowed where nothing was paid.
pub(crate) async fn flow(db: &mut PgConnection, invoice: InvoiceId) -> sqlx::Result<Flow> {
    Ok(flows(db, &[invoice.0]).await?.pop().unwrap_or_default())
}

/// What of these invoices went back of what their lines were paid.
pub(crate) async fn gone(
    db: &mut PgConnection,
    invoices: &[Uuid],
) -> sqlx::Result<impl Iterator<Item = (InvoiceId, Decimal)>> {
    Ok(flows(db, invoices).await?.into_iter().map(|flow| (InvoiceId(flow.invoice), flow.gone())))
}

async fn flows(db: &mut PgConnection, invoices: &[Uuid]) -> sqlx::Result<Vec<Flow>> {
    sqlx::query_as!(
        Flow,
        r#"SELECT i.id AS invoice, coalesce(sum(p.amount_captured), 0) - i.amount_paid AS "surplus!", i.amount_reclaimed AS reclaimed,
               coalesce(sum(p.amount_refunded + p.amount_refunding + coalesce((
                   SELECT sum(d.amount) FROM disputes d
                   WHERE d.payment_id = p.id AND d.gateway = p.gateway AND d.status IN ('open', 'lost')), 0)), 0) AS "back!"
           FROM invoices i JOIN invoice_payments a ON a.invoice_id = i.id JOIN payments p ON p.id = a.payment_id
           WHERE i.id = ANY($1) AND p.status = 'succeeded' GROUP BY i.id"#,
        invoices,
    )
    .fetch_all(db)
    .await
}

/// The credit notes on these invoices, in their order.
pub async fn notes(db: impl PgExecutor<'_>, invoices: &[Uuid]) -> sqlx::Result<Vec<CreditNote>> {
    let rows = sqlx::query!(
        r#"SELECT invoice_id, change_seq, number, lines AS "lines: Json<Vec<StoredLine>>", total, created_at
           FROM credit_notes WHERE invoice_id = ANY($1) ORDER BY invoice_id, change_seq"#,
        invoices,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let invoice = InvoiceId(row.invoice_id);
            let lines = row.lines.0.into_iter().map(|line| NoteLine {
                of: LineRef { invoice, position: line.position },
                description: line.description,
                quantity: line.quantity,
                leaving: line.leaving,
                amount: line.amount,
                tax: line.tax,
                days: Span { from: line.days.0, to: line.days.1 },
            });
            Ok(CreditNote {
                invoice,
                change: known("change_seq", row.change_seq).map_err(unreadable)?,
                number: row.number,
                lines: lines.collect(),
                total: row.total,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// The credit notes that a change of a subscription has called for.
pub(crate) async fn notes_of_change(
    db: &mut PgConnection,
    subscription: SubscriptionId,
    change: u32,
) -> sqlx::Result<Vec<CreditNote>> {
    let invoices = sqlx::query_scalar!(
        "SELECT n.invoice_id FROM invoices i JOIN credit_notes n ON n.invoice_id = i.id
         WHERE i.subscription_id = $1 AND n.change_seq = $2",
        subscription.0,
        i64::from(change),
    )
    .fetch_all(&mut *db)
    .await?;
    let mut notes = notes(db, &invoices).await?;
    notes.retain(|note| note.change == change);
    Ok(notes)
}

/// Takes off invoices of a subscription that is locked what a change withdraws and nobody has paid. Whether one of
/// them has nothing left to pay.
pub(crate) async fn credit(
    db: &mut PgConnection,
    change: u32,
    lines: &[NoteLine],
    now: Timestamp,
) -> db::Result<bool> {
    let mut ids: Vec<_> = lines.iter().map(|line| line.of.invoice).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut invoices = read_all(&mut *db, &ids).await?;
    let mut changed = Vec::new();
    for id in ids {
        let mut invoice = invoices.remove(&id).ok_or_else(super::no_invoice)?;
        let of_it: Vec<_> = lines.iter().filter(|line| line.of.invoice == id).collect();
        let total = of_it.iter().map(|line| line.total()).sum();
        let before = invoice.status;
        state::credit(&mut invoice, total, now).map_err(|refusal| {
            db::Error::broken(format!("what was planned cannot be credited: {refusal}"))
        })?;
        insert(&mut *db, &invoice, change, &of_it, total, now).await?;
        changed.push((before, invoice));
    }
    write(&mut *db, &changed.iter().map(|(before, invoice)| (*before, invoice)).collect::<Vec<_>>(), now)
        .await?;
    Ok(changed.iter().any(|(before, invoice)| invoice.status != *before))
}

async fn insert(
    db: &mut PgConnection,
    invoice: &Invoice,
    change: u32,
    lines: &[&NoteLine],
    total: Decimal,
    now: Timestamp,
) -> sqlx::Result<()> {
    let number = format!("{}-C{change}", invoice.number.as_deref().unwrap_or_default());
    let stored = lines.iter().map(|line| StoredLine {
        position: line.of.position,
        description: line.description.clone(),
        quantity: line.quantity,
        leaving: line.leaving,
        amount: line.amount,
        tax: line.tax,
        days: (line.days.from, line.days.to),
    });
    sqlx::query!(
        "INSERT INTO credit_notes (invoice_id, change_seq, number, lines, total, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        invoice.id.0,
        i64::from(change),
        number,
        Json(stored.collect::<Vec<_>>()) as _,
        total,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}
