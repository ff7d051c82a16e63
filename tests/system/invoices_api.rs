//! Invoices through the API: paid, called off and given up by their merchant, shown to people, and the figures
//! of all of them.

use common::{customer, id::InvoiceId, invoice::Status as Paid, plan::Unit};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Answer, Deployment, Merchant, Service,
    billing::{DECLINES, Shop},
    eventually,
};

async fn ask(merchant: &Merchant, invoice: InvoiceId, what: &str) -> Answer {
    let path = format!("/invoices/{invoice}/{what}");
    merchant.send(Method::POST, &path, &[("prefer", "wait=30")], &Value::Null).await
}

/// A subscription whose last renewal was declined, and the invoice of that.
async fn declined(
    deployment: &Deployment,
    shop: &Shop,
    key: &str,
) -> (common::id::SubscriptionId, InvoiceId) {
    let id = deployment.active(shop, key).await;
    deployment.new_card(id, DECLINES).await;
    deployment.next_boundary(id).await;
    let open = deployment.invoices(id).await.pop().expect("an invoice");
    assert_eq!(open.status, Paid::Open);
    (id, open.id)
}

#[tokio::test]
async fn a_merchant_pays_voids_and_gives_up_invoices() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let shop = deployment.shop(Unit::Month).await;
    let (id, invoice) = declined(&deployment, &shop, "a").await;
    let next = merchant.get(&format!("/invoices/{invoice}")).await.body["next_attempt_at"].clone();

    // One attempt, off the retry schedule, which stands.
    let tried = ask(&merchant, invoice, "pay").await;
    assert_eq!((tried.status, tried.text("status"), &tried.body["attempts"]), (202, "open", &json!(2)));
    assert_eq!(tried.header("location"), format!("/invoices/{invoice}"));
    assert_eq!(tried.body["payments"].as_array().unwrap().len(), 2);
    assert_eq!(tried.body["next_attempt_at"], next);

    for _ in 0..2 {
        let given_up = ask(&merchant, invoice, "mark-uncollectible").await;
        assert_eq!((given_up.status, given_up.text("status")), (200, "uncollectible"));
    }
    deployment.swap_card(id, "pm_card_visa").await;
    let paid = ask(&merchant, invoice, "pay").await;
    assert_eq!((paid.status, paid.text("status"), paid.header("retry-after")), (202, "paid", ""));
    assert_eq!((paid.text("amount_paid"), paid.text("amount_due")), ("49.90", "0.00"));
    for (what, code) in
        [("pay", "nothing-owed"), ("void", "invoice-paid"), ("mark-uncollectible", "invoice-paid")]
    {
        let refused = ask(&merchant, invoice, what).await;
        assert_eq!((refused.status, refused.text("code")), (409, code), "{refused:?}");
    }

    // While a payment is under way nothing else happens to the invoice.
    let (other, invoice) = declined(&deployment, &shop, "b").await;
    deployment.idle().await;
    deployment.stop(Service::Worker).await;
    let path = format!("/invoices/{invoice}/pay");
    let begun = merchant.send(Method::POST, &path, &[], &Value::Null).await;
    assert_eq!((begun.status, begun.header("retry-after")), (202, "1"), "{begun:?}");
    for what in ["pay", "void", "mark-uncollectible"] {
        let refused = ask(&merchant, invoice, what).await;
        assert_eq!((refused.status, refused.text("code")), (409, "payment-under-way"), "{what}: {refused:?}");
    }
    deployment.run(Service::Worker).await;
    eventually("it is declined again", || async {
        let is_over = deployment.invoices(other).await[1].live_payment.is_none();
        is_over.then_some(())
    })
    .await;
    for _ in 0..2 {
        let void = ask(&merchant, invoice, "void").await;
        assert_eq!((void.status, void.text("status"), void.text("amount_due")), (200, "void", "0.00"));
    }
    assert_eq!(ask(&merchant, invoice, "pay").await.text("code"), "nothing-owed");
    let theirs = deployment.new_merchant("Rival").await;
    for what in ["pay", "void", "mark-uncollectible"] {
        assert_eq!(ask(&theirs, invoice, what).await.status, 404, "{what}");
    }
    deployment.idle().await;
    deployment.check_billing().await;
}

