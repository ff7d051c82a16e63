//! Renewals that share a transaction: each is billed as if it were alone. The test takes the jobs itself, as a worker
//! does, so that it is sure what shares a batch.

use std::{collections::HashMap, sync::Arc, time::Duration};

use common::{
    billing::{self, NewSubscription, Renewed, settlement},
    customer,
    gateway::{Answer, Charge, ChargeOutcome, Decline, DeclineClass, GatewayRef},
    id::{MerchantId, SubscriptionId},
    invoice::{self, Discount, Percent, Reduction, Status as Paid},
    job::{self, Claim, Kind, Lease, flow::Bounds},
    payment::{
        Payment, Stage,
        store::{self as payments, Settlement},
    },
    plan::Unit,
    subscription::{Status, state::Refusal},
};
use tests::{
    Deployment, Service, Settings,
    billing::{DAY, Shop},
    eventually,
};
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(600);

/// A deployment in which nobody bills but the test.
async fn unattended() -> Deployment {
    Deployment::start_with(Settings { services: vec![Service::Sandbox], ..Settings::default() }).await
}

async fn other_merchant(deployment: &Deployment) -> MerchantId {
    deployment.new_merchant("Other").await;
    let id = sqlx::query_scalar("SELECT id FROM merchants WHERE name = 'Other'").fetch_one(&deployment.pool);
    MerchantId(id.await.unwrap())
}

/// A subscription whose first period is billed when its week of trial is over.
async fn trial(deployment: &Deployment, shop: &Shop, key: &str) -> SubscriptionId {
    deployment.subscribed(&order(shop, key)).await
}

fn order(shop: &Shop, key: &str) -> NewSubscription {
    NewSubscription { trial_days: Some(7), ..shop.order(key, "pm_card_visa") }
}

/// A discount that leaves nothing to pay.
fn everything() -> Discount {
    let reduction = Reduction::Percent(Percent::new(100.into()).unwrap());
    Discount {
        name: "for friends".into(),
        reduction,
        duration: invoice::Duration::Forever,
        from_period: 0,
        until_period: None,
    }
}

/// Takes all jobs of this kind that can be taken.
async fn claim(deployment: &Deployment, kind: Kind) -> Vec<Claim> {
    job::store::emit_due(&deployment.pool, 1000).await.unwrap();
    job::store::admit(&deployment.pool, Bounds { merchant: 1000 }).await.unwrap();
    let queued =
        "SELECT id FROM jobs WHERE kind = $1 AND state = 'queued' AND (due_at <= remit_now() OR emits > 0)";
    let jobs: Vec<Uuid> =
        sqlx::query_scalar(queued).bind(kind.as_str()).fetch_all(&deployment.pool).await.unwrap();
    let mut connection = deployment.pool.acquire().await.unwrap();
    job::store::claim(&mut connection, kind, &jobs, Lease::of(LEASE)).await.unwrap()
}

/// Bills them together, and answers by subscription.
async fn renew(deployment: &Deployment, claims: &[Claim]) -> HashMap<Uuid, Result<Renewed, Refusal>> {
    let renewed = billing::renew(&deployment.pool, claims).await.unwrap();
    claims.iter().map(|claim| claim.subject).zip(renewed).collect()
}

/// What stands in every invoice of a subscription: period, number, status, from the balance, and its payments.
async fn billed(
    deployment: &Deployment,
    id: SubscriptionId,
) -> Vec<(u32, String, Paid, String, Vec<String>)> {
    let mut all = Vec::new();
    for invoice in deployment.invoices(id).await {
        let amounts = sqlx::query_scalar(
            "SELECT p.amount::text FROM invoice_payments a JOIN payments p ON p.id = a.payment_id
             JOIN jobs j ON j.subject_id = p.id AND j.kind = 'charge_off_session'
             WHERE a.invoice_id = $1 AND a.open AND p.off_session AND p.status = 'pending'",
        );
        let amounts = amounts.bind(invoice.id.0).fetch_all(&deployment.pool).await.unwrap();
        let number = invoice.number.unwrap_or_default();
        all.push((invoice.period_index, number, invoice.status, invoice.from_balance.to_string(), amounts));
    }
    all
}

fn one(
    number: &str,
    status: Paid,
    from_balance: &str,
    payments: &[&str],
) -> Vec<(u32, String, Paid, String, Vec<String>)> {
    let payments = payments.iter().map(|amount| (*amount).to_owned()).collect();
    vec![(0, number.to_owned(), status, from_balance.to_owned(), payments)]
}

