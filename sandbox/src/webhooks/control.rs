//! What tests ask about webhooks: where they go, what goes wrong, whether all is told.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::deliveries::Faults;
use super::outbox::{Change as OutboxChange, Targets};
use crate::app::App;
use crate::state::Change;

/// All of it.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/control/webhooks", get(report).post(set_targets))
        .route("/control/webhook_faults", get(list_faults).post(set_faults))
        .route("/control/redeliver", post(redeliver))
}

/// `pending` is 0 when everything that can be told has been told.
async fn report(State(app): State<Arc<App>>) -> Json<Value> {
    let state = app.state();
    let outbox = &state.outbox;
    let deliveries = app.deliveries();
    let untouched =
        outbox.waiting_from(deliveries.next_number()).filter(|(_, event)| outbox.is_sent(event)).count();
    let unsent = outbox.waiting_from(0).filter(|(_, event)| !outbox.is_sent(event)).count();
    let mut report = json!(deliveries.counts);
    report["pending"] = json!(deliveries.pending() + untouched);
    report["kept"] = json!(unsent);
    report["targets"] = json!(outbox.targets);
    Json(report)
}

async fn set_targets(State(app): State<Arc<App>>, Json(targets): Json<Targets>) -> StatusCode {
    let line = {
        let mut state = app.state();
        let line = app.commit(&mut state, vec![Change::Webhooks(OutboxChange::Targets(targets))]);
        app.deliveries().restart();
        line
    };
    app.journal.written(line).await;
    StatusCode::NO_CONTENT
}

async fn list_faults(State(app): State<Arc<App>>) -> Json<Faults> {
    Json(app.deliveries().faults)
}

async fn set_faults(State(app): State<Arc<App>>, Json(faults): Json<Faults>) -> Response {
    if let Some(message) = faults.complaint() {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": message}))).into_response();
    }
    app.deliveries().faults = faults;
    StatusCode::NO_CONTENT.into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    all: bool,
}

async fn redeliver(State(app): State<Arc<App>>, Json(wanted): Json<Redeliver>) -> Json<Value> {
    let state = app.state();
    let count = if wanted.all { app.deliveries().repeat_all(&state.outbox, app.clock.now()) } else { 0 };
    Json(json!({"redelivered": count}))
}
