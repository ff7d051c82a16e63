//! What a gateway cannot charge to the unit: it is charged down to what it can, and the remainder is carried to the
//! next invoice. Nobody is charged more than what is owed, and the books balance.

use serde_json::{Value, json};
use tests::{Deployment, card, paypal, subscribing::lines};

/// A subscription of a month, taxed, and how it is paid.
async fn order(deployment: &Deployment, price: Value, tax: Value, method: Value) -> Value {
    let customer = deployment.merchant.customer().await;
    json!({ "customer": customer, "price": price, "tax": tax, "payment_method": method })
}

/// What an invoice asks for, what the balance pays of it, and what was charged.
fn sums(invoice: &Value) -> [&str; 4] {
    ["total", "amount_from_balance", "amount_paid", "status"].map(|field| invoice[field].as_str().unwrap())
}

/// What a preview says of a renewal.
fn figures(preview: &Value) -> [&str; 3] {
    ["total", "amount_from_balance", "amount_due"]
        .map(|field| preview["next_renewal"][field].as_str().unwrap())
}

async fn check(deployment: &Deployment) {
    deployment.idle().await;
    deployment.check_billing().await;
    let told = deployment.remit(&["doctor"]).await;
    assert!(told.is_ok(), "{told:?}");
}

#[tokio::test]
async fn forints_at_paypal_are_charged_whole_and_the_rest_comes_with_the_next_renewal() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let price = json!({ "name": "Team", "amount": "1999", "currency": "HUF", "interval": "month" });
    let by = json!({ "type": "paypal", "token": "vault_ok" });
    let order = order(&deployment, price, json!({ "name": "ÁFA", "percent": "27" }), by).await;
    let begun = merchant.subscribe("a", &order).await;
    assert_eq!((begun.status, &begun.body["status"]), (202, &json!("active")), "{begun:?}");
    let id = begun.text("id");
    let invoice = merchant.invoices(id).await.remove(0);
    assert_eq!(lines(&invoice), [("period", "1999.00"), ("tax", "539.73")]);
    assert_eq!(sums(&invoice), ["2538.73", "0.73", "2538.00", "paid"]);
    assert_eq!(merchant.balance(id).await, "-0.73");

    // 2538.73 and 0.73 are 2539.46.
    for (month, place, from_balance, charged, balance) in [
        ("04-02", 1, "-0.27", "2539.00", "-0.46"),
        ("05-02", 2, "-0.27", "2539.00", "-0.19"),
        ("06-02", 3, "0.73", "2538.00", "-0.92"),
        ("07-02", 4, "-0.27", "2539.00", "-0.65"),
    ] {
        let preview = merchant.preview(id, &json!({ "metadata": { "month": month } })).await;
        assert_eq!(figures(&preview), ["2538.73", from_balance, charged], "{month}");
        deployment.noon_of(month).await;
        let renewal = merchant.invoices(id).await.remove(place);
        assert_eq!(sums(&renewal), ["2538.73", from_balance, charged, "paid"], "{month}");
        assert_eq!(merchant.balance(id).await, balance, "{month}");
    }
    let five = "SELECT (sum(amount) = 12693 AND bool_and(amount = trunc(amount)))::int::bigint FROM payments";
    assert_eq!(deployment.count(five).await, 1, "5 × 2538.73 less the 0.65 that are owed");
    check(&deployment).await;
}

#[tokio::test]
async fn dinars_by_card_are_charged_in_hundredths_and_the_rest_comes_with_the_next_renewal() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let price = json!({ "name": "Team", "amount": "1.999", "currency": "KWD", "interval": "month" });
    let by = json!({ "type": "card", "token": "pm_card_visa" });
    let order = order(&deployment, price, Value::Null, by).await;
    let begun = merchant.subscribe("a", &order).await;
    assert_eq!((begun.status, &begun.body["status"]), (202, &json!("active")), "{begun:?}");
    let id = begun.text("id");
    assert_eq!(sums(&merchant.invoices(id).await[0]), ["1.999", "0.009", "1.990", "paid"]);
    assert_eq!(merchant.balance(id).await, "-0.009");
    deployment.noon_of("04-02").await;
    assert_eq!(sums(&merchant.invoices(id).await[1]), ["1.999", "-0.001", "2.000", "paid"]);
    assert_eq!(merchant.balance(id).await, "-0.008");
    check(&deployment).await;
}

