//! Every fault, by vault id and by rule: what the caller sees, and what really happened. And what is
//! left of it all after `kill -9`.

use serde_json::{Value, json};

use super::eventually;
use super::paypal::{Shop, order_for_payer};

const ORDERS: &str = "/v2/checkout/orders";

#[tokio::test]
async fn a_lost_answer_hides_whether_money_moved() {
    let shop = Shop::start().await;
    for (token, charged, status) in
        [("vault_sandbox_drop_before", 0, 201), ("vault_sandbox_drop_after", 1, 200)]
    {
        assert!(shop.pay_in_background(token, token, token).await.unwrap().is_err());
        assert_eq!(shop.server.outcomes(token).await, ["dropped"]);
        assert_eq!(shop.server.charges(token).await.len(), charged, "{token}");
        assert_eq!(shop.pay(token, token, token).await.status, status, "{token}");
        assert_eq!(shop.server.charges(token).await.len(), 1, "{token}");
    }
    for (token, charged, status) in
        [("vault_sandbox_timeout_before", 0, 201), ("vault_sandbox_timeout_after", 1, 200)]
    {
        let held = shop.pay_in_background(token, token, token);
        eventually("it is held", async || shop.server.outcomes(token).await == ["held"]).await;
        assert_eq!(shop.server.charges(token).await.len(), charged, "{token}");
        held.abort();
        assert_eq!(shop.pay(token, token, token).await.status, status, "{token}");
        assert_eq!(shop.server.charges(token).await.len(), 1, "{token}");
    }
}

#[tokio::test]
async fn a_500_is_not_kept() {
    let shop = Shop::start().await;
    for (token, charged, status) in
        [("vault_sandbox_500_before", 0, 201), ("vault_sandbox_500_after", 1, 200)]
    {
        let first = shop.pay(token, token, token).await;
        assert_eq!((first.status, &first.body["name"]), (500, &json!("INTERNAL_SERVER_ERROR")));
        assert_eq!(shop.server.charges(token).await.len(), charged, "{token}");
        let second = shop.pay(token, token, token).await;
        assert_eq!((second.status, second.capture_status()), (status, "COMPLETED"), "{token}");
        assert_eq!(shop.server.charges(token).await.len(), 1, "{token}");
    }
}

#[tokio::test]
async fn refusals_without_running_leave_the_id_free() {
    let shop = Shop::start().await;
    for (token, status, name) in [
        ("vault_sandbox_429_once", 429, "RATE_LIMIT_REACHED"),
        ("vault_sandbox_503_once", 503, "SERVICE_UNAVAILABLE"),
        ("vault_sandbox_409_once", 409, "RESOURCE_CONFLICT"),
        ("vault_sandbox_403_once", 403, "NOT_AUTHORIZED"),
        ("vault_sandbox_424_once", 424, "GATEWAY_FAILURE"),
        ("vault_sandbox_502_once", 502, "GATEWAY_FAILURE"),
        ("vault_sandbox_504_once", 504, "GATEWAY_FAILURE"),
    ] {
        let first = shop.pay(token, token, token).await;
        assert_eq!((first.status, &first.body["name"]), (status, &json!(name)));
        assert!(shop.server.charges(token).await.is_empty());
        assert_eq!(shop.pay(token, token, token).await.status, 201);
    }
}

