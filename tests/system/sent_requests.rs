//! Every request that we send to a gateway, as the real processes send it, written down for programs that nobody
//! here wrote: `tests/bodies` checks them against what the gateways themselves say of their parameters.
//!
//! One line of JSON for each request, in `target/sent-requests.jsonl`, or where `REMIT_SENT_REQUESTS` says. Which
//! requests must be among them is said where they are checked, so that what is no longer sent is missed.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, billing::DAY, card, eventually, paypal};

/// Where the requests are written to.
fn file() -> PathBuf {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/sent-requests.jsonl");
    std::env::var_os("REMIT_SENT_REQUESTS").map_or_else(|| usual.into(), PathBuf::from)
}

#[tokio::test]
async fn every_request_that_we_send_is_written_down_for_others_to_check() {
    let mut deployment = Deployment::start().await;
    // First, while nobody has PayPal's certificate yet.
    ask_the_payer(&deployment).await;
    charge(&deployment.merchant).await;
    finish(&deployment.merchant).await;
    give_back(&deployment).await;
    doubt(&deployment).await;
    dispute(&deployment).await;
    lose_for_a_day(&mut deployment).await;
    subscribe_and_renew(&deployment).await;
    // Before the fees of PayPal's disputes are known, of which its settlement report alone tells.
    deployment.check_books().await;
    reconcile(&deployment).await;

    let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
    let mut lines = String::new();
    for request in log["data"].as_array().unwrap() {
        // Both gateways have one address here, and only Stripe's adapter names a version.
        let gateway = if request["headers"]["stripe-version"].is_string() { "stripe" } else { "paypal" };
        let line = json!({
            "gateway": gateway,
            "method": request["method"], "path": request["path"], "query": request["query"],
            "headers": request["headers"], "content_type": request["headers"]["content-type"],
            "body": request["body"],
        });
        writeln!(lines, "{line}").unwrap();
    }
    assert!(!lines.contains("test_system"), "credentials are in what was written down");
    std::fs::write(file(), lines).unwrap();
}

/// A body with some more fields.
fn with(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}

fn by_stripe(token: &str) -> Value {
    card("20.00", "EUR", token)
}

fn by_paypal(vault: Option<&str>) -> Value {
    paypal("20.00", "EUR", vault)
}

/// Whatever a charge may say besides.
async fn charge(merchant: &Merchant) {
    let described = json!({ "description": "Ein Paar Schuhe, Größe 43", "metadata": { "order": "1" } });
    let back = json!({ "return_url": "https://shop.example/back?order=1&again=yes" });
    merchant.paid_up("card", &by_stripe("pm_card_visa")).await;
    merchant.paid_up("described", &with(by_stripe("pm_card_visa"), described.clone())).await;
    merchant.paid_up("back", &with(by_stripe("pm_card_visa"), back)).await;
    merchant.paid_up("yen", &card("2000", "JPY", "pm_card_visa")).await;
    let mut debit = card("20.00", "USD", "pm_usBankAccount_success");
    debit["payment_method"]["type"] = json!("bank_debit");
    merchant.paid_up("debit", &debit).await;
    let declined = merchant.paid("declined", &by_stripe("pm_card_visa_chargeDeclined")).await;
    merchant.payment_with(&declined, &["failed"]).await;

    merchant.paid_up("wallet", &by_paypal(Some("vault_ok"))).await;
    merchant.paid_up("wallet described", &with(by_paypal(Some("vault_ok")), described)).await;
    merchant.paid_up("wallet yen", &paypal("2000", "JPY", Some("vault_ok"))).await;
    let mut alone = by_paypal(Some("vault_ok"));
    alone.as_object_mut().unwrap().remove("return_url");
    merchant.paid_up("wallet without a page", &alone).await;
}

