//! Headers that handlers act on.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use common::telemetry;

use crate::error::ApiError;

/// The longest wait that can be asked for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Keys of payments that we make ourselves, for invoices, start so.
const OUR_KEYS: &str = "remit:";

/// The caller's own name for a write: the same key is the same write, for ever.
pub struct IdempotencyKey(pub String);

/// The same, where a write may have none.
pub struct OptionalKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        key(&parts.headers)?.map(Self).ok_or(ApiError::MissingIdempotencyKey)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OptionalKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        key(&parts.headers).map(Self)
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::InvalidHeader("Idempotency-Key", "must be sent once.".into()));
    }
    let invalid =
        || ApiError::InvalidHeader("Idempotency-Key", "must be 1 to 255 printable ASCII characters.".into());
    let text = value.to_str().map_err(|_| invalid())?.trim();
    // The draft standard quotes it, most callers do not.
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let printable = key.bytes().all(|b| (0x20..0x7f).contains(&b));
    if key.is_empty() || key.len() > 255 || !printable {
        return Err(invalid());
    }
    if key.starts_with(OUR_KEYS) {
        let why = format!("must not start with {OUR_KEYS:?}: such keys are ours.");
        return Err(ApiError::InvalidHeader("Idempotency-Key", why));
    }
    Ok(Some(key.to_owned()))
}

/// RFC 7240: `Prefer: wait=10` asks for the outcome in the answer, if it comes in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefer {
    /// How long to wait.
    pub wait: Option<Duration>,
}

impl<S: Send + Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(&parts.headers))
    }
}

impl Prefer {
    /// Preferences that we do not know, or cannot read, are ignored, as the standard says.
    fn read(headers: &HeaderMap) -> Self {
        let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let wait = preferences
            .flat_map(|line| line.split(','))
            .filter_map(|preference| preference.split(';').next()?.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
            .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse::<u32>().ok());
        Self { wait: wait.map(|seconds| Duration::from_secs(seconds.into()).min(WAIT_MAX)) }
    }
}

/// RFC 9110: `If-Match: "3"` asks that it be done only if the version is still that one.
pub struct IfMatch(pub Option<u32>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if values.next().is_some() || text.contains(',') {
            return Err(ApiError::InvalidHeader("If-Match", "must name one ETag.".into()));
        }
        if text == "*" {
            return Ok(Self(None));
        }
        let opaque = text.strip_prefix("W/").unwrap_or(text);
        let quoted = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        if quoted.is_none() {
            let why = "must be the ETag as it was answered, with its double quotes, such as \"3\".";
            return Err(ApiError::InvalidHeader("If-Match", why.into()));
        }
        // What is none of our ETags, a weak one above all, matches nothing.
        let version = quoted.filter(|_| opaque == text).and_then(|version| version.parse().ok());
        version.map(|version| Self(Some(version))).ok_or(ApiError::VersionDiffers)
    }
}

/// W3C trace context: taken from the request, or begun here.
pub struct Trace(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let received = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
        Ok(Self(telemetry::traceparent(received)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn preferences_are_read_as_the_standard_writes_them() {
        for (line, seconds) in [
            ("wait=10", Some(10)),
            ("respond-async, wait=5", Some(5)),
            ("Wait = \"7\"; foo=1", Some(7)),
            ("wait=3600", Some(30)),
            ("wait=0", Some(0)),
            ("wait=-1", None),
            ("wait", None),
            ("return=minimal", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_str(line).unwrap());
            assert_eq!(Prefer::read(&headers).wait, seconds.map(Duration::from_secs), "{line}");
        }
    }
}
