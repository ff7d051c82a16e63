//! Subscriptions, through the real database, scheduler, queue and worker, by a clock that is moved.

use std::time::Duration;

use common::{
    billing::{
        self, Accepted, NewSubscription,
        subscriptions::{self, CommandContext, CommandResult},
    },
    invoice::{self, Status as Paid},
    job::{self, Kind},
    plan::Unit,
    subscription::{Status, proration::Proration, state::When},
};
use tests::{
    Deployment, Remains, Service,
    billing::{DAY, DECLINES},
    eventually,
};

#[tokio::test]
async fn a_subscription_is_made_and_its_first_invoice_paid() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let order = shop.order("a", "pm_card_visa");
    let id = deployment.subscribed(&order).await;
    assert_eq!(deployment.subscription(id).await.status, Status::Incomplete);
    // The same request again, and another with its key.
    let again = billing::create(&deployment.pool, &order, "").await.unwrap();
    assert!(matches!(again, Accepted::Repeated(found) if found.id == id));
    let other = NewSubscription { request_hash: [2; 32], ..order };
    assert!(matches!(billing::create(&deployment.pool, &other, "").await.unwrap(), Accepted::KeyReused));
    deployment.advance(15).await;
    let subscription = deployment.becomes(id, Status::Active).await;
    deployment.idle().await;
    let invoices = deployment.invoices(id).await;
    let [invoice] = &invoices[..] else { panic!("{invoices:?}") };
    assert_eq!((invoice.status, invoice.number.as_deref()), (Paid::Paid, Some("000001")));
    assert_eq!(invoice.amount_paid.to_string(), "49.9000");
    assert_eq!(subscription.next_period_index, 1);
    let types: Vec<String> = sqlx::query_scalar(
        "SELECT type FROM events WHERE type LIKE 'subscription.%' OR type LIKE 'invoice.%' ORDER BY position, sequence",
    )
    .fetch_all(&deployment.pool)
    .await
    .unwrap();
    assert_eq!(types, ["subscription.incomplete", "invoice.open", "invoice.paid", "subscription.active"]);
    deployment.check_billing().await;
}

/// Case 22, and a year of it: two schedulers and two workers.
#[tokio::test]
async fn a_year_of_renewals_is_one_invoice_a_month() {
    let mut deployment = Deployment::start().await;
    deployment.run(Service::SecondScheduler).await;
    deployment.run(Service::SecondWorker).await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    for month in 1..=12 {
        deployment.next_boundary(id).await;
        let subscription = deployment.subscription(id).await;
        assert_eq!((subscription.status, subscription.next_period_index), (Status::Active, month + 1));
    }
    let invoices = deployment.invoices(id).await;
    let periods: Vec<u32> = invoices.iter().map(|invoice| invoice.period_index).collect();
    assert_eq!(periods, (0..=12).collect::<Vec<_>>());
    assert!(invoices.iter().all(|invoice| invoice.status == Paid::Paid), "{invoices:?}");
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_first_invoice_that_is_not_paid_in_time_is_void() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.subscribed(&shop.order("a", DECLINES)).await;
    deployment.advance(15).await;
    deployment.idle().await;
    assert_eq!(deployment.subscription(id).await.status, Status::Incomplete);
    deployment.advance_all(23 * 3600).await;
    deployment.becomes(id, Status::IncompleteExpired).await;
    assert_eq!(deployment.invoices(id).await[0].status, Paid::Void);
    deployment.advance_all(2 * DAY).await;
    deployment.settled().await;
    assert_eq!(deployment.payments_of(id).await, ["failed"]);
    deployment.check_books().await;
}

