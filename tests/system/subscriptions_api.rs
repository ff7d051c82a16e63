//! Subscriptions through the API alone: made, lived through for a year, and ended; and what it refuses.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, Settings, eventually, ids, subscribing::subscription};

/// Two seats of a plan of 49.90 a month.
async fn team(merchant: &Merchant) -> Value {
    subscription(&merchant.customer().await, &merchant.plan("49.90", "month").await, 2)
}

const DAY: u64 = 24 * 3600;

#[tokio::test]
async fn a_year_is_lived_through() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let order = team(merchant).await;
    let begun = merchant.subscribe("k", &order).await;
    assert_eq!((begun.status, begun.text("status")), (202, "active"), "{begun:?}");
    let id = begun.text("id").to_owned();
    assert_eq!(begun.header("location"), format!("/subscriptions/{id}"));
    assert_eq!(ids(&merchant.get("/subscriptions").await.body), [id.as_str()]);

    let invoices = format!("/invoices?subscription={id}&status=paid&limit=100");
    for month in 1..=12 {
        let renews_at = merchant.get(&format!("/subscriptions/{id}")).await.text("renews_at").to_owned();
        let now = merchant.advanced(&json!({ "to": renews_at })).await;
        assert_eq!(now.text("status"), "ready", "{now:?}");
        eventually(&format!("month {month} is paid"), || async {
            let paid = merchant.get(&invoices).await.body["data"].as_array().unwrap().len();
            assert!(paid <= month + 1, "{paid} invoices in month {month}");
            (paid == month + 1).then_some(())
        })
        .await;
    }
    let found = merchant.get(&invoices).await.body;
    let found = found["data"].as_array().unwrap();
    let (mut numbers, mut periods): (Vec<_>, Vec<_>) = found
        .iter()
        .map(|one| (one["number"].as_str().unwrap(), one["period_index"].as_u64().unwrap()))
        .unzip();
    numbers.reverse();
    periods.reverse();
    assert_eq!(numbers, (1..=13).map(|number| format!("{number:06}")).collect::<Vec<_>>());
    assert_eq!(periods, (0..13).collect::<Vec<_>>());
    for one in found {
        assert_eq!(
            (&one["total"], &one["amount_paid"], &one["amount_due"]),
            (&json!("99.80"), &json!("99.80"), &json!("0.00"))
        );
        assert_eq!(one["lines"][0]["description"], "49.90 a month");
    }
    let last = merchant.get(&format!("/invoices/{}", found[0]["id"].as_str().unwrap())).await.body;
    let payment = merchant.payment(last["payments"][0].as_str().unwrap()).await;
    assert_eq!((payment.text("status"), payment.text("amount")), ("succeeded", "99.80"));

    let ending = merchant.cancel_subscription(&id, "?at_period_end=true", &[]).await;
    assert_eq!((ending.status, ending.text("status")), (202, "active"), "{ending:?}");
    assert_eq!(
        (&ending.body["cancel_at_period_end"], &ending.body["renews_at"]),
        (&json!(true), &Value::Null)
    );
    merchant.advanced(&json!({ "seconds": 31 * DAY })).await;
    eventually("it has ended", || async {
        let status = merchant.get(&format!("/subscriptions/{id}")).await.text("status").to_owned();
        (status == "canceled").then_some(())
    })
    .await;
    assert_eq!(ids(&merchant.get("/subscriptions").await.body), [] as [&str; 0]);
    assert_eq!(ids(&merchant.get("/subscriptions?status=all").await.body), [id.as_str()]);
    assert_eq!(merchant.get(&invoices).await.body["data"].as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn who_waits_for_a_first_payment_is_told_that_it_was_declined() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut order = team(merchant).await;
    order["payment_method"]["token"] = json!("pm_card_chargeDeclined");
    let asked = tokio::time::Instant::now();
    let answer = merchant.subscribe("k", &order).await;
    assert_eq!((answer.status, answer.text("status")), (202, "incomplete"), "{answer:?}");
    assert!(asked.elapsed().as_secs() < 29, "the whole time was waited");
}

#[tokio::test]
async fn the_same_key_is_the_same_subscription() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let (customer, plan) = (merchant.customer().await, merchant.plan("49.90", "month").await);
    let mut order = subscription(&customer, &plan, 2);
    order["trial_days"] = json!(14);
    let first = merchant.subscribe("k", &order).await;
    assert_eq!((first.status, first.text("status")), (202, "trialing"), "{first:?}");
    assert_eq!((first.header("idempotent-replayed"), first.header("retry-after")), ("", ""));
    let again = merchant.subscribe("k", &order).await;
    assert_eq!((again.status, again.text("id")), (202, first.text("id")));
    assert_eq!(again.header("idempotent-replayed"), "true");
    order["quantity"] = json!(3);
    let other = merchant.subscribe("k", &order).await;
    assert_eq!((other.status, other.text("code")), (422, "idempotency-key-reused"));
    assert_eq!(deployment.count("SELECT count(*) FROM subscriptions").await, 1);

    // An archived plan makes no more; what came before stands, and is repeated.
    let archive = merchant.send(Method::DELETE, &format!("/plans/{plan}"), &[], &Value::Null).await;
    assert_eq!((archive.status, &archive.body["archived"]), (200, &json!(true)));
    let refused = merchant.subscribe("k2", &order).await;
    assert_eq!((refused.status, refused.text("code")), (409, "plan-archived"));
    assert_eq!(ids(&merchant.get("/plans?archived=false").await.body), [] as [&str; 0]);
    order["quantity"] = json!(2);
    assert_eq!(merchant.subscribe("k", &order).await.text("id"), first.text("id"));
}

