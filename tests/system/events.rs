//! What gateways tell by themselves, and what others tell in their name: a hint, and never more than that.

use std::collections::BTreeMap;

use common::{
    gateway::{About, Event, GatewayName, Received},
    gateway_event::{self, EventCheck, Findings, News, store::Accepted},
    job::{self, Kind, Lease},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row as _;
use tests::{
    Answer, Deployment, Merchant, Service, Settings, WEBHOOK_ID, WEBHOOK_SECRET, card, eventually, paypal,
};

use crate::{
    contract::inbox::Inbox,
    forged_events::forger::{Key, Transmission},
};

/// Has the events of one gateway sent elsewhere, to be told by hand.
async fn intercepted(deployment: &Deployment, gateway: GatewayName) -> Inbox {
    let (inbox, url) = Inbox::listen(gateway).await;
    let targets = match gateway {
        GatewayName::Stripe => json!({ "stripe": { "url": url, "secret": WEBHOOK_SECRET } }),
        GatewayName::Paypal => json!({ "paypal": { "url": url, "webhook_id": WEBHOOK_ID } }),
    };
    deployment.sandbox("POST", "/control/webhooks", &targets).await;
    inbox
}

/// Tells the API an event.
async fn tell(merchant: &Merchant, gateway: GatewayName, event: &Received) -> Answer {
    let signed = |name: &str| name.starts_with("stripe-") || name.starts_with("paypal-");
    let mut headers: Vec<(&str, &str)> = event
        .headers
        .iter()
        .filter(|(name, _)| signed(name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    headers.push(("authorization", "Bearer nobody"));
    let body = String::from_utf8(event.body.clone()).unwrap();
    let path = format!("/gateways/{gateway}/webhook");
    merchant.try_send(Method::POST, &path, &headers, Some(body)).await.expect("an answer")
}

/// An event of PayPal's with another body, as if PayPal had sent that.
fn with_body(event: &Received, body: String) -> Received {
    let mut sent = Transmission { headers: event.headers.clone(), body };
    sent.sign(Key::Paypal, WEBHOOK_ID);
    Received { headers: sent.headers, body: sent.body.into_bytes() }
}

/// The event of that type, once it has come.
async fn awaited(inbox: &Inbox, kind: &str) -> Received {
    eventually(kind, || async {
        let is_it = |event: &Received| String::from_utf8_lossy(&event.body).contains(kind);
        inbox.received().into_iter().find(is_it)
    })
    .await
}

/// Presses a button on the page that we sent the payer to.
async fn approve(payment: &Value) {
    let page = payment["next_action"]["url"].as_str().expect("a page").replace("?token=", "/");
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let pressed = client.post(format!("{page}/approve")).send().await.unwrap();
    assert!(pressed.status().as_u16() < 400, "{}", pressed.status());
}

/// Everything that events may touch, as it is written down.
async fn all_rows(deployment: &Deployment) -> BTreeMap<&'static str, Vec<String>> {
    let mut rows = BTreeMap::new();
    for (table, query) in [
        ("payments", "SELECT (to_jsonb(t) - 'updated_at' - 'version')::text FROM payments t ORDER BY id"),
        ("refunds", "SELECT (to_jsonb(t) - 'updated_at' - 'version')::text FROM refunds t ORDER BY id"),
        ("disputes", "SELECT (to_jsonb(t) - 'updated_at')::text FROM disputes t ORDER BY id"),
        ("events", "SELECT to_jsonb(t)::text FROM events t ORDER BY position, subject_id, sequence"),
        (
            "ledger_entries",
            "SELECT to_jsonb(t)::text FROM ledger_entries t ORDER BY subject_id, kind, account",
        ),
    ] {
        let found = sqlx::query(query).fetch_all(&deployment.pool).await.unwrap();
        rows.insert(table, found.iter().map(|row| row.get::<String, _>(0)).collect());
    }
    rows
}

#[tokio::test]
async fn a_forged_event_of_stripes_is_not_even_stored() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let inbox = intercepted(&deployment, GatewayName::Stripe).await;
    let mut body = card("10.00", "EUR", "pm_card_visa");
    body["capture"] = json!("manual");
    let payment = merchant.paid("a", &body).await;
    let genuine = awaited(&inbox, "payment_intent.amount_capturable_updated").await;
    merchant.payment_with(&payment, &["authorized"]).await;
    let signature = genuine.headers["stripe-signature"].clone();
    let with = |signature: &str| -> Received {
        let headers = BTreeMap::from([("stripe-signature".to_owned(), signature.to_owned())]);
        Received { headers, body: genuine.body.clone() }
    };
    let (time, mac) = signature.split_once(',').unwrap();
    let mut claims_more = genuine.clone();
    claims_more.body =
        String::from_utf8(claims_more.body).unwrap().replace("requires_capture", "succeeded").into_bytes();
    for forged in [
        Received { headers: BTreeMap::new(), ..genuine.clone() },
        with("t=1,v1=00"),
        with(&format!("t=1700000000,{mac}")),
        with(&format!("{time},v1={}", "0".repeat(64))),
        claims_more,
    ] {
        let refused = tell(merchant, GatewayName::Stripe, &forged).await;
        assert_eq!((refused.status, refused.text("code")), (400, "signature-invalid"));
    }
    let elsewhere = merchant.try_send(Method::POST, "/gateways/bank/webhook", &[], None).await.unwrap();
    assert_eq!(elsewhere.status, 404);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 0);
    assert_eq!(tell(merchant, GatewayName::Stripe, &genuine).await.status, 200);
    deployment.settled().await;
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 1);
    deployment.check_books().await;
}

