//! The clock of a test deployment: it goes from one due moment to the next, and waits at each for what is due.

use common::{clock::Timestamp, invoice::Status as Paid, plan::Unit};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Answer, Deployment, Merchant, Service, Settings,
    billing::{DAY, DECLINES, days_after},
    eventually,
};

/// Begins to move the clock, and does not wait for it.
async fn begin(merchant: &Merchant, body: &Value) -> Answer {
    merchant.send(Method::POST, "/test-clock/advance", &[], body).await
}

/// That the clock came no further, and why.
fn stopped(answer: &Answer) -> (&str, &str) {
    assert_eq!(answer.text("status"), "stopped", "{answer:?}");
    let failure = &answer.body["failure"];
    (failure["code"].as_str().unwrap(), failure["message"].as_str().unwrap())
}

/// Moves the clock to this moment, which must work.
async fn live_until(deployment: &Deployment, moment: Timestamp) -> Timestamp {
    let answer = deployment.merchant.advanced(&json!({ "to": moment.to_rfc3339() })).await;
    assert_eq!((answer.text("status"), &answer.body["failure"]), ("ready", &Value::Null), "{answer:?}");
    let now: Timestamp = answer.text("now").parse().unwrap();
    assert!(now >= moment, "{now} {moment}");
    now
}

async fn without(missing: &[Service]) -> Deployment {
    let mut settings = Settings::default();
    settings.services.retain(|service| !missing.contains(service));
    Deployment::start_with(settings).await
}

#[tokio::test]
async fn a_year_is_one_call() {
    let mut deployment = Deployment::start().await;
    deployment.run(Service::SecondWorker).await;
    deployment.run(Service::SecondScheduler).await;
    let shop = deployment.shop(Unit::Month).await;
    let good = deployment.subscribed(&shop.order("good", "pm_card_visa")).await;
    let bad = deployment.active(&shop, "bad").await;
    deployment.new_card(bad, DECLINES).await;
    let began = deployment.now().await;
    let asked = std::time::Instant::now();
    live_until(&deployment, days_after(began, 366)).await;
    println!("a year took {:?}", asked.elapsed());

    let invoices = deployment.invoices(good).await;
    assert_eq!(
        invoices.iter().map(|invoice| invoice.period_index).collect::<Vec<_>>(),
        (0..13).collect::<Vec<_>>()
    );
    let boundaries = "SELECT starts_at FROM subscription_periods WHERE subscription_id = $1 ORDER BY 1";
    let boundaries: Vec<Timestamp> =
        sqlx::query_scalar(boundaries).bind(good.0).fetch_all(&deployment.pool).await.unwrap();
    for (invoice, boundary) in invoices.iter().zip(boundaries) {
        assert_eq!((invoice.status, invoice.attempts), (Paid::Paid, 1), "{invoice:?}");
        // Each at its own boundary, not when somebody came to look.
        let late = invoice.opened_at.unwrap() - boundary;
        assert!(invoice.period_index == 0 || late.num_minutes() == 0, "{late}: {invoice:?}");
    }
    // The retry schedule was gone through step by step, and then it was over.
    assert_eq!(
        deployment.payments_of(bad).await,
        ["succeeded", "failed", "failed", "failed", "failed", "failed"]
    );
    // And no worker was thought to be lost: time did not pass under what it had in hand.
    let again = "SELECT count(*) FROM payments WHERE calls_begun > 1";
    assert_eq!(deployment.count(again).await, 0, "payments that were taken up twice");
    // The gateways live in the same time.
    let there = deployment.sandbox("GET", "/control/clock", &Value::Null).await["now"].as_i64().unwrap();
    let last = invoices[12].ended_at.unwrap().timestamp();
    assert!((last - 2..last + DAY).contains(&there), "{there}, and the last payment was made at {last}");
    deployment.check_billing().await;
}

