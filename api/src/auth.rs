//! Who is calling: an API key, shown as a bearer token or as the user name of Basic authentication.

use axum::{extract::FromRequestParts, http::header, http::request::Parts};
use common::merchant::{Merchant, key::ApiKey};

use crate::{App, error::ApiError};

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
        let owner = app.keys.owner(&key).await?;
        app.rates.check(key.hash(), parts)?;
        Ok(Self(owner))
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
