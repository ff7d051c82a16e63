//! How the database stands, for whoever asks.

use std::time::Duration;

use common::db;
use sqlx::PgPool;
use tokio::{sync::Mutex, time::Instant};

/// For how long an answer of the database is believed: anybody may ask us, but not it.
const BELIEVED_FOR: Duration = Duration::from_millis(250);

/// What all is well says.
pub const OK: &str = "ok";

/// What the database says of itself, asked on a connection that nothing else uses: whatever the others do, it
/// answers. Whoever asks meanwhile gets the same answer.
pub struct Probe {
    pool: PgPool,
    latest: Mutex<Option<(Instant, Database)>>,
}

/// How the database stands: each is `ok`, or a sentence.
#[derive(Clone)]
pub struct Database {
    /// Whether it answers.
    pub answers: String,
    /// Whether it has our schema.
    pub migrations: String,
}

impl Probe {
    /// Asks on this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, latest: Mutex::default() }
    }

    /// How the database stands now.
    pub async fn database(&self) -> Database {
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

    /// Whether all is well.
    pub fn is_well(&self) -> bool {
        self.answers == OK && self.migrations == OK
    }
}
