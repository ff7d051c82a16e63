//! Refunds on a gateway's bad days: made once, whatever happens, and never told as what they are not.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Service, Settings, card, eventually, paypal};

/// What ends well by itself, within minutes.
const PASSING: [&str; 11] = [
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "500_after",
    "503_once",
    "429_once",
    "409_once",
    "slow_after_1500",
    "slow_before_1500",
    "slow_after_200",
];

#[tokio::test]
async fn through_every_fault_a_refund_is_made_once() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut refunds = Vec::new();
    for fault in PASSING {
        let token = format!("pm_sandbox_refund_{fault}");
        let vault = format!("vault_sandbox_refund_{fault}");
        for body in [card("12.34", "EUR", &token), paypal("12.34", "EUR", Some(&vault))] {
            let key = body["payment_method"]["token"].to_string();
            let payment = merchant.paid_up(&key, &body).await;
            // Two parts: each has a key of its own, and each is struck.
            for amount in ["2.34", "10.00"] {
                let refund = merchant.refunded(&format!("{key} {amount}"), &payment, Some(amount)).await;
                refunds.push((format!("{key} {amount}"), refund));
            }
        }
    }
    for (which, refund) in refunds {
        let ended = merchant.refund_with(&refund, &["succeeded", "failed", "needs_review"]).await;
        assert_eq!(ended["status"], "succeeded", "{which}: {ended}");
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

/// The gateway keeps a 500 under the key, and has no trace of a refund: nobody can say that none was made.
/// Should it turn up after all, it is recorded.
#[tokio::test]
async fn what_cannot_be_found_out_is_shown_to_a_person_and_may_still_turn_up() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let payment = merchant.paid_up("p", &card("12.34", "EUR", "pm_sandbox_refund_500_before")).await;
    let refund = merchant.refunded("r", &payment, Some("10.00")).await;
    let reviewed = eventually("somebody must look", || async {
        deployment.advance(600).await;
        let refund = merchant.get(&format!("/refunds/{refund}")).await.body;
        (refund["status"] != "processing" && refund["status"] != "pending").then_some(refund)
    })
    .await;
    assert_eq!(reviewed["status"], "needs_review", "{reviewed}");
    assert!(reviewed["review_reason"].is_string() && reviewed["failure"].is_null(), "{reviewed}");
    let shown = merchant.payment(&payment).await.body;
    assert_eq!((&shown["amount_refunded"], &shown["amount_refunding"]), (&json!("0.00"), &json!("10.00")));
    let more = merchant.refund("more", &payment, Some("2.35")).await;
    assert_eq!(more.text("code"), "refund-exceeds-payment", "its amount is held");
    deployment.quiet().await;
    deployment.check_books().await;

    refund_at_stripe(&deployment, shown["gateway_reference"].as_str().unwrap(), &payment, &refund).await;
    merchant.refund_with(&refund, &["succeeded"]).await;
    deployment.quiet().await;
    deployment.check_books().await;
}

/// A refund with our reference that is made at the gateway, past us.
async fn refund_at_stripe(deployment: &Deployment, intent: &str, payment: &str, refund: &str) {
    let form = format!(
        "payment_intent={intent}&amount=1000&metadata[remit_refund]={refund}&metadata[remit_payment]={payment}"
    );
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let made = client
        .request(Method::POST, format!("{}/v1/refunds", deployment.sandbox_url()))
        .bearer_auth("sk_test_system")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status().as_u16(), 200);
}

/// A gateway that says no for good: told with its reason, and the amount is free again.
#[tokio::test]
async fn a_refused_refund_gives_its_amount_free() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (issue, code) in [
        ("REFUND_NOT_ALLOWED", "refund_not_allowed"),
        ("TRANSACTION_DISPUTED", "transaction_disputed"),
        ("REFUND_TIME_LIMIT_EXCEEDED", "refund_time_limit_exceeded"),
        ("SOMETHING_NEW", "something_new"),
    ] {
        let vault = format!("vault_refund_issue_{issue}");
        let payment = merchant.paid_up(issue, &paypal("10.00", "EUR", Some(&vault))).await;
        let refund = merchant.refunded(issue, &payment, None).await;
        let ended = merchant.refund_with(&refund, &["failed"]).await;
        assert_eq!(ended["failure"]["code"], code, "{ended}");
        let shown = merchant.payment(&payment).await.body;
        assert_eq!((&shown["amount_refunded"], &shown["amount_refunding"]), (&json!("0.00"), &json!("0.00")));
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

/// The gateway is not reached for longer than we may wait: no request of ours ran, so it has failed.
#[tokio::test]
async fn a_refund_that_never_reached_its_gateway_has_failed() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let payment = merchant.paid_up("p", &card("10.00", "EUR", "pm_card_visa")).await;
    deployment.quiet().await;
    deployment.kill(Service::Sandbox).await;
    let refund = merchant.refunded("r", &payment, None).await;
    let tried = "SELECT count(*) FROM gateway_calls WHERE operation = 'refund' AND outcome = 'not_sent'";
    eventually("it was tried", || async { (deployment.count(tried).await > 1).then_some(()) }).await;
    assert_eq!(merchant.get(&format!("/refunds/{refund}")).await.text("status"), "processing");
    deployment.advance(21 * 3600).await;
    let ended = merchant.refund_with(&refund, &["failed"]).await;
    assert_eq!(ended["failure"]["code"], "gateway_unreachable");
    deployment.run(Service::Sandbox).await;
    let again = merchant.refunded("again", &payment, None).await;
    merchant.refund_with(&again, &["succeeded"]).await;
    deployment.quiet().await;
    deployment.check_books().await;
}

