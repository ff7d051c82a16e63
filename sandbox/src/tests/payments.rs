//! Card payments: create, confirm, authenticate, capture, cancel, and what the books say of each.

use serde_json::json;

use super::{Server, payment_with};

#[tokio::test]
async fn a_good_card_is_charged_at_once() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(paid.body["status"], "succeeded");
    assert_eq!(paid.body["amount_received"], 1099);
    assert!(paid.header("request-id").unwrap().starts_with("req_"));

    let shown = server.get(&format!("/v1/payment_intents/{}?expand[]=latest_charge", paid.id())).await;
    let charge = &shown.body["latest_charge"];
    assert_eq!(charge["payment_method_details"]["card"]["brand"], "visa");
    assert_eq!(charge["payment_method_details"]["card"]["last4"], "4242");
    let alone = server.get(&format!("/v1/charges/{}", charge["id"].as_str().unwrap())).await;
    assert_eq!(&alone.body, charge);

    let charges = server.charges("pay_1").await;
    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0]["captured"], 1099);
    assert_eq!(charges[0]["status"], "captured");
    assert_eq!(charges[0]["payment_intent"], paid.body["id"]);
}

#[tokio::test]
async fn create_and_confirm_can_be_two_steps() {
    let server = Server::start().await;
    let form = payment_with("pm_card_mastercard", "pay_1", &[("confirm", "false")]);
    let created = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!(created.body["status"], "requires_confirmation");
    assert!(server.charges("pay_1").await.is_empty());

    let path = format!("/v1/payment_intents/{}/confirm", created.id());
    let confirmed = server.post(&path, None, &[]).await;
    assert_eq!(confirmed.body["status"], "succeeded", "{confirmed:?}");
    let again = server.post(&path, None, &[]).await;
    assert_eq!((again.status, again.error_code()), (400, "payment_intent_unexpected_state"));
    assert_eq!(server.charges("pay_1").await.len(), 1);
}

#[tokio::test]
async fn declines_carry_their_reasons_and_move_no_money() {
    let server = Server::start().await;
    for (token, code, decline_code) in [
        ("pm_card_visa_chargeDeclined", "card_declined", json!("generic_decline")),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", json!("insufficient_funds")),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", json!("lost_card")),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", json!("stolen_card")),
        (
            "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
            "card_declined",
            json!("card_velocity_exceeded"),
        ),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", json!(null)),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", json!(null)),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", json!(null)),
        ("pm_card_chargeCustomerFail", "card_declined", json!("generic_decline")),
    ] {
        let declined = server.pay(token, None, "pay_1").await;
        let error = &declined.body["error"];
        assert_eq!(declined.status, 402, "{token}");
        assert_eq!(error["type"], "card_error");
        assert_eq!(error["code"], code, "{token}");
        assert_eq!(error["decline_code"], decline_code, "{token}");
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
        assert_eq!(error["payment_intent"]["last_payment_error"]["code"], code);
        assert_eq!(error["payment_intent"]["latest_charge"], error["charge"]);
    }
    assert!(server.charges("pay_1").await.is_empty());
}

#[tokio::test]
async fn a_declined_intent_can_be_paid_with_another_card() {
    let server = Server::start().await;
    let declined = server.pay("pm_card_visa_chargeDeclined", None, "pay_1").await;
    let id = declined.body["error"]["payment_intent"]["id"].as_str().unwrap();
    let path = format!("/v1/payment_intents/{id}/confirm");
    let paid = server.post(&path, None, &[("payment_method", "pm_card_amex")]).await;
    assert_eq!(paid.body["status"], "succeeded");
    assert_eq!(paid.body["last_payment_error"], json!(null));
    assert_eq!(server.charges("pay_1").await.len(), 1);
}

#[tokio::test]
async fn an_authorization_is_captured_in_part_and_the_rest_is_released() {
    let server = Server::start().await;
    let form = payment_with("pm_card_visa", "pay_1", &[("capture_method", "manual")]);
    let held = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!(held.body["status"], "requires_capture");
    assert_eq!(held.body["amount_capturable"], 1099);
    let charges = server.charges("pay_1").await;
    assert_eq!((&charges[0]["captured"], &charges[0]["status"]), (&json!(0), &json!("authorized")));

    let path = format!("/v1/payment_intents/{}/capture", held.id());
    let too_much = server.post(&path, None, &[("amount_to_capture", "1100")]).await;
    assert_eq!((too_much.status, too_much.error_code()), (400, "amount_too_large"));
    let captured = server.post(&path, None, &[("amount_to_capture", "1000")]).await;
    assert_eq!(captured.body["status"], "succeeded");
    assert_eq!(captured.body["amount_received"], 1000);
    assert_eq!(captured.body["amount_capturable"], 0);
    let again = server.post(&path, None, &[]).await;
    assert_eq!((again.status, again.error_code()), (400, "payment_intent_unexpected_state"));
    let charges = server.charges("pay_1").await;
    assert_eq!((&charges[0]["captured"], &charges[0]["status"]), (&json!(1000), &json!("captured")));
    assert_eq!(charges.len(), 1);
}