#[tokio::test]
async fn each_of_a_mixed_batch_is_billed_as_if_it_were_alone() {
    let mut deployment = unattended().await;
    let shop = deployment.shop(Unit::Month).await;
    let neighbour = deployment.shop(Unit::Month).await;
    let elsewhere = deployment.shop_of(other_merchant(&deployment).await, Unit::Month).await;
    sqlx::query(
        "INSERT INTO customer_balances (customer_id, currency, amount, lowered) VALUES ($1, 'EUR', 60, -60)",
    )
    .bind(shop.customer.0)
    .execute(&deployment.pool)
    .await
    .unwrap();
    let first = trial(&deployment, &shop, "first").await;
    let second = trial(&deployment, &shop, "second").await;
    let free = NewSubscription { discounts: vec![everything()], ..order(&neighbour, "free") };
    let free = deployment.subscribed(&free).await;
    let without_method = trial(&deployment, &neighbour, "without a method").await;
    let stuck = trial(&deployment, &neighbour, "stuck").await;
    let after_it = trial(&deployment, &neighbour, "after it").await;
    let there = trial(&deployment, &elsewhere, "there").await;
    for (change, id) in [
        ("status = 'active', method_id = NULL", without_method),
        ("unit_amount = 999999999999999, quantity = 999999999", stuck),
    ] {
        let statement = sqlx::AssertSqlSafe(format!("UPDATE subscriptions SET {change} WHERE id = $1"));
        sqlx::query(statement).bind(id.0).execute(&deployment.pool).await.unwrap();
    }
    let nobody = Uuid::now_v7();
    job::store::enqueue(&deployment.pool, Kind::RenewSubscription, nobody, Duration::ZERO, None)
        .await
        .unwrap();
    deployment.advance(8 * DAY).await;

    let claims = claim(&deployment, Kind::RenewSubscription).await;
    assert_eq!(claims.len(), 8);
    let renewed = renew(&deployment, &claims).await;
    assert!(matches!(renewed[&stuck.0], Err(Refusal::TooLarge(_))), "{renewed:?}");
    let charges = |id: SubscriptionId| renewed[&id.0].as_ref().unwrap().jobs.len();
    assert_eq!([first, second, free, without_method, after_it, there].map(charges), [0, 1, 0, 0, 1, 1]);
    // The balance of one customer pays once.
    assert_eq!(billed(&deployment, first).await, one("000001", Paid::Paid, "49.9000", &[]));
    assert_eq!(billed(&deployment, second).await, one("000002", Paid::Open, "10.1000", &["39.8000"]));
    let left = customer::store::balances(&deployment.pool, shop.customer).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(billed(&deployment, free).await, one("000003", Paid::Paid, "0", &[]));
    assert_eq!(billed(&deployment, without_method).await, one("000004", Paid::Open, "0", &[]));
    assert_eq!(billed(&deployment, stuck).await, []);
    assert_eq!(billed(&deployment, after_it).await, one("000005", Paid::Open, "0", &["49.9000"]));
    assert_eq!(billed(&deployment, there).await, one("000001", Paid::Open, "0", &["49.9000"]));
    let told = "SELECT count(*) FROM events WHERE type IN ('invoice.open', 'invoice.paid')";
    assert_eq!(deployment.count(told).await, 6);
    let renews = "SELECT count(*) FROM jobs j JOIN subscriptions s ON s.id = j.subject_id JOIN subscription_periods p
         ON p.subscription_id = s.id WHERE j.state = 'queued' AND j.due_at = p.ends_at AND s.next_period_index = 1
         AND s.status = 'active'";
    assert_eq!(deployment.count(renews).await, 6);
    let of_nobody = "SELECT count(*) FROM jobs j WHERE kind = 'renew_subscription'
         AND NOT EXISTS (SELECT FROM subscriptions WHERE id = j.subject_id)";
    assert_eq!(deployment.count(of_nobody).await, 0);

    // Whoever was refused may follow, and all of it is charged.
    sqlx::query("UPDATE subscriptions SET unit_amount = 49.90, quantity = 1")
        .execute(&deployment.pool)
        .await
        .unwrap();
    deployment.run(Service::Scheduler).await;
    deployment.run(Service::Worker).await;
    deployment.advance(600).await;
    eventually("all are billed, and paid where they can be", || async {
        let paid = deployment.count("SELECT count(*) FROM invoices WHERE status = 'paid'").await;
        (paid == 6).then_some(())
    })
    .await;
    deployment.idle().await;
    assert_eq!(deployment.invoices(stuck).await[0].number.as_deref(), Some("000006"));
    deployment.check_billing().await;
}

/// What the gateway says of a charge.
fn answer(payment: &Payment, is_declined: bool) -> Answer<ChargeOutcome> {
    let gateway_ref = GatewayRef(format!("pi_{}", payment.id));
    Answer::without_a_call(match is_declined {
        true => Ok(ChargeOutcome::Declined(Decline {
            class: DeclineClass::Soft,
            code: "card_declined".into(),
            message: "No.".into(),
            gateway_ref: Some(gateway_ref),
        })),
        false => {
            let money = Some(payment.request.money);
            Ok(ChargeOutcome::Succeeded(Charge {
                gateway_ref,
                charge_ref: None,
                card: None,
                money,
                fee: None,
            }))
        }
    })
}

