//! The wrong inputs that people really make: a clear answer, and nothing stored.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Service, card, subscribing::subscription};

fn with(field: &str, value: Value) -> Value {
    let mut body = card("49.90", "EUR", "pm_card_visa");
    body[field] = value;
    body
}

#[tokio::test]
async fn a_body_with_faults_is_refused_with_the_place_of_each() {
    let deployment = Deployment::api_alone().await;
    let long = "x".repeat(501);
    for (body, pointer) in [
        (with("amount", json!("1e3")), "/amount"),
        (with("amount", json!("1_000")), "/amount"),
        (with("amount", json!("49,90")), "/amount"),
        (with("amount", json!("-1")), "/amount"),
        (with("amount", json!(-1)), "/amount"),
        (with("amount", json!(49.9)), "/amount"),
        (with("amount", json!("0")), "/amount"),
        (with("amount", json!("0.00")), "/amount"),
        (with("amount", json!("49.901")), "/amount"),
        (with("amount", json!("1000000.00")), "/amount"),
        (with("amount", json!("999999999999999999999")), "/amount"),
        (with("amount", json!("")), "/amount"),
        (with("amount", Value::Null), "/amount"),
        (with("amount", json!(["49.90"])), "/amount"),
        (with("currency", json!("eur")), "/currency"),
        (with("currency", json!("EURO")), "/currency"),
        (with("currency", json!("XXX")), "/currency"),
        (with("currency", json!(978)), "/currency"),
        (with("payment_method", json!("pm_card_visa")), "/payment_method"),
        (with("payment_method", json!({ "token": "x" })), "/payment_method/type"),
        (with("payment_method", json!({ "type": "card" })), "/payment_method/token"),
        (with("payment_method", json!({ "type": "cash", "token": "x" })), "/payment_method/type"),
        (with("payment_method", json!({ "type": "cash", "token": "x" })), "/payment_method/type"),
        (with("payment_method", json!({ "type": "paypal" })), "/return_url"),
        (with("payment_method", json!({ "type": "card", "token": "" })), "/payment_method/token"),
        (with("payment_method", json!({ "type": "card", "token": "a b" })), "/payment_method/token"),
        (with("capture", json!("later")), "/capture"),
        (with("customer", json!({ "email": "nobody" })), "/customer/email"),
        (with("customer", json!({ "age": 7 })), "/customer/age"),
        (with("description", json!(long)), "/description"),
        (with("description", json!("a\u{0}b")), "/description"),
        (with("order_id", json!(17)), "/order_id"),
        (with("metadata", json!({ "a": 1 })), "/metadata"),
        (with("return_url", json!("javascript:alert(1)")), "/return_url"),
        (with("merchant_id", json!("mer_1")), "/merchant_id"),
        (with("status", json!("succeeded")), "/status"),
        (json!([]), ""),
        (json!("x"), ""),
    ] {
        let answer = deployment.merchant.pay("k", &body).await;
        assert_eq!((answer.status, answer.text("code")), (422, "validation-failed"), "{body}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let pointers: Vec<_> =
            answer.body["errors"].as_array().unwrap().iter().map(|fault| &fault["pointer"]).collect();
        assert_eq!(pointers, [pointer], "{body}");
    }
    let yen =
        json!({ "amount": "10.5", "currency": "JPY", "payment_method": { "type": "card", "token": "t" } });
    assert_eq!(deployment.merchant.pay("k", &yen).await.status, 422);
    assert_nothing_stored(&deployment).await;
}

#[tokio::test]
async fn all_faults_of_a_body_are_told_at_once() {
    let deployment = Deployment::api_alone().await;
    let body = json!({
        "amount": "0", "currency": "EURO", "payment_method": { "type": "cash", "tokn": "x" }, "extra": 1,
    });
    let answer = deployment.merchant.pay("k", &body).await;
    let faults = answer.body["errors"].as_array().unwrap();
    let pointers: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(
        pointers,
        [
            "/amount",
            "/currency",
            "/payment_method/type",
            "/payment_method/token",
            "/payment_method/tokn",
            "/extra"
        ]
    );
    assert_nothing_stored(&deployment).await;
}

/// Whoever writes a field twice means one of the two, and we cannot know which.
#[tokio::test]
async fn a_field_that_is_given_twice_is_told_wherever_it_stands() {
    let deployment = Deployment::api_alone().await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let post = async |path: &str, body: &str| {
        deployment.merchant.try_send(Method::POST, path, &headers, Some(body.to_owned())).await.unwrap()
    };
    let method = r#""payment_method": {"type": "card", "token": "pm_card_visa"}"#;
    for (path, body, told) in [
        (
            "/process-payment",
            format!(r#"{{"amount": "1.00", "amount": "100.00", "currency": "EUR", {method}}}"#),
            vec![("/amount", "\"amount\" is given twice.")],
        ),
        (
            "/process-payment",
            format!(
                r#"{{"amount": "1.00", "currency": "EUR", {method}, "metadata": {{"a/b": "1", "a/b": "2"}}}}"#
            ),
            vec![("/metadata/a~1b", "\"metadata/a~1b\" is given twice.")],
        ),
        (
            "/process-payment",
            format!(r#"{{"amount": "0", "currency": "EUR", "currency": "EUR", {method}}}"#),
            vec![
                ("/currency", "\"currency\" is given twice."),
                ("/amount", "\"amount\" must be greater than zero."),
            ],
        ),
        (
            "/customers",
            r#"{"email": "ada@example.com", "email": "bob@example.com"}"#.to_owned(),
            vec![("/email", "\"email\" is given twice.")],
        ),
    ] {
        let answer = post(path, &body).await;
        assert_eq!((answer.status, answer.text("code")), (422, "validation-failed"), "{body}");
        let faults = answer.body["errors"].as_array().unwrap().iter();
        let found: Vec<_> = faults
            .map(|fault| (fault["pointer"].as_str().unwrap(), fault["detail"].as_str().unwrap()))
            .collect();
        assert_eq!(found, told, "{body}");
    }
    let hidden = format!(r#"{{"description": "4242 4242 4242 4242", "description": "x", {method}}}"#);
    assert_eq!(post("/process-payment", &hidden).await.text("code"), "card-data-refused");
    assert_eq!(deployment.count("SELECT count(*) FROM customers").await, 0);
    assert_nothing_stored(&deployment).await;
}

/// Above all where what the body asks for is less than what is done without it.
#[tokio::test]
async fn a_body_where_none_belongs_is_refused_and_says_where_it_belongs() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let mut order = subscription(&merchant.customer().await, &merchant.plan("9.90", "month").await, 1);
    order["trial_days"] = json!(14);
    let id = merchant.subscribe("k", &order).await.text("id").to_owned();
    let payment = "/payments/pay_0193a3f1c2d87b51a9f0c4d2e8b7a601/cancel".to_owned();
    let (cancel, list) = (format!("/cancel-subscription/{id}"), "/payments".to_owned());
    let sentences = [
        (
            Method::DELETE,
            &cancel,
            json!({ "at_period_end": true, "reason": "x" }),
            vec![
                "\"at_period_end\" is not a field of this request: send it as a query parameter, ?at_period_end=true.",
                "\"reason\" is not a field of this request, which has no body.",
            ],
        ),
        (
            Method::DELETE,
            &cancel,
            json!({ "proration": "by_day" }),
            vec![
                "\"proration\" is not a field of this request: send it as a query parameter, ?proration=by_day.",
            ],
        ),
        (
            Method::POST,
            &payment,
            json!({ "amount": "1.00" }),
            vec!["\"amount\" is not a field of this request, which has no body."],
        ),
        (
            Method::GET,
            &list,
            json!({ "status": "failed" }),
            vec![
                "\"status\" is not a field of this request, which has no body: what narrows a list goes into its query.",
            ],
        ),
        (Method::POST, &payment, json!([1]), vec!["The body must be left out: this request has none."]),
    ];
    for (method, path, body, told) in sentences {
        let answer = merchant.send(method, path, &[], &body).await;
        assert_eq!((answer.status, answer.text("code")), (422, "validation-failed"), "{answer:?}");
        let faults = answer.body["errors"].as_array().unwrap().iter();
        assert_eq!(faults.map(|fault| fault["detail"].as_str().unwrap()).collect::<Vec<_>>(), told);
    }
    let stands = merchant.get(&format!("/subscriptions/{id}")).await;
    assert_eq!((stands.text("status"), &stands.body["cancel_at_period_end"]), ("trialing", &json!(false)));
    // Nothing is said by an empty object.
    assert_eq!(merchant.send(Method::GET, &list, &[], &json!({})).await.status, 200);
    let canceled = merchant.send(Method::DELETE, &cancel, &[], &json!({})).await;
    assert_eq!((canceled.status, canceled.text("status")), (202, "canceled"), "{canceled:?}");
}

#[tokio::test]
async fn card_data_is_refused_wherever_it_is_and_kept_nowhere() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let number = "4242424242424242";
    let mut answers = Vec::new();
    for body in [
        with("description", json!("card 4242 4242 4242 4242")),
        with("order_id", json!(number)),
        with("metadata", json!({ "note": "5555-5555-5555-4444" })),
        with("metadata", json!({ number: "x" })),
        with("metadata", json!({ "cvv": "123" })),
        with("payment_method", json!({ "type": "card", "token": number })),
        with("payment_method", json!({ "type": "card", "number": 4_242_424_242_424_242_u64, "cvc": "123" })),
        with("amount", json!(4_242_424_242_424_242_u64)),
        json!({ "deeply": [{ "nested": ["378282246310005"] }] }),
    ] {
        answers.push(merchant.pay("k", &body).await);
    }
    answers.push(merchant.pay(number, &card("1.00", "EUR", "pm_card_visa")).await);
    answers.push(merchant.get(&format!("/payments?order_id={number}")).await);
    answers.push(merchant.get(&format!("/payments/{number}")).await);
    answers.push(merchant.get("/payments?order_id=4242%204242%204242%204242").await);
    let headers = [("x-note", number)];
    answers.push(merchant.send(Method::GET, "/payments", &headers, &Value::Null).await);
    for answer in answers {
        assert_eq!((answer.status, answer.text("code")), (422, "card-data-refused"), "{answer:?}");
        assert!(!format!("{answer:?}").contains(number), "echoed: {answer:?}");
    }
    let headers = [("x-request-id", number)];
    let answer = merchant.send(Method::GET, "/livez", &headers, &Value::Null).await;
    assert!(!answer.header("x-request-id").contains("4242"), "{answer:?}");
    let log = deployment.log(Service::Api);
    assert!(!log.contains("4242 4242") && !log.contains(number) && !log.contains("5555-5555"), "{log}");
    assert_nothing_stored(&deployment).await;
}

#[tokio::test]
async fn requests_that_are_none_are_told_what_they_lack() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let body = card("49.90", "EUR", "pm_card_visa");
    let json_type = ("content-type", "application/json");
    let key = ("idempotency-key", "k");
    let other_key = "rmt_test_0000000000000000000000000000000Qd3NB";
    let post = async |headers: &[(&str, &str)], body: &str| {
        merchant.try_send(Method::POST, "/process-payment", headers, Some(body.to_owned())).await.unwrap()
    };
    let text = body.to_string();
    let large = with("description", json!("x".repeat(70_000))).to_string();
    for (answer, status, code) in [
        (post(&[json_type], &text).await, 400, "idempotency-key-missing"),
        (post(&[json_type, ("idempotency-key", "")], &text).await, 400, "invalid-header"),
        (post(&[json_type, ("idempotency-key", &"k".repeat(256))], &text).await, 400, "invalid-header"),
        (post(&[json_type, key], "{").await, 400, "invalid-json"),
        (post(&[json_type, key], "").await, 400, "invalid-json"),
        (post(&[key], &text).await, 415, "unsupported-media-type"),
        (
            post(&[key, ("content-type", "application/x-www-form-urlencoded")], "amount=1").await,
            415,
            "unsupported-media-type",
        ),
        (post(&[json_type, key], &large).await, 413, "body-too-large"),
        (post(&[json_type, key, ("authorization", "Bearer x")], &text).await, 401, "unauthorized"),
        (post(&[json_type, key, ("authorization", "x")], &text).await, 401, "unauthorized"),
        (
            post(&[json_type, key, ("authorization", &format!("Bearer {other_key}"))], &text).await,
            401,
            "unauthorized",
        ),
        (merchant.send(Method::PUT, "/process-payment", &[], &body).await, 405, "method-not-allowed"),
        (merchant.get("/nothing").await, 404, "not-found"),
        (merchant.get("/payments/pay_x").await, 404, "not-found"),
        (merchant.get("/payments?limit=101").await, 400, "invalid-query"),
        (merchant.get("/payments?limit=1&limit=2").await, 400, "invalid-query"),
        (merchant.get("/payments?colour=red").await, 400, "invalid-query"),
        (merchant.get("/payments?status=done").await, 400, "invalid-query"),
    ] {
        assert_eq!((answer.status, answer.text("code")), (status, code), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.text("request_id"), answer.header("x-request-id"));
        assert_eq!(answer.body["status"], status);
    }
    let put = merchant.send(Method::PUT, "/process-payment", &[], &body).await;
    assert_eq!(put.header("allow"), "POST");
    assert_nothing_stored(&deployment).await;
}

/// What is wrong is said, and not something near it.
#[tokio::test]
async fn each_of_these_is_told_what_is_wrong_with_it() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let none = "must be a currency of ISO 4217 that is paid in, such as \"EUR\": there is no";
    for (code, told) in [
        ("XYZ", format!("\"currency\" {none} \"XYZ\".")),
        ("eur", "\"currency\" must be in upper case: \"EUR\".".to_owned()),
    ] {
        let answer = merchant.pay("k", &with("currency", json!(code))).await;
        assert_eq!(
            (answer.fault(), answer.body["errors"][0]["detail"].as_str()),
            ("/currency", Some(&*told))
        );
    }

    let here = "Here belongs the id of a payment, \"pay_\" and so on";
    for (path, status, told) in [
        ("/payments/", 404, "No path ends with a slash here: leave it out.".to_owned()),
        ("/v1/customers/", 404, "No path ends with a slash here: leave it out.".to_owned()),
        (
            "/payments/sub_0193a3f1c2d87b51a9f0c4d2e8b7a601",
            404,
            format!("{here}: \"sub_\" is the beginning of a subscription."),
        ),
        (
            "/payments/pay_1",
            404,
            "Here belongs the id of a payment: \"pay_\" and 32 hexadecimal digits.".to_owned(),
        ),
    ] {
        let answer = merchant.get(path).await;
        assert_eq!((answer.status, answer.text("detail")), (status, told.as_str()), "{path}");
    }

    let packed =
        [("content-type", "application/json"), ("idempotency-key", "k"), ("content-encoding", "gzip")];
    let body = Some(card("49.90", "EUR", "pm_card_visa").to_string());
    let answer = merchant.try_send(Method::POST, "/process-payment", &packed, body).await.unwrap();
    assert_eq!((answer.status, answer.text("code")), (415, "body-compressed"), "{answer:?}");
    assert_eq!(answer.header("accept-encoding"), "identity");

    let nobodys = "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601";
    let answer = merchant.refund("k", nobodys, None).await;
    let told = "\"payment\" must be the id of one of yours: there is none of that id.";
    assert_eq!((answer.fault(), answer.body["errors"][0]["detail"].as_str()), ("/payment", Some(told)));
    assert_nothing_stored(&deployment).await;
}

async fn assert_nothing_stored(deployment: &Deployment) {
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 0);
    assert_eq!(deployment.count("SELECT count(*) FROM jobs").await, 0);
}