/// The payer is asked by their bank, and does nothing.
#[tokio::test]
async fn a_payer_who_does_not_act_gets_no_subscription() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let order = shop.order("a", "pm_card_authenticationRequired");
    let order = NewSubscription { return_url: Some("https://shop.example/back".into()), ..order };
    let id = deployment.subscribed(&order).await;
    deployment.advance(15).await;
    eventually("the payer is asked", || async {
        (deployment.payments_of(id).await == ["requires_action"]).then_some(())
    })
    .await;
    deployment.advance_all(23 * 3600).await;
    eventually("the payment is called off", || async {
        (deployment.payments_of(id).await == ["canceled"]).then_some(())
    })
    .await;
    deployment.advance_all(60).await;
    deployment.becomes(id, Status::IncompleteExpired).await;
    deployment.advance_all(DAY).await;
    deployment.settled().await;
    assert_eq!(deployment.invoices(id).await[0].status, Paid::Void);
    assert_eq!(deployment.payments_of(id).await, ["canceled"], "it is not tried again");
    deployment.check_books().await;
}

/// Case 17.
#[tokio::test]
async fn a_cancellation_waits_for_the_period_or_does_not() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let (later, at_once) = (deployment.active(&shop, "a").await, deployment.active(&shop, "b").await);
    for (id, when) in [(later, When::AtPeriodEnd), (at_once, When::Now)] {
        let answer = subscriptions::cancel(
            &deployment.pool,
            &CommandContext::of(shop.merchant, id),
            when,
            Proration::None,
        )
        .await
        .unwrap();
        assert!(matches!(answer, CommandResult::Executed(_)), "{answer:?}");
    }
    assert_eq!(deployment.subscription(at_once).await.status, Status::Canceled);
    let running = deployment.subscription(later).await;
    assert_eq!((running.status, running.cancel_at_period_end), (Status::Active, true));
    deployment.next_boundary(later).await;
    let ended = deployment.subscription(later).await;
    let boundary = running.current_period.map(|period| period.end);
    assert_eq!((ended.status, ended.ended_at), (Status::Canceled, boundary));
    deployment.settled().await;
    for id in [later, at_once] {
        assert_eq!(deployment.invoices(id).await.len(), 1);
    }
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_trial_is_free_and_then_it_is_not() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    // First, while the customer has no default.
    let idle = NewSubscription { trial_days: Some(14), method: None, ..shop.order("b", "") };
    let idle = deployment.subscribed(&idle).await;
    let paying = NewSubscription { trial_days: Some(14), ..shop.order("a", "pm_card_visa") };
    let paying = deployment.subscribed(&paying).await;
    assert_eq!(deployment.subscription(paying).await.status, Status::Trialing);
    assert!(deployment.invoices(paying).await.is_empty());
    let end = deployment.subscription(paying).await.trial_ends_at.expect("a trial");
    deployment.advance_to(end).await;
    deployment.becomes(paying, Status::Active).await;
    deployment.becomes(idle, Status::Paused).await;
    deployment.idle().await;
    let invoices = deployment.invoices(paying).await;
    assert_eq!(invoices.iter().map(|i| (i.period_index, i.status)).collect::<Vec<_>>(), [(0, Paid::Paid)]);
    assert!(deployment.invoices(idle).await.is_empty());
    deployment.check_billing().await;
}

/// Case 23.
#[tokio::test]
async fn what_a_scheduler_missed_is_billed_oldest_first_but_not_too_much_of_it() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Week).await;
    let id = deployment.active(&shop, "a").await;
    deployment.stop(Service::Scheduler).await;
    deployment.advance_all(14 * DAY).await;
    deployment.run(Service::Scheduler).await;
    deployment.idle().await;
    let invoices = deployment.invoices(id).await;
    assert_eq!(invoices.iter().map(|invoice| invoice.period_index).collect::<Vec<_>>(), [0, 1, 2]);
    deployment.stop(Service::Scheduler).await;
    deployment.advance_all(28 * DAY).await;
    deployment.run(Service::Scheduler).await;
    let subscription = eventually("a person must decide", || async {
        let subscription = deployment.subscription(id).await;
        subscription.missed_renewals.is_some().then_some(subscription)
    })
    .await;
    assert_eq!(subscription.missed_renewals, Some(4));
    deployment.idle().await;
    assert_eq!(deployment.invoices(id).await.len(), 3, "nothing is billed before");
    assert!(deployment.log(Service::Worker).contains("missed more renewals"));
    subscriptions::bill_missed(&deployment.pool, shop.merchant, id).await.unwrap();
    deployment.idle().await;
    let invoices = deployment.invoices(id).await;
    assert_eq!(
        invoices.iter().map(|invoice| invoice.period_index).collect::<Vec<_>>(),
        (0..7).collect::<Vec<_>>()
    );
    assert!(invoices.iter().all(|invoice| invoice.status == Paid::Paid));
    deployment.check_billing().await;
}

