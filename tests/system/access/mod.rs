//! Who may do what: every operation of the description, with every scope, with the ids of another merchant and of one's
//! own live side. It is made of the description, so a route that is added is held to it; and a route cannot be added
//! without saying what it needs.

mod operation;

use std::collections::HashMap;

use common::merchant::{
    Rights,
    scope::{Scope, Scopes},
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Merchant, Receiver, Settings, card};

use operation::{Ids, Operation, operations};

/// What a merchant has: one of each kind.
async fn made(merchant: &Merchant, receiver: &Receiver) -> Ids {
    let post = |path: &'static str, body: Value| async move {
        let answer = merchant.send(Method::POST, path, &[("idempotency-key", path)], &body).await;
        assert!([201, 202].contains(&answer.status), "{path}: {answer:?}");
        answer.body
    };
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    let payment = merchant.paid_up("paid", &card("10.00", "EUR", "pm_card_visa")).await;
    let refund = merchant.refunded("back", &payment, Some("1.00")).await;
    merchant.refund_with(&refund, &["succeeded"]).await;
    let interval = json!({ "unit": "month", "count": 1 });
    let plan = json!({ "name": "Basic", "amount": "5.00", "currency": "EUR", "interval": interval });
    let plan = id(&post("/plans", plan).await);
    let customer = id(&post("/customers", json!({})).await);
    let method = json!({ "type": "card", "token": "pm_card_visa" });
    let ordered = json!({ "customer": customer, "plan": plan, "payment_method": method });
    let subscription = id(&post("/create-subscription", ordered).await);
    tests::eventually("the subscription is active", || async {
        let found = merchant.get(&format!("/subscriptions/{subscription}")).await;
        (found.body["status"] == "active").then_some(())
    })
    .await;
    let methods = merchant.get(&format!("/customers/{customer}")).await.body["payment_methods"].clone();
    let invoices = merchant.get("/invoices").await.body["data"].clone();
    let key = id(&post("/api-keys", json!({ "scopes": ["payments:read"] })).await);
    let endpoint = json!({ "url": receiver.url, "types": ["webhook_endpoint.deleted"] });
    let endpoint = id(&post("/webhook-endpoints", endpoint).await);
    let ping =
        merchant.send(Method::POST, &format!("/webhook-endpoints/{endpoint}/ping"), &[], &Value::Null).await;
    let delivery = id(&ping.body);
    tests::eventually("the ping is delivered", || async {
        let found = merchant.get(&format!("/webhook-endpoints/{endpoint}/deliveries/{delivery}")).await;
        (found.body["status"] == "delivered").then_some(())
    })
    .await;
    let event = format!("evt_{}_1", payment.trim_start_matches("pay_"));
    HashMap::from([
        ("EventId", event),
        ("WebhookEndpointId", endpoint),
        ("WebhookDeliveryId", delivery),
        ("PaymentId", payment),
        ("RefundId", refund),
        ("PlanId", plan),
        ("CustomerId", customer),
        ("PaymentMethodId", id(&methods[0])),
        ("SubscriptionId", subscription),
        ("InvoiceId", id(&invoices[0])),
        ("ApiKeyId", key),
    ])
}

/// What a merchant sees, before and after others have tried to change it.
async fn seen(merchant: &Merchant, ids: &Ids, all: &[Operation]) -> Vec<Value> {
    let mut seen = Vec::new();
    for operation in all.iter().filter(|operation| operation.method == Method::GET && operation.is_of_one()) {
        let answer = operation.ask(merchant, ids, &[]).await;
        assert_eq!(answer.status, 200, "{operation}: {answer:?}");
        seen.push(answer.body);
    }
    seen
}

/// A merchant, its rival, and its own live side: with one of everything each.
struct Sides {
    deployment: Deployment,
    all: Vec<Operation>,
    rival: (Merchant, Ids),
    live: Ids,
}

