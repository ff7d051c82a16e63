//! Every fault, by token and by rule: what the caller sees, and what really happened.

use serde_json::json;

use super::{Server, eventually};

async fn wait_for_outcome(server: &Server, reference: &str, outcome: &str) {
    let what = format!("{reference} is {outcome}");
    eventually(&what, async || server.outcomes(reference).await.iter().any(|seen| seen == outcome)).await;
}

#[tokio::test]
async fn a_held_connection_hides_whether_money_moved() {
    let server = Server::start().await;
    for (token, charged, replayed) in
        [("pm_sandbox_timeout_before", 0, false), ("pm_sandbox_timeout_after", 1, true)]
    {
        let held = server.pay_in_background(token, token, token);
        wait_for_outcome(&server, token, "held").await;
        assert!(!held.is_finished());
        assert_eq!(server.charges(token).await.len(), charged, "{token}");
        held.abort();
        let second = server.pay(token, Some(token), token).await;
        assert_eq!((second.status, second.is_replay()), (200, replayed), "{token}");
        assert_eq!(server.charges(token).await.len(), 1, "{token}");
    }
}

#[tokio::test]
async fn a_dropped_connection_hides_whether_money_moved() {
    let server = Server::start().await;
    for (token, charged, replayed) in
        [("pm_sandbox_drop_before", 0, false), ("pm_sandbox_drop_after", 1, true)]
    {
        let error = server.pay_in_background(token, token, token).await.unwrap().unwrap_err();
        assert!(error.is_request() && !error.is_timeout(), "{error:?}");
        assert_eq!(server.outcomes(token).await, ["dropped"]);
        assert_eq!(server.charges(token).await.len(), charged, "{token}");
        let second = server.pay(token, Some(token), token).await;
        assert_eq!((second.status, second.is_replay()), (200, replayed), "{token}");
        assert_eq!(server.charges(token).await.len(), 1, "{token}");
    }
}

