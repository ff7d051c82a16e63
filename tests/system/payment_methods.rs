//! How customers pay: what one subscription has saved at its gateway, the next one charges; and the methods of a
//! customer, as merchants add, choose and delete them.

use common::{plan::Unit, subscription::Status};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service, Settings, eventually};

const CARD: &str = "pm_card_visa";

async fn customer(merchant: &Merchant) -> String {
    merchant.made("/customers", &json!({ "email": "ada@example.com" })).await
}

fn by(kind: &str, token: &str) -> Value {
    json!({ "type": kind, "token": token })
}

/// A card as the payer's browser makes it: of nobody yet, and only the first who saves it has it.
async fn new_card(deployment: &Deployment) -> String {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let url = format!("{}/v1/payment_methods", deployment.sandbox_url());
    let form = [("type", "card"), ("card[token]", "tok_visa")];
    let answer = client.post(url).bearer_auth("sk_test_browser").form(&form).send().await.unwrap();
    let method: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    method["id"].as_str().unwrap().to_owned()
}

/// The calls that would save something at Stripe.
async fn savings(deployment: &Deployment) -> usize {
    let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
    let saves = |entry: &&Value| {
        let path = entry["path"].as_str().unwrap();
        entry["method"] == "POST" && (path == "/v1/customers" || path.ends_with("/attach"))
    };
    log["data"].as_array().unwrap().iter().filter(saves).count()
}

/// How many customers Stripe has made of one of ours, and how many methods they have saved.
async fn saved_of(deployment: &Deployment, customer: &str) -> (usize, usize) {
    let saved =
        deployment.sandbox("GET", &format!("/control/saved?reference={customer}"), &Value::Null).await;
    let customers = saved["customers"].as_array().unwrap();
    let methods = customers.iter().map(|customer| customer["methods"].as_array().unwrap().len());
    (customers.len(), methods.sum())
}

async fn methods(merchant: &Merchant, customer: &str) -> Vec<Value> {
    let customer = merchant.get(&format!("/customers/{customer}")).await.body;
    customer["payment_methods"].as_array().expect("a list").clone()
}

/// `POST /create-subscription`, which must be paid at once; answers the method that it is paid by.
async fn paid_by(merchant: &Merchant, key: &str, order: &Value, method: Option<Value>) -> String {
    let mut order = order.clone();
    if let Some(method) = method {
        order["payment_method"] = method;
    }
    let answer = merchant.subscribe(key, &order).await;
    assert_eq!((answer.status, answer.text("status")), (202, "active"), "{key}: {answer:?}");
    answer.body["payment_method"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_one_subscription_has_saved_at_stripe_the_next_ones_charge() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let (customer, plan) = (customer(merchant).await, merchant.plan("49.90", "month").await);
    let (order, card) =
        (json!({ "customer": customer, "plan": plan }), by("card", &new_card(&deployment).await));
    let method = paid_by(merchant, "first", &order, Some(card.clone())).await;
    for (key, method) in [
        ("by its token", Some(card.clone())),
        ("by its name", Some(json!({ "id": method }))),
        ("by default", None),
    ] {
        let by = paid_by(merchant, key, &order, method).await;
        assert_eq!(by, methods(merchant, &customer).await[0]["id"], "{key}");
    }
    let [kept] = &methods(merchant, &customer).await[..] else { panic!("there is one") };
    assert_eq!((&kept["id"], &kept["type"]), (&json!(method), &json!("card")));
    assert_eq!((&kept["saved"], &kept["default"]), (&json!(true), &json!(true)));
    assert!(kept.get("token").is_none(), "{kept}");
    assert_eq!((savings(&deployment).await, saved_of(&deployment, &customer).await), (1, (1, 1)));
    deployment.idle().await;
    deployment.check_billing().await;
}

#[tokio::test]
async fn what_one_subscription_has_saved_at_paypal_the_next_one_charges() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let (customer, plan) = (customer(&merchant).await, merchant.plan("49.90", "month").await);
    let order = json!({ "customer": customer, "plan": plan });
    let method = paid_by(&merchant, "first", &order, Some(by("paypal", "vault_ok"))).await;
    deployment.stop(Service::Worker).await;
    let headers = [("idempotency-key", "second")];
    let second = merchant.send(Method::POST, "/create-subscription", &headers, &order).await;
    assert_eq!((second.status, &second.body["payment_method"]["id"]), (202, &json!(method)));
    let known =
        "SELECT count(*) FROM payments WHERE status = 'pending' AND saved->>'method_ref' = 'vault_ok'";
    assert_eq!(deployment.count(known).await, 1, "it is known before anybody asks");
    deployment.run(Service::Worker).await;
    merchant.subscription_with(second.text("id"), "active").await;
    assert_eq!(methods(&merchant, &customer).await.len(), 1);
    deployment.idle().await;
    deployment.check_billing().await;
}

