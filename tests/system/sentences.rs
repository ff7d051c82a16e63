//! What is told of a request that is not done: every detail is a sentence. It begins with a capital letter or with the
//! name of what is at fault, says one thing, and ends with a full stop.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, card, paypal, subscribing::subscription};

/// What may come after the name of what is at fault.
const VERBS: [&str; 4] = ["must ", "is ", "cannot ", "goes "];

/// Pieces that no sentence has: of messages that were put together wrongly, and of our own notation.
const ODD: [&str; 14] =
    ["  ", "..", ". .", " .", ",.", ":.", " ,", "()", "{}", "Some(", "None", "Err(", "::", "decimal places"];

/// What is wrong with a sentence.
fn oddity(sentence: &str) -> Option<String> {
    let starts_well = match sentence.strip_prefix('"') {
        Some(rest) => {
            rest.split_once("\" ").is_some_and(|(_, rest)| VERBS.iter().any(|verb| rest.starts_with(verb)))
        }
        None => sentence.chars().next().is_some_and(|first| first.is_ascii_uppercase()),
    };
    let words: Vec<_> = sentence.split_whitespace().map(str::to_lowercase).collect();
    let odd = ODD.iter().find(|piece| sentence.contains(**piece));
    if !starts_well {
        Some("does not begin as a sentence".into())
    } else if !sentence.ends_with('.') {
        Some("does not end with a full stop".into())
    } else if words.windows(2).any(|pair| pair[0] == pair[1]) {
        Some("says a word twice".into())
    } else {
        odd.map(|piece| format!("has {piece:?} in it"))
    }
}

/// What was told so far.
#[derive(Default)]
struct Told {
    sentences: BTreeSet<String>,
    faults: Vec<String>,
}

impl Told {
    fn hear(&mut self, answer: &Answer, asked: &str) {
        let faults = answer.body["errors"].as_array().into_iter().flatten().map(|fault| &fault["detail"]);
        for detail in faults.chain([&answer.body["detail"]]) {
            let Some(detail) = detail.as_str() else { continue };
            if let Some(oddity) = oddity(detail) {
                self.faults.push(format!("{detail:?} {oddity}: {asked}"));
            }
            self.sentences.insert(detail.to_owned());
        }
    }

    async fn ask(&mut self, merchant: &Merchant, method: Method, path: &str, body: &Value) -> Answer {
        let answer = merchant.send(method, path, &[("idempotency-key", "k")], body).await;
        self.hear(&answer, &format!("{path} {body}").chars().take(300).collect::<String>());
        answer
    }
}

/// Each place of a document, by its pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(i, value)| places(value, &format!("{at}/{i}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

/// A body for each write, with every field that it may have.
fn bodies() -> Vec<(Method, String, Value)> {
    let plan = json!({ "name": "n", "amount": "1.00", "currency": "EUR", "interval": { "unit": "month", "count": 1 },
        "trial_days": 1, "metadata": { "a": "b" } });
    let terms = json!({
        "price": { "name": "n", "amount": "1.00", "currency": "EUR", "interval": "month" }, "quantity": 1,
        "payment_method": { "type": "card", "token": "pm_1" }, "zone": "UTC", "return_url": "https://a.example",
        "discounts": [{ "name": "n", "percent": "1", "duration": { "periods": 1 } },
                      { "name": "n", "amount": "1.00", "duration": "once" }],
        "tax": { "name": "n", "percent": "1", "inclusive": true }, "metadata": { "a": "b" },
    });
    let mut subscription = terms.clone();
    subscription["customer"] = json!("cus_0193a3f1c2d87b51a9f0c4d2e8b7a601");
    subscription["trial_days"] = json!(1);
    subscription["without_payment_method"] = json!("pause");
    let mut update = terms;
    update["proration"] = json!("none");
    update["cancel_at_period_end"] = json!(true);
    let mut payment = card("1.00", "EUR", "pm_1");
    payment["customer"] = json!({ "id": "c", "email": "a@b.example", "name": "n" });
    payment["metadata"] = json!({ "a": "b" });
    payment["return_url"] = json!("https://a.example");
    payment["order_id"] = json!("o");
    payment["fallback"] =
        json!({ "payment_method": { "type": "paypal", "token": "t" }, "on_soft_decline": true });
    let customer = json!({ "email": "a@b.example", "name": "n", "metadata": { "a": "b" } });
    let refund =
        json!({ "payment": "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601", "amount": "1.00", "reason": "duplicate" });
    let of =
        |path: &str, name: &str| path.replace("{id}", &format!("{name}0193a3f1c2d87b51a9f0c4d2e8b7a601"));
    vec![
        (Method::POST, "/process-payment".to_owned(), payment),
        (Method::POST, "/refund-payment".to_owned(), refund),
        (Method::POST, "/create-subscription".to_owned(), subscription),
        (Method::PUT, of("/update-subscription/{id}", "sub_"), update),
        (Method::POST, "/plans".to_owned(), plan),
        (Method::POST, "/customers".to_owned(), customer.clone()),
        (Method::PATCH, of("/customers/{id}", "cus_"), customer),
        (
            Method::POST,
            of("/customers/{id}/payment-methods", "cus_"),
            json!({ "payment_method": { "type": "card", "token": "pm_1" }, "default": true }),
        ),
        (
            Method::POST,
            of("/subscriptions/{id}/pause", "sub_"),
            json!({ "when": "now", "proration": "none" }),
        ),
        (
            Method::POST,
            of("/subscriptions/{id}/resume", "sub_"),
            json!({ "anchor": "new", "return_url": "https://a.example" }),
        ),
    ]
}

