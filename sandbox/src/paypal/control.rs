//! What tests ask about PayPal alone: its access tokens, its certificates, and how late its reports are.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::{PayPalChange, Store};
use crate::engine::host::Host;

/// All of it.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new()
        .route("/control/paypal", get(report))
        .route("/control/paypal/certificates", post(set_certificates))
        .route("/control/paypal/expire_tokens", post(expire_tokens))
        .route("/control/paypal/reporting_delay", post(set_reporting_delay))
}

async fn report(State(host): State<Arc<Host<Store>>>) -> Json<Value> {
    let (_state, store) = host.lock();
    let bearers = &store.bearers;
    Json(json!({
        "tokens_issued": bearers.issued(),
        "tokens_alive": bearers.alive(host.engine().clock.now()),
    }))
}

async fn expire_tokens(State(host): State<Arc<Host<Store>>>) -> StatusCode {
    commit(&host, PayPalChange::BearersForgotten).await;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Certificates {
    away: bool,
}

async fn set_certificates(
    State(host): State<Arc<Host<Store>>>,
    Json(Certificates { away }): Json<Certificates>,
) -> StatusCode {
    host.lock().1.certificates_are_away = away;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    seconds: u32,
}

async fn set_reporting_delay(
    State(host): State<Arc<Host<Store>>>,
    Json(Delay { seconds }): Json<Delay>,
) -> StatusCode {
    commit(&host, PayPalChange::ReportingDelay(i64::from(seconds) * 1000)).await;
    StatusCode::NO_CONTENT
}

async fn commit(host: &Host<Store>, change: PayPalChange) {
    let line = {
        let (mut state, mut store) = host.lock();
        host.commit(&mut state, &mut store, vec![change.into()])
    };
    host.engine().journal.written(line).await;
}
