//! PayPal's idempotency rules, row by row.

use serde_json::json;

use super::eventually;
use super::paypal::{Shop, order, order_for_payer};

const HOUR: u32 = 3600;
const ORDERS: &str = "/v2/checkout/orders";

#[tokio::test]
async fn a_second_use_executes_nothing_and_shows_the_object() {
    let shop = Shop::start().await;
    let first = shop.pay("vault_ok", "k", "pay_1").await;
    let second = shop.pay("vault_ok", "k", "pay_1").await;
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.body, second.body);
    assert_eq!(shop.server.charges("pay_1").await.len(), 1);
    assert_eq!(shop.server.outcomes("pay_1").await, ["201", "replayed 200"]);
}

#[tokio::test]
async fn a_repetition_shows_the_latest_status_and_not_the_first() {
    let shop = Shop::start().await;
    shop.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    let first = shop.pay("vault_pending_denied", "k", "pay_1").await;
    assert_eq!(first.capture_status(), "PENDING");
    shop.advance(HOUR).await;
    let second = shop.pay("vault_pending_denied", "k", "pay_1").await;
    assert_eq!((second.status, second.capture_status()), (200, "DECLINED"));
    let capture = shop.paid("vault_ok", "pay_2").await;
    shop.refund(&capture, "r", json!({})).await;
    let third = shop.pay("vault_ok", "pay_2", "pay_2").await;
    assert_eq!(third.capture_status(), "REFUNDED");
}

