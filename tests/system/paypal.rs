//! PayPal from the request to the books: saved payers, payers who approve on its page, and its bad days.

use serde_json::{Value, json};
use tests::{Deployment, Service, eventually, paypal};

/// A button on the page that we sent the payer to.
async fn press(payment: &Value, button: &str, body: &Value) {
    let page = payment["next_action"]["url"].as_str().expect("a page to go to").replace("?token=", "/");
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let mut request = client.post(format!("{page}/{button}"));
    if !body.is_null() {
        request = request.json(body);
    }
    let pressed = request.send().await.unwrap();
    assert!(pressed.status().as_u16() < 400, "{button}: {}", pressed.status());
}

/// A payment whose payer must go to PayPal; answers it once they may.
async fn to_approve(deployment: &Deployment, key: &str, capture: &str) -> Value {
    let mut body = paypal("25.00", "EUR", None);
    body["capture"] = json!(capture);
    let payment = deployment.merchant.paid(key, &body).await;
    deployment.merchant.payment_with(&payment, &["requires_action"]).await
}

fn id(payment: &Value) -> &str {
    payment["id"].as_str().unwrap()
}

async fn without_events(deployment: &Deployment) {
    deployment.sandbox("POST", "/control/webhooks", &json!({})).await;
}

#[tokio::test]
async fn a_saved_payer_pays_at_once() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (token, currency, amount) in
        [("vault_ok", "EUR", "25.00"), ("vault_ok", "JPY", "2500"), ("vault_approved_only", "USD", "25.00")]
    {
        let key = format!("{token} {currency}");
        let payment = merchant.paid(&key, &paypal(amount, currency, Some(token))).await;
        let paid = merchant.payment_with(&payment, &["succeeded"]).await;
        assert_eq!((&paid["gateway"], &paid["amount_captured"]), (&json!("paypal"), &json!(amount)));
        assert!(paid["payment_method"].get("token").is_none() && paid["gateway_reference"].is_string());
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

/// The event alone brings it on; where none comes, the order is asked for.
#[tokio::test]
async fn a_payer_approves_on_paypals_page() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let payment = to_approve(&deployment, "event", "automatic").await;
    press(&payment, "approve", &Value::Null).await;
    let paid = merchant.payment_with(id(&payment), &["succeeded"]).await;
    assert!(paid["next_action"].is_null(), "{paid}");

    without_events(&deployment).await;
    let payment = to_approve(&deployment, "polled", "automatic").await;
    press(&payment, "approve", &Value::Null).await;
    deployment.advance(301).await;
    merchant.payment_with(id(&payment), &["succeeded"]).await;
    deployment.advance(301).await;
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn a_payer_who_goes_back_or_never_comes_pays_nothing() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let went_back = to_approve(&deployment, "back", "automatic").await;
    press(&went_back, "cancel", &Value::Null).await;
    deployment.advance(301).await;
    // PayPal lets the order wait: they may think again.
    let waits = merchant.payment_with(id(&went_back), &["requires_action"]).await;
    press(&waits, "approve", &Value::Null).await;
    merchant.payment_with(id(&went_back), &["succeeded"]).await;

    // After six hours PayPal knows nothing of the order any more.
    let never_came = to_approve(&deployment, "never", "automatic").await;
    deployment.advance_all(7 * 3600).await;
    let ended = merchant.payment_with(id(&never_came), &["failed"]).await;
    assert_eq!(ended["failure"]["code"], "payer_did_not_act", "{ended}");
    assert_eq!(ended["failure"]["decline_class"], "customer", "{ended}");
    assert_eq!(deployment.charges(id(&never_came)).await, [] as [Value; 0]);
    deployment.advance(301).await;
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn what_a_payer_has_approved_can_be_captured_later_or_given_free() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (operation, end) in [("capture", "succeeded"), ("cancel", "canceled")] {
        let payment = to_approve(&deployment, operation, "manual").await;
        press(&payment, "approve", &Value::Null).await;
        merchant.payment_with(id(&payment), &["authorized"]).await;
        let asked = match operation {
            "capture" => merchant.capture(id(&payment), Some("20.00")).await,
            _ => merchant.cancel(id(&payment)).await,
        };
        assert_eq!(asked.status, 202, "{asked:?}");
        merchant.payment_with(id(&payment), &[end]).await;
    }
    deployment.advance(301).await;
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn declines_are_told_with_their_class() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (token, class, code) in [
        ("vault_declined", "customer", "capture_declined"),
        ("vault_failed", "soft", "capture_failed"),
        ("vault_issue_INSTRUMENT_DECLINED", "customer", "instrument_declined"),
        ("vault_issue_TRANSACTION_REFUSED", "hard", "transaction_refused"),
        ("vault_issue_PAYER_ACCOUNT_RESTRICTED", "hard", "payer_account_restricted"),
        ("vault_issue_COMPLIANCE_VIOLATION", "hard", "payment_declined"),
    ] {
        let payment = merchant.paid(token, &paypal("25.00", "EUR", Some(token))).await;
        let failure = &merchant.payment_with(&payment, &["failed"]).await["failure"];
        assert_eq!((&failure["decline_class"], &failure["code"]), (&json!(class), &json!(code)), "{token}");
    }
    // The account of the merchant is at fault: nobody else's business.
    let payment = merchant.paid("x", &paypal("25.00", "EUR", Some("vault_issue_PERMISSION_DENIED"))).await;
    let failed = merchant.payment_with(&payment, &["failed"]).await;
    assert_eq!(failed["failure"]["code"], "gateway_configuration", "{failed}");
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn captures_may_take_their_time() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    for told in [true, false] {
        if !told {
            without_events(&deployment).await;
        }
        for (token, end) in [("vault_pending", "succeeded"), ("vault_pending_denied", "failed")] {
            let key = format!("{token} {told}");
            let payment = merchant.paid(&key, &paypal("25.00", "EUR", Some(token))).await;
            eventually("PayPal has it", || async {
                let payment = merchant.payment(&payment).await.body;
                assert_ne!(payment["status"], "succeeded");
                payment["gateway_reference"].is_string().then_some(())
            })
            .await;
            let early = merchant.refund(&key, &payment, None).await;
            assert_eq!(early.text("code"), "payment-not-succeeded", "nothing has moved yet");
            deployment.sandbox("POST", "/control/settle", &json!({ "reference": payment })).await;
            if !told {
                deployment.advance(301).await;
            }
            merchant.payment_with(&payment, &[end]).await;
        }
    }
    deployment.advance(301).await;
    deployment.settled().await;
    deployment.check_books().await;
}

