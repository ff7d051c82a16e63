//! Authorizations, captures and refunds.

use serde_json::{Value, json};

use super::paypal::{Shop, order};

const DAY: u32 = 24 * 3600;

fn eur(value: &str) -> Value {
    json!({"currency_code": "EUR", "value": value})
}

fn capture_path(authorization: &str) -> String {
    format!("/v2/payments/authorizations/{authorization}/capture")
}

#[tokio::test]
async fn reserved_money_is_taken_later() {
    let shop = Shop::start().await;
    let authorization = shop.authorize("vault_ok", "pay_1").await;
    let reserved = &shop.server.charges("pay_1").await[0];
    assert_eq!(
        (&reserved["status"], &reserved["captured"], &reserved["fee"]),
        (&json!("authorized"), &json!(0), &json!(0))
    );
    let captured = shop.post(&capture_path(&authorization), Some("c"), json!({})).await;
    assert_eq!((captured.status, &captured.body["status"]), (201, &json!("COMPLETED")));
    assert_eq!(captured.body["custom_id"], "pay_1");
    let charges = shop.server.charges("pay_1").await;
    assert_eq!(charges.len(), 1, "one payment, one movement");
    assert_eq!((&charges[0]["captured"], &charges[0]["fee"]), (&json!(1099), &json!(87)));
    let shown = shop.get(&format!("/v2/payments/authorizations/{authorization}")).await;
    assert_eq!(shown.body["status"], "CAPTURED");
    let order = shown.body["supplementary_data"]["related_ids"]["order_id"].as_str().unwrap();
    let order = shop.get(&format!("/v2/checkout/orders/{order}")).await;
    assert_eq!(order.capture()["id"], captured.body["id"]);
    assert_eq!(captured.body["supplementary_data"]["related_ids"]["authorization_id"], authorization);
    assert!(order.capture().get("supplementary_data").is_none(), "within its order it need not be said");
    let again = shop.post(&capture_path(&authorization), Some("d"), json!({})).await;
    assert_eq!((again.status, again.issue()), (422, "AUTHORIZATION_ALREADY_CAPTURED"));
    let path = format!("/v2/payments/authorizations/{authorization}/void");
    assert_eq!(shop.post(&path, Some("v"), json!({})).await.issue(), "PREVIOUSLY_CAPTURED");
}

#[tokio::test]
async fn a_part_is_taken_and_the_rest_stays_or_goes() {
    let shop = Shop::start().await;
    let authorization = shop.authorize("vault_ok", "pay_1").await;
    let path = capture_path(&authorization);
    let too_much = shop.post(&path, Some("a"), json!({"amount": eur("12.64")})).await;
    assert_eq!(too_much.issue(), "MAX_CAPTURE_AMOUNT_EXCEEDED");
    let wrong = json!({"amount": {"currency_code": "USD", "value": "1.00"}});
    assert_eq!(shop.post(&path, Some("a"), wrong).await.issue(), "AUTH_CAPTURE_CURRENCY_MISMATCH");
    let part = shop.post(&path, Some("a"), json!({"amount": eur("4.00")})).await;
    assert_eq!(part.body["amount"]["value"], "4.00");
    let shown = shop.get(&format!("/v2/payments/authorizations/{authorization}")).await;
    assert_eq!(shown.body["status"], "PARTIALLY_CAPTURED");
    let last = json!({"amount": eur("1.00"), "final_capture": true, "invoice_id": "second"});
    assert_eq!(shop.post(&path, Some("b"), last).await.status, 201);
    let shown = shop.get(&format!("/v2/payments/authorizations/{authorization}")).await;
    assert_eq!(shown.body["status"], "CAPTURED");
    let taken: Vec<i64> = shop
        .server
        .charges("pay_1")
        .await
        .iter()
        .map(|charge| charge["captured"].as_i64().unwrap())
        .collect();
    assert_eq!(taken, [400, 100]);
}

#[tokio::test]
async fn an_invoice_is_captured_once() {
    let shop = Shop::start().await;
    let first = shop.authorize("vault_ok", "pay_1").await;
    let second = shop.authorize("vault_ok", "pay_2").await;
    let body = json!({"invoice_id": "bill-7"});
    assert_eq!(shop.post(&capture_path(&first), Some("a"), body.clone()).await.status, 201);
    let again = shop.post(&capture_path(&second), Some("b"), body).await;
    assert_eq!((again.status, again.issue()), (422, "DUPLICATE_INVOICE_ID"));
}