#[tokio::test]
async fn a_canceled_authorization_is_released() {
    let server = Server::start().await;
    let form = payment_with("pm_card_visa", "pay_1", &[("capture_method", "manual")]);
    let held = server.post("/v1/payment_intents", None, &form).await;
    let path = format!("/v1/payment_intents/{}/cancel", held.id());
    let canceled = server.post(&path, None, &[("cancellation_reason", "requested_by_customer")]).await;
    assert_eq!(canceled.body["status"], "canceled");
    assert_eq!(canceled.body["cancellation_reason"], "requested_by_customer");
    assert!(canceled.body["canceled_at"].is_i64());
    let charges = server.charges("pay_1").await;
    assert_eq!((&charges[0]["captured"], &charges[0]["status"]), (&json!(0), &json!("released")));
    let paid = server.pay("pm_card_visa", None, "pay_2").await;
    let late = server.post(&format!("/v1/payment_intents/{}/cancel", paid.id()), None, &[]).await;
    assert_eq!((late.status, late.error_code()), (400, "payment_intent_unexpected_state"));
}

#[tokio::test]
async fn an_authorization_expires_after_a_week() {
    let server = Server::start().await;
    let form = payment_with("pm_card_visa", "pay_1", &[("capture_method", "manual")]);
    let held = server.post("/v1/payment_intents", None, &form).await;
    server.control("clock", json!({"advance_seconds": 7 * 24 * 3600})).await;
    let expired = server.get(&format!("/v1/payment_intents/{}", held.id())).await;
    assert_eq!(expired.body["status"], "canceled");
    assert_eq!(expired.body["cancellation_reason"], "expired");
    assert_eq!(server.charges("pay_1").await[0]["status"], "released");
}

