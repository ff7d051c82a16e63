//! What is given back is money that came in, through the API, to the cent: what was never paid makes its own invoice
//! smaller, what went back is not given a second time, and nothing costs nothing.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Deployment, Merchant,
    billing::DECLINES,
    subscribing::{lines, subscription},
};

const BY_DAY: &str = "?proration=by_day";

fn card(token: &str) -> Value {
    json!({ "payment_method": { "type": "card", "token": token } })
}

/// Who pays for a subscription.
async fn customer_of(merchant: &Merchant, id: &str) -> String {
    merchant.subscription(id).await.text("customer").to_owned()
}

/// The payments of an invoice, newest last.
async fn payments(merchant: &Merchant, invoice: &Value) -> Vec<String> {
    let invoice = merchant.get(&format!("/invoices/{}", invoice["id"].as_str().unwrap())).await.body;
    let payments = invoice["payments"].as_array().unwrap().iter();
    payments.map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Status, due and what credit notes took off.
fn state_of(invoice: &Value) -> (&str, &str, &str) {
    let text = |field: &str| invoice[field].as_str().unwrap();
    (text("status"), text("amount_due"), text("amount_credited"))
}

/// 1 seat is paid, 1000 are declined, 1 again: 999.00 that nobody paid are no money.
#[tokio::test]
async fn what_was_never_paid_makes_its_own_invoice_smaller() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("1.00", "month").await, 1).await;
    merchant.updated(&id, &card(DECLINES)).await;
    assert_eq!(merchant.updated(&id, &json!({ "quantity": 1000 })).await.text("status"), "past_due");
    assert_eq!(state_of(&merchant.invoices(&id).await[1]), ("open", "999.00", "0.00"));
    let preview = merchant.preview(&id, &json!({ "quantity": 1 })).await;
    assert_eq!((&preview["balance"], &preview["charged_now"]), (&json!("0.00"), &json!("0.00")));
    assert_eq!(preview["credit_notes"][0]["total"], "999.00");
    assert_eq!(merchant.updated(&id, &json!({ "quantity": 1 })).await.text("status"), "active");
    let invoices = merchant.invoices(&id).await;
    assert_eq!(invoices.len(), 2, "nothing is given back: {invoices:?}");
    assert_eq!(state_of(&invoices[1]), ("paid", "0.00", "999.00"));
    assert_eq!(merchant.balance(&id).await, "0.00");
    let whole = merchant.get(&format!("/invoices/{}", invoices[1]["id"].as_str().unwrap())).await.body;
    let note = &whole["credit_notes"][0];
    assert_eq!((&note["number"], &note["total"]), (&json!("000002-C2"), &json!("999.00")));
    assert_eq!((&note["lines"][0]["quantity"], &note["lines"][0]["amount"]), (&json!(999), &json!("999.00")));
    let void =
        merchant.post(&format!("/invoices/{}/void", whole["id"].as_str().unwrap()), &Value::Null).await;
    assert_eq!((void.status, void.text("code")), (409, "invoice-paid"));
    // And of the one seat that was paid, all of it comes back on its first day.
    merchant.cancel_subscription(&id, BY_DAY, &[]).await;
    assert_eq!(merchant.balance(&id).await, "1.00");
    deployment.check_billing().await;
}

/// The same by another plan, another interval, a pause and a cancellation, after a change or a renewal that was
/// declined.
#[tokio::test]
async fn whatever_withdraws_it_what_was_declined_is_no_money() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let (ten, hundred) = (merchant.plan("10.00", "month").await, merchant.plan("100.00", "month").await);
    let (one, yearly) = (merchant.plan("1.00", "month").await, merchant.plan("12.00", "year").await);
    let mut open = Vec::new();
    for (key, way) in ["plan", "interval", "pause", "cancel"].into_iter().enumerate() {
        for after in ["change", "renewal"] {
            let id = merchant.subscribed(&format!("{key}{after}"), &ten, 1).await;
            merchant.updated(&id, &card(DECLINES)).await;
            open.push((id, way, after));
        }
    }
    deployment.noon_of("05-01").await;
    for (id, way, after) in &open {
        if *after == "change" {
            // Its renewal is declined too: it is paid, so that the change alone is open.
            merchant.updated(id, &card("pm_card_visa")).await;
            merchant.updated(id, &card(DECLINES)).await;
            merchant.updated(id, &json!({ "plan": hundred })).await;
        }
        merchant.subscription_with(id, "past_due").await;
        let told = format!("{way} after a declined {after}");
        match *way {
            "plan" => drop(merchant.updated(id, &json!({ "plan": one })).await),
            "interval" => drop(merchant.updated(id, &json!({ "plan": yearly })).await),
            "pause" => drop(merchant.turn(id, "pause", &Value::Null).await),
            _ => drop(merchant.cancel_subscription(id, BY_DAY, &[]).await),
        }
        let paid_in = if *after == "change" { "10.00" } else { "0.00" };
        let invoices = merchant.invoices(id).await;
        let declined = invoices.iter().find(|invoice| invoice["amount_credited"] != "0.00").expect(&told);
        assert_eq!(state_of(declined).1, "0.00", "{told}");
        let balance: f64 = merchant.balance(id).await.parse().unwrap();
        assert!(balance <= paid_in.parse().unwrap(), "{told}: {balance}");
        if matches!(*way, "pause" | "cancel") {
            assert_eq!(merchant.balance(id).await, paid_in, "{told}");
        }
    }
    deployment.check_billing().await;
}