#[tokio::test]
async fn reserved_money_is_let_go() {
    let shop = Shop::start().await;
    let authorization = shop.authorize("vault_ok", "pay_1").await;
    let path = format!("/v2/payments/authorizations/{authorization}/void");
    let request = shop.request(reqwest::Method::POST, &path, Some("v"));
    let quiet = request.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(quiet.status(), 204);
    assert_eq!(quiet.bytes().await.unwrap().len(), 0);
    assert_eq!(shop.server.charges("pay_1").await[0]["status"], "released");
    assert_eq!(shop.post(&path, Some("w"), json!({})).await.issue(), "PREVIOUSLY_VOIDED");
    assert_eq!(
        shop.post(&capture_path(&authorization), Some("c"), json!({})).await.issue(),
        "AUTHORIZATION_VOIDED"
    );
    let other = shop.authorize("vault_ok", "pay_2").await;
    let shown = shop.post(&format!("/v2/payments/authorizations/{other}/void"), Some("x"), json!({})).await;
    assert_eq!((shown.status, &shown.body["status"]), (200, &json!("VOIDED")));
}

#[tokio::test]
async fn an_authorization_lives_for_29_days() {
    let shop = Shop::start().await;
    let (taken, expired) =
        (shop.authorize("vault_ok", "pay_1").await, shop.authorize("vault_ok", "pay_2").await);
    shop.advance(29 * DAY - 60).await;
    let shop = shop.with_new_token().await;
    assert_eq!(shop.post(&capture_path(&taken), Some("c"), json!({})).await.status, 201);
    shop.advance(60).await;
    assert_eq!(shop.server.charges("pay_2").await[0]["status"], "released");
    let late = shop.post(&capture_path(&expired), Some("d"), json!({})).await;
    assert_eq!((late.status, late.issue()), (422, "AUTHORIZATION_EXPIRED"));
}

#[tokio::test]
async fn a_denied_authorization_reserves_nothing() {
    let shop = Shop::start().await;
    let mut body = order("vault_declined", "pay_1");
    body["intent"] = json!("AUTHORIZE");
    let denied = shop.post("/v2/checkout/orders", Some("k"), body).await;
    let authorization = &denied.body["purchase_units"][0]["payments"]["authorizations"][0];
    assert_eq!((denied.status, &authorization["status"]), (201, &json!("DENIED")));
    assert!(shop.server.charges("pay_1").await.is_empty());
    let path = capture_path(authorization["id"].as_str().unwrap());
    assert_eq!(shop.post(&path, Some("c"), json!({})).await.issue(), "AUTHORIZATION_DENIED");
}

#[tokio::test]
async fn a_capture_can_be_refused_after_a_good_authorization() {
    let shop = Shop::start().await;
    let authorization = shop.authorize("vault_capture_issue_PAYER_CANNOT_PAY", "pay_1").await;
    let refused = shop.post(&capture_path(&authorization), Some("c"), json!({})).await;
    assert_eq!((refused.status, refused.issue()), (422, "PAYER_CANNOT_PAY"));
    assert_eq!(shop.server.charges("pay_1").await[0]["captured"], 0);
}

#[tokio::test]
async fn a_pending_capture_ends_later() {
    let shop = Shop::start().await;
    shop.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    for (token, status, charges) in
        [("vault_pending", "COMPLETED", 1), ("vault_pending_denied", "DECLINED", 0)]
    {
        let pending = shop.pay(token, token, token).await;
        assert_eq!((pending.status, pending.capture_status()), (201, "PENDING"));
        assert_eq!(pending.capture()["status_details"]["reason"], "PENDING_REVIEW");
        assert!(shop.server.charges(token).await.is_empty());
        let capture = pending.capture()["id"].as_str().unwrap();
        assert_eq!(shop.refund(capture, "r", json!({})).await.issue(), "PENDING_CAPTURE");
        shop.advance(3600).await;
        let ended = shop.get(&format!("/v2/payments/captures/{capture}")).await;
        assert_eq!(ended.body["status"], status);
        assert_eq!(shop.server.charges(token).await.len(), charges);
    }
}

