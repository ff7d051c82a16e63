//! The page on which a payer approves or fails an authentication.
//!
//! It stands where the issuer's page would: a person or a test follows `next_action`'s URL and posts
//! one of two buttons, and the waiting intent goes on.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::charging;
use super::objects::{Intent, IntentStatus};
use super::store::Store;
use crate::engine::host::Host;

/// `/3ds/{intent}` and its two buttons.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new()
        .route("/3ds/{intent}", get(show))
        .route("/3ds/{intent}/approve", post(approve))
        .route("/3ds/{intent}/fail", post(fail))
}

async fn show(State(host): State<Arc<Host<Store>>>, Path(id): Path<String>) -> Response {
    let (_state, store) = host.lock();
    let Some(intent) = store.intents.get(&id) else {
        return page(StatusCode::NOT_FOUND, "There is no such payment.");
    };
    if intent.status != IntentStatus::RequiresAction {
        return page(StatusCode::CONFLICT, "Nothing is left to approve here.");
    }
    let (amount, currency) = (intent.amount, &intent.currency);
    page(
        StatusCode::OK,
        &format!(
            "<p>Approve a payment of {amount} minor units of {currency}?</p>\
             <form method=post action=\"/3ds/{id}/approve\"><button>Approve</button></form>\
             <form method=post action=\"/3ds/{id}/fail\"><button>Fail</button></form>"
        ),
    )
}

async fn approve(State(host): State<Arc<Host<Store>>>, Path(id): Path<String>) -> Response {
    finish(&host, &id, true).await
}

async fn fail(State(host): State<Arc<Host<Store>>>, Path(id): Path<String>) -> Response {
    finish(&host, &id, false).await
}

async fn finish(host: &Host<Store>, id: &str, approved: bool) -> Response {
    let (line, action) = {
        let (mut state, mut store) = host.lock();
        let Some(intent) = store.intents.get(id).cloned() else {
            return page(StatusCode::NOT_FOUND, "There is no such payment.");
        };
        let method = intent.payment_method.as_deref().and_then(|id| store.method(id));
        let (IntentStatus::RequiresAction, Some(method)) = (intent.status, method.cloned()) else {
            return page(StatusCode::CONFLICT, "Nothing is left to approve here.");
        };
        let back = return_address(&intent, approved);
        let attempt = if approved {
            charging::succeed(intent, method, &host.engine().setting())
        } else {
            charging::fail_authentication(intent, method)
        };
        (host.commit(&mut state, &mut store, attempt.into_changes()), back)
    };
    host.engine().journal.written(line).await;
    match action {
        Some(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
        None => page(StatusCode::OK, if approved { "Approved." } else { "Failed." }),
    }
}

/// Where the payer goes afterwards, with the parameters that Stripe adds.
fn return_address(intent: &Intent, approved: bool) -> Option<String> {
    let url = intent.next_action.as_ref()?.return_url.as_ref()?;
    let separator = if url.contains('?') { '&' } else { '?' };
    let status = if approved { "succeeded" } else { "failed" };
    Some(format!(
        "{url}{separator}payment_intent={}&payment_intent_client_secret={}&redirect_status={status}",
        intent.id, intent.client_secret
    ))
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!("<!doctype html><title>Sandbox authentication</title>{body}");
    (status, Html(html)).into_response()
}
