//! Stripe's idempotency rules, row by row.

use serde_json::json;

use super::{Server, eventually, payment, payment_with, read};

const HOUR: u32 = 3600;

#[tokio::test]
async fn a_second_use_gets_the_first_answer() {
    let server = Server::start().await;
    let first = server.pay("pm_card_visa", Some("k"), "pay_1").await;
    let second = server.pay("pm_card_visa", Some("k"), "pay_1").await;
    assert!(!first.is_replay());
    assert!(second.is_replay());
    assert_eq!((second.status, &second.body), (200, &first.body));
    assert_eq!(second.header("original-request"), first.header("request-id"));
    assert_ne!(second.header("request-id"), first.header("request-id"));
    assert_eq!(server.charges("pay_1").await.len(), 1);
}

#[tokio::test]
async fn without_a_key_every_request_charges() {
    let server = Server::start().await;
    server.pay("pm_card_visa", None, "pay_1").await;
    server.pay("pm_card_visa", None, "pay_1").await;
    assert_eq!(server.charges("pay_1").await.len(), 2);
}

#[tokio::test]
async fn a_decline_is_kept() {
    let server = Server::start().await;
    let first = server.pay("pm_card_visa_chargeDeclined", Some("k"), "pay_1").await;
    let second = server.pay("pm_card_visa_chargeDeclined", Some("k"), "pay_1").await;
    assert_eq!((second.status, second.is_replay()), (402, true));
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn a_500_is_kept() {
    let server = Server::start().await;
    for (token, charges) in [("pm_sandbox_500_before", 0), ("pm_sandbox_500_after", 1)] {
        let first = server.pay(token, Some(token), token).await;
        let second = server.pay(token, Some(token), token).await;
        assert_eq!((first.status, first.is_replay()), (500, false));
        assert_eq!((second.status, second.is_replay()), (500, true));
        assert_eq!(server.charges(token).await.len(), charges, "{token}");
    }
}

#[tokio::test]
async fn a_refused_state_is_kept() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    let path = format!("/v1/payment_intents/{}/capture", paid.id());
    assert_eq!(server.post(&path, Some("k"), &[]).await.status, 400);
    assert!(server.post(&path, Some("k"), &[]).await.is_replay());
}

#[tokio::test]
async fn validation_errors_leave_the_key_free() {
    let server = Server::start().await;
    let wrong = payment_with("pm_card_visa", "pay_1", &[("amount", "1")]);
    assert_eq!(server.post("/v1/payment_intents", Some("k"), &wrong).await.status, 400);
    let unknown = server.pay("pm_nothing", Some("k"), "pay_1").await;
    assert_eq!(unknown.status, 400);
    let right = server.pay("pm_card_visa", Some("k"), "pay_1").await;
    assert_eq!((right.status, right.is_replay()), (200, false));
}

#[tokio::test]
async fn a_refused_api_key_leaves_the_key_free() {
    let server = Server::start().await;
    let form = payment("pm_card_visa", "pay_1");
    let url = format!("{}/v1/payment_intents", server.url);
    let request = server.client.post(url).header("idempotency-key", "k").form(&form);
    assert_eq!(read(request.send().await.unwrap()).await.status, 401);
    assert!(!server.pay("pm_card_visa", Some("k"), "pay_1").await.is_replay());
}

#[tokio::test]
async fn refusals_without_running_leave_the_key_free() {
    let server = Server::start().await;
    for (token, status) in
        [("pm_sandbox_429_once", 429), ("pm_sandbox_503_once", 503), ("pm_sandbox_409_once", 409)]
    {
        assert_eq!(server.pay(token, Some(token), token).await.status, status);
        let second = server.pay(token, Some(token), token).await;
        assert_eq!((second.status, second.is_replay()), (200, false), "{token}");
        assert!(server.pay(token, Some(token), token).await.is_replay());
        assert_eq!(server.charges(token).await.len(), 1);
    }
}

