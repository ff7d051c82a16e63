//! Renewals, when everything dies around them: one invoice for each period and one charge for each invoice,
//! every time, and all of it reaches its end. What dies in the middle of a batch of workers is in
//! [`crate::subscriptions`].

use std::time::{Duration, Instant};

use common::{
    billing::NewSubscription, id::SubscriptionId, invoice::Status as Paid, plan::Unit, subscription::Status,
};
use serde_json::json;
use tests::{
    Deployment, Service, Settings,
    billing::{DAY, Shop},
    card, eventually,
};

/// So many subscriptions whose trials end at one moment: then their first periods are due. Answers one of them.
async fn trials(deployment: &Deployment, shop: &Shop, count: usize) -> SubscriptionId {
    trials_of(deployment, shop, count, 7).await
}

async fn trials_of(deployment: &Deployment, shop: &Shop, count: usize, days: u16) -> SubscriptionId {
    let mut last = None;
    for key in 0..count {
        let key = format!("trial {days} {key}");
        let order = NewSubscription { trial_days: Some(days), ..shop.order(&key, "pm_card_visa") };
        last = Some(deployment.subscribed(&order).await);
    }
    last.expect("one at least")
}

async fn come_due(deployment: &Deployment, one: SubscriptionId) {
    let end = deployment.subscription(one).await.trial_ends_at.expect("a trial");
    deployment.advance_to(end).await;
}

/// Waits until all are billed and paid, and checks that it was done once.
async fn all_billed_once(deployment: &Deployment, count: i64) {
    deployment.all_paid(count).await;
    deployment.idle().await;
    assert_eq!(deployment.count("SELECT count(*) FROM invoices").await, count);
    assert_eq!(
        deployment
            .count("SELECT count(*) FROM payments WHERE invoice_id IS NOT NULL AND status = 'succeeded'")
            .await,
        count
    );
    let active = "SELECT count(*) FROM subscriptions WHERE status = 'active' AND next_period_index = 1";
    assert_eq!(deployment.count(active).await, count);
    deployment.check_billing().await;
}

/// Waits until a worker waits for the lock that the test holds: it is inside of the transaction that bills.
async fn is_billing(deployment: &Deployment) {
    eventually("a worker is billing", || async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (deployment.count(waiting).await > 0).then_some(())
    })
    .await;
}

/// Waits until the database has noticed that all of our processes are gone.
async fn nobody_is_connected(deployment: &Deployment) {
    eventually("nobody is connected", || async {
        let others = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'remit-%'";
        (deployment.count(others).await == 0).then_some(())
    })
    .await;
}

/// Every connection to the database is lost, whatever is under way on it.
async fn lose_the_database(deployment: &Deployment) {
    deployment.postgres.cut();
    nobody_is_connected(deployment).await;
    deployment.postgres.heal();
}

/// Every connection to the broker is lost, with what was not acknowledged or confirmed.
async fn lose_the_broker(deployment: &Deployment) {
    let losses = || deployment.log(Service::Worker).matches("lost the broker").count();
    let before = losses();
    deployment.rabbitmq.cut();
    eventually("a worker has noticed", || async { (losses() > before).then_some(()) }).await;
    deployment.rabbitmq.heal();
}

/// Two schedulers, of which one is killed whenever a part of the batch is marked as emitted, whatever of it has
/// reached the broker.
#[tokio::test]
async fn schedulers_killed_in_the_middle_of_a_batch() {
    let mut settings = Settings::default();
    settings.services.push(Service::SecondScheduler);
    let mut deployment = Deployment::start_with(settings).await;
    let shop = deployment.shop(Unit::Month).await;
    let one = trials(&deployment, &shop, 200).await;
    come_due(&deployment, one).await;
    for scheduler in [Service::Scheduler, Service::SecondScheduler, Service::Scheduler] {
        eventually("some are emitted", || async {
            let emitted = "SELECT count(*) FROM jobs WHERE emits > 0 OR attempt > 0";
            (deployment.count(emitted).await > 0).then_some(())
        })
        .await;
        deployment.kill(scheduler).await;
        deployment.run(scheduler).await;
    }
    all_billed_once(&deployment, 200).await;
}

/// The renewal is committed, and neither its message was acknowledged nor its charge published.
#[tokio::test]
async fn a_worker_killed_between_its_commit_and_the_broker() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let one = deployment.active(&shop, "first").await;
    deployment.idle().await;
    let mut hold = deployment.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM invoice_counters FOR UPDATE").execute(&mut *hold).await.unwrap();
    let end = deployment.subscription(one).await.current_period.expect("a period").end;
    deployment.advance_to(end).await;
    is_billing(&deployment).await;
    deployment.rabbitmq.cut();
    hold.rollback().await.unwrap();
    eventually("it is committed", || async { (deployment.invoices(one).await.len() == 2).then_some(()) })
        .await;
    deployment.kill(Service::Worker).await;
    assert_eq!(deployment.payments_of(one).await, ["succeeded", "pending"]);
    deployment.rabbitmq.heal();
    deployment.run(Service::Worker).await;
    deployment.advance(15).await;
    eventually("it is paid", || async {
        (deployment.payments_of(one).await == ["succeeded", "succeeded"]).then_some(())
    })
    .await;
    deployment.idle().await;
    assert_eq!(deployment.invoices(one).await.len(), 2);
    deployment.check_billing().await;
}