/// While PayPal's certificate cannot be had only PayPal can check its signatures, so a forgery is stored until it was
/// asked. It does not keep the genuine event of that name out.
#[tokio::test]
async fn a_forged_event_of_paypals_is_dropped_once_paypal_was_asked() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let inbox = intercepted(&deployment, GatewayName::Paypal).await;
    deployment.sandbox("POST", "/control/paypal/certificates", &json!({ "away": true })).await;
    let payment = merchant.paid("a", &paypal("10.00", "EUR", None)).await;
    approve(&merchant.payment_with(&payment, &["requires_action"]).await).await;
    let genuine = awaited(&inbox, "CHECKOUT.ORDER.APPROVED").await;
    let mut forged = genuine.clone();
    forged.headers.insert("paypal-transmission-sig".into(), "AAAA".into());
    deployment.stop(Service::Worker).await;
    for event in [&forged, &genuine, &forged, &genuine] {
        assert_eq!(tell(&merchant, GatewayName::Paypal, event).await.status, 200);
    }
    deployment.run(Service::Worker).await;
    merchant.payment_with(&payment, &["succeeded"]).await;
    deployment.advance(301).await;
    deployment.settled().await;
    let left = "SELECT count(*) FROM gateway_events WHERE verified AND body IS NULL AND headers IS NULL";
    assert_eq!(deployment.count(left).await, 1);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 1, "forgeries are dropped");

    // Unsigned, it is nobody's.
    let unsigned = Received { headers: BTreeMap::new(), ..genuine };
    assert_eq!(tell(&merchant, GatewayName::Paypal, &unsigned).await.status, 400);
    deployment.check_books().await;
}

/// A payer's name and address are in PayPal's events: no body stays behind, whatever came of it.
#[tokio::test]
async fn no_body_of_an_event_is_kept() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let inbox = intercepted(&deployment, GatewayName::Paypal).await;
    let payment = merchant.paid_up("a", &paypal("10.00", "EUR", Some("vault_ok"))).await;
    // It tells what is known by now.
    let late = awaited(&inbox, "PAYMENT.CAPTURE.COMPLETED").await;
    assert_eq!(tell(merchant, GatewayName::Paypal, &late).await.status, 200);
    let body = String::from_utf8(late.body.clone()).unwrap();
    let invented = with_body(&late, body.replace(&payment, "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601"));
    assert_eq!(tell(merchant, GatewayName::Paypal, &invented).await.status, 200);
    deployment.settled().await;
    let kept = "SELECT count(*) FROM gateway_events WHERE body IS NOT NULL OR headers IS NOT NULL";
    assert_eq!(deployment.count(kept).await, 0);
}

