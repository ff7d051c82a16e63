//! The schema and the server beside programs that are at work: migrating holds nobody up, programs say whether they
//! fit, and nobody goes on with a server that takes no writes.

use std::time::Duration;

use common::db;
use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection, PgPool};
use tests::{Deployment, Empty, Service, Settings, eventually};
use tokio::time::{Instant, timeout};

/// An older schema: without invoices, whose payments need a lock on what is there, and without the indexes of lists.
const OLD: i64 = 9;

async fn nobody_at_work() -> Deployment {
    Deployment::start_with(Settings { services: Vec::new(), ..Settings::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_fit_the_schema_says_so_and_does_not_start() {
    let deployment = nobody_at_work().await;
    sqlx::query("INSERT INTO schema_contractions (version, needs) VALUES (9999, 9998)")
        .execute(&deployment.pool)
        .await
        .unwrap();
    for service in [Service::Api, Service::Worker, Service::Scheduler] {
        let says = deployment.refusal(service, "REMIT_LOG", "error").await;
        assert!(says.contains("schema is too new for this program: migration 9999"), "{service:?}: {says}");
        assert!(says.contains("run a newer version"), "{service:?}: {says}");
    }
    let says = deployment.remit(&["jobs", "list"]).await.unwrap_err();
    assert!(says.contains("too new for this program"), "{says}");

    // One that expands is none of our business, and one that we need is.
    sqlx::raw_sql("DELETE FROM schema_contractions; INSERT INTO schema_contractions VALUES (9999, 1)")
        .execute(&deployment.pool)
        .await
        .unwrap();
    deployment.remit(&["jobs", "list"]).await.unwrap();
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 7").execute(&deployment.pool).await.unwrap();
    for service in [Service::Api, Service::Worker, Service::Scheduler] {
        let says = deployment.refusal(service, "REMIT_LOG", "error").await;
        assert!(says.contains("schema is too old for this program"), "{service:?}: {says}");
        assert!(says.contains("7 the first of them: run `remit migrate`"), "{service:?}: {says}");
    }
}

/// As while a new version comes before its indexes are built: it starts, and is ready.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_not_built_yet_keeps_no_program_from_being_ready() {
    let mut deployment = nobody_at_work().await;
    let of_indexes: Vec<i64> = db::MIGRATIONS
        .iter()
        .filter(|migration| migration.no_tx)
        .map(|migration| migration.version)
        .collect();
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = ANY($1)")
        .bind(&of_indexes)
        .execute(&deployment.pool)
        .await
        .unwrap();
    assert_eq!(db::missing_migrations(&deployment.pool).await.unwrap(), of_indexes.len());
    deployment.run(Service::Api).await;
    let merchant = deployment.new_merchant("Other").await;
    let ready = merchant.try_send(reqwest::Method::GET, "/readyz", &[], None).await.unwrap();
    assert_eq!(ready.status, 200, "{ready:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_stops_no_program_from_starting() {
    let mut deployment = nobody_at_work().await;
    deployment.postgres.cut();
    deployment.run(Service::Scheduler).await;
    eventually("it goes on without", || async {
        deployment.log(Service::Scheduler).contains("the schema is not known yet").then_some(())
    })
    .await;
    // It turns out not to fit: it ends in order, and says why.
    sqlx::query("INSERT INTO schema_contractions (version, needs) VALUES (9999, 9998)")
        .execute(&deployment.pool)
        .await
        .unwrap();
    deployment.postgres.heal();
    eventually("it says why it ends", || async {
        deployment.log(Service::Scheduler).contains("schema is too new for this program").then_some(())
    })
    .await;
}

/// A database with the schema of before.
async fn old_schema() -> (Empty, PgPool) {
    let empty = Empty::database().await;
    let mut db = PgConnection::connect(&empty.url).await.unwrap();
    db::MIGRATIONS.run_to(OLD, &mut db).await.unwrap();
    let pool = db::pool(&SecretString::from(empty.url.clone()), "test", 4).unwrap();
    (empty, pool)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_waits_for_a_lock_holds_nobody_up() {
    let (empty, pool) = old_schema().await;
    let mut writer = PgConnection::connect(&empty.url).await.unwrap();
    let mut writing = writer.begin().await.unwrap();
    sqlx::query("DELETE FROM payments").execute(&mut *writing).await.unwrap();

    let migrating = tokio::spawn({
        let pool = pool.clone();
        async move { db::migrate(&pool).await }
    });
    eventually("the migration waits for the writer", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks WHERE relation = 'payments'::regclass AND NOT granted",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    // Whoever comes now waits behind it, but not for as long as the writer writes.
    let mut another = PgConnection::connect(&empty.url).await.unwrap();
    let began = Instant::now();
    let answer = sqlx::query("DELETE FROM payments").execute(&mut another);
    timeout(Duration::from_secs(4), answer).await.expect("it is let by").unwrap();
    println!("let by after {:?}", began.elapsed());

    writing.rollback().await.unwrap();
    migrating.await.unwrap().unwrap();
    assert_eq!(db::missing_migrations(&pool).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_migrate_at_once_and_a_broken_index_end_well() {
    let (_empty, pool) = old_schema().await;
    // What is left when the database is restarted while it builds one.
    sqlx::raw_sql(
        "CREATE INDEX payments_by_status ON payments (status);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'payments_by_status'::regclass",
    )
    .execute(&pool)
    .await
    .unwrap();
    let (one, other) = tokio::join!(db::migrate(&pool), db::migrate(&pool));
    one.unwrap();
    other.unwrap();
    let (definition, is_valid): (String, bool) = sqlx::query_as(
        "SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indexrelid = 'payments_by_status'::regclass",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(is_valid && definition.contains("(status, merchant_id, id)"), "{definition}");
    assert_eq!(db::missing_migrations(&pool).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_has_a_primary_key() {
    let deployment = nobody_at_work().await;
    let without: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class t
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
           AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = t.oid AND indisprimary)",
    )
    .fetch_all(&deployment.pool)
    .await
    .unwrap();
    assert!(without.is_empty(), "{without:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_server_that_takes_no_writes_is_closed() {
    let deployment = nobody_at_work().await;
    let pool = &deployment.pool;
    // As connections are to a server that was demoted: there, and refusing.
    let mut demoted = Vec::new();
    for _ in 0..4 {
        demoted.push(pool.acquire().await.unwrap());
    }
    for connection in &mut demoted {
        sqlx::query("SET default_transaction_read_only = on").execute(&mut **connection).await.unwrap();
    }
    let write = "UPDATE test_clock SET ahead = ahead";
    let refused = sqlx::query(write).execute(&mut *demoted[0]).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "25006");
    assert!(db::is_unavailable(&refused), "another try may go to another server");
    drop(demoted);

    // In constant use, so that none is ever idle: all are tried as soon as one was found.
    let began = Instant::now();
    let (mut refused, mut taken) = (0, 0);
    while taken < 200 {
        match sqlx::query(write).execute(pool).await {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{refused} refused, {taken} taken");
    }
    println!("{refused} refused, then {taken} taken, within {:?}", began.elapsed());
}

/// A server whose every new session refuses writes, as one that was demoted before we came to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_to_a_server_that_takes_no_writes_is_not_used() {
    let empty = Empty::database().await;
    let mut db = PgConnection::connect(&empty.url).await.unwrap();
    let read_only = format!("ALTER DATABASE {} SET default_transaction_read_only = on", empty.name);
    sqlx::query(sqlx::AssertSqlSafe(read_only)).execute(&mut db).await.unwrap();
    let pool = db::pool(&SecretString::from(empty.url.clone()), "test", 1).unwrap();
    let error = sqlx::query("SELECT 1").execute(&pool).await.unwrap_err();
    assert!(db::is_unavailable(&error), "{error}");
}
