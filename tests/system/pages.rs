//! What people and machines read: the description, its page, and the probes.

use reqwest::Method;
use serde_json::Value;
use tests::{Deployment, Service, Settings, eventually};

#[tokio::test]
async fn the_description_is_true_and_its_page_loads_nothing_from_elsewhere() {
    let settings = Settings { services: vec![Service::Api], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let merchant = &deployment.merchant;
    let openapi = merchant.get("/openapi.json").await.body;
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut paths: Vec<_> = openapi["paths"].as_object().unwrap().keys().collect();
    paths.sort();
    let expected = [
        "/cancel-subscription/{id}",
        "/create-subscription",
        "/customers",
        "/customers/{id}",
        "/customers/{id}/payment-methods",
        "/customers/{id}/payment-methods/{method}",
        "/customers/{id}/payment-methods/{method}/default",
        "/invoices",
        "/invoices/{id}",
        "/invoices/{id}/html",
        "/invoices/{id}/mark-uncollectible",
        "/invoices/{id}/pay",
        "/invoices/{id}/void",
        "/payments",
        "/payments/{id}",
        "/payments/{id}/cancel",
        "/payments/{id}/capture",
        "/plans",
        "/plans/{id}",
        "/process-payment",
        "/refund-payment",
        "/refunds",
        "/refunds/{id}",
        "/reports/subscriptions",
        "/subscriptions",
        "/subscriptions/{id}",
        "/subscriptions/{id}/pause",
        "/subscriptions/{id}/preview",
        "/subscriptions/{id}/resume",
        "/test-clock/advance",
        "/update-subscription/{id}",
    ];
    assert_eq!(paths, expected);

    // The example of the description is one that works, and its fields are the fields that there are.
    let schema = &openapi["components"]["schemas"]["ProcessPayment"];
    let answer = merchant.pay("k", &schema["example"]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let described = openapi["components"]["schemas"]["PaymentView"]["properties"].as_object().unwrap();
    let mut described: Vec<_> = described.keys().collect();
    let mut answered: Vec<_> = answer.body.as_object().unwrap().keys().collect();
    described.sort();
    answered.sort();
    assert_eq!(described, answered);

    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let page = client.get(format!("{}/docs", merchant.url)).send().await.unwrap().text().await.unwrap();
    for line in page.lines().filter(|line| line.contains("src=") || line.contains("<link")) {
        assert!(!line.contains("//"), "loads from elsewhere: {line}");
    }
    let script = client.get(format!("{}/docs/scalar.js", merchant.url)).send().await.unwrap();
    assert_eq!(script.status(), 200);
    assert!(script.bytes().await.unwrap().len() > 100_000);
}

#[tokio::test]
async fn probes_tell_what_is_away() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let state = async || merchant.send(Method::GET, "/readyz?verbose", &[], &Value::Null).await;
    eventually("all is there", || async {
        let answer = state().await;
        (answer.status == 200 && answer.text("broker") == "ok").then_some(())
    })
    .await;
    deployment.rabbitmq.cut();
    eventually("the broker is missed, and does not count", || async {
        let answer = state().await;
        assert_eq!(answer.status, 200);
        (answer.text("broker") != "ok").then_some(())
    })
    .await;
    deployment.postgres.cut();
    let answer = state().await;
    assert_eq!(answer.status, 503);
    assert_ne!(answer.text("database"), "ok");
    assert_eq!(merchant.get("/livez").await.status, 200);
    deployment.postgres.heal();
    deployment.rabbitmq.heal();
    eventually("all is there again", || async { (state().await.text("broker") == "ok").then_some(()) }).await;
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let metrics = client.get(format!("{}/metrics", merchant.url)).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("http_server_request_duration_seconds_bucket"), "{metrics}");
}