/// Payers who approve at the gateway, whole and reserved; who are told of by an event that only PayPal can verify.
async fn ask_the_payer(deployment: &Deployment) {
    let merchant = &deployment.merchant;
    for (capture, end) in [("automatic", "succeeded"), ("manual", "authorized")] {
        let body = with(by_paypal(None), json!({ "capture": capture }));
        let payment = merchant.paid(&format!("approved {capture}"), &body).await;
        let asked = merchant.payment_with(&payment, &["requires_action"]).await;
        deployment.sandbox("POST", "/control/paypal/certificates", &json!({ "away": true })).await;
        press(&asked, "/approve").await;
        merchant.payment_with(&payment, &[end]).await;
        deployment.sandbox("POST", "/control/paypal/certificates", &json!({ "away": false })).await;
    }
    let back = json!({ "return_url": "https://shop.example/back" });
    let body = with(by_stripe("pm_card_authenticationRequired"), back);
    let payment = merchant.paid("authenticated", &body).await;
    press(&merchant.payment_with(&payment, &["requires_action"]).await, "/approve").await;
    merchant.payment_with(&payment, &["succeeded"]).await;
}

/// A button on the page that we sent the payer to.
async fn press(payment: &Value, button: &str) {
    let page = payment["next_action"]["url"].as_str().expect("a page").replace("?token=", "/");
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let pressed = client.post(format!("{page}{button}")).send().await.unwrap();
    assert!(pressed.status().as_u16() < 400, "{page}{button}: {}", pressed.status());
}

/// What is reserved is taken whole, in part, and not at all.
async fn finish(merchant: &Merchant) {
    for (gateway, body) in [("stripe", by_stripe("pm_card_visa")), ("paypal", by_paypal(Some("vault_ok")))] {
        for (what, amount) in [("whole", None), ("part", Some("12.34")), ("nothing", None)] {
            let body = with(body.clone(), json!({ "capture": "manual" }));
            let payment = merchant.paid(&format!("{gateway} {what}"), &body).await;
            merchant.payment_with(&payment, &["authorized"]).await;
            let asked = match what {
                "nothing" => merchant.cancel(&payment).await,
                _ => merchant.capture(&payment, amount).await,
            };
            assert_eq!(asked.status, 202, "{asked:?}");
            merchant.payment_with(&payment, &["succeeded", "canceled"]).await;
        }
    }
}

/// Refunds, for each reason, at once and later.
async fn give_back(deployment: &Deployment) {
    let merchant = &deployment.merchant;
    for (key, body) in [("card", by_stripe("pm_card_visa")), ("wallet", by_paypal(Some("vault_ok")))] {
        let payment = merchant.paid_up(&format!("{key} refunded"), &body).await;
        for (amount, reason) in [
            (Some("1.50"), "duplicate"),
            (Some("2.50"), "fraudulent"),
            (Some("3.00"), "requested_by_customer"),
            (None, ""),
        ] {
            let reason = Some(reason).filter(|reason| !reason.is_empty());
            let refund = json!({ "payment": payment, "amount": amount, "reason": reason });
            let name = format!("{key} {amount:?}");
            let headers = [("idempotency-key", name.as_str())];
            let made = merchant.send(reqwest::Method::POST, "/refund-payment", &headers, &refund).await;
            assert_eq!(made.status, 202, "{made:?}");
            merchant.refund_with(made.text("id"), &["succeeded"]).await;
        }
    }
    for (key, body) in [
        ("card later", by_stripe("pm_card_pendingRefund")),
        ("wallet later", by_paypal(Some("vault_refund_pending"))),
    ] {
        let payment = merchant.paid_up(key, &body).await;
        let refund = merchant.refunded(key, &payment, None).await;
        merchant.refund_with(&refund, &["processing", "pending"]).await;
        deployment.sandbox("POST", "/control/settle", &json!({ "reference": refund })).await;
        merchant.refund_with(&refund, &["succeeded"]).await;
    }
}

/// What is asked where no answer came, or one that says nothing.
async fn doubt(deployment: &Deployment) {
    let merchant = &deployment.merchant;
    without_events(deployment).await;
    for (key, body) in [
        ("card lost", by_stripe("pm_sandbox_500_after")),
        ("wallet lost", by_paypal(Some("vault_sandbox_500_after"))),
    ] {
        merchant.paid_up(key, &body).await;
    }
    for (key, body) in [
        ("card's refund lost", by_stripe("pm_sandbox_refund_500_after")),
        ("wallet's refund lost", by_paypal(Some("vault_sandbox_refund_500_after"))),
    ] {
        let payment = merchant.paid_up(key, &body).await;
        let refund = merchant.refunded(key, &payment, None).await;
        merchant.refund_with(&refund, &["succeeded"]).await;
    }
    deployment.connect_webhooks().await;
}

