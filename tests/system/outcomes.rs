//! What a payment becomes: every outcome of the gateway, from the request to the books.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Service, card, eventually};

#[tokio::test]
async fn a_payment_is_accepted_charged_and_shown() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut body = card("49.90", "EUR", "pm_card_visa");
    body["order_id"] = json!("A-1042");
    body["metadata"] = json!({ "basket": "7" });
    body["customer"] = json!({ "email": "ada@example.com" });
    let accepted = merchant.pay("order-1042", &body).await;

    assert_eq!(accepted.status, 202, "{accepted:?}");
    assert_eq!(accepted.text("status"), "pending");
    let id = accepted.text("id");
    assert_eq!(accepted.header("location"), format!("/payments/{id}"));
    assert_eq!(accepted.text("status_url"), format!("{}/payments/{id}", merchant.url));
    assert_eq!(accepted.header("retry-after"), "1");

    let payment = merchant.payment_with(id, &["succeeded"]).await;
    for (field, value) in [("amount", "49.90"), ("amount_captured", "49.90"), ("currency", "EUR")] {
        assert_eq!(payment[field], value);
    }
    assert_eq!(payment["order_id"], "A-1042");
    assert_eq!(payment["metadata"]["basket"], "7");
    assert_eq!(payment["customer"]["email"], "ada@example.com");
    assert_eq!(payment["payment_method"]["card"]["last4"], "4242");
    assert!(payment["payment_method"].get("token").is_none(), "tokens stay inside");

    let charges = deployment.charges(id).await;
    assert_eq!(charges.len(), 1, "{charges:?}");
    assert_eq!((&charges[0]["captured"], &charges[0]["currency"]), (&json!(4990), &json!("eur")));
    assert_eq!(deployment.count("SELECT count(*) FROM events WHERE type = 'payment.succeeded'").await, 1);
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn who_prefers_to_wait_gets_the_outcome_in_the_answer() {
    let deployment = Deployment::start().await;
    let pay = async |key: &str, token: &str| {
        let headers = [("idempotency-key", key), ("prefer", "wait=30")];
        let body = card("10", "USD", token);
        deployment.merchant.send(Method::POST, "/process-payment", &headers, &body).await
    };
    let answer = pay("a", "pm_card_visa").await;
    assert_eq!((answer.status, answer.text("status")), (202, "succeeded"));
    assert_eq!(answer.header("preference-applied"), "wait=30");
    assert_eq!(answer.header("retry-after"), "", "it is final");
    assert_eq!(pay("b", "pm_card_visa_chargeDeclined").await.text("status"), "failed");
    assert_eq!(pay("c", "pm_card_authenticationRequired").await.text("status"), "requires_action");
    // They were told, and did not have to look.
    let (_, metrics) = deployment.api_tells("/metrics").await;
    assert!(metrics.contains("outcomes_awaited_total{by=\"notice\"}"), "{metrics}");
    let again = pay("a", "pm_card_visa").await;
    assert_eq!((again.text("status"), again.header("idempotent-replayed")), ("succeeded", "true"));
}

#[tokio::test]
async fn declines_are_told_with_their_class_and_a_code_fit_for_the_payer() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (token, class, code) in [
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "soft", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "soft", "card_velocity_exceeded"),
        ("pm_card_visa_chargeDeclinedLostCard", "hard", "card_declined"),
        ("pm_card_visa_chargeDeclinedStolenCard", "hard", "card_declined"),
        ("pm_card_chargeDeclinedExpiredCard", "hard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "customer", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "soft", "processing_error"),
    ] {
        let id = merchant.paid(token, &card("20.00", "EUR", token)).await;
        let failure = &merchant.payment_with(&id, &["failed"]).await["failure"];
        assert_eq!((&failure["decline_class"], &failure["code"]), (&json!(class), &json!(code)), "{token}");
        assert!(!failure["message"].as_str().unwrap().is_empty());
        assert_eq!(deployment.charges(&id).await, [] as [Value; 0], "{token}");
    }
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn money_can_be_reserved_for_a_later_capture() {
    let deployment = Deployment::start().await;
    let mut body = card("99.00", "EUR", "pm_card_visa");
    body["capture"] = json!("manual");
    let id = deployment.merchant.paid("a", &body).await;
    let payment = deployment.merchant.payment_with(&id, &["authorized"]).await;
    assert_eq!((&payment["amount_captured"], &payment["capture"]), (&json!("0.00"), &json!("manual")));
    deployment.settled().await;
    deployment.check_books().await;
}

/// Approves or fails the authentication as the payer would: on the page that we gave.
async fn authenticate(deployment: &Deployment, payment: &Value, button: &str) {
    let page = payment["next_action"]["url"].as_str().expect("a page to go to");
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let pressed = client.post(format!("{page}/{button}")).send().await.unwrap();
    assert!(pressed.status().as_u16() < 400, "{}", pressed.status());
    // The outcome is asked for every five minutes.
    deployment.advance(301).await;
}

