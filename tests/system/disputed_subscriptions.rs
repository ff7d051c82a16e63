//! What a dispute of a payment does to the subscription that was paid by it: what was agreed, once.

use std::time::Duration;

use common::{
    clock::Timestamp,
    dispute::{self as disputes, store::Recorded},
    gateway::{Dispute, DisputeStatus, GatewayName},
    id::{MerchantId, PaymentId},
    money::{Currency, Money},
    reconciliation::{State, store},
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Merchant, Remains, Service, eventually};

/// An order, paid at that gateway.
async fn order(merchant: &Merchant, plan: &str, gateway: GatewayName) -> Value {
    let (kind, token) = match gateway {
        GatewayName::Stripe => ("card", "pm_card_visa"),
        GatewayName::Paypal => ("paypal", "vault_ok"),
    };
    json!({
        "customer": merchant.customer().await, "plan": plan, "quantity": 1,
        "payment_method": { "type": kind, "token": token },
    })
}

/// A subscription with what is said of disputes; its id, once it is paid.
async fn subscribed(merchant: &Merchant, key: &str, mut order: Value, on_dispute: Option<&str>) -> String {
    if let Some(on_dispute) = on_dispute {
        order["on_dispute"] = json!(on_dispute);
    }
    let answer = merchant.subscribe(key, &order).await;
    assert_eq!((answer.status, answer.text("status")), (202, "active"), "{answer:?}");
    answer.text("id").to_owned()
}

/// Lives on until these have renewed, and are paid.
async fn renewed(deployment: &Deployment, ids: &[&str]) {
    let merchant = &deployment.merchant;
    let renews_at = merchant.subscription(ids[0]).await.text("renews_at").to_owned();
    deployment.advance_to(renews_at.parse::<Timestamp>().unwrap()).await;
    deployment.idle().await;
    for id in ids {
        let invoices = merchant.invoices(id).await;
        assert_eq!((invoices.len(), &invoices[1]["status"]), (2, &json!("paid")), "{id}: {invoices:?}");
    }
}

/// The payment of the last invoice.
async fn last_payment(merchant: &Merchant, id: &str) -> String {
    let invoice = merchant.subscription(id).await.text("latest_invoice").to_owned();
    let invoice = merchant.get(&format!("/invoices/{invoice}")).await.body;
    invoice["payments"][0].as_str().expect("a payment").to_owned()
}

async fn dispute(deployment: &Deployment, payment: &str, outcome: Option<&str>) {
    let body = json!({ "reference": payment, "outcome": outcome });
    deployment.sandbox("POST", "/control/dispute", &body).await;
}