#[tokio::test]
async fn card_numbers_in_events_are_refused() {
    let deployment = Deployment::start().await;
    let inbox = intercepted(&deployment, GatewayName::Paypal).await;
    let merchant = &deployment.merchant;
    merchant.paid_up("a", &paypal("10.00", "EUR", Some("vault_ok"))).await;
    let event = awaited(&inbox, "PAYMENT.CAPTURE.COMPLETED").await;
    let body = String::from_utf8(event.body.clone()).unwrap();
    let mut named: Value = serde_json::from_str(&body).unwrap();
    // As it is understood, not as it is written.
    for number in ["WH-4242-4242-4242-4242", "4242424242424242"] {
        named["id"] = json!(number);
        let escaped = named.to_string().replace("4242", "\\u0034\\u0032\\u0034\\u0032");
        let refused = tell(merchant, GatewayName::Paypal, &with_body(&event, escaped)).await;
        assert_eq!((refused.status, refused.text("code")), (422, "card-data-refused"), "{number}");
    }
    // The numbers of networks and banks in a gateway's own event are not kept.
    let noted = body.replacen('{', "{\"network_transaction_id\":\"580000000000003\",", 1);
    assert_eq!(tell(merchant, GatewayName::Paypal, &with_body(&event, noted)).await.status, 200);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 0);
}

#[tokio::test]
async fn events_told_again_shuffled_and_twenty_times_at_once_change_nothing() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let chaos = json!({ "duplicate_per_mille": 1000, "shuffle": true, "forge_per_mille": 1000 });
    deployment.sandbox("POST", "/control/webhook_faults", &chaos).await;
    for (i, body) in
        [card("30.00", "EUR", "pm_card_visa"), paypal("30.00", "EUR", Some("vault_ok"))].iter().enumerate()
    {
        let payment = merchant.paid_up(&format!("{i}"), body).await;
        let refund = merchant.refunded(&format!("{i}"), &payment, Some("5.00")).await;
        merchant.refund_with(&refund, &["succeeded"]).await;
        let won = json!({ "reference": payment, "outcome": "won" });
        deployment.sandbox("POST", "/control/dispute", &won).await;
        let mut reserving = body.clone();
        reserving["capture"] = json!("manual");
        let reserved = merchant.paid(&format!("{i} reserved"), &reserving).await;
        merchant.payment_with(&reserved, &["authorized"]).await;
        assert_eq!(merchant.cancel(&reserved).await.status, 202);
        merchant.payment_with(&reserved, &["canceled"]).await;
    }
    deployment.quiet().await;
    let forged = deployment.sandbox("GET", "/control/webhooks", &Value::Null).await["forged"].as_u64();
    assert!(forged.unwrap() > 0);
    deployment.check_books().await;
    let before = all_rows(&deployment).await;
    for _ in 0..20 {
        deployment.sandbox("POST", "/control/redeliver", &json!({ "all": true })).await;
    }
    deployment.quiet().await;
    assert_eq!(all_rows(&deployment).await, before);
    let twice =
        "SELECT count(*) FROM (SELECT FROM gateway_events GROUP BY gateway, event_id HAVING count(*) > 1) t";
    assert_eq!(deployment.count(twice).await, 0);
    deployment.check_books().await;
}

/// We said that it failed, or that nobody knows; then the gateway tells of a success.
#[tokio::test]
async fn a_late_success_is_recorded_whatever_was_told() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let reviewed = merchant.paid("reviewed", &card("10.00", "EUR", "pm_sandbox_500_before")).await;
    eventually("somebody must look", || async {
        deployment.advance(600).await;
        (merchant.payment(&reviewed).await.text("status") == "needs_review").then_some(())
    })
    .await;
    deployment.kill(Service::Sandbox).await;
    let failed = merchant.paid("failed", &card("10.00", "EUR", "pm_card_visa")).await;
    let tried = "SELECT count(*) FROM gateway_calls WHERE outcome = 'not_sent'";
    eventually("it was tried", || async { (deployment.count(tried).await > 0).then_some(()) }).await;
    deployment.advance(21 * 3600).await;
    merchant.payment_with(&failed, &["failed"]).await;
    deployment.run(Service::Sandbox).await;
    for payment in [&reviewed, &failed] {
        let form = format!(
            "amount=1000&currency=eur&payment_method=pm_card_visa&confirm=true&metadata[remit_payment]={payment}\
             &automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never"
        );
        let client = common::gateway::http_client(tests::PATIENCE).unwrap();
        let charged = client
            .post(format!("{}/v1/payment_intents", deployment.sandbox_url()))
            .bearer_auth("sk_test_system")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        assert_eq!(charged.status().as_u16(), 200);
        merchant.payment_with(payment, &["succeeded"]).await;
    }
    deployment.quiet().await;
    deployment.check_books().await;
    assert!(deployment.log(Service::Worker).contains("after we had told another end"), "somebody is woken");
}

