//! Killed and restarted: what was answered is still so, and what was torn never was.

use serde_json::json;

use super::{Server, payment_with};

#[tokio::test]
async fn objects_books_and_keys_survive() {
    let server = Server::start().await;
    let customer = server.post("/v1/customers", None, &[("name", "Ada")]).await;
    let paid = server.pay("pm_card_visa", Some("k1"), "pay_1").await;
    let declined = server.pay("pm_card_visa_chargeDeclined", Some("k2"), "pay_2").await;
    let form = payment_with("pm_card_visa", "pay_3", &[("capture_method", "manual")]);
    let held = server.post("/v1/payment_intents", Some("k3"), &form).await;
    server.control("clock", json!({"advance_seconds": 60})).await;
    let books = server.get("/books").await.body;
    let list = server.get("/v1/payment_intents?expand[]=data.latest_charge").await.body;

    let server = server.killed_and_restarted("").await;
    assert_eq!(server.get("/books").await.body, books);
    assert_eq!(server.get("/v1/payment_intents?expand[]=data.latest_charge").await.body, list);
    assert_eq!(server.get(&format!("/v1/customers/{}", customer.id())).await.body, customer.body);
    let again = server.pay("pm_card_visa", Some("k1"), "pay_1").await;
    assert_eq!((again.is_replay(), &again.body), (true, &paid.body));
    let again = server.pay("pm_card_visa_chargeDeclined", Some("k2"), "pay_2").await;
    assert_eq!((again.is_replay(), &again.body), (true, &declined.body));
    let captured = server.post(&format!("/v1/payment_intents/{}/capture", held.id()), None, &[]).await;
    assert_eq!(captured.body["status"], "succeeded");
    let clock = server.get("/control/clock").await;
    assert_eq!(clock.body["offset_seconds"], 60);
}

#[tokio::test]
async fn refunds_disputes_balance_and_events_survive() {
    let server = Server::start().await;
    server.settle_by_hand().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    let refund = server.refund(&paid, Some("k"), &[("amount", "99")]).await;
    server.control("dispute", json!({"reference": "pay_1"})).await;
    let pending = server.pay("pm_card_pendingRefund", None, "pay_2").await;
    server.refund(&pending, None, &[]).await;
    let disputed = server.pay("pm_card_createDispute", None, "pay_3").await;
    let mut before = Vec::new();
    let paths = [
        "/books",
        "/v1/refunds",
        "/v1/disputes",
        "/v1/balance_transactions?expand[]=data.source",
        "/v1/events",
    ];
    for path in paths {
        before.push(server.get(path).await.body);
    }

    let server = server.killed_and_restarted("").await;
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(server.get(path).await.body, before, "{path}");
    }
    let again = server.refund(&paid, Some("k"), &[("amount", "99")]).await;
    assert_eq!((again.is_replay(), &again.body), (true, &refund.body));
    server.control("clock", json!({"advance_seconds": 3600})).await;
    assert_eq!(server.books("pay_2").await["refunds"][0]["status"], "succeeded", "what was due is due");
    let disputes = server.get(&format!("/v1/disputes?payment_intent={}", disputed.id())).await;
    assert_eq!(disputes.body["data"][0]["status"], "needs_response");
}

#[tokio::test]
async fn a_torn_last_line_takes_its_whole_request_with_it() {
    let server = Server::start().await;
    server.pay("pm_card_visa", Some("k1"), "pay_1").await;
    let torn = r#"[{"books":{"reference":"pay_2","gateway":"stripe","id":"ch_2","#;
    let server = server.killed_and_restarted(torn).await;
    assert_eq!(server.charges("pay_1").await.len(), 1);
    assert!(server.charges("pay_2").await.is_empty());
    server.pay("pm_card_visa", Some("k2"), "pay_2").await;
    let server = server.killed_and_restarted("").await;
    assert_eq!(server.charges("pay_2").await.len(), 1);
    assert!(server.pay("pm_card_visa", Some("k2"), "pay_2").await.is_replay());
}

#[tokio::test]
async fn a_spent_fault_stays_spent_and_a_pending_debit_pending() {
    let server = Server::start().await;
    assert_eq!(server.pay("pm_sandbox_503_once", Some("k"), "pay_1").await.status, 503);
    let more = [("currency", "usd"), ("mandate_data[customer_acceptance][type]", "offline")];
    server.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    server.post("/v1/payment_intents", None, &payment_with("pm_usBankAccount_success", "pay_2", &more)).await;
    let server = server.killed_and_restarted("").await;
    assert_eq!(server.pay("pm_sandbox_503_once", Some("k"), "pay_1").await.status, 200);
    server.control("clock", json!({"advance_seconds": 3600})).await;
    assert_eq!(server.charges("pay_2").await.len(), 1);
}
