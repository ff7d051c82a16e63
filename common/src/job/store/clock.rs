//! What the jobs hold for whoever moves the clock of a test deployment.

use sqlx::{Connection as _, PgExecutor};

use crate::{clock::Timestamp, db::ClockHand};

use super::known_kinds;

/// What is due, and what comes next.
#[derive(Debug)]
pub struct Outlook {
    /// What time it is.
    pub now: Timestamp,
    /// How many jobs are due, on the queue, or under way.
    pub due: i64,
    /// How many of these are to be put on the queue, once their flows have room.
    pub to_emit: i64,
    /// Of which kinds these are.
    pub kinds: Vec<String>,
    /// When the next one comes due.
    pub next: Option<Timestamp>,
}

/// Looks at all jobs at once: what is due, and what comes next.
pub async fn outlook(db: impl PgExecutor<'_>) -> sqlx::Result<Outlook> {
    sqlx::query_as!(
        Outlook,
        r#"WITH clock AS MATERIALIZED (SELECT remit_now() AS now),
             known AS (SELECT kind, due_at, due_at <= clock.now OR held AS is_over,
                         state = 'running' OR emits > 0 OR held OR due_at <= clock.now AS is_due
                       FROM jobs, clock WHERE due_at IS NOT NULL AND kind = ANY($1))
           SELECT (SELECT now FROM clock) AS "now!", count(*) FILTER (WHERE is_due) AS "due!",
                  count(*) FILTER (WHERE is_over) AS "to_emit!",
                  coalesce(array_agg(DISTINCT kind) FILTER (WHERE is_due), '{}') AS "kinds!",
                  min(due_at) FILTER (WHERE NOT is_due) AS next
           FROM known"#,
        &known_kinds(),
    )
    .fetch_one(db)
    .await
}

/// Moves the clock to the next moment at which a job comes due, but not beyond `to`. Not while one is due or under
/// way: it is made sure of that while no worker can take another, whose lease would be over at once.
pub async fn move_clock(hand: &mut ClockHand, to: Timestamp) -> sqlx::Result<()> {
    let mut transaction = hand.connection().begin().await?;
    sqlx::query!("LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE").execute(&mut *transaction).await?;
    let outlook = outlook(&mut *transaction).await?;
    if outlook.due > 0 {
        return transaction.rollback().await;
    }
    let stop = outlook.next.map_or(to, |next| next.min(to));
    sqlx::query!("UPDATE test_clock SET ahead = greatest(ahead, $1::timestamptz - now())", stop)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
