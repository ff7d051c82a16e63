//! Work that does not come to its end: what nobody could do, and what is begun again and again. Both are for people.

use sqlx::{PgExecutor, PgPool};

use super::BACKLOG_AHEAD;
use crate::{db::column, job::Kind};

/// Leases that ended without a word before a job is told of: a worker may die once, and a deployment twice.
const LAPSES_MAX: i32 = 3;

/// Attempts before a job is told of, unless it is a question: those go on for as long as an outcome may take (a bank
/// debit, 30 days), and end by themselves with an alarm of their own. More than a day of an unknown outcome takes:
/// each wait is longer than the last, up to five minutes.
const TRIES_MAX: i32 = 400;

/// Jobs of one kind that do not come to their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endless {
    /// The kind, as stored.
    pub kind: String,
    /// How many.
    pub count: i64,
}

/// Jobs whose code has failed for good, by kind. A renewal among them is a subscription that nobody bills.
pub async fn dead(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Endless>> {
    sqlx::query_as!(
        Endless,
        r#"SELECT kind, count(*) AS "count!" FROM jobs WHERE state = 'dead' GROUP BY kind ORDER BY kind"#,
    )
    .fetch_all(db)
    .await
}

/// Jobs that were begun so often that they will hardly ever end, by kind.
pub async fn endless(pool: &PgPool) -> sqlx::Result<Vec<Endless>> {
    // What waits for longer is not being tried, nor what is held. As in `backlog`, a value that the planner sees.
    let until = crate::db::now(pool).await? + BACKLOG_AHEAD;
    let questions: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.is_question()).collect();
    sqlx::query_as!(
        Endless,
        r#"SELECT kind, count(*) AS "count!" FROM jobs
           WHERE due_at <= $1 AND (lapses >= $2 OR (attempt - snoozes >= $3 AND kind <> ALL($4)))
           GROUP BY kind ORDER BY kind"#,
        until,
        LAPSES_MAX,
        TRIES_MAX,
        &column(&questions, |kind| kind.as_str().to_owned()),
    )
    .fetch_all(pool)
    .await
}