#[tokio::test]
async fn the_payer_authenticates_on_a_page_and_comes_back() {
    let server = Server::start().await;
    let more = [
        ("automatic_payment_methods[allow_redirects]", "always"),
        ("return_url", "https://shop.test/back?order=7"),
    ];
    let form = payment_with("pm_card_authenticationRequired", "pay_1", &more);
    let waiting = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!(waiting.body["status"], "requires_action");
    assert_eq!(waiting.body["next_action"]["type"], "redirect_to_url");
    let url = waiting.body["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    let path = url.strip_prefix(&server.url).unwrap();
    assert!(server.charges("pay_1").await.is_empty());
    assert!(server.get(path).await.body.as_str().unwrap().contains("Approve"));

    let approved = server.post(&format!("{path}/approve"), None, &[]).await;
    assert_eq!(approved.status, 303);
    let back = approved.header("location").unwrap();
    assert!(back.starts_with("https://shop.test/back?order=7&payment_intent=pi_"), "{back}");
    assert!(back.ends_with("redirect_status=succeeded"), "{back}");
    let paid = server.get(&format!("/v1/payment_intents/{}", waiting.id())).await;
    assert_eq!(paid.body["status"], "succeeded");
    assert_eq!(server.post(&format!("{path}/approve"), None, &[]).await.status, 409);
    assert_eq!(server.charges("pay_1").await.len(), 1);
}

#[tokio::test]
async fn a_failed_authentication_asks_for_another_method() {
    let server = Server::start().await;
    let waiting = server.pay("pm_card_authenticationRequired", None, "pay_1").await;
    assert_eq!(waiting.body["next_action"]["type"], "use_stripe_sdk");
    let url = waiting.body["next_action"]["use_stripe_sdk"]["stripe_js"].as_str().unwrap();
    let path = url.strip_prefix(&server.url).unwrap();
    assert_eq!(server.post(&format!("{path}/fail"), None, &[]).await.status, 200);
    let failed = server.get(&format!("/v1/payment_intents/{}", waiting.id())).await;
    assert_eq!(failed.body["status"], "requires_payment_method");
    let code = &failed.body["last_payment_error"]["code"];
    assert_eq!(code, "payment_intent_authentication_failure");
    assert!(server.charges("pay_1").await.is_empty());
}

#[tokio::test]
async fn without_the_payer_authentication_is_a_decline() {
    let server = Server::start().await;
    let form = payment_with("pm_card_authenticationRequired", "pay_1", &[("off_session", "true")]);
    let declined = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!((declined.status, declined.error_code()), (402, "authentication_required"));
    assert!(server.charges("pay_1").await.is_empty());
}

#[tokio::test]
async fn a_saved_card_is_charged_again_and_an_unsaved_one_is_not() {
    let server = Server::start().await;
    let customer = server.post("/v1/customers", None, &[("email", "a@b.test")]).await;
    let form = [("customer", customer.id())];
    let saved = server.post("/v1/payment_methods/pm_card_visa/attach", None, &form).await;
    assert_eq!(saved.body["customer"], customer.body["id"], "{saved:?}");
    let refused = server.post("/v1/payment_methods/pm_card_visa_chargeDeclined/attach", None, &form).await;
    assert_eq!(refused.status, 402);
    for _ in 0..2 {
        let more = [("customer", customer.id()), ("off_session", "true")];
        let form = payment_with(saved.id(), "pay_1", &more);
        let paid = server.post("/v1/payment_intents", None, &form).await;
        assert_eq!(paid.body["status"], "succeeded", "{paid:?}");
    }
    let foreign = server.pay(saved.id(), None, "pay_2").await;
    assert_eq!(foreign.status, 400);

    let unsaved = server.pay("pm_card_visa", None, "pay_3").await;
    let again = server.pay(unsaved.body["payment_method"].as_str().unwrap(), None, "pay_3").await;
    assert_eq!(again.status, 400);
    assert_eq!(server.charges("pay_1").await.len(), 2);
    assert_eq!(server.charges("pay_3").await.len(), 1);
}

#[tokio::test]
async fn a_card_is_saved_with_its_customer_or_for_one_and_for_nobody_else() {
    let server = Server::start().await;
    let card = [("type", "card"), ("card[token]", "tok_visa")];
    let made = server.post("/v1/payment_methods", None, &card).await;
    assert_eq!((made.status, &made.body["customer"]), (200, &json!(null)), "{made:?}");
    let form = |method| {
        let whole = ("expand[0]", "invoice_settings.default_payment_method");
        let usual = ("invoice_settings[default_payment_method]", method);
        vec![("payment_method", method), usual, ("metadata[remit_customer]", "cus_ours"), whole]
    };
    let customer = server.post("/v1/customers", None, &form(made.id())).await;
    let shown = &customer.body["invoice_settings"]["default_payment_method"];
    assert_eq!((&shown["id"], &shown["card"]["last4"]), (&made.body["id"], &json!("4242")), "{customer:?}");

    let owned = server.get(&format!("/v1/payment_methods/{}?expand[]=customer", made.id())).await;
    assert_eq!(owned.body["customer"]["metadata"]["remit_customer"], "cus_ours", "{owned:?}");
    assert_eq!(server.post("/v1/customers", None, &form(made.id())).await.status, 400, "it is somebody's");
    let path = format!("/v1/payment_methods/{}/attach", made.id());
    let again = server.post(&path, None, &[("customer", customer.id())]).await;
    assert_eq!((again.status, again.id()), (200, made.id()), "it is theirs already");

    let declined = server.post("/v1/customers", None, &form("pm_card_visa_chargeDeclined")).await;
    assert_eq!(declined.status, 402);
    let saved = server.get("/control/saved?reference=cus_ours").await;
    assert_eq!(saved.body, json!({"customers": [{"id": customer.id(), "methods": [made.id()]}]}));

    let later = server.post("/v1/customers", None, &form("pm_sandbox_saved_chargeDeclinedLostCard")).await;
    let method = later.body["invoice_settings"]["default_payment_method"]["id"].as_str().unwrap();
    let more = [("customer", later.id()), ("off_session", "true")];
    let paying = payment_with(method, "pay_1", &more);
    let refused = server.post("/v1/payment_intents", None, &paying).await;
    assert_eq!((refused.status, &refused.body["error"]["decline_code"]), (402, &json!("lost_card")));
}

#[tokio::test]
async fn the_books_add_up_by_currency() {
    let server = Server::start().await;
    server.pay("pm_card_visa", None, "pay_1").await;
    server.pay("pm_card_visa", None, "pay_1").await;
    let yen = payment_with("pm_card_visa", "pay_2", &[("currency", "jpy"), ("amount", "500")]);
    server.post("/v1/payment_intents", None, &yen).await;
    let books = server.get("/books").await.body;
    let total = |captured: i64, fees: i64, count: i64| {
        json!({
            "captured": captured, "refunded": 0, "fees": fees, "disputed": 0, "net": captured - fees,
            "count": count,
        })
    };
    assert_eq!(books["object"], "books");
    assert_eq!(books["charges"].as_array().unwrap().len(), 3);
    assert_eq!(books["totals"]["eur"], total(2198, 124, 2));
    assert_eq!(books["totals"]["jpy"], total(500, 45, 1));
    assert_eq!(server.charges("pay_1").await.len(), 2, "charged twice is there twice");
}