/// What a replay tells is what the gateway answered the first time. The refund has come back since, and
/// the event that told it found a worker at work.
#[tokio::test]
async fn a_refund_that_comes_back_while_its_answer_is_lost_has_failed() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    for fault in ["timeout_after", "slow_after_900"] {
        let payment = merchant.paid_up(fault, &card("10.00", "EUR", "pm_card_refundFail")).await;
        let here = json!({ "method": "POST", "path_prefix": "/v1/refunds" });
        deployment.faults(json!([{ "fault": fault, "count": 1, "match": here }])).await;
        let refund = merchant.refunded(fault, &payment, None).await;
        eventually("it is made", || async {
            let books = deployment.sandbox("GET", &format!("/books?reference={refund}"), &Value::Null).await;
            (books["refunds"][0]["status"] == "succeeded").then_some(())
        })
        .await;
        deployment.sandbox("POST", "/control/settle", &json!({ "reference": refund })).await;
        merchant.refund_with(&refund, &["succeeded", "failed"]).await;
        deployment.quiet().await;
        let ended = merchant.get(&format!("/refunds/{refund}")).await;
        assert_eq!(ended.text("status"), "failed", "{fault}: {ended:?}");
        deployment.check_books().await;
    }
}

/// A worker that slept knows that the refund was made, and not that it has come back since.
#[tokio::test]
async fn an_old_success_does_not_undo_a_failure() {
    let settings = Settings { gateway_timeout_ms: 40_000, lease_ms: 83_000, ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    let merchant = deployment.merchant.clone();
    deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    let payment = merchant.paid_up("p", &card("10.00", "EUR", "pm_card_refundFail")).await;
    let here = json!({ "method": "POST", "path_prefix": "/v1/refunds" });
    deployment.faults(json!([{ "fault": "slow_after_3000", "count": 1, "match": here }])).await;
    let refund = merchant.refunded("r", &payment, None).await;
    eventually("it is made", || async {
        let books = deployment.sandbox("GET", &format!("/books?reference={refund}"), &Value::Null).await;
        (books["refunds"][0]["status"] == "succeeded").then_some(())
    })
    .await;
    deployment.signal(Service::Worker, "STOP").await;
    deployment.run(Service::SecondWorker).await;
    deployment.advance(83).await;
    merchant.refund_with(&refund, &["succeeded"]).await;
    deployment.sandbox("POST", "/control/settle", &json!({ "reference": refund })).await;
    merchant.refund_with(&refund, &["failed"]).await;
    deployment.signal(Service::Worker, "CONT").await;
    let answers = "SELECT count(*) FROM gateway_calls WHERE operation = 'refund' AND outcome = 'succeeded'";
    eventually("the first worker has told", || async {
        (deployment.count(answers).await == 2).then_some(())
    })
    .await;
    // What else it had in hand when it was stopped is done by others when its lease is over.
    deployment.advance(83).await;
    deployment.quiet().await;
    assert_eq!(merchant.get(&format!("/refunds/{refund}")).await.text("status"), "failed");
    deployment.check_books().await;
}

/// The question was answered before the refund came back, and the event that tells so comes before the
/// answer is recorded: it is asked again.
#[tokio::test]
async fn a_refund_that_comes_back_while_it_is_asked_about_has_failed() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    let payment = merchant.paid_up("p", &card("10.00", "EUR", "pm_card_refundFail")).await;
    let here = json!({ "method": "GET", "path_prefix": "/v1/refunds" });
    deployment.faults(json!([{ "fault": "slow_after_900", "count": 1, "match": here }])).await;
    let refund = merchant.refunded("r", &payment, None).await;
    eventually("it is asked about", || async {
        let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
        let asks = |request: &Value| {
            request["method"] == "GET" && request["path"].as_str().unwrap().starts_with("/v1/refunds")
        };
        log["data"].as_array().unwrap().iter().any(asks).then_some(())
    })
    .await;
    deployment.sandbox("POST", "/control/settle", &json!({ "reference": refund })).await;
    merchant.refund_with(&refund, &["failed"]).await;
    deployment.quiet().await;
    deployment.check_books().await;
}