/// What hardly any field can be.
fn values() -> [Value; 18] {
    [
        json!(null),
        json!(7),
        json!(0),
        json!(0.5),
        json!(-1),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!("a\u{0}b"),
        json!("nonsense"),
        json!("0"),
        json!("-1"),
        json!("1.00001"),
        json!("0.001"),
        json!("x".repeat(3000)),
        json!({ "un/known": 1 }),
        json!([1]),
    ]
}

/// Every field of every body, replaced by what it cannot be.
#[tokio::test]
async fn each_fault_of_a_body_is_told_as_a_sentence() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let mut told = Told::default();
    for (method, path, body) in bodies() {
        let mut found = Vec::new();
        places(&body, "", &mut found);
        for place in &found {
            for value in values() {
                let mut body = body.clone();
                *body.pointer_mut(place).unwrap() = value;
                told.ask(merchant, method.clone(), &path, &body).await;
            }
        }
    }
    for body in
        [json!({}), json!({ "to": "x" }), json!({ "seconds": "x" }), json!({ "to": "2099-01-01T00:00:00Z" })]
    {
        told.ask(merchant, Method::POST, "/test-clock/advance", &body).await;
    }
    assert_eq!(told.faults.iter().take(5).collect::<Vec<_>>(), [] as [&String; 0]);
    assert!(told.sentences.len() > 150, "{}: {:#?}", told.sentences.len(), told.sentences);
}

/// Queries, headers, and bodies that are none.
#[tokio::test]
async fn each_fault_of_a_request_is_told_as_a_sentence() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let mut told = Told::default();
    for list in ["/payments", "/refunds", "/customers", "/plans", "/subscriptions", "/invoices"] {
        for query in [
            "limit=0",
            "limit=x",
            "limit=1&limit=2",
            "starting_after=x",
            "ending_before=x",
            "status=x",
            "colour=red",
            "archived=x",
            "customer=x",
            "plan=x",
            "payment=x",
            "subscription=x",
            "email=%00",
            "order_id=%00",
        ] {
            let path = format!("{list}?{query}");
            told.ask(merchant, Method::GET, &path, &Value::Null).await;
        }
    }
    for (method, path) in [
        (Method::GET, "/nothing"),
        (Method::PUT, "/process-payment"),
        (Method::GET, "/payments/pay_x"),
        (Method::GET, "/reports/subscriptions?at=x&from=y"),
        (Method::GET, "/reports/subscriptions?at=2100-01-01T00:00:00Z"),
        (
            Method::DELETE,
            "/cancel-subscription/sub_0193a3f1c2d87b51a9f0c4d2e8b7a601?proration=x&at_period_end=7",
        ),
    ] {
        told.ask(merchant, method, path, &Value::Null).await;
    }
    let json_type = ("content-type", "application/json");
    for (headers, body) in [
        (vec![json_type, ("idempotency-key", "k")], "{"),
        (vec![json_type, ("idempotency-key", "k")], ""),
        (vec![json_type, ("idempotency-key", "k")], "{\"amount\": 1e999}"),
        (vec![json_type, ("idempotency-key", "k")], "{\"description\": \"4242 4242 4242 4242\"}"),
        (vec![json_type], "{}"),
        (vec![json_type, ("idempotency-key", "")], "{}"),
        (vec![json_type, ("idempotency-key", "remit:1")], "{}"),
        (vec![json_type, ("idempotency-key", "k"), ("idempotency-key", "l")], "{}"),
        (vec![("idempotency-key", "k")], "{}"),
        (vec![json_type, ("authorization", "x")], "{}"),
        (vec![json_type, ("authorization", "Bearer x")], "{}"),
        (vec![json_type, ("authorization", "Bearer rmt_test_0000000000000000000000000000000Qd3NB")], "{}"),
    ] {
        let answer =
            merchant.try_send(Method::POST, "/process-payment", &headers, Some(body.to_owned())).await;
        told.hear(&answer.unwrap(), &format!("{headers:?} {body}"));
    }
    assert_eq!(told.faults, [] as [String; 0]);
    assert!(told.sentences.len() > 35, "{:#?}", told.sentences);
}

