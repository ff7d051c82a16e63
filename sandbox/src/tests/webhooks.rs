//! Webhooks: what is told of each change, that it arrives, and what goes wrong on request.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Server, eventually, payment_with};

const SECRET: &str = "whsec_test";

/// Somebody who listens to webhooks.
struct Shop {
    url: String,
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Heard {
    events: Vec<Told>,
    /// How many of the next deliveries are answered with a 500.
    refusals: usize,
    refused: usize,
}

/// One delivery.
#[derive(Clone)]
struct Told {
    event: Value,
    genuine: bool,
}

impl Shop {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Heard>>::default();
        let router = Router::new().route("/hook", post(hear)).with_state(Arc::clone(&heard));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, heard, task }
    }

    async fn listen_to(&self, server: &Server) {
        let targets = json!({"stripe": {"url": self.url, "secret": SECRET}});
        assert_eq!(server.control("webhooks", targets).await.status, 204);
    }

    fn told(&self) -> Vec<Told> {
        self.heard.lock().unwrap().events.clone()
    }

    fn kinds(&self) -> Vec<String> {
        self.told().iter().map(|told| told.event["type"].as_str().unwrap().to_owned()).collect()
    }

    fn refuse(&self, times: usize) {
        self.heard.lock().unwrap().refusals = times;
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hear(State(heard): State<Arc<Mutex<Heard>>>, headers: HeaderMap, body: String) -> StatusCode {
    let mut heard = heard.lock().unwrap();
    if heard.refusals > 0 {
        heard.refusals -= 1;
        heard.refused += 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let signature = headers["stripe-signature"].to_str().unwrap();
    let time: i64 = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
    let age = crate::clock::Clock::default().machine_now().seconds() - time;
    assert!((0..300).contains(&age), "a moved clock must not make signatures look old: {age} s");
    let expected = crate::stripe::webhooks::signature(SECRET, &body, time);
    let event = serde_json::from_str(&body).unwrap();
    heard.events.push(Told { event, genuine: signature == expected });
    StatusCode::OK
}

async fn quiet(server: &Server) -> Value {
    let report = async || server.get("/control/webhooks").await.body;
    eventually("all is told", async || report().await["pending"] == 0).await;
    report().await
}

/// Makes the sandbox misbehave, runs something, and answers what the shop heard.
async fn heard_with_faults(faults: Value, payments: usize) -> (Server, Shop) {
    let (server, shop) = (Server::start().await, Shop::open().await);
    shop.listen_to(&server).await;
    assert_eq!(server.control("webhook_faults", faults).await.status, 204);
    for number in 0..payments {
        server.pay("pm_card_visa", None, &format!("pay_{number}")).await;
    }
    quiet(&server).await;
    (server, shop)
}

#[tokio::test]
async fn a_payment_is_told_as_the_api_shows_it() {
    let (server, shop) = (Server::start().await, Shop::open().await);
    shop.listen_to(&server).await;
    let paid = server.pay("pm_card_visa", Some("k"), "pay_1").await;
    quiet(&server).await;
    assert_eq!(shop.kinds(), ["charge.succeeded", "payment_intent.succeeded"]);
    let told = &shop.told()[1];
    assert!(told.genuine);
    assert_eq!(told.event["data"]["object"], paid.body);
    assert_eq!(told.event["object"], "event");
    assert_eq!(told.event["livemode"], false);
    assert_eq!(told.event["request"]["idempotency_key"], "k");
    assert_eq!(told.event["request"]["id"], paid.header("request-id").unwrap());
    let id = told.event["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/v1/events/{id}")).await.body, told.event);
    server.pay("pm_card_visa", Some("k"), "pay_1").await;
    assert_eq!(quiet(&server).await["delivered"], 2, "a repeated answer is not told again");
}

