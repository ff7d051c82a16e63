//! Who is calling: an API key, shown as a bearer token or as the user name of Basic authentication.

mod permission;

use std::{marker::PhantomData, net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header, request::Parts},
};
use common::{
    id::MerchantId,
    merchant::{StoredKey, key::ApiKey},
};

use crate::{App, error::ApiError};

pub(crate) use permission::guarded;
pub use permission::{
    Admin, EventsRead, PaymentsRead, PaymentsWrite, Permission, RefundsRead, RefundsWrite, ReportsRead,
    SubscriptionsRead, SubscriptionsWrite, WebhooksRead, WebhooksWrite, describe, scope_of,
};

/// The caller. A handler that takes one cannot be called without a valid key that has this permission.
pub struct Caller<P> {
    /// Whose key it is: the merchant's live side or its test side, which never meet.
    pub merchant: MerchantId,
    /// Whether that is the live side.
    pub livemode: bool,
    /// The key.
    pub key: Arc<StoredKey>,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequestParts<App> for Caller<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let key = known(parts, app).await?;
        if !key.rights.scopes.include(P::SCOPE) {
            return Err(ApiError::ScopeMissing(P::SCOPE));
        }
        Ok(Self { merchant: key.merchant_id, livemode: key.livemode, key, permission: PhantomData })
    }
}

/// The key that is shown, if it is one, and may be used from where the request comes.
async fn known(parts: &Parts, app: &App) -> Result<Arc<StoredKey>, ApiError> {
    let header = parts
        .headers
        .get(header::AUTHORIZATION)
        .ok_or(ApiError::Unauthorized("Send your API key: Authorization: Bearer rmt_test_…"))?;
    let shown = header.to_str().ok().and_then(shown_key).ok_or(ApiError::Unauthorized(
        "The Authorization header must be \"Bearer <key>\", or Basic with the key as user name.",
    ))?;
    let key = ApiKey::parse(&shown)
        .map_err(|_| ApiError::Unauthorized("This is not one of our keys: it is mistyped or cut off."))?;
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let found = app.keys.find(&key, peer).await?;
    app.rates.check(key.hash(), parts)?;
    Ok(found)
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
