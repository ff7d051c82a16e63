//! Pausing and resuming through the API, to the cent; a new payment method for what is past due; and what is
//! refused.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service, Settings, billing::DECLINES, subscribing::lines};

/// Asked again, all is so already.
async fn turned(merchant: &Merchant, id: &str, what: &str, body: &Value) -> Answer {
    let turned = merchant.turn(id, what, body).await;
    let invoices = merchant.invoices(id).await;
    let again = merchant.turn(id, what, body).await;
    assert_eq!((&again.body, again.header("etag")), (&turned.body, turned.header("etag")), "{what}");
    assert_eq!(merchant.invoices(id).await, invoices, "{what}");
    turned
}

/// Cases 11 and 12.
#[tokio::test]
async fn a_pause_gives_back_by_day_and_the_old_periods_are_joined_by_day() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let id = merchant.subscribed("a", &merchant.plan("249.95", "month").await, 1).await;
    deployment.noon_of("03-04").await;
    let paused = turned(merchant, &id, "pause", &Value::Null).await;
    assert_eq!((paused.text("status"), &paused.body["renews_at"]), ("paused", &Value::Null));
    assert_eq!(lines(&merchant.invoices(&id).await[1]), [("proration_credit", "-233.82")]);
    assert_eq!(merchant.balance(&id).await, "233.82");
    deployment.noon_of("04-05").await;
    assert_eq!(merchant.invoices(&id).await.len(), 2, "what rests is not renewed");
    let resumed = turned(merchant, &id, "resume", &json!({ "anchor": "old" })).await;
    assert_eq!(resumed.text("status"), "active");
    assert!(resumed.text("renews_at").ends_with("-05-02T00:00:00Z"), "{resumed:?}");
    let invoices = merchant.invoices(&id).await;
    assert_eq!(lines(&invoices[2]), [("proration_charge", "224.96")]);
    assert_eq!((&invoices[2]["status"], &invoices[2]["amount_paid"]), (&json!("paid"), &json!("0.00")));
    assert_eq!(merchant.balance(&id).await, "8.86");
    deployment.noon_of("05-02").await;
    let renewal = merchant.invoices(&id).await.remove(3);
    assert_eq!((&renewal["total"], &renewal["amount_paid"]), (&json!("249.95"), &json!("241.09")));
    deployment.check_books().await;
}

#[tokio::test]
async fn a_pause_waits_for_the_period_and_what_is_resumed_begins_anew() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let plan = merchant.plan("10.00", "month").await;
    let (id, kept) = (merchant.subscribed("a", &plan, 1).await, merchant.subscribed("b", &plan, 1).await);
    let later = json!({ "when": "at_period_end" });
    for id in [&id, &kept] {
        let planned = turned(merchant, id, "pause", &later).await;
        assert_eq!((planned.text("status"), &planned.body["pause_at_period_end"]), ("active", &json!(true)));
    }
    let withdrawn = turned(merchant, &kept, "resume", &Value::Null).await;
    assert_eq!(withdrawn.body["pause_at_period_end"], false);
    deployment.noon_of("04-02").await;
    merchant.subscription_with(&id, "paused").await;
    assert_eq!(merchant.invoices(&id).await.len(), 1);
    assert_eq!(merchant.invoices(&kept).await.len(), 2);
    deployment.noon_of("04-20").await;
    let resumed = turned(merchant, &id, "resume", &Value::Null).await;
    assert_eq!(resumed.text("status"), "active");
    assert!(resumed.text("renews_at").ends_with("-05-20T00:00:00Z"), "{resumed:?}");
    let invoices = merchant.invoices(&id).await;
    assert_eq!(lines(&invoices[1]), [("period", "10.00")]);
    assert_eq!(invoices[1]["status"], "paid");
    // A pause without proration gives nothing back.
    let paused = turned(merchant, &id, "pause", &json!({ "proration": "none" })).await;
    assert_eq!(paused.text("status"), "paused");
    assert_eq!(merchant.balance(&id).await, "0.00");
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_new_payment_method_is_tried_once_for_what_is_past_due() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("10.00", "month").await, 1).await;
    let card = |token: &str| json!({ "payment_method": { "type": "card", "token": token } });
    merchant.updated(&id, &card(DECLINES)).await;
    deployment.noon_of("05-01").await;
    merchant.subscription_with(&id, "past_due").await;
    let attempts = async || merchant.invoices(&id).await[1]["attempts"].as_u64().unwrap();
    assert_eq!(attempts().await, 1);
    // The card that it has already is nothing new: nothing is tried.
    assert_eq!(merchant.updated(&id, &card(DECLINES)).await.text("status"), "past_due");
    assert_eq!(attempts().await, 1);
    let preview = merchant.preview(&id, &card("pm_card_mastercard")).await;
    assert_eq!((&preview["charged_now"], &preview["invoices"]), (&json!("10.00"), &json!([])));
    assert_eq!(attempts().await, 1);
    assert_eq!(merchant.updated(&id, &card("pm_card_mastercard")).await.text("status"), "active");
    assert_eq!(merchant.updated(&id, &card("pm_card_mastercard")).await.text("status"), "active");
    assert_eq!(attempts().await, 2);
    assert_eq!(merchant.invoices(&id).await[1]["status"], "paid");
    deployment.check_billing().await;
}