#[tokio::test]
async fn what_is_pending_can_be_settled_by_hand() {
    let shop = Shop::start().await;
    shop.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    shop.pay("vault_pending", "a", "pay_1").await;
    shop.pay("vault_pending", "b", "pay_2").await;
    let authorization = shop.authorize("vault_pending", "pay_3").await;
    shop.post(&capture_path(&authorization), Some("c"), json!({})).await;
    assert_eq!(shop.server.charges("pay_3").await[0]["status"], "authorized");
    let settle = async |body| shop.control("settle", body).await.body["settled"].clone();
    assert_eq!(settle(json!({"reference": "pay_1"})).await, 1);
    assert_eq!(shop.server.charges("pay_1").await[0]["captured"], 1099);
    assert_eq!(settle(json!({"all": true, "outcome": "failed"})).await, 2);
    assert!(shop.server.charges("pay_2").await.is_empty());
    assert_eq!(shop.server.charges("pay_3").await[0]["status"], "released");
    assert_eq!(settle(json!({"all": true})).await, 0, "nothing ends twice");
}

#[tokio::test]
async fn money_goes_back_in_parts_and_never_more_than_came() {
    let shop = Shop::start().await;
    let capture = shop.paid("vault_ok", "pay_1").await;
    let part =
        json!({"amount": eur("4.00"), "custom_id": "ref_1", "invoice_id": "ri-1", "note_to_payer": "Sorry"});
    let first = shop.refund(&capture, "r1", part).await;
    assert_eq!((first.status, &first.body["status"]), (201, &json!("COMPLETED")));
    let breakdown = &first.body["seller_payable_breakdown"];
    assert_eq!(
        (&breakdown["paypal_fee"]["value"], &breakdown["net_amount"]["value"]),
        (&json!("0.00"), &json!("4.00"))
    );
    let shown = async || shop.get(&format!("/v2/payments/captures/{capture}")).await.body["status"].clone();
    assert_eq!(shown().await, "PARTIALLY_REFUNDED");
    let too_much = shop.refund(&capture, "r2", json!({"amount": eur("7.00")})).await;
    assert_eq!((too_much.status, too_much.issue()), (422, "REFUND_AMOUNT_EXCEEDED"));
    let dollars = json!({"amount": {"currency_code": "USD", "value": "1.00"}});
    assert_eq!(shop.refund(&capture, "r2", dollars).await.issue(), "REFUND_CAPTURE_CURRENCY_MISMATCH");
    let same_invoice = json!({"amount": eur("1.00"), "invoice_id": "ri-1"});
    assert_eq!(shop.refund(&capture, "r2", same_invoice).await.issue(), "DUPLICATE_INVOICE_ID");
    let rest = shop.refund(&capture, "r2", json!({})).await;
    assert_eq!(rest.body["amount"]["value"], "6.99", "an empty body is the remainder");
    assert_eq!(rest.body["seller_payable_breakdown"]["total_refunded_amount"]["value"], "10.99");
    assert_eq!(shown().await, "REFUNDED");
    assert_eq!(shop.refund(&capture, "r3", json!({})).await.issue(), "CAPTURE_FULLY_REFUNDED");

    let books = shop.server.get("/books?reference=pay_1").await.body;
    assert_eq!(books["charges"][0]["refunded"], 1099);
    assert_eq!(books["refunds"].as_array().unwrap().len(), 2);
    assert_eq!(books["totals"]["eur"]["net"], -87, "PayPal keeps its fee");
    let own = shop.server.get("/books?reference=ref_1").await.body;
    assert_eq!(
        (&own["refunds"][0]["amount"], &own["refunds"][0]["payment_reference"]),
        (&json!(400), &json!("pay_1"))
    );
    let found = shop.get(&format!("/v2/payments/refunds/{}", first.id())).await;
    assert_eq!((&found.body["custom_id"], &found.body["note_to_payer"]), (&json!("ref_1"), &json!("Sorry")));
}

