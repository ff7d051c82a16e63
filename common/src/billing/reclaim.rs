//! Money that is with a customer twice: given back to the balance, and gone back by a refund or a dispute as well. The
//! balance gives it up, as far as it is still there.

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    customer::{
        BalanceDelta,
        store::{balance, credit},
    },
    db,
    event::{self, Event, EventType},
    id::{CustomerId, InvoiceId, MerchantId, SubscriptionId},
    invoice::{
        Invoice, LineKind,
        store::{Flow, flow, read},
    },
    money::{Currency, display_amount},
    payment::Payment,
    subscription,
};

use super::book::book;

/// An invoice, and what was paid of it, whose subscription is locked from here on.
struct Paid {
    invoice: Invoice,
    /// What was paid for its lines, or of what was carried to it, and is still here; below zero, what is with the customer
    /// twice.
    left: Decimal,
    /// What the customer has in the balance, which is held from here on.
    held: Decimal,
    flow: Flow,
}

async fn paid(db: &mut PgConnection, id: InvoiceId) -> db::Result<Paid> {
    let of = sqlx::query_scalar!("SELECT subscription_id FROM invoices WHERE id = $1", id.0);
    let subscription = SubscriptionId(of.fetch_one(&mut *db).await?);
    subscription::store::lock(&mut *db, subscription).await?;
    let invoice = read(&mut *db, id).await?;
    let held = balance(&mut *db, invoice.customer_id, invoice.currency).await?.max(Decimal::ZERO);
    let flow = flow(&mut *db, id).await?;
    // What is void was paid for nothing.
    let left = book(&mut *db, subscription, invoice.period_index).await?.left(id).unwrap_or(-flow.gone());
    let carried = (-invoice.from_balance).max(Decimal::ZERO);
    Ok(Paid { invoice, left: left + carried, held, flow })
}

/// How much can be refunded of a payment of an invoice, which is locked: what came, less what was refunded, and less
/// what its customer has got or used otherwise. What was too much is in the balance, and can be taken from there.
pub(crate) async fn refundable(db: &mut PgConnection, payment: &Payment) -> db::Result<Decimal> {
    let rest = payment.refundable();
    let Some(billing) = &payment.billing else { return Ok(rest) };
    let Paid { left, held, flow, .. } = paid(&mut *db, billing.invoice).await?;
    Ok(rest.min(left.max(Decimal::ZERO) + flow.spare().min(held)))
}

/// Money of a payment has gone back, or will not go back after all. The payment is locked, and stored as it is now.
pub(crate) async fn reclaim(db: &mut PgConnection, payment: &Payment) -> db::Result<()> {
    let Some(billing) = &payment.billing else { return Ok(()) };
    let lowered = format!("{} was refunded, or is disputed", payment.id);
    let raised = format!("{lowered}, and is not any more");
    let whose = reassess(&mut *db, billing.invoice, (&lowered, &raised)).await?;
    collect(db, whose).await
}

/// An invoice of a subscription that is locked is void, as it is stored: what it gave back is in force again, and what
/// went back of that is with the customer once. What it had of the balance is there again.
pub(super) async fn reclaim_of_void(db: &mut PgConnection, void: &Invoice) -> db::Result<()> {
    let credits = void.lines.iter().filter(|line| line.kind == LineKind::ProrationCredit);
    let mut ids: Vec<_> = credits.filter_map(|line| Some(line.of?.invoice)).chain([void.id]).collect();
    ids.sort_unstable();
    ids.dedup();
    let why = format!("{} is void", void.id);
    for id in ids {
        reassess(&mut *db, id, (&why, &why)).await?;
    }
    collect(db, (void.merchant_id, void.customer_id, void.currency)).await
}

/// Works out anew what of an invoice is with its customer twice, and takes that from the balance, or returns what is not
/// twice any more.
async fn reassess(
    db: &mut PgConnection,
    id: InvoiceId,
    why: (&str, &str),
) -> db::Result<(MerchantId, CustomerId, Currency)> {
    let Paid { invoice, left, held, flow } = paid(&mut *db, id).await?;
    let twice = flow.twice(left + flow.gone());
    sqlx::query!("UPDATE invoices SET amount_twice = $2 WHERE id = $1", invoice.id.0, twice)
        .execute(&mut *db)
        .await?;
    let whose = (invoice.merchant_id, invoice.customer_id, invoice.currency);
    take(db, invoice.id, (twice - flow.reclaimed).min(held), whose, why).await?;
    Ok(whose)
}

/// Something may have come into a balance: what was with the customer twice, and could not be taken then, is taken now.
pub(super) async fn collect(
    db: &mut PgConnection,
    whose @ (_, customer, currency): (MerchantId, CustomerId, Currency),
) -> db::Result<()> {
    let mut held = balance(&mut *db, customer, currency).await?.max(Decimal::ZERO);
    let owed = sqlx::query!(
        r#"SELECT id, amount_twice - amount_reclaimed AS "owed!" FROM invoices
           WHERE customer_id = $1 AND currency = $2 AND amount_twice > amount_reclaimed ORDER BY id"#,
        customer.0,
        currency.code(),
    )
    .fetch_all(&mut *db)
    .await?;
    for row in owed {
        let change = row.owed.min(held);
        held -= change;
        let id = InvoiceId(row.id);
        let why = format!("{id} was refunded, or is disputed");
        take(&mut *db, id, change, whose, (&why, &why)).await?;
    }
    Ok(())
}

/// Takes `change` from the balance, or returns it there where it is below zero; why, of each.
async fn take(
    db: &mut PgConnection,
    invoice: InvoiceId,
    change: Decimal,
    whose: (MerchantId, CustomerId, Currency),
    (lowered, raised): (&str, &str),
) -> db::Result<()> {
    if change.is_zero() {
        return Ok(());
    }
    let (merchant_id, customer, currency) = whose;
    sqlx::query!(
        "UPDATE invoices SET amount_reclaimed = amount_reclaimed + $2 WHERE id = $1",
        invoice.0,
        change,
    )
    .execute(&mut *db)
    .await?;
    credit(&mut *db, customer, currency, BalanceDelta(-change)).await?;
    let left = balance(&mut *db, customer, currency).await?;
    let (r#type, why) = match change.is_sign_positive() {
        true => (EventType::CustomerBalanceLowered, lowered),
        false => (EventType::CustomerBalanceRaised, raised),
    };
    let told = Event {
        merchant_id,
        subject: customer.0,
        r#type,
        data: json!({
            "id": customer, "object": "customer", "amount": display_amount(change.abs(), currency), "currency": currency,
            "balance": display_amount(left, currency), "why": why,
        }),
    };
    let now = crate::db::now(&mut *db).await?;
    Ok(event::store::append(db, &[told], now).await?)
}
