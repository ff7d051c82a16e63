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

/// Seats come back as they left, the last first, whichever line they are of: with an amount off, no two are alike.
#[tokio::test]
async fn what_left_last_comes_back_first() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("30.00", "month").await;
    let mut body = subscription(&merchant.customer().await, &plan, 2);
    body["discounts"] = json!([{ "name": "Off", "amount": "20.00", "duration": "forever" }]);
    let id = merchant.subscribe("a", &body).await.text("id").to_owned();
    merchant.updated(&id, &json!({ "quantity": 4 })).await;
    for (quantity, balance) in [(1, "80.00"), (2, "60.00"), (1, "80.00"), (2, "60.00"), (4, "0.00")] {
        merchant.updated(&id, &json!({ "quantity": quantity })).await;
        assert_eq!(merchant.balance(&id).await, balance, "{quantity} seats");
    }
    deployment.check_billing().await;
}

/// A new card that is stolen is asked for one of three open invoices, and never again; one that pays, for one after the
/// other.
#[tokio::test]
async fn a_new_card_is_asked_for_one_invoice_at_a_time() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let card = |token: &str| json!({ "payment_method": { "type": "card", "token": token } });
    let id = merchant.subscribed("a", &merchant.plan("10.00", "month").await, 1).await;
    merchant.updated(&id, &card(DECLINES)).await;
    for quantity in [2, 4, 7] {
        merchant.updated(&id, &json!({ "quantity": quantity })).await;
    }
    let open = async || {
        let invoices = merchant.invoices(&id).await.into_iter();
        let open = invoices.filter(|invoice| invoice["status"] == "open");
        open.map(|invoice| invoice["attempts"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(open().await, [1, 1, 1]);
    let asked = "SELECT count(*) FROM payments WHERE decline_class = 'hard'";
    let stolen = card("pm_sandbox_saved_chargeDeclinedStolenCard");
    assert_eq!(merchant.preview(&id, &stolen).await["charged_now"], "60.00");
    merchant.updated(&id, &stolen).await;
    deployment.idle().await;
    assert_eq!((deployment.count(asked).await, open().await), (1, vec![2, 1, 1]));
    deployment.noon_of("04-05").await;
    assert_eq!(deployment.count(asked).await, 1, "steps have passed, and it was not asked");
    merchant.updated(&id, &card("pm_card_visa")).await;
    merchant.subscription_with(&id, "active").await;
    deployment.idle().await;
    assert_eq!(open().await, [0_u64; 0]);
    deployment.check_billing().await;
}

/// What was given up, by a merchant or at the end of its retries, is no money either when what it billed leaves.
#[tokio::test]
async fn what_was_given_up_is_no_money() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("30.00", "month").await;
    let id = merchant.subscribed("a", &plan, 1).await;
    merchant
        .updated(&id, &json!({ "payment_method": { "type": "card", "token": DECLINES }, "quantity": 3 }))
        .await;
    let invoice = merchant.invoices(&id).await.remove(1);
    assert_eq!((&invoice["status"], &invoice["amount_due"]), (&json!("open"), &json!("60.00")));
    let path = format!("/invoices/{}/mark-uncollectible", invoice["id"].as_str().unwrap());
    assert_eq!(merchant.post(&path, &serde_json::Value::Null).await.status, 200);
    merchant.updated(&id, &json!({ "quantity": 1 })).await;
    let invoice = merchant.invoices(&id).await.remove(1);
    assert_eq!((&invoice["amount_credited"], &invoice["amount_due"]), (&json!("60.00"), &json!("0.00")));
    assert_eq!((merchant.invoices(&id).await.len(), merchant.balance(&id).await.as_str()), (2, "0.00"));
    merchant.cancel_subscription(&id, BY_DAY, &[]).await;
    assert_eq!(merchant.balance(&id).await, "30.00", "what was paid");
    deployment.check_billing().await;
}

/// Another plan and another interval, by their exact amounts, after a change and after a renewal that were declined.
#[tokio::test]
async fn what_replaces_what_was_declined_costs_what_it_costs() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let (ten, hundred) = (merchant.plan("10.00", "month").await, merchant.plan("100.00", "month").await);
    let (four, yearly) = (merchant.plan("4.00", "month").await, merchant.plan("12.00", "year").await);
    let declines = json!({ "payment_method": { "type": "card", "token": DECLINES } });
    // (what it becomes, what then is open of it, what is in the balance)
    for (key, plan, open, balance) in [("plan", &four, "0.00", "6.00"), ("interval", &yearly, "2.00", "0.00")]
    {
        let id = merchant.subscribed(key, &ten, 1).await;
        merchant.updated(&id, &declines).await;
        merchant.updated(&id, &json!({ "plan": hundred })).await;
        merchant.updated(&id, &json!({ "plan": plan })).await;
        let invoices = merchant.invoices(&id).await;
        assert_eq!((&invoices[1]["status"], &invoices[1]["amount_due"]), (&json!("paid"), &json!("0.00")));
        let due = invoices.last().unwrap()["amount_due"].as_str().unwrap();
        assert_eq!((due, merchant.balance(&id).await.as_str()), (open, balance), "{key}");
    }
    // A renewal that nobody paid is worth nothing to what replaces it.
    let ids = [merchant.subscribed("c", &ten, 1).await, merchant.subscribed("d", &ten, 1).await];
    for id in &ids {
        merchant.updated(id, &declines).await;
    }
    deployment.noon_of("05-01").await;
    for (id, plan, open) in [(&ids[0], &four, "4.00"), (&ids[1], &yearly, "12.00")] {
        merchant.subscription_with(id, "past_due").await;
        merchant.updated(id, &json!({ "plan": plan })).await;
        let invoices = merchant.invoices(id).await;
        assert_eq!(invoices[1]["amount_due"], "0.00");
        let due = invoices.last().unwrap()["amount_due"].as_str().unwrap();
        assert_eq!((due, merchant.balance(id).await.as_str()), (open, "0.00"));
    }
    deployment.check_billing().await;
}

/// A pause that gave nothing back leaves days that are paid: an end by day gives them back.
#[tokio::test]
async fn what_rests_with_paid_days_gives_them_back_at_its_end() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("30.00", "month").await, 1).await;
    merchant.turn(&id, "pause", &json!({ "proration": "none" })).await;
    deployment.noon_of("04-16").await;
    merchant.cancel_subscription(&id, BY_DAY, &[]).await;
    assert_eq!(merchant.balance(&id).await, "15.00");
    deployment.check_billing().await;
}
