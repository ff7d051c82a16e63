//! What the figures are made of, as the database has it. How a subscription stood at an instant is what its
//! merchant was told last before then: every change of it is told, with its status, its plan and its quantity.
//! A plan never changes its price. Discounts and tax are taken as they stand today.

use sqlx::PgExecutor;

use crate::{
    clock::Timestamp,
    db::{
        row::{currency, known, word},
        unreadable,
    },
    id::{CustomerId, MerchantId},
    invoice::{Discount, TaxRate},
    money::Currency,
    plan::store::price,
    subscription::figures::{Recovery, Recurring},
};

/// What brought revenue to a merchant at an instant.
pub async fn recurring(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    at: Timestamp,
) -> sqlx::Result<Vec<Recurring>> {
    let rows = sqlx::query!(
        r#"SELECT s.customer_id, told.data->>'status' AS "status!", (told.data->>'quantity')::bigint AS "quantity!",
                p.unit_amount, p.currency, p.interval_unit, p.interval_count,
                s.discounts AS "discounts: crate::subscription::store::row::Discounts",
                s.tax AS "tax: crate::subscription::store::row::Tax"
           FROM subscriptions s
           CROSS JOIN LATERAL (SELECT data FROM events WHERE subject_id = s.id AND created_at <= $2
               ORDER BY created_at DESC, sequence DESC LIMIT 1) told
           JOIN plans p ON p.id = remit_id('plan_', told.data->>'plan')
           WHERE s.merchant_id = $1 AND told.data->>'status' IN ('active', 'past_due')"#,
        merchant.0,
        at,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let discounts = row.discounts.0.into_iter().map(Discount::try_from).collect::<Result<_, _>>()?;
            Ok(Recurring {
                customer_id: CustomerId(row.customer_id),
                status: word("status", &row.status)?,
                price: price(row.unit_amount, &row.currency, &row.interval_unit, row.interval_count)?,
                quantity: known("quantity", row.quantity)?,
                discounts,
                tax: row.tax.map(|tax| TaxRate::try_from(tax.0)).transpose()?,
            })
        })
        .collect()
}

/// What the retries have brought back of the invoices that were first declined between two instants, `[from, to)`,
/// by currency. Those that are void are as if they had never been.
pub async fn recovery(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    from: Timestamp,
    to: Timestamp,
) -> sqlx::Result<Vec<(Currency, Recovery)>> {
    let rows = sqlx::query!(
        r#"SELECT currency, count(*) AS "failed!", count(*) FILTER (WHERE status = 'paid' AND ended_at <=
               first_declined_at + make_interval(days => coalesce((dunning->'retry_after_days'->>-1)::integer, 0))
           ) AS "recovered!"
           FROM invoices
           WHERE merchant_id = $1 AND first_declined_at >= $2 AND first_declined_at < $3 AND status <> 'void'
           GROUP BY currency ORDER BY currency"#,
        merchant.0,
        from,
        to,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (failed, recovered) = (row.failed.try_into(), row.recovered.try_into());
            let recovery =
                Recovery { failed: failed.map_err(unreadable)?, recovered: recovered.map_err(unreadable)? };
            Ok((currency(&row.currency)?, recovery))
        })
        .collect()
}
