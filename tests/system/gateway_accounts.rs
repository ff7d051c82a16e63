//! Merchants' own accounts at gateways: each payment stays with the account that it was begun with, one merchant's
//! credentials concern nobody else, and what is stored of them opens nowhere else.

use std::sync::atomic::{AtomicBool, Ordering};

use common::gateway::{GatewayName, Received};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service, Settings, card, eventually};

use crate::contract::inbox::Inbox;

const OLD_KEYS: &str = "old:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW_KEYS: &str = "new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// Sets a merchant's credentials at Stripe, as an operator does; answers what the operator is told.
async fn set(deployment: &Deployment, merchant: &str, key: &str) -> Result<String, String> {
    let path = format!("{}/{}", env!("CARGO_TARGET_TMPDIR"), uuid::Uuid::new_v4());
    std::fs::write(&path, format!("secret={key}\nwebhook=whsec_of_{merchant}\n")).unwrap();
    let arguments = ["gateways", "set", "--gateway", "stripe", "--merchant", merchant, "--from", &path];
    let told = deployment.remit(&arguments).await;
    std::fs::remove_file(&path).unwrap();
    told
}

/// The merchant's id.
async fn id_of(deployment: &Deployment, merchant: &str) -> String {
    let row =
        sqlx::query_scalar("SELECT 'mer_' || replace(id::text, '-', '') FROM merchants WHERE name = $1");
    row.bind(merchant).fetch_one(&deployment.pool).await.unwrap()
}

/// Our names for the payments that an account has, newest first.
async fn payments_of(deployment: &Deployment, key: &str) -> Vec<String> {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let url = format!("{}/v1/payment_intents?limit=100", deployment.sandbox_url());
    let answer = client.get(url).bearer_auth(key).send().await.unwrap();
    let list: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let name = |intent: &Value| intent["metadata"]["remit_payment"].as_str().unwrap().to_owned();
    list["data"].as_array().unwrap_or_else(|| panic!("{list}")).iter().map(name).collect()
}

/// A key of Stripe's is good for nothing any more.
async fn revoke(deployment: &Deployment, key: &str) {
    deployment.sandbox("POST", "/control/revoke", &json!({ "key": key })).await;
}

fn euros() -> Value {
    card("10.00", "EUR", "pm_card_visa")
}

/// Pays until `enough`, one payment after the other; answers their ids.
async fn pay_until(merchant: &Merchant, enough: &AtomicBool) -> Vec<String> {
    let mut paid = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        paid.push(merchant.paid(&format!("going {}", paid.len()), &euros()).await);
    }
    paid
}

#[tokio::test]
async fn each_merchant_is_charged_in_its_own_account_whatever_key_it_has() {
    let deployment = Deployment::start().await;
    let (own, a, b) =
        (&deployment.merchant, deployment.new_merchant("a").await, deployment.new_merchant("b").await);
    // Begun before a has an account of its own: it stays with the deployment's.
    let before = a.paid_up("before", &euros()).await;
    set(&deployment, "a", "sk_test_alpha__1").await.unwrap();
    set(&deployment, "b", "sk_test_beta__1").await.unwrap();
    let of_own = own.paid_up("own", &euros()).await;
    let (of_a, of_b) = (a.paid_up("a", &euros()).await, b.paid_up("b", &euros()).await);
    assert_eq!(payments_of(&deployment, "sk_test_alpha__1").await, [of_a.as_str()]);
    assert_eq!(payments_of(&deployment, "sk_test_beta__1").await, [of_b]);
    assert_eq!(payments_of(&deployment, "sk_test_system").await, [of_own, before.clone()]);

    // A key is replaced while payments run, and the old one ends.
    let enough = AtomicBool::new(false);
    let (going, ()) = tokio::join!(pay_until(&a, &enough), async {
        set(&deployment, "a", "sk_test_alpha__2").await.unwrap();
        let noticed = a.paid_up("after", &euros()).await;
        eventually("the new key is used", || async {
            deployment.log(Service::Worker).contains("credentials have changed").then_some(())
        })
        .await;
        revoke(&deployment, "sk_test_alpha__1").await;
        a.payment_with(&noticed, &["succeeded"]).await;
        a.paid_up("after the end of the old one", &euros()).await;
        enough.store(true, Ordering::Relaxed);
    });
    for payment in &going {
        a.payment_with(payment, &["succeeded"]).await;
        assert_eq!(deployment.charges(payment).await.len(), 1, "{payment}");
    }
    let theirs = payments_of(&deployment, "sk_test_alpha__2").await;
    assert!(theirs.contains(&of_a) && !theirs.contains(&before), "{theirs:?}");
    // What was begun elsewhere is given back there.
    for payment in [&before, &of_a] {
        let refund = a.refunded(&format!("back {payment}"), payment, None).await;
        a.refund_with(&refund, &["succeeded"]).await;
    }
    deployment.remit(&["gateways", "check"]).await.unwrap();
}

