//! What merchants write where money is meant, and what beside it: numbers that have no unit, amounts that the currency or
//! the gateway does not have, percentages, and addresses to come back to.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Wire, card, paypal, subscribing::subscription};

fn fault(answer: &Answer) -> (u16, &str, &str) {
    let fault = &answer.body["errors"][0];
    (answer.status, fault["pointer"].as_str().unwrap_or("none"), fault["detail"].as_str().unwrap_or("none"))
}

fn with(body: Value, field: &str, value: Value) -> Value {
    let mut body = body;
    body[field] = value;
    body
}

#[tokio::test]
async fn a_number_is_no_amount_anywhere_and_the_string_to_send_is_told() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let manual = with(card("10.00", "EUR", "pm_card_visa"), "capture", json!("manual"));
    let held = merchant.paid("held", &manual).await;
    merchant.payment_with(&held, &["authorized"]).await;
    let paid = merchant.paid_up("paid", &card("10.00", "EUR", "pm_card_visa")).await;
    let plan = merchant.plan("10.00", "month").await;
    let customer = merchant.customer().await;
    let priced =
        |amount: Value| json!({ "name": "n", "amount": amount, "currency": "EUR", "interval": "month" });
    let mut subscribed = subscription(&customer, &plan, 1);
    let off = |amount: Value| json!([{ "name": "d", "amount": amount, "duration": "once" }]);
    let id = merchant.subscribed("a", &plan, 1).await;

    let mut places = vec![
        (Method::POST, "/process-payment".to_owned(), card("1", "EUR", "pm_card_visa"), "/amount"),
        (Method::POST, "/refund-payment".to_owned(), json!({ "payment": paid, "amount": "1" }), "/amount"),
        (Method::POST, format!("/payments/{held}/capture"), json!({ "amount": "1" }), "/amount"),
        (Method::POST, "/plans".to_owned(), priced(json!("1")), "/amount"),
    ];
    subscribed["discounts"] = off(json!("1"));
    places.push((Method::POST, "/create-subscription".to_owned(), subscribed.clone(), "/discounts/0/amount"));
    let updated = json!({ "discounts": off(json!("1")) });
    places.push((Method::PUT, format!("/update-subscription/{id}"), updated.clone(), "/discounts/0/amount"));
    places.push((Method::POST, format!("/subscriptions/{id}/preview"), updated, "/discounts/0/amount"));
    let updated = json!({ "price": priced(json!("1")) });
    places.push((Method::PUT, format!("/update-subscription/{id}"), updated, "/price/amount"));
    subscribed.as_object_mut().unwrap().remove("plan");
    subscribed["price"] = priced(json!("1"));
    places.push((Method::POST, "/create-subscription".to_owned(), subscribed, "/price/amount"));

    let rows = "SELECT (SELECT count(*) FROM payments) + (SELECT count(*) FROM refunds) + (SELECT count(*) FROM plans)
        + (SELECT count(*) FROM invoices) + (SELECT count(*) FROM subscriptions)";
    let before = (deployment.books().await, deployment.count(rows).await);
    for (method, path, body, pointer) in places {
        for (number, told) in [
            (
                json!(4990),
                "must be a string in the main unit of the currency, not a number: \"49.90\" if 4990 counts \
                 hundredths of it, \"4990\" if it counts whole ones.",
            ),
            (json!(49.9), "must be a string, not a number: \"49.9\"."),
        ] {
            let mut body = body.clone();
            *body.pointer_mut(pointer).unwrap() = number;
            let refused = merchant.send(method.clone(), &path, &[("idempotency-key", "k")], &body).await;
            let expected = format!("{:?} {told}", &pointer[1..]);
            assert_eq!(fault(&refused), (422, pointer, expected.as_str()), "{path} {body}");
        }
    }
    assert_eq!(
        (deployment.books().await, deployment.count(rows).await),
        before,
        "nothing is stored or charged"
    );
}

