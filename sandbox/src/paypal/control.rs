//! What tests ask about PayPal alone: its access tokens, its certificates, and how late its reports are.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::Change as PayPalChange;
use crate::app::App;

/// All of it.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/control/paypal", get(report))
        .route("/control/paypal/certificates", post(set_certificates))
        .route("/control/paypal/expire_tokens", post(expire_tokens))
        .route("/control/paypal/reporting_delay", post(set_reporting_delay))
}

async fn report(State(app): State<Arc<App>>) -> Json<Value> {
    let state = app.state();
    let bearers = &state.paypal.bearers;
    Json(json!({
        "tokens_issued": bearers.issued(),
        "tokens_alive": bearers.alive(app.clock.now()),
    }))
}

async fn expire_tokens(State(app): State<Arc<App>>) -> StatusCode {
    let line = app.commit(&mut app.state(), vec![PayPalChange::BearersForgotten.into()]);
    app.journal.written(line).await;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Certificates {
    away: bool,
}

async fn set_certificates(
    State(app): State<Arc<App>>,
    Json(Certificates { away }): Json<Certificates>,
) -> StatusCode {
    app.take_certificates_away(away);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    seconds: u32,
}

async fn set_reporting_delay(
    State(app): State<Arc<App>>,
    Json(Delay { seconds }): Json<Delay>,
) -> StatusCode {
    let change = PayPalChange::ReportingDelay(i64::from(seconds) * 1000).into();
    let line = app.commit(&mut app.state(), vec![change]);
    app.journal.written(line).await;
    StatusCode::NO_CONTENT
}
