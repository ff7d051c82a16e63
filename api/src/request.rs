//! What happens to every request: it gets a name, its fate is measured, its problems are written out,
//! and card data in its address or headers is refused before anything else looks at it.

use std::{any::Any, time::Duration};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use common::card_data;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::error::{ApiError, Problem};

/// Bound for one request: the longest wait that can be asked for, and the time to answer it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

const REQUEST_ID: &str = "x-request-id";

/// Names the request, bounds it, measures it, and turns problems into documents.
pub async fn complete(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "unmatched".into());
    let span = tracing::info_span!("request", request_id = %id, %method, route);
    let answered = timeout(REQUEST_TIMEOUT, next.run(request)).instrument(span).await;
    let mut response = answered.unwrap_or_else(|_| ApiError::Unavailable.into_response());
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        let (parts, _) = response.into_parts();
        problem.request_id.clone_from(&id);
        response = problem.into_response();
        *response.status_mut() = parts.status;
        response.headers_mut().extend(
            parts.headers.into_iter().filter(|(name, _)| {
                !matches!(name.as_ref(), Some(n) if n == header::CONTENT_LENGTH || n == header::CONTENT_TYPE)
            }),
        );
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    metrics::histogram!("http_server_request_duration_seconds",
        "method" => known(&method), "route" => route,
        "status" => response.status().as_str().to_owned())
    .record(started.elapsed());
    response
}

/// Anybody can invent a method; a label must be one of a few.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// The caller's name for the request if it is a reasonable one, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match given {
        Some(id)
            if (1..=100).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                && !card_data::in_text(id) =>
        {
            id.to_owned()
        }
        _ => format!("req_{}", Uuid::now_v7().simple()),
    }
}

/// Refuses card data in the address and in the headers. Bodies are looked at where they are read.
pub async fn refuse_card_data(request: Request, next: Next) -> Response {
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    let in_headers = request.headers().iter().any(|(name, value)| {
        let is_named = !value.is_empty() && card_data::names_card_data(name.as_str());
        !is_made_by_machines(name) && (is_named || card_data::in_bytes(value.as_bytes()))
    });
    if card_data::in_address(address) || in_headers {
        refused("address or headers");
        return ApiError::CardData.into_response();
    }
    next.run(request).await
}

/// Headers whose long numbers nobody typed. Of them only `traceparent` is read, and taken only without card data.
fn is_made_by_machines(name: &HeaderName) -> bool {
    let prefixes = ["traceparent", "tracestate", "x-datadog-", "x-b3-", "x-cloud-trace-"];
    prefixes.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// Counts a refusal and leaves a trace of it, without the value.
pub fn refused(place: &'static str) {
    metrics::counter!("card_data_refused_total", "place" => place).increment(1);
    tracing::warn!(place, "card data was refused");
}

/// There is no such path. With a slash at its end there never is one.
pub async fn nothing_here(uri: Uri) -> ApiError {
    match uri.path().trim_end_matches('/') {
        path if path.is_empty() || path == uri.path() => ApiError::NotFound,
        _ => ApiError::NoSuch("No path ends with a slash here: leave it out.".into()),
    }
}

/// A panic is a defect of ours: the caller gets a problem document, and may repeat the request.
pub fn panicked(_: Box<dyn Any + Send>) -> Response {
    metrics::counter!("http_server_panics_total").increment(1);
    tracing::error!("a handler panicked");
    ApiError::Internal.into_response()
}
