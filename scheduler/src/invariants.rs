//! What must always hold, checked now and then: every payment and refund that is under way has a job that
//! will end it, and every subscription that time will change has one that will renew it. The backlog is measured
//! here too.

use std::time::Duration;

use common::{job, payment, refund, subscription};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// How often the backlog is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// How far back the check looks.
const CHECKED_DAYS: u32 = 2;

/// Measures and checks until `shutdown`.
pub async fn run(pool: &PgPool, check_every: Duration, shutdown: &CancellationToken) {
    let mut measure = tokio::time::interval(MEASURE_EVERY);
    let mut check = tokio::time::interval(check_every);
    loop {
        let done = tokio::select! {
            _ = measure.tick() => measure_backlog(pool).await,
            _ = check.tick() => heal(pool).await,
            () = shutdown.cancelled() => return,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the invariants could not be checked");
        }
    }
}

async fn measure_backlog(pool: &PgPool) -> sqlx::Result<()> {
    let rows = job::store::backlog(pool).await?;
    for kind in job::Kind::ALL {
        for state in ["queued", "running", "dead"] {
            let row = rows.iter().find(|row| row.kind == kind.as_str() && row.state == state);
            metrics::gauge!("jobs", "kind" => kind.as_str(), "state" => state)
                .set(as_float(row.map_or(0, |row| row.count)));
        }
        let oldest = rows.iter().filter(|row| row.kind == kind.as_str() && row.state != "dead");
        metrics::gauge!("job_oldest_age_seconds", "kind" => kind.as_str())
            .set(as_float(oldest.map(|row| row.oldest_seconds).max().unwrap_or(0)));
    }
    Ok(())
}

async fn heal(pool: &PgPool) -> sqlx::Result<()> {
    heal_payments(pool).await?;
    heal_refunds(pool).await?;
    heal_subscriptions(pool).await
}

/// The same for refunds, of which there are fewer.
async fn heal_refunds(pool: &PgPool) -> sqlx::Result<()> {
    let healed = refund::store::heal(pool, 30).await?;
    metrics::gauge!("refunds_without_a_job").set(as_float(i64::try_from(healed.len()).unwrap_or(i64::MAX)));
    for refund in healed {
        tracing::error!(refund_id = %refund, "a refund had no job; it gets one");
    }
    Ok(())
}

/// A payment without a job would wait for ever. The transactions make that impossible; should it be
/// found all the same, it gets one, and somebody is told.
async fn heal_payments(pool: &PgPool) -> sqlx::Result<()> {
    let stuck = payment::store::without_a_job(pool, CHECKED_DAYS).await?;
    metrics::gauge!("payments_without_a_job").set(as_float(i64::try_from(stuck.len()).unwrap_or(i64::MAX)));
    for stuck in stuck {
        tracing::error!(payment_id = %stuck.id, "a payment had no job; it gets one");
        payment::store::heal(pool, &stuck).await?;
    }
    Ok(())
}

/// A subscription without a job would never renew. Impossible as above, and healed as above.
async fn heal_subscriptions(pool: &PgPool) -> sqlx::Result<()> {
    let stuck = subscription::store::without_a_job(pool).await?;
    metrics::gauge!("subscriptions_without_a_job")
        .set(as_float(i64::try_from(stuck.len()).unwrap_or(i64::MAX)));
    for id in stuck {
        tracing::error!(subscription_id = %id, "a subscription had no job; it gets one");
        if let Err(error) = subscription::store::heal(pool, id).await {
            tracing::error!(%error, subscription_id = %id, "a subscription could not be given its job");
        }
    }
    Ok(())
}

/// Gauges are floats; counts of ours are far below where one becomes inexact.
fn as_float(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}
