//! What tests ask about PayPal alone: its access tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::store::Change as PayPalChange;
use crate::app::App;

/// All of it.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/control/paypal", get(report))
        .route("/control/paypal/expire_tokens", post(expire_tokens))
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
