//! Values that a database cannot take, and more of them than anybody wants to hear of: refused with a reason, at
//! each boundary, and never a defect of ours.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Wire, card};

/// A text that Postgres has no way to hold.
const NUL: &str = "a\u{0}b";

/// Puts a value in the place of each string of a document, one at a time.
fn with_each_string_replaced(document: &Value, by: &Value) -> Vec<Value> {
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(values) => {
                values.iter().enumerate().for_each(|(i, value)| places(value, &format!("{at}/{i}"), found));
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    places(document, "", &mut found);
    let replaced = |place: &String| {
        let mut document = document.clone();
        *document.pointer_mut(place).unwrap() = by.clone();
        document
    };
    found.iter().map(replaced).collect()
}

#[tokio::test]
async fn a_nul_in_a_body_is_a_fault_of_the_body() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let payment = json!({
        "amount": "1.00", "currency": "EUR", "payment_method": { "type": "card", "token": "pm_1" },
        "customer": { "id": "c", "email": "a@b.example", "name": "n" }, "description": "d", "order_id": "o",
        "metadata": { "a": "b" }, "return_url": "https://a.example", "capture": "manual",
        "fallback": { "payment_method": { "type": "paypal", "token": "t" } },
    });
    let customer = json!({ "email": "a@b.example", "name": "n", "metadata": { "a": "b" } });
    let plan = json!({ "name": "n", "amount": "1.00", "currency": "EUR", "interval": "month" });
    let subscription = json!({
        "customer": "cus_0193a3f1c2d87b51a9f0c4d2e8b7a601", "price": plan, "time_zone": "Europe/Berlin",
        "payment_method": { "type": "card", "token": "pm_1" }, "metadata": { "a": "b" },
    });
    let refund =
        json!({ "payment": "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601", "amount": "1.00", "reason": "r" });
    for (path, document) in [
        ("/process-payment", payment),
        ("/customers", customer),
        ("/plans", plan),
        ("/create-subscription", subscription),
        ("/refund-payment", refund),
        ("/test-clock/advance", json!({ "to": "2027-01-01T00:00:00Z" })),
    ] {
        for body in with_each_string_replaced(&document, &json!(NUL)) {
            let answer = merchant.send(Method::POST, path, &[("idempotency-key", "k")], &body).await;
            assert_eq!(
                (answer.status, answer.text("code")),
                (422, "validation-failed"),
                "{path} {body} {answer:?}"
            );
        }
    }
    let metadata = json!({ NUL: "x" });
    let mut body = card("1.00", "EUR", "pm_1");
    body["metadata"] = metadata;
    assert_eq!(merchant.pay("k", &body).await.status, 422);
}

#[tokio::test]
async fn a_nul_in_an_address_or_a_header_is_a_fault_of_the_request() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    for path in [
        "/payments?order_id=a%00b",
        "/payments?status=a%00b",
        "/payments?starting_after=a%00b",
        "/payments?a%00b=c",
        "/payments?order_id=%ff%fe",
        "/payments/a%00b",
        "/payments/%ff",
        "/customers?email=a%00b",
        "/subscriptions?customer=a%00b",
        "/invoices?status=a%00b",
        "/refunds?payment=a%00b",
        "/reports/subscriptions?at=a%00b",
        "/gateways/a%00b/webhook",
    ] {
        let answer = merchant.get(path).await;
        assert!((200..500).contains(&answer.status), "{path} {answer:?}");
    }
    for header in ["idempotency-key", "traceparent", "x-request-id", "if-match", "prefer", "authorization"] {
        for value in ["a\0b", "a\u{1}b", "\u{ff}"] {
            let mut wire = Wire::open(&merchant.url).await;
            let key = if header == "authorization" {
                String::new()
            } else {
                format!("authorization: Bearer {}\r\n", merchant.key)
            };
            let body = card("1.00", "EUR", "pm_1").to_string();
            let head = format!(
                "POST /process-payment HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{key}content-type: application/json\r\n\
                 content-length: {}\r\n{header}: {value}\r\n\r\n{body}",
                body.len(),
            );
            wire.send(head).await;
            let heard = wire.hear(tests::PATIENCE).await;
            assert!(matches!(heard.status(), Some(400..500)), "{header} {value:?} {heard:?}");
        }
    }
}