async fn without_events(deployment: &Deployment) {
    deployment.quiet().await;
    deployment.sandbox("POST", "/control/webhooks", &json!({})).await;
}

async fn dispute(deployment: &Deployment) {
    let merchant = &deployment.merchant;
    for (key, body) in
        [("card disputed", by_stripe("pm_card_visa")), ("wallet disputed", by_paypal(Some("vault_ok")))]
    {
        let payment = merchant.paid_up(key, &body).await;
        for (outcome, status) in [(None, "open"), (Some("lost"), "lost")] {
            let wanted = json!({ "reference": payment, "outcome": outcome });
            deployment.sandbox("POST", "/control/dispute", &wanted).await;
            eventually(&format!("{key}: {status}"), || async {
                let payment = merchant.payment(&payment).await.body;
                (payment["disputes"][0]["status"] == status).then_some(())
            })
            .await;
        }
    }
}

/// PayPal has forgotten the key of this charge: it is looked for in the report of transactions.
async fn lose_for_a_day(deployment: &mut Deployment) {
    without_events(deployment).await;
    let merchant = deployment.merchant.clone();
    let payment = merchant.paid("lost", &by_paypal(Some("vault_sandbox_slow_after_900000"))).await;
    let is_there = || async { (deployment.charges(&payment).await.len() == 1).then_some(()) };
    eventually("PayPal has it", is_there).await;
    deployment.kill(Service::Worker).await;
    deployment.advance_all(8 * 3600).await;
    deployment.run(Service::Worker).await;
    eventually("it is found", || async {
        deployment.time_goes_on(15).await;
        (merchant.payment(&payment).await.body["status"] == "succeeded").then_some(())
    })
    .await;
    deployment.connect_webhooks().await;
}

/// A method is saved for a customer who is new there, whose answer gets lost, and for one who is known; then they
/// are charged in the payer's absence.
async fn subscribe_and_renew(deployment: &Deployment) {
    let merchant = &deployment.merchant;
    let customer = json!({ "email": "ada@example.com", "name": "Ada Lovelace" });
    let (customer, plan) =
        (merchant.made("/customers", &customer).await, merchant.plan("49.90", "month").await);
    let lost = json!({ "method": "POST", "path_prefix": "/v1/customers" });
    deployment.faults(json!([{ "fault": "500_after", "count": 1, "match": lost }])).await;
    let mut subscriptions = Vec::new();
    for (kind, token) in [("card", "pm_card_visa"), ("card", "pm_card_amex"), ("paypal", "vault_ok")] {
        let method = json!({ "type": kind, "token": token });
        let mut order = json!({ "customer": customer, "plan": plan, "payment_method": method });
        if token != "pm_card_amex" {
            // With a page to come back to, the payer is there for the first charge.
            order["return_url"] = json!("https://shop.example/back");
        }
        let made = merchant.subscribe(token, &order).await;
        assert_eq!((made.status, made.text("status")), (202, "active"), "{made:?}");
        subscriptions.push(made.text("id").to_owned());
    }
    deployment.advance_all(31 * DAY).await;
    deployment.idle().await;
    for id in &subscriptions {
        let paid: Vec<_> = merchant.invoices(id).await.iter().map(|one| one["status"].clone()).collect();
        assert_eq!(paid, ["paid", "paid"], "{id}");
    }
}

/// What PayPal's settlement report tells of a capture that is disputed, when no event did: whose dispute is it?
async fn reconcile(deployment: &Deployment) {
    deployment.idle().await;
    deployment.sandbox("POST", "/control/webhooks", &json!({})).await;
    let payment = deployment.merchant.paid_up("disputed in silence", &by_paypal(Some("vault_ok"))).await;
    deployment.sandbox("POST", "/control/dispute", &json!({ "reference": payment })).await;
    deployment.advance_all(5 * 3600).await;
    for gateway in ["stripe", "paypal"] {
        deployment.remit(&["reconcile", "run", "--gateway", gateway]).await.unwrap();
    }
}
