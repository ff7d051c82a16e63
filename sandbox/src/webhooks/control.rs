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
use crate::engine::Engine;
use crate::engine::state::Change;

/// All of it.
pub(crate) fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/control/webhooks", get(report).post(set_targets))
        .route("/control/webhook_faults", get(list_faults).post(set_faults))
        .route("/control/redeliver", post(redeliver))
}

/// `pending` is 0 when everything that can be told has been told.
async fn report(State(engine): State<Arc<Engine>>) -> Json<Value> {
    let state = engine.state();
    let outbox = &state.outbox;
    let deliveries = engine.deliveries();
    let untouched =
        outbox.waiting_from(deliveries.next_number()).filter(|(_, event)| outbox.is_sent(event)).count();
    let unsent = outbox.waiting_from(0).filter(|(_, event)| !outbox.is_sent(event)).count();
    let mut report = json!(deliveries.counts);
    report["pending"] = json!(deliveries.pending() + untouched);
    report["kept"] = json!(unsent);
    report["targets"] = json!(outbox.targets);
    Json(report)
}

async fn set_targets(State(engine): State<Arc<Engine>>, Json(targets): Json<Targets>) -> StatusCode {
    let line = {
        let mut state = engine.state();
        let line = engine.commit_shared(&mut state, vec![Change::Webhooks(OutboxChange::Targets(targets))]);
        engine.deliveries().restart();
        line
    };
    engine.journal.written(line).await;
    StatusCode::NO_CONTENT
}

async fn list_faults(State(engine): State<Arc<Engine>>) -> Json<Faults> {
    Json(engine.deliveries().faults)
}

async fn set_faults(State(engine): State<Arc<Engine>>, Json(faults): Json<Faults>) -> Response {
    if let Some(message) = faults.complaint() {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": message}))).into_response();
    }
    engine.deliveries().faults = faults;
    StatusCode::NO_CONTENT.into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    all: bool,
}

async fn redeliver(State(engine): State<Arc<Engine>>, Json(wanted): Json<Redeliver>) -> Json<Value> {
    let state = engine.state();
    let count =
        if wanted.all { engine.deliveries().repeat_all(&state.outbox, engine.clock.now()) } else { 0 };
    Json(json!({"redelivered": count}))
}