#[tokio::test]
async fn a_token_strikes_the_operation_it_names() {
    let shop = Shop::start().await;
    let authorization = shop.authorize("vault_sandbox_capture_503_once", "pay_1").await;
    let path = format!("/v2/payments/authorizations/{authorization}/capture");
    assert_eq!(shop.post(&path, Some("c"), json!({})).await.status, 503);
    assert_eq!(shop.post(&path, Some("c"), json!({})).await.status, 201);

    let authorization = shop.authorize("vault_sandbox_cancel_500_after", "pay_2").await;
    let path = format!("/v2/payments/authorizations/{authorization}/void");
    assert_eq!(shop.post(&path, Some("v"), json!({})).await.status, 500);
    assert_eq!(shop.server.charges("pay_2").await[0]["status"], "released");
    assert_eq!(shop.post(&path, Some("v"), json!({})).await.body["status"], "VOIDED");

    let capture = shop.paid("vault_sandbox_refund_500_after", "pay_3").await;
    assert_eq!(shop.refund(&capture, "r", json!({})).await.status, 500);
    assert_eq!(shop.server.charges("pay_3").await[0]["refunded"], 1099);
    let again = shop.refund(&capture, "r", json!({})).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("COMPLETED")));

    let created = shop.post(ORDERS, Some("k"), order_for_payer("pay_4")).await;
    shop.approve(created.id(), json!({"instrument": "vault_sandbox_503_once"})).await;
    let path = format!("{ORDERS}/{}/capture", created.id());
    assert_eq!(shop.post(&path, Some("c"), json!({})).await.status, 503);
    assert_eq!(shop.post(&path, Some("c"), json!({})).await.status, 201);
}

#[tokio::test]
async fn rules_strike_what_they_match() {
    let shop = Shop::start().await;
    let rules = json!([
        {"fault": "503", "count": 1, "match": {"reference": "pay_1"}},
        {"fault": "429", "count": 1, "match": {"path_prefix": "/v1/oauth2/token"}},
        {"fault": "429", "count": 1, "match": {"token": "vault_ok", "path_prefix": "/v2/payments/captures/"}},
    ]);
    assert_eq!(shop.control("faults", rules).await.status, 200);
    assert_eq!(shop.pay("vault_ok", "a", "pay_1").await.status, 503);
    let capture = shop.paid("vault_ok", "pay_1").await;
    assert_eq!(shop.refund(&capture, "r", json!({})).await.status, 429);
    assert_eq!(shop.refund(&capture, "r", json!({})).await.status, 201);
    let token = super::paypal::ask_for_token(&shop.server, "test", "test").await;
    assert_eq!(token.status, 429);
    shop.control("down", json!({"down": true})).await;
    assert_eq!(shop.pay("vault_ok", "b", "pay_2").await.status, 503);
    assert_eq!(super::paypal::ask_for_token(&shop.server, "test", "test").await.status, 503);
}

#[tokio::test]
async fn everything_survives_a_kill() {
    let shop = Shop::start().await;
    shop.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    let paid = shop.pay("vault_ok", "a", "pay_1").await;
    let capture = paid.capture()["id"].as_str().unwrap();
    shop.refund(capture, "r", json!({"custom_id": "ref_1"})).await;
    let authorization = shop.authorize("vault_ok", "pay_2").await;
    let pending = shop.pay("vault_pending", "p", "pay_3").await;
    assert_eq!(shop.pay("vault_sandbox_503_once", "f", "pay_4").await.status, 503);
    let books = shop.server.get("/books").await.body;
    let order = shop.get(&format!("{ORDERS}/{}", paid.id())).await.body;
    let old_url = shop.server.url.clone();

    let torn = r#"[{"books":{"reference":"pay_9","gateway":"paypal","id":"X","#;
    let shop = shop.killed_and_restarted(torn).await;
    assert_eq!(shop.server.get("/books").await.body, books);
    // It listens elsewhere now, and its links say so.
    let order = order.to_string().replace(&old_url, &shop.server.url);
    let order: Value = serde_json::from_str(&order).unwrap();
    assert_eq!(shop.get(&format!("{ORDERS}/{}", paid.id())).await.body, order, "the access token is alive");
    let again = shop.pay("vault_ok", "a", "pay_1").await;
    assert_eq!((again.status, &again.body), (200, &order));
    assert_eq!(shop.refund(capture, "r", json!({"custom_id": "ref_1"})).await.status, 200);
    let path = format!("/v2/payments/authorizations/{authorization}/capture");
    assert_eq!(shop.post(&path, Some("c"), json!({})).await.status, 201);
    assert_eq!(shop.pay("vault_sandbox_503_once", "f", "pay_4").await.status, 201);
    shop.advance(3600).await;
    let ended = shop.get(&format!("{ORDERS}/{}", pending.id())).await;
    assert_eq!(ended.capture_status(), "COMPLETED");
}