/// Case 22: in the middle of the transaction that bills, and right after it.
#[tokio::test]
async fn a_worker_that_dies_while_it_bills_leaves_one_invoice_for_each_period() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let mut all = Vec::new();
    for key in 0..20 {
        all.push(deployment.subscribed(&shop.order(&key.to_string(), "pm_card_visa")).await);
    }
    deployment.advance(15).await;
    for id in &all {
        deployment.becomes(*id, Status::Active).await;
    }
    // The first waits for a lock inside of its transaction.
    let mut hold = deployment.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM invoice_counters FOR UPDATE").execute(&mut *hold).await.unwrap();
    let end = deployment.subscription(all[0]).await.current_period.expect("a period").end;
    deployment.advance_to(end).await;
    eventually("renewals are under way", || async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (deployment.count(waiting).await > 0).then_some(())
    })
    .await;
    deployment.kill(Service::Worker).await;
    hold.rollback().await.unwrap();
    assert_eq!(deployment.count("SELECT count(*) FROM invoices").await, 20, "nothing of it stays");
    deployment.advance(60).await;
    // The next ones right after it, and before much of it is charged.
    for round in 1..=4 {
        deployment.run(Service::Worker).await;
        deployment.all_paid(20 + round * 20).await;
        let end = deployment.subscription(all[0]).await.current_period.expect("a period").end;
        deployment.advance_to(end).await;
        eventually("some are billed", || async {
            let billed = deployment.count("SELECT count(*) FROM invoices").await;
            (billed > 20 + round * 20).then_some(())
        })
        .await;
        deployment.kill(Service::Worker).await;
        deployment.advance(60).await;
    }
    deployment.run(Service::Worker).await;
    deployment.all_paid(120).await;
    deployment.idle().await;
    deployment.check_billing().await;
}

/// The schema itself: whatever the code believes, a period is billed once and an invoice has one payment.
#[tokio::test]
async fn the_schema_refuses_to_bill_twice() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    let invoice = deployment.invoices(id).await.remove(0).id;
    for (statement, constraint) in [
        (
            "INSERT INTO subscription_periods SELECT subscription_id, 1, from_date, to_date,
                 starts_at + interval '1 day', ends_at + interval '1 day' FROM subscription_periods",
            "subscription_periods_never_overlap",
        ),
        (
            "INSERT INTO invoices (id, merchant_id, customer_id, subscription_id, period_index, number,
                 currency, status, lines, total, dunning)
             SELECT gen_random_uuid(), merchant_id, customer_id, subscription_id, period_index, 'x',
                 currency, 'open', lines, total, dunning FROM invoices",
            "invoices_one_per_period",
        ),
        ("UPDATE invoices SET amount_paid = amount_paid + 0.01", "invoices_paid_once"),
    ] {
        let error = sqlx::query(statement).execute(&deployment.pool).await.unwrap_err();
        let refused_by = error.as_database_error().and_then(|error| error.constraint()).map(str::to_owned);
        assert_eq!(refused_by.as_deref(), Some(constraint), "{error}");
    }
    assert_eq!(invoice::store::payments(&deployment.pool, invoice).await.unwrap().len(), 1);
}

