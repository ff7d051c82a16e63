//! PayPal's protocol: every request to its API comes in here and leaves with PayPal's manners.
//!
//! One front door for all endpoints, because authentication, misbehaviour, idempotency and the log
//! are the same for each. The endpoints themselves are plain functions from the store and the body to
//! what is shown and what changes.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{any, post};

use crate::app::App;
use crate::connection::Switch;
use crate::request_log::Entry;
use call::{Call, Envelope};
use errors::PayPalError;
use execution::{Ended, Reply};

pub(crate) mod amounts;
mod approval;
mod authorizations;
mod bearer;
mod call;
mod certificates;
mod charging;
pub(crate) mod control;
pub(crate) mod disputes;
mod effect;
mod errors;
pub(crate) mod events;
mod execution;
mod fields;
mod idempotency;
pub(crate) mod objects;
mod orders;
mod refunds;
mod render;
mod render_payments;
mod reporting;
pub(crate) mod settling;
pub(crate) mod store;
pub(crate) mod times;
mod vault;
pub(crate) mod webhooks;

/// PayPal's API, and the page where payers approve.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/oauth2/token", post(answer))
        .route("/v1/customer/{*path}", any(answer))
        .route("/v1/notifications/{*path}", any(answer))
        .route("/v1/reporting/{*path}", any(answer))
        .route("/v2/{*path}", any(answer))
        .merge(approval::routes())
        .merge(certificates::routes())
        .merge(control::routes())
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
    let debug_id = envelope.debug_id.clone();
    let number = app.requests.begin(Entry {
        idempotency_key: envelope.request_id.clone(),
        request_id: debug_id.clone(),
        ..entry
    });
    let ended = if app.is_down() {
        Ended::Answered(Reply::error(&PayPalError::unavailable(), &debug_id))
    } else {
        let call = Call::read(envelope, &uri, &headers, &body, &app.state().paypal, app.clock.now());
        match call {
            Ok(call) => {
                let reference = call.reference(&app.state().paypal).map(str::to_owned);
                app.requests.update(number, |entry| entry.reference = reference);
                execution::carry_out(&app, call).await
            }
            Err(error) => Ended::Answered(Reply::error(&error, &debug_id)),
        }
    };
    app.requests.update(number, |entry| entry.outcome = ended.to_string());
    match ended {
        Ended::Answered(reply) => response(reply, &debug_id),
        Ended::Held => std::future::pending().await,
        Ended::Dropped => {
            switch.cut();
            Response::default()
        }
    }
}

/// A reply with the headers that PayPal sends.
fn response(reply: Reply, debug_id: &str) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if reply.status != 204 {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Ok(debug_id) = HeaderValue::from_str(debug_id) {
        headers.insert("paypal-debug-id", debug_id);
    }
    response
}
