//! Refunds that somebody makes at the gateway itself: they are ours from then on, once, however they are heard of and
//! whatever of ours is under way beside them.

use std::time::Duration;

use common::{
    gateway::GatewayName,
    reconciliation::{State, store},
};
use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, card, eventually, paypal};

/// The same payment at either gateway.
fn both(amount: &str) -> [(GatewayName, Value); 2] {
    [
        (GatewayName::Stripe, card(amount, "EUR", "pm_card_visa")),
        (GatewayName::Paypal, paypal(amount, "EUR", Some("vault_ok"))),
    ]
}

/// What the payment says of its money: refunded, being refunded.
async fn amounts(merchant: &Merchant, payment: &str) -> [String; 2] {
    let payment = merchant.payment(payment).await.body;
    ["amount_refunded", "amount_refunding"].map(|field| payment[field].as_str().unwrap().to_owned())
}

/// A gateway's dashboard: what is done there is done without us, and carries no name of ours.
struct Dashboard<'a> {
    deployment: &'a Deployment,
    client: reqwest::Client,
}

impl<'a> Dashboard<'a> {
    fn of(deployment: &'a Deployment) -> Self {
        Self { deployment, client: common::gateway::http_client(tests::PATIENCE).unwrap() }
    }

    async fn call(&self, method: &str, path: &str, bearer: &str, kind: &str, body: String) -> Value {
        let url = format!("{}{path}", self.deployment.sandbox_url());
        let request = self.client.request(method.parse().unwrap(), url).header("content-type", kind);
        let request = match bearer {
            "" => request.basic_auth("test_dashboard", Some("test_dashboard")),
            token => request.bearer_auth(token),
        };
        let answer = request.body(body).send().await.expect("the gateway answers");
        let status = answer.status();
        let told = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null);
        assert!(status.is_success(), "{path}: {status} {told}");
        told
    }

    /// Gives back so many cents of a payment; answers the gateway's name for the refund.
    async fn refund(&self, payment: &str, cents: u32) -> String {
        self.refund_named(payment, cents, false).await
    }

    /// The same, and PayPal copies our name for the payment to it, as it may.
    async fn refund_named(&self, payment: &str, cents: u32, is_named: bool) -> String {
        let charge = self.deployment.charges(payment).await.remove(0);
        let known = charge["payment_intent"].as_str().expect("a name");
        let form = "application/x-www-form-urlencoded";
        let made = if charge["gateway"] == "stripe" {
            let body = format!("payment_intent={known}&amount={cents}");
            self.call("POST", "/v1/refunds", "sk_test_dashboard", form, body).await
        } else {
            let grant = "grant_type=client_credentials".to_owned();
            let token = self.call("POST", "/v1/oauth2/token", "", form, grant).await;
            let token = token["access_token"].as_str().unwrap().to_owned();
            let json = "application/json";
            let order =
                self.call("GET", &format!("/v2/checkout/orders/{known}"), &token, json, String::new()).await;
            let capture = order["purchase_units"][0]["payments"]["captures"][0]["id"].as_str().unwrap();
            let path = format!("/v2/payments/captures/{capture}/refund");
            let value = format!("{}.{:02}", cents / 100, cents % 100);
            let mut body = json!({ "amount": { "currency_code": "EUR", "value": value } });
            if is_named {
                body["custom_id"] = json!(payment);
            }
            self.call("POST", &path, &token, json, body.to_string()).await
        };
        made["id"].as_str().unwrap().to_owned()
    }
}

/// The refund that became of it, once it is there in that status.
async fn adopted(merchant: &Merchant, payment: &str, gateway_ref: &str, status: &str) -> Value {
    eventually(&format!("{gateway_ref} is {status}"), || async {
        let list = merchant.get(&format!("/refunds?payment={payment}&limit=100")).await.body;
        let found =
            list["data"].as_array().unwrap().iter().find(|one| one["gateway_reference"] == gateway_ref);
        found.filter(|one| one["status"] == status).cloned()
    })
    .await
}

