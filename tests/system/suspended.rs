//! A worker that sleeps and wakes: a stopped process, a suspended machine, a guest that was moved. Whatever it was
//! about to send it does not send any more; and should money ever move twice, the books say so.

use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, Settings, card, eventually, paypal};

/// Longer than Stripe remembers a key.
const KEYS_ARE_FORGOTTEN_SECONDS: i64 = 25 * 3600;

/// Payments whose charges wait for their turns, and are in the hands of a worker.
const WAITING: usize = 120;

/// The first worker sleeps with charges in hand that wait for their turns in the protection. Its lease ends, another
/// charges; a day later the gateway has forgotten the keys, and the first wakes up.
#[tokio::test]
async fn a_worker_that_slept_charges_nobody_a_second_time() {
    // All are there before it starts: a slow machine accepts fewer in a second than have their turns.
    let services = vec![Service::Sandbox, Service::Api, Service::Scheduler];
    let settings =
        Settings { gateway_timeout_ms: 300, lease_ms: 3000, per_second: 40, services, ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    let merchant = deployment.merchant.clone();
    for i in 0..WAITING {
        merchant.paid(&i.to_string(), &card("1.23", "EUR", "pm_card_visa")).await;
    }
    deployment.run(Service::Worker).await;
    eventually("the worker is at it", || async {
        let waiting = "SELECT count(*) FROM jobs WHERE state = 'running'";
        (deployment.count(waiting).await > 10).then_some(())
    })
    .await;
    deployment.signal(Service::Worker, "STOP").await;
    let held = deployment.count("SELECT count(*) FROM jobs WHERE state = 'running'").await;
    assert!(held > 0, "it sleeps with charges in hand");

    deployment.run(Service::SecondWorker).await;
    all_succeed_in_time(&deployment).await;
    deployment.stop(Service::SecondWorker).await;
    deployment.advance_all(KEYS_ARE_FORGOTTEN_SECONDS).await;
    deployment.signal(Service::Worker, "CONT").await;
    // Its turn comes after theirs.
    merchant.paid_up("after", &card("1.23", "EUR", "pm_card_visa")).await;
    deployment.settled().await;
    assert!(!deployment.log(Service::Worker).contains("twice"));
    deployment.check_books().await;
}

async fn all_succeed_in_time(deployment: &Deployment) {
    eventually("another worker has done them all", || async {
        deployment.advance(1).await;
        let done = deployment.count("SELECT count(*) FROM payments WHERE status = 'succeeded'").await;
        (done == i64::try_from(WAITING).unwrap()).then_some(())
    })
    .await;
}

/// What brings a second movement about here no worker of ours does: the gateway forgets a key before its time.
struct Forgetful {
    deployment: Deployment,
    merchant: Merchant,
}

impl Forgetful {
    async fn start() -> Self {
        let settings = Settings { gateway_timeout_ms: 20_000, lease_ms: 43_000, ..Settings::default() };
        let deployment = Deployment::start_with(settings).await;
        let world = Self { merchant: deployment.merchant.clone(), deployment };
        world.gateway_tells_nothing().await;
        world
    }

    async fn gateway_tells_nothing(&self) {
        self.deployment.sandbox("POST", "/control/webhooks", &json!({})).await;
    }

    /// The first worker has sent its request, and sleeps before the answer comes. The gateway forgets the key, and
    /// the second worker sends it again.
    async fn second_worker_sends_it_again(&mut self, sent: impl AsyncFn(&Deployment) -> bool) {
        let Self { deployment, .. } = self;
        eventually("it is sent", || async { sent(deployment).await.then_some(()) }).await;
        deployment.signal(Service::Worker, "STOP").await;
        let clock = json!({ "advance_seconds": KEYS_ARE_FORGOTTEN_SECONDS });
        deployment.sandbox("POST", "/control/clock", &clock).await;
        deployment.advance(43).await;
        deployment.run(Service::SecondWorker).await;
    }

    async fn duplicates(&self) -> Vec<Value> {
        let list = self.deployment.remit(&["--json", "duplicates", "list"]).await.unwrap();
        serde_json::from_str(&list).unwrap()
    }

    /// It is booked where it happened, and an operator can put it right.
    async fn is_booked_and_put_right(&self, of: &str, amount: &str) {
        let [duplicate] = &self.duplicates().await[..] else { panic!("{:?}", self.duplicates().await) };
        assert_eq!(
            (duplicate["money"].as_str(), duplicate["status"].as_str()),
            (Some(amount), Some("needs_review"))
        );
        self.deployment.check_ledger_is_the_gateways().await;
        let held = |balance: &str| balance.lines().filter(|line| line.contains("duplicates")).count();
        let balance = self.deployment.remit(&["ledger", "balance"]).await.unwrap();
        assert_eq!(held(&balance), 1, "{balance}");
        let shown = self.deployment.remit(&["payment", "show", of]).await.unwrap();
        let id = duplicate["id"].as_str().unwrap();
        assert!(shown.contains("Moved twice") && shown.contains(id), "{shown}");
        let settle = ["duplicates", "settle", id, "--note", "put right at the gateway"];
        self.deployment.remit(&settle).await.unwrap();
        assert!(self.deployment.remit(&settle).await.is_err(), "once");
        assert!(self.duplicates().await.is_empty());
        let left = "SELECT count(*) FROM (SELECT FROM ledger_entries WHERE account = 'duplicates'
            GROUP BY currency HAVING sum(amount) <> 0) off";
        assert_eq!(self.deployment.count(left).await, 0);
    }
}

