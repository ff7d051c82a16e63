//! The schema: how what is missing of it is applied beside programs that are at work, and whether a program can
//! work with what is there. See docs/adr/0027-expand-then-contract.md.

use std::{collections::BTreeSet, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool,
    migrate::{Migrate as _, MigrateError, Migration, Migrator},
};

use tokio_util::sync::CancellationToken;

use super::server;
use crate::retry::Policy;

/// The schema, embedded in every binary that needs to apply or check it.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Where it is written which of them were applied.
const APPLIED: &str = "_sqlx_migrations";

/// Waits while somebody holds a lock that a migration needs.
const LOCKED: Policy =
    Policy { initial: Duration::from_millis(200), factor: 2, max: Duration::from_secs(10) };

/// Attempts of one migration; the last is some minutes after the first.
const ATTEMPTS_MAX: i32 = 30;

/// How often it is looked whether another process has finished migrating.
const TURN_POLL: Duration = Duration::from_millis(200);

/// Applies what is missing of the schema. A migration waits for two seconds for a lock, and not longer: whoever came
/// after it would wait behind it. It is then tried again.
///
/// Fails when a migration fails, or the database has one that we do not know.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    // Not back to the pool, where others expect to be bounded; its locks go with it.
    let mut connection = pool.acquire().await?.detach();
    let migrated = apply_missing(&mut connection).await;
    connection.close().await?;
    migrated
}

async fn apply_missing(db: &mut PgConnection) -> Result<(), MigrateError> {
    // A migration may take as long as it needs.
    sqlx::raw_sql("SET statement_timeout = 0").execute(&mut *db).await?;
    take_turn(db).await?;
    db.ensure_migrations_table(APPLIED).await?;
    if let Some(version) = db.dirty_version(APPLIED).await? {
        return Err(MigrateError::Dirty(version));
    }
    let applied = db.list_applied_migrations(APPLIED).await?;
    for known in &applied {
        match MIGRATIONS.iter().find(|migration| migration.version == known.version) {
            None => return Err(MigrateError::VersionMissing(known.version)),
            Some(migration) if migration.checksum != known.checksum => {
                return Err(MigrateError::VersionMismatch(known.version));
            }
            Some(_) => {}
        }
    }
    let is_missing = |migration: &&Migration| applied.iter().all(|known| known.version != migration.version);
    for migration in MIGRATIONS.iter().filter(is_missing) {
        patiently(db, migration).await?;
    }
    server::settle_in(db).await.map_err(MigrateError::Execute)
}

/// One process migrates at a time. Whoever waited inside a statement would hold a snapshot, for whose end an index
/// that is built beside the others waits: the two would wait for each other.
async fn take_turn(db: &mut PgConnection) -> sqlx::Result<()> {
    let ask = "SELECT pg_try_advisory_lock(hashtext('remit schema'))";
    while !sqlx::query_scalar::<_, bool>(ask).fetch_one(&mut *db).await? {
        tokio::time::sleep(TURN_POLL).await;
    }
    Ok(())
}

async fn patiently(db: &mut PgConnection, migration: &Migration) -> Result<(), MigrateError> {
    let mut attempt = 1;
    loop {
        match apply(db, migration).await {
            Err(error) if is_locked(&error) && attempt < ATTEMPTS_MAX => {
                tracing::warn!(%error, attempt, version = migration.version, "a lock is held; it is tried again");
                tokio::time::sleep(LOCKED.delay(attempt)).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}

async fn apply(db: &mut PgConnection, migration: &Migration) -> Result<(), MigrateError> {
    if !migration.no_tx {
        sqlx::raw_sql("SET lock_timeout = '2s'").execute(&mut *db).await?;
        return db.apply(APPLIED, migration).await.map(drop);
    }
    // What is built beside the others waits for them, and nobody for it.
    sqlx::raw_sql("SET lock_timeout = 0").execute(&mut *db).await?;
    let failed = |error| MigrateError::ExecuteMigration(error, migration.version);
    drop_broken_indexes(db).await.map_err(failed)?;
    for statement in statements(migration.sql.as_str()) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *db).await.map_err(failed)?;
    }
    db.skip(APPLIED, migration).await
}

/// What was left by an index that was not built to its end: it would be taken for built.
async fn drop_broken_indexes(db: &mut PgConnection) -> sqlx::Result<()> {
    let broken = sqlx::query_scalar::<_, String>(
        "SELECT indexrelid::regclass::text FROM pg_index
         JOIN pg_class ON pg_class.oid = indexrelid
         WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace",
    );
    for index in broken.fetch_all(&mut *db).await? {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP INDEX CONCURRENTLY {index}"))).execute(&mut *db).await?;
    }
    Ok(())
}

/// The statements of a migration without a transaction, each to be sent by itself: sent together they would be in one.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<_> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    code.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// A lock was not had in time, or two waited for each other.
fn is_locked(error: &MigrateError) -> bool {
    let database = match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error,
        _ => return false,
    };
    let code = database.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["55P03", "40P01"].contains(&code.as_ref()))
}