/// How often merchants were told this of refunds that were made at the gateway.
async fn told(deployment: &Deployment, kind: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM events WHERE type = $1 AND data->>'origin' = 'gateway'")
        .bind(kind)
        .fetch_one(&deployment.pool)
        .await
        .unwrap()
}

/// Compares a gateway's settlement report with ours; the remedies of what differs.
async fn reconcile(deployment: &Deployment, gateway: GatewayName) -> Vec<String> {
    let now = common::db::now(&deployment.pool).await.unwrap();
    let between = (now - Duration::from_secs(7200), now + Duration::from_secs(3600));
    let id = store::request(&deployment.pool, gateway, between, Duration::ZERO).await.unwrap();
    let state = eventually("the settlement reports are compared", || async {
        let found = store::find(&deployment.pool, id).await.unwrap().unwrap();
        (found.state != State::Reading).then_some(found.state)
    })
    .await;
    assert_eq!(state, State::Done);
    let findings = store::findings(&deployment.pool, id).await.unwrap();
    findings.into_iter().map(|finding| format!("{} {}", finding.kind, finding.remedy)).collect()
}

#[tokio::test]
async fn what_the_dashboard_gives_back_is_booked_shown_and_told() {
    let deployment = Deployment::start().await;
    let (merchant, dashboard) = (&deployment.merchant, Dashboard::of(&deployment));
    deployment.sandbox("POST", "/control/paypal/reporting_delay", &json!({ "seconds": 0 })).await;
    for (gateway, body) in both("50.00") {
        let payment = merchant.paid_up(gateway.as_str(), &body).await;
        let made = dashboard.refund(&payment, 2000).await;
        let refund = adopted(merchant, &payment, &made, "succeeded").await;
        assert_eq!((&refund["origin"], &refund["amount"]), (&json!("gateway"), &json!("20.00")), "{refund}");
        assert_eq!((&refund["payment"], &refund["currency"]), (&json!(payment), &json!("EUR")), "{refund}");
        let id = refund["id"].as_str().unwrap();
        assert_eq!(merchant.get(&format!("/refunds/{id}")).await.body, refund);
        assert_eq!(amounts(merchant, &payment).await, ["20.00", "0.00"], "{gateway}");

        // What is left is right: ours is measured by it.
        let too_much = merchant.refund(&format!("{gateway} much"), &payment, Some("30.01")).await;
        assert_eq!((too_much.status, too_much.text("code")), (409, "refund-exceeds-payment"));
        assert!(too_much.text("detail").contains("30.00"), "{too_much:?}");
        let ours = merchant.refunded(&format!("{gateway} ours"), &payment, Some("10.00")).await;
        assert_eq!(merchant.refund_with(&ours, &["succeeded"]).await["origin"], "api");

        let rest = dashboard.refund_named(&payment, 2000, true).await;
        adopted(merchant, &payment, &rest, "succeeded").await;
        let shown = merchant.payment(&payment).await.body;
        let listed = shown["refunds"].as_array().unwrap();
        let of = |refund: &Value| format!("{} {} {}", refund["origin"], refund["amount"], refund["status"]);
        assert_eq!(
            listed.iter().map(of).collect::<Vec<_>>(),
            [
                r#""gateway" "20.00" "succeeded""#,
                r#""api" "10.00" "succeeded""#,
                r#""gateway" "20.00" "succeeded""#
            ]
        );
        assert_eq!((&listed[0]["id"], &listed[0]["gateway_reference"]), (&refund["id"], &json!(made)));
        let nothing = merchant.refund(&format!("{gateway} more"), &payment, None).await;
        assert_eq!((nothing.status, nothing.text("code")), (409, "payment-fully-refunded"));
    }
    deployment.quiet().await;
    assert_eq!(told(&deployment, "refund.succeeded").await, 4);
    deployment.check_books().await;

    // However often it is told, and in whatever order.
    for _ in 0..5 {
        deployment.sandbox("POST", "/control/redeliver", &json!({ "all": true })).await;
    }
    deployment.quiet().await;
    assert_eq!(deployment.count("SELECT count(*) FROM refunds").await, 6);
    assert_eq!(told(&deployment, "refund.succeeded").await, 4);
    deployment.check_books().await;
    for gateway in GatewayName::ALL {
        assert_eq!(reconcile(&deployment, gateway).await, [] as [&str; 0], "{gateway}");
    }
}