#[tokio::test]
async fn a_percentage_is_a_string_and_is_shown_as_it_was_understood() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let plan = merchant.plan("100.00", "month").await;
    let order = subscription(&merchant.customer().await, &plan, 1);
    let tax = |percent: Value| json!({ "name": "VAT", "percent": percent });
    let cut = |percent: Value| json!([{ "name": "d", "percent": percent, "duration": "once" }]);
    for (body, pointer, told) in [
        (
            with(order.clone(), "tax", tax(json!(0.19))),
            "/tax/percent",
            "\"tax/percent\" must be a string, not a number: \"0.19\" is 0.19 %, and \"19\" is 19 %.",
        ),
        (
            with(order.clone(), "tax", tax(json!(19))),
            "/tax/percent",
            "\"tax/percent\" must be a string, not a number: \"19\" is 19 %.",
        ),
        (
            with(order.clone(), "discounts", cut(json!(20))),
            "/discounts/0/percent",
            "\"discounts/0/percent\" must be a string, not a number: \"20\" is 20 %.",
        ),
    ] {
        let refused = merchant.subscribe("k", &body).await;
        assert_eq!(fault(&refused), (422, pointer, told), "{body}");
    }
    let little = merchant.subscribe("a", &with(order, "tax", tax(json!("0.19")))).await;
    assert_eq!(little.text("status"), "active", "{little:?}");
    assert_eq!(little.body["tax"]["percent"], "0.19");
    let id = little.text("id");
    let preview = merchant.preview(id, &json!({ "quantity": 2 })).await;
    for sums in [&preview["invoices"][0], &preview["next_renewal"]] {
        assert_eq!(sums["tax_percent"], "0.19", "{preview}");
    }
    assert_eq!(preview["next_renewal"]["tax"], "0.38");
    let preview = merchant.preview(id, &json!({ "tax": tax(json!("19")) })).await;
    assert_eq!(
        (&preview["next_renewal"]["tax_percent"], &preview["next_renewal"]["tax"]),
        (&json!("19"), &json!("19.00"))
    );
    let preview = merchant.preview(id, &json!({ "tax": "none" })).await;
    assert_eq!(preview["next_renewal"]["tax_percent"], Value::Null);
}

#[tokio::test]
async fn an_amount_that_its_currency_does_not_have_is_a_fault_whatever_is_left() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let paid = merchant.paid_up("a", &card("1234.56", "EUR", "pm_card_visa")).await;
    let manual = with(card("1234.56", "EUR", "pm_card_visa"), "capture", json!("manual"));
    let held = merchant.paid("b", &manual).await;
    merchant.payment_with(&held, &["authorized"]).await;
    let told = "\"amount\" must have at most 2 decimals: EUR has no more.";
    for amount in ["1234.561", "1234.564", "0.001", "9999.999"] {
        assert_eq!(
            fault(&merchant.refund("k", &paid, Some(amount)).await),
            (422, "/amount", told),
            "{amount}"
        );
        assert_eq!(
            fault(&merchant.refund("k", &held, Some(amount)).await),
            (422, "/amount", told),
            "{amount}"
        );
        assert_eq!(fault(&merchant.capture(&held, Some(amount)).await), (422, "/amount", told), "{amount}");
    }
    let more = merchant.refund("k", &paid, Some("1234.57")).await;
    assert_eq!((more.status, more.text("code")), (409, "refund-exceeds-payment"));
    assert_eq!(more.text("detail"), "The payment has 1234.56 EUR left to refund, and 1234.57 EUR is more.");
    assert_eq!(merchant.refund("whole", &paid, Some("1234.5600")).await.status, 202);

    let yen = json!({ "name": "n", "amount": "500", "currency": "JPY", "interval": "month" });
    let order = json!({
        "customer": merchant.customer().await, "price": yen,
        "payment_method": { "type": "card", "token": "pm_card_visa" },
        "discounts": [{ "name": "c", "amount": "1", "duration": "once" }, { "name": "d", "amount": "1.5", "duration": "once" }],
    });
    let told = "\"discounts/1/amount\" must have no decimals: JPY has no more.";
    let refused = merchant.subscribe("k", &order).await;
    assert_eq!(fault(&refused), (422, "/discounts/1/amount", told));
}

