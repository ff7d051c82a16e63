//! Postgres: how to reach it, and how to tell "it is away" from "it says no".

use std::{str::FromStr, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection as _, PgConnection, PgExecutor, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::clock::Timestamp;

/// The schema, embedded in every binary that needs to apply or check it.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// What one statement may take, unless something shorter is said.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);

/// A connection that lay idle for longer is tried before it is used.
const PING_AFTER_IDLE: Duration = Duration::from_millis(500);

/// Opens a pool without waiting for the database: a process starts, and says that it is not ready,
/// while Postgres is still away.
///
/// # Errors
/// When the address cannot be read.
pub fn pool(url: &SecretString, name: &str, connections_max: u32) -> sqlx::Result<PgPool> {
    pool_within(url, name, connections_max, STATEMENT_TIMEOUT)
}

/// The same, where no statement may take longer than this.
///
/// # Errors
/// When the address cannot be read.
pub fn pool_within(
    url: &SecretString,
    name: &str,
    connections_max: u32,
    statement_timeout: Duration,
) -> sqlx::Result<PgPool> {
    let options = PgConnectOptions::from_str(url.expose_secret())?.application_name(name).options([
        ("statement_timeout", format!("{}ms", statement_timeout.as_millis())),
        ("lock_timeout", "5s".into()),
        ("idle_in_transaction_session_timeout", "10s".into()),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(3))
        // A connection in constant use needs no ping; one that lay idle may have died meanwhile.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < PING_AFTER_IDLE || connection.ping().await.is_ok()) })
        })
        .connect_lazy_with(options))
}

/// Applies what is missing of the schema.
///
/// # Errors
/// When a migration fails, or the database has one that we do not know.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    let mut connection = pool.acquire().await?;
    // A migration may take as long as it needs.
    sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0").execute(&mut *connection).await?;
    let migrated = MIGRATIONS.run(&mut *connection).await;
    // Not back to the pool, where others expect to be bounded.
    connection.close().await?;
    migrated
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

/// How many migrations of ours the database lacks.
///
/// # Errors
/// When the database fails.
pub async fn missing_migrations(pool: &PgPool) -> sqlx::Result<usize> {
    let applied =
        sqlx::query_scalar::<_, i64>("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(pool)
            .await;
    let applied = match applied {
        // 42P01: the table does not exist, so nothing was ever applied.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Vec::new(),
        other => other?,
    };
    Ok(MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).count())
}

/// What time it is, by the database's clock.
///
/// # Errors
/// When the database fails.
pub async fn now(db: impl PgExecutor<'_>) -> sqlx::Result<Timestamp> {
    sqlx::query_scalar!(r#"SELECT remit_now() AS "now!""#).fetch_one(db).await
}

/// The right to move the clock of a test deployment: one has it at a time, in whatever process. It is bound to a
/// connection of its own, so it is free again soon after it was dropped, at any moment; given back, at once.
pub struct ClockHand(PgConnection);

impl ClockHand {
    /// Takes it, unless somebody has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(db: &PgPool) -> sqlx::Result<Option<Self>> {
        let mut own = db.acquire().await?.detach();
        let is_ours =
            sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock(hashtext('remit test clock')) AS "is_ours!""#);
        let is_ours = is_ours.fetch_one(&mut own).await?;
        Ok(is_ours.then_some(Self(own)))
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When the database fails.
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
