//! Whose an API key is. Asked of the database, and believed for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use common::merchant::{
    self, Merchant,
    key::{ApiKey, KeyHash},
};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::error::ApiError;

/// How long a key is believed without asking again: a revoked key stops working within this time.
const BELIEVED_FOR: Duration = Duration::from_secs(5);

/// Keys remembered at once, at most.
const REMEMBERED_MAX: usize = 10_000;

/// The keys that were seen lately.
pub struct Keys {
    pool: PgPool,
    seen: Mutex<HashMap<KeyHash, (Merchant, Instant)>>,
}

impl Keys {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, seen: Mutex::default() }
    }

    /// The merchant whose key it is.
    pub async fn owner(&self, key: &ApiKey) -> Result<Merchant, ApiError> {
        let hash = key.hash();
        if let Some(merchant) = self.remembered(hash) {
            return Ok(merchant);
        }
        let merchant = merchant::store::by_key(&self.pool, hash)
            .await?
            .ok_or(ApiError::Unauthorized("This API key is not known here, or was revoked."))?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(hash, (merchant, Instant::now()));
        Ok(merchant)
    }

    fn remembered(&self, hash: KeyHash) -> Option<Merchant> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (merchant, since) = seen.get(&hash)?;
        (since.elapsed() < BELIEVED_FOR).then_some(*merchant)
    }
}
