//! Orders: paid at once with a vault id, or approved by their payer and then captured.

use reqwest::Method;
use serde_json::{Value, json};

use super::paypal::{Shop, ask_for_token, order, order_for_payer};
use super::{Answer, Server, read};

const HOUR: u32 = 3600;
const ORDERS: &str = "/v2/checkout/orders";

fn link<'a>(answer: &'a Answer, rel: &str) -> Option<&'a str> {
    let links = answer.body["links"].as_array().unwrap();
    links.iter().find(|link| link["rel"] == rel).map(|link| link["href"].as_str().unwrap())
}

#[tokio::test]
async fn a_vault_id_pays_in_the_create_call() {
    let shop = Shop::start().await;
    let paid = shop.pay("vault_ok", "k", "pay_1").await;
    assert_eq!((paid.status, &paid.body["status"]), (201, &json!("COMPLETED")));
    let capture = paid.capture();
    assert_eq!(capture["status"], "COMPLETED");
    assert_eq!(capture["seller_receivable_breakdown"]["paypal_fee"]["value"], "0.87");
    assert_eq!(capture["seller_receivable_breakdown"]["net_amount"]["value"], "10.12");
    let charges = shop.server.charges("pay_1").await;
    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0]["gateway"], "paypal");
    assert_eq!((&charges[0]["captured"], &charges[0]["fee"]), (&json!(1099), &json!(87)));
    assert_eq!(charges[0]["currency"], "eur");
    let shown = shop.get(&format!("{ORDERS}/{}", paid.id())).await;
    assert_eq!(shown.body, paid.body);
    assert_eq!(shop.server.outcomes("pay_1").await, ["201", "200"]);
}

#[tokio::test]
async fn little_is_shown_unless_more_is_preferred() {
    let shop = Shop::start().await;
    let request = shop.request(Method::POST, ORDERS, Some("k")).json(&order("vault_ok", "pay_1"));
    let minimal = read(request.send().await.unwrap()).await;
    let mut names: Vec<&String> = minimal.body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["id", "links", "status"]);
    assert!(minimal.header("paypal-debug-id").is_some());
}

#[tokio::test]
async fn created_does_not_mean_paid() {
    let shop = Shop::start().await;
    for (token, status) in [("vault_declined", "DECLINED"), ("vault_failed", "FAILED")] {
        let answer = shop.pay(token, token, token).await;
        assert_eq!((answer.status, &answer.body["status"]), (201, &json!("COMPLETED")));
        assert_eq!(answer.capture_status(), status);
        assert!(answer.capture().get("seller_receivable_breakdown").is_none());
        assert!(shop.server.charges(token).await.is_empty());
        let again = shop.post(ORDERS, Some("other"), order("vault_ok", token)).await;
        assert_eq!(again.capture_status(), "COMPLETED", "its invoice was not paid");
        shop.advance(7 * HOUR).await;
    }
}

#[tokio::test]
async fn a_vault_id_can_be_refused_for_any_reason() {
    let shop = Shop::start().await;
    for (issue, status) in [
        ("TRANSACTION_REFUSED", 422),
        ("PAYER_CANNOT_PAY", 422),
        ("INSTRUMENT_DECLINED", 422),
        ("PAYEE_ACCOUNT_RESTRICTED", 422),
        ("SOMETHING_NEW", 422),
        ("PERMISSION_DENIED", 403),
        ("NOT_ELIGIBLE_FOR_TOKEN_PROCESSING", 403),
        ("INVALID_ACCOUNT_STATUS", 401),
    ] {
        let refused = shop.pay(&format!("vault_issue_{issue}"), issue, issue).await;
        assert_eq!((refused.status, refused.issue()), (status, issue));
        assert_eq!(refused.body["debug_id"], refused.header("paypal-debug-id").unwrap());
        assert!(shop.server.charges(issue).await.is_empty());
    }
    let unknown = shop.pay("vault_nonsense", "k", "pay_1").await;
    assert_eq!((unknown.status, unknown.issue()), (422, "TOKEN_ID_NOT_FOUND"));
}