/// What went back by a refund, or to a bank, is not given back a second time; and what was given back is not refunded.
#[tokio::test]
async fn what_went_back_once_does_not_go_back_twice() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("30.00", "month").await;
    let mut subscribed = Vec::new();
    for key in ["all", "part", "credited"] {
        let id = merchant.subscribed(key, &plan, 1).await;
        let payment = payments(merchant, &merchant.invoices(&id).await[0]).await.remove(0);
        subscribed.push((id, payment));
    }
    let disputed = subscription(&merchant.customer().await, &plan, 1);
    let mut disputed = disputed;
    disputed["payment_method"]["token"] = json!("pm_card_createDispute");
    let disputed = merchant.subscribe("disputed", &disputed).await.text("id").to_owned();
    let [(all, all_paid), (part, part_paid), (credited, credited_paid)] = &subscribed[..] else { panic!() };
    let refund = merchant.refunded("r1", all_paid, None).await;
    merchant.refund_with(&refund, &["succeeded"]).await;
    let refund = merchant.refunded("r2", part_paid, Some("20.00")).await;
    merchant.refund_with(&refund, &["succeeded"]).await;
    deployment.advance(3).await;
    let payment = payments(merchant, &merchant.invoices(&disputed).await[0]).await.remove(0);
    tests::eventually("the dispute is known", async || {
        let disputes = merchant.payment(&payment).await.body["disputes"].clone();
        disputes.as_array().is_some_and(|disputes| !disputes.is_empty()).then_some(())
    })
    .await;
    deployment.noon_of("04-16").await;
    for (id, balance) in [(all, "0.00"), (part, "10.00"), (credited, "15.00"), (&disputed, "0.00")] {
        merchant.cancel_subscription(id, BY_DAY, &[]).await;
        assert_eq!(merchant.balance(id).await, balance);
    }
    let refused = merchant.refund("r3", credited_paid, Some("20.00")).await;
    assert_eq!((refused.status, refused.text("code")), (409, "payment-credited"));
    assert_eq!(
        refused.text("detail"),
        "15.00 EUR of the payment are left to refund: the other 15.00 EUR were credited to the customer, or are \
         disputed."
    );
    // All that is left, and then no more.
    let refund = merchant.refunded("r4", credited_paid, None).await;
    assert_eq!(merchant.refund_with(&refund, &["succeeded"]).await["amount"], "15.00");
    assert_eq!(merchant.refund("r5", credited_paid, Some("0.01")).await.text("code"), "payment-credited");
    deployment.check_books().await;
}

/// Days that are paid and were not given back are not billed again.
#[tokio::test]
async fn a_pause_that_gives_nothing_back_costs_nothing() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("30.00", "month").await;
    let (same, later) = (merchant.subscribed("a", &plan, 1).await, merchant.subscribed("b", &plan, 1).await);
    let anew = merchant.subscribed("c", &plan, 1).await;
    for id in [&same, &later, &anew] {
        merchant.turn(id, "pause", &json!({ "proration": "none" })).await;
    }
    merchant.turn(&same, "resume", &json!({ "anchor": "old" })).await;
    deployment.noon_of("04-16").await;
    merchant.turn(&later, "resume", &json!({ "anchor": "old" })).await;
    for id in [&same, &later] {
        assert_eq!(merchant.invoices(id).await.len(), 1, "0.00");
    }
    // A new period begins today: what was paid of the old one pays for it.
    merchant.turn(&anew, "resume", &json!({ "anchor": "new" })).await;
    let invoices = merchant.invoices(&anew).await;
    assert_eq!(lines(&invoices[1]), [("proration_credit", "-15.00")]);
    assert_eq!(invoices[2]["amount_paid"], "15.00");
    deployment.check_billing().await;
}

