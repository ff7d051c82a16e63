//! The clock of a test deployment: where it is to come to, whether somebody moves it, and why it came no further.

use sqlx::PgExecutor;

use crate::clock::Timestamp;

use super::ClockHand;

/// How the clock stands.
#[derive(Debug)]
pub struct Clock {
    /// What time it is.
    pub now: Timestamp,
    /// Where it is to come to, if anybody has moved it.
    pub target: Option<Timestamp>,
    /// Whether somebody moves it.
    pub is_moving: bool,
    /// Why it came no further: a stable code.
    pub stopped_code: Option<String>,
    /// The same in a sentence.
    pub stopped_why: Option<String>,
}

/// How the clock stands now.
pub async fn clock(db: impl PgExecutor<'_>) -> sqlx::Result<Clock> {
    sqlx::query_as!(
        Clock,
        r#"SELECT remit_now() AS "now!", target, stopped_code, stopped_why, EXISTS (
               SELECT FROM pg_locks
               WHERE locktype = 'advisory' AND granted AND objsubid = 1
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND ((classid::bigint << 32) | objid::bigint) = hashtext('remit test clock')
           ) AS "is_moving!" FROM test_clock"#
    )
    .fetch_one(db)
    .await
}

impl ClockHand {
    /// Says where the clock is to come to.
    pub async fn aim(&mut self, target: Timestamp) -> sqlx::Result<()> {
        sqlx::query!("UPDATE test_clock SET target = $1, stopped_code = NULL, stopped_why = NULL", target)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Says why it comes no further.
    pub async fn stop(&mut self, code: &str, why: &str) -> sqlx::Result<()> {
        sqlx::query!("UPDATE test_clock SET stopped_code = $1, stopped_why = $2", code, why)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