#[tokio::test]
async fn a_payer_approves_and_the_shop_captures() {
    let shop = Shop::start().await;
    let created = shop.post(ORDERS, Some("k"), order_for_payer("pay_1")).await;
    assert_eq!((created.status, &created.body["status"]), (200, &json!("PAYER_ACTION_REQUIRED")));
    let page = link(&created, "payer-action").unwrap();
    assert_eq!(page, format!("{}/checkoutnow?token={}", shop.server.url, created.id()));
    assert_eq!(shop.server.client.get(page).send().await.unwrap().status(), 200);
    let capture = format!("{ORDERS}/{}/capture", created.id());
    let early = shop.post(&capture, Some("c"), json!({})).await;
    assert_eq!((early.status, early.issue()), (422, "ORDER_NOT_APPROVED"));

    let approved = shop.approve(created.id(), json!({})).await;
    let back = format!("https://shop.test/thanks?x=1&token={}&PayerID=QYR5Z8XDVJNXQ", created.id());
    assert_eq!((approved.status, approved.header("location")), (303, Some(back.as_str())));
    let shown = shop.get(&format!("{ORDERS}/{}", created.id())).await;
    assert_eq!(shown.body["status"], "APPROVED");
    assert!(shop.server.charges("pay_1").await.is_empty());

    let paid = shop.post(&capture, Some("c"), json!({})).await;
    assert_eq!(
        (paid.status, &paid.body["status"], paid.capture_status()),
        (201, &json!("COMPLETED"), "COMPLETED")
    );
    assert_eq!(shop.server.charges("pay_1").await.len(), 1);
    let twice = shop.post(&capture, Some("other"), json!({})).await;
    assert_eq!((twice.status, twice.issue()), (422, "ORDER_ALREADY_CAPTURED"));
    assert_eq!(shop.approve(created.id(), json!({})).await.status, 409);
}

#[tokio::test]
async fn a_declined_instrument_sends_the_order_back_to_its_payer() {
    let shop = Shop::start().await;
    let created = shop.post(ORDERS, Some("k"), order_for_payer("pay_1")).await;
    let capture = format!("{ORDERS}/{}/capture", created.id());
    shop.approve(created.id(), json!({"instrument": "declined"})).await;
    let declined = shop.post(&capture, Some("c"), json!({})).await;
    assert_eq!((declined.status, declined.issue()), (422, "INSTRUMENT_DECLINED"));
    let waiting = shop.get(&format!("{ORDERS}/{}", created.id())).await;
    assert_eq!(waiting.body["status"], "PAYER_ACTION_REQUIRED");
    assert!(link(&waiting, "payer-action").is_some());
    shop.approve(created.id(), json!({})).await;
    let paid = shop.post(&capture, Some("c"), json!({})).await;
    assert_eq!((paid.status, paid.capture_status()), (201, "COMPLETED"));
    assert_eq!(shop.server.charges("pay_1").await.len(), 1);
}

#[tokio::test]
async fn a_payer_may_turn_back() {
    let shop = Shop::start().await;
    let created = shop.post(ORDERS, Some("k"), order_for_payer("pay_1")).await;
    let url = format!("{}/checkoutnow/{}/cancel", shop.server.url, created.id());
    let back = read(shop.server.client.post(url).send().await.unwrap()).await;
    let expected = format!("https://shop.test/pity?token={}", created.id());
    assert_eq!(back.header("location"), Some(expected.as_str()));
    let shown = shop.get(&format!("{ORDERS}/{}", created.id())).await;
    assert_eq!(shown.body["status"], "PAYER_ACTION_REQUIRED");
}

#[tokio::test]
async fn some_vault_ids_do_not_pay_at_once() {
    let shop = Shop::start().await;
    let approved = shop.pay("vault_approved_only", "a", "pay_1").await;
    assert_eq!((approved.status, &approved.body["status"]), (201, &json!("APPROVED")));
    assert!(shop.server.charges("pay_1").await.is_empty());
    let path = format!("{ORDERS}/{}/capture", approved.id());
    assert_eq!(shop.post(&path, Some("ac"), json!({})).await.capture_status(), "COMPLETED");

    let waiting = shop.pay("vault_payer_action", "b", "pay_2").await;
    assert_eq!(waiting.body["status"], "PAYER_ACTION_REQUIRED");
    let path = format!("{ORDERS}/{}/capture", waiting.id());
    assert_eq!(shop.post(&path, Some("bc"), json!({})).await.issue(), "PAYER_ACTION_REQUIRED");
    shop.approve(waiting.id(), json!({})).await;
    assert_eq!(shop.post(&path, Some("bc"), json!({})).await.capture_status(), "COMPLETED");
}

