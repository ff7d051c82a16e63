//! What is known of a customer from outside: the invoices and the balance, as the API shows them, and what payments have
//! moved.

use std::collections::BTreeMap;

use common::id::InvoiceId;
use serde_json::Value;
use sqlx::PgPool;
use tests::{
    Deployment, eventually,
    law::{BillFacts, Facts},
};
use uuid::Uuid;

/// Coins, as merchants write money.
pub fn money(coins: i64, digits: u32) -> String {
    let one = 10_i64.pow(digits);
    let (whole, part) = (coins / one, coins % one);
    if digits == 0 { coins.to_string() } else { format!("{whole}.{part:0width$}", width = digits as usize) }
}

/// Money as merchants read it, in coins.
pub fn coins(text: &Value, digits: u32) -> i64 {
    let text = text.as_str().unwrap_or("0");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    assert!(part.len() == digits as usize || part.is_empty(), "{text}");
    let part = format!("{part:0<width$}", width = digits as usize);
    format!("{whole}{part}").parse().unwrap()
}

/// Everything, as it stands.
pub async fn of(deployment: &Deployment, customer: &str, digits: u32) -> (Facts, Vec<Value>) {
    let merchant = &deployment.merchant;
    let shown = merchant.get(&format!("/customers/{customer}")).await.body;
    let balance = coins(&shown["balances"][0]["amount"], digits);
    let mut invoices = merchant.all(&format!("/invoices?customer={customer}&limit=100")).await;
    invoices.reverse();
    let moved = moved(&deployment.pool, &invoices, digits).await;
    let mut bills = BTreeMap::new();
    for invoice in &invoices {
        let id = invoice["id"].as_str().unwrap();
        let of = |field: &str| coins(&invoice[field], digits);
        let (received, refunded, disputed, reclaimed) = moved.get(id).copied().unwrap_or_default();
        let facts = BillFacts {
            status: invoice["status"].as_str().unwrap().to_owned(),
            due: of("amount_due"),
            from_balance: of("amount_from_balance"),
            paid: of("amount_paid"),
            received,
            refunded,
            disputed,
            reclaimed,
        };
        bills.insert(id.to_owned(), facts);
    }
    (Facts { balance, bills }, invoices)
}

/// Of payments of an invoice: what they have brought, what of it was refunded or is on its way back, what is disputed or
/// lost, and what of that the balance gave up.
type Moved = (i64, i64, i64, i64);

async fn moved(pool: &PgPool, invoices: &[Value], digits: u32) -> BTreeMap<String, Moved> {
    let ids: Vec<Uuid> = invoices
        .iter()
        .map(|invoice| invoice["id"].as_str().unwrap().parse::<InvoiceId>().unwrap().0)
        .collect();
    let rows: Vec<(Uuid, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT i.id, (sum(p.amount_captured) * $2)::bigint,
                (sum(p.amount_refunded + p.amount_refunding) * $2)::bigint,
                (sum(coalesce((SELECT sum(d.amount) FROM disputes d
                    WHERE d.payment_id = p.id AND d.status <> 'won'), 0)) * $2)::bigint,
                (i.amount_reclaimed * $2)::bigint
         FROM invoices i JOIN payments p ON p.invoice_id = i.id WHERE i.id = ANY($1) GROUP BY i.id",
    )
    .bind(&ids)
    .bind(10_i64.pow(digits))
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(id, received, refunded, disputed, reclaimed)| {
            (InvoiceId(id).to_string(), (received, refunded, disputed, reclaimed))
        })
        .collect()
}

/// Waits until nothing of this customer is under way, or due.
pub async fn quiet(deployment: &Deployment, customer: Uuid) {
    let busy = "SELECT
        (SELECT count(*) FROM payments p JOIN invoices i ON i.id = p.invoice_id
         WHERE i.customer_id = $1 AND p.status IN ('pending', 'processing')) + (
        SELECT count(*) FROM jobs j WHERE j.due_at <= remit_now() AND j.kind <> 'handle_event' AND j.subject_id IN (
            SELECT id FROM subscriptions WHERE customer_id = $1
            UNION SELECT id FROM invoices WHERE customer_id = $1
            UNION SELECT p.id FROM payments p JOIN invoices i ON i.id = p.invoice_id WHERE i.customer_id = $1
            UNION SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment_id
                  JOIN invoices i ON i.id = p.invoice_id WHERE i.customer_id = $1))";
    eventually("nothing of the customer is under way", || async {
        let busy: i64 = sqlx::query_scalar(busy).bind(customer).fetch_one(&deployment.pool).await.unwrap();
        (busy == 0).then_some(())
    })
    .await;
}