async fn charged(deployment: &Deployment, payment: &str, times: usize) -> bool {
    deployment.charges(payment).await.len() == times
}

/// A payment that the second worker has made once more. The first still sleeps, and only it knows of the first charge.
async fn charged_twice() -> (Forgetful, String) {
    let mut world = Forgetful::start().await;
    let id = world.merchant.paid("a", &card("49.90", "EUR", "pm_sandbox_slow_after_3000")).await;
    world.second_worker_sends_it_again(async |deployment| charged(deployment, &id, 1).await).await;
    world.merchant.payment_with(&id, &["succeeded"]).await;
    assert!(charged(&world.deployment, &id, 2).await, "the premise");
    (world, id)
}

#[tokio::test]
async fn a_second_charge_is_booked_and_shown() {
    let (world, id) = charged_twice().await;
    world.deployment.signal(Service::Worker, "CONT").await;
    let payment = eventually("it is shown", || async {
        let payment = world.merchant.payment(&id).await;
        payment.body["review_reason"].as_str()?.contains("more: pi_").then_some(payment)
    })
    .await;
    assert_eq!(payment.text("status"), "succeeded", "what was told stands");
    let charges = world.deployment.charges(&id).await;
    let reason = payment.text("review_reason");
    let names = charges.iter().filter(|charge| reason.contains(charge["payment_intent"].as_str().unwrap()));
    assert_eq!(names.count(), 2, "both names: {reason}, {charges:?}");
    assert!(world.deployment.log(Service::Worker).contains("money was moved twice"), "an alarm");
    world.is_booked_and_put_right(&id, "49.90 EUR").await;
}

/// The worker that would have told died. The gateway's event does.
#[tokio::test]
async fn a_second_charge_that_no_worker_heard_of_is_told_by_an_event() {
    let (mut world, id) = charged_twice().await;
    world.deployment.kill(Service::Worker).await;
    world.deployment.connect_webhooks().await;
    eventually("it is told", || async { (!world.duplicates().await.is_empty()).then_some(()) }).await;
    world.deployment.quiet().await;
    world.is_booked_and_put_right(&id, "49.90 EUR").await;
}

/// Nor does an event come. The gateway's settlement report has it.
#[tokio::test]
async fn a_second_charge_that_nobody_heard_of_is_found_by_reconciling() {
    let (mut world, id) = charged_twice().await;
    world.deployment.kill(Service::Worker).await;
    assert!(world.duplicates().await.is_empty(), "nobody has heard of it");
    world.deployment.advance(KEYS_ARE_FORGOTTEN_SECONDS).await;
    world.deployment.remit(&["reconcile", "run", "--gateway", "stripe"]).await.unwrap();
    eventually("it is found", || async { (!world.duplicates().await.is_empty()).then_some(()) }).await;
    world.deployment.settled().await;
    let findings = "SELECT count(*) FROM reconciliation_findings";
    assert_eq!(world.deployment.count(findings).await, 0, "it is explained");
    world.is_booked_and_put_right(&id, "49.90 EUR").await;
}

/// As the first gateway may have, before a fallback that was none of its business any more.
#[tokio::test]
async fn what_another_gateway_took_for_a_payment_is_booked_there() {
    let deployment = Deployment::start().await;
    let world = Forgetful { merchant: deployment.merchant.clone(), deployment };
    let id = world.merchant.paid_up("a", &paypal("49.90", "EUR", Some("vault_ok"))).await;
    let charge = [
        ("amount", "4990"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("metadata[remit_payment]", id.as_str()),
    ];
    let url = format!("{}/v1/payment_intents", world.deployment.sandbox_url());
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let taken = client.post(url).bearer_auth("sk_test_system").form(&charge).send().await.unwrap();
    assert!(taken.status().is_success(), "{taken:?}");
    eventually("it is told", || async { (!world.duplicates().await.is_empty()).then_some(()) }).await;
    world.deployment.quiet().await;
    assert_eq!(world.duplicates().await[0]["gateway"], "stripe");
    assert_eq!(world.merchant.payment(&id).await.text("status"), "succeeded");
    world.is_booked_and_put_right(&id, "49.90 EUR").await;
}

#[tokio::test]
async fn a_second_refund_is_booked_and_shown() {
    let mut world = Forgetful::start().await;
    let id = world.merchant.paid_up("a", &card("49.90", "EUR", "pm_sandbox_refund_slow_after_3000")).await;
    let refund = world.merchant.refunded("r", &id, Some("10.00")).await;
    let given_back = async |deployment: &Deployment, times: usize| {
        let books = deployment.sandbox("GET", "/books", &Value::Null).await;
        books["refunds"].as_array().unwrap().len() == times
    };
    world.second_worker_sends_it_again(async |deployment| given_back(deployment, 1).await).await;
    eventually("it is given back twice: the premise", || async {
        given_back(&world.deployment, 2).await.then_some(())
    })
    .await;
    world.deployment.signal(Service::Worker, "CONT").await;
    eventually("it is shown", || async {
        let shown = world.merchant.get(&format!("/refunds/{refund}")).await;
        let is_shown = shown.body["review_reason"].as_str()?.contains("more: re_");
        (shown.text("status") == "succeeded" && is_shown).then_some(())
    })
    .await;
    world.is_booked_and_put_right(&id, "10.00 EUR").await;
}