/// What each operation is told as. One table, so that a missing event is a missing word.
#[tokio::test]
async fn every_change_has_its_events() {
    let (server, shop) = (Server::start().await, Shop::open().await);
    server.settle_by_hand().await;
    shop.listen_to(&server).await;
    let expect = async |what: &str, kinds: &[&str]| {
        quiet(&server).await;
        assert_eq!(shop.kinds(), kinds, "{what}");
        shop.heard.lock().unwrap().events.clear();
    };
    let done = async |path: String, form: super::Form<'_>| {
        let answer = server.post(&path, None, form).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer
    };

    server.pay("pm_card_visa_chargeDeclined", None, "pay_1").await;
    expect("a decline", &["payment_intent.payment_failed"]).await;

    let held = server.hold("pm_card_visa", "pay_2").await;
    expect("a hold", &["charge.succeeded", "payment_intent.amount_capturable_updated"]).await;
    done(format!("/v1/payment_intents/{}/capture", held.id()), &[]).await;
    expect("a capture", &["charge.captured", "payment_intent.succeeded"]).await;
    server.refund(&held, None, &[]).await;
    expect("a refund", &["charge.refunded", "refund.created"]).await;

    let held = server.hold("pm_card_visa", "pay_3").await;
    expect("a hold", &["charge.succeeded", "payment_intent.amount_capturable_updated"]).await;
    done(format!("/v1/payment_intents/{}/cancel", held.id()), &[]).await;
    expect("a cancellation", &["payment_intent.canceled"]).await;

    server.hold("pm_card_visa", "pay_4").await;
    expect("a hold", &["charge.succeeded", "payment_intent.amount_capturable_updated"]).await;
    server.control("clock", json!({"advance_seconds": 7 * 24 * 3600})).await;
    expect("an expiry", &["payment_intent.canceled", "charge.expired"]).await;

    server.pay("pm_card_authenticationRequired", None, "pay_5").await;
    expect("a challenge", &["payment_intent.requires_action"]).await;

    let more = [("currency", "usd"), ("mandate_data[customer_acceptance][type]", "offline")];
    let form = payment_with("pm_usBankAccount_success", "pay_6", &more);
    server.post("/v1/payment_intents", None, &form).await;
    expect("a debit", &["payment_intent.processing"]).await;
    server.control("settle", json!({"reference": "pay_6"})).await;
    expect("its end", &["charge.succeeded", "payment_intent.succeeded"]).await;

    let paid = server.pay("pm_card_refundFail", None, "pay_7").await;
    server.refund(&paid, None, &[]).await;
    quiet(&server).await;
    shop.heard.lock().unwrap().events.clear();
    server.control("settle", json!({"reference": "pay_7"})).await;
    expect("a refund's failure", &["refund.updated", "refund.failed"]).await;

    server.control("dispute", json!({"reference": "pay_7"})).await;
    expect("a dispute", &["charge.dispute.created", "charge.dispute.funds_withdrawn"]).await;
    let list = server.get("/v1/disputes").await;
    let id = list.body["data"][0]["id"].as_str().unwrap();
    done(format!("/v1/disputes/{id}"), &[("evidence[uncategorized_text]", "winning_evidence")]).await;
    expect("evidence", &["charge.dispute.updated"]).await;
    server.control("clock", json!({"advance_seconds": 3600})).await;
    expect("a verdict", &["charge.dispute.closed", "charge.dispute.funds_reinstated"]).await;
}

#[tokio::test]
async fn a_refused_event_is_sent_again_until_it_arrives() {
    let (server, shop) = (Server::start().await, Shop::open().await);
    shop.refuse(5);
    shop.listen_to(&server).await;
    server.pay("pm_card_visa", None, "pay_1").await;
    let report = quiet(&server).await;
    assert_eq!((&report["delivered"], &report["failed_attempts"]), (&json!(2), &json!(5)));
    let mut kinds = shop.kinds();
    kinds.sort_unstable();
    assert_eq!(kinds, ["charge.succeeded", "payment_intent.succeeded"]);
}

#[tokio::test]
async fn events_wait_for_somebody_to_listen_and_survive_a_kill() {
    let server = Server::start().await;
    server.pay("pm_card_visa", None, "pay_1").await;
    let report = server.get("/control/webhooks").await.body;
    assert_eq!((&report["pending"], &report["kept"]), (&json!(0), &json!(2)));
    // A shop that nobody runs any more.
    let shop = Shop::open().await;
    shop.task.abort();
    shop.refuse(usize::MAX);
    shop.listen_to(&server).await;
    let server = server.killed_and_restarted("").await;
    let report = server.get("/control/webhooks").await.body;
    assert_eq!(report["pending"], 2, "neither the target nor the events are forgotten: {report}");
    let shop = Shop::open().await;
    shop.listen_to(&server).await;
    quiet(&server).await;
    assert_eq!(shop.kinds(), ["charge.succeeded", "payment_intent.succeeded"]);

    // That they have arrived is not waited for by who delivers; this waits for the journal's last line.
    server.control("clock", json!({"advance_seconds": 0})).await;
    let server = server.killed_and_restarted("").await;
    assert_eq!(quiet(&server).await["delivered"], 0, "what has arrived is not sent again");
    assert_eq!(server.control("redeliver", json!({"all": true})).await.body["redelivered"], 2);
    quiet(&server).await;
    assert_eq!(shop.kinds().len(), 4);
}

