//! What a subscription is agreed on besides a plan: a price of its own, discounts, tax; and what could never be
//! charged, which is refused.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, Settings, subscribing::lines};

async fn order(merchant: &Merchant) -> Value {
    let customer = merchant.made("/customers", &json!({ "email": "ada@example.com" })).await;
    json!({ "customer": customer, "payment_method": { "type": "card", "token": "pm_card_visa" } })
}

fn with(order: &Value, more: &Value) -> Value {
    let mut order = order.clone();
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    order
}

fn price(amount: &str) -> Value {
    json!({ "name": "As agreed", "amount": amount, "currency": "EUR", "interval": "month" })
}

#[tokio::test]
async fn a_price_of_its_own_is_no_plan_for_others() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let order = order(merchant).await;
    let first = merchant.subscribe("a", &with(&order, &json!({ "price": price("39.90") }))).await;
    assert_eq!(
        (first.text("status"), first.text("name"), first.text("amount")),
        ("active", "As agreed", "39.90")
    );
    let replayed = merchant.subscribe("a", &with(&order, &json!({ "price": price("39.90") }))).await;
    assert_eq!((replayed.text("id"), replayed.header("idempotent-replayed")), (first.text("id"), "true"));
    let other = merchant.subscribe("a", &with(&order, &json!({ "price": price("39.91") }))).await;
    assert_eq!(other.text("code"), "idempotency-key-reused");
    let plan = first.text("plan");
    assert_eq!(merchant.get("/plans").await.body["data"], json!([]));
    assert_eq!(merchant.get(&format!("/plans/{plan}")).await.body["archived"], true);
    let refused = merchant.subscribe("b", &with(&order, &json!({ "plan": plan }))).await;
    assert_eq!((refused.status, refused.text("code")), (409, "plan-archived"));

    let (id, dearer) = (first.text("id"), json!({ "price": price("49.90") }));
    let preview = merchant.preview(id, &dearer).await;
    assert_eq!(preview["charged_now"], "10.00");
    let updated = merchant.updated(id, &dearer).await;
    assert_eq!((updated.text("amount"), updated.text("status")), ("49.90", "active"));
    let invoices = merchant.invoices(id).await;
    assert_eq!(lines(&invoices[1]), [("proration_credit", "-39.90"), ("proration_charge", "49.90")]);
    assert_eq!(updated.text("latest_invoice"), invoices[1]["id"]);
    let again = merchant.updated(id, &dearer).await;
    assert_eq!((&again.body, again.header("etag")), (&updated.body, updated.header("etag")));
    assert_eq!(merchant.invoices(id).await.len(), 2);
    deployment.check_billing().await;
}

#[tokio::test]
async fn discounts_and_tax_are_on_the_invoices_for_as_long_as_they_last() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let terms = json!({
        "plan": merchant.plan("100.00", "month").await,
        "discounts": [{ "name": "Launch", "percent": "12.5", "duration": { "periods": 2 } }],
        "tax": { "name": "VAT", "percent": "19" },
    });
    deployment.noon_of("03-02").await;
    let begun = merchant.subscribe("a", &with(&order(merchant).await, &terms)).await;
    assert_eq!(begun.text("status"), "active", "{begun:?}");
    assert_eq!(begun.body["tax"], json!({ "name": "VAT", "percent": "19", "inclusive": false }));
    let launch =
        json!({ "name": "Launch", "percent": "12.5", "duration": { "periods": 2 }, "from_period": 0 });
    assert_eq!(begun.body["discounts"], json!([launch]));
    let id = begun.text("id");
    let reduced = [("period", "100.00"), ("discount", "-12.50"), ("tax", "16.63")];
    assert_eq!(lines(&merchant.invoices(id).await[0]), reduced);

    // One more, from the next period on; the one that it has goes on as it is.
    let both = json!({ "discounts": [
        { "name": "Launch", "percent": "12.50", "duration": { "periods": 2 } },
        { "name": "Sorry", "amount": "7.50", "duration": "once" },
    ]});
    let preview = merchant.preview(id, &both).await;
    assert_eq!((&preview["charged_now"], &preview["invoices"]), (&json!("0.00"), &json!([])));
    let updated = merchant.updated(id, &both).await;
    assert_eq!(updated.body["discounts"][0], launch);
    assert_eq!(updated.body["discounts"][1]["from_period"], 1);
    assert_eq!(merchant.updated(id, &both).await.header("etag"), updated.header("etag"));
    deployment.noon_of("04-02").await;
    let renewal = merchant.invoices(id).await.remove(1);
    let reduced = [("period", "100.00"), ("discount", "-12.50"), ("discount", "-7.50"), ("tax", "15.20")];
    assert_eq!(lines(&renewal), reduced);
    assert_eq!(renewal["total"], preview["next_renewal"]["total"]);
    assert_eq!(
        merchant.updated(id, &both).await.header("etag"),
        merchant.subscription(id).await.header("etag")
    );

    deployment.noon_of("05-02").await;
    assert_eq!(lines(&merchant.invoices(id).await[2]), [("period", "100.00"), ("tax", "19.00")]);
    let plain = merchant.updated(id, &json!({ "discounts": [], "tax": "none" })).await;
    assert_eq!((&plain.body["discounts"], &plain.body["tax"]), (&json!([]), &Value::Null));
    deployment.noon_of("06-02").await;
    assert_eq!(lines(&merchant.invoices(id).await[3]), [("period", "100.00")]);
    deployment.check_billing().await;
}