#[tokio::test]
async fn a_cancellation_is_of_what_was_read() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let mut order = team(merchant).await;
    order["trial_days"] = json!(14);
    let id = merchant.subscribe("k", &order).await.text("id").to_owned();
    let path = format!("/subscriptions/{id}");
    let read = merchant.get(&path).await.header("etag").to_owned();
    assert!(read.starts_with('"'), "{read}");
    for tag in ["\"999\"", "W/\"1\"", "\"nonsense\""] {
        let answer = merchant.cancel_subscription(&id, "", &[("if-match", tag)]).await;
        assert_eq!((answer.status, answer.text("code")), (412, "version-differs"), "{tag}");
    }
    for tag in ["1", "nonsense", read.trim_matches('"')] {
        let answer = merchant.cancel_subscription(&id, "", &[("if-match", tag)]).await;
        let told = "If-Match must be the ETag as it was answered, with its double quotes, such as \"3\".";
        assert_eq!((answer.status, answer.text("code")), (400, "invalid-header"), "{tag}");
        assert_eq!(answer.text("detail"), told);
    }
    for query in ["?at_period_end=maybe", "?proration=at_period_end", "?when=now"] {
        assert_eq!(merchant.cancel_subscription(&id, query, &[]).await.status, 400, "{query}");
    }
    assert_eq!(merchant.get(&path).await.header("etag"), read);
    let later = merchant.cancel_subscription(&id, "?at_period_end=true", &[("if-match", &read)]).await;
    assert_eq!((later.status, later.text("status")), (202, "trialing"), "{later:?}");
    assert_ne!(later.header("etag"), read);
    assert_eq!(merchant.cancel_subscription(&id, "", &[("if-match", &read)]).await.status, 412);
    for _ in 0..2 {
        let canceled = merchant.cancel_subscription(&id, "", &[]).await;
        assert_eq!((canceled.status, canceled.text("status")), (202, "canceled"));
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_the_place_of_each_fault() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let (customer, plan) = (merchant.customer().await, merchant.plan("49.90", "month").await);
    let priced = |field: &str, value: Value| {
        let mut body = json!({ "name": "Team", "amount": "49.90", "currency": "EUR", "interval": "month" });
        body[field] = value;
        ("/plans", body)
    };
    let ordered = |field: &str, value: Value| {
        let mut body = subscription(&customer, &plan, 2);
        body[field] = value;
        ("/create-subscription", body)
    };
    for ((path, body), pointers) in [
        (priced("amount", json!("1e3")), vec!["/amount"]),
        (priced("amount", json!(49.9)), vec!["/amount"]),
        (priced("amount", json!("-1")), vec!["/amount"]),
        (priced("amount", json!("49.901")), vec!["/amount"]),
        (priced("currency", json!("eur")), vec!["/currency"]),
        (priced("interval", json!("fortnight")), vec!["/interval"]),
        (priced("interval", json!({ "unit": "month", "count": 0 })), vec!["/interval/count"]),
        (priced("interval", json!({ "unit": "year", "count": 4 })), vec!["/interval/count"]),
        (priced("trial_days", json!(731)), vec!["/trial_days"]),
        (priced("trial_days", json!(-1)), vec!["/trial_days"]),
        (priced("archived", json!(true)), vec!["/archived"]),
        (("/plans", json!({})), vec!["/name", "/amount", "/currency", "/interval"]),
        (("/customers", json!({ "email": "nobody", "age": 7 })), vec!["/email", "/age"]),
        (("/customers", json!([])), vec![""]),
        (ordered("customer", json!(plan)), vec!["/customer"]),
        (ordered("plan", json!("Team")), vec!["/plan"]),
        (ordered("plan", Value::Null), vec!["/plan"]),
        (ordered("quantity", json!(0)), vec!["/quantity"]),
        (ordered("quantity", json!("2")), vec!["/quantity"]),
        (ordered("quantity", json!(1_000_001)), vec!["/quantity"]),
        (ordered("payment_method", Value::Null), vec!["/payment_method"]),
        (
            ordered("payment_method", json!({ "type": "cash" })),
            vec!["/payment_method/type", "/payment_method/token"],
        ),
        (ordered("zone", json!("Berlin")), vec!["/zone"]),
        (ordered("without_payment_method", json!("wait")), vec!["/without_payment_method"]),
        (ordered("return_url", json!("javascript:alert(1)")), vec!["/return_url"]),
        (ordered("metadata", json!({ "a": 1 })), vec!["/metadata"]),
        (ordered("status", json!("active")), vec!["/status"]),
        (("/test-clock/advance", json!({})), vec![""]),
        (("/test-clock/advance", json!({ "seconds": 1, "to": "2027-01-01T00:00:00Z" })), vec![""]),
        (("/test-clock/advance", json!({ "seconds": -1 })), vec!["/seconds"]),
        (("/test-clock/advance", json!({ "to": "tomorrow" })), vec!["/to"]),
        (("/test-clock/advance", json!({ "to": "2999-01-01T00:00:00Z" })), vec!["/to"]),
    ] {
        let answer = merchant.send(Method::POST, path, &[("idempotency-key", "k")], &body).await;
        assert_eq!((answer.status, answer.text("code")), (422, "validation-failed"), "{path} {body}");
        let faults = answer.body["errors"].as_array().unwrap();
        let found: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{path} {body}");
    }
    assert_eq!(deployment.count("SELECT count(*) FROM subscriptions").await, 0);
}