#[tokio::test]
async fn an_order_without_a_payment_source_is_created() {
    let shop = Shop::start().await;
    let mut body = order_for_payer("pay_1");
    body.as_object_mut().unwrap().remove("payment_source");
    body["application_context"] = json!({"return_url": "https://shop.test/a", "user_action": "PAY_NOW"});
    let created = shop.post(ORDERS, None, body).await;
    assert_eq!((created.status, &created.body["status"]), (201, &json!("CREATED")));
    assert!(link(&created, "approve").is_some());
    let back = shop.approve(created.id(), json!({})).await;
    assert!(back.header("location").unwrap().starts_with("https://shop.test/a?token="));
}

#[tokio::test]
async fn orders_are_forgotten_when_nobody_goes_on() {
    let shop = Shop::start().await;
    let unapproved = shop.post(ORDERS, Some("a"), order_for_payer("pay_1")).await;
    let approved = shop.pay("vault_approved_only", "b", "pay_2").await;
    let paid = shop.pay("vault_ok", "c", "pay_3").await;
    let status = async |order: &Answer| shop.get(&format!("{ORDERS}/{}", order.id())).await.status;
    shop.advance(6 * HOUR - 60).await;
    assert_eq!((status(&unapproved).await, status(&approved).await), (200, 200));
    shop.advance(60).await;
    assert_eq!((status(&unapproved).await, status(&approved).await), (404, 200));
    assert_eq!(shop.approve(unapproved.id(), json!({})).await.status, 404);
    // The access token lives for nine hours.
    shop.advance(2 * HOUR).await;
    let gone = shop.post(&format!("{ORDERS}/{}/capture", unapproved.id()), Some("d"), json!({})).await;
    assert_eq!((gone.status, &gone.body["name"]), (404, &json!("RESOURCE_NOT_FOUND")));
    shop.advance(64 * HOUR).await;
    let shop = shop.with_new_token().await;
    let status = async |order: &Answer| shop.get(&format!("{ORDERS}/{}", order.id())).await.status;
    assert_eq!((status(&approved).await, status(&paid).await), (404, 200));
}

#[tokio::test]
async fn an_invoice_is_paid_once() {
    let shop = Shop::start().await;
    shop.pay("vault_ok", "a", "pay_1").await;
    let again = shop.pay("vault_ok", "b", "pay_1").await;
    assert_eq!((again.status, again.issue()), (422, "DUPLICATE_INVOICE_ID"));
    assert_eq!(shop.server.charges("pay_1").await.len(), 1);
    let mut without = order("vault_ok", "pay_1");
    without["purchase_units"][0].as_object_mut().unwrap().remove("invoice_id");
    assert_eq!(shop.post(ORDERS, Some("c"), without).await.status, 201);
    assert_eq!(shop.server.charges("pay_1").await.len(), 2, "nothing else guards against a second charge");
}

