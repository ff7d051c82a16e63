//! What is made once for one key, where a key is not a must: customers and plans.

use common::{
    db::{Key, bind_key},
    id::MerchantId,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::ApiError;

/// What this key has made before, if it asked for the same. Otherwise it is bound to what is made next, with this id, in
/// the same transaction. `asked` is what was understood, and is hashed: it must stay as it is.
///
/// Fails with [`ApiError::IdempotencyKeyReused`] if it asked for something else.
pub async fn made_before(
    db: &mut PgConnection,
    (merchant, subject, key): (MerchantId, &'static str, Option<String>),
    asked: &Value,
    id: Uuid,
) -> Result<Option<Uuid>, ApiError> {
    let Some(key) = key else { return Ok(None) };
    let request_hash = Sha256::digest(asked.to_string()).into();
    match bind_key(db, (merchant, subject, &key), request_hash, id).await? {
        Key::New => Ok(None),
        Key::Repeated(id) => Ok(Some(id)),
        Key::Reused => Err(ApiError::IdempotencyKeyReused),
    }
}
