//! Who is calling: an API key, shown as a bearer token or as the user name of Basic authentication.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{extract::FromRequestParts, http::header, http::request::Parts};
use common::merchant::{
    self, Merchant,
    key::{ApiKey, KeyHash},
};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::{App, error::ApiError};

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

    async fn owner(&self, key: &ApiKey) -> Result<Merchant, ApiError> {
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

/// The caller. A handler that takes one cannot be called without a valid key.
pub struct Caller(pub Merchant);

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let header = parts
            .headers
            .get(header::AUTHORIZATION)
            .ok_or(ApiError::Unauthorized("Send your API key: Authorization: Bearer rmt_test_…"))?;
        let shown = header.to_str().ok().and_then(shown_key).ok_or(ApiError::Unauthorized(
            "The Authorization header must be \"Bearer <key>\", or Basic with the key as user name.",
        ))?;
        let key = ApiKey::parse(&shown)
            .map_err(|_| ApiError::Unauthorized("This is not one of our keys: it is mistyped or cut off."))?;
        app.keys.owner(&key).await.map(Self)
    }
}

fn shown_key(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(decode_base64(value.trim())?).ok()?;
        return Some(pair.split_once(':').map_or(pair.clone(), |(user, _)| user.to_owned()));
    }
    None
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_in_two_ways() {
        assert_eq!(shown_key("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(shown_key("bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(shown_key("Basic YWJjOg==").as_deref(), Some("abc"));
        assert_eq!(shown_key("Basic YWJjOnNlY3JldA==").as_deref(), Some("abc"));
        for header in ["", "abc", "Digest abc", "Basic !!!"] {
            assert_eq!(shown_key(header), None, "{header:?}");
        }
    }
}
