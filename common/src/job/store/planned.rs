//! What is planned: work that is called for at a moment, and jobs that come again at one. Many in one statement.

use std::collections::HashMap;

use sqlx::PgExecutor;
use uuid::Uuid;

use super::{HELD_BACKSTOP, interval};
use crate::{
    clock::Timestamp,
    db::{self, column},
    id::JobId,
    job::{Claim, Kind},
};

/// Work that is called for at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// What is to be done.
    pub kind: Kind,
    /// About what.
    pub subject: Uuid,
    /// Whose it is: what shares a bound with it ([`Flow`](crate::job::flow::Flow)).
    pub flow: Option<Uuid>,
    /// When.
    pub at: Timestamp,
    /// The request that called for it.
    pub traceparent: Option<&'a str>,
}

impl Planned<'_> {
    fn flow(&self) -> Option<Uuid> {
        self.flow.filter(|_| self.kind.flow().is_some())
    }
}

/// Calls for work, each of another subject or kind, and answers the jobs in their order: [`super::enqueue`], for
/// what is planned long ahead. It counts as called for at its moment, so that a backlog is as old as it is late. What the
/// scheduler alone puts on the queue waits for its flow's turn from the beginning, if its moment has come.
pub async fn plan(db: impl PgExecutor<'_>, planned: &[Planned<'_>]) -> db::Result<Vec<JobId>> {
    if planned.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "INSERT INTO jobs (id, kind, subject_id, due_at, traceparent, created_at, flow_id, held)
         SELECT id, kind, subject, CASE WHEN held AND at <= clock.now THEN clock.now + $8 ELSE at END, traceparent, at,
             flow_id, held AND at <= clock.now
         FROM (SELECT remit_now() AS now OFFSET 0) clock,
             unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::uuid[], $7::boolean[])
             AS planned (id, kind, subject, at, traceparent, flow_id, held)
         ON CONFLICT (subject_id, kind) DO UPDATE
         SET due_at = CASE jobs.state WHEN 'queued' THEN least(jobs.due_at, excluded.due_at)
                 WHEN 'dead' THEN excluded.due_at ELSE jobs.due_at END,
             panics = CASE WHEN jobs.state = 'dead' THEN 0 ELSE jobs.panics END,
             state = CASE WHEN jobs.state = 'dead' THEN 'queued' ELSE jobs.state END,
             flow_id = coalesce(jobs.flow_id, excluded.flow_id),
             created_at = least(jobs.created_at, excluded.created_at)
         RETURNING id, kind, subject_id",
        &column(planned, |_| JobId::new().0),
        &column(planned, |p| p.kind.as_str().to_owned()),
        &column(planned, |p| p.subject),
        &column(planned, |p| p.at),
        &column(planned, |p| p.traceparent.map(str::to_owned)) as _,
        &column(planned, Planned::flow) as _,
        &column(planned, |p| p.flow().is_some() && p.kind.is_always_held()),
        interval(HELD_BACKSTOP),
    )
    .fetch_all(db)
    .await?;
    let jobs: HashMap<_, _> = rows.into_iter().map(|row| ((row.subject_id, row.kind), row.id)).collect();
    let job_of = |p: &Planned<'_>| jobs.get(&(p.subject, p.kind.as_str().to_owned())).copied().map(JobId);
    let job = |planned| job_of(planned).ok_or_else(|| db::Error::broken("what was called for has no job"));
    planned.iter().map(job).collect()
}

/// [`plan`], for one.
pub async fn enqueue_at(
    db: impl PgExecutor<'_>,
    kind: Kind,
    subject: Uuid,
    at: Timestamp,
    traceparent: Option<&str>,
) -> db::Result<JobId> {
    let jobs = plan(db, &[Planned { kind, subject, flow: None, at, traceparent }]).await?;
    jobs.first().copied().ok_or_else(|| db::Error::broken("what was called for has no job"))
}

/// Their time has not come, or they have done their part for now: they come again at these moments. Only for the
/// attempts that still hold them.
pub async fn reschedule(db: impl PgExecutor<'_>, again: &[(&Claim, Timestamp)]) -> sqlx::Result<()> {
    if again.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE jobs
         SET state = 'queued', emits = 0, panics = 0, lapses = 0, snoozes = jobs.attempt, due_at = again.at,
             created_at = again.at, last_error = NULL
         FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[]) AS again (id, attempt, at)
         WHERE jobs.id = again.id AND jobs.attempt = again.attempt",
        &column(again, |(claim, _)| claim.id.0),
        &column(again, |(claim, _)| claim.attempt),
        &column(again, |(_, at)| *at),
    )
    .execute(db)
    .await?;
    Ok(())
}
