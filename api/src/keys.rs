//! Whose an API key is, and what it may do. Asked of the database, and believed for a while.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use common::{
    config::Mode,
    id::ApiKeyId,
    merchant::{
        OtherMode, StoredKey,
        key::{ApiKey, KeyHash},
        store::keys::{self, Shown},
        takes_keys,
    },
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
    /// For what is written of their use: whoever accepts payments has not to wait for that.
    writing: PgPool,
    mode: Mode,
    seen: Mutex<HashMap<KeyHash, Known>>,
}

/// A key as it was read.
#[derive(Clone)]
struct Known {
    key: Arc<StoredKey>,
    asked: Instant,
    expires: Option<Instant>,
    is_use_to_be_told: bool,
}

impl Keys {
    pub fn new(pool: PgPool, writing: PgPool, mode: Mode) -> Self {
        Self { pool, writing, mode, seen: Mutex::default() }
    }

    /// The key that is shown by whoever is at this address.
    pub async fn find(&self, key: &ApiKey, peer: Option<IpAddr>) -> Result<Arc<StoredKey>, ApiError> {
        let hash = key.hash();
        let known = match self.remembered(hash) {
            Some(known) => known,
            None => self.read(hash).await?,
        };
        if known.expires.is_some_and(|end| end <= Instant::now()) {
            return Err(ApiError::Unauthorized("This API key has expired."));
        }
        if !known.key.rights.hold_from(peer) {
            let detail = "This key may not be used from the address that the request comes from.".into();
            return Err(ApiError::Forbidden("address-not-allowed", detail));
        }
        takes_keys(self.mode, known.key.livemode).map_err(|refusal| {
            let code = match refusal {
                OtherMode::TestKey => "test-key-refused",
                OtherMode::LiveKey => "live-key-refused",
            };
            ApiError::forbidden(code, &refusal)
        })?;
        if known.is_use_to_be_told {
            self.remember(hash, Known { is_use_to_be_told: false, ..known.clone() });
            tokio::spawn(tell_use(self.writing.clone(), known.key.id));
        }
        Ok(known.key)
    }

    async fn read(&self, hash: KeyHash) -> Result<Known, ApiError> {
        // As of before it was asked: what was revoked meanwhile is not believed any longer than that.
        let asked = Instant::now();
        let mut connection = self.pool.acquire().await?;
        let Shown { key, expires_in, is_use_to_be_told } = keys::by_hash(&mut connection, hash)
            .await?
            .ok_or(ApiError::Unauthorized("This API key is not known here, or was revoked."))?;
        // What is too far away to be counted is no end.
        let expires = expires_in.and_then(|left| asked.checked_add(left));
        let known = Known { key: Arc::new(key), asked, expires, is_use_to_be_told };
        self.remember(hash, known.clone());
        Ok(known)
    }

    fn remember(&self, hash: KeyHash, known: Known) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(hash, known);
    }

    fn remembered(&self, hash: KeyHash) -> Option<Known> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&hash).filter(|known| known.asked.elapsed() < BELIEVED_FOR).cloned()
    }
}

/// It is told for people, to the minute: what cannot be written now is with a later use.
async fn tell_use(writing: PgPool, id: ApiKeyId) {
    if let Err(error) = keys::tell_use(&writing, id).await {
        tracing::warn!(%error, key = %id, "its use could not be written down");
    }
}
