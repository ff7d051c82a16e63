//! What orchestrators and operators ask of the process. The public is told whether it lives and is ready, in a word;
//! the rest, and the metrics, are for operators, on a listener of their own.

use std::collections::BTreeMap;

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};

use crate::{App, health::OK};

/// What everybody may ask.
pub fn router() -> Router<App> {
    Router::new().route("/livez", get(lives)).route("/readyz", get(ready))
}

/// What operators may ask: the same in full, and the metrics.
pub fn for_operators(app: App) -> Router {
    Router::new()
        .route("/livez", get(lives))
        .route("/health", get(lives))
        .route("/readyz", get(states))
        .route("/metrics", get(|State(app): State<App>| async move { app.metrics.render() }))
        .with_state(app)
}

async fn lives() -> &'static str {
    "ok"
}

/// Ready to accept: the database answers and has our schema, and we are not about to go. The broker does not
/// count: without it 202s go on.
async fn ready(State(app): State<App>) -> impl IntoResponse {
    let is_ready = app.probe.database().await.is_well() && !app.draining.is_cancelled();
    (status(is_ready), if is_ready { "ready" } else { "not ready" })
}

async fn states(State(app): State<App>) -> impl IntoResponse {
    let database = app.probe.database().await;
    let is_draining = app.draining.is_cancelled();
    let status = status(database.is_well() && !is_draining);
    let broker = if app.publisher.is_connected() { OK } else { "away: payments are accepted and wait" };
    let states = [
        ("database", database.answers),
        ("migrations", database.migrations),
        ("accepting", if is_draining { "draining" } else { OK }.to_owned()),
        ("broker", broker.to_owned()),
    ];
    (status, Json(BTreeMap::from(states)))
}

fn status(is_ready: bool) -> StatusCode {
    if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