/// The new card pays what the new plan costs, not the old one.
#[tokio::test]
async fn an_update_is_all_or_nothing() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("10.00", "month").await, 1).await;
    let dearer = merchant.plan("20.00", "month").await;
    let body = json!({
        "plan": dearer, "quantity": 2, "zone": "Asia/Kolkata", "metadata": { "team": "blue" },
        "payment_method": { "type": "card", "token": "pm_card_chargeCustomerFail" },
        "cancel_at_period_end": true,
    });
    let updated = merchant.updated(&id, &body).await;
    assert_eq!((updated.text("status"), updated.text("plan")), ("past_due", dearer.as_str()));
    assert_eq!(
        (&updated.body["quantity"], &updated.body["metadata"], &updated.body["cancel_at_period_end"]),
        (&json!(2), &json!({ "team": "blue" }), &json!(true))
    );
    let invoices = merchant.invoices(&id).await;
    assert_eq!((&invoices[1]["total"], &invoices[1]["status"]), (&json!("30.00"), &json!("open")));
    let kept = merchant.updated(&id, &json!({ "cancel_at_period_end": false })).await;
    assert_eq!((&kept.body["cancel_at_period_end"], kept.text("plan")), (&json!(false), dearer.as_str()));
    // One of them cannot be: none of them is.
    let dollars = json!({ "name": "US", "amount": "5.00", "currency": "USD", "interval": "month" });
    let dollars = merchant.made("/plans", &dollars).await;
    let body = json!({ "plan": dollars, "metadata": {}, "zone": "Europe/Berlin" });
    let refused = merchant.update(&id, &body).await;
    assert_eq!((refused.status, refused.text("code")), (409, "currency-differs"));
    assert_eq!(merchant.subscription(&id).await.body, kept.body);
    deployment.check_books().await;
}

/// A subscription in its trial, without any other process.
async fn in_trial(merchant: &Merchant) -> (String, Value) {
    let customer = merchant.made("/customers", &json!({ "email": "ada@example.com" })).await;
    let plan = merchant.plan("10.00", "month").await;
    let order = json!({
        "customer": customer, "plan": plan, "trial_days": 14,
        "payment_method": { "type": "card", "token": "pm_card_visa" },
    });
    let id = merchant.subscribe("k", &order).await.text("id").to_owned();
    (id, json!({ "quantity": 3 }))
}

