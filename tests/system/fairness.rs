//! One merchant's flood holds up nobody else: what is beyond its bound waits in the database, and goes out in turns.

use std::time::Duration;

use common::{
    id::{JobId, MerchantId},
    job::{
        Claim, Kind, Lease,
        flow::Bounds,
        store::{self, Planned},
    },
};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use sqlx::PgPool;
use tests::{Deployment, Merchant, Remains, Service, Settings, card, eventually};
use uuid::Uuid;

/// Payments of the merchant who floods us.
const FLOOD: i64 = 600;

const SETTLED: &str = "SELECT count(*) FROM payments WHERE order_id = 'flood' AND status = 'succeeded'";

async fn flood(merchant: &Merchant, token: &str) {
    let mut body = card("10.00", "EUR", token);
    body["order_id"] = "flood".into();
    let pay = |i| {
        let body = &body;
        async move { merchant.paid(&format!("flood {i}"), body).await }
    };
    assert_eq!(stream::iter(0..FLOOD).map(pay).buffer_unordered(24).count().await, 600);
}

/// How many of the flood are done until another's payment is, is how long that has waited, whatever the machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_merchant_holds_up_no_other() {
    let services = vec![Service::Sandbox, Service::Api, Service::Scheduler];
    let mut deployment = Deployment::start_with(Settings { services: vec![], ..Settings::default() }).await;
    deployment.set("REMIT_MERCHANT_IN_FLIGHT", "32");
    deployment.set("REMIT_WORKER_CONCURRENCY", "8");
    for service in services {
        deployment.run(service).await;
    }
    let (one, other) = (deployment.new_merchant("Flooding").await, deployment.new_merchant("Other").await);
    flood(&one, "pm_sandbox_slow_before_20").await;
    let held =
        deployment.remit(&["jobs", "list", "--state", "held", "--limit", "1000", "--json"]).await.unwrap();
    let held: Value = serde_json::from_str(&held).unwrap();
    let held = held.as_array().unwrap().len();
    assert!(held > 400, "{held} wait for their turn");
    let told = deployment.remit(&["doctor", "--json"]).await.unwrap_or_else(|said| said);
    assert!(told.contains(&format!("{held} held")), "{told}");

    deployment.run(Service::Worker).await;
    for i in 0..4 {
        let before = deployment.count(SETTLED).await;
        other.paid_up(&format!("other {i}"), &card("10.00", "EUR", "pm_card_visa")).await;
        let waited_for = deployment.count(SETTLED).await - before;
        assert!(waited_for <= 150, "payment {i} waited for {waited_for} of another's");
    }
    let done = deployment.count(SETTLED).await;
    assert!(done < FLOOD, "the flood was over before anything was seen");
    deployment.settled().await;
    assert_eq!(deployment.count(SETTLED).await, FLOOD);
}

/// Calls for charges that the scheduler alone puts on the queue.
async fn call_for(pool: &PgPool, flow: Uuid, jobs: usize) -> Vec<JobId> {
    let at = common::db::now(pool).await.unwrap();
    let planned: Vec<_> = (0..jobs)
        .map(|_| Planned {
            kind: Kind::ChargeOffSession,
            subject: Uuid::now_v7(),
            flow: Some(flow),
            at,
            traceparent: None,
        })
        .collect();
    store::plan(pool, &planned).await.unwrap()
}

async fn admitted(pool: &PgPool, bounds: Bounds) -> Vec<JobId> {
    store::admit(pool, bounds).await.unwrap().0.into_iter().map(|due| due.job).collect()
}

