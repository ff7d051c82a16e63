//! Balance transactions: what every movement did to the merchant's balance, and that the books agree.

use serde_json::{Value, json};

use super::{Server, payment_with};

async fn transactions(server: &Server, query: &str) -> Vec<Value> {
    let list = server.get(&format!("/v1/balance_transactions?{query}")).await;
    assert_eq!(list.status, 200, "{list:?}");
    list.body["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_charge_shows_its_fee_in_one_request() {
    let server = Server::start().await;
    for (amount, currency, fee) in [("1099", "eur", 62), ("5000", "jpy", 175), ("10000", "kwd", 590)] {
        let more =
            [("amount", amount), ("currency", currency), ("expand[]", "latest_charge.balance_transaction")];
        let paid = server.post("/v1/payment_intents", None, &payment_with("pm_card_visa", "p", &more)).await;
        let amount: i64 = amount.parse().unwrap();
        let transaction = &paid.body["latest_charge"]["balance_transaction"];
        assert_eq!(transaction["type"], "charge", "{paid:?}");
        assert_eq!(transaction["fee"], fee);
        assert_eq!(transaction["fee_details"][0]["amount"], fee);
        assert_eq!((&transaction["amount"], &transaction["net"]), (&json!(amount), &json!(amount - fee)));
        assert_eq!(transaction["currency"], currency);
        assert_eq!(transaction["source"], paid.body["latest_charge"]["id"]);
        let path = format!("/v1/balance_transactions/{}", transaction["id"].as_str().unwrap());
        assert_eq!(&server.get(&path).await.body, transaction);
        let list = server.get("/v1/payment_intents?expand[]=data.latest_charge.balance_transaction").await;
        assert_eq!(&list.body["data"][0]["latest_charge"]["balance_transaction"], transaction);
    }
}

#[tokio::test]
async fn there_is_none_until_the_money_is_taken() {
    let server = Server::start().await;
    let held = server.hold("pm_card_visa", "pay_1").await;
    let path = format!("/v1/charges/{}", held.body["latest_charge"].as_str().unwrap());
    assert_eq!(server.get(&path).await.body["balance_transaction"], json!(null));
    assert!(transactions(&server, "").await.is_empty());
    let capture = format!("/v1/payment_intents/{}/capture", held.id());
    let more = [("amount_to_capture", "1000"), ("expand[]", "latest_charge.balance_transaction")];
    let captured = server.post(&capture, None, &more).await;
    assert_eq!(captured.body["latest_charge"]["balance_transaction"]["net"], 1000 - 59);

    server.settle_by_hand().await;
    let debit = [
        ("currency", "usd"),
        ("mandate_data[customer_acceptance][type]", "offline"),
        ("expand[]", "latest_charge"),
    ];
    let form = payment_with("pm_usBankAccount_success", "pay_2", &debit);
    let pending = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!(pending.body["latest_charge"]["balance_transaction"], json!(null));
    server.control("settle", json!({"reference": "pay_2"})).await;
    assert_eq!(transactions(&server, "type=payment").await.len(), 1);
}

#[tokio::test]
async fn every_movement_makes_one_and_they_add_up_to_the_books() {
    let server = Server::start().await;
    server.settle_by_hand().await;
    server.pay("pm_card_visa_chargeDeclined", None, "pay_0").await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    let refund = server.refund(&paid, None, &[("amount", "99"), ("expand[]", "balance_transaction")]).await;
    assert_eq!(refund.body["balance_transaction"]["net"], -99);
    let failing = server.pay("pm_card_refundFail", None, "pay_2").await;
    server.refund(&failing, None, &[]).await;
    server.control("settle", json!({"reference": "pay_2"})).await;
    server.control("dispute", json!({"reference": "pay_1", "outcome": "lost"})).await;
    server.control("dispute", json!({"reference": "pay_2", "outcome": "won"})).await;

    let all = transactions(&server, "limit=100").await;
    let mut kinds: Vec<_> = all.iter().map(|one| one["reporting_category"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["charge", "charge", "dispute", "dispute", "dispute_reversal", "refund", "refund", "refund_failure"]
    );
    let net: i64 = all.iter().map(|one| one["net"].as_i64().unwrap()).sum();
    let books = server.get("/books").await.body;
    assert_eq!(books["totals"]["eur"]["net"], net);
    assert_eq!(books["totals"]["eur"]["fees"], 2 * 62 + 2 * 1500);
}

#[tokio::test]
async fn they_are_listed_by_source_type_and_time() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    server.control("clock", json!({"advance_seconds": 100})).await;
    let refund = server.refund(&paid, None, &[]).await;
    let created = refund.body["created"].as_i64().unwrap();
    let charge = paid.body["latest_charge"].as_str().unwrap();
    assert_eq!(transactions(&server, &format!("source={charge}")).await.len(), 1);
    assert_eq!(transactions(&server, "type=refund&expand[]=data.source").await[0]["source"], refund.body);
    assert_eq!(transactions(&server, &format!("type=refund&source={charge}")).await.len(), 0);
    assert_eq!(transactions(&server, &format!("created[lt]={created}")).await.len(), 1);
    let all = transactions(&server, "").await;
    let after = format!("limit=1&starting_after={}", all[0]["id"].as_str().unwrap());
    assert_eq!(transactions(&server, &after).await, all[1..]);
}