#[tokio::test]
async fn an_update_is_of_what_was_read_and_of_ones_own() {
    let settings = Settings { services: vec![Service::Api], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let (merchant, rival) = (&deployment.merchant, deployment.new_merchant("Rival").await);
    let (id, body) = in_trial(merchant).await;
    let read = merchant.subscription(&id).await;
    let calls = [
        (Method::PUT, format!("/update-subscription/{id}")),
        (Method::POST, format!("/subscriptions/{id}/preview")),
        (Method::POST, format!("/subscriptions/{id}/pause")),
        (Method::POST, format!("/subscriptions/{id}/resume")),
    ];
    for (method, path) in &calls {
        let body = if path.ends_with("pause") || path.ends_with("resume") { &Value::Null } else { &body };
        let stale = merchant.send(method.clone(), path, &[("if-match", "\"99\"")], body).await;
        assert_eq!((stale.status, stale.text("code")), (412, "version-differs"), "{path}");
        assert_eq!(rival.send(method.clone(), path, &[], body).await.status, 404, "{path}");
    }
    let theirs = rival.plan("1.00", "month").await;
    assert_eq!(merchant.update(&id, &json!({ "plan": theirs })).await.fault(), "/plan");
    assert_eq!(merchant.subscription(&id).await.body, read.body);
    let etag = read.header("etag").to_owned();
    let (put, path) = calls[0].clone();
    let updated = merchant.send(put, &path, &[("if-match", &etag)], &body).await;
    assert_eq!((updated.status, &updated.body["quantity"]), (202, &json!(3)));
    assert_eq!(updated.header("location"), format!("/subscriptions/{id}"));
    assert_ne!(updated.header("etag"), etag);
    for what in ["pause", "resume"] {
        let path = format!("/subscriptions/{id}/{what}");
        let refused = merchant.send(Method::POST, &path, &[], &Value::Null).await;
        assert_eq!((refused.status, refused.text("code")), (409, "subscription-status"), "{what}");
    }
    let end = merchant.send(Method::DELETE, &format!("/cancel-subscription/{id}"), &[], &Value::Null).await;
    assert_eq!(end.text("status"), "canceled");
    for body in [body, json!({ "metadata": {} }), json!({ "cancel_at_period_end": true })] {
        let refused = merchant.update(&id, &body).await;
        assert_eq!((refused.status, refused.text("code")), (409, "subscription-ended"), "{body}");
        assert!(refused.text("detail").contains("a new one is needed"), "{refused:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_change_is_told_at_once() {
    let settings = Settings { services: vec![Service::Api], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let merchant = &deployment.merchant;
    let (id, _) = in_trial(merchant).await;
    let (update, pause, resume) = (
        (Method::PUT, format!("/update-subscription/{id}")),
        (Method::POST, format!("/subscriptions/{id}/pause")),
        (Method::POST, format!("/subscriptions/{id}/resume")),
    );
    let preview = (Method::POST, format!("/subscriptions/{id}/preview"));
    for ((method, path), body, pointers) in [
        (&update, json!({}), vec![""]),
        (&update, json!({ "plan": null }), vec![""]),
        (&preview, json!({}), vec![""]),
        (&update, json!([]), vec![""]),
        (&update, json!({ "plan": "Team", "quantity": 0 }), vec!["/plan", "/quantity"]),
        (&update, json!({ "quantity": 2, "proration": "by_hour" }), vec!["/proration"]),
        (&update, json!({ "zone": "UTC", "proration": "none" }), vec!["/proration"]),
        (&update, json!({ "zone": "Berlin", "status": "active" }), vec!["/zone", "/status"]),
        (&update, json!({ "payment_method": { "type": "card" } }), vec!["/payment_method/token"]),
        (&update, json!({ "cancel_at_period_end": "yes" }), vec!["/cancel_at_period_end"]),
        (&update, json!({ "zone": "UTC", "return_url": "https://shop.example/" }), vec!["/return_url"]),
        (&preview, json!({ "quantity": 2, "return_url": "nowhere" }), vec!["/return_url"]),
        (&pause, json!({ "when": "later", "proration": "at_period_end" }), vec!["/when", "/proration"]),
        (&pause, json!({ "anchor": "old" }), vec!["/anchor"]),
        (&resume, json!({ "anchor": "older" }), vec!["/anchor"]),
    ] {
        let answer = merchant.send(method.clone(), path, &[], &body).await;
        assert_eq!((answer.status, answer.text("code")), (422, "validation-failed"), "{path} {body}");
        let faults = answer.body["errors"].as_array().unwrap();
        let found: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{path} {body}");
    }
    let card = json!({ "metadata": { "note": "4242 4242 4242 4242" } });
    assert_eq!(merchant.update(&id, &card).await.text("code"), "card-data-refused");
    let plain = merchant.try_send(update.0, &update.1, &[], Some("{}".into())).await.unwrap();
    assert_eq!(plain.status, 415);
    assert_eq!(merchant.subscription(&id).await.header("etag"), "\"1\"", "it is untouched");
}
