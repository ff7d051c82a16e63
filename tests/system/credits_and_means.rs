//! Where several things that move money meet: a new card and fewer seats in one request, a refund behind a credit that
//! was used, a forint that was carried.

use serde_json::json;
use tests::{
    Deployment, Merchant,
    billing::DECLINES,
    eventually,
    subscribing::{lines, subscription},
};

const BY_DAY: &str = "?proration=by_day";

async fn first_payment(merchant: &Merchant, id: &str, invoice: usize) -> String {
    let invoice = merchant.invoices(id).await.remove(invoice);
    let whole = merchant.get(&format!("/invoices/{}", invoice["id"].as_str().unwrap())).await.body;
    whole["payments"][0].as_str().unwrap().to_owned()
}

/// What leaves is taken off before the new card is asked, whatever is in the balance.
#[tokio::test]
async fn a_new_card_is_not_asked_for_what_leaves_with_it() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let declines = json!({ "payment_method": { "type": "card", "token": DECLINES } });
    let good = json!({ "type": "card", "token": "pm_card_mastercard" });
    let id = merchant.subscribed("a", &merchant.plan("1.00", "month").await, 1).await;
    merchant.updated(&id, &declines).await;
    assert_eq!(merchant.updated(&id, &json!({ "quantity": 1000 })).await.text("status"), "past_due");
    let body = json!({ "payment_method": good, "quantity": 1 });
    assert_eq!(merchant.preview(&id, &body).await["charged_now"], "0.00");
    assert_eq!(merchant.updated(&id, &body).await.text("status"), "active");
    assert_eq!(merchant.balance(&id).await, "0.00");
    // The same with something in the balance, and another plan.
    let (ten, forty) = (merchant.plan("10.00", "month").await, merchant.plan("40.00", "month").await);
    let open = merchant.subscribed("b", &ten, 1).await;
    merchant.updated(&open, &declines).await;
    let customer = merchant.subscription(&open).await.text("customer").to_owned();
    let other = merchant.subscribe("c", &subscription(&customer, &forty, 1)).await.text("id").to_owned();
    deployment.noon_of("05-01").await;
    merchant.subscription_with(&open, "past_due").await;
    merchant.cancel_subscription(&other, BY_DAY, &[]).await;
    let plan = merchant.plan("5.00", "month").await;
    let changed = merchant.updated(&open, &json!({ "payment_method": good, "plan": plan })).await;
    assert_eq!(changed.text("status"), "active");
    assert_eq!(merchant.balance(&open).await, "35.00");
    deployment.check_billing().await;
}

/// A credit that pays another plan, whose money then goes back in the dashboard, is taken from what comes next.
#[tokio::test]
async fn what_went_back_behind_a_used_credit_is_taken_later() {
    let deployment = Deployment::start().await;
    deployment.connect_webhooks().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let (a, b) = (merchant.plan("30.00", "month").await, merchant.plan("60.00", "month").await);
    let id = merchant.subscribed("a", &a, 1).await;
    let payment = first_payment(merchant, &id, 0).await;
    merchant.updated(&id, &json!({ "plan": b })).await;
    let charged = merchant.payment(&payment).await.text("gateway_reference").to_owned();
    let made = common::gateway::http_client(std::time::Duration::from_secs(10))
        .unwrap()
        .post(format!("{}/v1/refunds", deployment.sandbox_url()))
        .bearer_auth("sk_test_dashboard")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("payment_intent={charged}&amount=3000"))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 200);
    eventually("it is adopted", async || {
        (merchant.payment(&payment).await.body["amount_refunded"] == "30.00").then_some(())
    })
    .await;
    merchant.cancel_subscription(&id, BY_DAY, &[]).await;
    assert_eq!(merchant.balance(&id).await, "30.00", "60.00 came, 30.00 went back");
    deployment.check_books().await;
    assert!(deployment.remit(&["doctor"]).await.is_ok());
}

/// A renewal that asked for a carried remainder besides is refunded whole.
#[tokio::test]
async fn what_was_carried_is_refunded_with_its_payment() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let price = json!({ "name": "Team", "amount": "1999", "currency": "HUF", "interval": "month" });
    let order = json!({
        "customer": merchant.customer().await, "price": price,
        "tax": { "name": "AFA", "percent": "27" },
        "payment_method": { "type": "paypal", "token": "vault_ok" },
    });
    let id = merchant.subscribe("a", &order).await.text("id").to_owned();
    deployment.noon_of("04-02").await;
    assert_eq!(merchant.invoices(&id).await[1]["amount_paid"], "2539.00");
    let refund = merchant.refunded("r", &first_payment(merchant, &id, 1).await, None).await;
    assert_eq!(merchant.refund_with(&refund, &["succeeded"]).await["amount"], "2539.00");
    deployment.check_books().await;
}

/// What stands on a line was paid, and does not become free by going and coming without proration.
#[tokio::test]
async fn what_was_paid_is_not_free() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let (a, b) = (merchant.plan("30.00", "month").await, merchant.plan("90.00", "month").await);
    let (swapped, seats) = (merchant.subscribed("a", &a, 1).await, merchant.subscribed("b", &a, 3).await);
    for plan in [&b, &a] {
        merchant.updated(&swapped, &json!({ "plan": plan, "proration": "none" })).await;
    }
    for quantity in [1, 3] {
        merchant.updated(&seats, &json!({ "quantity": quantity, "proration": "none" })).await;
    }
    for (id, quantity, charged) in [(&swapped, 2, "30.00"), (&seats, 5, "60.00")] {
        merchant.updated(id, &json!({ "quantity": quantity })).await;
        assert_eq!(lines(&merchant.invoices(id).await[1]), [("proration_charge", charged)]);
    }
    deployment.check_billing().await;
}
