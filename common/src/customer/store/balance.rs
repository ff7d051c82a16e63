//! What customers have in their balances. Several are held in one order, so that two who do this at once cannot
//! wait for each other.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::{
    customer::{BalanceDelta, Customer},
    db::unreadable,
    event::{self, Event, EventType},
    id::CustomerId,
    money::{Currency, Money},
};

/// Whose, and of what.
pub(crate) type BalanceKey = (CustomerId, Currency);

/// What is in these, held until the end of the transaction. Those that were never filled are left out.
pub(crate) async fn hold_balances(
    db: &mut PgConnection,
    keys: impl Iterator<Item = BalanceKey>,
) -> sqlx::Result<HashMap<BalanceKey, Decimal>> {
    let (customers, currencies): (Vec<_>, Vec<_>) =
        keys.map(|(customer, currency)| (customer.0, currency.code().to_owned())).unzip();
    let rows = sqlx::query!(
        "SELECT customer_id, currency, amount FROM customer_balances
         WHERE (customer_id, currency) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))
         ORDER BY customer_id, currency FOR UPDATE",
        &customers,
        &currencies,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = Currency::from_code(&row.currency).map_err(unreadable)?;
            Ok(((CustomerId(row.customer_id), currency), row.amount))
        })
        .collect()
}

/// What a customer has in the balance of a currency, or owes where it is below zero, held until the end of the transaction.
pub(crate) async fn balance(
    db: &mut PgConnection,
    customer: CustomerId,
    currency: Currency,
) -> sqlx::Result<Decimal> {
    let held = hold_balances(db, std::iter::once((customer, currency))).await?;
    Ok(held.into_values().next().unwrap_or_default())
}

/// Balances get, or give. One that is named twice gets both.
pub(crate) async fn credit_all(
    db: &mut PgConnection,
    credits: impl Iterator<Item = (BalanceKey, BalanceDelta)>,
) -> sqlx::Result<()> {
    let mut sums = BTreeMap::<_, Decimal>::new();
    for ((customer, currency), BalanceDelta(amount)) in credits {
        *sums.entry((customer.0, currency.code().to_owned())).or_default() += amount;
    }
    sums.retain(|_, amount| !amount.is_zero());
    if sums.is_empty() {
        return Ok(());
    }
    let (customers, currencies): (Vec<_>, Vec<_>) = sums.keys().cloned().unzip();
    sqlx::query!(
        "INSERT INTO customer_balances AS b (customer_id, currency, amount)
         SELECT customer, currency, amount
         FROM unnest($1::uuid[], $2::text[], $3::numeric[]) AS n (customer, currency, amount)
         ON CONFLICT (customer_id, currency) DO UPDATE SET amount = b.amount + (
             SELECT n.amount FROM unnest($1::uuid[], $2::text[], $3::numeric[]) AS n (customer, currency, amount)
             WHERE n.customer = b.customer_id AND n.currency = b.currency)",
        &customers,
        &currencies,
        &sums.into_values().collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// [`credit_all`], for one.
pub(crate) async fn credit(
    db: &mut PgConnection,
    customer: CustomerId,
    currency: Currency,
    amount: BalanceDelta,
) -> sqlx::Result<()> {
    credit_all(db, std::iter::once(((customer, currency), amount))).await
}

/// A person takes from a customer's balance, because that much was given back by hand, and says why. Answers what
/// is left, or, where less was in it, takes nothing and answers what is.
pub async fn lower_balance(
    db: &PgPool,
    customer: &Customer,
    by: Money,
    why: &str,
) -> sqlx::Result<Result<Money, Money>> {
    let mut transaction = db.begin().await?;
    let had = balance(&mut transaction, customer.id, by.currency).await?;
    if had < by.amount {
        return Ok(Err(Money { amount: had, ..by }));
    }
    sqlx::query!(
        "UPDATE customer_balances SET amount = amount - $3, lowered = lowered + $3
         WHERE customer_id = $1 AND currency = $2",
        customer.id.0,
        by.currency.code(),
        by.amount,
    )
    .execute(&mut *transaction)
    .await?;
    let left = Money { amount: had - by.amount, ..by };
    let lowered = Event {
        merchant_id: customer.merchant_id,
        subject: customer.id.0,
        r#type: EventType::CustomerBalanceLowered,
        data: json!({
            "id": customer.id, "object": "customer", "amount": by.display_amount(), "currency": by.currency,
            "balance": left.display_amount(), "why": why,
        }),
    };
    let now = crate::db::now(&mut *transaction).await?;
    event::store::append(&mut transaction, &[lowered], now).await?;
    transaction.commit().await?;
    Ok(Ok(left))
}

/// What is in the balances of a customer; below zero, what the next invoices ask for besides.
pub async fn balances(db: impl PgExecutor<'_>, customer: CustomerId) -> sqlx::Result<Vec<Money>> {
    let rows = sqlx::query!(
        "SELECT currency, amount FROM customer_balances WHERE customer_id = $1 AND amount <> 0
         ORDER BY currency",
        customer.0,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = Currency::from_code(&row.currency).map_err(unreadable)?;
            Ok(Money { amount: row.amount, currency })
        })
        .collect()
}
