//! What was paid with a key in a day, where that is capped; and what was paid with a key at all.

use sqlx::{PgConnection, PgExecutor};

use crate::{
    id::{ApiKeyId, PaymentId},
    money::Money,
};

/// Counts a payment to the day of its key, in the transaction that accepts it. `false`, and nothing is counted, if the
/// day would come to more than the cap. Of several at once each waits for the one before.
pub async fn count(
    db: &mut PgConnection,
    first_key: ApiKeyId,
    payment: Money,
    cap: Money,
) -> sqlx::Result<bool> {
    let counted = sqlx::query!(
        "INSERT INTO api_key_days AS days (api_key_id, currency, day, amount)
         VALUES ($1, $2, (remit_now() AT TIME ZONE 'UTC')::date, $3)
         ON CONFLICT (api_key_id, currency, day) DO UPDATE SET amount = days.amount + excluded.amount
         WHERE days.amount + excluded.amount <= $4",
        first_key.0,
        payment.currency.code(),
        payment.amount,
        cap.amount,
    );
    Ok(counted.execute(db).await?.rows_affected() == 1)
}

/// Whether a payment was made with a key, or with one that it has come from.
pub async fn is_own(db: impl PgExecutor<'_>, first_key: ApiKeyId, payment: PaymentId) -> sqlx::Result<bool> {
    let made = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM payments p JOIN api_keys k ON k.id = p.api_key_id
               WHERE p.id = $1 AND coalesce(k.first_key_id, k.id) = $2) AS "made!""#,
        payment.0,
        first_key.0,
    );
    made.fetch_one(db).await
}