/// Seats, and a plan, that came without proration leave first, and give nothing back.
#[tokio::test]
async fn what_came_for_nothing_leaves_for_nothing() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let (plan, dearer) = (merchant.plan("30.00", "month").await, merchant.plan("90.00", "month").await);
    let (seats, swapped) =
        (merchant.subscribed("a", &plan, 1).await, merchant.subscribed("b", &plan, 1).await);
    merchant.updated(&seats, &json!({ "quantity": 3, "proration": "none" })).await;
    merchant.updated(&seats, &json!({ "quantity": 1 })).await;
    merchant.updated(&swapped, &json!({ "plan": dearer, "proration": "none" })).await;
    merchant.updated(&swapped, &json!({ "plan": plan })).await;
    let rested = merchant.subscribed("c", &plan, 1).await;
    merchant.updated(&rested, &json!({ "quantity": 3, "proration": "none" })).await;
    for proration in ["none", "by_day"] {
        merchant.turn(&rested, "pause", &json!({ "proration": proration })).await;
        merchant.turn(&rested, "resume", &json!({ "anchor": "old" })).await;
    }
    for id in [&seats, &swapped] {
        assert_eq!(merchant.invoices(id).await.len(), 1);
        assert_eq!(merchant.balance(id).await, "0.00");
    }
    let invoices = merchant.invoices(&rested).await;
    let totals: Vec<_> = invoices.iter().map(|invoice| invoice["total"].as_str().unwrap()).collect();
    assert_eq!(totals, ["30.00", "-30.00", "30.00"], "only the one that was paid goes and comes back");
    assert_eq!(merchant.balance(&rested).await, "0.00");
    // The plan that came for nothing: one more seat of it is charged, and that alone is given back.
    let more = merchant.subscribed("d", &plan, 1).await;
    merchant.updated(&more, &json!({ "plan": dearer, "proration": "none" })).await;
    merchant.updated(&more, &json!({ "quantity": 2 })).await;
    assert_eq!(lines(&merchant.invoices(&more).await[1]), [("proration_charge", "90.00")]);
    deployment.check_billing().await;
}

/// A swap to an equal price, a pause and a resumption, a change and its reversal: 0.00, whatever discounts there are.
#[tokio::test]
async fn nothing_for_nothing() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("29.99", "month").await;
    let other = json!({ "name": "Other", "amount": "29.99", "currency": "EUR", "interval": "month" });
    let (equal, dearer) = (merchant.made("/plans", &other).await, merchant.plan("77.77", "month").await);
    let off = |discount: Value| json!([discount]);
    let discounts = [
        off(json!({ "name": "Five off", "amount": "5.00", "duration": "forever" })),
        off(json!({ "name": "A third", "percent": "33.33", "duration": "once" })),
        json!([]),
    ];
    let mut ids = Vec::new();
    for (number, discounts) in discounts.iter().enumerate() {
        let mut order = subscription(&merchant.customer().await, &plan, 3);
        order["discounts"] = discounts.clone();
        order["tax"] = json!({ "name": "VAT", "percent": "19", "inclusive": number == 1 });
        let answer = merchant.subscribe(&number.to_string(), &order).await;
        assert_eq!(answer.text("status"), "active", "{answer:?}");
        ids.push(answer.text("id").to_owned());
    }
    deployment.noon_of("04-12").await;
    for id in &ids {
        let paid = async || {
            let invoices = merchant.invoices(id).await;
            let paid = |invoice: &Value| invoice["amount_paid"].as_str().unwrap().parse::<f64>().unwrap();
            invoices.iter().map(paid).sum::<f64>() - merchant.balance(id).await.parse::<f64>().unwrap()
        };
        let before = paid().await;
        let same = async |what: &str| {
            let after = paid().await;
            assert!((after - before).abs() < 0.001, "{id} {what}: {before} {after}");
        };
        merchant.updated(id, &json!({ "plan": equal })).await;
        same("a swap to an equal price").await;
        // Taken away, it ends with the period.
        merchant.updated(id, &json!({ "discounts": [] })).await;
        assert_eq!(merchant.subscription(id).await.body["discounts"], json!([]));
        merchant.turn(id, "pause", &Value::Null).await;
        merchant.turn(id, "resume", &json!({ "anchor": "old" })).await;
        same("a pause and a resumption").await;
        for (there, back) in [
            (json!({ "plan": dearer }), json!({ "plan": plan })),
            (json!({ "quantity": 1 }), json!({ "quantity": 3 })),
            (json!({ "quantity": 7 }), json!({ "quantity": 3 })),
        ] {
            merchant.updated(id, &there).await;
            merchant.updated(id, &back).await;
            same(&format!("{there} and back")).await;
        }
    }
    deployment.check_billing().await;
}

