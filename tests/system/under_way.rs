//! What happens to a subscription while a payment of it has no outcome: it is canceled, its time is over, it
//! gets another card. The outcome always ends what is open, and no money is left without an owner.

use common::{
    billing::{
        NewSubscription, invoices,
        subscriptions::{self, CommandContext, CommandResult},
    },
    customer,
    invoice::Status as Paid,
    job::Kind,
    plan::Unit,
    subscription::{Status, Subscription, proration::Proration, state::When},
};
use serde_json::json;
use tests::{
    Deployment, Remains, Service, Settings,
    billing::{DAY, DECLINES, Shop},
    eventually,
};

/// Whatever is charged from now on is done, and nobody is told.
async fn hide_outcomes(deployment: &Deployment) {
    let here = json!({ "path_prefix": "/v1/payment_intents" });
    deployment.faults(json!([{ "fault": "timeout_after", "match": here }])).await;
}

async fn impatient() -> Deployment {
    Deployment::start_with(Settings { gateway_timeout_ms: 500, ..Settings::default() }).await
}

/// Subscribes, and waits until the first payment is at the gateway, where it stays.
async fn beginning(deployment: &Deployment, shop: &Shop, key: &str, token: &str) -> Subscription {
    let id = deployment.subscribed(&shop.order(key, token)).await;
    deployment.advance(15).await;
    eventually("its payment is at the gateway", || async {
        let told = "SELECT count(*) FROM gateway_calls WHERE operation = 'charge' AND outcome = 'unknown'";
        let is_told = deployment.count(told).await > 0;
        (is_told && deployment.payments_of(id).await == ["processing"]).then_some(())
    })
    .await;
    deployment.subscription(id).await
}

async fn cancel(deployment: &Deployment, subscription: &Subscription) {
    let Subscription { id, merchant_id, .. } = *subscription;
    let answered = subscriptions::cancel(
        &deployment.pool,
        &CommandContext::of(merchant_id, id),
        When::Now,
        Proration::None,
    )
    .await;
    assert!(matches!(answered, Ok(CommandResult::Executed(_))), "{answered:?}");
    let invoice = deployment.invoices(id).await.remove(0);
    assert_eq!((invoice.status, deployment.subscription(id).await.status), (Paid::Void, Status::Canceled));
}

/// Both outcomes of a first payment whose subscription was canceled meanwhile.
#[tokio::test]
async fn a_first_payment_under_way_outlives_a_cancellation_and_its_money_is_the_customers() {
    for (token, outcome, balance) in
        [("pm_card_visa", "succeeded", Some("49.90")), (DECLINES, "failed", None)]
    {
        let deployment = impatient().await;
        let shop = deployment.shop(Unit::Month).await;
        hide_outcomes(&deployment).await;
        let subscription = beginning(&deployment, &shop, "a", token).await;
        cancel(&deployment, &subscription).await;
        deployment.faults(json!([])).await;
        deployment.advance(300).await;
        eventually(outcome, || async {
            (deployment.payments_of(subscription.id).await == [outcome]).then_some(())
        })
        .await;
        deployment.settled().await;
        let invoice = deployment.invoices(subscription.id).await.remove(0);
        assert_eq!((invoice.status, invoice.live_payment), (Paid::Void, None), "{outcome}");
        assert_eq!(deployment.subscription(subscription.id).await.status, Status::Canceled);
        let balances = customer::store::balances(&deployment.pool, shop.customer).await.unwrap();
        let has = balances.first().map(common::money::Money::display_amount);
        assert_eq!(has.as_deref(), balance, "{outcome}");
        let alarm =
            deployment.log(Service::Worker).contains("an invoice was paid that owed nothing any more");
        assert_eq!(alarm, balance.is_some(), "{outcome}");
        deployment.check_billing().await;
    }
}