/// It takes its time, and may not come to anything; or it was given back, and comes back.
#[tokio::test]
async fn what_becomes_of_it_at_the_gateway_is_followed() {
    let deployment = Deployment::start().await;
    let (merchant, dashboard) = (&deployment.merchant, Dashboard::of(&deployment));
    deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    for (body, first, outcome, last) in [
        (card("20.00", "EUR", "pm_card_pendingRefund"), "processing", "succeeded", "succeeded"),
        (card("20.00", "EUR", "pm_card_pendingRefund"), "processing", "failed", "failed"),
        (card("20.00", "EUR", "pm_card_pendingRefund"), "processing", "canceled", "failed"),
        (card("20.00", "EUR", "pm_card_refundFail"), "succeeded", "failed", "failed"),
        (paypal("20.00", "EUR", Some("vault_refund_pending")), "processing", "succeeded", "succeeded"),
        (paypal("20.00", "EUR", Some("vault_refund_pending")), "processing", "failed", "failed"),
    ] {
        let what = format!("{} {outcome}", body["payment_method"]["token"]);
        let payment = merchant.paid_up(&what, &body).await;
        let made = dashboard.refund(&payment, 1500).await;
        adopted(merchant, &payment, &made, first).await;
        let held = if first == "processing" { ["0.00", "15.00"] } else { ["15.00", "0.00"] };
        assert_eq!(amounts(merchant, &payment).await, held, "{what}");
        let too_much = merchant.refund(&format!("{what} more"), &payment, Some("5.01")).await;
        assert_eq!(too_much.text("code"), "refund-exceeds-payment", "{what}");

        let end = json!({ "reference": payment, "outcome": outcome });
        assert_eq!(deployment.sandbox("POST", "/control/settle", &end).await["settled"], 1, "{what}");
        let ended = adopted(merchant, &payment, &made, last).await;
        assert_eq!(ended["failure"].is_object(), last == "failed", "{ended}");
        let given_back = if last == "failed" { ["0.00", "0.00"] } else { ["15.00", "0.00"] };
        assert_eq!(amounts(merchant, &payment).await, given_back, "{what}");
        assert_eq!(merchant.get(&format!("/refunds?payment={payment}")).await.body["data"][1], Value::Null);
        deployment.advance(301).await;
    }
    deployment.quiet().await;
    deployment.check_books().await;
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_calls WHERE operation = 'refund'").await, 0);
}

/// No event comes. The nightly comparison takes in what it finds, and what is told later is known by then.
#[tokio::test]
async fn a_lost_event_is_made_up_for_by_the_reconciliation() {
    let deployment = Deployment::start().await;
    let (merchant, dashboard) = (&deployment.merchant, Dashboard::of(&deployment));
    deployment.sandbox("POST", "/control/paypal/reporting_delay", &json!({ "seconds": 0 })).await;
    for (gateway, body) in both("50.00") {
        let payment = merchant.paid_up(gateway.as_str(), &body).await;
        deployment.quiet().await;
        deployment.sandbox("POST", "/control/webhook_faults", &json!({ "drop_per_mille": 1000 })).await;
        let made =
            [dashboard.refund(&payment, 2000).await, dashboard.refund_named(&payment, 500, true).await];
        deployment.quiet().await;
        assert_eq!(amounts(merchant, &payment).await, ["0.00", "0.00"], "nobody has told us");
        assert_eq!(
            reconcile(&deployment, gateway).await,
            ["unknown_here asked", "unknown_here asked"],
            "{gateway}"
        );
        for refund in &made {
            assert_eq!(adopted(merchant, &payment, refund, "succeeded").await["origin"], "gateway");
        }
        assert_eq!(amounts(merchant, &payment).await, ["25.00", "0.00"]);
        deployment.quiet().await;
        deployment.check_books().await;
        assert_eq!(reconcile(&deployment, gateway).await, [] as [&str; 0], "{gateway}: it is known now");
        deployment.sandbox("POST", "/control/webhook_faults", &json!({})).await;
        deployment.sandbox("POST", "/control/redeliver", &json!({ "all": true })).await;
        deployment.quiet().await;
        assert_eq!(amounts(merchant, &payment).await, ["25.00", "0.00"]);
    }
    assert_eq!(deployment.count("SELECT count(*) FROM refunds").await, 4);
    assert_eq!(told(&deployment, "refund.succeeded").await, 4);
    deployment.check_books().await;
}