#[tokio::test]
async fn an_intent_is_kept_to() {
    let shop = Shop::start().await;
    let approved = shop.pay("vault_approved_only", "a", "pay_1").await;
    let wrong = shop.post(&format!("{ORDERS}/{}/authorize", approved.id()), Some("b"), json!({})).await;
    assert_eq!(wrong.issue(), "ACTION_DOES_NOT_MATCH_INTENT");
    let mut body = order("vault_approved_only", "pay_2");
    body["intent"] = json!("AUTHORIZE");
    let approved = shop.post(ORDERS, Some("c"), body).await;
    let path = format!("{ORDERS}/{}/authorize", approved.id());
    let authorized = shop.post(&path, Some("d"), json!({})).await;
    let authorization = &authorized.body["purchase_units"][0]["payments"]["authorizations"][0];
    assert_eq!((authorized.status, &authorization["status"]), (201, &json!("CREATED")));
    assert_eq!(shop.server.charges("pay_2").await[0]["status"], "authorized");
    assert_eq!(shop.post(&path, Some("e"), json!({})).await.issue(), "ORDER_ALREADY_AUTHORIZED");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_place() {
    let shop = Shop::start().await;
    let cases: [(&str, Value, &str); 15] = [
        ("/colour", json!("blue"), "INVALID_PARAMETER_SYNTAX"),
        ("/purchase_units/0/colour", json!("blue"), "INVALID_PARAMETER_SYNTAX"),
        ("/purchase_units/0/amount/colour", json!("blue"), "INVALID_PARAMETER_SYNTAX"),
        ("/payment_source/paypal/colour", json!("blue"), "INVALID_PARAMETER_SYNTAX"),
        ("/intent", json!("SALE"), "INVALID_PARAMETER_VALUE"),
        ("/intent", json!(null), "MISSING_REQUIRED_PARAMETER"),
        ("/purchase_units/0/custom_id", json!("x".repeat(128)), "INVALID_STRING_LENGTH"),
        ("/purchase_units/0/soft_descriptor", json!("x".repeat(23)), "INVALID_STRING_LENGTH"),
        ("/purchase_units/0/amount/value", json!(10.99), "INVALID_PARAMETER_SYNTAX"),
        ("/purchase_units", json!({}), "INVALID_PARAMETER_SYNTAX"),
        ("/purchase_units", json!([]), "INVALID_ARRAY_MIN_ITEMS"),
        ("/purchase_units", json!([{}, {}]), "INVALID_ARRAY_MAX_ITEMS"),
        ("/payment_source/paypal/experience_context/user_action", json!("PAY"), "INVALID_PARAMETER_VALUE"),
        ("/payment_source/paypal/experience_context/landing_page", json!("HOME"), "INVALID_PARAMETER_VALUE"),
        ("/payment_source/paypal/experience_context/colour", json!("blue"), "INVALID_PARAMETER_SYNTAX"),
    ];
    for (pointer, value, issue) in cases {
        let mut body = order("vault_ok", "pay_1");
        body["payment_source"]["paypal"]["experience_context"] = json!({ "user_action": "PAY_NOW" });
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        let refused = shop.post(ORDERS, Some("k"), body).await;
        assert_eq!((refused.status, refused.issue()), (400, issue), "{pointer}");
        assert_eq!(refused.body["name"], "INVALID_REQUEST");
        assert_eq!(refused.body["details"][0]["field"], pointer);
    }
    let mut precise = order("vault_ok", "pay_1");
    precise["purchase_units"][0]["amount"]["value"] = json!("10.999");
    let precise = shop.post(ORDERS, Some("k"), precise).await;
    assert_eq!((precise.status, precise.issue()), (422, "DECIMAL_PRECISION"));
    let request = shop.request(Method::POST, ORDERS, Some("k")).header("content-type", "application/json");
    let torn = read(request.body("{\"intent\":").send().await.unwrap()).await;
    assert_eq!((torn.status, torn.issue()), (400, "MALFORMED_REQUEST_JSON"));
    let form = shop.request(Method::POST, ORDERS, Some("k")).form(&[("intent", "CAPTURE")]);
    assert_eq!(form.send().await.unwrap().status(), 415);
    assert_eq!(shop.get("/v2/checkout/nonsense").await.status, 404);
}

#[tokio::test]
async fn a_token_is_needed_and_does_not_live_for_ever() {
    let server = Server::start().await;
    let wrong = ask_for_token(&server, "live_client", "test_secret").await;
    assert_eq!((wrong.status, &wrong.body["error"]), (401, &json!("invalid_client")));
    let request = server.client.get(format!("{}/v2/payments/captures/1", server.url));
    let without = read(request.send().await.unwrap()).await;
    assert_eq!((without.status, &without.body["error"]), (401, &json!("invalid_token")));

    let shop = Shop::start().await;
    assert_eq!(shop.pay("vault_ok", "a", "pay_1").await.status, 201);
    shop.control("paypal/expire_tokens", json!({})).await;
    assert_eq!(shop.pay("vault_ok", "b", "pay_2").await.status, 401);
    let shop = shop.with_new_token().await;
    assert_eq!(shop.pay("vault_ok", "b", "pay_2").await.status, 201);
    shop.advance(9 * HOUR).await;
    assert_eq!(shop.pay("vault_ok", "c", "pay_3").await.status, 401);
    let report = shop.server.get("/control/paypal").await;
    assert_eq!((&report.body["tokens_issued"], &report.body["tokens_alive"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn currencies_without_decimals_are_counted_whole() {
    let shop = Shop::start().await;
    let mut body = order("vault_ok", "pay_1");
    body["purchase_units"][0]["amount"] = json!({"currency_code": "HUF", "value": "1099"});
    let paid = shop.post(ORDERS, Some("k"), body).await;
    assert_eq!(paid.capture()["amount"]["value"], "1099");
    assert_eq!(shop.server.charges("pay_1").await[0]["captured"], 1099);
}
