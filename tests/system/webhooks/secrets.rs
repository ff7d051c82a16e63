//! Secrets: shown once, sealed where they are stored, and changed without a gap.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{Deployment, Hook, Receiver};

use super::{endpoint, path, ping, post, stands};

fn is_by(secret: &str, hook: &Hook) -> bool {
    let headers: HeaderMap = hook
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("webhook-"))
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    Webhook::new(secret).unwrap().verify(&hook.body, &headers).is_ok()
}

#[tokio::test]
async fn a_secret_is_changed_without_a_gap() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let made = endpoint(merchant, &receiver, json!({})).await;
    let old = made["secret"].as_str().unwrap();
    let rotate = format!("{}/rotate-secret", path(&made));
    let rotated = post(merchant, &rotate, &json!({ "expires_old_in": 3600 })).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let new = rotated.text("secret");
    assert_ne!(new, old);

    stands(merchant, &ping(merchant, &made).await, "delivered").await;
    let hook = &receiver.hooks()[0];
    assert_eq!(hook.header("webhook-signature").split(' ').count(), 2);
    assert!(is_by(old, hook) && is_by(new, hook));

    deployment.advance(3601).await;
    stands(merchant, &ping(merchant, &made).await, "delivered").await;
    let hook = &receiver.hooks()[1];
    assert!(!is_by(old, hook) && is_by(new, hook));

    // Somebody else knows it: it signs no more, at once.
    let newest = post(merchant, &rotate, &json!({ "expires_old_in": 0 })).await;
    assert_eq!(newest.body["previous_secret_until"], Value::Null);
    stands(merchant, &ping(merchant, &made).await, "delivered").await;
    let hook = &receiver.hooks()[2];
    assert!(!is_by(new, hook) && is_by(newest.text("secret"), hook));
}

#[tokio::test]
async fn a_secret_is_shown_once_and_stored_sealed() {
    let deployment = Deployment::api_alone().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let body = json!({ "url": receiver.url });
    let headers = [("idempotency-key", "once")];
    let first = merchant.send(reqwest::Method::POST, "/webhook-endpoints", &headers, &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    let secret = first.text("secret");
    let again = merchant.send(reqwest::Method::POST, "/webhook-endpoints", &headers, &body).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!((&again.body["id"], again.body.get("secret")), (&first.body["id"], None));
    let shown = merchant.get(&path(&first.body)).await.body;
    assert!(shown.get("secret").is_none());
    let bytes = secret.strip_prefix("whsec_").unwrap();
    assert!(!deployment.dump().await.contains(bytes), "it is nowhere in the database");
}