async fn sides() -> Sides {
    let deployment = Deployment::start_with(Settings { test_clock: false, ..Settings::default() }).await;
    let (rival, twin) = (deployment.new_merchant("Rival").await, deployment.new_merchant("Twin").await);
    let receiver = Receiver::start().await;
    let (rivals, live) = (made(&rival, &receiver).await, made(&twin, &receiver).await);
    // As it would be, had all of that been done with a live key.
    sqlx::query("UPDATE merchants SET name = 'Shop', livemode = true WHERE name = 'Twin'")
        .execute(&deployment.pool)
        .await
        .unwrap();
    let description = deployment.merchant.get("/openapi.json").await.body;
    Sides { all: operations(&description), deployment, rival: (rival, rivals), live }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_done_for_whoever_may_and_for_nobody_else() {
    let Sides { deployment, all, rival: (rival, rivals), live } = sides().await;
    assert!(all.len() > 40, "{} operations", all.len());
    let before = seen(&rival, &rivals, &all).await;
    let nobody = [("authorization", "Bearer rmt_test_0000000000000000000000000000000Qd3NB")];
    for operation in &all {
        for headers in [&nobody[..], &[("authorization", "")]] {
            let answer = operation.ask(&rival, &rivals, headers).await;
            assert_eq!((answer.status, answer.text("code")), (401, "unauthorized"), "{operation}");
        }
    }
    for scope in Scope::ALL {
        let rights = Rights { scopes: Scopes::new(vec![scope]).unwrap(), ..Rights::all() };
        let caller = deployment.with_key("Shop", false, &rights).await;
        for operation in &all {
            for others in [&rivals, &live] {
                let answer = operation.ask(&caller, others, &[]).await;
                let found = (answer.status, answer.body["code"].as_str().unwrap_or_default());
                let told = answer.body["detail"].as_str().unwrap_or_default();
                let what = format!("{operation} with {scope}: {answer:?}");
                if !scope.includes(operation.scope) {
                    assert_eq!(found, (403, "scope-missing"), "{what}");
                    assert!(told.contains(&format!("the scope {},", operation.scope)), "{what}");
                } else if operation.is_of_one() || is_clocks(operation) {
                    assert_eq!(found, (404, "not-found"), "{what}");
                } else if operation.names_in_body(others) {
                    assert_eq!(found, (422, "validation-failed"), "{what}");
                } else {
                    assert!([200, 201, 202].contains(&answer.status), "{what}");
                    let shown = answer.body.to_string();
                    assert!(others.values().all(|id| !shown.contains(id)), "{what}");
                }
            }
        }
    }
    tests::eventually("nothing is left but renewals", || async {
        let left = "SELECT count(*) FROM jobs WHERE kind NOT IN ('renew_subscription', 'deliver_webhook')";
        (deployment.count(left).await == 0).then_some(())
    })
    .await;
    assert_eq!(before, seen(&rival, &rivals, &all).await, "somebody has changed what is not theirs");
}

/// Nobody moves the clock of a deployment that was not started for that.
fn is_clocks(operation: &Operation) -> bool {
    operation.to_string().ends_with("/test-clock") || operation.to_string().ends_with("/test-clock/advance")
}

/// What was refused above was refused for whose it is: its owner is not told that there is no such thing.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_it_belongs_to_finds_it() {
    let Sides { deployment: _deployment, all, rival: (rival, rivals), .. } = sides().await;
    let is_of_one = |operation: &&Operation| operation.is_of_one();
    let (last, first): (Vec<_>, Vec<_>) =
        all.iter().filter(is_of_one).partition(|operation| operation.method == Method::DELETE);
    for operation in first.into_iter().chain(last) {
        let answer = operation.ask(&rival, &rivals, &[]).await;
        assert!(![401, 403, 404].contains(&answer.status), "{operation}: {answer:?}");
    }
}

/// Beside each other on one database: an API where money is real, and one where it is not. There never are two such,
/// but what keeps the sides apart must not be that.
#[tokio::test(flavor = "multi_thread")]
async fn live_and_test_never_meet() {
    let mut deployment = Deployment::api_alone().await;
    let settings = [
        ("REMIT_MODE", "live"),
        ("REMIT_TEST_CLOCK", "false"),
        ("REMIT_STRIPE_WEBHOOK_SECRETS", ""),
        ("REMIT_PAYPAL_TEST_ROOT", ""),
        ("REMIT_WEBHOOK_ALLOW_PRIVATE", "false"),
        ("REMIT_ENCRYPTION_KEYS", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ];
    let live_url = deployment.another_api(&settings).await;
    let test = deployment.merchant.clone();
    let live = deployment.with_key("Shop", true, &Rights::all()).await;
    let (misplaced_live, misplaced_test) = (live.clone(), Merchant::new(live_url.clone(), test.key.clone()));
    let live = Merchant::new(live_url, live.key.clone());
    for (caller, code) in [(&misplaced_live, "live-key-refused"), (&misplaced_test, "test-key-refused")] {
        let refused = caller.get("/payments").await;
        assert_eq!((refused.status, refused.text("code")), (403, code), "{refused:?}");
    }
    let body = card("1.00", "EUR", "pm_card_visa");
    let (of_live, of_test) = (live.paid("k", &body).await, test.paid("k", &body).await);
    assert_ne!(of_live, of_test, "one idempotency key, and two payments");
    for (caller, own, other, livemode) in
        [(&live, &of_live, &of_test, true), (&test, &of_test, &of_live, false)]
    {
        assert_eq!(caller.payment(own).await.body["livemode"], livemode);
        assert_eq!(caller.payment(other).await.status, 404);
        assert_eq!(tests::ids(&caller.get("/payments").await.body), [own.as_str()]);
        let made = json!({ "scopes": ["payments:read"] });
        let key = caller.send(Method::POST, "/api-keys", &[], &made).await.body;
        assert_eq!(key["livemode"], livemode);
        assert_eq!(key["prefix"], if livemode { "rmt_live_" } else { "rmt_test_" });
    }
}