/// The crash between sending ours and writing down its name, the event before our own answer, and one of the
/// dashboard's beside it: none of ours is taken for another's.
#[tokio::test]
async fn a_refund_of_ours_without_its_answer_is_not_taken_for_another() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    for (gateway, body) in both("50.00") {
        let payment = merchant.paid_up(gateway.as_str(), &body).await;
        deployment.quiet().await;
        let path = if gateway == GatewayName::Stripe { "/v1/refunds" } else { "/v2/payments/captures" };
        let here = json!({ "method": "POST", "path_prefix": path });
        deployment.faults(json!([{ "fault": "timeout_after", "count": 1, "match": here }])).await;
        let ours = merchant.refunded(gateway.as_str(), &payment, Some("10.00")).await;
        eventually("it is made", || async {
            let books = deployment.sandbox("GET", &format!("/books?reference={ours}"), &Value::Null).await;
            (books["refunds"][0]["status"] == "succeeded").then_some(())
        })
        .await;
        deployment.kill(Service::Worker).await;
        deployment.faults(json!([])).await;
        let made = Dashboard::of(&deployment).refund(&payment, 1000).await;
        // All that the gateway tells is there before anybody at ours can know the answer.
        all_told(&deployment).await;
        deployment.run(Service::Worker).await;
        adopted(&merchant, &payment, &made, "succeeded").await;
        deployment.advance(60).await;
        merchant.refund_with(&ours, &["succeeded"]).await;
        deployment.quiet().await;
        assert_eq!(amounts(&merchant, &payment).await, ["20.00", "0.00"], "{gateway}");
        let listed = merchant.get(&format!("/refunds?payment={payment}")).await.body;
        assert_eq!(listed["data"].as_array().unwrap().len(), 2, "{listed}");
        deployment.check_books().await;
    }
}

/// All that the gateways tell has come, and nobody has worked it off.
async fn all_told(deployment: &Deployment) {
    eventually("all is told", || async {
        let hooks = deployment.sandbox("GET", "/control/webhooks", &Value::Null).await;
        (hooks["pending"] == 0).then_some(())
    })
    .await;
}

/// The answer to the charge was lost, and in the dashboard it is there: what is given back of it waits until we know
/// as much.
#[tokio::test]
async fn a_refund_waits_for_the_success_of_its_payment() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    for (gateway, body) in both("50.00") {
        let path = if gateway == GatewayName::Stripe { "/v1/payment_intents" } else { "/v2/checkout/orders" };
        let here = json!({ "method": "POST", "path_prefix": path });
        deployment.faults(json!([{ "fault": "timeout_after", "count": 1, "match": here }])).await;
        let payment = merchant.paid(gateway.as_str(), &body).await;
        eventually("it is charged", || async {
            (!deployment.charges(&payment).await.is_empty()).then_some(())
        })
        .await;
        deployment.kill(Service::Worker).await;
        deployment.faults(json!([])).await;
        let made = Dashboard::of(&deployment).refund(&payment, 2000).await;
        all_told(&deployment).await;
        deployment.run(Service::Worker).await;
        let waits = "SELECT count(*) FROM jobs WHERE kind = 'handle_event'
                     AND last_error LIKE '%has not succeeded here%'";
        eventually("it waits", || async { (deployment.count(waits).await > 0).then_some(()) }).await;
        assert_eq!(amounts(&merchant, &payment).await, ["0.00", "0.00"], "{gateway}");
        eventually("the payment is known to have succeeded", || async {
            deployment.advance(10).await;
            (merchant.payment(&payment).await.text("status") == "succeeded").then_some(())
        })
        .await;
        eventually("what waited is worked off", || async {
            deployment.advance(60).await;
            (amounts(&merchant, &payment).await == ["20.00", "0.00"]).then_some(())
        })
        .await;
        adopted(&merchant, &payment, &made, "succeeded").await;
        deployment.quiet().await;
        deployment.check_books().await;
    }
}