/// The bank of the payer said no: they are sent back, and may choose another.
#[tokio::test]
async fn a_declined_instrument_sends_the_payer_back() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let payment = to_approve(&deployment, "a", "automatic").await;
    press(&payment, "approve", &json!({ "instrument": "declined" })).await;
    let declined = "SELECT count(*) FROM events WHERE type = 'payment.requires_action'";
    eventually("they are sent back", || async { (deployment.count(declined).await == 2).then_some(()) })
        .await;
    let again = merchant.payment_with(id(&payment), &["requires_action"]).await;
    press(&again, "approve", &Value::Null).await;
    merchant.payment_with(id(&payment), &["succeeded"]).await;
    deployment.advance(301).await;
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn what_paypal_cannot_take_is_refused_before_anything_is_stored() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut without_a_way_back = paypal("25.00", "EUR", None);
    without_a_way_back.as_object_mut().unwrap().remove("return_url");
    for (body, pointer) in [
        (paypal("25.00", "BHD", Some("vault_ok")), "/amount"),
        (paypal("25.00", "INR", Some("vault_ok")), "/amount"),
        (paypal("25.50", "HUF", Some("vault_ok")), "/amount"),
        (without_a_way_back, "/return_url"),
    ] {
        let refused = merchant.pay("k", &body).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{refused:?}");
    }
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 0);
}

#[tokio::test]
async fn unknown_outcomes_are_found_out() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut payments = Vec::new();
    for fault in [
        "timeout_before",
        "timeout_after",
        "drop_before",
        "drop_after",
        "500_before",
        "500_after",
        "503_once",
        "429_once",
        "409_once",
        "slow_after_1500",
        "slow_before_1500",
    ] {
        let token = format!("vault_sandbox_{fault}");
        payments.push((fault, merchant.paid(fault, &paypal("25.00", "EUR", Some(&token))).await));
    }
    for (fault, payment) in payments {
        let ended = merchant.payment_with(&payment, &["succeeded", "failed", "needs_review"]).await;
        assert_eq!(ended["status"], "succeeded", "{fault}: {ended}");
        assert_eq!(deployment.charges(&payment).await.len(), 1, "{fault}");
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

/// The key is forgotten after six hours: what was begun is looked for in the report of transactions.
#[tokio::test]
async fn a_charge_whose_answer_was_lost_for_a_day_is_found() {
    let mut deployment = Deployment::start().await;
    without_events(&deployment).await;
    let merchant = deployment.merchant.clone();
    let token = "vault_sandbox_slow_after_900000";
    let payment = merchant.paid("a", &paypal("25.00", "EUR", Some(token))).await;
    eventually("it is charged", || async { (deployment.charges(&payment).await.len() == 1).then_some(()) })
        .await;
    deployment.kill(Service::Worker).await;
    deployment.advance_all(8 * 3600).await;
    deployment.run(Service::Worker).await;
    merchant.payment_with(&payment, &["succeeded"]).await;
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn paypal_down_is_waited_for() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let approving = to_approve(&deployment, "approving", "automatic").await;
    let mut manual = paypal("25.00", "EUR", Some("vault_ok"));
    manual["capture"] = json!("manual");
    let reserved = merchant.paid("reserved", &manual).await;
    merchant.payment_with(&reserved, &["authorized"]).await;
    press(&approving, "approve", &Value::Null).await;
    deployment.sandbox("POST", "/control/down", &json!({ "down": true })).await;
    let charged = merchant.paid("charged", &paypal("25.00", "EUR", Some("vault_ok"))).await;
    assert_eq!(merchant.capture(&reserved, None).await.status, 202);
    let tried = "SELECT count(*) FROM gateway_calls WHERE outcome IN ('unknown', 'not_sent')";
    eventually("they were tried", || async { (deployment.count(tried).await > 3).then_some(()) }).await;
    // An expired access token is no reason to give up either.
    deployment.sandbox("POST", "/control/paypal/expire_tokens", &Value::Null).await;
    deployment.sandbox("POST", "/control/down", &json!({ "down": false })).await;
    deployment.advance(601).await;
    for payment in [charged.as_str(), &reserved, id(&approving)] {
        merchant.payment_with(payment, &["succeeded"]).await;
    }
    deployment.advance(601).await;
    deployment.quiet().await;
    deployment.check_books().await;
}