#[tokio::test]
async fn captures_voids_and_refunds_are_repeated_too() {
    let shop = Shop::start().await;
    let created = shop.post(ORDERS, Some("create"), order_for_payer("pay_1")).await;
    shop.approve(created.id(), json!({})).await;
    let authorization = shop.authorize("vault_ok", "pay_2").await;
    let voided = shop.authorize("vault_ok", "pay_3").await;
    let capture = shop.paid("vault_ok", "pay_4").await;
    for path in [
        format!("{ORDERS}/{}/capture", created.id()),
        format!("/v2/payments/authorizations/{authorization}/capture"),
        format!("/v2/payments/captures/{capture}/refund"),
    ] {
        let first = shop.post(&path, Some(&path), json!({})).await;
        let second = shop.post(&path, Some(&path), json!({})).await;
        assert_eq!((first.status, second.status), (201, 200), "{path}");
        assert_eq!(first.body, second.body);
    }
    let path = format!("/v2/payments/authorizations/{voided}/void");
    for _ in 0..2 {
        let request = shop.request(reqwest::Method::POST, &path, Some("void"));
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }
    assert_eq!(shop.server.charges("pay_1").await.len(), 1);
    let refunds = shop.server.get("/books?reference=pay_4").await.body["refunds"].clone();
    assert_eq!(refunds.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_payment_source_needs_a_request_id() {
    let shop = Shop::start().await;
    for body in [order("vault_ok", "pay_1"), order_for_payer("pay_1")] {
        let refused = shop.post(ORDERS, None, body).await;
        assert_eq!((refused.status, refused.issue()), (400, "PAYPAL_REQUEST_ID_REQUIRED"));
    }
    let too_long = shop.pay("vault_ok", &"k".repeat(109), "pay_1").await;
    assert_eq!(too_long.status, 400);
    assert!(shop.server.charges("pay_1").await.is_empty());
}

#[tokio::test]
async fn without_a_request_id_money_goes_back_twice() {
    let shop = Shop::start().await;
    let capture = shop.paid("vault_ok", "pay_1").await;
    let path = format!("/v2/payments/captures/{capture}/refund");
    let body = json!({"amount": {"currency_code": "EUR", "value": "1.00"}});
    shop.post(&path, None, body.clone()).await;
    shop.post(&path, None, body).await;
    assert_eq!(shop.server.charges("pay_1").await[0]["refunded"], 200);
}

#[tokio::test]
async fn a_refused_request_leaves_its_id_free() {
    let shop = Shop::start().await;
    let refused = shop.pay("vault_issue_PAYER_CANNOT_PAY", "k", "pay_1").await;
    assert_eq!(refused.status, 422);
    assert_eq!(shop.pay("vault_ok", "k", "pay_1").await.status, 201);
}

#[tokio::test]
async fn an_id_cannot_be_used_for_something_else() {
    let shop = Shop::start().await;
    let paid = shop.pay("vault_ok", "k", "pay_1").await;
    for (path, body) in [
        (ORDERS.to_owned(), order("vault_ok", "pay_2")),
        (format!("{ORDERS}/{}/capture", paid.id()), json!({})),
    ] {
        let reused = shop.post(&path, Some("k"), body).await;
        assert_eq!((reused.status, &reused.body["name"]), (400, &json!("DUPLICATE_REQUEST_ID")));
    }
    let capture = paid.capture()["id"].as_str().unwrap();
    assert_eq!(shop.refund(capture, "k", json!({})).await.status, 201, "Payments has ids of its own");
}

#[tokio::test]
async fn orders_forget_after_six_hours_and_payments_after_45_days() {
    let shop = Shop::start().await;
    let body = |id: &str| {
        let mut body = order("vault_ok", "pay_1");
        body["purchase_units"][0]["invoice_id"] = json!(id);
        body
    };
    shop.post(ORDERS, Some("k"), body("i")).await;
    let capture = shop.paid("vault_ok", "pay_2").await;
    let refund = json!({"amount": {"currency_code": "EUR", "value": "1.00"}});
    shop.refund(&capture, "r", refund.clone()).await;
    shop.advance(6 * HOUR - 60).await;
    assert_eq!(shop.post(ORDERS, Some("k"), body("i")).await.status, 200);
    shop.advance(60).await;
    let guarded = shop.post(ORDERS, Some("k"), body("i")).await;
    assert_eq!(guarded.issue(), "DUPLICATE_INVOICE_ID", "the invoice is the second guard");
    assert_eq!(shop.post(ORDERS, Some("k"), body("j")).await.status, 201);
    assert_eq!(shop.server.charges("pay_1").await.len(), 2, "the books convict whoever repeats too late");
    shop.advance(44 * 24 * HOUR).await;
    let shop = shop.with_new_token().await;
    assert_eq!(shop.refund(&capture, "r", refund.clone()).await.status, 200);
    shop.advance(24 * HOUR).await;
    let shop = shop.with_new_token().await;
    assert_eq!(shop.refund(&capture, "r", refund).await.status, 201);
}

#[tokio::test]
async fn each_client_has_its_own_ids() {
    let shop = Shop::start().await;
    shop.pay("vault_ok", "k", "pay_1").await;
    let token = super::paypal::ask_for_token(&shop.server, "test_other", "test_secret").await;
    let url = format!("{}{ORDERS}", shop.server.url);
    let request = shop.server.client.post(url).header("paypal-request-id", "k");
    let request = request.bearer_auth(token.body["access_token"].as_str().unwrap());
    let answer = request.json(&order("vault_ok", "pay_2")).send().await.unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn an_id_in_use_is_a_conflict_until_its_request_ends() {
    let shop = Shop::start().await;
    for (token, charged_at_once) in
        [("vault_sandbox_slow_after_1500", 1), ("vault_sandbox_slow_before_1500", 0)]
    {
        let running = shop.pay_in_background(token, token, token);
        eventually("it runs", async || shop.server.outcomes(token).await == ["running"]).await;
        eventually("its id is in use", async || shop.pay(token, token, token).await.status == 409).await;
        assert_eq!(shop.server.charges(token).await.len(), charged_at_once, "{token}");
        let conflict = shop.pay(token, token, token).await;
        assert_eq!(conflict.body["name"], "RESOURCE_CONFLICT");
        assert_eq!(conflict.issue(), "PREVIOUS_REQUEST_IN_PROGRESS");
        assert_eq!(running.await.unwrap().unwrap().status(), 201);
        assert_eq!(shop.pay(token, token, token).await.status, 200);
        assert_eq!(shop.server.charges(token).await.len(), 1, "{token}");
    }
}

#[tokio::test]
async fn an_object_at_work_is_a_conflict_under_any_id() {
    let shop = Shop::start().await;
    let authorization = shop.authorize("vault_sandbox_capture_slow_before_1500", "pay_1").await;
    let path = format!("/v2/payments/authorizations/{authorization}/capture");
    let request = shop.request(reqwest::Method::POST, &path, Some("a")).json(&json!({}));
    let running = tokio::spawn(request.send());
    let void = format!("/v2/payments/authorizations/{authorization}/void");
    eventually("it is at work", async || shop.server.outcomes("pay_1").await.contains(&"running".to_owned()))
        .await;
    let conflict = shop.post(&void, Some("b"), json!({})).await;
    assert_eq!((conflict.status, conflict.issue()), (409, "PREVIOUS_REQUEST_IN_PROGRESS"));
    assert_eq!(running.await.unwrap().unwrap().status(), 201);
    assert_eq!(shop.post(&void, Some("b"), json!({})).await.issue(), "PREVIOUSLY_CAPTURED");

    let created = shop.post(ORDERS, Some("c"), order_for_payer("pay_2")).await;
    shop.approve(created.id(), json!({})).await;
    let path = format!("{ORDERS}/{}/capture", created.id());
    let rule = json!([{"fault": "slow_before_1500", "count": 1, "match": {"path_prefix": path}}]);
    shop.control("faults", rule).await;
    let request = shop.request(reqwest::Method::POST, &path, Some("d")).json(&json!({}));
    let running = tokio::spawn(request.send());
    eventually("it is at work", async || shop.server.outcomes("pay_2").await.contains(&"running".to_owned()))
        .await;
    let conflict = shop.post(&path, Some("e"), json!({})).await;
    assert_eq!((conflict.status, conflict.issue()), (422, "ORDER_COMPLETION_IN_PROGRESS"));
    assert_eq!(running.await.unwrap().unwrap().status(), 201);
    assert_eq!(shop.server.charges("pay_2").await.len(), 1);
}