/// Past due, then canceled: what is open is paid by the method that the call names, or by the customer's default.
#[tokio::test]
async fn what_is_open_is_paid_after_the_end() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("10.00", "month").await;
    let (named, default) =
        (merchant.subscribed("a", &plan, 1).await, merchant.subscribed("b", &plan, 1).await);
    for id in [&named, &default] {
        merchant.updated(id, &card(DECLINES)).await;
    }
    deployment.noon_of("05-01").await;
    for id in [&named, &default] {
        merchant.subscription_with(id, "past_due").await;
        merchant.cancel_subscription(id, "", &[]).await;
    }
    let pay = async |id: &str, body: &Value| {
        let invoice = merchant.invoices(id).await.remove(1);
        let path = format!("/invoices/{}/pay", invoice["id"].as_str().unwrap());
        merchant.send(Method::POST, &path, &[("prefer", "wait=30")], body).await
    };
    let wrong = json!({ "payment_method": { "id": "pym_0193a3f1c2d87b51a9f0c4d2e8b7a601" } });
    assert_eq!(pay(&named, &wrong).await.fault(), "/payment_method/id");
    let answer = pay(&named, &card("pm_card_mastercard")).await;
    assert_eq!((answer.status, answer.text("status")), (202, "paid"), "{answer:?}");
    let customer = customer_of(merchant, &default).await;
    let mut method = card("pm_card_mastercard");
    method["default"] = json!(true);
    let added = merchant.post(&format!("/customers/{customer}/payment-methods"), &method).await;
    assert_eq!(added.status, 201, "{added:?}");
    let answer = pay(&default, &Value::Null).await;
    assert_eq!((answer.status, answer.text("status")), (202, "paid"), "{answer:?}");
    deployment.check_billing().await;
}

/// What the customer has in credit pays what is open before any card is asked.
#[tokio::test]
async fn the_balance_pays_before_a_card_is_asked() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let (ten, forty) = (merchant.plan("10.00", "month").await, merchant.plan("40.00", "month").await);
    let open = merchant.subscribed("a", &ten, 1).await;
    merchant.updated(&open, &card(DECLINES)).await;
    let customer = customer_of(merchant, &open).await;
    let other = merchant.subscribe("b", &subscription(&customer, &forty, 1)).await.text("id").to_owned();
    deployment.noon_of("05-01").await;
    merchant.subscription_with(&open, "past_due").await;
    merchant.cancel_subscription(&other, BY_DAY, &[]).await;
    assert_eq!(merchant.balance(&open).await, "40.00");
    // The next step of the retry schedule.
    deployment.noon_of("05-02").await;
    merchant.subscription_with(&open, "active").await;
    let invoice = merchant.invoices(&open).await.remove(1);
    assert_eq!((&invoice["amount_from_balance"], &invoice["attempts"]), (&json!("10.00"), &json!(1)));
    assert_eq!(merchant.balance(&open).await, "30.00");
    deployment.check_billing().await;
}

/// A card that was declined for good is asked for no invoice of nobody's, until it is replaced.
#[tokio::test]
async fn a_card_that_is_stolen_is_asked_once() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let plan = merchant.plan("10.00", "month").await;
    let first = merchant.subscribed("a", &plan, 1).await;
    let customer = customer_of(merchant, &first).await;
    let second = merchant.subscribe("b", &subscription(&customer, &plan, 1)).await.text("id").to_owned();
    let stolen = card("pm_sandbox_saved_chargeDeclinedStolenCard");
    merchant.updated(&second, &stolen).await;
    merchant.updated(&first, &stolen).await;
    assert_eq!(merchant.updated(&first, &json!({ "quantity": 2 })).await.text("status"), "past_due");
    deployment.noon_of("05-01").await;
    let renewal = merchant.invoices(&second).await.remove(1);
    merchant.subscription_with(&second, "past_due").await;
    assert_eq!((&renewal["status"], &renewal["attempts"]), (&json!("open"), &json!(0)));
    let pay = format!("/invoices/{}/pay", renewal["id"].as_str().unwrap());
    let refused = merchant.post(&pay, &Value::Null).await;
    assert_eq!((refused.status, refused.text("code")), (409, "payment-method-declined"));
    let mut order = subscription(&customer, &plan, 1);
    order["payment_method"] = stolen["payment_method"].clone();
    let refused = merchant.subscribe("c", &order).await;
    assert_eq!((refused.status, refused.text("code")), (409, "payment-method-declined"));
    assert_eq!(merchant.updated(&second, &card("pm_card_visa")).await.text("status"), "active");
    // The other one has the end that its policy sets.
    deployment.noon_of("05-20").await;
    merchant.subscription_with(&first, "canceled").await;
    deployment.check_billing().await;
}

