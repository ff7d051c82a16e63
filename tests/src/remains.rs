//! What a deployment may not leave behind, whatever its test was about. It holds after every commit, so it is looked at
//! when all processes are dead, wherever that has stopped them.

use common::invoice;
use sqlx::PgPool;

use crate::servers;

/// What may be found at the end. A test that brings it about says so: [`crate::Deployment::leaves`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// Jobs that were put aside, because their code has failed.
    DeadJobs,
    /// Jobs that were taken again and again, by workers of whom nothing was heard.
    LapsedJobs,
    /// Jobs about something that is not there.
    StrayJobs,
    /// Work under way that no job will end.
    LostWork,
    /// Money that was moved twice.
    Duplicates,
    /// Books that do not add up.
    Imbalances,
    /// Code that has panicked.
    Panics,
}

/// What each is seen by, as lines of text.
const SEEN_BY: [(Remains, &str); 6] = [
    (Remains::DeadJobs, "SELECT kind || ' about ' || subject_id FROM jobs WHERE state = 'dead'"),
    (Remains::LapsedJobs, "SELECT kind || ' about ' || subject_id FROM jobs WHERE lapses >= 3"),
    (
        Remains::StrayJobs,
        "SELECT kind || ' about ' || subject_id FROM jobs WHERE subject_id NOT IN (
             SELECT id FROM payments UNION ALL SELECT id FROM refunds UNION ALL SELECT id FROM gateway_events
             UNION ALL SELECT id FROM reconciliations UNION ALL SELECT id FROM subscriptions
             UNION ALL SELECT id FROM invoices UNION ALL SELECT id FROM webhook_deliveries
             UNION ALL SELECT id FROM webhook_replays)",
    ),
    (
        Remains::LostWork,
        "SELECT status || ' ' || id FROM (
             SELECT id, status FROM payments WHERE status IN ('pending', 'processing', 'requires_action')
             UNION ALL SELECT id, status FROM refunds WHERE status IN ('pending', 'processing')
             UNION ALL SELECT id, status FROM subscriptions WHERE missed_renewals IS NULL
                 AND status IN ('incomplete', 'trialing', 'active', 'past_due')
             UNION ALL SELECT id, status FROM webhook_deliveries WHERE status = 'pending') under_way
         WHERE NOT EXISTS (SELECT FROM jobs WHERE subject_id = under_way.id)",
    ),
    (Remains::Duplicates, "SELECT id::text FROM duplicates WHERE status = 'needs_review'"),
    (
        Remains::Imbalances,
        "SELECT sum(amount) || ' ' || currency FROM ledger_entries GROUP BY currency HAVING sum(amount) <> 0",
    ),
];

/// All that this database may not hold.
pub async fn of(database: &str, allowed: &[Remains]) -> Vec<String> {
    let pool = servers::pool(database, 2);
    end_all_others(&pool).await;
    let mut found = Vec::new();
    for (what, query) in SEEN_BY.into_iter().filter(|(what, _)| !allowed.contains(what)) {
        let lines: Vec<String> = sqlx::query_scalar(query).fetch_all(&pool).await.unwrap();
        found.extend(lines.into_iter().map(|line| format!("{what:?}: {line}")));
    }
    if !allowed.contains(&Remains::Imbalances) {
        let breaches = invoice::store::law::all_breaches(&pool).await.unwrap();
        found.extend(breaches.into_iter().map(|breach| format!("{:?}: {breach}", Remains::Imbalances)));
    }
    pool.close().await;
    found
}

/// Transactions of killed processes, or of the test itself, neither hold a lock nor change anything any more.
async fn end_all_others(pool: &PgPool) {
    let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::query(others).execute(pool).await.unwrap();
}

/// What a process has said as it panicked, if it did, by its log.
pub fn panic(log: &str) -> Option<String> {
    let said = log.lines().find(|line| line.contains("panicked at"))?;
    Some(format!("{:?}: {said}", Remains::Panics))
}
