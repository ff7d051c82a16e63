//! The rows of `merchants` and `api_keys`.

use sqlx::PgExecutor;

use crate::id::{ApiKeyId, MerchantId};

use super::{
    Merchant,
    key::{ApiKey, KeyHash},
};

/// The merchant of that name, made if there is none.
pub async fn find_or_create(db: &mut sqlx::PgConnection, name: &str) -> sqlx::Result<MerchantId> {
    let existing = sqlx::query_scalar!("SELECT id FROM merchants WHERE name = $1 ORDER BY id LIMIT 1", name)
        .fetch_optional(&mut *db)
        .await?;
    if let Some(id) = existing {
        return Ok(MerchantId(id));
    }
    let id = MerchantId::new();
    sqlx::query!("INSERT INTO merchants (id, name) VALUES ($1, $2)", id.0, name).execute(db).await?;
    Ok(id)
}

/// What a merchant is called.
pub async fn name(db: impl PgExecutor<'_>, id: MerchantId) -> sqlx::Result<String> {
    sqlx::query_scalar!("SELECT name FROM merchants WHERE id = $1", id.0).fetch_one(db).await
}

/// Stores what may be stored of a new key.
pub async fn add_key(db: impl PgExecutor<'_>, merchant: MerchantId, key: &ApiKey) -> sqlx::Result<ApiKeyId> {
    let id = ApiKeyId::new();
    sqlx::query!(
        "INSERT INTO api_keys (id, merchant_id, hash, prefix, last4) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        merchant.0,
        &key.hash().0,
        key.prefix(),
        key.last4(),
    )
    .execute(db)
    .await?;
    Ok(id)
}

/// Whose key it is, unless it was revoked.
pub async fn by_key(db: impl PgExecutor<'_>, hash: KeyHash) -> sqlx::Result<Option<Merchant>> {
    let id = sqlx::query_scalar!(
        "SELECT merchant_id FROM api_keys WHERE hash = $1 AND revoked_at IS NULL",
        &hash.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(id.map(|id| Merchant { id: MerchantId(id) }))
}
