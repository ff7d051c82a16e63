//! What must always hold, checked now and then, each by itself: one that cannot be checked keeps no other from it.
//!
//! Every payment and refund that is under way has a job that will end it, and every subscription that time will change
//! has one that will renew it: what has none gets one. Work comes to its end. Nothing was moved twice. Where it is asked
//! for, commits reach a second server. No customer's money comes from nowhere. The backlog is measured here too.

use std::time::Duration;

use common::{
    db,
    invoice::store::law::{self, Round},
    job, payment, reconciliation, refund, subscription,
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// How often the backlog is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// Measures and checks until `shutdown`.
pub async fn run(pool: &PgPool, check_every: Duration, requires_standby: bool, shutdown: &CancellationToken) {
    let mut measure = tokio::time::interval(MEASURE_EVERY);
    let mut check = tokio::time::interval(check_every);
    let mut customers = Customers::default();
    loop {
        tokio::select! {
            _ = measure.tick() => told("backlog", measure_backlog(pool).await),
            _ = check.tick() => {
                check_all(pool).await;
                told("customers", customers.check_next(pool).await);
                if requires_standby {
                    told("synchronous standby", commits_reach_a_standby(pool).await);
                }
            }
            () = shutdown.cancelled() => return,
        }
    }
}

async fn check_all(pool: &PgPool) {
    told("payments", heal_payments(pool).await);
    told("refunds", heal_refunds(pool).await);
    told("subscriptions", heal_subscriptions(pool).await);
    told("dead jobs", tell_dead(pool).await);
    told("endless jobs", tell_endless(pool).await);
    told("reconciliations", tell_overdue(pool).await);
    told("duplicates", tell_duplicates(pool).await);
}

/// A check that fails is itself worth an alarm, if it goes on.
fn told(check: &'static str, checked: sqlx::Result<()>) {
    metrics::gauge!("invariant_unchecked", "check" => check).set(if checked.is_ok() { 0.0 } else { 1.0 });
    if let Err(error) = checked {
        tracing::warn!(%error, check, "could not be checked");
    }
}

async fn measure_backlog(pool: &PgPool) -> sqlx::Result<()> {
    let rows = job::store::backlog(pool).await?;
    for kind in job::Kind::ALL {
        for state in ["queued", "held", "running", "dead"] {
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

/// The same for refunds, of which there are fewer.
async fn heal_refunds(pool: &PgPool) -> sqlx::Result<()> {
    let healed = refund::store::heal(pool).await?;
    metrics::gauge!("refunds_without_a_job").set(count(&healed));
    for refund in healed {
        tracing::error!(refund_id = %refund, "a refund had no job; it gets one");
    }
    Ok(())
}

/// A payment without a job would wait for ever. The transactions make that impossible; should it be
/// found all the same, it gets one, and somebody is told.
async fn heal_payments(pool: &PgPool) -> sqlx::Result<()> {
    let stuck = payment::store::without_a_job(pool).await?;
    metrics::gauge!("payments_without_a_job").set(count(&stuck));
    for stuck in stuck {
        tracing::error!(payment_id = %stuck.id, "a payment had no job; it gets one");
        payment::store::heal(pool, &stuck).await?;
    }
    Ok(())
}

/// A subscription without a job would never renew. Impossible as above, and healed as above.
async fn heal_subscriptions(pool: &PgPool) -> sqlx::Result<()> {
    let stuck = subscription::store::without_a_job(pool).await?;
    metrics::gauge!("subscriptions_without_a_job").set(count(&stuck));
    for id in stuck {
        tracing::error!(subscription_id = %id, "a subscription had no job; it gets one");
        if let Err(error) = subscription::store::heal(pool, id).await {
            tracing::error!(%error, subscription_id = %id, "a subscription could not be given its job");
        }
    }
    Ok(())
}

/// A dead job is work that nobody does: a payment without its end, a subscription that is not billed.
async fn tell_dead(pool: &PgPool) -> sqlx::Result<()> {
    for job::store::Endless { kind, count } in job::store::dead(pool).await? {
        tracing::error!(kind, count, "jobs are dead: remit jobs list --state dead");
    }
    Ok(())
}

/// Work that is begun again and again holds places that other work needs, and is never done.
async fn tell_endless(pool: &PgPool) -> sqlx::Result<()> {
    let found = job::store::endless(pool).await?;
    for kind in job::Kind::ALL {
        let of_kind = found.iter().find(|found| found.kind == kind.as_str());
        let count = of_kind.map_or(0, |found| found.count);
        metrics::gauge!("jobs_without_end", "kind" => kind.as_str()).set(as_float(count));
        if count > 0 {
            tracing::error!(%kind, count, "jobs are begun again and again: remit jobs list --kind {kind}");
        }
    }
    Ok(())
}

async fn tell_overdue(pool: &PgPool) -> sqlx::Result<()> {
    let overdue = reconciliation::store::overdue(pool).await?;
    metrics::gauge!("reconciliations_overdue").set(count(&overdue));
    for id in overdue {
        tracing::error!(reconciliation = %id, "a reconciliation does not come to its end: remit reconcile show");
    }
    Ok(())
}

/// Money that was moved twice is somebody's until it is given back.
async fn tell_duplicates(pool: &PgPool) -> sqlx::Result<()> {
    let open = payment::store::open_duplicates(pool).await?;
    metrics::gauge!("duplicates_to_review").set(count(&open));
    if !open.is_empty() {
        tracing::error!(count = open.len(), "money was moved twice: remit duplicates list");
    }
    Ok(())
}

/// Customers whose money must add up: some of them each time, all of them in a round.
#[derive(Default)]
struct Customers {
    round: Round,
    breaches: usize,
}

impl Customers {
    async fn check_next(&mut self, pool: &PgPool) -> sqlx::Result<()> {
        let (found, next) = law::breaches(pool, self.round).await?;
        for breach in &found {
            tracing::error!(customer_id = %breach.customer, "a customer's money does not add up: {breach}");
        }
        self.breaches += found.len();
        self.round = next.unwrap_or_default();
        let seen = metrics::gauge!("customers_out_of_balance");
        let so_far = as_float(i64::try_from(self.breaches).unwrap_or(i64::MAX));
        if next.is_none() {
            seen.set(so_far);
            self.breaches = 0;
        } else if !found.is_empty() {
            seen.set(so_far);
        }
        Ok(())
    }
}

/// A claim that is lost with its server is a call that nobody remembers, and a fallback could charge a second time.
async fn commits_reach_a_standby(pool: &PgPool) -> sqlx::Result<()> {
    let durability = db::durability(pool).await?;
    metrics::gauge!("commits_reach_a_standby").set(if durability.is_synchronous() { 1.0 } else { 0.0 });
    if !durability.is_synchronous() {
        tracing::error!("no standby is synchronous, and one is required: {durability}");
    }
    Ok(())
}

fn count<T>(found: &[T]) -> f64 {
    as_float(i64::try_from(found.len()).unwrap_or(i64::MAX))
}

/// Gauges are floats; counts of ours are far below where one becomes inexact.
fn as_float(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}
