//! The rows of `jobs`. Each function is one step of a job's life; the table in `ARCHITECTURE.md` names
//! them all.

mod clock;
mod endless;
mod flows;
mod planned;

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::{PgConnection, PgExecutor, PgPool, postgres::types::PgInterval};
use uuid::Uuid;

use crate::{clock::Timestamp, id::JobId};

use super::{Claim, Due, Kind, Lease, work::Work};
pub use clock::{Outlook, move_clock, outlook};
pub use endless::{Endless, dead, endless};
pub(crate) use flows::HELD_BACKSTOP;
pub use flows::{FlowLoad, admit, hold_back, loads};
pub use planned::{Planned, enqueue_at, plan, reschedule};

/// A worker takes jobs: those that are queued become running, and are its own until the lease is over.
/// Ids that are missing from the answer are somebody else's, or done, or wait for their time: once
/// claimed, a job is claimed again only after it was due, whatever copies of old messages turn up.
pub async fn claim(
    db: &mut PgConnection,
    kind: Kind,
    ids: &[Uuid],
    Lease { length, deadline }: Lease,
) -> sqlx::Result<Vec<Claim>> {
    let rows = sqlx::query!(
        r#"UPDATE jobs
           SET state = 'running', held = false, attempt = attempt + 1, emits = 0, due_at = clock.now + $3
           FROM (SELECT remit_now() AS now OFFSET 0) clock
           WHERE id = ANY($1) AND kind = $2 AND state = 'queued' AND (attempt = 0 OR emits > 0)
           RETURNING id, subject_id, flow_id, attempt, snoozes, cursor, traceparent, clock.now AS "now!""#,
        ids,
        kind.as_str(),
        interval(length),
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claim {
            id: JobId(row.id),
            kind,
            subject: row.subject_id,
            flow: row.flow_id,
            attempt: row.attempt,
            tries: row.attempt - row.snoozes,
            at: row.now,
            cursor: row.cursor,
            traceparent: row.traceparent,
            deadline,
        })
        .collect())
}