#[tokio::test]
async fn a_revoked_key_concerns_its_merchant_alone() {
    let deployment = Deployment::start().await;
    let (a, b) = (deployment.new_merchant("a").await, deployment.new_merchant("b").await);
    set(&deployment, "a", "sk_test_alpha__1").await.unwrap();
    set(&deployment, "b", "sk_test_beta__1").await.unwrap();
    revoke(&deployment, "sk_test_alpha__1").await;
    let refused = a.paid("a", &euros()).await;
    let failed = a.payment_with(&refused, &["failed"]).await;
    assert_eq!(deployment.charges(&refused).await.len(), 0, "{failed}");
    for merchant in [&b, &deployment.merchant] {
        merchant.paid_up("well", &euros()).await;
    }
    let log = deployment.log(Service::Worker);
    assert_eq!(log.matches("credentials_refused").count(), 1, "one is alarmed of");
    let told = deployment.remit(&["gateways", "check"]).await.unwrap_err();
    assert!(told.contains("1 of 2 accounts cannot be used"), "{told}");
    let told = deployment.remit(&["doctor"]).await;
    assert!(told.is_err(), "{told:?}");
    // A key that Stripe does not know, or that is live, is not even stored.
    let told = set(&deployment, "a", "sk_test_alpha__1").await.unwrap_err();
    assert!(told.contains("Stripe does not know the key"), "{told}");
    let told = set(&deployment, "a", "sk_live_51").await.unwrap_err();
    assert!(told.contains("it is a live key"), "{told}");
    set(&deployment, "a", "sk_test_alpha__2").await.unwrap();
    eventually("the new key is used", || async {
        let key = uuid::Uuid::new_v4().to_string();
        let again = a.paid(&key, &euros()).await;
        let ended = a.payment_with(&again, &["failed", "succeeded"]).await;
        (ended["status"] == "succeeded").then_some(())
    })
    .await;
}

#[tokio::test]
async fn keys_are_changed_while_payments_run() {
    let services = vec![Service::Sandbox];
    let mut deployment = Deployment::start_with(Settings { services, ..Settings::default() }).await;
    deployment.set("REMIT_ENCRYPTION_KEYS", OLD_KEYS);
    for service in [Service::Api, Service::Scheduler, Service::Worker] {
        deployment.run(service).await;
    }
    let a = deployment.new_merchant("a").await;
    set(&deployment, "a", "sk_test_alpha__1").await.unwrap();
    a.paid_up("a", &euros()).await;
    // All get the new key; then what is stored is sealed with it; then the old one goes.
    let both = format!("{NEW_KEYS},{OLD_KEYS}");
    deployment.set("REMIT_ENCRYPTION_KEYS", &both);
    for service in [Service::Api, Service::Worker] {
        deployment.stop(service).await;
        deployment.run(service).await;
    }
    let enough = AtomicBool::new(false);
    let (going, ()) = tokio::join!(pay_until(&a, &enough), async {
        let told = deployment.remit(&["secrets", "rewrap"]).await.unwrap();
        assert!(told.contains("1 secrets were sealed again"), "{told}");
        let told = deployment.remit(&["secrets", "rewrap"]).await.unwrap();
        assert!(told.contains("0 secrets were sealed again"), "{told}");
        enough.store(true, Ordering::Relaxed);
    });
    let told = deployment.remit(&["--json", "secrets", "status"]).await.unwrap();
    let status: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(status, json!([{ "table": "gateway_accounts", "key": "new", "rows": 1 }]));
    deployment.set("REMIT_ENCRYPTION_KEYS", NEW_KEYS);
    deployment.stop(Service::Worker).await;
    deployment.run(Service::Worker).await;
    for payment in &going {
        a.payment_with(payment, &["succeeded"]).await;
    }
    let last = a.paid_up("last", &euros()).await;
    assert!(payments_of(&deployment, "sk_test_alpha__1").await.contains(&last));
    deployment.set("REMIT_ENCRYPTION_KEYS", OLD_KEYS);
    let told = deployment.remit(&["secrets", "status"]).await.unwrap_err();
    assert!(told.contains("\"new\", which is not set"), "{told}");
}