/// Money that came for nothing is refunded by hand: then the balance must not be used as well.
#[tokio::test]
async fn an_operator_takes_from_the_balance_what_was_given_back() {
    let mut deployment = Deployment::api_alone().await;
    // What is in the balance comes from nowhere.
    deployment.leaves(&[Remains::Imbalances]);
    let merchant = &deployment.merchant;
    let customer = merchant.customer().await;
    sqlx::query("INSERT INTO customer_balances SELECT id, 'EUR', 49.90 FROM customers")
        .execute(&deployment.pool)
        .await
        .unwrap();
    let lower = async |amount, currency, why| {
        deployment.remit(&["customer", "lower-balance", &customer, amount, currency, "--why", why]).await
    };
    let too_much = lower("49.91", "EUR", "refunded").await.unwrap_err();
    assert!(too_much.contains("only 49.90 EUR are in the balance"), "{too_much}");
    for (amount, currency, why) in
        [("1.00", "USD", "refunded"), ("0", "EUR", "x"), ("1.001", "EUR", "x"), ("1.00", "EUR", " ")]
    {
        let refused = lower(amount, currency, why).await;
        assert!(refused.is_err(), "{amount} {currency} {why}: {refused:?}");
    }
    assert_eq!(deployment.count("SELECT count(*) FROM events").await, 0);

    let told = lower("40.00", "EUR", "pay_1 was refunded").await.unwrap();
    assert!(told.contains("9.90 EUR are left"), "{told}");
    let shown = merchant.get(&format!("/customers/{customer}")).await.body;
    assert_eq!(shown["balances"], json!([{ "amount": "9.90", "currency": "EUR" }]));
    let balance = deployment.remit(&["customer", "balance", &customer]).await.unwrap();
    for part in ["9.90 EUR", "customer.balance_lowered", "40.00 EUR", "pay_1 was refunded"] {
        assert!(balance.contains(part), "{part} in {balance}");
    }
    let nobody = common::id::CustomerId::new().to_string();
    assert!(deployment.remit(&["customer", "balance", &nobody]).await.unwrap_err().contains("there is no"));
}

/// What is not at the gateway, or waits there for its payer, is called off with the subscription.
#[tokio::test]
async fn a_first_payment_that_nobody_works_on_is_called_off() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let order = shop.order("asked", "pm_card_authenticationRequired");
    let asked = NewSubscription { return_url: Some("https://shop.example/back".into()), ..order };
    let asked = deployment.subscribed(&asked).await;
    deployment.advance(15).await;
    eventually("the payer is asked", || async {
        (deployment.payments_of(asked).await == ["requires_action"]).then_some(())
    })
    .await;
    deployment.stop(Service::Worker).await;
    let waiting = deployment.subscribed(&shop.order("waiting", "pm_card_visa")).await;
    for id in [asked, waiting] {
        cancel(&deployment, &deployment.subscription(id).await).await;
    }
    deployment.run(Service::Worker).await;
    for id in [asked, waiting] {
        eventually("it is called off", || async {
            (deployment.payments_of(id).await == ["canceled"]).then_some(())
        })
        .await;
    }
    deployment.advance_all(2 * DAY).await;
    deployment.settled().await;
    let charges = deployment.books().await["charges"].clone();
    assert_eq!(charges, json!([]), "nothing was taken");
    deployment.check_billing().await;
}

/// Both outcomes of a first payment that is under way when its time is over: the outcome comes first.
#[tokio::test]
async fn a_first_payment_under_way_is_waited_for_when_its_time_is_over() {
    for (token, outcome, status, paid) in [
        ("pm_card_visa", "succeeded", Status::Active, Paid::Paid),
        (DECLINES, "failed", Status::IncompleteExpired, Paid::Void),
    ] {
        let deployment = impatient().await;
        let shop = deployment.shop(Unit::Month).await;
        hide_outcomes(&deployment).await;
        let id = beginning(&deployment, &shop, "a", token).await.id;
        deployment.advance_all(23 * 3600).await;
        eventually("its time is over, and it is looked at again", || async {
            let again = "SELECT count(*) FROM jobs WHERE kind = 'renew_subscription' AND state = 'queued'
                 AND due_at BETWEEN remit_now() AND remit_now() + interval '1 minute' AND attempt > 0";
            (deployment.count(again).await == 1).then_some(())
        })
        .await;
        assert_eq!(deployment.subscription(id).await.status, Status::Incomplete);
        deployment.faults(json!([])).await;
        deployment.advance_all(3600).await;
        eventually("its outcome is known, and it is looked at again", || async {
            deployment.time_goes_on(60).await;
            (deployment.subscription(id).await.status == status).then_some(())
        })
        .await;
        assert_eq!(deployment.payments_of(id).await, [outcome]);
        assert_eq!(deployment.invoices(id).await[0].status, paid);
        deployment.idle().await;
        deployment.check_billing().await;
    }
}

