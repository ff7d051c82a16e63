//! The forms of our answers: accepted, one thing, a page of a list.

use std::{borrow::Cow, fmt::Display};

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::page::{Found, Page};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    extract::{Given, Prefer},
};

/// 202: it was stored, and will be done. `path` is where its outcome can be asked for.
pub fn accepted(
    path: &str,
    is_final: bool,
    prefer: Prefer,
    replayed: bool,
    view: &impl Serialize,
) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::LOCATION, path);
    if !is_final {
        set(header::RETRY_AFTER, "1");
    }
    if let Some(wait) = prefer.wait {
        set(HeaderName::from_static("preference-applied"), &format!("wait={}", wait.as_secs()));
    }
    if replayed {
        set(REPLAYED, "true");
    }
    (StatusCode::ACCEPTED, headers, Json(view)).into_response()
}

/// Tells a repetition from what was done now.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 201: it is there. `path` is where.
pub fn created(path: &str, replayed: bool, view: &impl Serialize) -> Response {
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// 200, with `Retry-After` while it is not final.
pub fn one(is_final: bool, view: &impl Serialize) -> Response {
    let mut response = Json(view).into_response();
    if !is_final {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A page of a list, newest first.
#[derive(Serialize, ToSchema)]
pub struct List<View> {
    /// Always `list`.
    #[schema(example = "list")]
    object: &'static str,
    data: Vec<View>,
    /// Whether there are more in the direction of the page.
    has_more: bool,
    /// The path of the list.
    url: Cow<'static, str>,
}

/// What was found of the list at `path`, each shown with its id, and an RFC 8288 link to the next page under the
/// same filter.
pub fn list<T, Id: Display, View: Serialize>(
    app: &App,
    path: impl Into<Cow<'static, str>>,
    page: &Page<Id>,
    given: &Given,
    found: Found<T>,
    show: impl Fn(T) -> (Id, View),
) -> Response {
    let path = path.into();
    let (ids, data): (Vec<_>, Vec<_>) = found.data.into_iter().map(show).unzip();
    let next = ids.last().filter(|_| found.has_more && page.ending_before.is_none());
    let mut response =
        Json(List { object: "list", data, has_more: found.has_more, url: path.clone() }).into_response();
    let Some(last) = next else { return response };
    let mut url = app.url(&format!("{path}?limit={}&starting_after={last}", page.limit));
    for (name, value) in given.filter() {
        url += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    if let Ok(link) = HeaderValue::from_str(&format!("<{url}>; rel=\"next\"")) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}
