//! Movements that a gateway's settlement report has beside the one that a payment, or a refund, stands for. Whoever was the
//! first to hear of one (its worker may have died), here it is heard of at the latest.

use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};

use crate::{
    db::unreadable,
    gateway::Charge,
    id::{MerchantId, PaymentId, RefundId},
    job::{self, Claim},
    money::{Currency, Money},
    payment::{duplicate::Found, store::record_duplicate},
    reconciliation::Reconciliation,
};

/// Books them, and takes their lines out of the comparison: they are explained. In a transaction of its own: the
/// payments that it touches are not held while sets are compared. Answers how many were not known; `None`: the
/// comparison is another worker's by now, and nothing was written.
pub(super) async fn set_aside(
    pool: &PgPool,
    claim: &Claim,
    of: &Reconciliation,
) -> sqlx::Result<Option<i64>> {
    let mut transaction = pool.begin().await?;
    let db = &mut *transaction;
    if !job::store::hold(&mut *db, claim).await? {
        return Ok(None);
    }
    let now = crate::db::now(&mut *db).await?;
    let mut news = 0;
    for found in found(&mut *db, of).await? {
        news += i64::from(record_duplicate(&mut *db, &found, now).await?);
    }
    late_fees(&mut *db, of).await?;
    sqlx::query!(
        "DELETE FROM reconciliation_lines l USING duplicates d
         WHERE l.reconciliation_id = $1 AND l.movement IN ('charge', 'refund')
           AND d.gateway = $2 AND d.movement_ref = l.gateway_ref",
        of.id.0,
        of.gateway.as_str(),
    )
    .execute(db)
    .await?;
    transaction.commit().await?;
    Ok(Some(news))
}

/// Fees that were not told yet when a duplicate was found.
async fn late_fees(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO ledger_entries (subject_id, kind, account, merchant_id, gateway, currency, amount)
         SELECT d.id, 'duplicate.fee', side.account, d.merchant_id, d.gateway, l.fee_currency, l.fee * side.sign
         FROM reconciliation_lines l
         JOIN duplicates d ON d.gateway = $2 AND d.movement_ref = l.gateway_ref,
             (VALUES ('fees', 1), ('gateway_clearing', -1)) side (account, sign)
         WHERE l.reconciliation_id = $1 AND l.movement IN ('charge', 'refund') AND l.fee <> 0
           AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.subject_id = d.id AND e.kind = 'duplicate.fee')",
        of.id.0,
        of.gateway.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// After a fallback the payment is another gateway's: what this one took for it is beside it, too. What a person has
/// captured in parts, within what was reserved, is not.
async fn found(db: &mut PgConnection, of: &Reconciliation) -> sqlx::Result<Vec<Found>> {
    let lines = sqlx::query!(
        r#"SELECT p.id AS "payment_id!", NULL::uuid AS refund_id, p.merchant_id AS "merchant_id!", p.gateway_ref AS first_ref,
               p.amount AS "asked!", p.currency AS "asked_currency!",
               l.gateway_ref AS "gateway_ref!", l.amount, l.currency, l.fee, l.fee_currency
           FROM reconciliation_lines l JOIN payments p ON p.id = remit_id('pay_', l.reference)
           WHERE l.reconciliation_id = $1 AND l.movement = 'charge'
             AND (p.gateway <> $2 OR p.status = 'succeeded' AND p.charge_ref <> l.gateway_ref
                  AND p.amount_captured + l.amount > p.amount)
           UNION ALL
           SELECT r.payment_id, r.id, r.merchant_id, r.gateway_ref, r.amount, r.currency,
               l.gateway_ref, l.amount, l.currency, l.fee, l.fee_currency
           FROM reconciliation_lines l JOIN refunds r ON r.id = remit_id('re_', l.reference)
           WHERE l.reconciliation_id = $1 AND l.movement = 'refund'
             AND r.status IN ('succeeded', 'failed') AND r.gateway_ref <> l.gateway_ref"#,
        of.id.0,
        of.gateway.as_str(),
    )
    .fetch_all(db)
    .await?;
    let found = lines.into_iter().map(|line| {
        let charge = Charge {
            gateway_ref: line.gateway_ref.into(),
            charge_ref: None,
            card: None,
            money: money(line.amount, line.currency.as_deref())?,
            fee: money(line.fee, line.fee_currency.as_deref())?,
        };
        let asked_currency = Currency::from_code(&line.asked_currency).map_err(unreadable)?;
        Ok(Found {
            merchant_id: MerchantId(line.merchant_id),
            payment_id: PaymentId(line.payment_id),
            refund_id: line.refund_id.map(RefundId),
            gateway: of.gateway,
            charge,
            asked: Money { amount: line.asked, currency: asked_currency },
            first_ref: line.first_ref.map(Into::into),
        })
    });
    found.collect()
}

/// An amount and its currency, where the gateway tells both.
fn money(amount: Option<Decimal>, currency: Option<&str>) -> sqlx::Result<Option<Money>> {
    let (Some(amount), Some(currency)) = (amount, currency) else { return Ok(None) };
    Ok(Some(Money { amount, currency: Currency::from_code(currency).map_err(unreadable)? }))
}
