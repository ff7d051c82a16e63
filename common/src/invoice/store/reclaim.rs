//! Money that is with a customer twice: given back to the balance, and gone back by a refund or a dispute as well. The
//! balance gives it up, as far as it is still there.

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    customer::store::{balance, credit},
    id::{InvoiceId, SubscriptionId},
    invoice::{Invoice, state::ToBalance},
    money::display_amount,
    payment::{
        Payment,
        store::{Happened, insert_events},
    },
    subscription,
};

use super::{
    book::{Flow, book, flow},
    read,
};

/// An invoice, and what was paid of it, whose subscription is locked from here on.
struct Paid {
    invoice: Invoice,
    /// What was paid for its lines and is still here; below zero, what is with the customer twice.
    left: Decimal,
    flow: Flow,
}

async fn paid(db: &mut PgConnection, id: InvoiceId) -> sqlx::Result<Paid> {
    let of = sqlx::query_scalar!("SELECT subscription_id FROM invoices WHERE id = $1", id.0);
    let subscription = SubscriptionId(of.fetch_one(&mut *db).await?);
    subscription::store::lock(&mut *db, subscription).await?;
    let invoice = read(&mut *db, id).await?;
    let flow = flow(&mut *db, id).await?;
    // What is void was paid for nothing.
    let left = book(&mut *db, subscription, invoice.period_index).await?.left(id).unwrap_or(-flow.gone());
    Ok(Paid { invoice, left, flow })
}

/// How much can be refunded of a payment of an invoice, which is locked: what came, less what was refunded, and less
/// what its customer has got or used otherwise. What was too much is in the balance, and can be taken from there.
pub(crate) async fn refundable(db: &mut PgConnection, payment: &Payment) -> sqlx::Result<Decimal> {
    let rest = payment.refundable();
    let Some(billing) = &payment.billing else { return Ok(rest) };
    let Paid { invoice, left, flow, .. } = paid(&mut *db, billing.invoice).await?;
    let held = balance(&mut *db, invoice.customer_id, invoice.currency).await?;
    Ok(rest.min(left.max(Decimal::ZERO) + flow.spare().min(held.max(Decimal::ZERO))))
}

/// Money of a payment has gone back, or will not go back after all. The payment is locked, and stored as it is now.
pub(crate) async fn reclaim(db: &mut PgConnection, payment: &Payment) -> sqlx::Result<()> {
    let Some(billing) = &payment.billing else { return Ok(()) };
    let Paid { invoice, left, flow } = paid(&mut *db, billing.invoice).await?;
    let held = balance(&mut *db, invoice.customer_id, invoice.currency).await?;
    let change = (flow.twice(left + flow.gone()) - flow.reclaimed).min(held.max(Decimal::ZERO));
    if change.is_zero() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE invoices SET amount_reclaimed = amount_reclaimed + $2 WHERE id = $1",
        invoice.id.0,
        change,
    )
    .execute(&mut *db)
    .await?;
    credit(&mut *db, invoice.customer_id, invoice.currency, ToBalance(-change)).await?;
    let now = crate::db::now(&mut *db).await?;
    insert_events(db, &[told(&invoice, payment, held - change, change)], now).await
}

fn told(invoice: &Invoice, payment: &Payment, left: Decimal, change: Decimal) -> Happened {
    let (what, why) = if change.is_sign_positive() {
        ("lowered", "was given back otherwise")
    } else {
        ("raised", "was not given back otherwise after all")
    };
    Happened {
        merchant_id: invoice.merchant_id,
        subject: invoice.customer_id.0,
        kind: format!("customer.balance_{what}"),
        data: json!({
            "id": invoice.customer_id, "amount": display_amount(change.abs(), invoice.currency),
            "currency": invoice.currency, "balance": display_amount(left, invoice.currency),
            "why": format!("{} {why}", payment.id),
        }),
    }
}
