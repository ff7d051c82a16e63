//! A body: there in time, within the limit; JSON of the right media type, and without card data. Whether there is
//! one is told by its bytes, never by headers: a request may have a body and no header that says so.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
};
use common::card_data;
use serde_json::Value;
use tokio::time::timeout;

use crate::{App, error::ApiError, limits::BODY_WITHIN, request};

use super::fields::{Faults, Fields};

/// The bytes of a body, whatever they are.
struct RawBody(Bytes);

impl FromRequest<App> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let arrived = timeout(BODY_WITHIN, Bytes::from_request(request, app)).await;
        arrived.map_err(|_| ApiError::BodyTooSlow)?.map(Self).map_err(unreadable)
    }
}

/// A JSON document.
pub struct JsonBody(pub Value);

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        if !is_json {
            return Err(ApiError::UnsupportedMediaType);
        }
        let RawBody(bytes) = RawBody::from_request(request, app).await?;
        read(&bytes).map(Self)
    }
}

/// A JSON body that may be missing.
pub struct OptionalJsonBody(pub Option<Value>);

impl FromRequest<App> for OptionalJsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let RawBody(bytes) = RawBody::from_request(request, app).await?;
        match bytes.is_empty() {
            true => Ok(Self(None)),
            false if is_json => read(&bytes).map(Some).map(Self),
            false => Err(ApiError::UnsupportedMediaType),
        }
    }
}

/// No body. One that says something is refused: whoever sends it believes that it matters.
pub struct NoBody;

impl FromRequest<App> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        match OptionalJsonBody::from_request(request, app).await?.0 {
            None => Ok(Self),
            Some(body) => {
                let mut faults = Faults::default();
                let read = Fields::of(body, "", &mut faults).map(Fields::finish);
                faults.or(read).map(|()| Self)
            }
        }
    }
}

fn read(bytes: &[u8]) -> Result<Value, ApiError> {
    let value: Value = serde_json::from_slice(without_mark(bytes))
        .map_err(|error| ApiError::InvalidJson(error.to_string()))?;
    if card_data::in_json(&value) {
        request::refused("body");
        return Err(ApiError::CardData);
    }
    Ok(value)
}

/// Without the byte order mark that some write before UTF-8. JSON has none, but RFC 8259 lets a reader pass over it.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn unreadable(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::BodyTooLarge
    } else {
        ApiError::InvalidJson("the body ended early".into())
    }
}
