//! Comparing settlement reports of tens of thousands of lines: in seconds, and by one at a time.

use std::{collections::BTreeMap, time::Duration};

use common::{
    gateway::GatewayName,
    id::ReconciliationId,
    job::{self, Claim, Kind, Lease},
    reconciliation::{Reconciliation, State, store},
};
use sqlx::PgPool;
use tests::Filled;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// Payments of three days, each a line of a settlement report.
const PAYMENTS: u32 = 30_000;

/// What comparing them may take. It takes a second or two; joined by a condition that chooses its key it took hours.
const COMPARED_WITHIN: Duration = Duration::from_secs(20);

const LEASE: Duration = Duration::from_secs(60);

/// The comparison of a gateway that is under way, claimed by a worker.
async fn claimed(pool: &PgPool, gateway: GatewayName) -> (Claim, Reconciliation) {
    let id: Uuid =
        sqlx::query_scalar("SELECT id FROM reconciliations WHERE gateway = $1 AND state = 'reading'")
            .bind(gateway.as_str())
            .fetch_one(pool)
            .await
            .unwrap();
    let job = job::store::enqueue(pool, Kind::ReconcileGateway, id, Duration::ZERO, None).await.unwrap();
    let mut db = pool.acquire().await.unwrap();
    let claim = job::store::claim(&mut db, Kind::ReconcileGateway, &[job.0], Lease::of(LEASE))
        .await
        .unwrap()
        .remove(0);
    (claim, store::find(pool, ReconciliationId(id)).await.unwrap().unwrap())
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_tens_of_thousands_of_lines_is_compared_in_seconds() {
    let filled = Filled::with(PAYMENTS, 3).await;
    let pool = &filled.pool;
    let late = count(
        pool,
        "SELECT count(*) FROM payments p WHERE p.gateway = 'stripe' AND status = 'succeeded' AND NOT EXISTS (
        SELECT FROM ledger_entries e WHERE e.subject_id = p.id AND e.kind = 'payment.fee')",
    )
    .await;
    let other = count(
        pool,
        "SELECT count(*) FROM payments p JOIN ledger_entries e ON e.subject_id = p.id
        WHERE p.gateway = 'stripe' AND e.account = 'fees' AND e.amount <> 1.20",
    )
    .await;
    let disputes = count(pool, "SELECT count(*) FROM disputes WHERE gateway = 'stripe'").await;
    assert!(late > 5 && other > 5 && disputes > 500, "{late} {other} {disputes}");

    let (claim, of) = claimed(pool, GatewayName::Stripe).await;
    let began = Instant::now();
    let compared = timeout(COMPARED_WITHIN, store::compare(pool, &claim, &of)).await;
    let found = compared.expect("in time").unwrap().expect("the claim holds");
    println!("{PAYMENTS} payments: compared in {:?}", began.elapsed());

    assert_eq!(found.repaired, late + disputes, "the fees that were told late are booked");
    let findings = store::findings(pool, of.id).await.unwrap();
    let mut by_kind = BTreeMap::new();
    for finding in &findings {
        *by_kind.entry(finding.kind.as_str()).or_insert(0_i64) += 1;
    }
    assert_eq!(
        by_kind,
        BTreeMap::from([("fee_differs", other), ("unknown_here", 50)]),
        "{:?}",
        &findings[..3]
    );
    assert_eq!(store::find(pool, of.id).await.unwrap().unwrap().state, State::Done);
    let booked = count(
        pool,
        "SELECT count(*) FROM ledger_entries WHERE kind = 'dispute.fee' AND account = 'fees' AND amount = 15",
    );
    assert_eq!(booked.await, disputes);
}

/// A payment that is disputed twice, with the fee of each in a settlement report that does not name our disputes.
#[tokio::test(flavor = "multi_thread")]
async fn fees_of_two_disputes_of_one_payment_are_added_up() {
    let filled = Filled::with(2000, 3).await;
    let pool = &filled.pool;
    for statement in [
        "DELETE FROM reconciliation_lines WHERE movement = 'dispute'",
        "CREATE TABLE twice AS SELECT * FROM disputes WHERE gateway = 'stripe' ORDER BY id LIMIT 1",
        "DELETE FROM disputes WHERE id NOT IN (SELECT id FROM twice)",
        "INSERT INTO disputes (id, merchant_id, payment_id, gateway, dispute_ref, amount, currency, status, funds_withdrawn)
         SELECT gen_random_uuid(), merchant_id, payment_id, gateway, 'dp_second', 1, currency, 'lost', true FROM twice",
        "INSERT INTO reconciliation_lines (reconciliation_id, reference, gateway_ref, movement, amount, currency, fee, fee_currency)
         SELECT r.id, 'pay_' || replace(payment_id::text, '-', ''), 'txn_dispute_' || n, 'dispute', 10, 'EUR', 15, 'EUR'
         FROM twice, generate_series(1, 2) n, reconciliations r WHERE r.gateway = 'stripe' AND r.state = 'reading'",
    ] {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    let (claim, of) = claimed(pool, GatewayName::Stripe).await;
    store::compare(pool, &claim, &of).await.unwrap().expect("the claim holds");
    let booked =
        "SELECT sum(amount)::bigint FROM ledger_entries WHERE kind = 'dispute.fee' AND account = 'fees'";
    assert_eq!(count(pool, booked).await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_was_taken_over_writes_nothing() {
    let filled = Filled::with(2000, 3).await;
    let pool = &filled.pool;
    let (slept, of) = claimed(pool, GatewayName::Stripe).await;
    // Its lease ends; the scheduler emits the job, and another worker has it.
    sqlx::query("UPDATE jobs SET due_at = remit_now() - interval '1 s' WHERE id = $1")
        .bind(slept.id.0)
        .execute(pool)
        .await
        .unwrap();
    job::store::emit_due(pool, 10).await.unwrap();
    let (claim, _) = claimed(pool, GatewayName::Stripe).await;
    assert_eq!((claim.id, claim.attempt), (slept.id, slept.attempt + 1));

    assert_eq!(store::compare(pool, &slept, &of).await.unwrap(), None);
    let part = common::gateway::SettlementReport { lines: Vec::new(), next: Some("moved".into()) };
    assert!(!store::keep(pool, &slept, &of, &part).await.unwrap());
    assert!(!store::keep_dispute(pool, &slept, &of, "dp_1", None).await.unwrap());
    assert!(!store::keep_refund(pool, &slept, &of, "re_1", &[]).await.unwrap());
    let after = store::find(pool, of.id).await.unwrap().unwrap();
    assert_eq!((after.state, after.cursor), (State::Reading, None), "nothing was written");

    // While the one that has it compares, it is nobody else's, however long that takes.
    let mut comparing = pool.begin().await.unwrap();
    assert!(job::store::hold(&mut comparing, &claim).await.unwrap());
    sqlx::query("UPDATE test_clock SET ahead = ahead + interval '1 hour'").execute(pool).await.unwrap();
    let emitted = job::store::emit_due(pool, 1000).await.unwrap();
    assert!(emitted.taken > 0 && emitted.due.iter().all(|due| due.job != claim.id), "it is held");
    comparing.commit().await.unwrap();
    assert!(store::compare(pool, &claim, &of).await.unwrap().is_some());
}
