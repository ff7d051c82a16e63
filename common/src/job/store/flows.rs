//! Fair queueing: what is out of each flow, and what it holds back.

use std::{collections::HashMap, time::Duration};

use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use super::{BACKLOG_AHEAD, due, interval};
use crate::{
    clock::Timestamp,
    db::column,
    id::JobId,
    job::{
        Due, Kind,
        flow::{Bounds, Out},
    },
};

/// When somebody looks after a job that is held, should it be held for no reason. Beyond what [`loads`] reads.
pub(crate) const HELD_BACKSTOP: Duration = Duration::from_secs(3600);

/// Jobs that go out at once, at most.
const ADMITTED_MAX: i64 = 1000;

/// How a flow stands.
#[derive(Debug, Clone)]
pub struct FlowLoad {
    /// Of which kind its jobs are.
    pub kind: Kind,
    /// Whose they are.
    pub flow: Uuid,
    /// How many are out.
    pub out: Out,
    /// For how long the first of those has been called for that are held; `None`: none is.
    pub holds_since: Option<Duration>,
}

/// Every flow that has jobs out or holds some back. Reads what is out, and one row of each flow that holds some.
pub async fn loads(pool: &PgPool) -> sqlx::Result<Vec<FlowLoad>> {
    // As in `backlog`, a value that the planner sees.
    let now = crate::db::now(pool).await?;
    read_loads(pool, now).await
}

async fn read_loads(db: impl PgExecutor<'_>, now: Timestamp) -> sqlx::Result<Vec<FlowLoad>> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE holding AS (
               (SELECT kind, flow_id, id FROM jobs WHERE held ORDER BY kind, flow_id, id LIMIT 1)
               UNION ALL
               SELECT next.* FROM holding, LATERAL (
                   SELECT kind, flow_id, id FROM jobs
                   WHERE held AND (kind, flow_id) > (holding.kind, holding.flow_id)
                   ORDER BY kind, flow_id, id LIMIT 1) next
           ), out AS (
               SELECT kind, flow_id, count(*) AS all_out, count(*) FILTER (WHERE state = 'queued') AS waiting
               FROM jobs
               WHERE due_at <= $1 AND flow_id IS NOT NULL AND NOT held
                   AND (state = 'running' OR emits > 0 OR attempt = 0)
               GROUP BY kind, flow_id
           )
           SELECT kind AS "kind!", flow_id AS "flow_id!", coalesce(all_out, 0) AS "all_out!",
               coalesce(waiting, 0) AS "waiting!",
               (SELECT created_at FROM jobs WHERE id = holding.id) AS since
           FROM out FULL JOIN holding USING (kind, flow_id)"#,
        now + BACKLOG_AHEAD,
    )
    .fetch_all(db)
    .await?;
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(FlowLoad {
                kind: row.kind.parse().ok()?,
                flow: row.flow_id,
                out: Out { all: count(row.all_out), waiting: count(row.waiting) },
                holds_since: row.since.map(|since| (now - since).to_std().unwrap_or_default()),
            })
        })
        .collect())
}

/// The scheduler lets jobs out that are held: of each flow the oldest, as many as it has room for, a job of each flow
/// before the next of any. Tells whether it is worth to look again at once. One scheduler does it at a time; the others
/// are told that there is nothing.
pub async fn admit(pool: &PgPool, bounds: Bounds) -> sqlx::Result<(Vec<Due>, bool)> {
    let first = sqlx::query_scalar!("SELECT id FROM jobs WHERE held ORDER BY kind, flow_id, id LIMIT 1");
    if first.fetch_optional(pool).await?.is_none() {
        return Ok((Vec::new(), false));
    }
    let mut transaction = pool.begin().await?;
    let turn =
        sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock(hashtext('remit flows')) AS "is_ours!""#);
    if !turn.fetch_one(&mut *transaction).await? {
        return Ok((Vec::new(), false));
    }
    let now = crate::db::now(&mut *transaction).await?;
    let loads = read_loads(&mut *transaction, now).await?;
    let room = |load: &FlowLoad| i64::from(bounds.room(load.kind, load.out));
    let open: Vec<_> = loads.iter().filter(|load| load.holds_since.is_some() && room(load) > 0).collect();
    // They are locked in a statement of their own: what is out is counted in this one's snapshot.
    let next = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS open (kind, flow_id, room)
           CROSS JOIN LATERAL (
               SELECT id FROM jobs
               WHERE held AND state = 'queued' AND jobs.kind = open.kind AND jobs.flow_id = open.flow_id
               ORDER BY id LIMIT room FOR NO KEY UPDATE SKIP LOCKED) next
           ORDER BY row_number() OVER (PARTITION BY kind, flow_id ORDER BY id), id LIMIT $4"#,
        &column(&open, |load| load.kind.as_str().to_owned()),
        &column(&open, |load| load.flow),
        &column(&open, |load| room(load)),
        ADMITTED_MAX,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let rows = sqlx::query!(
        "UPDATE jobs
         SET held = false, emits = emits + 1,
             due_at = clock.now + least(interval '15 s' * power(2, least(emits, 6)), interval '10 min')
         FROM (SELECT remit_now() AS now OFFSET 0) clock
         WHERE id = ANY($1) RETURNING id, kind",
        &next,
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let kinds: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row.kind)).collect();
    Ok((next.iter().filter_map(|id| due(*id, kinds.get(id)?)).collect(), true))
}

/// Jobs that were called for while their flow was full: they wait for its turn.
pub async fn hold_back(db: impl PgExecutor<'_>, jobs: &[JobId]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE jobs SET held = true, due_at = remit_now() + $2
         WHERE id = ANY($1) AND state = 'queued' AND attempt = 0 AND emits = 0 AND flow_id IS NOT NULL",
        &column(jobs, |job| job.0),
        interval(HELD_BACKSTOP),
    )
    .execute(db)
    .await?;
    Ok(())
}