#[tokio::test]
async fn moments_that_no_calendar_has_are_faults() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    for moment in [
        "-262143-01-01T00:00:00Z",
        "-4800-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "%2B262142-12-31T23:59:59Z",
        "%2B10000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2026-02-30T00:00:00Z",
    ] {
        for query in [format!("at={moment}"), format!("from={moment}")] {
            let answer = merchant.get(&format!("/reports/subscriptions?{query}")).await;
            assert_eq!((answer.status, answer.text("code")), (400, "invalid-query"), "{query} {answer:?}");
        }
        let to = moment.replace("%2B", "+");
        let answer = merchant.send(Method::POST, "/test-clock/advance", &[], &json!({ "to": to })).await;
        assert_eq!(answer.status, 422, "{to} {answer:?}");
    }
    assert_eq!(merchant.get("/reports/subscriptions?from=1970-01-01T00:00:00Z").await.status, 200);
}

/// What is allowed at its furthest, all at once.
#[tokio::test]
async fn the_furthest_terms_are_answered() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let customer = merchant.customer().await;
    for (number, unit) in ["day", "week", "month", "year"].into_iter().enumerate() {
        for (amount, quantity, trial) in
            [("999999.99", 1, 0), ("0.01", 1_000_000, 730), ("999999.99", 1_000_000, 0)]
        {
            let order = json!({
                "customer": customer, "quantity": quantity, "trial_days": trial,
                "price": { "name": "n", "amount": amount, "currency": "EUR", "interval": { "unit": unit, "count": 65_535 } },
                "payment_method": { "type": "card", "token": "pm_1" },
            });
            let headers = [
                ("idempotency-key", &*format!("{number}{amount}{quantity}")),
                ("if-match", "\"4294967295\""),
            ];
            let answer = merchant.send(Method::POST, "/create-subscription", &headers, &order).await;
            assert!((200..500).contains(&answer.status), "{order} {answer:?}");
        }
    }
    let path = "/cancel-subscription/sub_0193a3f1c2d87b51a9f0c4d2e8b7a601";
    let answer = merchant.send(Method::DELETE, path, &[("if-match", "\"4294967295\"")], &Value::Null).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

#[tokio::test]
async fn of_thousands_of_faults_a_hundred_are_told_and_each_in_short() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let many: serde_json::Map<_, _> = (0..6000).map(|i| (format!("f{i}"), json!(1))).collect();
    let long = "x".repeat(60_000);
    let answers = [
        merchant.pay("k", &Value::Object(many)).await,
        merchant.pay("k", &json!({ &long: 1 })).await,
        merchant.pay("k", &json!({ "payment_method": { "type": long } })).await,
        merchant.get(&format!("/payments?status={}", &long[..20_000])).await,
        merchant.get(&format!("/payments?{}=1", &long[..20_000])).await,
        merchant.get(&format!("/payments?{}", "a&".repeat(10_000))).await,
    ];
    for answer in answers {
        assert!(answer.status == 422 || answer.status == 400, "{answer:?}");
        let size = answer.body.to_string().len();
        assert!(answer.body["errors"].as_array().unwrap().len() <= 100 && size < 45_000, "{size}");
        for fault in answer.body["errors"].as_array().unwrap() {
            for (text, most) in [("pointer", 201), ("parameter", 201), ("detail", 270)] {
                assert!(fault[text].as_str().unwrap_or_default().chars().count() <= most, "{fault}");
            }
        }
    }
    let told = merchant.pay("k", &Value::Object((0..101).map(|i| (i.to_string(), json!(1))).collect())).await;
    assert_eq!(told.body["errors"].as_array().unwrap().len(), 100);
    assert_eq!(told.text("detail"), "The first 100 of 104 faults are listed in errors.");
}