async fn claim(pool: &PgPool, jobs: &[JobId]) -> Vec<Claim> {
    let ids: Vec<_> = jobs.iter().map(|job| job.0).collect();
    let mut db = pool.acquire().await.unwrap();
    store::claim(&mut db, Kind::ChargeOffSession, &ids, Lease::of(Duration::from_secs(60))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_go_out_in_turns_and_no_more_than_their_bounds() {
    let mut deployment = Deployment::start_with(Settings { services: vec![], ..Settings::default() }).await;
    deployment.leaves(&[Remains::StrayJobs]);
    let (pool, bounds) = (&deployment.pool, Bounds { merchant: 12 });
    let (one, other) = (MerchantId::new().0, MerchantId::new().0);
    let of_one = call_for(pool, one, 40).await;
    let of_other = call_for(pool, other, 2).await;
    assert_eq!(store::emit_due(pool, 100).await.unwrap().taken, 0, "what is held is due to nobody");
    let outlook = store::outlook(pool).await.unwrap();
    assert_eq!((outlook.due, outlook.to_emit), (42, 42), "but no clock goes on before it is done");

    // Another scheduler is at it.
    let mut elsewhere = pool.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('remit flows'))")
        .execute(&mut *elsewhere)
        .await
        .unwrap();
    assert_eq!(admitted(pool, bounds).await, []);
    elsewhere.rollback().await.unwrap();

    let first = admitted(pool, bounds).await;
    assert_eq!(first.len(), 8 + 2, "as many of one as may wait for a worker, and all of the other's");
    assert_eq!(first[..4], [of_one[0], of_other[0], of_one[1], of_other[1]], "in turns, the oldest first");
    assert_eq!(admitted(pool, bounds).await, [], "they are not claimed yet");
    let claims = claim(pool, &first).await;
    assert_eq!(claims.len(), 10);
    assert_eq!(admitted(pool, bounds).await, of_one[8..12], "twelve are out, and no more");

    // All that was tried comes again at once: it goes the same way, and is the oldest.
    for claim in &claims {
        store::retry(pool, claim, Duration::ZERO, "again").await.unwrap();
    }
    let emission = store::emit_due(pool, 100).await.unwrap();
    assert_eq!((emission.taken, emission.due.len()), (10, 0));
    assert_eq!(claim(pool, &first).await.len(), 0, "what is held is not begun again by an old message");
    let again = admitted(pool, bounds).await;
    assert_eq!(again.len(), 4 + 2, "four of one wait already");
    assert_eq!(again.iter().filter(|job| of_one[..4].contains(job)).count(), 4);

    let backlog = store::backlog(pool).await.unwrap();
    let count = |state| backlog.iter().filter(|row| row.state == state).map(|row| row.count).sum::<i64>();
    assert_eq!((count("held"), count("queued"), count("running")), (32, 10, 0));
}

/// Each key has a rate of its own, and is told how it stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_asks_too_often_is_told_when_to_come_again() {
    let mut deployment = Deployment::start_with(Settings { services: vec![], ..Settings::default() }).await;
    deployment.set("REMIT_KEY_READS_PER_SECOND", "1");
    deployment.set("REMIT_KEY_WRITES_PER_SECOND", "2");
    deployment.set("REMIT_KEY_BURST_SECONDS", "3");
    deployment.run(Service::Api).await;
    let (one, other) = (deployment.new_merchant("One").await, deployment.new_merchant("Other").await);
    let first = one.get("/payments").await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, r#""reads";q=3;w=3"#));
    assert_eq!(first.header("ratelimit"), r#""reads";r=2;t=1"#);
    let refused = eventually("it is refused", || async {
        let answer = one.get("/payments").await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    assert_eq!(refused.body["code"], "rate-limited");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", r#""reads";r=0;t=3"#));
    assert_eq!(other.get("/payments").await.status, 200, "another key has its own");
    let accepted = one.pay("a", &card("10.00", "EUR", "pm_card_visa")).await;
    assert_eq!(
        (accepted.status, accepted.header("ratelimit-policy")),
        (202, r#""writes";q=6;w=3"#),
        "and writes theirs"
    );
    let unknown = Merchant::new(one.url.clone(), "rmt_test_unknown".into()).get("/payments").await;
    assert_eq!((unknown.status, unknown.header("ratelimit-policy")), (401, ""));
    eventually("it may ask again", || async { (one.get("/payments").await.status == 200).then_some(()) })
        .await;
}
