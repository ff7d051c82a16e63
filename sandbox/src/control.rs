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
use crate::faults::Rule;
use crate::paypal;
use crate::stripe::{disputes, settling};
use crate::words;

/// All of them.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/books", get(books))
        .route("/requests", get(requests))
        .route("/control/saved", get(saved))
        .route("/control/faults", get(list_faults).post(set_faults).delete(clear_faults))
        .route("/control/seed", post(seed))
        .route("/control/down", post(down))
        .route("/control/words", post(words::set))
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
    Json(app.state().books.report(query.reference.as_deref()))
}

/// Which customers there are of a reference, and what each of them has saved.
async fn saved(State(app): State<Arc<App>>, Query(query): Query<OfReference>) -> Json<Value> {
    let state = app.state();
    let customers = state.stripe.saved(query.reference.as_deref().unwrap_or_default());
    let shown = customers.iter().map(|(customer, methods)| json!({"id": customer.id, "methods": methods}));
    Json(json!({"customers": shown.collect::<Vec<_>>()}))
}

async fn requests(State(app): State<Arc<App>>, Query(query): Query<OfReference>) -> Json<Value> {
    let requests = app.requests.list(query.reference.as_deref());
    Json(json!({"object": "list", "data": requests}))
}

async fn list_faults(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!(app.rules().list()))
}

/// Replaces all rules.
async fn set_faults(State(app): State<Arc<App>>, Json(rules): Json<Vec<Rule>>) -> Response {
    let mut in_force = app.rules();
    match in_force.replace(rules) {
        Ok(()) => Json(json!(in_force.list())).into_response(),
        Err(message) => (StatusCode::BAD_REQUEST, Json(json!({"error": message}))).into_response(),
    }
}

async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    // No rules at all cannot be wrong.
    let _ = app.rules().replace(Vec::new());
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Seed {
    seed: u64,
}

async fn seed(State(app): State<Arc<App>>, Json(Seed { seed }): Json<Seed>) -> StatusCode {
    app.rules().seed(seed);
    app.deliveries().seed(seed);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Down {
    down: bool,
}

async fn down(State(app): State<Arc<App>>, Json(Down { down }): Json<Down>) -> StatusCode {
    app.set_down(down);
    StatusCode::NO_CONTENT
}

async fn read_clock(State(app): State<Arc<App>>) -> Json<Value> {
    Json(clock_report(&app))
}

fn clock_report(app: &App) -> Value {
    json!({"now": app.clock.now().seconds(), "offset_seconds": app.clock.offset_ms() / 1000})
}

#[derive(Deserialize)]
struct Advance {
    /// Forward only: lists rely on time's order.
    advance_seconds: u32,
}

/// Moves the clock, and lets everything happen that is due then before it answers.
async fn advance_clock(State(app): State<Arc<App>>, Json(advance): Json<Advance>) -> Json<Value> {
    let line = app.move_clock(app.clock.offset_ms() + i64::from(advance.advance_seconds) * 1000);
    app.journal.written(line).await;
    Json(clock_report(&app))
}

/// How much later it must be for a caller than here before the clock follows, in milliseconds.
const LATER_MS: i64 = 1000;

/// A caller who lives in a later time says so in a header, and the clock follows before anything else.
pub(crate) async fn follow(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let ahead = request.headers().get("remit-clock-ahead").and_then(|value| value.to_str().ok());
    if let Some(ahead_ms) = ahead.and_then(|value| value.parse::<i64>().ok())
        && ahead_ms > app.clock.offset_ms() + LATER_MS
    {
        let line = app.move_clock(ahead_ms);
        app.journal.written(line).await;
    }
    next.run(request).await
}

/// How something that is pending is made to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// As its token says; one that never ends stays as it is.
    #[default]
    #[serde(skip)]
    ByToken,
    /// The bank pays.
    Succeeded,
    /// The bank refuses.
    Failed,
    /// Somebody calls it off: refunds only.
    Canceled,
    /// It goes on waiting, for the payer: refunds at Stripe only.
    RequiresAction,
}

/// Which pending debits and refunds to end, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selection {
    pub(crate) payment_intent: Option<String>,
    /// The payment's reference, or the refund's.
    pub(crate) reference: Option<String>,
    #[serde(default)]
    pub(crate) all: bool,
    /// Without it as the token says.
    outcome: Option<Ending>,
}

async fn settle(State(app): State<Arc<App>>, Json(wanted): Json<Selection>) -> Json<Value> {
    let ending = wanted.outcome.unwrap_or_default();
    let (settled, line) = {
        let mut state = app.state();
        let mut settled = 0;
        let mut line = app.commit(&mut state, Vec::new());
        // One after the other: two refunds of one charge both change that charge.
        for due in settling::selected(&state.stripe, &wanted) {
            if let Some(changes) = settling::end(&state.stripe, due, ending, &app.setting()) {
                line = app.commit(&mut state, changes);
                settled += 1;
            }
        }
        for object in paypal::settling::selected(&state.paypal, &wanted) {
            let ended = paypal::settling::settle(&state.paypal, &object, ending, app.clock.now());
            if let Some(changes) = ended {
                line = app.commit(&mut state, changes);
                settled += 1;
            }
        }
        (settled, line)
    };
    app.journal.written(line).await;
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
        let mut state = app.state();
        let now = app.clock.now();
        let opened = disputes::open_by_hand(&state.stripe, &wanted.reference, now)
            .or_else(|| paypal::disputes::open_by_hand(&state.paypal, &wanted.reference, &app.setting()));
        let is_opened = opened.is_some();
        let mut line = app.commit(&mut state, opened.unwrap_or_default());
        let ended = wanted.outcome.and_then(|verdict| {
            let (reference, won) = (&wanted.reference, verdict == Verdict::Won);
            disputes::end_by_hand(&state.stripe, reference, won, now)
                .or_else(|| paypal::disputes::end_by_hand(&state.paypal, reference, won, now))
        });
        let is_ended = ended.is_some();
        if let Some(changes) = ended {
            line = app.commit(&mut state, changes);
        }
        (is_opened, is_ended, line)
    };
    app.journal.written(line).await;
    Json(json!({"opened": opened, "ended": ended}))
}

#[derive(Deserialize)]
struct SettleAfter {
    milliseconds: u32,
}

async fn settle_after(State(app): State<Arc<App>>, Json(wanted): Json<SettleAfter>) -> StatusCode {
    app.set_settle_after_ms(i64::from(wanted.milliseconds));
    StatusCode::NO_CONTENT
}
