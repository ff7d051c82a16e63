//! Reports: late, in pages, with every kind of transaction.

use serde_json::{Value, json};

use super::Answer;
use super::paypal::Shop;

const HOUR: u32 = 3600;

/// Everything within a day before and after the sandbox's present.
async fn report(shop: &Shop, more: &str) -> Answer {
    let now = shop.server.get("/control/clock").await.body["now"].as_i64().unwrap();
    let moment = |seconds| crate::paypal::times::write(seconds * 1000);
    let (start, end) = (moment(now - 24 * 3600), moment(now + 24 * 3600));
    shop.get(&format!("/v1/reporting/transactions?start_date={start}&end_date={end}&fields=all{more}")).await
}

fn rows(report: &Answer) -> Vec<Value> {
    let details = report.body["transaction_details"].as_array().unwrap();
    details.iter().map(|row| row["transaction_info"].clone()).collect()
}

#[tokio::test]
async fn transactions_appear_hours_later() {
    let shop = Shop::start().await;
    let capture = shop.paid("vault_ok", "pay_1").await;
    shop.advance(3 * HOUR - 60).await;
    assert!(rows(&report(&shop, "").await).is_empty());
    shop.advance(60).await;
    let rows = rows(&report(&shop, "").await);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["transaction_id"], capture);
    assert_eq!(rows[0]["transaction_event_code"], "T0006");
    assert_eq!(rows[0]["transaction_amount"], json!({"currency_code": "EUR", "value": "10.99"}));
    assert_eq!(rows[0]["fee_amount"]["value"], "-0.87");
    assert_eq!(rows[0]["transaction_status"], "S");
    assert_eq!((&rows[0]["invoice_id"], &rows[0]["custom_field"]), (&json!("inv-pay_1"), &json!("pay_1")));
}

#[tokio::test]
async fn every_kind_of_transaction_is_reported() {
    let shop = Shop::start().await;
    assert_eq!(shop.control("paypal/reporting_delay", json!({"seconds": 0})).await.status, 204);
    shop.server.settle_by_hand().await;
    let refunded = shop.paid("vault_ok", "pay_1").await;
    shop.refund(&refunded, "r", json!({"custom_id": "ref_1"})).await;
    shop.advance(1).await;
    let disputed = shop.paid("vault_ok", "pay_2").await;
    shop.control("dispute", json!({"reference": "pay_2"})).await;
    shop.advance(1).await;
    shop.control("dispute", json!({"reference": "pay_2", "outcome": "won"})).await;
    shop.advance(1).await;
    shop.pay("vault_pending", "k", "pay_3").await;
    shop.pay("vault_failed", "l", "pay_4").await;
    let found = rows(&report(&shop, "").await);
    let lines: Vec<_> = found
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let amount = row["transaction_amount"]["value"].as_str().unwrap().to_owned();
            (text("transaction_event_code"), amount, text("transaction_status"), text("paypal_reference_id"))
        })
        .collect();
    let line = |code: &str, amount: &str, status: &str, about: &str| {
        (code.to_owned(), amount.to_owned(), status.to_owned(), about.to_owned())
    };
    let expected = [
        line("T0006", "10.99", "V", ""),
        line("T1107", "-10.99", "S", &refunded),
        line("T0006", "10.99", "S", ""),
        line("T1201", "-10.99", "S", &disputed),
        line("T1202", "10.99", "S", &disputed),
        line("T0006", "10.99", "P", ""),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for expected in expected {
        assert!(lines.contains(&expected), "{expected:?} is not in {lines:?}");
    }
    assert_eq!(
        found.iter().find(|row| row["transaction_event_code"] == "T1201").unwrap()["fee_amount"]["value"],
        "-20.00"
    );
    let refund = found.iter().find(|row| row["transaction_event_code"] == "T1107").unwrap();
    assert_eq!(refund["custom_field"], "ref_1");
    shop.control("settle", json!({"reference": "pay_3", "outcome": "failed"})).await;
    assert!(rows(&report(&shop, "").await).iter().any(|row| row["transaction_status"] == "D"));
}

#[tokio::test]
async fn reports_come_in_pages() {
    let shop = Shop::start().await;
    shop.control("paypal/reporting_delay", json!({"seconds": 0})).await;
    let mut paid = Vec::new();
    for number in 0..5 {
        paid.push(shop.paid("vault_ok", &format!("pay_{number}")).await);
    }
    let mut found = Vec::new();
    for page in 1..=3 {
        let answer = report(&shop, &format!("&page_size=2&page={page}")).await;
        assert_eq!((&answer.body["total_items"], &answer.body["total_pages"]), (&json!(5), &json!(3)));
        assert_eq!(answer.body["page"], page);
        found.extend(rows(&answer).iter().map(|row| row["transaction_id"].as_str().unwrap().to_owned()));
    }
    found.sort();
    paid.sort();
    assert_eq!(found, paid);
    assert!(rows(&report(&shop, "&page=4&page_size=2").await).is_empty());
}

#[tokio::test]
async fn reports_that_make_no_sense_are_refused() {
    let shop = Shop::start().await;
    let (start, end) = ("start_date=2026-01-01T00:00:00Z", "end_date=2026-02-01T00:00:00Z");
    for (query, status) in [
        (format!("{start}&{end}"), 200),
        (format!("{start}&end_date=2026-02-01T00:00:01Z"), 400),
        (format!("{start}&end_date=2025-12-31T00:00:00Z"), 400),
        (start.to_owned(), 400),
        (format!("start_date=yesterday&{end}"), 400),
        (format!("{start}&{end}&page_size=501"), 400),
        (format!("{start}&{end}&page=0"), 400),
        (format!("{start}&{end}&colour=blue"), 400),
    ] {
        let answer = shop.get(&format!("/v1/reporting/transactions?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
}
