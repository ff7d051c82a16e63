//! What tests ask of the sandbox besides its protocols: the books, the log, and misbehaviour.
//!
//! None of it needs a key: the sandbox is never anything but a test's own.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::faults::Rule;
use crate::journal::LineNumber;
use crate::paypal;
use crate::state::Change;
use crate::stripe::settling::{self, Ending};

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
    {
        let mut state = app.state();
        let offset_ms = app.clock.offset_ms() + i64::from(advance.advance_seconds) * 1000;
        let _ = app.commit(&mut state, vec![Change::Clock { offset_ms }]);
        app.clock.set_offset_ms(offset_ms);
    }
    let (_, line) = app.run_due();
    app.journal.written(line).await;
    Json(clock_report(&app))
}

/// Which debits to settle, and how.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    payment_intent: Option<String>,
    reference: Option<String>,
    #[serde(default)]
    all: bool,
    /// `succeeded` or `failed`; without it as the token says.
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Succeeded,
    Failed,
}

async fn settle(State(app): State<Arc<App>>, Json(wanted): Json<Settle>) -> Json<Value> {
    let ending = match wanted.outcome {
        None => Ending::ByToken,
        Some(Outcome::Succeeded) => Ending::Succeeded,
        Some(Outcome::Failed) => Ending::Failed,
    };
    let (settled, line) = {
        let mut state = app.state();
        let store = &state.stripe;
        let by_id = wanted.payment_intent.iter().filter_map(|id| store.intent(id));
        let by_reference =
            wanted.reference.iter().flat_map(|reference| store.intents_of_reference(reference));
        let all = (0..store.intent_count()).filter(|_| wanted.all).map(|place| store.at(place));
        let settled: Vec<Vec<Change>> = by_id
            .chain(by_reference)
            .chain(all)
            .filter_map(|intent| settling::settle(store, intent, ending))
            .collect();
        let count = settled.len();
        let line = app.commit(&mut state, settled.into_iter().flatten().collect());
        if wanted.all || wanted.reference.is_some() {
            let (also, line) = settle_paypal(&app, &mut state, wanted.reference.as_deref(), ending);
            (count + also, line)
        } else {
            (count, line)
        }
    };
    app.journal.written(line).await;
    Json(json!({"settled": settled}))
}

/// One after another, because each starts from what the one before has left.
fn settle_paypal(
    app: &App,
    state: &mut crate::state::State,
    reference: Option<&str>,
    ending: Ending,
) -> (usize, LineNumber) {
    let mut settled = 0;
    let mut line = app.journal.append::<Change>(&[]);
    for object in paypal::settling::pending(&state.paypal, reference) {
        if let Some(changes) = paypal::settling::settle(&state.paypal, &object, ending, app.clock.now()) {
            line = app.commit(state, changes);
            settled += 1;
        }
    }
    (settled, line)
}

#[derive(Deserialize)]
struct SettleAfter {
    milliseconds: u32,
}

async fn settle_after(State(app): State<Arc<App>>, Json(wanted): Json<SettleAfter>) -> StatusCode {
    app.set_settle_after_ms(i64::from(wanted.milliseconds));
    StatusCode::NO_CONTENT
}
