//! Money that is with a customer twice: given back to the balance, and gone back by a refund or a dispute as well. The
//! balance gives it up, as far as it is still there.

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    customer::store::{balance, credit},
    id::{InvoiceId, SubscriptionId},
    invoice::{Invoice, Status, state::ToBalance},
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
    /// What was paid for its lines and is still here.
    left: Decimal,
    /// What has gone back beyond that: what a change gave to the balance, or what was too much.
    twice: Decimal,
    flow: Flow,
}

async fn paid(db: &mut PgConnection, id: InvoiceId) -> sqlx::Result<Paid> {
    let of = sqlx::query_scalar!("SELECT subscription_id FROM invoices WHERE id = $1", id.0);
    let subscription = SubscriptionId(of.fetch_one(&mut *db).await?);
    subscription::store::lock(&mut *db, subscription).await?;
    let invoice = read(&mut *db, id).await?;
    let flow = flow(&mut *db, id).await?;
    let left = match invoice.status {
        // What is void was paid for nothing.
        Status::Void => -flow.back,
        _ => book(&mut *db, subscription, invoice.period_index).await?.left(id),
    };
    Ok(Paid { invoice, left: left.max(Decimal::ZERO), twice: (-left).max(Decimal::ZERO), flow })
}

/// How much can be refunded of a payment of an invoice, which is locked: what came, less what was refunded, and less
/// what its customer has got or used otherwise. What was too much is in the balance, and can be taken from there.
pub(crate) async fn refundable(db: &mut PgConnection, payment: &Payment) -> sqlx::Result<Decimal> {
    let rest = payment.refundable();
    let Some(billing) = &payment.billing else { return Ok(rest) };
    let Paid { invoice, left, twice, flow } = paid(&mut *db, billing.invoice).await?;
    let held = balance(&mut *db, invoice.customer_id, invoice.currency).await?;
    let spare = (flow.surplus - twice).max(Decimal::ZERO);
    Ok(rest.min(left + spare.min(held.max(Decimal::ZERO))))
}

/// Money of a payment has gone back, or will not go back after all. The payment is locked, and stored as it is now.
pub(crate) async fn reclaim(db: &mut PgConnection, payment: &Payment) -> sqlx::Result<()> {
    let Some(billing) = &payment.billing else { return Ok(()) };
    let Paid { invoice, twice, .. } = paid(&mut *db, billing.invoice).await?;
    let reclaimed = sqlx::query_scalar!("SELECT amount_reclaimed FROM invoices WHERE id = $1", invoice.id.0);
    let reclaimed = reclaimed.fetch_one(&mut *db).await?;
    let held = balance(&mut *db, invoice.customer_id, invoice.currency).await?;
    let change = (twice - reclaimed).min(held.max(Decimal::ZERO));
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