#[tokio::test]
async fn the_payer_may_have_to_act_first() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (button, status) in [("approve", "succeeded"), ("fail", "failed")] {
        for return_url in [Value::Null, json!("https://shop.example/back")] {
            let mut body = card("30.00", "EUR", "pm_card_authenticationRequired");
            body["return_url"] = return_url.clone();
            let id = merchant.paid(&format!("{button}{return_url}"), &body).await;
            let payment = merchant.payment_with(&id, &["requires_action"]).await;
            assert_eq!(deployment.charges(&id).await.len(), 0);
            authenticate(&deployment, &payment, button).await;
            let payment = merchant.payment_with(&id, &[status]).await;
            assert!(payment["next_action"].is_null());
        }
    }
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn bank_debits_take_days() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let hour = json!({ "milliseconds": 3_600_000 });
    deployment.sandbox("POST", "/control/settle_after", &hour).await;
    for (token, status) in
        [("pm_usBankAccount_success", "succeeded"), ("pm_usBankAccount_accountClosed", "failed")]
    {
        let body = json!({
            "amount": "75.00", "currency": "USD",
            "payment_method": { "type": "bank_debit", "token": token },
        });
        let id = merchant.paid(token, &body).await;
        let payment = eventually("the gateway has it", || async {
            let payment = merchant.payment(&id).await.body;
            payment["gateway_reference"].is_string().then_some(payment)
        })
        .await;
        assert_eq!(payment["status"], "processing");
        deployment.sandbox("POST", "/control/settle", &json!({ "reference": id })).await;
        deployment.advance(301).await;
        merchant.payment_with(&id, &[status]).await;
    }
    deployment.settled().await;
    deployment.check_books().await;
}

/// The rows of the gateway's bad days: what goes wrong, and that it ends well all the same.
#[tokio::test]
async fn unknown_outcomes_are_found_out() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let tokens = [
        "pm_sandbox_timeout_before",
        "pm_sandbox_timeout_after",
        "pm_sandbox_drop_before",
        "pm_sandbox_drop_after",
        "pm_sandbox_500_after",
        "pm_sandbox_503_once",
        "pm_sandbox_429_once",
        "pm_sandbox_409_once",
        "pm_sandbox_slow_after_1500",
        "pm_sandbox_slow_before_1500",
    ];
    let mut ids = Vec::new();
    for token in tokens {
        ids.push((token, merchant.paid(token, &card("12.34", "EUR", token)).await));
    }
    for (token, id) in ids {
        let payment = merchant.payment_with(&id, &["succeeded", "failed", "needs_review"]).await;
        assert_eq!(payment["status"], "succeeded", "{token}");
        assert_eq!(deployment.charges(&id).await.len(), 1, "{token}");
    }
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn what_cannot_be_found_out_is_shown_to_a_person() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let id = merchant.paid("a", &card("12.34", "EUR", "pm_sandbox_500_before")).await;
    let payment = eventually("somebody must look", || async {
        deployment.advance(600).await;
        let payment = merchant.payment(&id).await.body;
        (payment["status"] != "processing" && payment["status"] != "pending").then_some(payment)
    })
    .await;
    assert_eq!(payment["status"], "needs_review");
    assert!(payment["review_reason"].is_string(), "{payment}");
    assert!(payment["failure"].is_null(), "never told as failed");
    deployment.settled().await;
}

/// A gateway that is never reached charged nothing, and only then may we say so by ourselves.
#[tokio::test]
async fn an_unreachable_gateway_is_waited_for() {
    let mut deployment = Deployment::start().await;
    deployment.kill(Service::Sandbox).await;
    let merchant = deployment.merchant.clone();
    let waited_for = merchant.paid("a", &card("1.00", "EUR", "pm_card_visa")).await;
    let tried = "SELECT count(*) FROM gateway_calls WHERE outcome = 'not_sent'";
    eventually("it was tried", || async { (deployment.count(tried).await > 1).then_some(()) }).await;
    assert_eq!(merchant.payment(&waited_for).await.text("status"), "processing");
    deployment.run(Service::Sandbox).await;
    deployment.advance(600).await;
    merchant.payment_with(&waited_for, &["succeeded"]).await;

    deployment.kill(Service::Sandbox).await;
    let given_up = merchant.paid("b", &card("1.00", "EUR", "pm_card_visa")).await;
    eventually("it was tried", || async { (deployment.count(tried).await > 3).then_some(()) }).await;
    deployment.advance(21 * 3600).await;
    let payment = merchant.payment_with(&given_up, &["failed"]).await;
    assert_eq!(payment["failure"]["code"], "gateway_unreachable");
    deployment.run(Service::Sandbox).await;
    deployment.settled().await;
    deployment.check_books().await;
}

/// After a day the gateway has forgotten the key: sent again, the charge would run anew.
#[tokio::test]
async fn a_job_that_slept_longer_than_a_key_lives_charges_nothing_again() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let id = merchant.paid("a", &card("5.00", "EUR", "pm_sandbox_slow_after_900000")).await;
    eventually("it is charged", || async { (deployment.charges(&id).await.len() == 1).then_some(()) }).await;
    deployment.kill(Service::Worker).await;
    deployment.sandbox("POST", "/control/clock", &json!({ "advance_seconds": 26 * 3600 })).await;
    deployment.advance(26 * 3600).await;
    deployment.run(Service::Worker).await;
    merchant.payment_with(&id, &["succeeded"]).await;
    deployment.settled().await;
    deployment.check_books().await;
}
