//! The forms of our answers: accepted, one thing, a page of a list.

use std::str::FromStr;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    extract::{Prefer, QueryFields},
};

/// Things on a page, unless asked for otherwise.
const LIMIT_DEFAULT: u16 = 10;
/// Things on a page, at most.
const LIMIT_MAX: u16 = 100;

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
        set(HeaderName::from_static("idempotent-replayed"), "true");
    }
    (StatusCode::ACCEPTED, headers, Json(view)).into_response()
}

/// 201: it is there. `path` is where.
pub fn created(path: &str, view: &impl Serialize) -> Response {
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
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

/// Which page of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page<Id> {
    /// How many.
    pub limit: u16,
    /// The page after this one, towards older ones.
    pub starting_after: Option<Id>,
    /// The page before this one, towards newer ones.
    pub ending_before: Option<Id>,
}

impl<Id: FromStr<Err: std::fmt::Display>> Page<Id> {
    /// Reads the parameters that every list has.
    pub fn read(query: &mut QueryFields) -> Self {
        let id = |text: &str| text.parse::<Id>().map_err(|error| error.to_string());
        let limit = query.optional("limit", |text| match text.parse() {
            Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
            _ => Err(format!("must be a number from 1 to {LIMIT_MAX}")),
        });
        let page = Self {
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            starting_after: query.optional("starting_after", id),
            ending_before: query.optional("ending_before", id),
        };
        if page.starting_after.is_some() && page.ending_before.is_some() {
            query.fault("ending_before", "cannot be used together with starting_after");
        }
        page
    }
}

/// What was found for a page.
pub struct Found<Id, View> {
    /// What is on it.
    pub data: Vec<View>,
    /// Whether there are more in its direction.
    pub has_more: bool,
    /// The last on it.
    pub last: Option<Id>,
}

/// A page of a list, newest first.
#[derive(Serialize, ToSchema)]
pub struct List<View> {
    /// Always `list`.
    object: &'static str,
    data: Vec<View>,
    /// Whether there are more in the direction of the page.
    has_more: bool,
    /// The path of the list.
    url: &'static str,
}

/// A page of the list at `path`, with an RFC 8288 link to the next one, under the same filter.
pub fn list<Id: std::fmt::Display, View: Serialize>(
    app: &App,
    path: &'static str,
    page: &Page<Id>,
    filter: &[(&str, Option<String>)],
    found: Found<Id, View>,
) -> Response {
    let next = found.last.filter(|_| found.has_more && page.ending_before.is_none());
    let list = List { object: "list", data: found.data, has_more: found.has_more, url: path };
    let mut response = Json(list).into_response();
    let Some(last) = next else { return response };
    let mut url = app.url(&format!("{path}?limit={}&starting_after={last}", page.limit));
    for (name, value) in filter {
        if let Some(value) = value {
            url += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
    }
    if let Ok(link) = HeaderValue::from_str(&format!("<{url}>; rel=\"next\"")) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}