/// A discount for three periods counts what is billed: months in which it rests do not use it up.
#[tokio::test]
async fn a_discount_counts_periods_that_are_billed() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-02").await;
    let mut order = subscription(&merchant.customer().await, &merchant.plan("10.00", "month").await, 1);
    order["discounts"] = json!([{ "name": "Half", "percent": "50", "duration": { "periods": 3 } }]);
    let id = merchant.subscribe("a", &order).await.text("id").to_owned();
    merchant.turn(&id, "pause", &json!({ "when": "at_period_end" })).await;
    deployment.noon_of("05-02").await;
    merchant.turn(&id, "resume", &json!({ "anchor": "old" })).await;
    deployment.noon_of("06-02").await;
    deployment.noon_of("07-02").await;
    let totals: Vec<_> = merchant.invoices(&id).await;
    let totals: Vec<_> = totals.iter().map(|invoice| invoice["total"].as_str().unwrap()).collect();
    assert_eq!(totals, ["5.00", "5.00", "5.00", "10.00"]);
    deployment.check_billing().await;
}

/// What was given back to the balance, and then goes back by a refund in the gateway's dashboard as well, is taken from the
/// balance, as far as it is still there.
#[tokio::test]
async fn what_goes_back_twice_is_taken_from_the_balance() {
    let deployment = Deployment::start().await;
    deployment.connect_webhooks().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("30.00", "month").await, 1).await;
    let payment = payments(merchant, &merchant.invoices(&id).await[0]).await.remove(0);
    deployment.noon_of("04-16").await;
    merchant.cancel_subscription(&id, BY_DAY, &[]).await;
    assert_eq!(merchant.balance(&id).await, "15.00");
    let charged = merchant.payment(&payment).await.body["gateway_reference"].as_str().unwrap().to_owned();
    let form = format!("payment_intent={charged}&amount=2000");
    let made = common::gateway::http_client(std::time::Duration::from_secs(10))
        .unwrap()
        .post(format!("{}/v1/refunds", deployment.sandbox_url()))
        .bearer_auth("sk_test_dashboard")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 200, "{made:?}");
    tests::eventually("the balance gives up what went back twice", async || {
        (merchant.balance(&id).await == "10.00").then_some(())
    })
    .await;
    // 30.00 came, 20.00 went, 10.00 are left: of these none can be refunded, for they are credited.
    let refused = merchant.refund("r", &payment, None).await;
    assert_eq!((refused.status, refused.text("code")), (409, "payment-credited"));
    deployment.check_books().await;
    assert!(deployment.remit(&["doctor"]).await.unwrap().contains("what they have is what came in"));
}

/// Money that nobody paid is found by the scheduler and by the doctor: in a balance, and on an invoice.
#[tokio::test]
async fn money_from_nowhere_is_told() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("30.00", "month").await, 1).await;
    merchant.turn(&id, "pause", &Value::Null).await;
    let ails = async || deployment.remit(&["doctor"]).await.err().unwrap_or_default();
    assert_eq!(ails().await, "");
    for (breaks, mends, what) in [
        (
            "UPDATE customer_balances SET amount = amount + 1",
            "UPDATE customer_balances SET amount = amount - 1",
            "the balance is not what came into it by 1 EUR",
        ),
        (
            "UPDATE invoices SET status = 'open', amount_paid = 20 WHERE amount_paid = 30",
            "UPDATE invoices SET status = 'paid', amount_paid = 30 WHERE amount_paid = 20",
            "an invoice gave back more than was paid of it, by 10 EUR",
        ),
        (
            "UPDATE invoices SET amount_twice = 7 WHERE amount_paid = 30",
            "UPDATE invoices SET amount_twice = 0 WHERE amount_paid = 30",
            "what went back is in the balance as well, by 7 EUR",
        ),
    ] {
        sqlx::query(breaks).execute(&deployment.pool).await.unwrap();
        assert!(ails().await.contains("checks failed"));
        let breaches = common::invoice::store::law::all_breaches(&deployment.pool).await.unwrap();
        let told: Vec<_> = breaches.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|breach| breach.ends_with(what)), "{told:?}");
        sqlx::query(mends).execute(&deployment.pool).await.unwrap();
        assert_eq!(ails().await, "");
    }
}