/// One has come back, and we have not heard of it: what is given back then is more than is left here, until we ask.
#[tokio::test]
async fn a_refund_waits_for_the_one_before_it_to_have_come_back() {
    let deployment = Deployment::start().await;
    let (merchant, dashboard) = (&deployment.merchant, Dashboard::of(&deployment));
    deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    let payment = merchant.paid_up("p", &card("50.00", "EUR", "pm_card_refundFail")).await;
    let first = dashboard.refund(&payment, 5000).await;
    adopted(merchant, &payment, &first, "succeeded").await;
    deployment.quiet().await;
    deployment.sandbox("POST", "/control/webhook_faults", &json!({ "drop_per_mille": 1000 })).await;
    let end = json!({ "reference": payment, "outcome": "failed" });
    assert_eq!(deployment.sandbox("POST", "/control/settle", &end).await["settled"], 1);
    all_told(&deployment).await;
    deployment.sandbox("POST", "/control/webhook_faults", &json!({})).await;

    let second = dashboard.refund(&payment, 4000).await;
    adopted(merchant, &payment, &first, "failed").await;
    eventually("what waited is worked off", || async {
        deployment.advance(10).await;
        (amounts(merchant, &payment).await == ["40.00", "0.00"]).then_some(())
    })
    .await;
    adopted(merchant, &payment, &second, "succeeded").await;
    deployment.quiet().await;
    deployment.check_books().await;
}

/// The dashboard gives back what ours was to give back: what the gateway did is so, and ours fails for want of room.
#[tokio::test]
async fn a_refund_of_ours_that_finds_nothing_left_fails() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    for (gateway, body) in both("50.00") {
        let payment = merchant.paid_up(gateway.as_str(), &body).await;
        deployment.quiet().await;
        deployment.stop(Service::Worker).await;
        let ours = merchant.refunded(gateway.as_str(), &payment, Some("30.00")).await;
        assert_eq!(amounts(&merchant, &payment).await, ["0.00", "30.00"]);
        let made = Dashboard::of(&deployment).refund(&payment, 4500).await;
        deployment.run(Service::Worker).await;
        adopted(&merchant, &payment, &made, "succeeded").await;
        let failed = merchant.refund_with(&ours, &["failed"]).await;
        assert!(failed["failure"]["message"].is_string(), "{failed}");
        assert_eq!(amounts(&merchant, &payment).await, ["45.00", "0.00"], "{gateway}");
        let rest = merchant.refunded(&format!("{gateway} rest"), &payment, None).await;
        assert_eq!(merchant.refund_with(&rest, &["succeeded"]).await["amount"], "5.00");
        deployment.quiet().await;
        deployment.check_books().await;
    }
}

/// Nobody knows whether ours was made, and a person makes it in the dashboard instead: that one counts, and nothing
/// more can be given back.
#[tokio::test]
async fn a_person_may_do_in_the_dashboard_what_we_could_not() {
    let deployment = Deployment::start().await;
    let (merchant, dashboard) = (&deployment.merchant, Dashboard::of(&deployment));
    let payment = merchant.paid_up("p", &card("12.34", "EUR", "pm_card_visa")).await;
    let here = json!({ "method": "POST", "path_prefix": "/v1/refunds" });
    deployment.faults(json!([{ "fault": "500_before", "count": 1, "match": here }])).await;
    let ours = merchant.refunded("r", &payment, Some("10.00")).await;
    eventually("somebody must look", || async {
        deployment.advance(600).await;
        let refund = merchant.get(&format!("/refunds/{ours}")).await;
        (refund.text("status") == "needs_review").then_some(())
    })
    .await;
    let made = dashboard.refund(&payment, 1000).await;
    adopted(merchant, &payment, &made, "succeeded").await;
    assert_eq!(amounts(merchant, &payment).await, ["10.00", "10.00"], "ours is still somebody's to look at");
    let more = merchant.refund("more", &payment, Some("0.01")).await;
    assert_eq!((more.status, more.text("code")), (409, "payment-fully-refunded"), "{more:?}");
    deployment.quiet().await;
    deployment.check_books().await;
}