async fn applied(pool: &PgPool) -> sqlx::Result<BTreeSet<i64>> {
    let applied = sqlx::query_scalar::<_, i64>("SELECT version FROM _sqlx_migrations WHERE success")
        .fetch_all(pool)
        .await;
    none_without_a_table(applied).map(BTreeSet::from_iter)
}

/// 42P01: the table does not exist, so nothing was ever written to it.
fn none_without_a_table<T>(rows: sqlx::Result<Vec<T>>) -> sqlx::Result<Vec<T>> {
    match rows {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Ok(Vec::new()),
        other => other,
    }
}

/// How many migrations of ours the database lacks.
pub async fn missing_migrations(pool: &PgPool) -> sqlx::Result<usize> {
    let applied = applied(pool).await?;
    Ok(MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).count())
}

/// Why this program cannot work with the database's schema; `None` where it can. It needs every migration that it
/// knows, but for those that only build indexes. Those that it does not know take nothing away from it, unless one
/// says so.
pub async fn misfit(pool: &PgPool) -> sqlx::Result<Option<String>> {
    let applied = applied(pool).await?;
    let needed = MIGRATIONS.iter().filter(|migration| !migration.no_tx).map(|migration| migration.version);
    let missing: Vec<i64> = needed.filter(|version| !applied.contains(version)).collect();
    if let [first, ..] = missing[..] {
        let known = applied.last().copied().unwrap_or_default();
        return Ok(Some(format!(
            "the database's schema is too old for this program: it is at migration {known} and lacks {}, {first} the \
             first of them: run `remit migrate`",
            missing.len(),
        )));
    }
    let contracted = sqlx::query_as::<_, (i64, i64)>(
        "SELECT version, needs FROM schema_contractions ORDER BY needs DESC LIMIT 1",
    )
    .fetch_all(pool)
    .await;
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    if let Some(why) = server::stranger(pool).await? {
        return Ok(Some(why));
    }
    Ok(match none_without_a_table(contracted)?.first() {
        Some((version, needs)) if *needs > newest => Some(format!(
            "the database's schema is too new for this program: migration {version} has taken away what programs used \
             that do not know migration {needs}, and this one knows {newest} as the last: run a newer version"
        )),
        _ => None,
    })
}

/// How long a start waits for the database to tell its schema; it goes on without it.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How often a database that was away is asked for its schema.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Refuses to start where this program cannot work with the schema. A database that is away is no reason: it is asked
/// again until it answers, and a program that does not fit ends then, in order.
///
/// Fails with the sentence that tells an operator why.
pub async fn watch_schema(pool: &PgPool, shutdown: &CancellationToken) -> Result<(), String> {
    match tokio::time::timeout(ANSWER_WITHIN, misfit(pool)).await {
        Ok(Ok(None)) => return Ok(()),
        Ok(Ok(Some(why))) => return Err(why),
        Ok(Err(error)) => tracing::warn!(%error, "the schema is not known yet"),
        Err(_) => tracing::warn!("the schema is not known yet: the database does not answer"),
    }
    let (pool, shutdown) = (pool.clone(), shutdown.clone());
    tokio::spawn(async move {
        while !shutdown.is_cancelled() {
            match misfit(&pool).await {
                Ok(None) => return,
                Ok(Some(why)) => {
                    tracing::error!("{why}");
                    shutdown.cancel();
                }
                Err(_) => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_without_a_transaction_are_sent_one_by_one() {
        let sql = "-- no-transaction\n-- why; and how\nCREATE INDEX CONCURRENTLY a ON t (x) -- yes\n  WHERE y;\n\nDROP INDEX CONCURRENTLY b;\n";
        let expected = ["CREATE INDEX CONCURRENTLY a ON t (x) \n  WHERE y", "DROP INDEX CONCURRENTLY b"];
        assert_eq!(statements(sql), expected);
    }
}