#[tokio::test]
async fn disputes_are_shown_told_and_booked() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (gateway, body) in [
        ("stripe", card("40.00", "EUR", "pm_card_visa")),
        ("paypal", paypal("40.00", "EUR", Some("vault_ok"))),
    ] {
        for outcome in ["won", "lost"] {
            let payment = merchant.paid_up(&format!("{gateway} {outcome}"), &body).await;
            let disputed = async |status: &str| {
                eventually(&format!("{gateway}: the dispute is {status}"), || async {
                    let payment = merchant.payment(&payment).await.body;
                    (payment["disputes"][0]["status"] == status).then_some(payment)
                })
                .await
            };
            deployment.sandbox("POST", "/control/dispute", &json!({ "reference": payment })).await;
            let open = disputed("open").await;
            assert_eq!(open["status"], "succeeded", "{open}");
            assert_eq!(open["disputes"][0]["amount"], "40.00", "{open}");
            assert_eq!(open["disputes"][0]["funds_withdrawn"], true, "{open}");
            deployment.quiet().await;
            deployment.check_books().await;

            // What the bank has taken back cannot be given back as well.
            let refund = merchant.refunded(&format!("{gateway} {outcome}"), &payment, Some("1.00")).await;
            merchant.refund_with(&refund, &["failed"]).await;
            let end = json!({ "reference": payment, "outcome": outcome });
            deployment.sandbox("POST", "/control/dispute", &end).await;
            let ended = disputed(outcome).await;
            assert_eq!(ended["disputes"].as_array().unwrap().len(), 1, "{ended}");
            deployment.quiet().await;
            deployment.check_books().await;
        }
    }
    for (kind, count) in [("dispute.created", 4), ("dispute.won", 2), ("dispute.lost", 2)] {
        let told: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE type = $1")
            .bind(kind)
            .fetch_one(&deployment.pool)
            .await
            .unwrap();
        assert_eq!(told, count, "{kind}");
    }
    let held =
        "SELECT count(*) FROM ledger_entries WHERE account = 'disputes' AND kind = 'dispute.withdrawn'";
    assert_eq!(deployment.count(held).await, 4);
}

/// Two copies of one event, verified at the same moment: one is worked off, and the other is known to be a copy.
#[tokio::test]
async fn two_copies_that_are_verified_at_once_are_one_event() {
    let deployment = Deployment::start_with(Settings { services: Vec::new(), ..Settings::default() }).await;
    let pool = &deployment.pool;
    let about = About::Dispute { dispute_ref: "PP-D-1".into() };
    let event = Event { id: "WH-1".into(), kind: "CUSTOMER.DISPUTE.CREATED".into(), about };
    let received = Received { headers: BTreeMap::new(), body: b"{}".to_vec() };
    let mut copies = Vec::new();
    for _ in 0..2 {
        let accepted =
            gateway_event::store::accept(pool, (GatewayName::Paypal, None), &event, Some(&received)).await;
        let Ok(Accepted::New(Kind::VerifyEvent, job)) = accepted else { panic!("{accepted:?}") };
        let mut db = pool.acquire().await.unwrap();
        let lease = std::time::Duration::from_secs(60);
        let claim = job::store::claim(&mut db, Kind::VerifyEvent, &[job.0], Lease::of(lease))
            .await
            .unwrap()
            .remove(0);
        let event = gateway_event::store::begin(&mut db, &[claim.subject]).await.unwrap().remove(0);
        copies.push(Findings { claim, event, check: EventCheck::Genuine(News::Hint) });
    }
    // Both have asked, and come to write it down.
    let mut hold = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM gateway_events FOR UPDATE").execute(&mut *hold).await.unwrap();
    let release = async {
        eventually("both wait", || async {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (deployment.count(waiting).await == 2).then_some(())
        })
        .await;
        hold.rollback().await.unwrap();
    };
    let settle = |copy| gateway_event::store::settle(pool, copy);
    let (first, second, ()) = tokio::join!(settle(&copies[0]), settle(&copies[1]), release);
    assert!(matches!((&first, &second), (Ok(None), Ok(None))), "{first:?}, {second:?}");
    let left = "SELECT count(*) FROM gateway_events WHERE verified AND handled_at IS NOT NULL";
    assert_eq!(deployment.count(left).await, 1);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 1);
    assert_eq!(deployment.count("SELECT count(*) FROM jobs").await, 0);
}