/// Settles all charges in one batch. Those of these payments are declined.
async fn charge(deployment: &Deployment, declined: &[Uuid]) {
    let claims = claim(deployment, Kind::ChargeOffSession).await;
    let subjects: Vec<_> = claims.iter().map(|claim| claim.subject).collect();
    let mut transaction = deployment.pool.begin().await.unwrap();
    let begun = payments::begin(&mut transaction, &[Stage::Charge], &subjects).await.unwrap();
    let settlement = |payment: Payment| {
        let claim = claims.iter().find(|claim| claim.subject == payment.id.0).unwrap().clone();
        let answer = answer(&payment, declined.contains(&payment.id.0));
        Arc::new(Settlement { claim, payment, answer })
    };
    let batch: Vec<_> = begun.into_iter().map(settlement).collect();
    settlement::settle(&mut transaction, &batch).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Three boundaries were missed: each batch deals with one of each. Then all charges end in one batch, three of
/// every subscription.
#[tokio::test]
async fn missed_boundaries_come_one_after_the_other_and_their_charges_together() {
    let deployment = unattended().await;
    let shop = deployment.shop(Unit::Week).await;
    let good = trial(&deployment, &shop, "good").await;
    let bad = trial(&deployment, &shop, "bad").await;
    deployment.advance(22 * DAY).await;
    for round in 1..=3 {
        let claims = claim(&deployment, Kind::RenewSubscription).await;
        assert_eq!(claims.len(), 2, "round {round}");
        assert!(renew(&deployment, &claims).await.values().all(Result::is_ok));
        for id in [good, bad] {
            let periods: Vec<_> = billed(&deployment, id).await.iter().map(|invoice| invoice.0).collect();
            assert_eq!(periods, (0..round).collect::<Vec<_>>());
        }
    }
    assert!(claim(&deployment, Kind::RenewSubscription).await.is_empty(), "nothing more is due");
    let numbers: Vec<String> = sqlx::query_scalar("SELECT number FROM invoices ORDER BY number")
        .fetch_all(&deployment.pool)
        .await
        .unwrap();
    assert_eq!(numbers, ["000001", "000002", "000003", "000004", "000005", "000006"]);

    let second = deployment.invoices(bad).await[1].live_payment.unwrap();
    deployment.advance(15).await;
    charge(&deployment, &[second.0]).await;
    let statuses =
        async |id| deployment.invoices(id).await.iter().map(|invoice| invoice.status).collect::<Vec<_>>();
    assert_eq!(statuses(good).await, [Paid::Paid; 3]);
    assert_eq!(statuses(bad).await, [Paid::Paid, Paid::Open, Paid::Paid]);
    assert_eq!(deployment.subscription(good).await.status, Status::Active);
    assert_eq!(deployment.subscription(bad).await.status, Status::PastDue);
    let past_due = "SELECT count(*) FROM events WHERE type = 'subscription.past_due'";
    assert_eq!(deployment.count(past_due).await, 1);
    let schedule = deployment.invoices(bad).await.remove(1).retry_schedule;
    let retry = "SELECT count(*) FROM jobs WHERE kind = 'retry_invoice' AND state = 'queued'";
    assert_eq!((schedule.next_at.is_some(), deployment.count(retry).await), (true, 1));
    let open = "SELECT count(*) FROM invoice_payments WHERE open";
    assert_eq!(deployment.count(open).await, 0);
    let booked = "SELECT count(*) FROM ledger_entries WHERE kind = 'payment.captured'";
    assert_eq!(deployment.count(booked).await, 10, "two sides of each that was paid");
}

/// Two workers bill subscriptions of the same merchants: they come one after the other, and neither gives up.
#[tokio::test]
async fn two_batches_of_the_same_merchants_at_once() {
    let deployment = unattended().await;
    let other = other_merchant(&deployment).await;
    let shops = [deployment.shop(Unit::Month).await, deployment.shop_of(other, Unit::Month).await];
    for place in 0..20 {
        trial(&deployment, &shops[place % 2], &format!("{place}")).await;
    }
    sqlx::query("INSERT INTO invoice_counters SELECT id, 0 FROM merchants")
        .execute(&deployment.pool)
        .await
        .unwrap();
    deployment.advance(8 * DAY).await;
    let claims = claim(&deployment, Kind::RenewSubscription).await;
    let (one, two): (Vec<_>, Vec<_>) =
        claims.into_iter().enumerate().partition(|(place, _)| place / 2 % 2 == 0);
    let [one, two] = [one, two].map(|half| half.into_iter().map(|(_, claim)| claim).collect::<Vec<_>>());
    assert_eq!((one.len(), two.len()), (10, 10));

    let mut hold = deployment.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM invoice_counters FOR UPDATE").execute(&mut *hold).await.unwrap();
    let both_wait = async {
        eventually("both wait for their numbers", || async {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (deployment.count(waiting).await == 2).then_some(())
        })
        .await;
        hold.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(renew(&deployment, &one), renew(&deployment, &two), both_wait);
    assert!(first.values().chain(second.values()).all(|renewed| renewed.as_ref().unwrap().jobs.len() == 1));
    let without_gaps = "SELECT count(*) FROM (
        SELECT FROM invoices GROUP BY merchant_id
        HAVING max(number::bigint) = 10 AND count(DISTINCT number) = 10 AND min(number::bigint) = 1) merchants";
    assert_eq!(deployment.count(without_gaps).await, 2);
    assert_eq!(deployment.count("SELECT count(*) FROM invoice_counters WHERE last = 10").await, 2);
}
