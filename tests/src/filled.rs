//! A database that has been used for a long time: what a statement costs is seen only where there is much.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use uuid::Uuid;

use crate::servers;

/// A database without a schema. It goes when it is dropped.
pub struct Empty {
    /// Where it is.
    pub url: String,
    /// What it is called.
    pub name: String,
}

impl Empty {
    /// Makes one.
    pub async fn database() -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        servers::create_empty_database(&name).await;
        Self { url: servers::database_url(&name), name }
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        servers::forget_database(std::mem::take(&mut self.name));
    }
}

/// A database of its own, filled, with nobody at work. It goes when it is dropped.
pub struct Filled {
    /// A connection to it.
    pub pool: PgPool,
    name: String,
}

impl Filled {
    /// With our schema, and nothing in it.
    pub async fn with_nothing() -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let pool = servers::create_database(&name).await;
        Self { pool, name }
    }

    /// So many payments in so many days, and of everything else what belongs to them.
    pub async fn with(payments: u32, days: u32) -> Self {
        let filled = Self::with_nothing().await;
        let mut db = filled.connect().await;
        let fill = format!(
            "SET fill.payments = '{payments}'; SET fill.days = '{days}'; SET statement_timeout = 0; {}",
            include_str!("fill.sql"),
        );
        sqlx::raw_sql(AssertSqlSafe(fill)).execute(&mut db).await.unwrap();
        sqlx::raw_sql("VACUUM ANALYZE").execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        filled
    }

    /// A connection without the bounds that ours have, and with our idea of a disk.
    pub async fn connect(&self) -> PgConnection {
        let mut db = PgConnection::connect(&servers::database_url(&self.name)).await.unwrap();
        sqlx::raw_sql("SET random_page_cost = 1.1").execute(&mut db).await.unwrap();
        db
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        servers::forget_database(std::mem::take(&mut self.name));
    }
}
