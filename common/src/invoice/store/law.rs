//! The law of conservation, as rows tell it: what customers have in their balances is what invoices and payments put
//! there, no invoice gave back more than was paid of it, and what went back twice is not there to be spent. See
//! docs/adr/0038-a-credit-is-money-that-came-in.md.

use rust_decimal::Decimal;
use sqlx::PgPool;
use uuid::Uuid;

use crate::id::CustomerId;

/// Customers who are looked at in one statement.
const BATCH: i64 = 200;

/// A customer whose money does not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Whose.
    pub customer: CustomerId,
    /// What money is counted in.
    pub currency: String,
    /// What is wrong.
    pub what: &'static str,
    /// By how much.
    pub by: Decimal,
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { customer, currency, what, by } = self;
        write!(f, "{customer}: {what} by {} {currency}", by.normalize())
    }
}

/// Where a round over all customers has come to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round(Uuid);

/// Looks at the next customers of a round; `None` in place of the round when it has come to its end.
pub async fn breaches(db: &PgPool, round: Round) -> sqlx::Result<(Vec<Breach>, Option<Round>)> {
    let customers =
        sqlx::query_scalar!("SELECT id FROM customers WHERE id > $1 ORDER BY id LIMIT $2", round.0, BATCH);
    let customers = customers.fetch_all(db).await?;
    let mut found = balances(db, &customers).await?;
    found.extend(given(db, &customers).await?);
    found.extend(owed(db, &customers).await?);
    let is_whole = i64::try_from(customers.len()).unwrap_or(BATCH) == BATCH;
    Ok((found, customers.last().filter(|_| is_whole).map(|last| Round(*last))))
}

/// Looks at all customers.
pub async fn all_breaches(db: &PgPool) -> sqlx::Result<Vec<Breach>> {
    let (mut found, mut next) = (Vec::new(), Some(Round::default()));
    while let Some(round) = next {
        let (more, then) = breaches(db, round).await?;
        found.extend(more);
        next = then;
    }
    Ok(found)
}

/// Balances that are not what came into them: what invoices gave back, less what they took, and what payments brought
/// that was too much; less what was reclaimed because it went back otherwise, and what people took out by hand.
async fn balances(db: &PgPool, customers: &[Uuid]) -> sqlx::Result<Vec<Breach>> {
    let rows = sqlx::query!(
        r#"SELECT c.id AS "customer!", c.currency AS "currency!", c.held - c.came AS "by!" FROM (
               SELECT moved.id, moved.currency, sum(moved.held) AS held, sum(moved.came) AS came FROM (
                   SELECT b.customer_id AS id, b.currency, b.amount + b.lowered AS held, 0 AS came
                   FROM customer_balances b WHERE b.customer_id = ANY($1)
                   UNION ALL
                   SELECT i.customer_id, i.currency, 0,
                       greatest(-i.total, 0) - i.from_balance - i.amount_paid - i.amount_reclaimed + coalesce((
                           SELECT sum(p.amount_captured) FROM invoice_payments a JOIN payments p ON p.id = a.payment_id
                           WHERE a.invoice_id = i.id AND p.status = 'succeeded'), 0)
                   FROM invoices i WHERE i.customer_id = ANY($1)) moved
               GROUP BY moved.id, moved.currency) c
           WHERE c.held <> c.came"#,
        customers,
    )
    .fetch_all(db)
    .await?;
    let what = "the balance is not what came into it";
    let breach = |id, currency, by| Breach { customer: CustomerId(id), currency, what, by };
    Ok(rows.into_iter().map(|row| breach(row.customer, row.currency, row.by)).collect())
}

/// Invoices that gave back more than was paid of them.
async fn given(db: &PgPool, customers: &[Uuid]) -> sqlx::Result<Vec<Breach>> {
    let rows = sqlx::query!(
        r#"WITH lines AS (
               SELECT i.id, i.customer_id, i.currency, l.line ->> 'kind' AS kind, l.line -> 'of' ->> 0 AS of,
                   (l.line ->> 'amount')::numeric + (l.line ->> 'tax')::numeric AS amount
               FROM invoices i CROSS JOIN LATERAL jsonb_array_elements(i.lines) AS l (line)
               WHERE i.customer_id = ANY($1) AND i.status <> 'void'),
           paid AS (
               SELECT i.id, i.customer_id, i.currency, coalesce((
                   SELECT sum(l.amount) FROM lines l
                   WHERE l.id = i.id AND l.kind IN ('period', 'proration_charge', 'discount')), 0)
                   - i.amount_credited
                   - CASE WHEN i.status IN ('open', 'uncollectible')
                       THEN greatest(i.total, 0) - i.from_balance - i.amount_paid - i.amount_credited ELSE 0 END AS amount
               FROM invoices i WHERE i.customer_id = ANY($1) AND i.status <> 'void'),
           given AS (SELECT of, -sum(amount) AS amount FROM lines WHERE kind = 'proration_credit' GROUP BY of)
           SELECT p.customer_id, p.currency, g.amount - p.amount AS "by!"
           FROM paid p JOIN given g ON g.of = 'in_' || replace(p.id::text, '-', '')
           WHERE g.amount > p.amount"#,
        customers,
    )
    .fetch_all(db)
    .await?;
    let what = "an invoice gave back more than was paid of it,";
    let breach = |id, currency, by| Breach { customer: CustomerId(id), currency, what, by };
    Ok(rows.into_iter().map(|row| breach(row.customer_id, row.currency, row.by)).collect())
}

/// Money that is with a customer twice, and stays in the balance, where it could be taken from.
async fn owed(db: &PgPool, customers: &[Uuid]) -> sqlx::Result<Vec<Breach>> {
    let rows = sqlx::query!(
        r#"SELECT b.customer_id, b.currency, least(b.amount, sum(i.amount_twice - i.amount_reclaimed)) AS "by!"
           FROM customer_balances b JOIN invoices i ON i.customer_id = b.customer_id AND i.currency = b.currency
           WHERE b.customer_id = ANY($1) AND b.amount > 0 AND i.amount_twice > i.amount_reclaimed
           GROUP BY b.customer_id, b.currency, b.amount"#,
        customers,
    )
    .fetch_all(db)
    .await?;
    let what = "what went back is in the balance as well,";
    let breach = |id, currency, by| Breach { customer: CustomerId(id), currency, what, by };
    Ok(rows.into_iter().map(|row| breach(row.customer_id, row.currency, row.by)).collect())
}
