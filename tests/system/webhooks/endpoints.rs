//! Endpoints, as merchants make and change them.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Receiver, Service, Settings, ids};

use super::{endpoint, path, ping, post};

#[tokio::test]
async fn an_endpoint_of_another_merchant_is_not_there() {
    let deployment = Deployment::api_alone().await;
    let (ours, theirs) = (&deployment.merchant, deployment.new_merchant("Rival").await);
    let receiver = Receiver::start().await;
    let made = endpoint(ours, &receiver, json!({})).await;
    let delivery = ping(ours, &made).await;
    let path = path(&made);
    for (method, path, body) in [
        (Method::GET, path.clone(), Value::Null),
        (Method::PUT, path.clone(), json!({ "enabled": false })),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::POST, format!("{path}/ping"), Value::Null),
        (Method::POST, format!("{path}/rotate-secret"), Value::Null),
        (Method::POST, format!("{path}/replay"), json!({ "missed": true })),
        (Method::GET, format!("{path}/deliveries"), Value::Null),
        (Method::GET, delivery, Value::Null),
    ] {
        let answer = theirs.send(method.clone(), &path, &[], &body).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    assert_eq!(ids(&theirs.get("/webhook-endpoints").await.body), [] as [&str; 0]);
    assert_eq!(ids(&ours.get("/webhook-endpoints").await.body), [made["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn an_endpoint_is_changed_and_deleted() {
    let deployment = Deployment::api_alone().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    let made = endpoint(merchant, &receiver, json!({ "description": "The shop" })).await;
    assert_eq!(
        (&made["types"], &made["payload"], &made["order"]),
        (&Value::Null, &json!("full"), &json!("any"))
    );
    let path = path(&made);
    let put = async |body: Value| merchant.send(Method::PUT, &path, &[], &body).await;
    let change = json!({
        "url": "https://shop.example/hooks", "types": ["refund.failed"], "payload": "thin", "order": "per_object",
        "description": null,
    });
    let changed = put(change.clone()).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&changed.body[name], value, "{name}");
    }
    assert_eq!(put(change).await.body, changed.body, "asked again, nothing changes");
    assert_eq!(put(json!({ "types": null })).await.body["types"], Value::Null);
    let disabled = put(json!({ "enabled": false })).await.body;
    assert_eq!((&disabled["status"], &disabled["disabled_reason"]), (&json!("disabled"), &json!("merchant")));
    for body in [
        json!({}),
        json!({ "types": [] }),
        json!({ "types": ["payment.paid"] }),
        json!({ "url": "ftp://x.example" }),
    ] {
        assert_eq!(put(body.clone()).await.status, 422, "{body}");
    }
    assert_eq!(merchant.send(Method::DELETE, &path, &[], &Value::Null).await.status, 204);
    assert_eq!(merchant.get(&path).await.status, 404);
    assert_eq!(merchant.send(Method::DELETE, &path, &[], &Value::Null).await.status, 404);
}

#[tokio::test]
async fn there_are_so_many_endpoints_and_no_more() {
    let deployment = Deployment::api_alone().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    for _ in 0..16 {
        endpoint(merchant, &receiver, json!({ "types": ["payment.failed"] })).await;
    }
    let refused = post(merchant, "/webhook-endpoints", &json!({ "url": receiver.url })).await;
    assert_eq!((refused.status, refused.text("code")), (409, "too-many-webhook-endpoints"));
}

#[tokio::test]
async fn outside_of_development_an_endpoint_is_out_there() {
    let services = Vec::new();
    let mut deployment = Deployment::start_with(Settings { services, ..Settings::default() }).await;
    deployment.unset("REMIT_WEBHOOK_ALLOW_PRIVATE");
    deployment.run(Service::Api).await;
    let merchant = deployment.new_merchant("Outside").await;
    let refused = async |url: &str, why: &str| {
        let answer = post(&merchant, "/webhook-endpoints", &json!({ "url": url })).await;
        assert_eq!(answer.status, 422, "{url}: {answer:?}");
        let detail = answer.body["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(why), "{url}: {detail}");
    };
    refused("http://shop.example/", "must be https").await;
    refused("https://127.0.0.1/", "reachable from everywhere").await;
    refused("https://169.254.169.254/latest/meta-data", "reachable from everywhere").await;
    refused("https://[::1]/", "reachable from everywhere").await;
    refused("https://shop.example:5432/", "443, 8443").await;
    refused("https://me:secret@shop.example/", "must not name a user").await;
    refused("https://shop.example/#top", "fragment").await;
    let taken =
        post(&merchant, "/webhook-endpoints", &json!({ "url": "https://shop.example:8443/hooks" })).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    let live = [("REMIT_MODE", "live"), ("REMIT_WEBHOOK_ALLOW_PRIVATE", "true")];
    let said = deployment.refusal_with(Service::Api, &live).await;
    assert!(
        said.contains("REMIT_WEBHOOK_ALLOW_PRIVATE lets merchants have our own network called"),
        "{said}"
    );
}
