//! A gateway that quotes: whatever it refuses, it adds words of a test's choice to what it says of it.
//!
//! Real gateways repeat in their messages what was sent to them, or what somebody has typed into their own forms. So
//! may the sandbox, in every word that a caller might pass on.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use crate::engine::Engine;

/// Fields of an error that are words for people, or that callers take for such.
const FIELDS: [&str; 5] = ["message", "description", "param", "field", "error_description"];

/// A refusal's body is shorter than this.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What is to be quoted.
#[derive(Deserialize)]
struct Wanted {
    words: Option<String>,
}

/// The one question.
pub(crate) fn routes() -> Router<Arc<Engine>> {
    Router::new().route("/control/words", post(set))
}

/// From now on, or, without words, no more.
async fn set(State(engine): State<Arc<Engine>>, Json(wanted): Json<Wanted>) -> StatusCode {
    *engine.words() = wanted.words;
    StatusCode::NO_CONTENT
}

/// Adds them to every refusal of a gateway.
pub(crate) async fn quote(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let is_gateways = ["/v1/", "/v2/"].iter().any(|prefix| request.uri().path().starts_with(prefix));
    let response = next.run(request).await;
    let Some(words) = engine.words().clone().filter(|_| is_gateways && !response.status().is_success())
    else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let quoted = match serde_json::from_slice(&bytes) {
        Ok(mut document) => {
            add(&mut document, &words);
            document.to_string().into()
        }
        Err(_) => bytes,
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(quoted))
}

fn add(value: &mut Value, words: &str) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if FIELDS.contains(&name.as_str()) => {
                        *text = format!("{text} {words}")
                    }
                    value => add(value, words),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| add(item, words)),
        _ => {}
    }
}
