//! Bank debits: `processing` now, an end later.

use serde_json::json;

use super::{Answer, Server, eventually, payment_with};

async fn debit(server: &Server, token: &str, currency: &str, reference: &str) -> Answer {
    let more = [("currency", currency), ("mandate_data[customer_acceptance][type]", "offline")];
    server.post("/v1/payment_intents", None, &payment_with(token, reference, &more)).await
}

async fn status(server: &Server, id: &str) -> String {
    let intent = server.get(&format!("/v1/payment_intents/{id}")).await;
    intent.body["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_debit_settles_by_itself_after_a_while() {
    let server = Server::start().await;
    server.control("settle_after", json!({"milliseconds": 1})).await;
    let pending = debit(&server, "pm_usBankAccount_success", "usd", "pay_1").await;
    assert_eq!(pending.body["status"], "processing", "{pending:?}");
    eventually("it settles", async || status(&server, pending.id()).await == "succeeded").await;
    assert_eq!(server.charges("pay_1").await[0]["captured"], 1099);
}

#[tokio::test]
async fn no_money_has_moved_while_a_debit_is_processing() {
    let server = Server::start().await;
    server.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    for (token, currency) in [("pm_usBankAccount_success", "usd"), ("pm_sepaDebit_success", "eur")] {
        let pending = debit(&server, token, currency, token).await;
        assert!(server.charges(token).await.is_empty());
        let settled = server.control("settle", json!({"reference": token})).await;
        assert_eq!(settled.body["settled"], 1);
        assert_eq!(status(&server, pending.id()).await, "succeeded");
        assert_eq!(server.charges(token).await.len(), 1);
        let again = server.control("settle", json!({"all": true})).await;
        assert_eq!(again.body["settled"], 0, "a debit settles once");
    }
}

#[tokio::test]
async fn a_debit_fails_for_the_banks_reasons() {
    let server = Server::start().await;
    server.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    for (token, code) in [
        ("pm_usBankAccount_insufficientFunds", "insufficient_funds"),
        ("pm_usBankAccount_accountClosed", "account_closed"),
        ("pm_usBankAccount_debitNotAuthorized", "debit_not_authorized"),
    ] {
        let pending = debit(&server, token, "usd", token).await;
        server.control("settle", json!({"payment_intent": pending.id()})).await;
        let path = format!("/v1/payment_intents/{}?expand[]=latest_charge", pending.id());
        let failed = server.get(&path).await;
        assert_eq!(failed.body["status"], "requires_payment_method");
        assert_eq!(failed.body["last_payment_error"]["code"], code);
        assert_eq!(failed.body["latest_charge"]["status"], "failed");
        assert!(server.charges(token).await.is_empty());
    }
}

#[tokio::test]
async fn a_debit_that_never_settles_can_be_settled_by_hand() {
    let server = Server::start().await;
    let pending = debit(&server, "pm_usBankAccount_processing", "usd", "pay_1").await;
    server.control("clock", json!({"advance_seconds": 30 * 24 * 3600})).await;
    server.control("settle", json!({"all": true})).await;
    assert_eq!(status(&server, pending.id()).await, "processing");
    server.control("settle", json!({"reference": "pay_1", "outcome": "succeeded"})).await;
    assert_eq!(status(&server, pending.id()).await, "succeeded");
    assert_eq!(server.charges("pay_1").await.len(), 1);
}

#[tokio::test]
async fn a_moved_clock_settles_before_it_answers() {
    let server = Server::start().await;
    server.control("settle_after", json!({"milliseconds": 3_600_000})).await;
    let pending = debit(&server, "pm_usBankAccount_success", "usd", "pay_1").await;
    server.control("clock", json!({"advance_seconds": 3600})).await;
    assert_eq!(status(&server, pending.id()).await, "succeeded");
}

#[tokio::test]
async fn a_debit_needs_a_mandate_and_its_own_currency() {
    let server = Server::start().await;
    let form = payment_with("pm_usBankAccount_success", "pay_1", &[("currency", "usd")]);
    let refused = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!((refused.status, refused.error_code()), (400, "payment_intent_mandate_invalid"));
    assert_eq!(debit(&server, "pm_usBankAccount_success", "eur", "pay_1").await.status, 400);
    assert_eq!(debit(&server, "pm_sepaDebit_success", "usd", "pay_1").await.status, 400);
}
