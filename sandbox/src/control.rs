//! What tests ask of the sandbox besides its protocols: the books, the log, and misbehaviour.
//!
//! None of it needs a key: the sandbox is never anything but a test's own.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::engine::Engine;
use crate::engine::settling::Selection;
use crate::faults::Rule;

/// All of them.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/books", get(books))
        .route("/requests", get(requests))
        .route("/control/faults", get(list_faults).post(set_faults).delete(clear_faults))
        .route("/control/seed", post(seed))
        .route("/control/down", post(down))
        .route("/control/clock", get(read_clock).post(advance_clock))
        .route("/control/dispute", post(dispute))
        .route("/control/settle", post(settle))
        .route("/control/settle_after", post(settle_after))
}

#[derive(Deserialize)]
struct OfReference {
    reference: Option<String>,
}

async fn books(State(app): State<Arc<App>>, Query(query): Query<OfReference>) -> Json<Value> {
    Json(app.engine.state().books.report(query.reference.as_deref()))
}

async fn requests(State(app): State<Arc<App>>, Query(query): Query<OfReference>) -> Json<Value> {
    let requests = app.engine.requests.list(query.reference.as_deref());
    Json(json!({"object": "list", "data": requests}))
}

async fn list_faults(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!(app.engine.rules().list()))
}

/// Replaces all rules.
async fn set_faults(State(app): State<Arc<App>>, Json(rules): Json<Vec<Rule>>) -> Response {
    let mut in_force = app.engine.rules();
    match in_force.replace(rules) {
        Ok(()) => Json(json!(in_force.list())).into_response(),
        Err(message) => (StatusCode::BAD_REQUEST, Json(json!({"error": message}))).into_response(),
    }
}

async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    // No rules at all cannot be wrong.
    let _ = app.engine.rules().replace(Vec::new());
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Seed {
    seed: u64,
}

async fn seed(State(app): State<Arc<App>>, Json(Seed { seed }): Json<Seed>) -> StatusCode {
    app.engine.rules().seed(seed);
    app.engine.deliveries().seed(seed);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Down {
    down: bool,
}

async fn down(State(app): State<Arc<App>>, Json(Down { down }): Json<Down>) -> StatusCode {
    app.engine.set_down(down);
    StatusCode::NO_CONTENT
}

async fn read_clock(State(app): State<Arc<App>>) -> Json<Value> {
    Json(clock_report(&app.engine))
}

fn clock_report(engine: &Engine) -> Value {
    json!({"now": engine.clock.now().seconds(), "offset_seconds": engine.clock.offset_ms() / 1000})
}

#[derive(Deserialize)]
struct Advance {
    /// Forward only: lists rely on time's order.
    advance_seconds: u32,
}

/// Moves the clock, and lets everything happen that is due then before it answers.
async fn advance_clock(State(app): State<Arc<App>>, Json(advance): Json<Advance>) -> Json<Value> {
    let line = app.move_clock(app.engine.clock.offset_ms() + i64::from(advance.advance_seconds) * 1000);
    app.engine.journal.written(line).await;
    Json(clock_report(&app.engine))
}

/// How much later it must be for a caller than here before the clock follows, in milliseconds.
const LATER_MS: i64 = 1000;

/// A caller who lives in a later time says so in a header, and the clock follows before anything else.
pub(crate) async fn follow(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let ahead = request.headers().get("remit-clock-ahead").and_then(|value| value.to_str().ok());
    if let Some(ahead_ms) = ahead.and_then(|value| value.parse::<i64>().ok())
        && ahead_ms > app.engine.clock.offset_ms() + LATER_MS
    {
        let line = app.move_clock(ahead_ms);
        app.engine.journal.written(line).await;
    }
    next.run(request).await
}

async fn settle(State(app): State<Arc<App>>, Json(wanted): Json<Selection>) -> Json<Value> {
    let ending = wanted.outcome.unwrap_or_default();
    let (settled, line) = {
        let mut state = app.engine.state();
        let gateways = app.gateways();
        let settled: usize = gateways.iter().map(|gateway| gateway.settle(&mut state, &wanted, ending)).sum();
        (settled, app.engine.last_line())
    };
    app.engine.journal.written(line).await;
    Json(json!({"settled": settled}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disputed {
    reference: String,
    outcome: Option<Verdict>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Won,
    Lost,
}

/// Opens a dispute unless one is open, and with an outcome ends it.
async fn dispute(State(app): State<Arc<App>>, Json(wanted): Json<Disputed>) -> Json<Value> {
    let (opened, ended, line) = {
        let mut state = app.engine.state();
        let (gateways, reference) = (app.gateways(), &wanted.reference);
        let opened = gateways.iter().any(|gateway| gateway.open_dispute(&mut state, reference));
        let ended = wanted.outcome.is_some_and(|verdict| {
            let won = verdict == Verdict::Won;
            gateways.iter().any(|gateway| gateway.end_dispute(&mut state, reference, won))
        });
        (opened, ended, app.engine.last_line())
    };
    app.engine.journal.written(line).await;
    Json(json!({"opened": opened, "ended": ended}))
}

#[derive(Deserialize)]
struct SettleAfter {
    milliseconds: u32,
}

async fn settle_after(State(app): State<Arc<App>>, Json(wanted): Json<SettleAfter>) -> StatusCode {
    app.engine.set_settle_after_ms(i64::from(wanted.milliseconds));
    StatusCode::NO_CONTENT
}