#[tokio::test]
async fn what_is_wrong_besides_a_body_is_refused_too() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let order = team(merchant).await;
    let card = json!({ "name": "4242 4242 4242 4242" });
    assert_eq!(merchant.post("/customers", &card).await.text("code"), "card-data-refused");
    assert_eq!(merchant.post("/create-subscription", &order).await.text("code"), "idempotency-key-missing");
    let ours = merchant.subscribe("remit:1", &order).await;
    assert_eq!((ours.status, ours.text("code")), (400, "invalid-header"));
    for query in [
        "/subscriptions?status=alive",
        "/subscriptions?customer=1",
        "/invoices?status=all",
        "/plans?archived=no",
    ] {
        assert_eq!(merchant.get(query).await.status, 400, "{query}");
    }
    assert_eq!(deployment.count("SELECT count(*) FROM subscriptions").await, 0);
}

#[tokio::test]
async fn another_merchant_sees_and_does_nothing() {
    let deployment = Deployment::api_alone().await;
    let (ours, theirs) = (&deployment.merchant, deployment.new_merchant("Rival").await);
    let (customer, plan) = (ours.customer().await, ours.plan("49.90", "month").await);
    let id = subscribe_without_waiting(ours, &subscription(&customer, &plan, 2)).await;
    let invoice = ids(&ours.get("/invoices").await.body)[0].to_owned();
    for (path, id) in
        [("/plans", &plan), ("/customers", &customer), ("/subscriptions", &id), ("/invoices", &invoice)]
    {
        assert_eq!(ours.get(&format!("{path}/{id}")).await.status, 200, "{path}");
        assert_eq!(theirs.get(&format!("{path}/{id}")).await.status, 404, "{path}");
        assert_eq!(ids(&theirs.get(path).await.body), [] as [&str; 0], "{path}");
    }
    assert_eq!(theirs.cancel_subscription(&id, "", &[]).await.status, 404);
    let archive = theirs.send(Method::DELETE, &format!("/plans/{plan}"), &[], &Value::Null).await;
    assert_eq!(archive.status, 404);
    for (order, pointer) in [
        (subscription(&customer, &theirs.plan("1.00", "month").await, 2), "/customer"),
        (subscription(&theirs.customer().await, &plan, 2), "/plan"),
    ] {
        assert_eq!(theirs.subscribe("k", &order).await.fault(), pointer, "{order}");
    }
}

async fn subscribe_without_waiting(merchant: &Merchant, order: &Value) -> String {
    let headers = [("idempotency-key", "k")];
    let answer = merchant.send(Method::POST, "/create-subscription", &headers, order).await;
    assert_eq!((answer.status, answer.text("status")), (202, "incomplete"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    answer.text("id").to_owned()
}

#[tokio::test]
async fn the_clock_moves_ahead_and_never_back() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let now = async |body: Value| {
        let answer = merchant.advanced(&body).await;
        assert_eq!(answer.text("status"), "ready", "{answer:?}");
        answer.text("now").parse::<common::clock::Timestamp>().unwrap()
    };
    let before = now(json!({ "seconds": 0 })).await;
    let moved = now(json!({ "seconds": 30 * DAY })).await;
    assert!((30..31).contains(&(moved - before).num_days()), "{before} {moved}");
    assert!(now(json!({ "to": before.to_rfc3339() })).await >= moved);
    let ahead = moved + (moved - before);
    let there = now(json!({ "to": ahead.to_rfc3339() })).await;
    assert!(there >= ahead && (there - ahead).num_minutes() == 0, "{ahead} {there}");
}

#[tokio::test]
async fn the_clock_of_a_real_deployment_cannot_be_moved() {
    let settings = Settings { services: vec![Service::Api], test_clock: false, ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let answer = deployment.merchant.post("/test-clock/advance", &json!({ "seconds": 1 })).await;
    assert_eq!((answer.status, answer.text("code")), (404, "not-found"));
    let moved = deployment.count("SELECT count(*) FROM test_clock WHERE ahead <> '0'").await;
    assert_eq!(moved, 0);
}