/// What a worker has in hand keeps its lease: time stands still for it. And no scheduler is needed.
#[tokio::test]
async fn what_is_under_way_ends_before_time_goes_on() {
    let settings = Settings { gateway_timeout_ms: 5000, lease_ms: 14_000, ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    deployment.stop(Service::Scheduler).await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.subscribed(&shop.order("a", "pm_card_visa")).await;
    let slow = json!({ "fault": "slow_after_1500", "match": { "path_prefix": "/v1/payment_intents" } });
    deployment.faults(json!([slow])).await;
    let began = deployment.now().await;
    live_until(&deployment, days_after(began, 20)).await;
    let asked = deployment.invoices(id).await.remove(0);
    assert_eq!((asked.status, asked.attempts), (Paid::Paid, 1));
    let paid = asked.ended_at.unwrap() - began;
    assert!(paid.num_seconds() < 60, "{paid}: the clock did not wait");
    let calls = deployment.count("SELECT sum(calls_begun) FROM payments").await;
    assert_eq!(calls, 1, "nobody else thought that the worker was lost");
    deployment.check_billing().await;
}

/// The caller is told, and the clock stays; when there is a worker again, the same request goes on.
#[tokio::test]
async fn without_a_worker_the_clock_waits_and_says_so() {
    let mut deployment = without(&[Service::Worker]).await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.subscribed(&shop.order("a", "pm_card_visa")).await;
    let end = days_after(deployment.now().await, 40);
    let to = json!({ "to": end.to_rfc3339() });
    let first = begin(&deployment.merchant, &to).await;
    assert_eq!((first.status, first.text("status")), (202, "advancing"), "{first:?}");
    assert_eq!((first.header("location"), first.header("retry-after")), ("/test-clock", "1"));
    assert_eq!(first.text("status_url"), format!("{}/test-clock", deployment.merchant.url));
    let second = begin(&deployment.merchant, &json!({ "seconds": 0 })).await;
    assert_eq!((second.status, second.text("code")), (409, "clock-moving"), "{second:?}");
    let first = eventually("the clock stops", || async {
        let answer = deployment.merchant.get("/test-clock").await;
        assert_eq!(
            answer.header("retry-after").is_empty(),
            answer.text("status") != "advancing",
            "{answer:?}"
        );
        (answer.text("status") != "advancing").then_some(answer)
    })
    .await;
    let (code, why) = stopped(&first);
    assert!(code == "clock-waits" && why.contains("charge_payment"), "{first:?}");
    assert!((end - deployment.now().await).num_days() >= 39, "the clock did not wait");

    deployment.run(Service::Worker).await;
    live_until(&deployment, end).await;
    assert_eq!(deployment.invoices(id).await.len(), 2);
    deployment.check_billing().await;
}

#[tokio::test]
async fn while_the_broker_is_away_the_clock_waits_and_says_so() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    deployment.rabbitmq.cut();
    let id = deployment.subscribed(&shop.order("a", "pm_card_visa")).await;
    let end = days_after(deployment.now().await, 40);
    let answer = deployment.merchant.advanced(&json!({ "to": end.to_rfc3339() })).await;
    assert_eq!(stopped(&answer).0, "clock-waits", "{answer:?}");
    deployment.rabbitmq.heal();
    live_until(&deployment, end).await;
    assert_eq!(deployment.invoices(id).await.len(), 2);
    deployment.check_billing().await;
}

/// Whoever hangs up loses nothing: the clock goes on, and tells how far it is.
#[tokio::test]
async fn the_clock_goes_on_without_its_caller() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Week).await;
    let id = deployment.active(&shop, "a").await;
    let began = deployment.now().await;
    let end = days_after(began, 200);
    let to = json!({ "to": end.to_rfc3339() });
    let hung_up =
        tokio::time::timeout(std::time::Duration::from_millis(300), deployment.merchant.advanced(&to));
    assert!(hung_up.await.is_err(), "nobody has hung up");
    eventually("the clock is there", || async {
        let answer = deployment.merchant.get("/test-clock").await;
        assert_eq!(answer.text("to").parse::<Timestamp>().unwrap().timestamp(), end.timestamp());
        assert!(answer.text("now").parse::<Timestamp>().unwrap() >= began, "{answer:?}");
        (answer.text("status") == "ready").then_some(())
    })
    .await;
    let invoices = deployment.invoices(id).await;
    assert_eq!(
        invoices.iter().map(|invoice| invoice.period_index).collect::<Vec<_>>(),
        (0..=28).collect::<Vec<_>>()
    );
    deployment.check_billing().await;
}

/// A process that dies says nothing more; the clock is told to have stopped all the same, and goes on when asked again.
#[tokio::test]
async fn a_clock_whose_process_died_has_stopped() {
    let mut deployment = without(&[Service::Worker]).await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.subscribed(&shop.order("a", "pm_card_visa")).await;
    let end = days_after(deployment.now().await, 40);
    let begun = begin(&deployment.merchant, &json!({ "to": end.to_rfc3339() })).await;
    assert_eq!(begun.text("status"), "advancing", "{begun:?}");
    deployment.kill(Service::Api).await;
    deployment.run(Service::Api).await;
    let answer = eventually("nobody moves it", || async {
        let answer = deployment.merchant.get("/test-clock").await;
        (answer.text("status") != "advancing").then_some(answer)
    })
    .await;
    assert_eq!(stopped(&answer).0, "clock-interrupted", "{answer:?}");
    deployment.run(Service::Worker).await;
    live_until(&deployment, end).await;
    assert_eq!(deployment.invoices(id).await.len(), 2);
    deployment.check_billing().await;
}