/// A page of the API, as a browser gets it.
async fn page(merchant: &Merchant, path: &str) -> (u16, reqwest::header::HeaderMap, String) {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let asked = client.get(format!("{}{path}", merchant.url)).bearer_auth(&merchant.key).send();
    let answer = asked.await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap())
}

/// Whatever merchants write into names, the page runs nothing and loads nothing.
#[tokio::test]
async fn an_invoice_is_a_page_that_runs_nothing() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> & Söhne";
    let send = async |path: &str, key: &str, body: Value| {
        let headers = [("idempotency-key", key), ("prefer", "wait=30")];
        merchant.send(Method::POST, path, &headers, &body).await
    };
    let plan = json!({ "name": evil, "amount": "1234.50", "currency": "EUR", "interval": "month" });
    let plan = send("/plans", "plan", plan).await.text("id").to_owned();
    let customer = json!({ "name": evil, "email": "ada@example.com" });
    let customer = send("/customers", "customer", customer).await.text("id").to_owned();
    let order = json!({
        "customer": customer, "plan": plan, "quantity": 2, "zone": "Asia/Tokyo",
        "payment_method": { "type": "card", "token": "pm_card_visa" },
    });
    assert_eq!(send("/create-subscription", "k", order).await.text("status"), "active");
    let invoice = merchant.get("/invoices").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    sqlx::query("UPDATE merchants SET name = $1").bind(evil).execute(&deployment.pool).await.unwrap();

    let (status, headers, html) = page(merchant, &format!("/invoices/{invoice}/html")).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(headers["cache-control"], "private, no-store");
    for forbidden in ["<script", "<img", "onerror=alert(2)>", "http:", "https:", "style=", "javascript:"] {
        assert!(!html.contains(forbidden), "{forbidden} in {html}");
    }
    // The merchant, in the title and the heading; the customer; the plan.
    assert_eq!(html.matches("&#60;script&#62;alert(1)&#60;/script&#62;").count(), 4, "{html}");
    for shown in ["000001", "2,469.00", "1,234.50", "EUR 0.00", "Paid", "ada@example.com", "Asia/Tokyo"] {
        assert!(html.contains(shown), "{shown} in {html}");
    }
    let theirs = deployment.new_merchant("Rival").await;
    assert_eq!(page(&theirs, &format!("/invoices/{invoice}/html")).await.0, 404);
    let nobody = Merchant::new(merchant.url.clone(), "nobody".into());
    assert_eq!(page(&nobody, &format!("/invoices/{invoice}/html")).await.0, 401);
}

