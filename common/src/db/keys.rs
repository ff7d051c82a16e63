//! Merchants' own names for what they make, where a name is not a must: the rows of `idempotency_keys`.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::id::MerchantId;

/// What came of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Key {
    /// It is new, and bound to what is made in this transaction.
    New,
    /// The same request has made this before.
    Repeated(Uuid),
    /// It belongs to another request.
    Reused,
}

/// Binds a merchant's key to what is about to be made in this transaction; of several at once all but one wait for it.
pub async fn bind_key(
    db: &mut PgConnection,
    (merchant, subject, key): (MerchantId, &'static str, &str),
    request_hash: [u8; 32],
    id: Uuid,
) -> sqlx::Result<Key> {
    let bound = sqlx::query!(
        "INSERT INTO idempotency_keys (merchant_id, subject, idempotency_key, request_hash, subject_id)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        merchant.0,
        subject,
        key,
        &request_hash,
        id,
    );
    if bound.execute(&mut *db).await?.rows_affected() == 1 {
        return Ok(Key::New);
    }
    let before = sqlx::query!(
        "SELECT request_hash, subject_id FROM idempotency_keys
         WHERE merchant_id = $1 AND subject = $2 AND idempotency_key = $3",
        merchant.0,
        subject,
        key,
    );
    let before = before.fetch_one(db).await?;
    match before.request_hash == request_hash {
        true => Ok(Key::Repeated(before.subject_id)),
        false => Ok(Key::Reused),
    }
}
