//! The problems that requests of a kind have in common. Each is described once, with examples that are made as the
//! answers are.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::{
    IntoResponses,
    openapi::{Ref, RefOr, Response},
};

use crate::error::{ApiError, Fault};

use super::walk::{RATE_HEADERS, header, reference};

/// What asking for one thing may be answered with.
pub struct ReadProblems;

/// What asking for a list may be answered with.
pub struct ListProblems;

/// What making something may be answered with.
pub struct CreateProblems;

/// What changing one thing may be answered with.
pub struct ChangeProblems;

/// What it may be answered with besides, where a version can be named.
pub struct VersionProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        and(ListProblems::responses(), 404)
    }
}

impl IntoResponses for ListProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        CreateProblems::responses()
    }
}

impl IntoResponses for CreateProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        shared(&[400, 401, 408, 413, 415, 422, 429, 500, 503])
    }
}

impl IntoResponses for ChangeProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        and(CreateProblems::responses(), 404)
    }
}

impl IntoResponses for VersionProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        shared(&[412])
    }
}

fn and(mut all: BTreeMap<String, RefOr<Response>>, status: u16) -> BTreeMap<String, RefOr<Response>> {
    all.append(&mut shared(&[status]));
    all
}

fn shared(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let one = |status: &u16| (status.to_string(), Ref::from_response_name(name(*status)).into());
    statuses.iter().map(one).collect()
}

/// The name of what is shared by all that answer this status.
fn name(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.unwrap_or_default().replace(' ', "")
}

/// Every problem that is shared: its name and its description.
pub fn components() -> Map<String, Value> {
    all()
        .into_iter()
        .map(|(status, about, examples)| (name(status), response(status, about, examples)))
        .collect()
}

/// A problem document of this status, as an example; that of what only some requests are refused for is empty where
/// these differ.
pub fn example(status: u16) -> Value {
    let alike = all().into_iter().find(|(one, ..)| *one == status);
    let error = alike.and_then(|(_, _, mut examples)| (!examples.is_empty()).then(|| examples.remove(0)));
    document(error.unwrap_or_else(|| ApiError::Conflict("", String::new())))
}

fn all() -> Vec<(u16, &'static str, Vec<ApiError>)> {
    let fault = |pointer: Option<&str>, parameter: Option<&str>, detail: &str| Fault {
        pointer: pointer.map(Into::into),
        parameter: parameter.map(Into::into),
        detail: detail.into(),
    };
    let in_query = fault(None, Some("limit"), "must be a number from 1 to 100");
    let in_body = fault(Some("/amount"), None, "must be greater than zero");
    vec![
        (
            400,
            "Not JSON; or a header or parameters that cannot be used.",
            vec![
                ApiError::InvalidJson("expected value at line 1 column 1".into()),
                ApiError::InvalidQuery(vec![in_query]),
                ApiError::InvalidHeader("Idempotency-Key", "must be sent once.".into()),
                ApiError::MissingIdempotencyKey,
            ],
        ),
        (
            401,
            "No valid key.",
            vec![ApiError::Unauthorized("Send your API key: Authorization: Bearer rmt_test_…")],
        ),
        (404, "There is no such thing, or it is none of yours.", vec![ApiError::NotFound]),
        (408, "The body did not arrive in time.", vec![ApiError::BodyTooSlow]),
        (412, "It has changed since you read it. Nothing was done.", vec![ApiError::VersionDiffers]),
        (413, "The body is larger than 64 KiB.", vec![ApiError::BodyTooLarge]),
        (
            415,
            "The body is not `application/json`, or is compressed.",
            vec![ApiError::UnsupportedMediaType, ApiError::PackedBody],
        ),
        (
            422,
            "Faults (all of them), card data anywhere in the request, or a key of another request.",
            vec![ApiError::Invalid(vec![in_body]), ApiError::CardData, ApiError::IdempotencyKeyReused],
        ),
        (
            429,
            "The key asks too often, or too many of your reads are under way.",
            vec![ApiError::RateLimited { retry_after: 1 }, ApiError::TooManyReads],
        ),
        (500, "A defect of ours. The same request may be sent again.", vec![ApiError::Internal]),
        (
            503,
            "Not at the moment. A write may be sent again with the same key.",
            vec![ApiError::Unavailable, ApiError::TookTooLong],
        ),
    ]
}

fn response(status: u16, about: &str, errors: Vec<ApiError>) -> Value {
    let examples: Map<_, _> = errors
        .into_iter()
        .map(document)
        .map(|problem| (problem["code"].as_str().unwrap_or_default().to_owned(), json!({ "value": problem })))
        .collect();
    let besides = match status {
        415 => Some("Accept-Encoding"),
        401 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    let named =
        ["X-Request-Id"].into_iter().chain(RATE_HEADERS.into_iter().filter(|_| status != 401)).chain(besides);
    let headers: Map<_, _> = named.map(|name| (name.to_owned(), header(name))).collect();
    let content = json!({ "schema": reference("Problem"), "examples": examples });
    json!({ "description": about, "headers": headers, "content": { "application/problem+json": content } })
}

fn document(error: ApiError) -> Value {
    let mut problem = error.problem();
    problem.request_id = "req_0193a3f1c2d87b51a9f0c4d2e8b7a601".into();
    serde_json::to_value(problem).unwrap_or_default()
}
