//! Postgres: how to reach it, and how to tell "it is away" from "it says no".

mod clock;
mod durability;
mod error;
mod keys;
pub mod row;
mod schema;
mod server;
mod writable;

use std::{str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection as _, PgConnection, PgExecutor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::clock::Timestamp;
pub use clock::{Clock, clock};
pub use durability::{Durability, durability};
pub use error::{Error, Result};
pub use keys::{Key, bind_key};
pub use schema::{MIGRATIONS, migrate, misfit, missing_migrations, watch_schema};
use writable::{Watch, refuse_read_only};

/// What one statement may take, unless something shorter is said.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);

/// Opens a pool without waiting for the database: a process starts, and says that it is not ready,
/// while Postgres is still away.
///
/// Fails when the address cannot be read.
pub fn pool(url: &SecretString, name: &str, connections_max: u32) -> sqlx::Result<PgPool> {
    open(url, name, connections_max, STATEMENT_TIMEOUT, "auto")
}

/// The same for what is not sent thousands of times a second (lists with filters, comparisons of whole days), where no
/// statement may take longer than this. Each is planned for the values that it is sent with: a filter that is left out
/// costs nothing, and one that is there has its index.
///
/// Fails when the address cannot be read.
pub fn pool_within(
    url: &SecretString,
    name: &str,
    connections_max: u32,
    statement_timeout: Duration,
) -> sqlx::Result<PgPool> {
    open(url, name, connections_max, statement_timeout, "force_custom_plan")
}

fn open(
    url: &SecretString,
    name: &str,
    connections_max: u32,
    statement_timeout: Duration,
    plan_cache_mode: &str,
) -> sqlx::Result<PgPool> {
    let options = PgConnectOptions::from_str(url.expose_secret())?.application_name(name).options([
        ("statement_timeout", format!("{}ms", statement_timeout.as_millis()).as_str()),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("plan_cache_mode", plan_cache_mode),
        // No disk of today has a head to move: an index is cheaper than the default takes it to be.
        ("random_page_cost", "1.1"),
    ]);
    let watch = Watch::new();
    Ok(PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(3))
        .after_connect(|connection, _| Box::pin(refuse_read_only(connection)))
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let watch = watch.clone();
            Box::pin(async move { Ok(watch.passes(connection, meta).await) })
        })
        .connect_lazy_with(options))
}

/// A column that holds what this version does not know: written by a newer one.
pub(crate) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// One column of many rows, for a statement that takes them all by `unnest`.
pub(crate) fn column<Row, Value>(
    rows: impl IntoIterator<Item = Row>,
    value: impl FnMut(Row) -> Value,
) -> Vec<Value> {
    rows.into_iter().map(value).collect()
}

/// What time it is, by the database's clock.
pub async fn now(db: impl PgExecutor<'_>) -> sqlx::Result<Timestamp> {
    sqlx::query_scalar!(r#"SELECT remit_now() AS "now!""#).fetch_one(db).await
}

/// The right to move the clock of a test deployment: one has it at a time, in whatever process. It is bound to a
/// connection of its own, so it is free again soon after it was dropped, at any moment; given back, at once.
pub struct ClockHand(PgConnection);

impl ClockHand {
    /// Takes it, unless somebody has it.
    pub async fn take(db: &PgPool) -> sqlx::Result<Option<Self>> {
        let mut own = db.acquire().await?.detach();
        let is_ours =
            sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock(hashtext('remit test clock')) AS "is_ours!""#);
        let is_ours = is_ours.fetch_one(&mut own).await?;
        Ok(is_ours.then_some(Self(own)))
    }

    /// Gives it back.
    pub async fn give_back(mut self) -> sqlx::Result<()> {
        sqlx::query!("SELECT pg_advisory_unlock_all()").execute(&mut self.0).await?;
        self.0.close().await
    }

    /// Where it is moved. It never moves back: time that has come has been acted on.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

/// Whether a statement was given up because it took longer than its pool allows.
#[must_use]
pub fn took_too_long(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("57014"))
}

/// Whether the database is away, overloaded or restarting: the same may work a moment later. A refusal
/// of the statement itself is not.
#[must_use]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // Connection exceptions, resources, operator intervention, system errors.
            ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                // Deadlock, serialization failure, lock not available, an idle transaction that was
                // ended, a standby that does not take writes yet.
                || ["40P01", "40001", "55P03", "25P03", "25006"].contains(&code.as_ref())
        }),
        _ => false,
    }
}