/// The gateway has charged the renewal, and the worker is killed before it has learnt so.
#[tokio::test]
async fn a_worker_killed_between_the_charge_of_a_renewal_and_its_answer() {
    let settings = Settings { gateway_timeout_ms: 20_000, lease_ms: 43_000, ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    let shop = deployment.shop(Unit::Month).await;
    let one = deployment.active(&shop, "first").await;
    deployment.idle().await;
    let here = json!({ "method": "POST", "path_prefix": "/v1/payment_intents" });
    deployment.faults(json!([{ "fault": "slow_after_10000", "count": 1, "match": here }])).await;
    let end = deployment.subscription(one).await.current_period.expect("a period").end;
    deployment.advance_to(end).await;
    eventually("it is charged", || async {
        let books = deployment.books().await;
        (books["charges"].as_array().is_some_and(|charges| charges.len() == 2)).then_some(())
    })
    .await;
    deployment.kill(Service::Worker).await;
    assert_eq!(deployment.payments_of(one).await, ["succeeded", "processing"]);
    deployment.run(Service::Worker).await;
    deployment.advance(43).await;
    eventually("it is known", || async {
        deployment.time_goes_on(15).await;
        (deployment.payments_of(one).await == ["succeeded", "succeeded"]).then_some(())
    })
    .await;
    deployment.idle().await;
    assert_eq!(deployment.subscription(one).await.status, Status::Active);
    deployment.check_billing().await;
}

/// The database goes away in the middle of the transaction that bills: nothing of it stays, and it is done again.
#[tokio::test]
async fn a_database_that_is_lost_while_a_renewal_is_billed() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let one = deployment.active(&shop, "first").await;
    deployment.idle().await;
    let mut hold = deployment.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM invoice_counters FOR UPDATE").execute(&mut *hold).await.unwrap();
    let end = deployment.subscription(one).await.current_period.expect("a period").end;
    deployment.advance_to(end).await;
    is_billing(&deployment).await;
    deployment.postgres.cut();
    hold.rollback().await.unwrap();
    nobody_is_connected(&deployment).await;
    assert_eq!(deployment.invoices(one).await.len(), 1, "nothing of it stays");
    deployment.postgres.heal();
    eventually("it is billed and paid", || async {
        deployment.time_goes_on(15).await;
        (deployment.payments_of(one).await == ["succeeded", "succeeded"]).then_some(())
    })
    .await;
    deployment.idle().await;
    assert_eq!(deployment.invoices(one).await[1].status, Paid::Paid);
    deployment.check_billing().await;
}

/// Everything at once, again and again, among many renewals: connections lost in the middle, at the commit and
/// after it, workers killed, the broker away.
#[tokio::test]
async fn links_cut_and_workers_killed_among_many_renewals() {
    let mut settings = Settings::default();
    settings.services.push(Service::SecondWorker);
    let mut deployment = Deployment::start_with(settings).await;
    let shop = deployment.shop(Unit::Month).await;
    let mut rounds = Vec::new();
    for round in 1..=8 {
        rounds.push((round, trials_of(&deployment, &shop, 10, round).await));
    }
    for (round, one) in rounds {
        come_due(&deployment, one).await;
        eventually("some more are billed", || async {
            deployment.time_goes_on(15).await;
            let billed = deployment.count("SELECT count(*) FROM invoices").await;
            (billed > i64::from(round - 1) * 10).then_some(())
        })
        .await;
        match round % 4 {
            0 => lose_the_broker(&deployment).await,
            2 => {
                deployment.kill(Service::Worker).await;
                deployment.run(Service::Worker).await;
            }
            _ => lose_the_database(&deployment).await,
        }
        // Before the next day: a gateway forgets the key of a call that nobody knows the end of.
        deployment.all_paid(i64::from(round) * 10).await;
    }
    all_billed_once(&deployment, 80).await;
    // And once more, a month later.
    deployment.advance_all(31 * DAY).await;
    eventually("all have renewed", || async {
        deployment.time_goes_on(15).await;
        (deployment.count("SELECT count(*) FROM invoices WHERE status = 'paid'").await == 160).then_some(())
    })
    .await;
    deployment.idle().await;
    deployment.check_billing().await;
}

/// Many renewals whose calls hang, and one payment that somebody waits for: it does not wait for theirs.
#[tokio::test]
async fn renewals_leave_room_for_payments() {
    const HANGS: Duration = Duration::from_secs(10);
    let settings = Settings { gateway_timeout_ms: 10_000, lease_ms: 24_000, ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let shop = deployment.shop(Unit::Month).await;
    let one = trials(&deployment, &shop, 200).await;
    // Their cards are to be saved first; a payment has no need of that.
    let hang = json!([{ "fault": "timeout_before", "match": { "path_prefix": "/v1/customers" } }]);
    deployment.faults(hang).await;
    come_due(&deployment, one).await;
    let under_way = "SELECT count(*) FROM jobs WHERE kind = 'charge_off_session' AND state = 'running'";
    eventually("they hang", || async { (deployment.count(under_way).await >= 64).then_some(()) }).await;
    let begun = Instant::now();
    deployment.merchant.paid_up("now", &card("1.23", "EUR", "pm_card_visa")).await;
    assert!(begun.elapsed() < HANGS * 4 / 5, "after {:?}", begun.elapsed());
    deployment.faults(json!([])).await;
    all_billed_once(&deployment, 200).await;
}
