//! What orchestrators and operators ask of the process. The public is told whether it lives and is ready, in a word;
//! the rest, and the metrics, are for operators, on a listener of their own.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use common::db;
use sqlx::PgPool;
use tokio::{sync::Mutex, time::Instant};

use crate::App;

/// For how long an answer of the database is believed: anybody may ask us, but not it.
const BELIEVED_FOR: Duration = Duration::from_millis(250);

/// What all is well says.
const OK: &str = "ok";

/// What the database says of itself, asked on a connection that nothing else uses: whatever the others do, it
/// answers. Whoever asks meanwhile gets the same answer.
pub struct Probe {
    pool: PgPool,
    latest: Mutex<Option<(Instant, Database)>>,
}

/// How the database stands: each is `ok`, or a sentence.
#[derive(Clone)]
struct Database {
    answers: String,
    migrations: String,
}

impl Probe {
    /// Asks on this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, latest: Mutex::default() }
    }

    async fn database(&self) -> Database {
        let mut latest = self.latest.lock().await;
        match &*latest {
            Some((since, database)) if since.elapsed() < BELIEVED_FOR => database.clone(),
            _ => {
                let database = Database::look(&self.pool).await;
                *latest = Some((Instant::now(), database.clone()));
                database
            }
        }
    }
}

impl Database {
    async fn look(pool: &PgPool) -> Self {
        let (answers, migrations) = match db::misfit(pool).await {
            Ok(None) => (OK.into(), OK.into()),
            Ok(Some(why)) => (OK.into(), why),
            Err(error) => (format!("away: {error}"), "unknown".into()),
        };
        Self { answers, migrations }
    }

    fn is_well(&self) -> bool {
        self.answers == OK && self.migrations == OK
    }
}

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