#[tokio::test]
async fn credentials_that_are_moved_to_another_row_stay_closed() {
    let deployment = Deployment::start().await;
    let (a, b) = (deployment.new_merchant("a").await, deployment.new_merchant("b").await);
    set(&deployment, "a", "sk_test_alpha__1").await.unwrap();
    set(&deployment, "b", "sk_test_beta__1").await.unwrap();
    let moved = "UPDATE gateway_accounts SET secrets = (SELECT secrets FROM gateway_accounts WHERE account_ref = 'acct_beta')
                 WHERE account_ref = 'acct_alpha'";
    sqlx::query(moved).execute(&deployment.pool).await.unwrap();
    let told = deployment.remit(&["gateways", "check"]).await.unwrap_err();
    assert!(told.contains("1 of 2"), "{told}");
    let waits = a.paid("a", &euros()).await;
    b.paid_up("b", &euros()).await;
    eventually("it is told of", || async {
        let log = deployment.log(Service::Worker);
        log.contains("a merchant's credentials cannot be used").then_some(())
    })
    .await;
    assert_eq!(deployment.charges(&waits).await.len(), 0, "in nobody's account");
    assert_ne!(a.payment(&waits).await.text("status"), "failed");
    // Nothing is lost by it.
    set(&deployment, "a", "sk_test_alpha__1").await.unwrap();
    deployment.advance(60).await;
    a.payment_with(&waits, &["succeeded"]).await;
    assert_eq!(payments_of(&deployment, "sk_test_alpha__1").await, [waits]);
}

/// Tells an event at a merchant's address.
async fn tell(deployment: &Deployment, to: &str, event: &Received) -> Answer {
    let signature = event.headers["stripe-signature"].as_str();
    let headers = [("stripe-signature", signature), ("authorization", "Bearer nobody")];
    let body = String::from_utf8(event.body.clone()).unwrap();
    let path = format!("/gateways/stripe/webhook/{}", id_of(deployment, to).await);
    deployment.merchant.try_send(Method::POST, &path, &headers, Some(body)).await.expect("an answer")
}

#[tokio::test]
async fn an_event_tells_only_of_its_own_merchant() {
    let deployment = Deployment::start().await;
    let (a, b) = (deployment.new_merchant("a").await, deployment.new_merchant("b").await);
    set(&deployment, "a", "sk_test_alpha__1").await.unwrap();
    set(&deployment, "b", "sk_test_beta__1").await.unwrap();
    let (inbox, url) = Inbox::listen(GatewayName::Stripe).await;
    let targets = json!({ "stripe": { "url": url, "secret": "whsec_of_a" } });
    deployment.sandbox("POST", "/control/webhooks", &targets).await;
    let mut body = euros();
    body["capture"] = json!("manual");
    let (of_a, of_b) = (a.paid("a", &body).await, b.paid("b", &body).await);
    let event_about = async |payment: &str| {
        eventually("the event comes", || async {
            let is_it = |event: &Received| {
                let text = String::from_utf8_lossy(&event.body);
                text.contains(payment) && text.contains("amount_capturable_updated")
            };
            inbox.received().into_iter().find(is_it)
        })
        .await
    };
    for (merchant, payment) in [(&a, &of_a), (&b, &of_b)] {
        merchant.payment_with(payment, &["authorized"]).await;
    }
    // What a has signed is not b's, wherever it is told; and of b it tells nothing, though it is proven.
    let about_b = event_about(&of_b).await;
    assert_eq!(tell(&deployment, "b", &about_b).await.status, 400);
    assert_eq!(tell(&deployment, "a", &about_b).await.status, 200);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 0);
    let about_a = event_about(&of_a).await;
    assert_eq!(tell(&deployment, "b", &about_a).await.status, 400);
    assert_eq!(tell(&deployment, "a", &about_a).await.status, 200);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 1);
    eventually("it is worked off", || async {
        let open = deployment.count("SELECT count(*) FROM gateway_events WHERE handled_at IS NULL").await;
        (open == 0).then_some(())
    })
    .await;
    // Nor is it the deployment's own.
    let signature = [("stripe-signature", about_a.headers["stripe-signature"].as_str())];
    let text = String::from_utf8(about_a.body.clone()).unwrap();
    let path = "/gateways/stripe/webhook";
    let told = deployment.merchant.try_send(Method::POST, path, &signature, Some(text)).await.unwrap();
    assert_eq!(told.status, 400);
}
