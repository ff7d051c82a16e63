//! What protects gateways from us, us from gateways, and merchants from a wrong setting.

use std::time::Instant;

use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, Settings, card, eventually, paypal};

/// When the sandbox got requests below this path, in milliseconds.
async fn arrivals(deployment: &Deployment, path: &str) -> Vec<i64> {
    let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
    let requests = log["data"].as_array().unwrap().iter();
    let below = requests.filter(|request| request["path"].as_str().unwrap().starts_with(path));
    below.map(|request| request["at_ms"].as_i64().unwrap()).collect()
}

async fn pay_many(merchant: &Merchant, prefix: &str, count: usize, body: &Value) -> Vec<String> {
    let mut payments = Vec::new();
    for i in 0..count {
        payments.push(merchant.paid(&format!("{prefix} {i}"), body).await);
    }
    payments
}

#[tokio::test]
async fn routes_that_cannot_be_are_refused_at_the_start() {
    let services = vec![Service::Api];
    let deployment = Deployment::start_with(Settings { services, ..Settings::default() }).await;
    for (routing, sentence) in [
        ("paypal=stripe", "stripe cannot take paypal"),
        ("card=paypal", "paypal cannot take card"),
        ("bank_debit=paypal", "paypal cannot take bank_debit"),
        ("card=stripe,cash=stripe", "cash"),
        ("card=bank", "bank"),
        ("card", "is not of the form"),
    ] {
        let said = deployment.refusal(Service::Api, "REMIT_GATEWAY_ROUTING", routing).await;
        assert!(said.contains(sentence) && said.contains("GATEWAY_ROUTING"), "{routing}: {said}");
    }
}

/// What is for development does not start where money is real, and says all that is in the way; nor does a live key
/// start in a test.
#[tokio::test]
async fn what_must_not_be_live_is_refused_at_the_start() {
    let services = vec![Service::Sandbox];
    let mut deployment = Deployment::start_with(Settings { services, ..Settings::default() }).await;
    // As docker-compose.yml has them.
    let published = [
        ("REMIT_MODE", "live"),
        ("DATABASE_URL", "postgres://remit:remit@postgres/remit"),
        ("AMQP_URL", "amqp://remit:remit@rabbitmq/%2f"),
        ("REMIT_STRIPE_WEBHOOK_SECRETS", "whsec_sandbox"),
        ("REMIT_STRIPE_SECRET_KEY", "sk_live_of_somebody"),
    ];
    let all =
        ["DATABASE_URL goes to another host", "DATABASE_URL has a password", "AMQP_URL goes to another host"];
    let keys = "REMIT_ENCRYPTION_KEYS is missing";
    let of_api = ["REMIT_STRIPE_WEBHOOK_SECRETS has one", "REMIT_TEST_CLOCK lets merchants", keys];
    let of_worker = [
        "REMIT_STRIPE_URL is not encrypted",
        "REMIT_PAYPAL_CLIENT_ID is the sandbox's",
        "REMIT_TEST_CLOCK",
        keys,
    ];
    for (service, own) in
        [(Service::Api, &of_api[..]), (Service::Worker, &of_worker), (Service::Scheduler, &[])]
    {
        let said = deployment.refusal_with(service, &published).await;
        for sentence in all.iter().chain(own) {
            assert!(said.contains(sentence), "{service:?}: {sentence}: {said}");
        }
        assert!(!said.contains("sk_live_of_somebody") && !said.contains("whsec_sandbox"), "{said}");
    }
    let said = deployment.refusal(Service::Worker, "REMIT_STRIPE_SECRET_KEY", "sk_live_of_somebody").await;
    assert!(said.contains("REMIT_STRIPE_SECRET_KEY is a live key"), "{said}");
    // Unless somebody says otherwise, money is real.
    deployment.unset("REMIT_MODE");
    let said = deployment.refusal_with(Service::Scheduler, &published[1..]).await;
    assert!(said.contains("REMIT_MODE=live") && said.contains("DATABASE_URL"), "{said}");
}

