//! Caps: what a key pays at once and in a day, and whose payments it refunds.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, card};

use super::{holder, make};

const SCOPES: [&str; 2] = ["payments:write", "refunds:write"];

async fn capped(admin: &Merchant, caps: Value) -> (String, Merchant) {
    let made = make(admin, json!({ "scopes": SCOPES, "caps": caps })).await;
    assert_eq!(made.status, 201, "{made:?}");
    (made.text("id").to_owned(), holder(admin, &made))
}

fn refusal(answer: &Answer) -> &str {
    assert_eq!(answer.status, 403, "{answer:?}");
    answer.text("code")
}

#[tokio::test]
async fn a_payment_is_held_against_each_cap() {
    let deployment = Deployment::api_alone().await;
    let caps = json!({
        "amount_per_payment": [{ "amount": "50.00", "currency": "EUR" }],
        "amount_per_day": [{ "amount": "80.00", "currency": "EUR" }],
    });
    let (id, key) = capped(&deployment.merchant, caps.clone()).await;
    let shown = deployment.merchant.get(&format!("/api-keys/{id}")).await.body["caps"].clone();
    assert_eq!(shown["amount_per_day"], caps["amount_per_day"]);
    let pay = |name: &'static str, amount: &'static str, currency: &'static str| {
        let key = key.clone();
        async move { key.pay(name, &card(amount, currency, "pm_card_visa")).await }
    };
    assert_eq!(refusal(&pay("a", "50.01", "EUR").await), "cap-payment-amount");
    assert_eq!(refusal(&pay("a", "1.00", "USD").await), "cap-currency");
    // What was refused has used up neither the key nor the day.
    assert_eq!(pay("a", "50.00", "EUR").await.status, 202);
    assert_eq!(pay("a", "50.00", "EUR").await.header("idempotent-replayed"), "true");
    assert_eq!(refusal(&pay("b", "30.01", "EUR").await), "cap-daily-amount");
    assert_eq!(pay("b", "30.00", "EUR").await.status, 202);
    assert_eq!(refusal(&pay("c", "0.50", "EUR").await), "cap-daily-amount");
    // A repetition is no new payment.
    assert_eq!(pay("b", "30.00", "EUR").await.header("idempotent-replayed"), "true");
    deployment.advance(24 * 3600).await;
    assert_eq!(pay("c", "0.50", "EUR").await.status, 202);
    assert_eq!(deployment.merchant.paid("d", &card("500.00", "EUR", "pm_card_visa")).await[..4], *"pay_");
}

/// However many are asked for at once, over however many servers: together they stay within the day's amount.
#[tokio::test(flavor = "multi_thread")]
async fn no_race_exceeds_a_days_amount() {
    let mut deployment = Deployment::api_alone().await;
    let elsewhere = deployment.another_api(&[]).await;
    let caps = json!({ "amount_per_day": [{ "amount": "100.00", "currency": "EUR" }] });
    let (id, here) = capped(&deployment.merchant, caps).await;
    let path = format!("/api-keys/{id}/rotate");
    let rotated = deployment.merchant.send(Method::POST, &path, &[], &Value::Null).await;
    // The key that came in its place counts on.
    let there = Merchant::new(elsewhere, rotated.text("secret").to_owned());
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..60 {
        let key = if n % 2 == 0 { here.clone() } else { there.clone() };
        asked.spawn(async move { key.pay(&n.to_string(), &card("7.00", "EUR", "pm_card_visa")).await });
    }
    let answers = asked.join_all().await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    let refused =
        answers.iter().filter(|answer| answer.status == 403 && answer.text("code") == "cap-daily-amount");
    assert_eq!((accepted, refused.count()), (14, 46), "{answers:?}");
    assert_eq!(deployment.count("SELECT sum(amount)::bigint FROM payments").await, 98);
    assert_eq!(deployment.count("SELECT count(*) FROM jobs").await, 14, "what is refused leaves no work");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_refunds_only_what_was_paid_with_it() {
    let deployment = Deployment::start().await;
    let admin = &deployment.merchant;
    let (id, key) = capped(admin, json!({ "own_payments_only": true })).await;
    let theirs = admin.paid_up("theirs", &card("5.00", "EUR", "pm_card_visa")).await;
    let own = key.paid_up("own", &card("5.00", "EUR", "pm_card_visa")).await;
    assert_eq!(refusal(&key.refund("r1", &theirs, None).await), "cap-own-payments");
    assert_eq!(key.refund("r2", &own, Some("1.00")).await.status, 202);
    let path = format!("/api-keys/{id}/rotate");
    let rotated = holder(admin, &admin.send(Method::POST, &path, &[], &Value::Null).await);
    assert_eq!(rotated.refund("r3", &own, Some("1.00")).await.status, 202);
    assert_eq!(refusal(&rotated.refund("r4", &theirs, None).await), "cap-own-payments");
    assert_eq!(admin.refund("r5", &own, Some("1.00")).await.status, 202, "whoever has no caps refunds all");
    deployment.settled().await;
}