async fn disputed(merchant: &Merchant, payment: &str, status: &str) {
    eventually(&format!("the dispute of {payment} is {status}"), || async {
        let payment = merchant.payment(payment).await.body;
        (payment["disputes"][0]["status"] == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_disputed_renewal_ends_the_subscription_where_that_was_agreed() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let plan = merchant.plan("30.00", "month").await;
    let mut all = Vec::new();
    for gateway in GatewayName::ALL {
        for (said, agreed) in [(None, "keep"), (Some("keep"), "keep"), (Some("cancel"), "cancel")] {
            let order = order(merchant, &plan, gateway).await;
            let id = subscribed(merchant, &format!("{gateway} {said:?}"), order, said).await;
            assert_eq!(merchant.subscription(&id).await.text("on_dispute"), agreed);
            all.push((id, agreed));
        }
    }
    let ids: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
    renewed(&deployment, &ids).await;
    for (id, agreed) in &all {
        let payment = last_payment(merchant, id).await;
        dispute(&deployment, &payment, None).await;
        disputed(merchant, &payment, "open").await;
        let status = if *agreed == "cancel" { "canceled" } else { "active" };
        // In the transaction that shows the dispute.
        let now = merchant.subscription(id).await.body;
        assert_eq!(
            (&now["status"], now["ended_at"].is_string()),
            (&json!(status), *agreed == "cancel"),
            "{now}"
        );
        assert_eq!(merchant.balance(id).await, "0.00", "nothing is given back: the bank has done that");
        dispute(&deployment, &payment, Some("lost")).await;
        disputed(merchant, &payment, "lost").await;
    }
    for _ in 0..3 {
        deployment.sandbox("POST", "/control/redeliver", &json!({ "all": true })).await;
    }
    deployment.idle().await;
    let told = "SELECT count(*) FROM events WHERE type = 'subscription.canceled'";
    assert_eq!(deployment.count(told).await, 2);
    // Those that go on are billed again, and those that have ended are not.
    let kept = merchant.subscription(ids[0]).await.text("renews_at").to_owned();
    deployment.advance_to(kept.parse::<Timestamp>().unwrap()).await;
    deployment.idle().await;
    for (id, agreed) in &all {
        let expected = if *agreed == "cancel" { 2 } else { 3 };
        assert_eq!(merchant.invoices(id).await.len(), expected, "{id}");
    }
    deployment.check_billing().await;
}

/// It is what was agreed when the payer objects: what is changed later, or heard later, changes nothing.
#[tokio::test]
async fn what_was_agreed_when_a_dispute_opens_counts() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let plan = merchant.plan("30.00", "month").await;
    let stripe = GatewayName::Stripe;
    let before = subscribed(merchant, "before", order(merchant, &plan, stripe).await, None).await;
    // What a merchant has settled for all is copied: it rewrites no agreement that there is.
    let whose: uuid::Uuid = sqlx::query_scalar("SELECT merchant_id FROM subscriptions LIMIT 1")
        .fetch_one(&deployment.pool)
        .await
        .unwrap();
    let whose = MerchantId(whose).to_string();
    deployment.remit(&["subscription", "on-dispute", &whose, "cancel"]).await.unwrap();
    let since = subscribed(merchant, "since", order(merchant, &plan, stripe).await, None).await;
    let other = subscribed(merchant, "other", order(merchant, &plan, stripe).await, Some("keep")).await;
    for (id, agreed) in [(&before, "keep"), (&since, "cancel"), (&other, "keep")] {
        assert_eq!(merchant.subscription(id).await.text("on_dispute"), agreed);
    }

    let payment = last_payment(merchant, &other).await;
    dispute(&deployment, &payment, None).await;
    disputed(merchant, &payment, "open").await;
    let changed = merchant.updated(&other, &json!({ "on_dispute": "cancel" })).await;
    assert_eq!((changed.text("on_dispute"), changed.text("status")), ("cancel", "active"));
    dispute(&deployment, &payment, Some("lost")).await;
    disputed(merchant, &payment, "lost").await;
    deployment.idle().await;
    assert_eq!(merchant.subscription(&other).await.text("status"), "active", "it was opened before");

    let version = merchant.subscription(&since).await.header("etag").to_owned();
    merchant.updated(&since, &json!({ "on_dispute": "cancel" })).await;
    assert_eq!(merchant.subscription(&since).await.header("etag"), version, "it was so already");
    merchant.updated(&since, &json!({ "on_dispute": "keep" })).await;
    let payment = last_payment(merchant, &since).await;
    dispute(&deployment, &payment, None).await;
    disputed(merchant, &payment, "open").await;
    assert_eq!(merchant.subscription(&since).await.text("status"), "active");

    for method in [Method::POST, Method::PUT] {
        let is_new = method == Method::POST;
        let mut body = if is_new { order(merchant, &plan, stripe).await } else { json!({}) };
        body["on_dispute"] = json!("ignore");
        let path =
            if is_new { "/create-subscription".to_owned() } else { format!("/update-subscription/{since}") };
        let refused = merchant.send(method, &path, &[("idempotency-key", "bad")], &body).await;
        assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (422, &json!("/on_dispute")));
    }
    let mut again = order(merchant, &plan, stripe).await;
    again["on_dispute"] = json!("cancel");
    again["customer"] = merchant.subscription(&other).await.body["customer"].clone();
    let reused = merchant.subscribe("other", &again).await;
    assert_eq!((reused.status, reused.text("code")), (422, "idempotency-key-reused"), "another agreement");
    deployment.idle().await;
    deployment.check_billing().await;
}

/// Its event is lost, or the worker dies over it: the subscription ends all the same, with the dispute's record.
#[tokio::test]
async fn whoever_hears_of_the_dispute_ends_the_subscription_with_it() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let plan = merchant.plan("30.00", "month").await;
    let order_of = async |key: &str| {
        subscribed(&merchant, key, order(&merchant, &plan, GatewayName::Stripe).await, Some("cancel")).await
    };
    let (lost, struck) = (order_of("lost").await, order_of("struck").await);
    let (of_lost, of_struck) = (last_payment(&merchant, &lost).await, last_payment(&merchant, &struck).await);

    deployment.idle().await;
    deployment.sandbox("POST", "/control/webhook_faults", &json!({ "drop_per_mille": 1000 })).await;
    dispute(&deployment, &of_lost, None).await;
    deployment.idle().await;
    assert_eq!(merchant.subscription(&lost).await.text("status"), "active", "nobody has told us");
    let now = deployment.now().await;
    let hour = Duration::from_secs(3600);
    let between = (now - hour, now + hour);
    let id = store::request(&deployment.pool, GatewayName::Stripe, between, Duration::ZERO).await.unwrap();
    eventually("the settlement reports are compared", || async {
        let found = store::find(&deployment.pool, id).await.unwrap().unwrap();
        (found.state == State::Done).then_some(())
    })
    .await;
    merchant.subscription_with(&lost, "canceled").await;
    deployment.sandbox("POST", "/control/webhook_faults", &json!({})).await;

    let here = json!({ "method": "GET", "path_prefix": "/v1/disputes" });
    deployment.faults(json!([{ "fault": "slow_before_900", "count": 1, "match": here }])).await;
    dispute(&deployment, &of_struck, None).await;
    eventually("the gateway is asked", || async {
        let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
        let asks = |request: &Value| request["path"].as_str().unwrap().starts_with("/v1/disputes");
        log["data"].as_array().unwrap().iter().filter(|request| asks(request)).nth(1).map(drop)
    })
    .await;
    deployment.kill(Service::Worker).await;
    deployment.run(Service::Worker).await;
    deployment.advance(60).await;
    merchant.subscription_with(&struck, "canceled").await;
    deployment.sandbox("POST", "/control/redeliver", &json!({ "all": true })).await;
    deployment.idle().await;
    let told = "SELECT count(*) FROM events WHERE type = 'subscription.canceled'";
    assert_eq!(deployment.count(told).await, 2);
    deployment.check_billing().await;
}