/// Case 24, through the database; and what becomes of it.
#[tokio::test]
async fn case_24_the_figures_of_months_and_years() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let shop = deployment.shop(Unit::Month).await;
    let mut plans = Vec::new();
    for (amount, interval) in [("100.00", "month"), ("600.00", "year")] {
        let plan = json!({ "name": interval, "amount": amount, "currency": "USD", "interval": interval });
        plans.push(merchant.send(Method::POST, "/plans", &[], &plan).await.text("id").parse().unwrap());
    }
    let (monthly, yearly) = (plans[0], plans[1]);
    let mut all = Vec::new();
    for i in 0..150 {
        let new = customer::NewCustomer {
            id: common::id::CustomerId::new(),
            merchant_id: shop.merchant,
            name: None,
            email: None,
            metadata: Default::default(),
        };
        let customer_id = customer::store::create(&deployment.pool, &new).await.unwrap().id;
        let mut order = shop.order(&i.to_string(), "pm_card_visa");
        let plan = if i < 100 { monthly } else { yearly };
        (order.customer_id, order.offer) = (customer_id, common::plan::Offer::Plan(plan));
        all.push(deployment.subscribed(&order).await);
    }
    let report = async |query: &str| merchant.get(&format!("/reports/subscriptions{query}")).await.body;
    assert_eq!(report("").await["currencies"], json!([]), "nothing is paid yet");
    deployment.advance(15).await;
    eventually("all are active", || async {
        let active = "SELECT count(*) FROM subscriptions WHERE status = 'active'";
        (deployment.count(active).await == 150).then_some(())
    })
    .await;
    let now = report("").await;
    let dollars = json!({
        "currency": "USD", "monthly_revenue": "12500.00", "customers": 150,
        "monthly_revenue_per_customer": "83.33",
    });
    assert_eq!(now["currencies"], json!([dollars]));

    // A month later ten have left, two were declined, and one of these has another card.
    let start = deployment.now().await;
    for id in &all[..10] {
        let path = format!("/cancel-subscription/{id}");
        assert_eq!(merchant.send(Method::DELETE, &path, &[], &Value::Null).await.status, 202);
    }
    for id in &all[10..12] {
        deployment.new_card(*id, DECLINES).await;
    }
    deployment.next_boundary(all[12]).await;
    deployment.new_card(all[10], "pm_card_visa").await;
    deployment.advance(15).await;
    deployment.becomes(all[10], common::subscription::Status::Active).await;
    let start = start.format("%FT%T%.6fZ").to_string();
    let later = report(&format!("?from={start}")).await;
    let expected = json!([{
        "currency": "USD", "monthly_revenue": "11500.00", "customers": 140,
        "monthly_revenue_per_customer": "82.14",
        "churn": {
            "customers_at_start": 150, "customers_lost": 10, "of_customers": "0.0667",
            "monthly_revenue_at_start": "12500.00", "monthly_revenue_lost": "1000.00",
            "of_monthly_revenue": "0.0800",
        },
        "recovery": { "declined": 2, "recovered": 1, "rate": "0.5000" },
    }]);
    assert_eq!(later["currencies"], expected);
    assert_eq!(report(&format!("?at={start}")).await["currencies"], json!([dollars]), "as it was then");
    for wrong in ["?at=yesterday", "?at=2999-01-01T00:00:00Z", &format!("?at={start}&from={start}"), "?to=1"]
    {
        assert_eq!(merchant.get(&format!("/reports/subscriptions{wrong}")).await.status, 400, "{wrong}");
    }
    let theirs = deployment.new_merchant("Rival").await;
    assert_eq!(theirs.get("/reports/subscriptions").await.body["currencies"], json!([]));
}

/// Operators see what was missed, and decide.
#[tokio::test]
async fn operators_decide_over_renewals_that_were_missed() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Week).await;
    let (billed, skipped) = (deployment.active(&shop, "a").await, deployment.active(&shop, "b").await);
    assert_eq!(
        deployment.remit(&["subscription", "missed"]).await.unwrap().trim(),
        "No renewals were missed."
    );
    let nothing = deployment.remit(&["subscription", "bill-missed", &billed.to_string()]).await.unwrap_err();
    assert!(nothing.contains("no renewals of the subscription were missed"), "{nothing}");
    deployment.stop(Service::Scheduler).await;
    deployment.advance_all(5 * 7 * tests::billing::DAY).await;
    deployment.run(Service::Scheduler).await;
    for id in [billed, skipped] {
        eventually("a person must decide", || async { deployment.subscription(id).await.missed_renewals })
            .await;
    }
    deployment.idle().await;
    let listed = deployment.remit(&["subscription", "missed"]).await.unwrap();
    assert!([billed, skipped].iter().all(|id| listed.contains(&id.to_string())), "{listed}");
    for (id, decision, periods) in
        [(billed, "bill-missed", vec![0, 1, 2, 3, 4, 5]), (skipped, "skip-missed", vec![0, 5])]
    {
        let name = id.to_string();
        deployment.remit(&["subscription", decision, &name]).await.unwrap();
        deployment.idle().await;
        let invoices = deployment.invoices(id).await;
        assert_eq!(invoices.iter().map(|invoice| invoice.period_index).collect::<Vec<_>>(), periods);
        let shown = deployment.remit(&["subscription", "show", &name]).await.unwrap();
        for part in ["active", "Invoices", "Events", "renew_subscription", &invoices[1].id.to_string(), &name]
        {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }
    let nobody = common::id::SubscriptionId::new().to_string();
    assert!(deployment.remit(&["subscription", "show", &nobody]).await.unwrap_err().contains("there is no"));
    deployment.check_billing().await;
}
