//! The page on which a payer approves or cancels an order.
//!
//! It stands where paypal.com would: a person or a test follows the `payer-action` link and posts one
//! of two buttons. A test may say with what the payer pays.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::objects::{Order, OrderStatus};
use super::orders;
use super::store::{PayPalChange, Store};
use super::vault;
use crate::engine::host::Host;

/// `/checkoutnow?token=…` and its two buttons.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new()
        .route("/checkoutnow", get(show))
        .route("/checkoutnow/{order}/approve", post(approve))
        .route("/checkoutnow/{order}/cancel", post(cancel))
}

#[derive(Deserialize)]
struct OfOrder {
    token: String,
}

/// What the payer chooses: a vault id's behaviour, or `declined` for a card that is.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    instrument: Option<String>,
}

async fn show(
    State(host): State<Arc<Host<Store>>>,
    Query(OfOrder { token: id }): Query<OfOrder>,
) -> Response {
    let (_state, store) = host.lock();
    let Some(order) = orders::find(&store, &id, host.engine().clock.now()) else {
        return page(StatusCode::NOT_FOUND, "There is no such order.");
    };
    if !waits(order) {
        return page(StatusCode::CONFLICT, "Nothing is left to approve here.");
    }
    page(
        StatusCode::OK,
        &format!(
            "<p>Pay {}?</p>\
             <form method=post action=\"/checkoutnow/{id}/approve\"><button>Approve</button></form>\
             <form method=post action=\"/checkoutnow/{id}/cancel\"><button>Cancel</button></form>",
            order.unit.amount.json()["value"].as_str().unwrap_or_default()
        ),
    )
}

async fn approve(State(host): State<Arc<Host<Store>>>, Path(id): Path<String>, body: Bytes) -> Response {
    let choice = if body.is_empty() { Ok(Choice::default()) } else { serde_json::from_slice(&body) };
    let Some(instrument) = choice.ok().map(|choice| choice.instrument.map(instrument)) else {
        return page(StatusCode::BAD_REQUEST, "That is no JSON with an instrument.");
    };
    if instrument.as_deref().is_some_and(|token| !vault::is_known(token)) {
        return page(StatusCode::BAD_REQUEST, "There is no such instrument.");
    }
    let (line, back) = {
        let (mut state, mut store) = host.lock();
        let now = host.engine().clock.now();
        let mut order = match orders::find(&store, &id, now) {
            None => return page(StatusCode::NOT_FOUND, "There is no such order."),
            Some(order) if !waits(order) => {
                return page(StatusCode::CONFLICT, "Nothing is left to approve here.");
            }
            Some(order) => order.clone(),
        };
        order.status = OrderStatus::Approved;
        order.expires_ms = now.0 + orders::APPROVED_LIFE_MS;
        order.updated_ms = now.0;
        order.instrument = instrument.or(order.instrument);
        let back = address(order.return_url.as_deref(), &id, true);
        (host.commit(&mut state, &mut store, vec![PayPalChange::Order(Box::new(order)).into()]), back)
    };
    host.engine().journal.written(line).await;
    go(back, "Approved.")
}

/// The payer goes back; PayPal lets the order wait on.
async fn cancel(State(host): State<Arc<Host<Store>>>, Path(id): Path<String>) -> Response {
    let (_state, store) = host.lock();
    match orders::find(&store, &id, host.engine().clock.now()) {
        None => page(StatusCode::NOT_FOUND, "There is no such order."),
        Some(order) => go(address(order.cancel_url.as_deref(), &id, false), "Cancelled."),
    }
}

fn instrument(name: String) -> String {
    if name == "declined" { "vault_issue_INSTRUMENT_DECLINED".to_owned() } else { name }
}

fn waits(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Created | OrderStatus::PayerActionRequired)
}

/// Where the payer goes afterwards, with the parameters that PayPal adds.
fn address(url: Option<&str>, order: &str, approved: bool) -> Option<String> {
    let url = url?;
    let separator = if url.contains('?') { '&' } else { '?' };
    let payer = if approved { "&PayerID=QYR5Z8XDVJNXQ" } else { "" };
    Some(format!("{url}{separator}token={order}{payer}"))
}

fn go(address: Option<String>, otherwise: &str) -> Response {
    match address {
        Some(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
        None => page(StatusCode::OK, otherwise),
    }
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!("<!doctype html><title>Sandbox checkout</title>{body}");
    (status, Html(html)).into_response()
}
