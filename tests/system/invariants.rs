//! What must always hold is checked, each by itself; and work that does not come to its end is told of.

use std::time::Duration;

use common::{
    gateway::GatewayName,
    job::{self, Kind, Lease},
    reconciliation::store,
};
use serde_json::json;
use tests::{Deployment, Remains, Service, Settings, card, eventually};
use uuid::Uuid;

async fn with(services: Vec<Service>) -> Deployment {
    Deployment::start_with(Settings { services, ..Settings::default() }).await
}

/// The errors that the scheduler has logged.
fn errors(deployment: &Deployment) -> String {
    let log = deployment.log(Service::Scheduler);
    log.lines().filter(|line| line.contains("\"ERROR\"")).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invariant_that_cannot_be_checked_keeps_no_other_from_it() {
    let mut deployment = with(vec![Service::Api]).await;
    let payment = deployment.merchant.paid("p", &card("10.00", "EUR", "pm_card_visa")).await;
    let refund = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO refunds (id, merchant_id, payment_id, idempotency_key, request_hash, amount, currency, gateway)
         SELECT $1, merchant_id, id, 'r', request_hash, 1, currency, gateway FROM payments",
    )
    .bind(refund)
    .execute(&deployment.pool)
    .await
    .unwrap();
    // The payments cannot be checked, and come first.
    sqlx::raw_sql("ALTER TABLE payments RENAME COLUMN calls_begun TO gone")
        .execute(&deployment.pool)
        .await
        .unwrap();
    deployment.run(Service::Scheduler).await;
    eventually("the refund gets its job", || async {
        let jobs = job::store::find(&deployment.pool, refund).await.unwrap();
        (!jobs.is_empty()).then_some(())
    })
    .await;
    assert!(errors(&deployment).contains("a refund had no job"), "{payment}: {}", errors(&deployment));
    assert!(deployment.log(Service::Scheduler).contains("\"check\":\"payments\""), "and it is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_does_not_end_is_told_of() {
    let mut deployment = with(Vec::new()).await;
    deployment.leaves(&[Remains::DeadJobs, Remains::LapsedJobs, Remains::StrayJobs]);
    let pool = &deployment.pool;
    let healthy = deployment.remit(&["doctor"]).await.unwrap_or_else(|says| says);
    assert!(!healthy.contains("begun again"), "{healthy}");

    let (dead, lapsing) = (Uuid::now_v7(), Uuid::now_v7());
    job::store::enqueue(pool, Kind::RenewSubscription, dead, Duration::ZERO, None).await.unwrap();
    sqlx::raw_sql("UPDATE jobs SET state = 'dead', due_at = NULL").execute(pool).await.unwrap();
    // A bank debit takes its time: what is asked every hour for weeks will end by itself.
    job::store::enqueue(pool, Kind::ResolvePayment, Uuid::now_v7(), Duration::ZERO, None).await.unwrap();
    sqlx::raw_sql("UPDATE jobs SET attempt = 500 WHERE kind = 'resolve_payment'")
        .execute(pool)
        .await
        .unwrap();
    // Three workers took it, and nothing was heard of any.
    let id = job::store::enqueue(pool, Kind::ChargePayment, lapsing, Duration::ZERO, None).await.unwrap();
    for lease in 0..3 {
        let lapsed = job::store::endless(pool).await.unwrap();
        assert_eq!(lapsed, [], "after {lease}");
        job::store::emit_due(pool, 10).await.unwrap();
        let mut db = pool.acquire().await.unwrap();
        let claims =
            job::store::claim(&mut db, Kind::ChargePayment, &[id.0], Lease::of(Duration::from_secs(60)))
                .await
                .unwrap();
        assert_eq!(claims.len(), 1);
        deployment.advance(61).await;
    }
    job::store::emit_due(pool, 10).await.unwrap();
    let now = common::db::now(pool).await.unwrap();
    let day = Duration::from_secs(86_400);
    store::request(pool, GatewayName::Stripe, (now - day, now), day).await.unwrap();
    deployment.advance(6 * 3600 + 60).await;

    deployment.run(Service::Scheduler).await;
    for alarm in [
        "jobs are dead",
        "\"kind\":\"renew_subscription\"",
        "jobs are begun again and again",
        "a reconciliation does not come to its end",
    ] {
        eventually(alarm, || async { errors(&deployment).contains(alarm).then_some(()) }).await;
    }
    let says = deployment.remit(&["--json", "doctor"]).await.unwrap_err();
    assert!(says.contains("checks failed"), "{says}");
}

/// Comparisons that hang at the database have connections of their own to hang on.
#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_hangs_holds_up_no_payment() {
    let deployment = Deployment::start().await;
    let visa = card("10.00", "EUR", "pm_card_visa");
    deployment.merchant.paid_up("warm", &visa).await;
    let mut lock = deployment.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE reconciliation_lines IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let now = common::db::now(&deployment.pool).await.unwrap();
    for days in 1..=12 {
        let from = now - Duration::from_secs(86_400 * days);
        store::request(&deployment.pool, GatewayName::Stripe, (from, now), Duration::ZERO).await.unwrap();
    }
    let hang =
        "SELECT count(*) FROM pg_locks WHERE relation = 'reconciliation_lines'::regclass AND NOT granted";
    eventually("they hang", || async { (deployment.count(hang).await > 0).then_some(()) }).await;
    for key in ["a", "b", "c", "d", "e"] {
        let began = tokio::time::Instant::now();
        deployment.merchant.paid_up(key, &visa).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    lock.rollback().await.unwrap();
    eventually("all are compared", || async {
        (deployment.count("SELECT count(*) FROM reconciliations WHERE state <> 'done'").await == 0)
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_synchronous_standby_is_told_where_one_is_required() {
    let deployment = with(Vec::new()).await;
    let findings = |says: String| serde_json::from_str::<serde_json::Value>(&says).unwrap();
    // Whatever else is not there: a gateway, say.
    let says = deployment.remit(&["--json", "doctor"]).await.unwrap_or_else(|says| says);
    if says.starts_with('[') {
        let standby = findings(says).as_array().unwrap().iter().find(|f| f["what"] == "standby").cloned();
        assert_eq!(standby.unwrap()["ok"], json!(true), "it is not required");
    }
    let durability = common::db::durability(&deployment.pool).await.unwrap();
    assert!(!durability.is_synchronous(), "{durability}");
    let refused = deployment.remit(&["doctor", "--require-synchronous-standby"]).await.unwrap_err();
    assert!(refused.contains("checks failed"), "{refused}");
}

/// No other test needs to look: the end of a deployment does.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "DeadJobs: renew_subscription about")]
async fn what_a_test_leaves_behind_fails_it() {
    let deployment = with(Vec::new()).await;
    let nobody = Uuid::now_v7();
    job::store::enqueue(&deployment.pool, Kind::RenewSubscription, nobody, Duration::ZERO, None)
        .await
        .unwrap();
    sqlx::raw_sql("UPDATE jobs SET state = 'dead', due_at = NULL").execute(&deployment.pool).await.unwrap();
}
