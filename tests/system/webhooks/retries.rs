//! What does not get there comes again, and at some time no more.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Receiver, Reply, Service, eventually};

use super::{endpoint, moment, nothing_due, path, ping, post, stands, tried};

const BUSY: Reply = Reply::Status(503, "", "not now");

#[tokio::test]
async fn a_delivery_comes_again_later_and_later_and_is_given_up() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    receiver.replies(BUSY);
    let made = endpoint(merchant, &receiver, json!({})).await;
    let delivery = ping(merchant, &made).await;
    let minutes = [0, 5, 30, 2 * 60, 5 * 60, 10 * 60, 14 * 60, 20 * 60, 24 * 60];
    for (attempt, minutes) in (1..).zip(minutes) {
        let shown = tried(merchant, &delivery, attempt).await;
        assert_eq!((&shown["status"], &shown["attempt_count"]), (&json!("pending"), &json!(attempt)));
        let wait = moment(&shown["next_attempt_at"]) - moment(&shown["updated_at"]);
        let exact = if minutes == 0 { 5000 } else { minutes * 60_000 };
        let share = wait.num_milliseconds() * 100 / exact;
        assert!((89..=110).contains(&share), "attempt {attempt} is followed by {wait}");
        deployment.advance(wait.num_seconds() + 1).await;
    }
    let shown = stands(merchant, &delivery, "failed").await;
    assert_eq!(shown["attempt_count"], 10);
    assert_eq!(shown["next_attempt_at"], Value::Null);
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 10);
    assert!(attempts.iter().all(|attempt| attempt["status"] == 503 && attempt["answer"] == "not now"));
    let hooks = receiver.hooks();
    assert_eq!(hooks.len(), 10);
    assert!(hooks.iter().all(|hook| hook.body == hooks[0].body), "the words never change");
    assert_ne!(hooks[0].header("webhook-timestamp"), "");
    deployment.settled().await;
}

#[tokio::test]
async fn whoever_asks_for_more_time_gets_it() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    receiver.replies(Reply::Status(429, "retry-after: 600\r\n", ""));
    let made = endpoint(merchant, &receiver, json!({})).await;
    let delivery = ping(merchant, &made).await;
    let shown = tried(merchant, &delivery, 1).await;
    let wait = moment(&shown["next_attempt_at"]) - moment(&shown["updated_at"]);
    assert_eq!(wait.num_seconds(), 600);
    receiver.replies(Reply::Status(204, "", ""));
    deployment.advance(601).await;
    stands(merchant, &delivery, "delivered").await;
}

#[tokio::test]
async fn an_endpoint_that_says_it_is_gone_is_told_no_more() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    receiver.replies(Reply::Status(410, "", ""));
    let made = endpoint(merchant, &receiver, json!({})).await;
    endpoint(merchant, &other, json!({ "types": ["webhook_endpoint.disabled"] })).await;
    // The first is told of the second.
    let told = other.heard(1).await[0].told();
    assert_eq!(told["type"], "webhook_endpoint.disabled");
    assert_eq!((&told["data"]["id"], &told["data"]["disabled_reason"]), (&made["id"], &json!("gone")));
    let shown = merchant.get(&path(&made)).await.body;
    assert_eq!((&shown["status"], &shown["disabled_reason"]), (&json!("disabled"), &json!("gone")));
    let refused = post(merchant, &format!("{}/ping", path(&made)), &Value::Null).await;
    assert_eq!((refused.status, refused.text("code")), (409, "webhook-endpoint-disabled"));
    deployment.settled().await;
    assert_eq!(receiver.hooks().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_fails_for_five_days_is_disabled() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    receiver.replies(BUSY);
    let made = endpoint(merchant, &receiver, json!({})).await;
    tried(merchant, &ping(merchant, &made).await, 1).await;
    // Each new event is tried, and fails; four days on it is still told.
    for day in 1..=4 {
        deployment.advance(24 * 3600).await;
        tried(merchant, &ping(merchant, &made).await, 1).await;
        assert_eq!(merchant.get(&path(&made)).await.text("status"), "enabled", "day {day}");
    }
    nothing_due(&deployment).await;
    deployment.advance(24 * 3600).await;
    eventually("it is disabled", || async {
        let shown = merchant.get(&path(&made)).await.body;
        (shown["disabled_reason"] == "failing").then_some(())
    })
    .await;
    nothing_due(&deployment).await;
    let skipped = format!("{}/deliveries?status=pending", path(&made));
    // What waits is skipped when its time comes.
    deployment.advance(2 * 24 * 3600).await;
    eventually("nothing waits any more", || async { merchant.all(&skipped).await.is_empty().then_some(()) })
        .await;
    // It is enabled again, and told what it has missed.
    receiver.replies(Reply::Status(200, "", ""));
    receiver.forget();
    let enabled = merchant.send(Method::PUT, &path(&made), &[], &json!({ "enabled": true })).await;
    assert_eq!((enabled.text("status"), &enabled.body["failing_since"]), ("enabled", &Value::Null));
    let asked = post(merchant, &format!("{}/replay", path(&made)), &json!({ "missed": true })).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    deployment.settled().await;
    assert_eq!(receiver.hooks().len(), 5);
}