/// What the rules of payments and refunds say no to.
#[tokio::test]
async fn each_refusal_of_a_payment_is_told_as_a_sentence() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut told = Told::default();
    let good = card("10.00", "EUR", "pm_card_visa");
    let mut manual = good.clone();
    manual["capture"] = json!("manual");
    let paid = merchant.paid_up("paid", &good).await;
    let held = merchant.paid("held", &manual).await;
    merchant.payment_with(&held, &["authorized"]).await;
    let failed = merchant.paid("failed", &card("10.00", "EUR", "pm_card_visa_chargeDeclined")).await;
    merchant.payment_with(&failed, &["failed"]).await;
    for payment in [&paid, &held, &failed] {
        for body in [
            json!({ "payment": payment, "amount": "10.01" }),
            json!({ "payment": payment, "amount": "0.001" }),
        ] {
            told.ask(merchant, Method::POST, "/refund-payment", &body).await;
        }
        let capture = format!("/payments/{payment}/capture");
        told.ask(merchant, Method::POST, &capture, &json!({ "amount": "10.01" })).await;
        if *payment != held {
            told.ask(merchant, Method::POST, &format!("/payments/{payment}/cancel"), &Value::Null).await;
        }
    }
    merchant.refunded("refund", &paid, None).await;
    told.ask(merchant, Method::POST, "/refund-payment", &json!({ "payment": paid })).await;
    for body in [
        card("0.07", "EUR", "pm_card_visa"),
        card("1.50", "JPY", "pm_card_visa"),
        card("1.234", "KWD", "pm_card_visa"),
        card("1000000", "EUR", "pm_card_visa"),
        paypal("1.50", "HUF", Some("t")),
        paypal("1.00", "INR", Some("t")),
    ] {
        told.ask(merchant, Method::POST, "/process-payment", &body).await;
    }
    assert_eq!(told.faults, [] as [String; 0]);
    assert!(told.sentences.len() > 12, "{:#?}", told.sentences);
    deployment.idle().await;
}

/// What the rules of subscriptions and invoices say no to.
#[tokio::test]
async fn each_refusal_of_a_subscription_is_told_as_a_sentence() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut told = Told::default();
    let (customer, plan) = (merchant.customer().await, merchant.plan("10.00", "month").await);
    let order = subscription(&customer, &plan, 1);
    let id = merchant.subscribe("a", &order).await.text("id").to_owned();
    let price = |amount: &str, currency: &str| json!({ "name": "n", "amount": amount, "currency": currency, "interval": "month" });
    let off = |field: &str, value: &str| json!([{ "name": "d", field: value, "duration": "forever" }]);
    for update in [
        json!({ "price": price("0.10", "EUR") }),
        json!({ "price": price("10", "JPY") }),
        json!({ "price": price("900000.00", "EUR"), "quantity": 1000 }),
        json!({ "discounts": off("amount", "0.001") }),
        json!({ "discounts": off("percent", "99.9") }),
        json!({ "price": price("999999999999999", "EUR"), "quantity": 1_000_000 }),
        json!({ "payment_method": { "id": "pym_0193a3f1c2d87b51a9f0c4d2e8b7a601" } }),
    ] {
        told.ask(merchant, Method::PUT, &format!("/update-subscription/{id}"), &update).await;
    }
    let path = |what: &str| format!("/subscriptions/{id}/{what}");
    told.ask(merchant, Method::POST, &path("resume"), &Value::Null).await;
    let invoice = merchant.invoices(&id).await[0]["id"].as_str().unwrap().to_owned();
    for what in ["void", "pay", "mark-uncollectible"] {
        told.ask(merchant, Method::POST, &format!("/invoices/{invoice}/{what}"), &Value::Null).await;
    }
    let method =
        merchant.get(&format!("/customers/{customer}")).await.body["payment_methods"][0]["id"].clone();
    let method = format!("/customers/{customer}/payment-methods/{}", method.as_str().unwrap());
    told.ask(merchant, Method::DELETE, &method, &Value::Null).await;
    merchant.cancel_subscription(&id, "?at_period_end=true", &[]).await;
    told.ask(merchant, Method::POST, &path("pause"), &Value::Null).await;
    merchant.cancel_subscription(&id, "", &[]).await;
    for what in ["pause", "resume"] {
        told.ask(merchant, Method::POST, &path(what), &Value::Null).await;
    }
    told.ask(merchant, Method::PUT, &format!("/update-subscription/{id}"), &json!({ "quantity": 2 })).await;
    merchant.send(Method::DELETE, &format!("/plans/{plan}"), &[], &Value::Null).await;
    told.ask(merchant, Method::POST, "/create-subscription", &order).await;
    assert_eq!(told.faults, [] as [String; 0]);
    assert!(told.sentences.len() > 12, "{:#?}", told.sentences);
    deployment.idle().await;
}
