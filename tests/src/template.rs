//! The schema, migrated once: the databases of tests are copies of a template, which is named for what the migrations
//! say. Whichever process comes first makes it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use common::db::{self, MIGRATIONS};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::servers;

/// A new database with our schema.
pub async fn copy(name: &str) {
    let mut server = servers::postgres().await;
    let template = name_of_template();
    if !exists(&mut server, &template).await {
        make(&mut server, &template).await;
    }
    execute(&mut server, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
}

fn name_of_template() -> String {
    let mut all = DefaultHasher::new();
    for migration in MIGRATIONS.iter() {
        (migration.version, &migration.checksum).hash(&mut all);
    }
    format!("template_{:016x}", all.finish())
}

/// Under another name until it is whole, so that what a killed test has left is nobody's template. The lock goes with
/// the connection.
async fn make(server: &mut PgConnection, template: &str) {
    sqlx::query("SELECT pg_advisory_lock(hashtext($1))").bind(template).execute(&mut *server).await.unwrap();
    if exists(server, template).await {
        return;
    }
    let draft = format!("{template}_draft");
    servers::drop_database(&draft).await;
    servers::create_empty_database(&draft).await;
    let pool = servers::pool(&draft, 1);
    db::migrate(&pool).await.unwrap();
    pool.close().await;
    execute(server, format!("ALTER DATABASE {draft} RENAME TO {template}")).await;
}

async fn exists(server: &mut PgConnection, name: &str) -> bool {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)").bind(name);
    found.fetch_one(server).await.unwrap()
}

async fn execute(server: &mut PgConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(server).await.unwrap();
}