#[tokio::test]
async fn a_worker_that_dies_before_it_has_noted_the_answer_tells_it_again() {
    let mut deployment = Deployment::start().await;
    let receiver = Receiver::start().await;
    receiver.replies(Reply::Nothing);
    let made = endpoint(&deployment.merchant, &receiver, json!({})).await;
    let delivery = ping(&deployment.merchant, &made).await;
    receiver.heard(1).await;
    deployment.kill(Service::Worker).await;
    receiver.replies(Reply::Status(200, "", ""));
    deployment.run(Service::Worker).await;
    deployment.advance(10).await;
    let shown = stands(&deployment.merchant, &delivery, "delivered").await;
    assert_eq!(shown["attempt_count"], 1, "of the first nothing is known");
    let hooks = receiver.hooks();
    assert!(hooks.len() >= 2);
    assert!(hooks.iter().all(|hook| hook.body == hooks[0].body));
    assert!(hooks.iter().all(|hook| hook.header("webhook-id") == hooks[0].header("webhook-id")));
}

/// With this many to tell, an endpoint that hangs keeps workers busy for longer than the test.
const FLOOD: usize = 200;

#[tokio::test]
async fn an_endpoint_that_hangs_holds_up_nobody_else() {
    let deployment = Deployment::start().await;
    let other = deployment.new_merchant("Other").await;
    let (hanging, quick) = (Receiver::start().await, Receiver::start().await);
    hanging.replies(Reply::Nothing);
    let stuck = endpoint(&deployment.merchant, &hanging, json!({})).await;
    let well = endpoint(&other, &quick, json!({})).await;
    for _ in 0..FLOOD {
        ping(&deployment.merchant, &stuck).await;
    }
    hanging.heard(8).await;
    for number in 0..10 {
        let begun = tokio::time::Instant::now();
        ping(&other, &well).await;
        quick.heard(number + 1).await;
        assert!(begun.elapsed().as_secs() < 5, "ping {number} took {:?}", begun.elapsed());
    }
    let begun = tokio::time::Instant::now();
    let id = deployment.merchant.paid("k", &tests::card("1.00", "EUR", "pm_card_visa")).await;
    deployment.merchant.payment_with(&id, &["succeeded"]).await;
    assert!(begun.elapsed().as_secs() < 5, "a payment took {:?}", begun.elapsed());
    let untried = "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND attempts = 0";
    assert!(deployment.count(untried).await > 0, "the flood was over before");
    // A few that are over may not have been noticed yet.
    assert!((8..=10).contains(&hanging.most_open()), "{} at once", hanging.most_open());
}