/// What another gateway took beside a payment is disputed, and lost: nobody was billed for that, so the subscription
/// goes on, and what was paid for its days is given back whole.
#[tokio::test]
async fn a_dispute_of_a_duplicate_is_not_the_payments() {
    let mut deployment = Deployment::start().await;
    deployment.leaves(&[Remains::Duplicates]);
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("30.00", "month").await;
    let order = order(merchant, &plan, GatewayName::Stripe).await;
    let id = subscribed(merchant, "a", order, Some("cancel")).await;
    let payment: PaymentId = last_payment(merchant, &id).await.parse().unwrap();
    let duplicate = "INSERT INTO duplicates (id, merchant_id, payment_id, gateway, gateway_ref, movement_ref, amount,
            currency)
        SELECT gen_random_uuid(), merchant_id, id, 'paypal', '5O1', '3C6', amount, currency FROM payments WHERE id = $1";
    sqlx::query(duplicate).bind(payment.0).execute(&deployment.pool).await.unwrap();
    let told = Dispute {
        dispute_ref: "PP-D-1".into(),
        reference: Some(payment.to_string()),
        money: Money::parse_positive("30.00", Currency::from_code("EUR").unwrap()).unwrap(),
        fee: None,
        reason: None,
        status: DisputeStatus::Lost,
        funds_withdrawn: true,
    };
    let mut transaction = deployment.pool.begin().await.unwrap();
    let recorded = disputes::store::record(&mut transaction, GatewayName::Paypal, &told).await.unwrap();
    assert_eq!(recorded, Recorded::Ours { alarm: None });
    transaction.commit().await.unwrap();
    assert_eq!(merchant.payment(&payment.to_string()).await.body["disputes"][0]["status"], "lost");
    assert_eq!(merchant.subscription(&id).await.text("status"), "active");
    merchant.cancel_subscription(&id, "?proration=by_day", &[]).await;
    assert_eq!(merchant.balance(&id).await, "30.00");
}