#[tokio::test]
async fn less_than_a_gateway_charges_is_refused_when_it_comes() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    for (amount, currency, least) in [
        ("0.07", "EUR", "0.50"),
        ("0.49", "USD", "0.50"),
        ("0.29", "GBP", "0.30"),
        ("49", "JPY", "50"),
        ("174.99", "HUF", "175.00"),
    ] {
        let told = format!("\"amount\" must be at least {least} {currency}: Stripe charges no less.");
        let refused = merchant.pay("k", &card(amount, currency, "pm_card_visa")).await;
        assert_eq!(fault(&refused), (422, "/amount", told.as_str()));
        let enough = merchant.pay(currency, &card(least, currency, "pm_card_visa")).await;
        assert_eq!(enough.status, 202, "{enough:?}");
    }
    assert_eq!(merchant.pay("paypal", &paypal("0.07", "EUR", Some("vault_ok"))).await.status, 202);
    let fallback = json!({ "payment_method": { "type": "card", "token": "pm_card_visa" } });
    let refused =
        merchant.pay("k", &with(paypal("0.07", "EUR", Some("vault_ok")), "fallback", fallback)).await;
    let told = "\"fallback\" cannot be used: the amount must be at least 0.50 EUR: Stripe charges no less.";
    assert_eq!(fault(&refused), (422, "/fallback", told));
}

#[tokio::test]
async fn a_payer_comes_back_to_a_page_or_to_an_app() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (place, url) in ["myapp://paid", "com.example.shop:/paid?order=1"].into_iter().enumerate() {
        let by_card = with(card("10.00", "EUR", "pm_card_authenticationRequired"), "return_url", json!(url));
        let by_paypal = with(paypal("10.00", "EUR", None), "return_url", json!(url));
        for body in [by_card, by_paypal] {
            let id = merchant.paid(&format!("{place} {}", body["payment_method"]["type"]), &body).await;
            let payment = merchant.payment_with(&id, &["requires_action", "failed"]).await;
            assert_eq!(payment["status"], "requires_action", "{payment}");
        }
    }
    for url in [
        "javascript:alert(1)",
        "JavaScript://x/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc",
        "blob:https://a/1",
    ] {
        let refused =
            merchant.pay("k", &with(card("10.00", "EUR", "pm_card_visa"), "return_url", json!(url))).await;
        let told = "\"return_url\" must be an http(s) URL, or one with an app's own scheme such as \"myapp://paid\".";
        assert_eq!(fault(&refused), (422, "/return_url", told), "{url}");
    }
}

async fn post(merchant: &Merchant, body: &[u8]) -> u16 {
    let mut wire = Wire::open(&merchant.url).await;
    let head = format!(
        "POST /process-payment HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nidempotency-key: k\r\ncontent-length: {}\r\n\r\n",
        merchant.key,
        body.len(),
    );
    wire.send([head.as_bytes(), body].concat()).await;
    wire.hear(tests::PATIENCE).await.status().unwrap()
}

/// Some write a byte order mark before UTF-8. It is passed over, and a card behind it is seen.
#[tokio::test]
async fn a_byte_order_mark_is_passed_over() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let marked = |body: &Value| [&b"\xef\xbb\xbf"[..], body.to_string().as_bytes()].concat();
    let body = card("10.00", "EUR", "pm_card_visa");
    assert_eq!(
        post(merchant, &marked(&with(body.clone(), "description", json!("4242 4242 4242 4242")))).await,
        422
    );
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 0);
    assert_eq!(post(merchant, &marked(&body)).await, 202);
    assert_eq!(
        merchant.pay("k", &body).await.header("idempotent-replayed"),
        "true",
        "it is the same request"
    );
    assert_eq!(post(merchant, b"\xef\xbb\xbf").await, 400);
    assert_eq!(post(merchant, &[b"\xef\xbb\xbf", &marked(&body)[..]].concat()).await, 400);
}
