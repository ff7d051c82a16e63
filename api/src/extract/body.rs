//! A JSON body: of the right media type, within the limit, an object, and without card data.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
};
use common::card_data;
use serde_json::Value;

use crate::{App, error::ApiError, request};

/// A JSON document.
pub struct JsonBody(pub Value);

impl FromRequest<App> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let bytes = Bytes::from_request(request, app).await.map_err(unreadable)?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| ApiError::InvalidJson(error.to_string()))?;
        if card_data::in_json(&value) {
            request::refused("body");
            return Err(ApiError::CardData);
        }
        Ok(Self(value))
    }
}

/// A JSON body that may be missing.
pub struct OptionalJsonBody(pub Option<Value>);

impl FromRequest<App> for OptionalJsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let is_empty =
            length.map_or(!request.headers().contains_key(header::TRANSFER_ENCODING), |l| l == "0");
        if is_empty {
            return Ok(Self(None));
        }
        JsonBody::from_request(request, app).await.map(|JsonBody(value)| Self(Some(value)))
    }
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
