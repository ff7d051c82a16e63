//! Stripe as it is at the version that we pin: what it takes, what it makes of a reservation that is not wholly used,
//! and amounts in the currencies that have lost their decimals.

use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, billing::DAY, card};

/// A question to the sandbox, as any caller of Stripe's would ask it.
async fn at_stripe(deployment: &Deployment, path: &str) -> Value {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let url = format!("{}{path}", deployment.sandbox_url());
    let answer = client.get(url).bearer_auth("sk_test_any").send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// Both settlement reports are compared, and nothing is left for a person.
async fn reconciled(deployment: &Deployment) {
    deployment.remit(&["reconcile", "run", "--gateway", "stripe"]).await.unwrap();
    deployment.settled().await;
    let findings = "SELECT count(*) FROM reconciliation_findings";
    assert_eq!(deployment.count(findings).await, 0, "the gateway's settlement report says something else");
    deployment.check_books().await;
}

async fn reserved(merchant: &Merchant, key: &str) -> Value {
    let mut body = card("50.00", "EUR", "pm_card_visa");
    body["capture"] = json!("manual");
    let payment = merchant.paid(key, &body).await;
    merchant.payment_with(&payment, &["authorized"]).await
}

/// Stripe refuses what may not stand beside automatic payment methods, and so does the sandbox.
#[tokio::test]
async fn a_renewal_is_asked_for_in_words_that_stripe_takes() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let plan = merchant.plan("49.90", "month").await;
    let subscription = merchant.subscribed("a", &plan, 1).await;
    deployment.advance_all(31 * DAY).await;
    deployment.idle().await;
    let paid: Vec<_> =
        merchant.invoices(&subscription).await.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(paid, ["paid", "paid"]);
    let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
    let bodies = log["data"].as_array().unwrap().iter().map(|entry| entry["body"].as_str().unwrap());
    let renewals: Vec<_> = bodies.filter(|body| body.contains("off_session=true")).collect();
    assert!(!renewals.is_empty());
    assert!(renewals.iter().all(|body| !body.contains("error_on_requires_action")), "{renewals:?}");
    deployment.check_billing().await;
}

/// 5000 shillings are 500000 on the wire. Sent as 5000, a payer is charged fifty.
#[tokio::test]
async fn shillings_of_uganda_are_charged_whole() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let payment = merchant.paid_up("a", &card("5000", "UGX", "pm_card_visa")).await;
    let [charge] = &deployment.charges(&payment).await[..] else { panic!("one charge") };
    assert_eq!((&charge["captured"], &charge["decimals"]), (&json!(500_000), &json!(2)), "{charge}");
    let refund = merchant.refunded("r", &payment, Some("1500")).await;
    assert_eq!(merchant.refund_with(&refund, &["succeeded"]).await["amount"], "1500");
    let shown = merchant.payment(&payment).await.body;
    assert_eq!((&shown["amount_captured"], &shown["amount_refunded"]), (&json!("5000"), &json!("1500")));
    let too_fine = merchant.pay("b", &card("5000.50", "UGX", "pm_card_visa")).await;
    assert_eq!((too_fine.status, &too_fine.body["errors"][0]["pointer"]), (422, &json!("/amount")));
    deployment.quiet().await;
    reconciled(&deployment).await;
}

#[tokio::test]
async fn rupiah_have_twelve_digits() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let payment = merchant.paid_up("a", &card("9999999999.99", "IDR", "pm_card_visa")).await;
    let [charge] = &deployment.charges(&payment).await[..] else { panic!("one charge") };
    assert_eq!(charge["captured"], json!(999_999_999_999_i64), "{charge}");
    let too_much = merchant.pay("b", &card("10000000000", "IDR", "pm_card_visa")).await;
    assert_eq!((too_much.status, &too_much.body["errors"][0]["pointer"]), (422, &json!("/amount")));
    deployment.quiet().await;
    reconciled(&deployment).await;
}

/// Neither a refund nor a second movement tells of what was reserved and not taken: the amounts do.
#[tokio::test]
async fn what_is_not_captured_is_no_refund_anywhere() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let part = reserved(merchant, "part").await;
    assert_eq!(merchant.capture(part["id"].as_str().unwrap(), Some("20.00")).await.status, 202);
    let called_off = reserved(merchant, "called off").await;
    assert_eq!(merchant.cancel(called_off["id"].as_str().unwrap()).await.status, 202);
    let expired = reserved(merchant, "expired").await;
    deployment.advance_all(8 * DAY).await;
    for (payment, status, captured, movements, reason) in [
        (&part, "succeeded", 2000, 1, Value::Null),
        (&called_off, "canceled", 0, 0, Value::Null),
        (&expired, "canceled", 0, 0, json!("expired")),
    ] {
        let ended = merchant.payment_with(payment["id"].as_str().unwrap(), &[status]).await;
        assert_eq!(ended["amount_refunded"], "0.00", "{ended}");
        let intent = payment["gateway_reference"].as_str().unwrap();
        let found =
            at_stripe(&deployment, &format!("/v1/payment_intents/{intent}?expand[]=latest_charge")).await;
        let charge = &found["latest_charge"];
        assert_eq!(found["cancellation_reason"], reason, "{found}");
        assert_eq!((&charge["amount_captured"], &charge["amount_refunded"]), (&json!(captured), &json!(0)));
        assert_eq!(charge["refunded"], false, "{charge}");
        let refunds = at_stripe(&deployment, &format!("/v1/refunds?payment_intent={intent}")).await;
        assert_eq!(refunds["data"], json!([]));
        let charge = charge["id"].as_str().unwrap();
        let moved = at_stripe(&deployment, &format!("/v1/balance_transactions?source={charge}")).await;
        assert_eq!(moved["data"].as_array().unwrap().len(), movements, "{moved}");
    }
    deployment.quiet().await;
    let told = "SELECT count(*) FROM events WHERE type LIKE 'refund.%'";
    assert_eq!(deployment.count(told).await, 0, "nobody has given anything back");
    reconciled(&deployment).await;
}

/// What a caller of an older version would send is refused, so that a stale pin cannot pass unnoticed.
#[tokio::test]
async fn another_release_is_not_spoken() {
    let mut deployment = Deployment::start().await;
    deployment.kill(Service::Worker).await;
    deployment.set("REMIT_STRIPE_VERSION", "2023-08-16");
    deployment.run(Service::Worker).await;
    let merchant = &deployment.merchant;
    let payment = merchant.paid("a", &card("10.00", "EUR", "pm_card_visa")).await;
    let failed = merchant.payment_with(&payment, &["failed"]).await;
    assert_eq!(deployment.charges(&payment).await, [] as [Value; 0], "{failed}");
}