/// With so much time for a call that what shall happen during one does.
async fn patient() -> Deployment {
    let settings = Settings { gateway_timeout_ms: 10_000, lease_ms: 24_000, ..Settings::default() };
    Deployment::start_with(settings).await
}

/// Two first payments with one card at once: whoever comes second charges what the first has saved.
#[tokio::test]
async fn two_subscriptions_at_once_save_and_charge_the_same() {
    let mut deployment = patient().await;
    let merchant = deployment.merchant.clone();
    let plan = merchant.plan("49.90", "month").await;
    let real = new_card(&deployment).await;
    // Stripe makes a card of its own of every request with such a token: what was remembered first is charged.
    for (token, saved) in [(real.as_str(), (1, 1)), (CARD, (2, 2))] {
        let customer = customer(&merchant).await;
        let before = savings(&deployment).await;
        deployment.stop(Service::Worker).await;
        let slow = json!({ "method": "POST", "path_prefix": "/v1/customers" });
        deployment.faults(json!([{ "fault": "slow_before_3000", "match": slow }])).await;
        let order = json!({ "customer": customer, "plan": plan, "payment_method": by("card", token) });
        let mut ids = Vec::new();
        for place in 0..2 {
            let key = format!("{token} {place}");
            let headers = [("idempotency-key", key.as_str())];
            let answer = merchant.send(Method::POST, "/create-subscription", &headers, &order).await;
            assert_eq!(answer.status, 202, "{answer:?}");
            ids.push(answer.text("id").to_owned());
        }
        deployment.run(Service::Worker).await;
        for id in &ids {
            merchant.subscription_with(id, "active").await;
        }
        assert_eq!(savings(&deployment).await - before, 2, "{token}: both have asked");
        assert_eq!(saved_of(&deployment, &customer).await, saved, "{token}");
        assert_eq!(methods(&merchant, &customer).await.len(), 1, "{token}");
        deployment.faults(json!([])).await;
    }
    let charged = "SELECT count(DISTINCT saved) FROM payments";
    assert_eq!(deployment.count(charged).await, 2, "one of each customer");
    deployment.idle().await;
    deployment.check_billing().await;
}

