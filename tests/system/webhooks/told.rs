//! What is told, to whom, and by what it is known to be ours: the standard's own library checks it.

use reqwest::header::HeaderMap;
use serde_json::json;
use standardwebhooks::Webhook;
use tests::{Deployment, Hook, Receiver, card};

use super::{endpoint, path, ping, stands};

/// Fails where the standard's library does not take it for ours.
pub fn verify(secret: &str, hook: &Hook) {
    let headers: HeaderMap = hook
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("webhook-"))
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    Webhook::new(secret).unwrap().verify(&hook.body, &headers).unwrap();
}

#[tokio::test]
async fn a_payment_is_told_step_by_step_and_signed() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let made = endpoint(merchant, &receiver, json!({ "order": "per_object" })).await;
    let secret = made["secret"].as_str().unwrap();
    let payment = merchant.paid_up("k", &card("49.90", "EUR", "pm_card_visa")).await;
    let hooks = receiver.heard(2).await;
    let digits = payment.strip_prefix("pay_").unwrap();
    for (hook, (sequence, status)) in hooks.iter().zip([(1, "pending"), (2, "succeeded")]) {
        verify(secret, hook);
        let told = hook.told();
        assert_eq!(told["id"], format!("evt_{digits}_{sequence}"));
        assert_eq!(hook.header("webhook-id"), told["id"]);
        assert_eq!(told["sequence"], sequence);
        assert_eq!(told["type"], format!("payment.{status}"));
        assert_eq!(told["data"]["id"], payment.as_str());
        assert_eq!(hook.header("content-type"), "application/json");
    }
    deployment.settled().await;
    let list = merchant.all(&format!("{}/deliveries?status=delivered", path(&made))).await;
    assert_eq!(list.len(), 2);
    let shown =
        merchant.get(&format!("{}/deliveries/{}", path(&made), list[0]["id"].as_str().unwrap())).await;
    let attempt = &shown.body["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["answer"]), (&json!(200), &json!("ok")));
    assert_eq!(receiver.hooks().len(), 2, "nothing else is told");
}

#[tokio::test]
async fn an_endpoint_is_told_of_its_types_alone_and_as_little_as_it_wants() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let besides = json!({ "types": ["payment.succeeded"], "payload": "thin" });
    endpoint(merchant, &receiver, besides).await;
    let payment = merchant.paid_up("k", &card("49.90", "EUR", "pm_card_visa")).await;
    deployment.settled().await;
    let told: Vec<_> = receiver.hooks().iter().map(Hook::told).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["type"], "payment.succeeded");
    assert_eq!(told[0]["data"], json!({ "id": payment, "object": "payment" }));
}

#[tokio::test]
async fn of_an_endpoint_the_others_are_told_and_of_a_ping_it_alone() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    endpoint(merchant, &one, json!({})).await;
    let second = endpoint(merchant, &other, json!({ "types": ["payment.failed"] })).await;
    let delivery = ping(merchant, &second).await;
    stands(merchant, &delivery, "delivered").await;
    deployment.settled().await;
    let types = |receiver: &Receiver| -> Vec<_> {
        receiver.hooks().iter().map(|hook| hook.told()["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&one), ["webhook_endpoint.created"]);
    assert_eq!(types(&other), ["webhook_endpoint.ping"]);
    assert_eq!(one.hooks()[0].told()["data"]["url"], other.url);
    assert!(one.hooks()[0].told()["data"].get("secret").is_none());
    verify(second["secret"].as_str().unwrap(), &other.hooks()[0]);
}
