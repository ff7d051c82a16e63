//! Access tokens: `POST /v1/oauth2/token`, and who may ask for anything else.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::errors::PayPalError;
use super::objects::new_id;
use crate::clock::Moment;
use crate::ids;

/// How long a token lives, in seconds.
const LIFE_SECONDS: i64 = 32_400;

const SCOPE: &str = "https://uri.paypal.com/services/payments/payment/authcapture \
    https://uri.paypal.com/services/payments/refund https://uri.paypal.com/services/reporting/search/read";

/// An issued access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bearer {
    pub(crate) token: String,
    pub(crate) client: String,
    pub(crate) expires_ms: i64,
}

/// All tokens, and how many there ever were.
#[derive(Default)]
pub(crate) struct Bearers {
    alive: HashMap<String, Bearer>,
    issued: u64,
}

impl Bearers {
    /// Takes note of a new token.
    pub(crate) fn add(&mut self, bearer: Bearer) {
        self.issued += 1;
        let issued_ms = bearer.expires_ms - LIFE_SECONDS * 1000;
        self.alive.retain(|_, older| older.expires_ms > issued_ms);
        self.alive.insert(bearer.token.clone(), bearer);
    }

    /// Forgets every token, as when the clients' rights change.
    pub(crate) fn forget(&mut self) {
        self.alive.clear();
    }

    /// How many tokens were ever issued.
    pub(crate) fn issued(&self) -> u64 {
        self.issued
    }

    /// How many tokens are good at this moment.
    pub(crate) fn alive(&self, now: Moment) -> usize {
        self.alive.values().filter(|bearer| now.0 < bearer.expires_ms).count()
    }

    /// The client whose token this request carries.
    pub(crate) fn client(&self, headers: &HeaderMap, now: Moment) -> Result<&str, PayPalError> {
        let token = credentials(headers, "bearer").and_then(|token| self.alive.get(&token));
        let bearer = token.filter(|bearer| now.0 < bearer.expires_ms);
        bearer.map(|bearer| bearer.client.as_str()).ok_or_else(PayPalError::invalid_token)
    }
}

/// The client that asks for a token, if it may have one.
pub(crate) fn read_request(headers: &HeaderMap, form: &Bytes) -> Result<String, PayPalError> {
    let client = client_by_secret(headers).ok_or_else(PayPalError::invalid_client)?;
    let fields: Vec<(String, String)> =
        serde_urlencoded::from_bytes(form).map_err(|_| PayPalError::unsupported_grant())?;
    if !fields.iter().any(|(name, value)| name == "grant_type" && value == "client_credentials") {
        return Err(PayPalError::unsupported_grant());
    }
    Ok(client)
}

/// A new token, and what its client is told of it.
pub(crate) fn issue(client: &str, now: Moment) -> (Bearer, Value) {
    let bearer = Bearer {
        token: ids::new_id("A21AA"),
        client: client.to_owned(),
        expires_ms: now.0 + LIFE_SECONDS * 1000,
    };
    let body = json!({
        "scope": SCOPE,
        "access_token": bearer.token,
        "token_type": "Bearer",
        "app_id": "APP-80W284485P519543T",
        "expires_in": LIFE_SECONDS,
        "nonce": new_id(),
    });
    (bearer, body)
}

fn client_by_secret(headers: &HeaderMap) -> Option<String> {
    let decoded = String::from_utf8(BASE64.decode(credentials(headers, "basic")?).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    (id.starts_with("test") && secret.starts_with("test")).then(|| id.to_owned())
}

fn credentials(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| credentials.trim().to_owned())
}
