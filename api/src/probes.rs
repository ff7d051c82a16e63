//! What operators and orchestrators ask of the process.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::IntoResponse,
    routing::get,
};
use common::db;

use crate::App;

/// The routes.
pub fn router() -> Router<App> {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State(app): State<App>| async move { app.metrics.render() }))
}

/// Ready to accept: the database answers and has our schema, and we are not about to go. The broker is
/// told with `?verbose`, and does not count: without it 202s go on.
async fn ready(State(app): State<App>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let migrations = db::missing_migrations(&app.pool).await;
    let database = match &migrations {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("away: {error}"),
    };
    let schema = match migrations {
        Ok(0) => "ok".to_owned(),
        Ok(missing) => format!("{missing} migrations are missing: run `remit migrate`"),
        Err(_) => "unknown".to_owned(),
    };
    let accepting = if app.draining.is_cancelled() { "draining" } else { "ok" };
    let ready = [database.as_str(), schema.as_str(), accepting].iter().all(|state| *state == "ok");
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if query.is_none_or(|query| !query.contains("verbose")) {
        return (status, if ready { "ready" } else { "not ready" }).into_response();
    }
    let broker = if app.publisher.is_connected() { "ok" } else { "away: payments are accepted and wait" };
    let states = [
        ("database", database),
        ("migrations", schema),
        ("accepting", accepting.to_owned()),
        ("broker", broker.to_owned()),
    ];
    (status, Json(BTreeMap::from(states))).into_response()
}