/// Should a job be lost all the same, the scheduler notices.
#[tokio::test]
async fn a_subscription_without_a_job_gets_one() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.idle().await;
    sqlx::query("DELETE FROM jobs").execute(&deployment.pool).await.unwrap();
    deployment.stop(Service::Scheduler).await;
    deployment.run(Service::Scheduler).await;
    eventually("it has a job", || async {
        (deployment.count("SELECT count(*) FROM jobs").await == 1).then_some(())
    })
    .await;
    assert!(deployment.log(Service::Scheduler).contains("a subscription had no job"));
    deployment.next_boundary(id).await;
    assert_eq!(deployment.subscription(id).await.next_period_index, 2);
    deployment.check_billing().await;
}

/// Renewals that come together share a transaction: one that its own rules stop does not stop the others.
#[tokio::test]
async fn a_subscription_that_cannot_be_billed_does_not_hold_up_its_neighbours() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let mut ids = Vec::new();
    for key in ["a", "b", "c"] {
        ids.push(deployment.active(&shop, key).await);
    }
    let [first, stuck, last] = ids[..] else { panic!("{ids:?}") };
    sqlx::query("UPDATE subscriptions SET unit_amount = 999999999999999, quantity = 999999999 WHERE id = $1")
        .bind(stuck.0)
        .execute(&deployment.pool)
        .await
        .unwrap();
    // All are on the queue when the worker comes back.
    deployment.kill(Service::Worker).await;
    let period = deployment.subscription(first).await.current_period.unwrap();
    deployment.advance_to(period.end).await;
    let emitted = "SELECT count(*) FROM jobs WHERE kind = 'renew_subscription' AND emits > 0";
    eventually("on the queue", || async { (deployment.count(emitted).await == 3).then_some(()) }).await;
    deployment.run(Service::Worker).await;
    for id in [first, last] {
        eventually("billed", || async {
            (deployment.subscription(id).await.next_period_index == 2).then_some(())
        })
        .await;
    }
    let told =
        "SELECT count(*) FROM jobs WHERE kind = 'renew_subscription' AND last_error LIKE '%too large%'";
    eventually("told", || async { (deployment.count(told).await == 1).then_some(()) }).await;
    assert_eq!(deployment.subscription(stuck).await.next_period_index, 1);
    assert_eq!(deployment.invoices(stuck).await.len(), 1);
}

/// Workers are scaled by the backlog: a renewal in a month's time is none, but one that was given up is.
#[tokio::test]
async fn renewals_to_come_are_no_backlog() {
    let mut deployment = Deployment::start().await;
    deployment.leaves(&[Remains::DeadJobs]);
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.idle().await;
    let renewals = || async {
        let backlog = job::store::backlog(&deployment.pool).await.unwrap();
        backlog.into_iter().filter(|row| row.kind == "renew_subscription").map(|row| row.count).sum::<i64>()
    };
    assert_eq!(renewals().await, 0);
    let dead = "UPDATE jobs SET state = 'dead', due_at = NULL WHERE subject_id = $1";
    sqlx::query(dead).bind(id.0).execute(&deployment.pool).await.unwrap();
    assert_eq!(renewals().await, 1);
}

/// A job that was given up is not in the way of those who call for its work again.
#[tokio::test]
async fn work_that_is_called_for_again_comes_to_life() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.idle().await;
    let end = deployment.subscription(id).await.current_period.unwrap().end;
    let (renewal, pool) = (Kind::RenewSubscription, &deployment.pool);
    for is_planned in [false, true] {
        let dead = "UPDATE jobs SET state = 'dead', panics = 10, due_at = NULL WHERE subject_id = $1";
        sqlx::query(dead).bind(id.0).execute(pool).await.unwrap();
        match is_planned {
            false => job::store::enqueue(pool, renewal, id.0, Duration::ZERO, None).await.unwrap(),
            true => job::store::enqueue_at(pool, renewal, id.0, end, None).await.unwrap(),
        };
        assert_eq!(deployment.count("SELECT count(*) FROM jobs WHERE state = 'dead'").await, 0);
        deployment.idle().await;
    }
    deployment.advance_to(end).await;
    eventually("it is renewed", || async {
        (deployment.subscription(id).await.next_period_index == 2).then_some(())
    })
    .await;
}
