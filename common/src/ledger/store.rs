//! The rows of `ledger_entries`.

use rust_decimal::Decimal;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{column, unreadable},
    id::MerchantId,
    money::Currency,
};

use super::{Balance, Posting};

/// Writes postings down, all or none. That one of them is there already is a defect, and fails.
pub async fn post(db: &mut PgConnection, postings: &[Posting], now: Timestamp) -> sqlx::Result<()> {
    if postings.is_empty() {
        return Ok(());
    }
    // Each posting is two entries: what is debited, and what is credited.
    let sides =
        || postings.iter().flat_map(|p| [(p, p.debit, p.money.amount), (p, p.credit, -p.money.amount)]);
    sqlx::query!(
        "INSERT INTO ledger_entries (subject_id, kind, account, merchant_id, gateway, currency, amount, created_at)
         SELECT *, $8::timestamptz FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[],
             $6::text[], $7::numeric[])",
        &column(sides(), |(p, _, _)| p.subject),
        &column(sides(), |(p, _, _)| p.kind.as_str().to_owned()),
        &column(sides(), |(_, account, _)| account.as_str().to_owned()),
        &column(sides(), |(p, _, _)| p.merchant_id.0),
        &column(sides(), |(p, _, _)| p.gateway.as_str().to_owned()),
        &column(sides(), |(p, _, _)| p.money.currency.code().to_owned()),
        &column(sides(), |(_, _, amount)| amount),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes those postings down that are not there yet: what a gateway told late, and perhaps twice.
pub async fn post_once(db: &mut PgConnection, postings: &[Posting], now: Timestamp) -> sqlx::Result<()> {
    for posting in postings {
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM ledger_entries WHERE subject_id = $1 AND kind = $2) AS "known!""#,
            posting.subject,
            posting.kind.as_str(),
        )
        .fetch_one(&mut *db)
        .await?;
        if !known {
            post(&mut *db, std::slice::from_ref(posting), now).await?;
        }
    }
    Ok(())
}

/// One side of a ledger transaction, as people read it.
#[derive(Debug, serde::Serialize)]
pub struct EntryRow {
    /// When it was written.
    pub created_at: Timestamp,
    /// What moved.
    pub kind: String,
    /// Where.
    pub account: String,
    /// The currency.
    pub currency: String,
    /// How much: debits are positive.
    pub amount: Decimal,
}

/// The entries of some subjects, in their order.
pub async fn entries(db: impl PgExecutor<'_>, subjects: &[Uuid]) -> sqlx::Result<Vec<EntryRow>> {
    sqlx::query_as!(
        EntryRow,
        "SELECT created_at, kind, account, currency, amount FROM ledger_entries
         WHERE subject_id = ANY($1) ORDER BY created_at, subject_id, kind, amount DESC",
        subjects,
    )
    .fetch_all(db)
    .await
}

/// What every account holds, of one merchant or of all: the trial balance.
pub async fn balances(db: impl PgExecutor<'_>, merchant: Option<MerchantId>) -> sqlx::Result<Vec<Balance>> {
    let rows = sqlx::query!(
        r#"SELECT gateway, account, currency, sum(amount) AS "amount!" FROM ledger_entries
           WHERE $1::uuid IS NULL OR merchant_id = $1
           GROUP BY gateway, account, currency ORDER BY currency, gateway, account"#,
        merchant.map(|merchant| merchant.0),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Balance {
                gateway: row.gateway.parse().map_err(unreadable)?,
                account: row.account.parse().map_err(unreadable)?,
                currency: Currency::from_code(&row.currency).map_err(unreadable)?,
                amount: row.amount,
            })
        })
        .collect()
}

/// What does not sum to zero, by currency, of all that began since then: there must be nothing. What began
/// earlier is left to [`balances`], which adds up all there is.
pub async fn off_balance(db: impl PgExecutor<'_>, since: Timestamp) -> sqlx::Result<Vec<(String, Decimal)>> {
    let rows = sqlx::query!(
        r#"SELECT currency, sum(amount) AS "off!" FROM ledger_entries WHERE subject_id >= remit_first_id($1)
           GROUP BY currency HAVING sum(amount) <> 0 ORDER BY currency"#,
        since,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.currency, row.off)).collect())
}