/// Whether the job is still this claim's, and then for as long as the transaction lasts: nobody emits or claims it
/// meanwhile. For work that writes part by part, so that a copy that has lost its claim writes nothing.
pub async fn hold(db: &mut PgConnection, claim: &Claim) -> sqlx::Result<bool> {
    let held = sqlx::query!(
        "SELECT FROM jobs WHERE id = $1 AND attempt = $2 AND state = 'running' FOR NO KEY UPDATE",
        claim.id.0,
        claim.attempt,
    )
    .execute(db)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// The work is done: the rows go, unless somebody else has claimed them since.
pub async fn finish(db: &mut PgConnection, ids: &[Uuid], attempts: &[i32]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM jobs USING unnest($1::uuid[], $2::integer[]) AS done (id, attempt)
         WHERE jobs.id = done.id AND jobs.attempt = done.attempt",
        ids,
        attempts,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends jobs as was decided: done, snoozed, or replaced by another. Only for the attempts that hold them.
pub async fn end<'a>(
    db: &mut PgConnection,
    ends: impl Iterator<Item = (&'a Claim, &'a Work)>,
) -> sqlx::Result<()> {
    let (mut done, mut attempts) = (Vec::new(), Vec::new());
    for (claim, work) in ends {
        match work {
            Work::Retry { why, at_least } => {
                let wait = claim.kind.retry_policy().delay(claim.tries).max(*at_least);
                retry(&mut *db, claim, wait, why).await?;
                continue;
            }
            Work::Snooze { why, wait } => {
                snooze(&mut *db, claim, *wait, why).await?;
                continue;
            }
            Work::Next { kind, after } => {
                let trace = claim.traceparent.as_deref();
                enqueue_in(&mut *db, claim.flow, *kind, claim.subject, *after, trace).await?;
            }
            Work::Done => {}
        }
        done.push(claim.id.0);
        attempts.push(claim.attempt);
    }
    if done.is_empty() {
        return Ok(());
    }
    finish(db, &done, &attempts).await
}

/// It failed for a passing reason: back to the queue after the wait, unless somebody else has claimed it
/// since.
pub async fn retry(db: impl PgExecutor<'_>, claim: &Claim, wait: Duration, why: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE jobs SET state = 'queued', emits = 0, due_at = remit_now() + $3, last_error = $4
         WHERE id = $1 AND attempt = $2",
        claim.id.0,
        claim.attempt,
        interval(wait),
        why,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A question has come to no end, and goes on there; `None`: it begins anew. Whoever has come further is not counted
/// as having tried: it comes back soon, however long the list is.
pub async fn keep_cursor(db: impl PgExecutor<'_>, claim: &Claim, cursor: Option<&str>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE jobs SET cursor = $3, snoozes = snoozes + ($3::text IS NOT NULL)::integer
         WHERE id = $1 AND attempt = $2",
        claim.id.0,
        claim.attempt,
        cursor,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Its gateway is given a rest, and no call was made: back to the queue after the wait, as if it had not
/// been tried.
pub async fn snooze(db: impl PgExecutor<'_>, claim: &Claim, wait: Duration, why: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE jobs
         SET state = 'queued', emits = 0, lapses = 0, snoozes = snoozes + 1, due_at = remit_now() + $3, last_error = $4
         WHERE id = $1 AND attempt = $2",
        claim.id.0,
        claim.attempt,
        interval(wait),
        why,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Questions that were claimed while an operation on their subject is under way: its answer may be older
/// than the reason of the question, so they come again when that job is due, and now and then before,
/// because it may end at any moment. Answers which.
pub async fn defer_to(db: impl PgExecutor<'_>, ids: &[Uuid], operation: Kind) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "UPDATE jobs SET state = 'queued', emits = 0, snoozes = jobs.snoozes + 1,
             due_at = least(other.due_at, remit_now() + interval '5 s')
         FROM jobs other
         WHERE jobs.id = ANY($1) AND other.subject_id = jobs.subject_id AND other.kind = $2
           AND other.state <> 'dead'
         RETURNING jobs.id",
        ids,
        operation.as_str(),
    )
    .fetch_all(db)
    .await
}

/// The job's own code has failed: back to the queue after the wait, or, after `max` times, put aside as
/// `dead` until an operator retries or discards it. Only for the attempt that still holds it. Tells
/// whether it was put aside.
pub async fn panicked(
    db: impl PgExecutor<'_>,
    claim: &Claim,
    wait: Duration,
    max: i32,
) -> sqlx::Result<bool> {
    let dead = sqlx::query_scalar!(
        r#"UPDATE jobs
           SET panics = panics + 1, emits = 0, last_error = 'its code failed; the log has the place',
               state = CASE WHEN panics + 1 < $4 THEN 'queued' ELSE 'dead' END,
               due_at = CASE WHEN panics + 1 < $4 THEN remit_now() + $3 END
           WHERE id = $1 AND attempt = $2 AND state = 'running'
           RETURNING state = 'dead' AS "dead!""#,
        claim.id.0,
        claim.attempt,
        interval(wait),
        max,
    )
    .fetch_optional(db)
    .await?;
    Ok(dead == Some(true))
}

/// Calls for work, and answers its job. A subject has at most one job of a kind: calling for it again
/// only makes it due sooner, and a question begin anew. A question that is being asked at this moment may have been
/// answered before what we are called for happened: it is asked again, and whoever has it in hand cannot end it any
/// more. One that was put aside as dead is called to life again: whoever calls for work must be able to rely on it.
pub async fn enqueue(
    db: impl PgExecutor<'_>,
    kind: Kind,
    subject: Uuid,
    after: Duration,
    traceparent: Option<&str>,
) -> sqlx::Result<JobId> {
    enqueue_in(db, None, kind, subject, after, traceparent).await
}

/// [`enqueue`], for work of a flow: what shares a bound with it.
pub async fn enqueue_in(
    db: impl PgExecutor<'_>,
    flow: Option<Uuid>,
    kind: Kind,
    subject: Uuid,
    after: Duration,
    traceparent: Option<&str>,
) -> sqlx::Result<JobId> {
    sqlx::query_scalar!(
        "INSERT INTO jobs (id, kind, subject_id, due_at, traceparent, flow_id)
         VALUES ($1, $2, $3, remit_now() + $4, $5, $7)
         ON CONFLICT (subject_id, kind) DO UPDATE
         SET due_at = CASE
                 WHEN jobs.state = 'queued' THEN least(jobs.due_at, excluded.due_at)
                 WHEN jobs.state = 'dead' OR jobs.state = 'running' AND $6 THEN excluded.due_at
                 ELSE jobs.due_at END,
             attempt = jobs.attempt + (jobs.state = 'running' AND $6)::integer,
             snoozes = jobs.snoozes + (jobs.state = 'running' AND $6)::integer,
             cursor = CASE WHEN $6 THEN NULL ELSE jobs.cursor END,
             emits = CASE WHEN jobs.state = 'running' AND $6 THEN 0 ELSE jobs.emits END,
             panics = CASE WHEN jobs.state = 'dead' THEN 0 ELSE jobs.panics END,
             flow_id = coalesce(jobs.flow_id, excluded.flow_id),
             state = CASE WHEN jobs.state = 'dead' OR jobs.state = 'running' AND $6 THEN 'queued' ELSE jobs.state END
         RETURNING id",
        JobId::new().0,
        kind.as_str(),
        subject,
        interval(after),
        traceparent,
        kind.is_question(),
        flow.filter(|_| kind.flow().is_some()),
    )
    .fetch_one(db)
    .await
    .map(JobId)
}

/// The scheduler takes what is due, `max` at most, and moves the next time that it will: 15 s at
/// first, doubling to ten minutes while nobody claims it, so that a long queue is not emitted over and
/// over. A running job that is due has lost its worker, and is queued again. What has a flow is not answered: it is held
/// from now on, and goes out as soon as its flow has room ([`admit`]). Tells how many were taken, too.
pub async fn emit_due(db: impl PgExecutor<'_>, max: i64) -> sqlx::Result<Emission> {
    let rows = sqlx::query!(
        r#"UPDATE jobs
           SET state = 'queued', lapses = lapses + (state = 'running')::integer, held = flow_id IS NOT NULL,
               emits = emits + (flow_id IS NULL)::integer,
               due_at = CASE WHEN flow_id IS NOT NULL THEN clock.now + $3 ELSE
                   clock.now + least(interval '15 s' * power(2, least(emits, 6)), interval '10 min') END
           FROM (SELECT remit_now() AS now OFFSET 0) clock
           WHERE id IN (SELECT id FROM jobs WHERE due_at <= (SELECT remit_now()) AND kind = ANY($2)
                        ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
           RETURNING id, kind, held"#,
        max,
        &known_kinds(),
        interval(HELD_BACKSTOP),
    )
    .fetch_all(db)
    .await?;
    let taken = rows.len();
    let due = rows.into_iter().filter(|row| !row.held).filter_map(|row| due(row.id, &row.kind)).collect();
    Ok(Emission { due, taken })
}

/// What [`emit_due`] has taken.
#[derive(Debug, Default)]
pub struct Emission {
    /// To be put on the queue.
    pub due: Vec<Due>,
    /// How many were due, with those that are held now.
    pub taken: usize,
}

/// A job that is to be put on the queue.
fn due(id: Uuid, kind: &str) -> Option<Due> {
    Some(Due { job: JobId(id), kind: kind.parse().ok()?, reply_to: None })
}

/// Others belong to a newer version running beside this one.
fn known_kinds() -> [String; Kind::ALL.len()] {
    Kind::ALL.map(|kind| kind.as_str().to_owned())
}

/// How many jobs there are, and how late the latest is.
pub struct Backlog {
    /// The kind, as stored.
    pub kind: String,
    /// `queued`, `held`, `running` or `dead`.
    pub state: String,
    /// How many.
    pub count: i64,
    /// Age of the oldest, in whole seconds.
    pub oldest_seconds: i64,
}

/// How far ahead [`backlog`] looks: beyond any lease, and any wait for a message that was put on the queue.
const BACKLOG_AHEAD: TimeDelta = TimeDelta::minutes(15);

/// Counts the jobs of now and of the next quarter of an hour, and the dead, by kind and state. What is planned
/// for later, such as the renewals of years, is no backlog, and is not even read.
pub async fn backlog(pool: &PgPool) -> sqlx::Result<Vec<Backlog>> {
    // A value that the planner sees: it knows how few jobs these are among all, and takes the index.
    let until = crate::db::now(pool).await? + BACKLOG_AHEAD;
    sqlx::query_as!(
        Backlog,
        r#"SELECT kind, CASE WHEN held THEN 'held' ELSE state END AS "state!", count(*) AS "count!",
                  greatest(extract(epoch FROM (SELECT remit_now()) - min(created_at)), 0)::bigint AS "oldest_seconds!"
           FROM jobs WHERE due_at <= $1 OR due_at IS NULL OR held GROUP BY 1, 2 ORDER BY 1, 2"#,
        until,
    )
    .fetch_all(pool)
    .await
}

/// A job, as operators see it.
#[derive(Debug, serde::Serialize)]
pub struct JobRow {
    /// The job.
    #[serde(serialize_with = "job_id_text")]
    pub id: Uuid,
    /// The kind, as stored.
    pub kind: String,
    /// What it is about.
    pub subject_id: Uuid,
    /// `queued`, `held`, `running` or `dead`.
    pub state: String,
    /// Claims so far.
    pub attempt: i32,
    /// When somebody will look at it next.
    pub due_at: Option<Timestamp>,
    /// Why the last attempt did not end it.
    pub last_error: Option<String>,
    /// When it was called for.
    pub created_at: Timestamp,
}

/// Lists jobs, oldest first.
pub async fn list(
    db: impl PgExecutor<'_>,
    state: Option<&str>,
    kind: Option<Kind>,
    limit: i64,
) -> sqlx::Result<Vec<JobRow>> {
    sqlx::query_as!(
        JobRow,
        r#"SELECT id, kind, subject_id, CASE WHEN held THEN 'held' ELSE state END AS "state!", attempt, due_at, last_error,
             created_at FROM jobs
         WHERE ($1::text IS NULL OR state = $1 AND NOT held OR held AND $1 = 'held') AND ($2::text IS NULL OR kind = $2) ORDER BY id LIMIT $3"#,
        state,
        kind.map(Kind::as_str),
        limit,
    )
    .fetch_all(db)
    .await
}

/// The jobs about one subject, or the one with that id.
pub async fn find(db: impl PgExecutor<'_>, id_or_subject: Uuid) -> sqlx::Result<Vec<JobRow>> {
    sqlx::query_as!(
        JobRow,
        r#"SELECT id, kind, subject_id, CASE WHEN held THEN 'held' ELSE state END AS "state!", attempt, due_at, last_error,
             created_at FROM jobs WHERE id = $1 OR subject_id = $1 ORDER BY id"#,
        id_or_subject,
    )
    .fetch_all(db)
    .await
}

/// An operator wants it done now. Running jobs are left alone. Tells whether there was one.
pub async fn retry_now(db: impl PgExecutor<'_>, id: JobId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE jobs SET state = 'queued', held = false, emits = 0, panics = 0, due_at = remit_now()
         WHERE id = $1 AND state <> 'running'",
        id.0,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An operator gives a dead job up. Tells whether there was one.
pub async fn discard(db: impl PgExecutor<'_>, id: JobId) -> sqlx::Result<bool> {
    let done = sqlx::query!("DELETE FROM jobs WHERE id = $1 AND state = 'dead'", id.0).execute(db).await?;
    Ok(done.rows_affected() == 1)
}

/// A duration, as the database knows it.
pub(crate) fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}

fn job_id_text<S: serde::Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&JobId(*id))
}
