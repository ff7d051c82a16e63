//! Any decline by its name, of a charge and of what follows one.

use reqwest::Method;
use serde_json::json;

use super::Server;

#[tokio::test]
async fn a_charge_is_declined_as_its_token_says() {
    let server = Server::start().await;
    for (token, code, decline_code, advice_code) in [
        ("pm_sandbox_decline_lost_card", "card_declined", json!("lost_card"), json!(null)),
        ("pm_sandbox_code_expired_card", "expired_card", json!(null), json!(null)),
        (
            "pm_sandbox_decline_do_not_honor_advice_do_not_try_again",
            "card_declined",
            json!("do_not_honor"),
            json!("do_not_try_again"),
        ),
    ] {
        let answer = server.pay(token, Some(token), token).await;
        assert_eq!((answer.status, answer.error_code()), (402, code), "{token}");
        let error = &answer.body["error"];
        assert_eq!((&error["decline_code"], &error["advice_code"]), (&decline_code, &advice_code), "{token}");
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method", "{token}");
        assert!(server.pay(token, Some(token), token).await.is_replay(), "{token}");
        assert!(server.charges(token).await.is_empty(), "{token}");
    }
}

/// The clock of whoever asks is followed, and a card is good again when its time has come.
#[tokio::test]
async fn a_card_is_declined_for_a_time_and_the_clock_follows_its_callers() {
    let server = Server::start().await;
    let now = server.get("/control/clock").await.body["now"].as_i64().unwrap();
    let card = format!("pm_sandbox_between_{}_{}_chargeDeclinedInsufficientFunds", now + 3600, now + 7200);
    for (hours, status) in [(0, 200), (1, 402), (1, 402), (2, 200), (0, 200)] {
        let ahead = (hours * 3600_i64 + 60) * 1000;
        let clock = server.request(Method::GET, "/control/clock", None).header("remit-clock-ahead", ahead);
        clock.send().await.unwrap();
        assert_eq!(server.pay(&card, None, "pay_1").await.status, status, "after {hours} hours");
    }
    let moved = server.get("/control/clock").await.body["offset_seconds"].as_i64();
    assert_eq!(moved, Some(7260), "it never goes back");
}

#[tokio::test]
async fn a_capture_and_a_refund_are_declined_and_leave_the_payment_as_it_was() {
    let server = Server::start().await;
    let held = server.hold("pm_sandbox_capture_decline_do_not_honor", "pay_1").await;
    assert_eq!(held.body["status"], "requires_capture");
    let path = format!("/v1/payment_intents/{}/capture", held.id());
    let declined = server.post(&path, Some("c"), &[]).await;
    assert_eq!((declined.status, &declined.body["error"]["decline_code"]), (402, &json!("do_not_honor")));
    assert_eq!(declined.body["error"]["payment_intent"]["status"], "requires_capture");
    assert!(server.post(&path, Some("c"), &[]).await.is_replay());
    assert_eq!(server.charges("pay_1").await[0]["captured"], 0);

    let paid = server.pay("pm_sandbox_refund_code_expired_card", None, "pay_2").await;
    let declined = server.refund(&paid, Some("r"), &[]).await;
    assert_eq!((declined.status, declined.error_code()), (402, "expired_card"));
    assert!(server.refund(&paid, Some("r"), &[]).await.is_replay());
    assert_eq!(server.charges("pay_2").await[0]["refunded"], 0);
}
