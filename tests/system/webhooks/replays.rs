//! Telling again: one, all that was missed, all since a moment.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Receiver, card};

use super::{endpoint, path, ping, post, stands};

#[tokio::test]
async fn a_delivery_is_told_again_in_the_same_words() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let made = endpoint(merchant, &receiver, json!({})).await;
    let delivery = ping(merchant, &made).await;
    let shown = stands(merchant, &delivery, "delivered").await;
    let replay = format!("{}/replay", path(&made));
    let asked = post(merchant, &replay, &json!({ "delivery": shown["id"] })).await;
    assert_eq!((asked.status, asked.header("location")), (202, delivery.as_str()));
    let hooks = receiver.heard(2).await;
    assert_eq!(hooks[0].body, hooks[1].body);
    assert_eq!(hooks[0].header("webhook-id"), hooks[1].header("webhook-id"));
    deployment.settled().await;
    assert_eq!(merchant.get(&delivery).await.body["attempt_count"], 2);
    for body in [
        json!({}),
        json!({ "missed": false }),
        json!({ "missed": true, "since": "2026-01-01T00:00:00Z" }),
        json!({ "since": "yesterday" }),
    ] {
        assert_eq!(post(merchant, &replay, &body).await.status, 422, "{body}");
    }
    let nobody = json!({ "delivery": "whd_0193a3f1c2d87b51a9f0c4d2e8b7a601" });
    assert_eq!(post(merchant, &replay, &nobody).await.status, 404);
}

#[tokio::test]
async fn what_was_missed_while_it_was_disabled_is_told_later() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let made = endpoint(merchant, &receiver, json!({ "types": ["payment.succeeded"] })).await;
    let put = async |enabled: bool| {
        let answer = merchant.send(Method::PUT, &path(&made), &[], &json!({ "enabled": enabled })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    put(false).await;
    let mut payments = Vec::new();
    for number in 0..3 {
        payments.push(merchant.paid_up(&format!("k{number}"), &card("1.00", "EUR", "pm_card_visa")).await);
    }
    deployment.settled().await;
    let skipped = merchant.all(&format!("{}/deliveries?status=skipped", path(&made))).await;
    assert_eq!((skipped.len(), receiver.hooks().len()), (3, 0));
    let replay = format!("{}/replay", path(&made));
    assert_eq!(post(merchant, &replay, &json!({ "missed": true })).await.status, 409);
    put(true).await;
    assert_eq!(post(merchant, &replay, &json!({ "missed": true })).await.status, 202);
    deployment.settled().await;
    let mut told: Vec<_> =
        receiver.hooks().iter().map(|hook| hook.told()["data"]["id"].as_str().unwrap().to_owned()).collect();
    told.sort_unstable();
    payments.sort_unstable();
    assert_eq!(told, payments);
}

/// More than one part of a replay.
const PINGS: usize = 520;

#[tokio::test]
async fn all_since_a_moment_is_told_also_what_was_before_the_endpoint() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let before = merchant.paid_up("k0", &card("1.00", "EUR", "pm_card_visa")).await;
    deployment.settled().await;
    deployment.advance(7200).await;
    let since = merchant.get("/test-clock").await.text("now").to_owned();
    let payment = merchant.paid_up("k1", &card("1.00", "EUR", "pm_card_visa")).await;
    deployment.settled().await;
    let made =
        endpoint(merchant, &receiver, json!({ "types": ["payment.succeeded", "webhook_endpoint.ping"] }))
            .await;
    let replay = format!("{}/replay", path(&made));
    assert_eq!(post(merchant, &replay, &json!({ "since": since })).await.status, 202);
    deployment.settled().await;
    let ids = |receiver: &Receiver| -> Vec<Value> {
        receiver.hooks().iter().map(|hook| hook.told()["data"]["id"].clone()).collect()
    };
    assert_eq!(ids(&receiver), [json!(payment)]);
    receiver.forget();
    assert_eq!(post(merchant, &replay, &json!({ "since": "2020-01-01T00:00:00Z" })).await.status, 202);
    deployment.settled().await;
    let told = ids(&receiver);
    assert_eq!(told.len(), 2);
    assert!(told.contains(&json!(before)) && told.contains(&json!(payment)));
}

#[tokio::test]
async fn much_is_told_again_part_by_part() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let made = endpoint(merchant, &receiver, json!({})).await;
    for _ in 0..PINGS {
        ping(merchant, &made).await;
    }
    deployment.settled().await;
    receiver.forget();
    sqlx::query("UPDATE webhook_deliveries SET status = 'failed'").execute(&deployment.pool).await.unwrap();
    let replay = format!("{}/replay", path(&made));
    assert_eq!(post(merchant, &replay, &json!({ "missed": true })).await.status, 202);
    deployment.settled().await;
    assert_eq!(receiver.hooks().len(), PINGS);
}