#[tokio::test]
async fn other_parameters_or_another_path_are_an_error() {
    let server = Server::start().await;
    let first = server.pay("pm_card_visa", Some("k"), "pay_1").await;
    let other = payment_with("pm_card_visa", "pay_1", &[("amount", "1100")]);
    let other = server.post("/v1/payment_intents", Some("k"), &other).await;
    assert_eq!((other.status, &other.body["error"]["type"]), (400, &json!("idempotency_error")));
    let path = format!("/v1/payment_intents/{}/cancel", first.id());
    let path = server.post(&path, Some("k"), &[]).await;
    assert_eq!((path.status, &path.body["error"]["type"]), (400, &json!("idempotency_error")));
    assert!(server.pay("pm_card_visa", Some("k"), "pay_1").await.is_replay(), "the first answer stays");
}

#[tokio::test]
async fn the_order_of_parameters_does_not_matter() {
    let server = Server::start().await;
    let mut form = payment("pm_card_visa", "pay_1");
    server.post("/v1/payment_intents", Some("k"), &form).await;
    form.reverse();
    assert!(server.post("/v1/payment_intents", Some("k"), &form).await.is_replay());
}

#[tokio::test]
async fn each_api_key_has_its_own_keys() {
    let server = Server::start().await;
    server.pay("pm_card_visa", Some("k"), "pay_1").await;
    let form = payment("pm_card_visa", "pay_1");
    let url = format!("{}/v1/payment_intents", server.url);
    let request = server.client.post(url).bearer_auth("sk_test_2").header("idempotency-key", "k").form(&form);
    let answer = read(request.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.is_replay()), (200, false));
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict_until_its_request_ends() {
    let server = Server::start().await;
    for (token, charged_at_once) in [("pm_sandbox_slow_after_1500", 1), ("pm_sandbox_slow_before_1500", 0)] {
        let running = server.pay_in_background(token, token, token);
        eventually("the request runs", async || server.outcomes(token).await.contains(&"running".to_owned()))
            .await;
        eventually("its key is in use", async || server.pay(token, Some(token), token).await.status == 409)
            .await;
        assert_eq!(server.charges(token).await.len(), charged_at_once, "{token}");
        let conflict = server.pay(token, Some(token), token).await;
        assert_eq!(conflict.error_code(), "idempotency_key_in_use");
        let first = read(running.await.unwrap().unwrap()).await;
        assert_eq!((first.status, first.is_replay()), (200, false));
        let second = server.pay(token, Some(token), token).await;
        assert_eq!((second.is_replay(), &second.body), (true, &first.body));
        assert_eq!(server.charges(token).await.len(), 1, "{token}");
    }
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let server = Server::start().await;
    server.pay("pm_card_visa", Some("k"), "pay_1").await;
    server.control("clock", json!({"advance_seconds": 23 * HOUR})).await;
    assert!(server.pay("pm_card_visa", Some("k"), "pay_1").await.is_replay());
    server.control("clock", json!({"advance_seconds": HOUR})).await;
    let anew = server.pay("pm_card_visa", Some("k"), "pay_1").await;
    assert_eq!((anew.status, anew.is_replay()), (200, false));
    assert_eq!(server.charges("pay_1").await.len(), 2, "the books convict whoever replays too late");
    server.control("clock", json!({"advance_seconds": 23 * HOUR})).await;
    assert!(server.pay("pm_card_visa", Some("k"), "pay_1").await.is_replay(), "kept for a day of its own");
}

#[tokio::test]
async fn a_key_has_at_most_255_characters() {
    let server = Server::start().await;
    let longest = "k".repeat(255);
    assert_eq!(server.pay("pm_card_visa", Some(&longest), "pay_1").await.status, 200);
    let too_long = "k".repeat(256);
    assert_eq!(server.pay("pm_card_visa", Some(&too_long), "pay_1").await.status, 400);
}
