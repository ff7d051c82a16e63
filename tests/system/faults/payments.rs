//! Everything may die. What was accepted reaches an end, and nobody is charged twice.

use std::time::Duration;

use common::job::Kind;
use serde_json::json;
use tests::{Deployment, Merchant, Service, Settings, card, eventually};

/// Sends this many payments, each of which must be accepted.
async fn pay_many(merchant: &Merchant, prefix: &str, count: usize) {
    let sending: Vec<_> = (0..count)
        .map(|i| {
            let (merchant, key) = (merchant.clone(), format!("{prefix}-{i}"));
            tokio::spawn(async move { merchant.paid(&key, &card("1.23", "EUR", "pm_card_visa")).await })
        })
        .collect();
    for payment in sending {
        payment.await.unwrap();
    }
}

async fn all_succeeded(deployment: &Deployment, count: i64) {
    eventually(&format!("{count} payments succeed"), || async {
        let done = deployment.count("SELECT count(*) FROM payments WHERE status = 'succeeded'").await;
        (done == count).then_some(())
    })
    .await;
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn without_the_broker_payments_are_accepted_and_settle_when_it_is_back() {
    let deployment = Deployment::start().await;
    deployment.rabbitmq.cut();
    pay_many(&deployment.merchant, "a", 200).await;
    assert_eq!(deployment.count("SELECT count(*) FROM payments WHERE status = 'pending'").await, 200);
    deployment.rabbitmq.heal();
    all_succeeded(&deployment, 200).await;
}

#[tokio::test]
async fn a_broker_that_lost_everything_loses_no_payment() {
    let mut deployment = Deployment::start().await;
    deployment.stop(Service::Worker).await;
    pay_many(&deployment.merchant, "on the queue", 50).await;
    deployment.rabbitmq.cut();
    pay_many(&deployment.merchant, "not on the queue", 50).await;
    deployment.wipe_broker().await;
    // What waits in the API's memory goes too.
    deployment.kill(Service::Api).await;
    deployment.rabbitmq.heal();
    deployment.run(Service::Worker).await;
    deployment.run(Service::Api).await;
    deployment.advance(15).await;
    all_succeeded(&deployment, 100).await;
}

#[tokio::test]
async fn a_worker_killed_between_the_charge_and_its_answer() {
    let settings = Settings { gateway_timeout_ms: 20_000, lease_ms: 43_000, ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    let merchant = deployment.merchant.clone();
    let id = merchant.paid("a", &card("49.90", "EUR", "pm_sandbox_slow_after_10000")).await;
    eventually("it is charged", || async { (deployment.charges(&id).await.len() == 1).then_some(()) }).await;
    deployment.kill(Service::Worker).await;
    assert_eq!(merchant.payment(&id).await.text("status"), "processing");
    deployment.run(Service::Worker).await;
    deployment.advance(43).await;
    all_succeeded(&deployment, 1).await;
    assert_eq!(deployment.charges(&id).await.len(), 1);
}

#[tokio::test]
async fn workers_killed_again_and_again() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let paying = tokio::spawn(async move { pay_many(&merchant, "a", 300).await });
    for round in 1..=4 {
        let least = round * 40;
        eventually("some have settled", || async {
            let done = deployment.count("SELECT count(*) FROM payments WHERE status = 'succeeded'").await;
            (done >= least).then_some(())
        })
        .await;
        deployment.kill(Service::Worker).await;
        deployment.run(Service::Worker).await;
    }
    paying.await.unwrap();
    all_succeeded(&deployment, 300).await;
}

#[tokio::test]
async fn an_api_killed_before_it_could_publish() {
    let mut deployment = Deployment::start().await;
    deployment.rabbitmq.cut();
    let merchant = deployment.merchant.clone();
    pay_many(&merchant, "a", 20).await;
    deployment.kill(Service::Api).await;
    deployment.rabbitmq.heal();
    deployment.advance(15).await;
    deployment.run(Service::Api).await;
    all_succeeded(&deployment, 20).await;
    let again = merchant.pay("a-0", &card("1.23", "EUR", "pm_card_visa")).await;
    assert_eq!((again.header("idempotent-replayed"), again.text("status")), ("true", "succeeded"));
}

/// Requests whose answer is lost are sent again with their key, as clients are told to.
#[tokio::test]
async fn an_api_killed_under_load_and_clients_that_try_again() {
    let mut deployment = Deployment::start().await;
    let clients: Vec<_> = (0..100)
        .map(|i| {
            let (merchant, key) = (deployment.merchant.clone(), i.to_string());
            let body = card("1.23", "EUR", "pm_card_visa").to_string();
            tokio::spawn(async move {
                let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
                eventually("the payment is accepted", || async {
                    let method = reqwest::Method::POST;
                    let sent =
                        merchant.try_send(method, "/process-payment", &headers, Some(body.clone())).await;
                    sent.filter(|answer| answer.status == 202)
                })
                .await;
            })
        })
        .collect();
    eventually("some are accepted", || async {
        (deployment.count("SELECT count(*) FROM payments").await > 10).then_some(())
    })
    .await;
    deployment.kill(Service::Api).await;
    deployment.run(Service::Api).await;
    for client in clients {
        client.await.unwrap();
    }
    deployment.advance(15).await;
    all_succeeded(&deployment, 100).await;
}

#[tokio::test]
async fn without_the_database_nothing_is_promised() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    merchant.paid("before", &card("1.00", "EUR", "pm_card_visa")).await;
    deployment.postgres.cut();
    for key in ["a", "b", "c"] {
        let answer = merchant.pay(key, &card("1.00", "EUR", "pm_card_visa")).await;
        assert_eq!((answer.status, answer.text("code")), (503, "unavailable"), "{answer:?}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    deployment.postgres.heal();
    eventually("it is accepted", || async {
        (merchant.pay("a", &card("1.00", "EUR", "pm_card_visa")).await.status == 202).then_some(())
    })
    .await;
    let accepted = deployment.count("SELECT count(*) FROM payments").await;
    all_succeeded(&deployment, accepted).await;
}

#[tokio::test]
async fn connections_to_the_database_that_are_cut_twice_a_second() {
    let deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let paying = tokio::spawn(async move {
        for i in 0..60 {
            let key = i.to_string();
            eventually("it is accepted", || async {
                let answer = merchant.pay(&key, &card("1.00", "EUR", "pm_card_visa")).await;
                assert!(matches!(answer.status, 202 | 503), "{answer:?}");
                (answer.status == 202).then_some(())
            })
            .await;
        }
    });
    let mut cuts = tokio::time::interval(Duration::from_millis(500));
    while !paying.is_finished() {
        cuts.tick().await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'remit-%'",
        )
        .execute(&deployment.pool)
        .await
        .unwrap();
    }
    paying.await.unwrap();
    deployment.advance(15).await;
    all_succeeded(&deployment, 60).await;
}

/// A worker that slept beyond its lease learns, when it wakes, that the charge went through. Another has
/// the job by then; the fact is kept all the same.
#[tokio::test]
async fn a_worker_that_was_stopped_beyond_its_lease() {
    let settings = Settings { gateway_timeout_ms: 40_000, lease_ms: 83_000, ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    let merchant = deployment.merchant.clone();
    let id = merchant.paid("a", &card("49.90", "EUR", "pm_sandbox_slow_after_10000")).await;
    eventually("it is charged", || async { (deployment.charges(&id).await.len() == 1).then_some(()) }).await;
    deployment.signal(Service::Worker, "STOP").await;
    // The second worker gets nothing but errors, so that only the first can know.
    let always = json!([{ "fault": "503", "match": { "method": "POST" } }]);
    deployment.sandbox("POST", "/control/faults", &always).await;
    deployment.advance(83).await;
    deployment.run(Service::SecondWorker).await;
    let tried = "SELECT count(*) FROM gateway_calls WHERE outcome = 'unknown'";
    eventually("the second worker tried", || async {
        deployment.advance(1).await;
        (deployment.count(tried).await > 0).then_some(())
    })
    .await;
    deployment.signal(Service::Worker, "CONT").await;
    merchant.payment_with(&id, &["succeeded"]).await;
    deployment.sandbox("DELETE", "/control/faults", &serde_json::Value::Null).await;
    deployment.advance(600).await;
    all_succeeded(&deployment, 1).await;
}

#[tokio::test]
async fn messages_that_come_many_times_shuffled_or_that_nobody_can_read() {
    let deployment = Deployment::start().await;
    deployment.rabbitmq.cut();
    pay_many(&deployment.merchant, "a", 30).await;
    let jobs: Vec<String> =
        sqlx::query_scalar("SELECT replace(id::text, '-', '') FROM jobs ORDER BY random()")
            .fetch_all(&deployment.pool)
            .await
            .unwrap();
    let message =
        |job: &String| json!({ "kind": "charge_payment", "jobs": [format!("job_{job}")] }).to_string();
    let mut bodies: Vec<Vec<u8>> =
        (0..5).flat_map(|_| jobs.iter().map(|job| message(job).into_bytes())).collect();
    let poison = ["", "{", "null", "{\"jobs\":[\"job_1\"],\"kind\":\"charge_payment\"}", "\u{0}\u{1}"];
    bodies.extend(poison.map(|text| text.as_bytes().to_vec()));
    deployment.rabbitmq.heal();
    deployment.deliver(Kind::ChargePayment, &bodies).await;
    all_succeeded(&deployment, 30).await;
    eventually("what nobody can read is put aside", || async {
        (deployment.parked_messages().await == 5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_of_everything_do_everything_once() {
    let mut settings = Settings::default();
    settings.services.extend([Service::SecondWorker, Service::SecondScheduler]);
    let deployment = Deployment::start_with(settings).await;
    deployment.rabbitmq.cut();
    pay_many(&deployment.merchant, "later", 150).await;
    deployment.advance(15).await;
    deployment.rabbitmq.heal();
    pay_many(&deployment.merchant, "now", 150).await;
    all_succeeded(&deployment, 300).await;
}

#[tokio::test]
async fn an_orderly_end_under_load_loses_nothing() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let paying = tokio::spawn(async move { pay_many(&merchant, "a", 200).await });
    for service in [Service::Worker, Service::Scheduler] {
        eventually("some have settled", || async {
            let done = deployment.count("SELECT count(*) FROM payments WHERE status = 'succeeded'").await;
            (done >= 20).then_some(())
        })
        .await;
        stop_in_order(&mut deployment, service).await;
        deployment.run(service).await;
    }
    paying.await.unwrap();
    stop_in_order(&mut deployment, Service::Api).await;
    deployment.run(Service::Api).await;
    deployment.advance(15).await;
    all_succeeded(&deployment, 200).await;
}

/// Nobody is told of an error because a process was asked to end.
async fn stop_in_order(deployment: &mut Deployment, service: Service) {
    deployment.stop(service).await;
    let log = deployment.log(service);
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn a_gateway_killed_and_restarted_under_load() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let paying = tokio::spawn(async move { pay_many(&merchant, "a", 200).await });
    eventually("some have settled", || async {
        let done = deployment.count("SELECT count(*) FROM payments WHERE status = 'succeeded'").await;
        (done >= 20).then_some(())
    })
    .await;
    deployment.kill(Service::Sandbox).await;
    paying.await.unwrap();
    deployment.run(Service::Sandbox).await;
    deployment.advance(60).await;
    all_succeeded(&deployment, 200).await;
}

/// Nothing to confirm for longer than a confirm may take: that is not a broker that fell silent.
#[tokio::test]
async fn an_idle_publisher_is_still_there() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let id = merchant.paid("a", &card("1.00", "EUR", "pm_card_visa")).await;
    merchant.payment_with(&id, &["succeeded"]).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    for key in ["b", "c"] {
        let headers = [("idempotency-key", key), ("prefer", "wait=20")];
        let body = card("1.00", "EUR", "pm_card_visa");
        let answer = merchant.send(reqwest::Method::POST, "/process-payment", &headers, &body).await;
        assert_eq!(answer.text("status"), "succeeded");
    }
    for service in [Service::Api, Service::Worker, Service::Scheduler] {
        assert!(!deployment.log(service).contains("lost the broker"), "{service:?}");
    }
}

/// A gateway that limits us says when to come back; copies of old messages do not hurry us.
#[tokio::test]
async fn a_job_that_waits_for_its_time_is_not_hurried_by_old_messages() {
    let deployment = Deployment::start().await;
    let limits = json!([{ "fault": "429", "match": { "method": "POST" } }]);
    deployment.sandbox("POST", "/control/faults", &limits).await;
    let id = deployment.merchant.paid("a", &card("1.00", "EUR", "pm_card_visa")).await;
    let tried = "SELECT count(*) FROM gateway_calls";
    eventually("it was tried twice", || async { (deployment.count(tried).await >= 2).then_some(()) }).await;
    let job: String = sqlx::query_scalar("SELECT replace(id::text, '-', '') FROM jobs")
        .fetch_one(&deployment.pool)
        .await
        .unwrap();
    let message = json!({ "kind": "charge_payment", "jobs": [format!("job_{job}")] }).to_string();
    let far_future =
        "UPDATE jobs SET due_at = due_at + interval '1 hour' WHERE state = 'queued' AND emits = 0";
    eventually("it waits", || async {
        (sqlx::query(far_future).execute(&deployment.pool).await.unwrap().rows_affected() == 1).then_some(())
    })
    .await;
    let before = deployment.count(tried).await;
    deployment.deliver(Kind::ChargePayment, &[message.clone().into_bytes(), message.into_bytes()]).await;
    deployment.sandbox("DELETE", "/control/faults", &serde_json::Value::Null).await;
    // Another payment goes through the same queue behind them.
    let other = deployment.merchant.paid("b", &card("1.00", "EUR", "pm_card_visa")).await;
    deployment.merchant.payment_with(&other, &["succeeded"]).await;
    assert_eq!(deployment.count(tried).await, before + 1);
    assert_eq!(deployment.merchant.payment(&id).await.text("status"), "processing");
    deployment.advance(3700).await;
    all_succeeded(&deployment, 2).await;
}

#[tokio::test]
async fn who_waits_while_the_database_goes_away_was_accepted_all_the_same() {
    let deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let waiting = tokio::spawn(async move {
        let headers = [("idempotency-key", "a"), ("prefer", "wait=5")];
        let body = card("1.00", "EUR", "pm_sandbox_slow_before_900");
        merchant.send(reqwest::Method::POST, "/process-payment", &headers, &body).await
    });
    // By then the API knows that it is stored: it published the job.
    eventually("a worker has it", || async {
        (deployment.count("SELECT count(*) FROM payments WHERE status = 'processing'").await == 1)
            .then_some(())
    })
    .await;
    deployment.postgres.cut();
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
    deployment.postgres.heal();
    all_succeeded(&deployment, 1).await;
}
