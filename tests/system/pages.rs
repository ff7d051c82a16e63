//! What people and machines read: the description, its page, and the probes.

use serde_json::Value;
use tests::{Deployment, Service, Settings, eventually};

/// What merchants may ask for.
const PATHS: [&str; 44] = [
    "/api-keys",
    "/api-keys/{id}",
    "/api-keys/{id}/rotate",
    "/cancel-subscription/{id}",
    "/create-subscription",
    "/customers",
    "/customers/{id}",
    "/customers/{id}/payment-methods",
    "/customers/{id}/payment-methods/{method}",
    "/customers/{id}/payment-methods/{method}/default",
    "/events",
    "/events/{id}",
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
    "/test-clock",
    "/test-clock/advance",
    "/update-subscription/{id}",
    "/webhook-endpoints",
    "/webhook-endpoints/{id}",
    "/webhook-endpoints/{id}/deliveries",
    "/webhook-endpoints/{id}/deliveries/{delivery}",
    "/webhook-endpoints/{id}/ping",
    "/webhook-endpoints/{id}/replay",
    "/webhook-endpoints/{id}/rotate-secret",
];

#[tokio::test]
async fn the_description_is_true_and_its_page_loads_nothing_from_elsewhere() {
    let settings = Settings { services: vec![Service::Api], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let merchant = &deployment.merchant;
    let openapi = merchant.get("/openapi.json").await.body;
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut paths: Vec<_> = openapi["paths"].as_object().unwrap().keys().collect();
    paths.sort();
    assert_eq!(paths, PATHS);

    // The example of the description is one that works, and its fields are the fields that there are.
    let schema = &openapi["components"]["schemas"]["ProcessPayment"];
    let answer = merchant.pay("k", &schema["examples"][0]).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let described = openapi["components"]["schemas"]["Payment"]["properties"].as_object().unwrap();
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
    assert!(page.contains("<title>Remit API</title>"), "{page}");
    assert!(page.contains("rmt_test_"), "a key to begin with: {page}");
    let icon = client.get(format!("{}/docs/icon.svg", merchant.url)).send().await.unwrap();
    assert_eq!(
        (icon.status().as_u16(), &icon.headers()["content-type"]),
        (200, &"image/svg+xml".parse().unwrap())
    );
    assert_eq!(openapi["tags"][0]["name"], "Payments");
    let script = client.get(format!("{}/docs/scalar.js", merchant.url)).send().await.unwrap();
    assert_eq!(script.status(), 200);
    assert!(script.bytes().await.unwrap().len() > 100_000);
}

#[tokio::test]
async fn operators_are_told_what_is_away() {
    let deployment = Deployment::start().await;
    let state = async || {
        let (status, text) = deployment.api_tells("/readyz").await;
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    eventually("all is there", async || (state().await.1["broker"] == "ok").then_some(())).await;
    assert_eq!(state().await.0, 200);
    deployment.rabbitmq.cut();
    eventually("the broker is missed, and does not count", async || {
        let (status, states) = state().await;
        assert_eq!(status, 200);
        (states["broker"] != "ok").then_some(())
    })
    .await;
    deployment.postgres.cut();
    eventually("the database is missed, and counts", async || {
        let (status, states) = state().await;
        (status == 503 && states["database"] != "ok").then_some(())
    })
    .await;
    deployment.postgres.heal();
    deployment.rabbitmq.heal();
    eventually("all is there again", async || (state().await.1["broker"] == "ok").then_some(())).await;
    let (_, metrics) = deployment.api_tells("/metrics").await;
    assert!(metrics.contains("http_server_connections{listener=\"public\"}"), "{metrics}");
}

/// Anybody may ask, so there is little to learn.
#[tokio::test]
async fn the_public_is_told_a_word() {
    let deployment = Deployment::api_alone().await;
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let get = async |path: &str| {
        let answer = client.get(format!("{}{path}", deployment.merchant.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for path in ["/readyz", "/readyz?verbose"] {
        assert_eq!(get(path).await, (200, "ready".into()), "{path}");
    }
    assert_eq!(get("/livez").await, (200, "ok".into()));
    assert_eq!(get("/metrics").await.0, 404);
    deployment.postgres.cut();
    eventually("it is not ready", async || (get("/readyz").await == (503, "not ready".into())).then_some(()))
        .await;
    assert_eq!(get("/livez").await.0, 200);
}