/// Whoever is told no looks whether somebody else was told yes meanwhile.
#[tokio::test]
async fn a_card_that_was_saved_meanwhile_is_charged_whatever_saving_says() {
    let deployment = patient().await;
    let merchant = &deployment.merchant;
    let (customer, plan) = (customer(merchant).await, merchant.plan("49.90", "month").await);
    let good = json!({ "customer": customer, "plan": plan, "payment_method": by("card", CARD) });
    paid_by(merchant, "good", &good, None).await;
    let slow = json!({ "method": "POST", "path_prefix": "/v1/payment_methods" });
    deployment.faults(json!([{ "fault": "slow_before_3000", "match": slow }])).await;
    let mut order = good.clone();
    order["payment_method"] = by("card", "pm_card_visa_chargeDeclined");
    let headers = [("idempotency-key", "refused")];
    let answer = merchant.send(Method::POST, "/create-subscription", &headers, &order).await;
    eventually("the card is at the gateway", || async { (savings(&deployment).await == 2).then_some(()) })
        .await;
    sqlx::query(
        "UPDATE customer_payment_methods m SET saved = other.saved FROM customer_payment_methods other
         WHERE m.saved IS NULL AND other.saved IS NOT NULL",
    )
    .execute(&deployment.pool)
    .await
    .unwrap();
    merchant.subscription_with(answer.text("id"), "active").await;
    deployment.idle().await;
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_worker_that_dies_after_saving_saves_no_second_time() {
    let mut deployment = patient().await;
    let shop = deployment.shop(Unit::Month).await;
    let silent = json!({ "method": "POST", "path_prefix": "/v1/customers" });
    deployment.faults(json!([{ "fault": "timeout_after", "match": silent }])).await;
    let id = deployment.subscribed(&shop.order("a", CARD)).await;
    deployment.advance(15).await;
    let customer = shop.customer.to_string();
    eventually("it is saved, and nobody is told", || async {
        (saved_of(&deployment, &customer).await == (1, 1)).then_some(())
    })
    .await;
    deployment.kill(Service::Worker).await;
    assert_eq!(deployment.count("SELECT count(*) FROM payments WHERE saved IS NULL").await, 1);
    deployment.faults(json!([])).await;
    deployment.run(Service::Worker).await;
    deployment.advance(30).await;
    deployment.becomes(id, Status::Active).await;
    assert_eq!(saved_of(&deployment, &customer).await, (1, 1));
    deployment.idle().await;
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_subscription_that_comes_back_to_a_method_charges_what_it_has_saved() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let (customer, plan) = (customer(merchant).await, merchant.plan("49.90", "month").await);
    let order = json!({ "customer": customer, "plan": plan, "payment_method": by("card", CARD) });
    let answer = merchant.subscribe("a", &order).await;
    let id = answer.text("id");
    let first = answer.body["payment_method"]["id"].clone();
    let other = json!({ "payment_method": by("card", "pm_card_amex"), "quantity": 2 });
    merchant.preview(id, &other).await;
    assert_eq!(methods(merchant, &customer).await.len(), 1, "a preview adds nothing");
    let second = merchant.updated(id, &other).await.body["payment_method"]["id"].clone();
    assert_ne!(second, first);
    for (quantity, method) in [(3, &first), (4, &second), (5, &first)] {
        let back = json!({ "payment_method": { "id": method }, "quantity": quantity });
        assert_eq!(merchant.updated(id, &back).await.body["payment_method"]["id"], *method);
    }
    let paid: Vec<_> = merchant.invoices(id).await.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(paid, vec!["paid"; 5]);
    assert_eq!((savings(&deployment).await, saved_of(&deployment, &customer).await), (2, (1, 2)));
    let kept = methods(merchant, &customer).await;
    let defaults: Vec<_> = kept.iter().filter(|kept| kept["default"] == true).collect();
    assert_eq!((kept.len(), defaults.len(), &defaults[0]["id"]), (2, 1, &first));
    deployment.idle().await;
    deployment.check_billing().await;
}

async fn api_alone() -> Deployment {
    Deployment::start_with(Settings { services: vec![Service::Api], ..Settings::default() }).await
}

/// `POST /customers/{id}/payment-methods`
async fn add(merchant: &Merchant, customer: &str, body: &Value) -> Answer {
    merchant.send(Method::POST, &format!("/customers/{customer}/payment-methods"), &[], body).await
}

/// Something without a body, about one method of a customer.
async fn ask(merchant: &Merchant, method: Method, customer: &str, rest: &str) -> Answer {
    merchant.send(method, &format!("/customers/{customer}/payment-methods/{rest}"), &[], &Value::Null).await
}

async fn subscribe(merchant: &Merchant, key: &str, order: &Value) -> Answer {
    merchant.send(Method::POST, "/create-subscription", &[("idempotency-key", key)], order).await
}

#[tokio::test]
async fn methods_are_added_once_and_one_of_them_is_the_default() {
    let deployment = api_alone().await;
    let merchant = &deployment.merchant;
    let customer = customer(merchant).await;
    let visa = json!({ "payment_method": by("card", CARD) });
    let first = add(merchant, &customer, &visa).await;
    assert_eq!(
        (first.status, &first.body["default"], &first.body["saved"]),
        (201, &json!(true), &json!(false))
    );
    assert_eq!(merchant.get(first.header("location")).await.body, first.body);
    let again = add(merchant, &customer, &visa).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    // The same token of another type is another method.
    let second = add(merchant, &customer, &json!({ "payment_method": by("apple_pay", CARD) })).await;
    assert_eq!((second.status, &second.body["default"]), (201, &json!(false)));
    let paypal = json!({ "payment_method": by("paypal", "vault_ok"), "default": true });
    let third = add(merchant, &customer, &paypal).await;
    assert_eq!((third.status, &third.body["default"]), (201, &json!(true)));
    let listed = async || {
        let kept = methods(merchant, &customer).await;
        let name = |one: &Value| (one["id"].as_str().unwrap().to_owned(), one["default"] == true);
        kept.iter().map(name).collect::<Vec<_>>()
    };
    let name = |answer: &Answer, is_default| (answer.text("id").to_owned(), is_default);
    assert_eq!(listed().await, [name(&third, true), name(&second, false), name(&first, false)]);
    for _ in 0..2 {
        let chosen = ask(merchant, Method::POST, &customer, &format!("{}/default", second.text("id"))).await;
        assert_eq!((chosen.status, &chosen.body["default"]), (200, &json!(true)));
    }
    assert_eq!(listed().await, [name(&third, false), name(&second, true), name(&first, false)]);
    let list = merchant.get("/customers").await.body;
    assert!(list["data"][0].get("payment_methods").is_none(), "{list}");

    for (body, pointers) in [
        (json!({}), vec!["/payment_method"]),
        (json!({ "payment_method": {} }), vec!["/payment_method/type", "/payment_method/token"]),
        (
            json!({ "payment_method": by("cash", "a b") }),
            vec!["/payment_method/type", "/payment_method/token"],
        ),
        (
            json!({ "payment_method": by("card", CARD), "default": 1, "saved": true }),
            vec!["/default", "/saved"],
        ),
        (
            json!({ "payment_method": by("card", &format!("pm_{}", "x".repeat(253))) }),
            vec!["/payment_method/token"],
        ),
    ] {
        let answer = add(merchant, &customer, &body).await;
        assert_eq!((answer.status, answer.text("code")), (422, "validation-failed"), "{body}");
        let faults = answer.body["errors"].as_array().unwrap();
        let found: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{body}");
    }
    let card = json!({ "payment_method": by("card", "4242424242424242") });
    assert_eq!(add(merchant, &customer, &card).await.text("code"), "card-data-refused");
    assert_eq!(
        add(
            merchant,
            &customer,
            &json!({ "payment_method": by("card", &format!("pm_{}", "x".repeat(252))) })
        )
        .await
        .status,
        201
    );
}

#[tokio::test]
async fn a_subscription_is_paid_by_the_default_where_nothing_else_is_named() {
    let deployment = api_alone().await;
    let merchant = &deployment.merchant;
    let (customer, plan) = (customer(merchant).await, merchant.plan("49.90", "month").await);
    let order = json!({ "customer": customer, "plan": plan });
    let mut trial = order.clone();
    trial["trial_days"] = json!(14);
    let without = subscribe(merchant, "no default, no trial", &order).await;
    assert_eq!((without.status, &without.body["errors"][0]["pointer"]), (422, &json!("/payment_method")));
    let idle = subscribe(merchant, "no default, trial", &trial).await;
    assert_eq!((idle.status, &idle.body["payment_method"]), (202, &Value::Null));
    let method = add(merchant, &customer, &json!({ "payment_method": by("card", CARD) })).await;
    let method = method.text("id");
    for (key, order) in [("default, no trial", &order), ("default, trial", &trial)] {
        for _ in 0..2 {
            let answer = subscribe(merchant, key, order).await;
            assert_eq!((answer.status, &answer.body["payment_method"]["id"]), (202, &json!(method)), "{key}");
        }
    }
    let known = merchant.subscription(idle.text("id")).await;
    assert_eq!(known.body["payment_method"], Value::Null, "what was made before stays as it is");

    // A name is a part of the request, and goes alone.
    let mut named = trial.clone();
    named["payment_method"] = json!({ "id": method });
    assert_eq!(subscribe(merchant, "named", &named).await.status, 202);
    assert_eq!(subscribe(merchant, "named", &trial).await.text("code"), "idempotency-key-reused");
    named["payment_method"] = json!({ "id": method, "type": "card", "token": CARD });
    let both = subscribe(merchant, "both", &named).await;
    assert_eq!((both.status, &both.body["errors"][0]["pointer"]), (422, &json!("/payment_method/id")));
    named["payment_method"] = json!({ "id": CARD });
    assert_eq!(subscribe(merchant, "a gateway's name", &named).await.status, 422);

    // Nothing of what is refused stays.
    let mut refused = order.clone();
    refused["plan"] = json!("plan_0193a3f1c2d87b51a9f0c4d2e8b7a601");
    refused["payment_method"] = by("card", "pm_card_amex");
    assert_eq!(subscribe(merchant, "no plan", &refused).await.fault(), "/plan");
    let too_much = json!({
        "customer": customer, "payment_method": by("card", "pm_card_amex"),
        "price": { "name": "Much", "amount": "9999999", "currency": "EUR", "interval": "month" },
    });
    assert_eq!(subscribe(merchant, "too much", &too_much).await.status, 409);
    assert_eq!(methods(merchant, &customer).await.len(), 1);
}

#[tokio::test]
async fn a_method_is_deleted_once_nobody_is_paid_by_it() {
    let deployment = api_alone().await;
    let merchant = &deployment.merchant;
    let (customer, plan) = (customer(merchant).await, merchant.plan("49.90", "month").await);
    let trial = json!({
        "customer": customer, "plan": plan, "trial_days": 14, "payment_method": by("card", CARD),
    });
    let (one, other) = (subscribe(merchant, "one", &trial).await, subscribe(merchant, "other", &trial).await);
    let (one, other) = (one.text("id"), other.text("id"));
    let [kept] = &methods(merchant, &customer).await[..] else { panic!("there is one") };
    let id = kept["id"].as_str().unwrap();
    let refused = ask(merchant, Method::DELETE, &customer, id).await;
    assert_eq!((refused.status, refused.text("code")), (409, "payment-method-in-use"));
    assert!(refused.text("detail").contains(one) && refused.text("detail").contains(other), "{refused:?}");
    let ended =
        merchant.send(Method::DELETE, &format!("/cancel-subscription/{one}"), &[], &Value::Null).await;
    assert_eq!((ended.status, &ended.body["payment_method"]["id"]), (202, &json!(id)));
    let refused = ask(merchant, Method::DELETE, &customer, id).await;
    assert!(!refused.text("detail").contains(one) && refused.text("detail").contains(other), "{refused:?}");
    let another = json!({ "payment_method": by("card", "pm_card_amex") });
    merchant.send(Method::PUT, &format!("/update-subscription/{other}"), &[], &another).await;

    assert_eq!(ask(merchant, Method::DELETE, &customer, id).await.status, 204);
    for (method, rest) in [(Method::DELETE, id), (Method::GET, id), (Method::POST, &format!("{id}/default"))]
    {
        assert_eq!(ask(merchant, method, &customer, rest).await.status, 404, "{rest}");
    }
    let forgotten = merchant.subscription(one).await;
    assert_eq!(forgotten.body["payment_method"], Value::Null);
    assert_ne!(forgotten.header("etag"), ended.header("etag"));
    let [left] = &methods(merchant, &customer).await[..] else { panic!("the other is left") };
    assert_eq!(left["default"], false, "nobody has chosen another default");
    let again = add(merchant, &customer, &json!({ "payment_method": by("card", CARD) })).await;
    assert_eq!((again.status, &again.body["default"]), (201, &json!(true)));
    assert_ne!(again.text("id"), id);
}

#[tokio::test]
async fn the_methods_of_others_are_not_there() {
    let deployment = api_alone().await;
    let (ours, theirs) = (&deployment.merchant, deployment.new_merchant("Rival").await);
    let body = json!({ "payment_method": by("card", CARD) });
    let (customer, plan) = (customer(ours).await, ours.plan("49.90", "month").await);
    let method = add(ours, &customer, &body).await.text("id").to_owned();
    // Another merchant, and another customer of the same.
    let other = self::customer(ours).await;
    for (merchant, customer) in [(&theirs, &customer), (ours, &other)] {
        for (verb, rest) in
            [(Method::GET, &method), (Method::DELETE, &method), (Method::POST, &format!("{method}/default"))]
        {
            assert_eq!(ask(merchant, verb, customer, rest).await.status, 404, "{rest}");
        }
    }
    assert_eq!(add(&theirs, &customer, &body).await.status, 404);
    assert_eq!(add(ours, "cus_0193a3f1c2d87b51a9f0c4d2e8b7a601", &body).await.status, 404);
    let order = |customer: &str, plan: &str| json!({ "customer": customer, "plan": plan, "trial_days": 14, "payment_method": { "id": method } });
    assert_eq!(subscribe(ours, "k", &order(&other, &plan)).await.fault(), "/payment_method/id");
    let their_plan = theirs.plan("49.90", "month").await;
    let their_customer = self::customer(&theirs).await;
    assert_eq!(
        subscribe(&theirs, "k", &order(&their_customer, &their_plan)).await.fault(),
        "/payment_method/id"
    );
    let mut idle = order(&other, &plan);
    idle["payment_method"] = Value::Null;
    let idle = subscribe(ours, "idle", &idle).await;
    for (path, verb) in
        [("/update-subscription/{}", Method::PUT), ("/subscriptions/{}/preview", Method::POST)]
    {
        let body = json!({ "payment_method": { "id": method } });
        let answer = ours.send(verb, &path.replace("{}", idle.text("id")), &[], &body).await;
        assert_eq!(answer.fault(), "/payment_method/id", "{path}");
    }
    assert_eq!(methods(ours, &customer).await.len(), 1);
    assert_eq!(methods(ours, &other).await.len(), 0);
}
