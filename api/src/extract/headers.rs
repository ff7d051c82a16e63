//! Headers that handlers act on.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use common::telemetry;

use crate::{App, error::ApiError};

/// The longest wait that can be asked for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The caller's own name for a write: the same key is the same write, for ever.
pub struct IdempotencyKey(pub String);

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let value = values.next().ok_or(ApiError::MissingIdempotencyKey)?;
        if values.next().is_some() {
            return Err(ApiError::InvalidHeader("Idempotency-Key", "must be sent once.".into()));
        }
        let invalid = || {
            ApiError::InvalidHeader("Idempotency-Key", "must be 1 to 255 printable ASCII characters.".into())
        };
        let text = value.to_str().map_err(|_| invalid())?.trim();
        // The draft standard quotes it, most callers do not.
        let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let printable = key.bytes().all(|b| (0x20..0x7f).contains(&b));
        if key.is_empty() || key.len() > 255 || !printable {
            return Err(invalid());
        }
        Ok(Self(key.to_owned()))
    }
}

/// RFC 7240: `Prefer: wait=10` asks for the outcome in the answer, if it comes in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefer {
    /// How long to wait.
    pub wait: Option<Duration>,
}

impl FromRequestParts<App> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
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

/// W3C trace context: taken from the request, or begun here.
pub struct Trace(pub String);

impl FromRequestParts<App> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
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
