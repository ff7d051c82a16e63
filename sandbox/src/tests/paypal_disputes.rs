//! Chargebacks: opened by a token or by hand, answered, won or lost.

use serde_json::{Value, json};

use super::paypal::Shop;

async fn dispute_of(shop: &Shop, capture: &str) -> Value {
    let list = shop.get(&format!("/v1/customer/disputes?disputed_transaction_id={capture}")).await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{list:?}");
    let is_over = items[0]["status"] == "RESOLVED";
    assert_eq!(items[0]["dispute_state"], if is_over { "RESOLVED" } else { "REQUIRED_ACTION" });
    let id = items[0]["dispute_id"].as_str().unwrap();
    shop.get(&format!("/v1/customer/disputes/{id}")).await.body
}

#[tokio::test]
async fn a_payer_takes_the_money_back() {
    let shop = Shop::start().await;
    shop.server.settle_by_hand().await;
    let capture = shop.paid("vault_dispute", "pay_1").await;
    shop.server.settle_by_hand().await;
    assert!(shop.server.books("pay_1").await["disputes"].as_array().unwrap().is_empty());
    shop.advance(3600).await;
    let dispute = dispute_of(&shop, &capture).await;
    assert_eq!(dispute["status"], "OPEN");
    assert!(dispute.get("dispute_state").is_none(), "the list alone says it: {dispute}");
    let twice = shop.get("/v1/customer/disputes?page_size=1&page_size=2").await;
    assert_eq!((twice.status, twice.issue()), (400, "INVALID_PARAMETER_SYNTAX"));
    assert_eq!(dispute["dispute_life_cycle_stage"], "CHARGEBACK");
    assert_eq!(dispute["dispute_amount"]["value"], "10.99");
    let transaction = &dispute["disputed_transactions"][0];
    assert_eq!(transaction["seller_transaction_id"], capture);
    assert_eq!(
        (&transaction["invoice_number"], &transaction["custom"]),
        (&json!("inv-pay_1"), &json!("pay_1"))
    );
    let books = shop.server.books("pay_1").await;
    assert_eq!(books["disputes"][0]["status"], "open");
    assert_eq!(books["totals"]["eur"]["net"], 1099 - 87 - 1099 - 2000);
    let refused = shop.refund(&capture, "r", json!({})).await;
    assert_eq!((refused.status, refused.issue()), (422, "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"));
    shop.advance(3600).await;
    assert_eq!(dispute_of(&shop, &capture).await["status"], "WAITING_FOR_SELLER_RESPONSE");
}

#[tokio::test]
async fn a_dispute_ends_as_the_test_wants() {
    let shop = Shop::start().await;
    for (outcome, code, refunded, net) in [
        ("won", "RESOLVED_SELLER_FAVOUR", "0.00", 1099 - 87 - 2000),
        ("lost", "RESOLVED_BUYER_FAVOUR", "10.99", -87 - 2000),
    ] {
        let capture = shop.paid("vault_ok", outcome).await;
        let opened = shop.control("dispute", json!({"reference": outcome})).await;
        assert_eq!(opened.body, json!({"opened": true, "ended": false}));
        let again = shop.control("dispute", json!({"reference": outcome})).await;
        assert_eq!(again.body["opened"], false, "one at a time");
        let ended = shop.control("dispute", json!({"reference": outcome, "outcome": outcome})).await;
        assert_eq!(ended.body, json!({"opened": false, "ended": true}));
        let dispute = dispute_of(&shop, &capture).await;
        assert_eq!(dispute["status"], "RESOLVED");
        assert_eq!(dispute["dispute_outcome"]["outcome_code"], code);
        assert_eq!(dispute["dispute_outcome"]["amount_refunded"]["value"], refunded);
        let books = shop.server.books(outcome).await;
        assert_eq!(books["disputes"][0]["status"], outcome);
        assert_eq!(books["totals"]["eur"]["net"], net);
        let refund = shop.refund(&capture, outcome, json!({})).await;
        assert_eq!(refund.status, if outcome == "won" { 201 } else { 422 });
    }
}

#[tokio::test]
async fn only_what_is_left_is_disputed() {
    let shop = Shop::start().await;
    let capture = shop.paid("vault_ok", "pay_1").await;
    let part = json!({"amount": {"currency_code": "EUR", "value": "4.00"}});
    shop.refund(&capture, "r1", part).await;
    shop.control("dispute", json!({"reference": "pay_1"})).await;
    assert_eq!(dispute_of(&shop, &capture).await["dispute_amount"]["value"], "6.99");
    let refunded = shop.paid("vault_ok", "pay_2").await;
    shop.refund(&refunded, "r2", json!({})).await;
    let nothing = shop.control("dispute", json!({"reference": "pay_2"})).await;
    assert_eq!(nothing.body["opened"], false);
}

#[tokio::test]
async fn a_dispute_survives_a_kill() {
    let shop = Shop::start().await;
    let capture = shop.paid("vault_ok", "pay_1").await;
    shop.control("dispute", json!({"reference": "pay_1"})).await;
    let shop = shop.killed_and_restarted("").await;
    shop.control("dispute", json!({"reference": "pay_1", "outcome": "lost"})).await;
    assert_eq!(dispute_of(&shop, &capture).await["status"], "RESOLVED");
}