#[tokio::test]
async fn a_500_may_have_charged_and_can_be_looked_up() {
    let server = Server::start().await;
    assert_eq!(server.pay("pm_sandbox_500_after", Some("k"), "pay_1").await.status, 500);
    let list = server.get("/v1/payment_intents").await;
    assert_eq!(list.body["data"][0]["metadata"]["remit_payment"], "pay_1");
    assert_eq!(list.body["data"][0]["status"], "succeeded");
    assert_eq!(server.pay("pm_sandbox_500_before", Some("l"), "pay_2").await.status, 500);
    assert_eq!(server.get("/v1/payment_intents").await.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(server.outcomes("pay_2").await, ["500"]);
}

#[tokio::test]
async fn a_status_from_the_door_runs_nothing_and_is_not_kept() {
    let server = Server::start().await;
    for (fault, status, should_retry) in [
        ("401_once", 401, None),
        ("403_once", 403, None),
        ("409_once", 409, Some("true")),
        ("424_once", 424, None),
        ("429_once", 429, Some("true")),
        ("502_once", 502, None),
        ("503_once", 503, None),
        ("504_once", 504, None),
        ("400_should_retry_true", 400, Some("true")),
        ("500_should_retry_true", 500, Some("true")),
        ("500_should_retry_false", 500, Some("false")),
        ("503_should_retry_false", 503, Some("false")),
    ] {
        let token = format!("pm_sandbox_{fault}");
        let struck = server.pay(&token, Some(fault), fault).await;
        assert_eq!((struck.status, struck.header("stripe-should-retry")), (status, should_retry), "{fault}");
        assert!(server.charges(fault).await.is_empty(), "{fault}");
        let second = server.pay(&token, Some(fault), fault).await;
        assert_eq!((second.status, second.is_replay()), (200, false), "{fault}");
    }
}

#[tokio::test]
async fn a_status_on_the_way_back_hides_that_money_moved() {
    let server = Server::start().await;
    for (fault, status) in [("424_after", 424), ("502_after", 502), ("503_after", 503), ("504_after", 504)] {
        let token = format!("pm_sandbox_{fault}");
        assert_eq!(server.pay(&token, Some(fault), fault).await.status, status);
        assert_eq!(server.charges(fault).await.len(), 1, "{fault}");
        let second = server.pay(&token, Some(fault), fault).await;
        assert_eq!((second.status, second.is_replay()), (200, true), "{fault}");
    }
}

#[tokio::test]
async fn slow_work_is_done_even_when_the_client_has_gone() {
    let server = Server::start().await;
    let token = "pm_sandbox_slow_before_500";
    let slow = server.pay_in_background(token, "k", "pay_1");
    eventually("it runs", async || server.outcomes("pay_1").await == ["running"]).await;
    slow.abort();
    eventually("it is charged", async || server.charges("pay_1").await.len() == 1).await;
    let second = server.pay(token, Some("k"), "pay_1").await;
    assert!(second.is_replay());
}

#[tokio::test]
async fn a_token_strikes_at_the_confirmation_and_not_before() {
    let server = Server::start().await;
    let form = super::payment_with("pm_sandbox_503_once", "pay_1", &[("confirm", "false")]);
    let created = server.post("/v1/payment_intents", Some("create"), &form).await;
    assert_eq!(created.status, 200);
    let path = format!("/v1/payment_intents/{}/confirm", created.id());
    assert_eq!(server.post(&path, Some("confirm"), &[]).await.status, 503);
    assert_eq!(server.post(&path, Some("confirm"), &[]).await.status, 200);
}

#[tokio::test]
async fn a_token_strikes_the_operation_that_it_names() {
    let server = Server::start().await;
    for (token, operation) in
        [("pm_sandbox_capture_503_once", "capture"), ("pm_sandbox_cancel_503_once", "cancel")]
    {
        let form = super::payment_with(token, token, &[("capture_method", "manual")]);
        let held = server.post("/v1/payment_intents", Some(token), &form).await;
        assert_eq!(held.body["status"], "requires_capture", "{token}");
        let path = format!("/v1/payment_intents/{}/{operation}", held.id());
        assert_eq!(server.post(&path, Some(operation), &[]).await.status, 503, "{token}");
        assert_eq!(server.post(&path, Some(operation), &[]).await.status, 200, "{token}");
    }
}

#[tokio::test]
async fn a_token_strikes_a_saved_card_too() {
    let server = Server::start().await;
    let customer = server.post("/v1/customers", None, &[]).await;
    let form = [("customer", customer.id())];
    let saved = server.post("/v1/payment_methods/pm_sandbox_503_once/attach", None, &form).await;
    let form = super::payment_with(saved.id(), "pay_1", &form);
    assert_eq!(server.post("/v1/payment_intents", Some("k"), &form).await.status, 503);
    assert_eq!(server.post("/v1/payment_intents", Some("k"), &form).await.status, 200);
}

#[tokio::test]
async fn rules_strike_what_they_match_as_often_as_they_say() {
    let server = Server::start().await;
    let rules = json!([
        {"fault": "503", "count": 1, "match": {"reference": "pay_1"}},
        {"fault": "429", "match": {"token": "pm_card_amex"}},
        {"fault": "drop_after", "count": 1, "match": {"path_prefix": "/v1/payment_intents/", "method": "POST"}},
    ]);
    assert_eq!(server.control("faults", rules).await.status, 200);
    assert_eq!(server.pay("pm_card_visa", Some("k"), "pay_1").await.status, 503);
    assert_eq!(server.pay("pm_card_visa", Some("k"), "pay_1").await.status, 200);
    assert_eq!(server.pay("pm_card_visa", None, "pay_2").await.status, 200);
    for _ in 0..3 {
        assert_eq!(server.pay("pm_card_amex", None, "pay_3").await.status, 429);
    }
    let form = super::payment_with("pm_card_visa", "pay_4", &[("capture_method", "manual")]);
    let held = server.post("/v1/payment_intents", None, &form).await;
    let path = format!("/v1/payment_intents/{}/capture", held.id());
    let request = server.request(reqwest::Method::POST, &path, Some("capture"));
    assert!(request.send().await.is_err());
    assert_eq!(server.charges("pay_4").await[0]["captured"], 1099);
    assert!(server.post(&path, Some("capture"), &[]).await.is_replay());

    let left = server.get("/control/faults").await.body;
    assert_eq!(left.as_array().unwrap().iter().filter(|rule| rule["count"] == 0).count(), 2);
    let delete = server.client.delete(format!("{}/control/faults", server.url));
    assert_eq!(delete.send().await.unwrap().status(), 204);
    assert_eq!(server.pay("pm_card_amex", None, "pay_3").await.status, 200);
}

#[tokio::test]
async fn a_seed_makes_chance_repeatable() {
    let server = Server::start().await;
    server.control("faults", json!([{"fault": "503", "per_mille": 500}])).await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        server.control("seed", json!({"seed": 42})).await;
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(server.get("/v1/payment_intents").await.status);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&503));
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    for rules in [
        json!([{"fault": "nonsense"}]),
        json!([{"fault": "503", "per_mille": 1001}]),
        json!([{"fault": "503", "match": {"colour": "blue"}}]),
    ] {
        let status = server.control("faults", rules.clone()).await.status;
        assert!((400..500).contains(&status), "{rules} got {status}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_down_answers_503_and_keeps_its_books_open() {
    let server = Server::start().await;
    server.control("down", json!({"down": true})).await;
    assert_eq!(server.pay("pm_card_visa", Some("k"), "pay_1").await.status, 503);
    assert_eq!(server.get("/v1/payment_intents").await.status, 503);
    assert_eq!(server.get("/livez").await.status, 200);
    assert!(server.charges("pay_1").await.is_empty());
    server.control("down", json!({"down": false})).await;
    assert_eq!(server.pay("pm_card_visa", Some("k"), "pay_1").await.status, 200);
}

#[tokio::test]
async fn a_gateway_may_quote_what_nobody_should_read() {
    let server = Server::start().await;
    let refused = async || server.pay("pm_nobody_knows", None, "pay_1").await;
    let before = refused().await;
    server.control("words", json!({"words": "it said so"})).await;
    let quoted = refused().await;
    assert_eq!((quoted.status, before.status), (400, 400));
    let message = |answer: &super::Answer| answer.body["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message(&quoted), format!("{} it said so", message(&before)));
    assert_eq!(server.pay("pm_card_visa", None, "pay_2").await.status, 200, "only refusals quote");
    server.control("words", json!({})).await;
    assert_eq!(message(&refused().await), message(&before));
}

#[tokio::test]
async fn the_log_keeps_what_was_sent_but_no_credentials() {
    let server = Server::start().await;
    server.pay("pm_card_visa", Some("key"), "pay_1").await;
    server.get("/v1/payment_intents?limit=1&created[gte]=7").await;
    let log = server.get("/requests").await;
    let [paid, listed] = log.body["data"].as_array().unwrap().as_slice() else { panic!("{log:?}") };
    assert!(paid["body"].as_str().unwrap().starts_with("amount=1099&currency=eur"), "{paid}");
    assert_eq!((&paid["path"], &paid["query"]), (&json!("/v1/payment_intents"), &json!("")));
    assert_eq!(paid["headers"]["idempotency-key"], "key");
    assert_eq!((&listed["query"], &listed["body"]), (&json!("limit=1&created[gte]=7"), &json!("")));
    assert!(!log.body.to_string().contains("sk_test"), "{log:?}");
}
