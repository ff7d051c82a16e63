//! Disputes: the bank takes the money back, and sometimes returns it.

use serde_json::json;

use super::{Answer, Server, eventually, payment_with};

/// The dispute about this payment, once there is one.
async fn dispute_of(server: &Server, payment: &Answer) -> Answer {
    let path = format!("/v1/disputes?payment_intent={}", payment.id());
    let listed = async || server.get(&path).await.body["data"][0]["id"].as_str().map(str::to_owned);
    eventually("there is a dispute", async || listed().await.is_some()).await;
    server.get(&format!("/v1/disputes/{}", listed().await.unwrap())).await
}

#[tokio::test]
async fn a_card_disputes_a_while_after_the_charge() {
    let server = Server::start().await;
    server.settle_by_hand().await;
    let paid = server.pay("pm_card_createDispute", None, "pay_1").await;
    assert_eq!(paid.body["status"], "succeeded");
    assert!(server.books("pay_1").await["disputes"].as_array().unwrap().is_empty());
    server.control("clock", json!({"advance_seconds": 3600})).await;

    let dispute = dispute_of(&server, &paid).await.body;
    assert_eq!(dispute["status"], "needs_response");
    assert_eq!(dispute["amount"], 1099);
    assert_eq!(dispute["charge"], paid.body["latest_charge"]);
    let withdrawn = &dispute["balance_transactions"][0];
    assert_eq!((&withdrawn["amount"], &withdrawn["fee"]), (&json!(-1099), &json!(1500)));
    let charge = server.get(&format!("/v1/charges/{}", dispute["charge"].as_str().unwrap())).await;
    assert_eq!(charge.body["disputed"], true);
    let books = server.books("pay_1").await;
    assert_eq!(books["disputes"][0]["status"], "open");
    assert_eq!(books["totals"]["eur"]["disputed"], 1099);
    assert_eq!(books["totals"]["eur"]["net"], -62 - 1500);
    let refused = server.refund(&paid, None, &[]).await;
    assert_eq!((refused.status, refused.error_code()), (400, "charge_disputed"));
}

#[tokio::test]
async fn a_debit_is_disputed_after_it_settled() {
    let server = Server::start().await;
    server.control("settle_after", json!({"milliseconds": 1})).await;
    for (token, currency) in [("pm_usBankAccount_dispute", "usd"), ("pm_sepaDebit_dispute", "eur")] {
        let more = [("currency", currency), ("mandate_data[customer_acceptance][type]", "offline")];
        let form = payment_with(token, token, &more);
        let paid = server.post("/v1/payment_intents", None, &form).await;
        assert_eq!(paid.body["status"], "processing");
        dispute_of(&server, &paid).await;
        let paid = server.get(&format!("/v1/payment_intents/{}", paid.id())).await;
        assert_eq!(paid.body["status"], "succeeded", "the payment stays what it was");
    }
}

#[tokio::test]
async fn evidence_decides() {
    let server = Server::start().await;
    server.settle_by_hand().await;
    for (text, status, disputed) in [("winning_evidence", "won", 0), ("losing_evidence", "lost", 1099)] {
        let paid = server.pay("pm_card_visa", None, text).await;
        server.control("dispute", json!({"reference": text})).await;
        let path = format!("/v1/disputes/{}", dispute_of(&server, &paid).await.id());
        let staged = [("evidence[product_description]", "a hat"), ("submit", "false")];
        assert_eq!(server.post(&path, None, &staged).await.body["status"], "needs_response");
        let handed_in = server.post(&path, None, &[("evidence[uncategorized_text]", text)]).await;
        assert_eq!(handed_in.body["status"], "under_review");
        assert_eq!(handed_in.body["evidence"]["product_description"], "a hat");
        assert_eq!(server.post(&path, None, &staged).await.status, 400, "too late for more");
        server.control("clock", json!({"advance_seconds": 3600})).await;
        assert_eq!(server.get(&path).await.body["status"], status);
        let books = server.books(text).await;
        assert_eq!(books["disputes"][0]["status"], status);
        assert_eq!(books["totals"]["eur"]["disputed"], disputed);
        assert_eq!(books["totals"]["eur"]["fees"], 1562, "the fee is never given back");
    }
}

#[tokio::test]
async fn giving_in_loses() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    server.control("dispute", json!({"reference": "pay_1"})).await;
    let path = format!("/v1/disputes/{}/close", dispute_of(&server, &paid).await.id());
    assert_eq!(server.post(&path, None, &[]).await.body["status"], "lost");
    assert_eq!(server.post(&path, None, &[]).await.status, 400);
    assert_eq!(server.books("pay_1").await["totals"]["eur"]["disputed"], 1099);
}

#[tokio::test]
async fn tests_open_and_end_disputes_by_hand() {
    let server = Server::start().await;
    let held = server.hold("pm_card_visa", "pay_1").await;
    let dispute = async |body| server.control("dispute", body).await.body;
    let nothing = json!({"opened": false, "ended": false});
    assert_eq!(dispute(json!({"reference": "pay_1"})).await, nothing, "nothing was taken");
    server.post(&format!("/v1/payment_intents/{}/capture", held.id()), None, &[]).await;
    server.refund(&held, None, &[("amount", "99")]).await;
    assert_eq!(dispute(json!({"reference": "pay_1"})).await, json!({"opened": true, "ended": false}));
    assert_eq!(dispute(json!({"reference": "pay_1"})).await, nothing, "it is open already");
    assert_eq!(server.books("pay_1").await["disputes"][0]["amount"], 1000, "no more than is left");
    let won = dispute(json!({"reference": "pay_1", "outcome": "won"})).await;
    assert_eq!(won, json!({"opened": false, "ended": true}));
    assert_eq!(dispute(json!({"reference": "pay_1"})).await, nothing, "a charge is disputed once");
    assert_eq!(server.refund(&held, None, &[]).await.body["amount"], 1000, "what was won can be refunded");
    assert_eq!(dispute(json!({"reference": "pay_9"})).await, nothing);
}