/// Cases 20 and 21 together: the card is replaced while a payment with the old one has no outcome.
#[tokio::test]
async fn a_new_card_is_tried_as_soon_as_the_old_one_has_failed() {
    let mut deployment = impatient().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.swap_card(id, DECLINES).await;
    hide_outcomes(&deployment).await;
    let boundary = deployment.subscription(id).await.current_period.expect("a period").end;
    deployment.advance_to(boundary).await;
    eventually("it is declined, and nobody is told", || async {
        let told = "SELECT count(*) FROM gateway_calls WHERE operation = 'charge' AND outcome = 'unknown'";
        (deployment.count(told).await > 0).then_some(())
    })
    .await;
    deployment.stop(Service::Worker).await;
    deployment.new_card(id, "pm_card_visa").await;
    let open = deployment.invoices(id).await.remove(1);
    assert_eq!(
        (open.status, open.attempts, open.retry_schedule.asked),
        (Paid::Open, 1, true),
        "not beside the other"
    );
    deployment.faults(json!([])).await;
    deployment.run(Service::Worker).await;
    deployment.advance(300).await;
    eventually("both were tried", || async {
        (deployment.payments_of(id).await == ["succeeded", "failed", "succeeded"]).then_some(())
    })
    .await;
    deployment.becomes(id, Status::Active).await;
    deployment.idle().await;
    let paid = deployment.invoices(id).await.remove(1);
    let first = paid.retry_schedule.first_declined_at.expect("it was declined");
    assert!(
        paid.ended_at.is_some_and(|at| (at - first).num_hours() < 1),
        "long before the first step: {paid:?}"
    );
    deployment.check_billing().await;
}

/// A renewal is billed by whoever has its job; its charge, for which nobody waits, is let out by a scheduler, whenever one
/// is there.
#[tokio::test]
async fn a_renewal_whose_scheduler_goes_away_is_charged_when_one_is_back() {
    let mut deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.idle().await;
    deployment.stop(Service::Scheduler).await;
    let boundary = deployment.subscription(id).await.current_period.expect("a period").end;
    deployment.advance_to(boundary).await;
    let job: uuid::Uuid = sqlx::query_scalar("SELECT id FROM jobs WHERE kind = 'renew_subscription'")
        .fetch_one(&deployment.pool)
        .await
        .unwrap();
    // As the scheduler would have written it down.
    sqlx::query("UPDATE jobs SET emits = 1").execute(&deployment.pool).await.unwrap();
    let message = json!({ "kind": "renew_subscription", "jobs": [format!("job_{}", job.simple())] });
    deployment.deliver(Kind::RenewSubscription, &[message.to_string().into_bytes()]).await;
    eventually("it is billed", || async {
        let held = "SELECT count(*) FROM jobs WHERE kind = 'charge_off_session' AND held";
        (deployment.count(held).await == 1).then_some(())
    })
    .await;
    deployment.run(Service::Scheduler).await;
    eventually("it is paid", || async {
        let invoices = deployment.invoices(id).await;
        (invoices.len() == 2 && invoices[1].status == Paid::Paid).then_some(())
    })
    .await;
    deployment.check_billing().await;
}

/// Merchants end an invoice, and its subscription follows.
#[tokio::test]
async fn a_void_invoice_owes_nothing_and_one_given_up_may_still_be_paid() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let (forgiven, given_up) = (deployment.active(&shop, "a").await, deployment.active(&shop, "b").await);
    for id in [forgiven, given_up] {
        deployment.new_card(id, DECLINES).await;
    }
    deployment.next_boundary(forgiven).await;
    let execute = async |invoice, command| match invoices::execute(
        &deployment.pool,
        shop.merchant,
        invoice,
        command,
        "",
    )
    .await
    .unwrap()
    {
        invoices::CommandResult::Executed { invoice, .. } => invoice.status,
        other => panic!("{other:?}"),
    };
    let open = deployment.invoices(forgiven).await.remove(1).id;
    for _ in 0..2 {
        assert_eq!(execute(open, invoices::Command::Void).await, Paid::Void, "once or twice");
    }
    assert_eq!(deployment.subscription(forgiven).await.status, Status::Active, "nothing is owed any more");
    let open = deployment.invoices(given_up).await.remove(1).id;
    for _ in 0..2 {
        assert_eq!(execute(open, invoices::Command::GiveUp).await, Paid::Uncollectible);
    }
    deployment.becomes(given_up, Status::PastDue).await;
    deployment.advance_all(20 * DAY).await;
    deployment.idle().await;
    assert_eq!(deployment.payments_of(given_up).await, ["succeeded", "failed"], "it is not tried again");
    deployment.swap_card(given_up, "pm_card_visa").await;
    assert_eq!(execute(open, invoices::Command::Pay(None)).await, Paid::Uncollectible);
    deployment.advance(15).await;
    deployment.becomes(given_up, Status::Active).await;
    deployment.idle().await;
    assert_eq!(deployment.invoices(given_up).await[1].status, Paid::Paid);
    deployment.check_billing().await;
}