/// With settings that suit it, a live deployment starts.
#[tokio::test]
async fn a_live_deployment_starts_with_secrets_of_its_own() {
    let mut deployment =
        Deployment::start_with(Settings { services: Vec::new(), ..Settings::default() }).await;
    for (name, value) in [
        ("REMIT_MODE", "live"),
        ("REMIT_TEST_CLOCK", "false"),
        ("REMIT_STRIPE_WEBHOOK_SECRETS", "whsec_5Y2bC8vK1mN4pQ7rT0wX3zA6dF9gJ2kL"),
        ("REMIT_ENCRYPTION_KEYS", "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ] {
        deployment.set(name, value);
    }
    for name in [
        "REMIT_PAYPAL_WEBHOOK_ID",
        "REMIT_PAYPAL_TEST_ROOT",
        "REMIT_PAYPAL_CERT_HOSTS",
        "REMIT_WEBHOOK_ALLOW_PRIVATE",
    ] {
        deployment.unset(name);
    }
    deployment.run(Service::Api).await;
    let merchant = deployment.new_merchant("Live").await;
    eventually("it is ready", || async { (merchant.get("/readyz").await.status == 200).then_some(()) }).await;
}

/// The first charge of a subscription is two operations: a lease that outlives one alone is too short.
#[tokio::test]
async fn a_lease_that_is_too_short_for_a_job_is_refused_at_the_start() {
    let deployment = Deployment::start_with(Settings { services: Vec::new(), ..Settings::default() }).await;
    let said = deployment.refusal(Service::Worker, "REMIT_WORKER_LEASE_MS", "4000").await;
    assert!(said.contains("longer than two of the longest calls") && said.contains("LEASE_MS"), "{said}");
}

/// A gateway that is down is left alone but for one call after each rest. Jobs wait meanwhile, and lose
/// none of their attempts.
#[tokio::test]
async fn a_gateway_that_does_not_answer_is_given_a_rest() {
    const REST_MS: u64 = 2000;
    let settings = Settings { gateway_failures: 3, gateway_rest_ms: REST_MS, ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let merchant = &deployment.merchant;
    let down = json!([{ "fault": "503", "match": { "path_prefix": "/v1/payment_intents" } }]);
    deployment.faults(down).await;
    let visa = card("1.23", "EUR", "pm_card_visa");
    let mut payments = pay_many(merchant, "first", 3, &visa).await;
    let snoozed = "SELECT count(*) FROM jobs WHERE snoozes > 0";
    eventually("the gateway is given a rest", || async {
        (deployment.count(snoozed).await > 0).then_some(())
    })
    .await;

    let (before, since) = (arrivals(&deployment, "/v1/payment_intents").await.len(), Instant::now());
    payments.extend(pay_many(merchant, "more", 50, &visa).await);
    eventually("all are snoozed", || async { (deployment.count(snoozed).await == 53).then_some(()) }).await;
    // The other gateway is well, and goes on.
    merchant.paid_up("paypal", &paypal("1.23", "EUR", Some("vault_ok"))).await;
    let probes = u64::try_from(since.elapsed().as_millis()).unwrap() / REST_MS + 1;
    let calls = arrivals(&deployment, "/v1/payment_intents").await.len() - before;
    assert!(calls as u64 <= probes, "{calls} calls, {probes} at most");
    // Attempts are counted where a call was made, and nowhere else.
    // Of what is in hand at this moment nobody knows yet.
    let used = "SELECT coalesce(sum(attempt - snoozes), 0) FROM jobs WHERE state = 'queued'";
    let exposed = "SELECT coalesce(sum(calls_begun - calls_not_sent), 0)::bigint
         FROM payments p JOIN jobs j ON j.subject_id = p.id WHERE gateway = 'stripe' AND j.state = 'queued'";
    let (used, exposed) = (deployment.count(used).await, deployment.count(exposed).await);
    let made = i64::try_from(arrivals(&deployment, "/v1/payment_intents").await.len()).unwrap();
    assert!(used <= made, "{used} attempts, {made} calls");
    assert!(exposed <= made, "{exposed} calls that may have run, {made} calls");

    deployment.faults(json!([])).await;
    for payment in &payments {
        eventually("it succeeds", || async {
            let status = merchant.payment(payment).await;
            if status.text("status") == "succeeded" {
                return Some(());
            }
            deployment.advance(5).await;
            None
        })
        .await;
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

/// Refunds and captures wait for their gateway as charges do.
#[tokio::test]
async fn whatever_waits_for_a_gateway_is_done_when_it_is_back() {
    let settings = Settings { gateway_failures: 2, gateway_rest_ms: 3000, ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let merchant = &deployment.merchant;
    let mut refunds = Vec::new();
    let mut captures = Vec::new();
    for (gateway, body) in [
        ("stripe", card("10.00", "EUR", "pm_card_visa")),
        ("paypal", paypal("10.00", "EUR", Some("vault_ok"))),
    ] {
        let payment = merchant.paid_up(gateway, &body).await;
        refunds.push((gateway, payment));
        let mut manual = body;
        manual["capture"] = json!("manual");
        let payment = merchant.paid(&format!("{gateway} manual"), &manual).await;
        merchant.payment_with(&payment, &["authorized"]).await;
        captures.push(payment);
    }
    deployment.quiet().await;
    deployment.sandbox("POST", "/control/down", &json!({ "down": true })).await;
    let mut asked = Vec::new();
    for (gateway, payment) in &refunds {
        asked.push(merchant.refunded(gateway, payment, None).await);
    }
    for payment in &captures {
        assert_eq!(merchant.capture(payment, None).await.status, 202);
    }
    let snoozed = "SELECT count(*) FROM jobs WHERE snoozes > 0";
    eventually("they are snoozed", || async { (deployment.count(snoozed).await >= 4).then_some(()) }).await;
    deployment.sandbox("POST", "/control/down", &json!({ "down": false })).await;
    let open = "SELECT (SELECT count(*) FROM payments WHERE status <> 'succeeded')
                     + (SELECT count(*) FROM refunds WHERE status <> 'succeeded')";
    eventually("all is done", || async {
        deployment.advance(5).await;
        (deployment.count(open).await == 0).then_some(())
    })
    .await;
    deployment.quiet().await;
    deployment.check_books().await;
}

/// Who waits for a turn at a gateway that is well is not sent to another, whose token is for when it is not.
#[tokio::test]
async fn our_own_bounds_send_nobody_to_the_fallback() {
    let deployment = Deployment::start_with(Settings { per_second: 10, ..Settings::default() }).await;
    let merchant = &deployment.merchant;
    let mut body = card("1.23", "EUR", "pm_card_visa");
    body["fallback"] = json!({ "payment_method": { "type": "paypal", "token": "vault_ok" } });
    let payments = pay_many(merchant, "a", 50, &body).await;
    for payment in &payments {
        merchant.payment_with(payment, &["succeeded"]).await;
    }
    let waited = "SELECT count(*) FROM payments WHERE calls_not_sent > 0";
    assert!(deployment.count(waited).await > 0, "the premise");
    assert_eq!(deployment.count("SELECT count(*) FROM payments WHERE gateway <> 'stripe'").await, 0);
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn no_gateway_gets_more_calls_a_second_than_it_allows() {
    let deployment = Deployment::start_with(Settings { per_second: 10, ..Settings::default() }).await;
    let merchant = &deployment.merchant;
    let payments = pay_many(merchant, "a", 50, &card("1.23", "EUR", "pm_card_visa")).await;
    for payment in &payments {
        merchant.payment_with(payment, &["succeeded"]).await;
    }
    let mut arrivals = arrivals(&deployment, "/v1/payment_intents").await;
    arrivals.sort_unstable();
    let within = arrivals.last().unwrap() - arrivals[0];
    assert!(arrivals.len() >= 50 && within >= 4000, "{} calls in {within} ms", arrivals.len());
    // Who did not get a turn soon came again later, provably without a call.
    let waited = "SELECT count(*) FROM payments WHERE calls_not_sent > 0";
    assert!(deployment.count(waited).await > 0);
    assert_eq!(
        deployment.count("SELECT count(*) FROM payments WHERE calls_begun - calls_not_sent <> 1").await,
        0
    );
    deployment.quiet().await;
    deployment.check_books().await;
}