#[tokio::test]
async fn events_may_come_twice_or_never() {
    let (server, shop) = heard_with_faults(json!({"duplicate_per_mille": 1000}), 1).await;
    let ids: Vec<_> = shop.told().iter().map(|told| told.event["id"].clone()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!((&ids[0], &ids[2]), (&ids[1], &ids[3]), "the same event, not another one like it");
    assert_eq!(server.get("/control/webhooks").await.body["duplicated"], 2);

    let (server, shop) = heard_with_faults(json!({"drop_per_mille": 1000}), 2).await;
    assert!(shop.told().is_empty());
    assert_eq!(server.get("/control/webhooks").await.body["dropped"], 4);
    let events = server.get("/v1/events").await;
    assert_eq!(events.body["data"].as_array().unwrap().len(), 4, "they can be asked for");
}

#[tokio::test]
async fn events_may_come_in_another_order() {
    let (_server, shop) = heard_with_faults(json!({"shuffle": true}), 10).await;
    let told: Vec<i64> = shop.told().iter().map(|told| place(&told.event)).collect();
    assert_eq!(told.len(), 20);
    assert!(!told.is_sorted(), "{told:?}");
}

/// Which payment an event is about.
fn place(event: &Value) -> i64 {
    let reference = event["data"]["object"]["metadata"]["remit_payment"].as_str().unwrap();
    reference.strip_prefix("pay_").unwrap().parse().unwrap()
}

#[tokio::test]
async fn late_events_come_within_the_time_given() {
    let (server, shop) = heard_with_faults(json!({"delay_ms_max": 3_600_000}), 0).await;
    for number in 0..20 {
        server.pay("pm_card_visa", None, &format!("pay_{number}")).await;
    }
    server.control("clock", json!({"advance_seconds": 3600})).await;
    quiet(&server).await;
    assert_eq!(shop.told().len(), 40);
}

#[tokio::test]
async fn forgeries_look_right_and_are_signed_wrong() {
    let (server, shop) = heard_with_faults(json!({"forge_per_mille": 1000}), 0).await;
    let declined = server.pay("pm_card_visa_chargeDeclined", None, "pay_1").await;
    let paid = server.pay("pm_card_visa", None, "pay_2").await;
    quiet(&server).await;
    let forged: Vec<_> = shop.told().into_iter().filter(|told| !told.genuine).collect();
    assert_eq!(forged.len(), 3);
    let false_success = &forged[0].event;
    assert_eq!(false_success["type"], "payment_intent.succeeded");
    let intent = &declined.body["error"]["payment_intent"]["id"];
    assert_eq!(&false_success["data"]["object"]["id"], intent);
    assert_eq!(false_success["data"]["object"]["status"], "succeeded");
    let false_dispute = &forged[1].event;
    assert_eq!(false_dispute["type"], "charge.dispute.created");
    assert_eq!(false_dispute["data"]["object"]["payment_intent"], paid.body["id"]);
    assert!(server.books("pay_2").await["disputes"].as_array().unwrap().is_empty());
    let told = shop.told();
    assert!(told.iter().filter(|told| told.genuine).count() == 3, "the truth is told as well");
}

#[tokio::test]
async fn events_are_listed_and_narrowed() {
    let server = Server::start().await;
    for number in 0..3 {
        server.pay("pm_card_visa", None, &format!("pay_{number}")).await;
    }
    let list = async |query: &str| server.get(&format!("/v1/events?{query}")).await.body;
    let ids = |list: &Value| {
        let data = list["data"].as_array().unwrap();
        data.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ids(&list("").await);
    assert_eq!(all.len(), 6);
    let page = list("limit=2").await;
    assert_eq!((ids(&page), &page["has_more"]), (all[..2].to_vec(), &json!(true)));
    assert_eq!(ids(&list(&format!("limit=9&starting_after={}", all[1])).await), all[2..]);
    assert_eq!(ids(&list(&format!("limit=2&ending_before={}", all[3])).await), all[1..3]);
    let charges = list("type=charge.succeeded").await;
    assert_eq!(charges["data"].as_array().unwrap().len(), 3);
    assert_eq!(place(&charges["data"][0]), 2, "the newest first");
    let both = list("types[]=charge.succeeded&types[]=payment_intent.succeeded").await;
    assert_eq!(ids(&both), all);
    assert_eq!(server.get("/v1/events/evt_nothing").await.status, 404);
}

#[tokio::test]
async fn targets_and_faults_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    for (path, body) in [
        ("webhooks", json!({"stripe": {"url": "http://shop.test"}})),
        ("webhooks", json!({"klarna": {"url": "http://shop.test"}})),
        ("webhook_faults", json!({"drop_per_mille": 1001})),
        ("webhook_faults", json!({"colour": "blue"})),
        ("redeliver", json!({})),
    ] {
        let status = server.control(path, body.clone()).await.status;
        assert!((400..500).contains(&status), "{path} {body} got {status}");
    }
    let request = server.client.request(Method::GET, format!("{}/control/webhook_faults", server.url));
    assert!(request.send().await.unwrap().status().is_success());
}
