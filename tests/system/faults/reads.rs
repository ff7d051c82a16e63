//! What one merchant asks for stops nobody else: what it asks to see not another's payments, reads and the probes, and
//! what it does not another's payments.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::json;
use tests::{Answer, Deployment, Merchant, Service, card, eventually};
use tokio::time::{Instant, timeout};

/// Clients of the merchant whose lists are slow.
const CLIENTS: usize = 16;

/// Asks for a list that takes as long as it may, again and again. Every other client hangs up, and asks anew.
async fn hammer(merchant: Merchant, hangs_up: bool, enough: Arc<AtomicBool>) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let patience = if hangs_up { Duration::from_millis(100) } else { tests::PATIENCE };
        answers.extend(timeout(patience, merchant.get("/plans?limit=100")).await);
    }
    answers
}

/// The lists are slow for real: they wait for a table that somebody holds, until the database gives them up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_merchants_slow_lists_stop_nobody_else() {
    let deployment = Deployment::api_alone().await;
    let slow = deployment.merchant.clone();
    let other = deployment.new_merchant("Other").await;
    let mut holder = deployment.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE plans IN ACCESS EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
    sqlx::query("SET idle_in_transaction_session_timeout = 0").execute(&mut *holder).await.unwrap();
    let enough = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let own = Merchant::new(slow.url.clone(), slow.key.clone());
            tokio::spawn(hammer(own, number % 2 == 0, Arc::clone(&enough)))
        })
        .collect();
    let held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("its lists are slow", || async { (deployment.count(held).await >= 2).then_some(()) }).await;
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    for number in 0..60 {
        let asked = Instant::now();
        let payment = other.paid(&format!("{number}"), &card("1.00", "EUR", "pm_card_visa")).await;
        assert_eq!(other.payment(&payment).await.status, 200);
        assert_eq!(other.get("/payments?status=pending").await.status, 200);
        assert_eq!(other.get("/readyz").await.status, 200);
        // The slow one's own payments are no reads.
        slow.paid(&format!("slow-{number}"), &card("1.00", "EUR", "pm_card_visa")).await;
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "beside {CLIENTS} clients with slow lists: 60 rounds in {:?}, the slowest {slowest:?}",
        begun.elapsed()
    );
    assert!(slowest < Duration::from_millis(1500), "{slowest:?}");
    enough.store(true, Ordering::Relaxed);
    let mut answers = Vec::new();
    for client in clients {
        answers.extend(client.await.unwrap());
    }
    let with = |status: u16, code: &str| {
        answers
            .iter()
            .filter(|answer| answer.status == status && answer.body["code"] == code)
            .collect::<Vec<_>>()
    };
    let (given_up, refused) = (with(503, "took-too-long"), with(429, "too-many-reads"));
    assert!(!given_up.is_empty() && !refused.is_empty(), "{answers:?}");
    assert_eq!(given_up.len() + refused.len(), answers.len(), "{answers:?}");
    assert!(given_up[0].text("detail").contains("narrow the filter"), "{:?}", given_up[0]);
    assert!(answers.iter().all(|answer| answer.header("retry-after") == "1"));
    holder.rollback().await.unwrap();
    // And all is well again.
    assert_eq!(slow.get("/plans").await.status, 200);
}

/// Refunds wait for a table that somebody holds. Payments have connections of their own, and go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_merchants_slow_writes_stop_nobodys_payments() {
    let deployment = Deployment::api_alone().await;
    let slow = deployment.merchant.clone();
    let other = deployment.new_merchant("Other").await;
    let refunded = slow.paid("refunded", &card("1.00", "EUR", "pm_card_visa")).await;
    sqlx::query("UPDATE payments SET status = 'succeeded', amount_captured = amount")
        .execute(&deployment.pool)
        .await
        .unwrap();
    let mut holder = deployment.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE refunds IN SHARE MODE").execute(&mut *holder).await.unwrap();
    sqlx::query("SET idle_in_transaction_session_timeout = 0").execute(&mut *holder).await.unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (own, payment) = (Merchant::new(slow.url.clone(), slow.key.clone()), refunded.clone());
            tokio::spawn(async move { own.refund(&number.to_string(), &payment, Some("0.01")).await })
        })
        .collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    tests::eventually("refunds wait", || async { (deployment.count(waiting).await > 0).then_some(()) }).await;
    for number in 0..40 {
        let asked = Instant::now();
        let payment = other.paid(&format!("{number}"), &card("1.00", "EUR", "pm_card_visa")).await;
        assert_eq!(other.payment(&payment).await.status, 200);
        assert_eq!(other.get("/readyz").await.status, 200);
        assert!(asked.elapsed() < Duration::from_millis(1500), "{:?}", asked.elapsed());
    }
    assert!(deployment.count(waiting).await > 0, "they still wait");
    holder.rollback().await.unwrap();
    for client in clients {
        let answer = client.await.unwrap();
        assert!(answer.status == 202 || answer.status == 503, "{answer:?}");
    }
}

/// Their looks hang for real. However many wait, their looks hold one of the connections that payments are accepted on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_wait_for_outcomes_stop_nobodys_payments() {
    let mut deployment = Deployment::start().await;
    let visa = card("20.00", "EUR", "pm_card_visa");
    let payment = deployment.merchant.paid_up("paid", &visa).await;
    deployment.stop(Service::Worker).await;
    let waiters: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (merchant, key) = (deployment.merchant.clone(), format!("refund-{number}"));
            let body = json!({ "payment": payment, "amount": "1.00" });
            tokio::spawn(async move {
                let headers = [("idempotency-key", key.as_str()), ("prefer", "wait=30")];
                merchant.send(Method::POST, "/refund-payment", &headers, &body).await
            })
        })
        .collect();
    eventually("they wait", || async {
        (deployment.count("SELECT count(*) FROM refunds").await == 16).then_some(())
    })
    .await;
    let mut holder = deployment.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE refunds IN ACCESS EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
    sqlx::query("SET idle_in_transaction_session_timeout = 0").execute(&mut *holder).await.unwrap();
    let (began, mut paid) = (Instant::now(), 0);
    // By then each has looked.
    while began.elapsed() < Duration::from_secs(2) {
        let accepted =
            timeout(Duration::from_secs(2), deployment.merchant.pay(&format!("{paid}"), &visa)).await;
        assert_eq!(accepted.map(|answer| answer.status), Ok(202), "after {paid}, {:?}", began.elapsed());
        paid += 1;
    }
    let looks = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'remit-api' AND wait_event_type = 'Lock'";
    assert_eq!(deployment.count(looks).await, 1, "they look");
    holder.rollback().await.unwrap();
    deployment.run(Service::Worker).await;
    for waiter in waiters {
        let answer = waiter.await.unwrap();
        assert_eq!((answer.status, answer.text("status")), (202, "succeeded"));
    }
}