/// One that is declined, and is paid at last: what was carried is carried once.
#[tokio::test]
async fn a_remainder_is_carried_once_however_often_its_invoice_is_tried() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let price = json!({ "name": "Team", "amount": "1.999", "currency": "KWD", "interval": "month" });
    let by = json!({ "type": "card", "token": "pm_card_visa_chargeDeclinedInsufficientFunds" });
    let mut order = order(&deployment, price, Value::Null, by).await;
    order["trial_days"] = json!(1);
    let id = merchant.subscribe("a", &order).await.text("id").to_owned();
    deployment.noon_of("03-03").await;
    let open = merchant.invoices(&id).await.remove(0);
    assert_eq!((sums(&open), &open["amount_due"]), (["1.999", "0.009", "0.000", "open"], &json!("1.990")));
    assert_eq!(merchant.balance(&id).await, "-0.009");
    deployment.noon_of("03-04").await;
    let good = json!({ "payment_method": { "type": "card", "token": "pm_card_visa" } });
    merchant.updated(&id, &good).await;
    deployment.idle().await;
    assert_eq!(sums(&merchant.invoices(&id).await[0]), ["1.999", "0.009", "1.990", "paid"]);
    assert_eq!(merchant.balance(&id).await, "-0.009");
    check(&deployment).await;
}

/// What is due was measured by the gateway of the day on which it opened. It is paid at another.
#[tokio::test]
async fn an_invoice_that_another_gateway_pays_is_charged_as_that_one_can() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let price = json!({ "name": "Team", "amount": "1999", "currency": "HUF", "interval": "month" });
    let by = json!({ "type": "card", "token": "pm_card_visa_chargeDeclinedInsufficientFunds" });
    let mut order = order(&deployment, price, json!({ "name": "ÁFA", "percent": "27" }), by).await;
    order["trial_days"] = json!(1);
    let id = merchant.subscribe("a", &order).await.text("id").to_owned();
    deployment.noon_of("03-03").await;
    let open = merchant.invoices(&id).await.remove(0);
    assert_eq!((sums(&open), &open["amount_due"]), (["2538.73", "0.00", "0.00", "open"], &json!("2538.73")));
    let by_paypal = json!({ "payment_method": { "type": "paypal", "token": "vault_ok" } });
    let preview = merchant.preview(&id, &by_paypal).await;
    assert_eq!((&preview["charged_now"], &preview["balance"]), (&json!("2538.00"), &json!("-0.73")));
    merchant.updated(&id, &by_paypal).await;
    deployment.idle().await;
    assert_eq!(sums(&merchant.invoices(&id).await[0]), ["2538.73", "0.73", "2538.00", "paid"]);
    assert_eq!(merchant.balance(&id).await, "-0.73");
    deployment.noon_of("04-03").await;
    assert_eq!(sums(&merchant.invoices(&id).await[1]), ["2538.73", "-0.27", "2539.00", "paid"]);
    check(&deployment).await;
}

/// There is somebody to be asked for another amount: so it is refused.
#[tokio::test]
async fn a_single_payment_is_never_rounded() {
    let deployment = Deployment::api_alone().await;
    for (body, told) in [
        (
            paypal("2538.73", "HUF", Some("vault_ok")),
            "\"amount\" must have no decimals: PayPal takes no more in HUF.",
        ),
        (
            card("1.999", "KWD", "pm_card_visa"),
            "\"amount\" must be a multiple of 0.01: cards and bank debits in KWD are charged so.",
        ),
    ] {
        let refused = deployment.merchant.pay("k", &body).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["detail"]),
            (422, &json!(told)),
            "{refused:?}"
        );
    }
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 0);
}
