//! Stripe's protocol: every request to `/v1` comes in here and leaves with Stripe's manners.
//!
//! One front door for all endpoints, because authentication, misbehaviour, idempotency and the log
//! are the same for each. The endpoints themselves are plain functions from the store and the
//! parameters to an answer and its changes.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::any;

use crate::app::App;
use crate::connection::Switch;
use crate::request_log::Entry;
use call::{Call, Envelope};
use errors::StripeError;
use execution::{Ended, Reply};

mod amounts;
mod balance;
mod call;
pub(crate) mod charging;
mod customers;
mod declines;
mod descriptors;
pub(crate) mod disputes;
mod effect;
mod errors;
pub(crate) mod events;
mod execution;
mod expand;
mod form;
mod idempotency;
mod listing;
mod money_objects;
pub(crate) mod objects;
mod payment_intents;
mod refunds;
mod render;
mod render_money;
pub(crate) mod settling;
pub(crate) mod store;
mod table;
mod test_cards;
mod three_d_secure;
pub(crate) mod webhooks;

/// Stripe's API, and the page where payers authenticate.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/{*path}", any(answer)).merge(three_d_secure::routes())
}

/// Any request to the API.
async fn answer(
    State(app): State<Arc<App>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let entry = Entry::new(app.clock.now().0, &method, &uri, &headers, &body);
    let envelope = Envelope::of(method, &uri, &headers);
    let number = app.requests.begin(Entry {
        idempotency_key: envelope.key.clone(),
        request_id: envelope.request_id.clone(),
        ..entry
    });
    let ended = if app.is_down() {
        Ended::Answered(Reply::error(&StripeError::unavailable()))
    } else {
        match Call::read(envelope.clone(), &uri, &headers, &body) {
            Ok(call) => {
                let reference = call.reference(&app.state().stripe).map(str::to_owned);
                app.requests.update(number, |entry| entry.reference = reference);
                execution::carry_out(&app, call).await
            }
            Err(error) => Ended::Answered(Reply::error(&error)),
        }
    };
    app.requests.update(number, |entry| entry.outcome = ended.to_string());
    match ended {
        Ended::Answered(reply) => response(reply, envelope),
        Ended::Held => std::future::pending().await,
        Ended::Dropped => {
            switch.cut();
            Response::default()
        }
    }
}

/// A reply with the headers that Stripe sends.
fn response(reply: Reply, envelope: Envelope) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut set = |name: &'static str, value: &str| {
        // A key that came in as a header but is not plain text is not sent back.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("request-id", &envelope.request_id);
    set("stripe-version", &envelope.version);
    if let Some(key) = envelope.key.filter(|_| envelope.method == Method::POST) {
        set("idempotency-key", &key);
    }
    if let Some(original) = reply.original_request {
        set("idempotent-replayed", "true");
        set("original-request", &original);
    }
    if let Some(should_retry) = reply.should_retry {
        set("stripe-should-retry", if should_retry { "true" } else { "false" });
    }
    response
}