#[tokio::test]
async fn a_pending_refund_holds_its_money_until_it_ends() {
    let shop = Shop::start().await;
    shop.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    for (token, status, refunded) in
        [("vault_refund_pending", "COMPLETED", 1000), ("vault_refund_failed", "FAILED", 0)]
    {
        let capture = shop.paid(token, token).await;
        let pending = shop.refund(&capture, token, json!({"amount": eur("10.00")})).await;
        assert_eq!((pending.status, &pending.body["status"]), (201, &json!("PENDING")));
        let more = shop.refund(&capture, "more", json!({"amount": eur("1.00")})).await;
        assert_eq!(more.issue(), "REFUND_AMOUNT_EXCEEDED");
        assert_eq!(shop.server.charges(token).await[0]["refunded"], 0);
        shop.advance(3600).await;
        let ended = shop.get(&format!("/v2/payments/refunds/{}", pending.id())).await;
        assert_eq!(ended.body["status"], status);
        assert_eq!(shop.server.charges(token).await[0]["refunded"], refunded);
    }
}

#[tokio::test]
async fn two_pending_refunds_of_one_capture_both_count() {
    let shop = Shop::start().await;
    shop.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    let capture = shop.paid("vault_refund_pending", "pay_1").await;
    shop.refund(&capture, "a", json!({"amount": eur("4.00"), "custom_id": "ref_a"})).await;
    shop.refund(&capture, "b", json!({"amount": eur("5.00"), "custom_id": "ref_b"})).await;
    let one = shop.control("settle", json!({"reference": "ref_a", "outcome": "failed"})).await;
    assert_eq!(one.body["settled"], 1, "a refund is found by its own reference too");
    shop.refund(&capture, "c", json!({"amount": eur("2.00")})).await;
    assert_eq!(shop.control("settle", json!({"reference": "pay_1"})).await.body["settled"], 2);
    let shown = shop.get(&format!("/v2/payments/captures/{capture}")).await;
    assert_eq!(shown.body["status"], "PARTIALLY_REFUNDED");
    assert_eq!(shop.server.charges("pay_1").await[0]["refunded"], 700);
}

#[tokio::test]
async fn refunds_are_refused_for_their_reasons() {
    let shop = Shop::start().await;
    let capture = shop.paid("vault_refund_issue_REFUND_FAILED_INSUFFICIENT_FUNDS", "pay_1").await;
    let refused = shop.refund(&capture, "r", json!({})).await;
    assert_eq!((refused.status, refused.issue()), (422, "REFUND_FAILED_INSUFFICIENT_FUNDS"));
    let declined = shop.pay("vault_declined", "k", "pay_2").await;
    let declined = declined.capture()["id"].as_str().unwrap();
    assert_eq!(shop.refund(declined, "r", json!({})).await.issue(), "REFUND_NOT_ALLOWED");
    let nothing = shop.refund("NONSENSE", "r", json!({})).await;
    assert_eq!((nothing.status, nothing.issue()), (404, "INVALID_RESOURCE_ID"));
    let (early, late) = (shop.paid("vault_ok", "pay_3").await, shop.paid("vault_ok", "pay_4").await);
    shop.advance(180 * DAY - 60).await;
    let shop = shop.with_new_token().await;
    assert_eq!(shop.refund(&early, "r3", json!({})).await.status, 201);
    shop.advance(61).await;
    assert_eq!(shop.refund(&late, "r4", json!({})).await.issue(), "REFUND_TIME_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_pending_refund_may_be_called_off() {
    let shop = Shop::start().await;
    shop.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    let capture = shop.paid("vault_refund_pending", "pay_1").await;
    let refund = shop.refund(&capture, "r", json!({"invoice_id": "inv_1"})).await;
    let settled = shop.control("settle", json!({"reference": "pay_1", "outcome": "canceled"})).await;
    assert_eq!(settled.body["settled"], 1);
    let refund = shop.get(&format!("/v2/payments/refunds/{}", refund.id())).await;
    assert_eq!(refund.body["status"], "CANCELLED");
    assert_eq!(shop.server.charges("pay_1").await[0]["refunded"], 0);
    let again = shop.refund(&capture, "s", json!({"invoice_id": "inv_1"})).await;
    assert_eq!(again.status, 201, "its invoice is free");
}