/// The worker dies while it asks, and while it writes; twenty copies come at once; ours and the dashboard's race.
#[tokio::test]
async fn whoever_dies_or_comes_twice_it_is_booked_once() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let chaos = json!({ "duplicate_per_mille": 1000, "shuffle": true, "forge_per_mille": 500 });
    deployment.sandbox("POST", "/control/webhook_faults", &chaos).await;
    let mut payments = Vec::new();
    for (gateway, body) in both("50.00") {
        for number in 0..3 {
            payments.push(merchant.paid_up(&format!("{gateway} {number}"), &body).await);
        }
    }
    deployment.quiet().await;
    for path in ["/v1/refunds", "/v2/payments/refunds"] {
        let here = json!({ "method": "GET", "path_prefix": path });
        deployment.faults(json!([{ "fault": "slow_before_900", "count": 1, "match": here }])).await;
        let races = payments.iter().map(|payment| {
            let dashboard = Dashboard::of(&deployment);
            let key = format!("{path} {payment}");
            let merchant = &merchant;
            async move {
                let (ours, _) = tokio::join!(
                    merchant.refund(&key, payment, Some("10.00")),
                    dashboard.refund(payment, 700)
                );
                assert_eq!(ours.status, 202, "{ours:?}");
            }
        });
        futures_util::future::join_all(races).await;
        eventually("the gateway is asked", || async {
            let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
            let asks = |request: &Value| {
                request["method"] == "GET" && request["path"].as_str().unwrap().starts_with(path)
            };
            log["data"].as_array().unwrap().iter().any(asks).then_some(())
        })
        .await;
        deployment.kill(Service::Worker).await;
        deployment.sandbox("POST", "/control/redeliver", &json!({ "all": true })).await;
        deployment.run(Service::Worker).await;
        deployment.advance(60).await;
        deployment.quiet().await;
    }
    for payment in &payments {
        assert_eq!(amounts(&merchant, payment).await, ["34.00", "0.00"], "{payment}");
    }
    assert_eq!(deployment.count("SELECT count(*) FROM refunds WHERE origin = 'gateway'").await, 12);
    assert_eq!(deployment.count("SELECT count(*) FROM refunds WHERE status <> 'succeeded'").await, 0);
    assert_eq!(told(&deployment, "refund.succeeded").await, 12);
    deployment.check_books().await;
}

/// What nobody of ours has sold is nobody's to book, and is listed for a person as before.
#[tokio::test]
async fn a_refund_of_a_stranger_is_left_alone() {
    let deployment = Deployment::start().await;
    let dashboard = Dashboard::of(&deployment);
    let form = "amount=1000&currency=eur&payment_method=pm_card_visa&confirm=true\
                &automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never";
    let kind = "application/x-www-form-urlencoded";
    let sold = dashboard.call("POST", "/v1/payment_intents", "sk_test_shop", kind, form.to_owned()).await;
    let body = format!("payment_intent={}", sold["id"].as_str().unwrap());
    dashboard.call("POST", "/v1/refunds", "sk_test_shop", kind, body).await;
    deployment.quiet().await;
    assert_eq!(deployment.count("SELECT count(*) FROM refunds").await, 0);
    assert_eq!(
        reconcile(&deployment, GatewayName::Stripe).await,
        ["unknown_here needs_review", "unknown_here needs_review"]
    );
    assert_eq!(deployment.count("SELECT count(*) FROM ledger_entries").await, 0);
}