#[tokio::test]
async fn what_could_never_be_charged_is_refused() {
    let settings = Settings { services: vec![Service::Api], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let merchant = &deployment.merchant;
    let order = order(merchant).await;
    let off = |field: &str, value: &str| json!([{ "name": "Off", field: value, "duration": "forever" }]);
    let dinar = json!({ "name": "Dinar", "amount": "1.250", "currency": "KWD", "interval": "month" });
    let paypal = json!({ "type": "paypal", "token": "1AB23456" });
    for (terms, why) in [
        (json!({ "price": price("0.30") }), "its amount must be at least 0.50 EUR: Stripe charges no less."),
        (json!({ "price": price("500000.00"), "quantity": 3 }), "999999.99 EUR"),
        (json!({ "price": price("10.00"), "discounts": off("percent", "99.9") }), "at least 0.50 EUR"),
        (
            json!({ "price": dinar, "payment_method": paypal }),
            "its amount cannot be in KWD: PayPal takes no payments in it.",
        ),
        (json!({ "price": price("0.30"), "trial_days": 14, "quantity": 1 }), "at least 0.50 EUR"),
    ] {
        let refused = merchant.subscribe("k", &with(&order, &terms)).await;
        assert_eq!((refused.status, refused.text("code")), (409, "amount-not-chargeable"), "{terms}");
        assert!(refused.text("detail").contains(why), "{refused:?}");
    }
    assert_eq!(deployment.count("SELECT count(*) FROM subscriptions").await, 0);
    assert_eq!(deployment.count("SELECT count(*) FROM plans").await, 0, "nothing of it stays");
    for (key, terms) in [
        ("a", json!({ "price": price("0") })),
        ("b", json!({ "price": price("0.10"), "quantity": 5 })),
        ("c", json!({ "price": price("10.00"), "discounts": off("percent", "100"), "trial_days": 14 })),
    ] {
        let accepted = merchant.subscribe(key, &with(&order, &terms)).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        let id = accepted.text("id");
        let refused = merchant.update(id, &json!({ "price": price("500000.00"), "quantity": 3 })).await;
        let code = if accepted.text("status") == "incomplete" {
            "subscription-status"
        } else {
            "amount-not-chargeable"
        };
        assert_eq!((refused.status, refused.text("code")), (409, code), "{key}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_terms_is_told_with_its_place() {
    let settings = Settings { services: vec![Service::Api], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let merchant = &deployment.merchant;
    let plan = json!({
        "name": "Team", "amount": "9.90", "currency": "EUR", "interval": "month", "metadata": { "tier": "2" },
    });
    let plan = merchant.made("/plans", &plan).await;
    assert_eq!(merchant.get(&format!("/plans/{plan}")).await.body["metadata"], json!({ "tier": "2" }));
    let order = with(&order(merchant).await, &json!({ "plan": plan }));
    let off = |field: &str, value: Value| {
        let mut discount = json!({ "name": "Off", "percent": "10", "duration": "once" });
        discount[field] = value;
        json!({ "discounts": [discount] })
    };
    for (terms, pointers) in [
        (json!({ "price": price("1.00") }), vec!["/price"]),
        (json!({ "plan": null }), vec!["/plan"]),
        (
            json!({ "plan": null, "price": {} }),
            vec!["/price/name", "/price/amount", "/price/currency", "/price/interval"],
        ),
        (json!({ "plan": null, "price": price("1.001") }), vec!["/price/amount"]),
        (off("percent", json!("101")), vec!["/discounts/0/percent"]),
        (off("percent", json!(null)), vec!["/discounts/0/percent"]),
        (off("amount", json!("5.00")), vec!["/discounts/0/percent"]),
        (off("amount", json!("-5.00")), vec!["/discounts/0/amount"]),
        (off("duration", json!("twice")), vec!["/discounts/0/duration"]),
        (off("duration", json!({ "periods": 0 })), vec!["/discounts/0/duration/periods"]),
        (off("code", json!("LAUNCH")), vec!["/discounts/0/code"]),
        (json!({ "discounts": {} }), vec!["/discounts"]),
        (json!({ "tax": { "percent": "0" } }), vec!["/tax/name", "/tax/percent"]),
        (json!({ "tax": { "name": "VAT", "percent": "7", "inclusive": 1 } }), vec!["/tax/inclusive"]),
    ] {
        let body = with(&order, &terms);
        let answer =
            merchant.send(Method::POST, "/create-subscription", &[("idempotency-key", "k")], &body).await;
        assert_eq!((answer.status, answer.text("code")), (422, "validation-failed"), "{terms}");
        let faults = answer.body["errors"].as_array().unwrap();
        let found: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{terms}");
    }
}
