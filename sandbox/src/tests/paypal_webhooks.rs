//! PayPal's webhooks: what is told of each change, how it is signed, and that PayPal knows its own.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::paypal::{Shop, order, order_for_payer};
use super::{eventually, read};

const WEBHOOK_ID: &str = "1JE4291016473214C";

/// One delivery, as it came.
#[derive(Clone)]
struct Told {
    headers: HeaderMap,
    body: String,
}

impl Told {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.event()["event_type"].as_str().unwrap().to_owned()
    }
}

/// Somebody who listens to webhooks.
struct Ear {
    url: String,
    heard: Arc<Mutex<Vec<Told>>>,
    task: JoinHandle<()>,
}

impl Ear {
    async fn open(shop: &Shop) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Told>>>::default();
        let router = Router::new().route("/hook", post(hear)).with_state(Arc::clone(&heard));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let ear = Self { url, heard, task };
        let targets = json!({"paypal": {"url": ear.url, "webhook_id": WEBHOOK_ID}});
        assert_eq!(shop.control("webhooks", targets).await.status, 204);
        ear
    }

    /// All that was told since the last time.
    async fn told(&self, shop: &Shop) -> Vec<Told> {
        let report = async || shop.server.get("/control/webhooks").await.body;
        eventually("all is told", async || report().await["pending"] == 0).await;
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    async fn kinds(&self, shop: &Shop) -> Vec<String> {
        self.told(shop).await.iter().map(Told::kind).collect()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hear(State(heard): State<Arc<Mutex<Vec<Told>>>>, headers: HeaderMap, body: String) -> StatusCode {
    heard.lock().unwrap().push(Told { headers, body });
    StatusCode::OK
}

/// Asks PayPal whether a delivery is its own: the event's text goes along untouched.
async fn verified(shop: &Shop, told: &Told, webhook_id: &str, body: &str) -> String {
    let header = |name: &str| json!(told.headers[name].to_str().unwrap());
    let question = json!({
        "auth_algo": header("paypal-auth-algo"),
        "cert_url": header("paypal-cert-url"),
        "transmission_id": header("paypal-transmission-id"),
        "transmission_sig": header("paypal-transmission-sig"),
        "transmission_time": header("paypal-transmission-time"),
        "webhook_id": webhook_id,
    });
    let question = question.to_string();
    let question = format!("{},\"webhook_event\":{body}}}", question.strip_suffix('}').unwrap());
    let path = "/v1/notifications/verify-webhook-signature";
    let request = shop.request(Method::POST, path, None).header("content-type", "application/json");
    let answer = read(request.body(question).send().await.unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["verification_status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_payment_is_told_as_the_api_shows_it_and_paypal_knows_its_own() {
    let shop = Shop::start().await;
    let ear = Ear::open(&shop).await;
    let paid = shop.pay("vault_ok", "k", "pay_1").await;
    let told = ear.told(&shop).await;
    let kinds: Vec<String> = told.iter().map(Told::kind).collect();
    assert_eq!(kinds, ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"]);
    let event = told[0].event();
    let capture = paid.capture()["id"].as_str().unwrap();
    assert_eq!(event["resource"], shop.get(&format!("/v2/payments/captures/{capture}")).await.body);
    assert_eq!(told[1].event()["resource"], paid.body);
    assert_eq!((&event["event_version"], &event["resource_type"]), (&json!("1.0"), &json!("capture")));
    let id = event["id"].as_str().unwrap();
    assert!(id.starts_with("WH-"));
    assert_eq!(shop.get(&format!("/v1/notifications/webhooks-events/{id}")).await.body, event);

    let body = &told[0].body;
    assert_eq!(verified(&shop, &told[0], WEBHOOK_ID, body).await, "SUCCESS");
    let changed = body.replace("10.99", "99.99");
    assert_eq!(verified(&shop, &told[0], WEBHOOK_ID, &changed).await, "FAILURE");
    assert_eq!(verified(&shop, &told[0], "another", body).await, "FAILURE");
    assert_eq!(verified(&shop, &told[1], WEBHOOK_ID, body).await, "FAILURE");
    shop.pay("vault_ok", "k", "pay_1").await;
    assert!(ear.told(&shop).await.is_empty(), "a repetition is not told again");
}

/// What each operation is told as. One table, so that a missing event is a missing word.
#[tokio::test]
async fn every_change_has_its_events() {
    let shop = Shop::start().await;
    let ear = Ear::open(&shop).await;
    shop.server.settle_by_hand().await;
    let settle = async |body: Value| shop.control("settle", body).await;

    shop.pay("vault_declined", "a", "pay_1").await;
    assert_eq!(ear.kinds(&shop).await, ["PAYMENT.CAPTURE.DECLINED", "CHECKOUT.ORDER.COMPLETED"]);
    shop.pay("vault_issue_PAYER_CANNOT_PAY", "b", "pay_2").await;
    assert!(ear.kinds(&shop).await.is_empty(), "nothing was made");

    shop.pay("vault_pending", "c", "pay_3").await;
    assert_eq!(ear.kinds(&shop).await, ["PAYMENT.CAPTURE.PENDING", "CHECKOUT.ORDER.COMPLETED"]);
    settle(json!({"reference": "pay_3"})).await;
    assert_eq!(ear.kinds(&shop).await, ["PAYMENT.CAPTURE.COMPLETED"]);
    shop.pay("vault_pending_denied", "d", "pay_4").await;
    settle(json!({"reference": "pay_4"})).await;
    assert_eq!(
        ear.kinds(&shop).await,
        ["PAYMENT.CAPTURE.PENDING", "CHECKOUT.ORDER.COMPLETED", "PAYMENT.CAPTURE.DENIED"]
    );

    let created = shop.post("/v2/checkout/orders", Some("e"), order_for_payer("pay_5")).await;
    assert!(ear.kinds(&shop).await.is_empty());
    shop.approve(created.id(), json!({})).await;
    assert_eq!(ear.kinds(&shop).await, ["CHECKOUT.ORDER.APPROVED"]);

    let authorization = shop.authorize("vault_ok", "pay_6").await;
    assert_eq!(ear.kinds(&shop).await, ["PAYMENT.AUTHORIZATION.CREATED", "CHECKOUT.ORDER.COMPLETED"]);
    shop.post(&format!("/v2/payments/authorizations/{authorization}/capture"), Some("f"), json!({})).await;
    assert_eq!(ear.kinds(&shop).await, ["PAYMENT.CAPTURE.COMPLETED"]);
    let authorization = shop.authorize("vault_ok", "pay_7").await;
    ear.told(&shop).await;
    shop.post(&format!("/v2/payments/authorizations/{authorization}/void"), Some("g"), json!({})).await;
    assert_eq!(ear.kinds(&shop).await, ["PAYMENT.AUTHORIZATION.VOIDED"]);

    for (token, end) in [
        ("vault_refund_pending", "PAYMENT.CAPTURE.REFUNDED"),
        ("vault_refund_failed", "PAYMENT.REFUND.FAILED"),
    ] {
        let capture = shop.paid(token, token).await;
        ear.told(&shop).await;
        shop.refund(&capture, token, json!({"custom_id": "ref_1"})).await;
        assert_eq!(ear.kinds(&shop).await, ["PAYMENT.REFUND.PENDING"]);
        settle(json!({"reference": token})).await;
        let told = ear.told(&shop).await;
        assert_eq!((told.len(), told[0].kind().as_str()), (1, end));
        assert_eq!(told[0].event()["resource"]["custom_id"], "ref_1");
    }

    shop.paid("vault_ok", "pay_8").await;
    ear.told(&shop).await;
    shop.control("dispute", json!({"reference": "pay_8"})).await;
    assert_eq!(ear.kinds(&shop).await, ["CUSTOMER.DISPUTE.CREATED"]);
    shop.advance(3600).await;
    assert_eq!(ear.kinds(&shop).await, ["CUSTOMER.DISPUTE.UPDATED"]);
    shop.control("dispute", json!({"reference": "pay_8", "outcome": "lost"})).await;
    assert_eq!(ear.kinds(&shop).await, ["CUSTOMER.DISPUTE.RESOLVED", "PAYMENT.CAPTURE.REVERSED"]);
}

#[tokio::test]
async fn forgeries_look_right_and_are_not_paypals() {
    let shop = Shop::start().await;
    let ear = Ear::open(&shop).await;
    shop.control("webhook_faults", json!({"forge_per_mille": 1000})).await;
    shop.server.settle_by_hand().await;
    let pending = shop.pay("vault_pending", "k", "pay_1").await;
    let told = ear.told(&shop).await;
    let mut genuine = Vec::new();
    let mut forged = Vec::new();
    for told in told {
        let status = verified(&shop, &told, WEBHOOK_ID, &told.body).await;
        if status == "SUCCESS" { genuine.push(told) } else { forged.push(told) }
    }
    assert_eq!((genuine.len(), forged.len()), (2, 2));
    for forged in forged {
        assert_eq!(forged.kind(), "PAYMENT.CAPTURE.COMPLETED", "which is not so");
        assert_eq!(forged.event()["resource"]["id"], pending.capture()["id"]);
        assert_eq!(forged.event()["resource"]["status"], "COMPLETED");
    }
    shop.pay("vault_ok", "l", "pay_2").await;
    let kinds = ear.kinds(&shop).await;
    assert!(kinds.contains(&"CUSTOMER.DISPUTE.CREATED".to_owned()), "{kinds:?}");
    assert!(shop.server.books("pay_2").await["disputes"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn events_can_be_asked_for() {
    let shop = Shop::start().await;
    let paid = shop.pay("vault_ok", "a", "pay_1").await;
    let mut body = order("vault_ok", "pay_2");
    body["intent"] = json!("AUTHORIZE");
    shop.post("/v2/checkout/orders", Some("b"), body).await;
    let list = async |query: &str| {
        let answer = shop.get(&format!("/v1/notifications/webhooks-events?{query}")).await;
        let events = answer.body["events"].as_array().unwrap().clone();
        events.iter().map(|event| event["event_type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = list("").await;
    assert_eq!(all.len(), 4);
    assert_eq!(all[3], "PAYMENT.CAPTURE.COMPLETED", "the newest first");
    assert_eq!(list("event_type=PAYMENT.AUTHORIZATION.CREATED").await.len(), 1);
    let capture = paid.capture()["id"].as_str().unwrap();
    assert_eq!(list(&format!("transaction_id={capture}")).await, ["PAYMENT.CAPTURE.COMPLETED"]);
    assert_eq!(list("page_size=1").await.len(), 1);
    assert!(list("end_time=2020-01-01T00:00:00Z").await.is_empty());
    assert_eq!(shop.server.get("/v1/events").await.body["data"], json!([]), "Stripe tells nothing of it");
}
