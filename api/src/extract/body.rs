//! A body: there in time, within the limit; JSON of the right media type, as it is and not packed, and without card
//! data. Whether there is one is told by its bytes, never by headers: a request may have a body and no header that says
//! so.

use std::marker::PhantomData;

use axum::{
    body::{Bytes, HttpBody as _},
    extract::{FromRequest, Request, State, rejection::BytesRejection},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{App, error::ApiError, limits::BODY_WITHIN, request};

use super::{
    described,
    json::Document,
    part::{self, Part, Pointer, Reader},
};

/// A JSON body, read whole and without a fault.
pub struct Body<P: Part>(pub P::Value);

impl<P: Part> FromRequest<App> for Body<P> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let document = document(&bytes(request, app).await?)?;
        part::read::<P>(document, &app.gateway_routing).map(Self)
    }
}

/// A JSON body that may be missing, or null: then it says as much as an empty object.
pub struct OptionalBody<P: Part>(pub P::Value);

impl<P: Part> FromRequest<App> for OptionalBody<P> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let document = optional(request, app).await?;
        let document = document.unwrap_or_else(|| Document::from(Value::Object(Map::new())));
        part::read::<P>(document, &app.gateway_routing).map(Self)
    }
}

/// What somebody may put into a body, and belongs elsewhere in the request.
pub trait Elsewhere {
    /// Names, and where each belongs, as it comes after "is not a field of this request: ".
    const PLACES: &'static [(&'static str, &'static str)] = &[];

    /// The same of every other name, as it comes after "is not a field of this request, ".
    const OTHERS: &'static str = "which has no body";
}

/// Nothing belongs elsewhere: there is nothing to say.
impl Elsewhere for () {}

/// No body. One that says something is refused: whoever sends it believes that it matters.
pub struct NoBody<E = ()>(PhantomData<E>);

impl<E: Elsewhere> FromRequest<App> for NoBody<E> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        match optional(request, app).await? {
            None => Ok(Self(PhantomData)),
            Some(document) => {
                part::read::<Nothing<E>>(document, &app.gateway_routing).map(|()| Self(PhantomData))
            }
        }
    }
}

/// Nothing: an object without fields.
struct Nothing<E>(PhantomData<E>);

impl<E: Elsewhere> Part for Nothing<E> {
    type Value = ();

    fn describe() -> Value {
        described::object(&[], None, Vec::new())
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<()> {
        let Value::Object(fields) = value else {
            return reader.fault(at, "must be left out: this request has none");
        };
        for name in fields.keys() {
            let place = E::PLACES.iter().find(|(known, _)| known == name);
            let told = match place {
                Some((_, place)) => format!("is not a field of this request: {place}"),
                None => format!("is not a field of this request, {}", E::OTHERS),
            };
            reader.fault::<()>(at.field(name), told);
        }
        Some(())
    }
}

/// What somebody may put into the body of a read.
struct Filters;

impl Elsewhere for Filters {
    const OTHERS: &'static str = "which has no body: what narrows a list goes into its query";
}

/// A read has no body. What says something in one is refused: otherwise a list would be answered that was never asked for.
pub async fn refuse_body_of_read(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if request.method() != Method::GET || request.body().is_end_stream() {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    NoBody::<Filters>::from_request(Request::from_parts(parts.clone(), body), &app).await?;
    Ok(next.run(Request::from_parts(parts, axum::body::Body::empty())).await)
}

async fn optional(request: Request, app: &App) -> Result<Option<Document>, ApiError> {
    let is_json = is_json(request.headers());
    let bytes = bytes(request, app).await?;
    match bytes.is_empty() {
        true => Ok(None),
        false if is_json => document(&bytes).map(Some),
        false => Err(ApiError::UnsupportedMediaType),
    }
}

/// The bytes of a body, whatever they are.
async fn bytes(request: Request, app: &App) -> Result<Bytes, ApiError> {
    if is_packed(request.headers()) {
        return Err(ApiError::PackedBody);
    }
    let arrived = timeout(BODY_WITHIN, Bytes::from_request(request, app)).await;
    arrived.map_err(|_| ApiError::BodyTooSlow)?.map_err(unreadable)
}

fn document(bytes: &[u8]) -> Result<Document, ApiError> {
    let document = Document::read(bytes).map_err(|error| ApiError::InvalidJson(error.to_string()))?;
    if document.holds_card_data() {
        request::refused("body");
        return Err(ApiError::CardData);
    }
    Ok(document)
}

fn is_packed(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    encodings.into_iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
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
