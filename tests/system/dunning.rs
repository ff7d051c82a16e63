//! Dunning: renewals that are declined, how often they are tried again, and how it ends.

use common::{
    invoice::{
        self, Status as Paid,
        dunning::{Exhausted, Policy},
    },
    plan::Unit,
    subscription::Status,
};
use serde_json::json;
use tests::{
    Deployment, Service, Settings,
    billing::{DAY, DECLINES, days_after},
    eventually,
};

/// Case 19.
#[tokio::test]
async fn a_declined_renewal_is_tried_four_times_and_then_the_subscription_ends() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.new_card(id, DECLINES).await;
    deployment.next_boundary(id).await;
    assert_eq!(deployment.subscription(id).await.status, Status::PastDue);
    let first = deployment.invoices(id).await[1].retry_schedule.first_declined_at.expect("it was declined");
    for (days, attempts) in [(1, 2), (3, 3), (7, 4), (14, 5)] {
        // A moment before its time nothing happens.
        deployment.advance_to(days_after(first, days) - std::time::Duration::from_secs(60)).await;
        deployment.idle().await;
        assert_eq!(deployment.invoices(id).await[1].attempts, attempts - 1);
        assert_eq!(deployment.subscription(id).await.status, Status::PastDue);
        deployment.advance_to(days_after(first, days)).await;
        deployment.idle().await;
        assert_eq!(deployment.invoices(id).await[1].attempts, attempts, "{days} days after the first");
    }
    let subscription = deployment.subscription(id).await;
    assert_eq!(subscription.status, Status::Canceled);
    assert_eq!(deployment.invoices(id).await[1].status, Paid::Uncollectible);
    assert_eq!(
        deployment.payments_of(id).await,
        ["succeeded", "failed", "failed", "failed", "failed", "failed"]
    );
    // It has ended: no boundary renews it.
    deployment.advance_all(60 * DAY).await;
    deployment.settled().await;
    assert_eq!(deployment.invoices(id).await.len(), 2);
    deployment.check_billing().await;
}

/// Case 20.
#[tokio::test]
async fn a_new_card_is_tried_at_once_and_ends_the_dunning() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.new_card(id, DECLINES).await;
    deployment.next_boundary(id).await;
    let first = deployment.invoices(id).await[1].retry_schedule.first_declined_at.expect("it was declined");
    deployment.advance_to(days_after(first, 1)).await;
    deployment.idle().await;
    deployment.advance_to(days_after(first, 2)).await;
    deployment.new_card(id, "pm_card_mastercard").await;
    deployment.advance(15).await;
    deployment.becomes(id, Status::Active).await;
    let invoice = deployment.invoices(id).await.remove(1);
    assert_eq!((invoice.status, invoice.attempts), (Paid::Paid, 3));
    deployment.advance_to(days_after(first, 20)).await;
    deployment.idle().await;
    assert_eq!(deployment.payments_of(id).await, ["succeeded", "failed", "failed", "succeeded"]);
    deployment.check_billing().await;
}

/// Case 21.
#[tokio::test]
async fn while_an_outcome_is_unknown_nothing_else_is_charged() {
    let settings = Settings { gateway_timeout_ms: 500, ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    let shop = deployment.shop(Unit::Month).await;
    let id = deployment.active(&shop, "a").await;
    deployment.new_card(id, DECLINES).await;
    deployment.next_boundary(id).await;
    let first = deployment.invoices(id).await[1].retry_schedule.first_declined_at.expect("it was declined");
    deployment.swap_card(id, "pm_card_visa").await;
    // The money is taken, and nobody is told.
    let here = json!({ "path_prefix": "/v1/payment_intents" });
    deployment.faults(json!([{ "fault": "timeout_after", "match": here }])).await;
    deployment.advance_to(days_after(first, 1)).await;
    eventually("it is charged", || async {
        let books = deployment.books().await;
        (books["charges"].as_array().is_some_and(|charges| charges.len() == 2)).then_some(())
    })
    .await;
    deployment.stop(Service::Worker).await;
    deployment.new_card(id, "pm_card_mastercard").await;
    let open = deployment.invoices(id).await.remove(1);
    assert_eq!((open.status, open.attempts), (Paid::Open, 2), "no payment beside one without an outcome");
    deployment.faults(json!([])).await;
    deployment.run(Service::Worker).await;
    deployment.advance(60).await;
    deployment.becomes(id, Status::Active).await;
    deployment.idle().await;
    assert_eq!(deployment.payments_of(id).await, ["succeeded", "failed", "succeeded"]);
    deployment.check_billing().await;
}

/// Case 25.
#[tokio::test]
async fn with_two_open_invoices_one_paid_is_not_enough() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Week).await;
    let id = deployment.active(&shop, "a").await;
    deployment.new_card(id, DECLINES).await;
    deployment.next_boundary(id).await;
    deployment.next_boundary(id).await;
    let invoices = deployment.invoices(id).await;
    let statuses: Vec<_> = invoices.iter().map(|invoice| invoice.status).collect();
    assert_eq!(statuses, [Paid::Paid, Paid::Open, Paid::Open], "what is past due renews");
    deployment.swap_card(id, "pm_card_visa").await;
    let next = |at: usize| invoices[at].retry_schedule.next_at.expect("it will be tried again");
    let (sooner, later) = if next(1) < next(2) { (1, 2) } else { (2, 1) };
    deployment.advance_to(next(sooner)).await;
    deployment.idle().await;
    assert_eq!(deployment.invoices(id).await[sooner].status, Paid::Paid);
    assert_eq!(deployment.subscription(id).await.status, Status::PastDue);
    deployment.advance_to(next(later)).await;
    deployment.idle().await;
    assert_eq!(deployment.subscription(id).await.status, Status::Active);
    deployment.check_billing().await;
}

/// What cannot succeed is not tried: the retries wait for another card, and the end does not.
#[tokio::test]
async fn after_a_hard_decline_nothing_is_tried_without_a_new_card() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let (stolen, unknown) = (deployment.active(&shop, "a").await, deployment.active(&shop, "b").await);
    deployment.new_card(stolen, "pm_card_visa_chargeDeclinedStolenCard").await;
    deployment.new_card(unknown, "pm_nobody_knows").await;
    deployment.next_boundary(stolen).await;
    for id in [stolen, unknown] {
        let invoice = deployment.invoices(id).await.remove(1);
        let first = invoice.retry_schedule.first_declined_at.expect("it was declined");
        assert_eq!(invoice.retry_schedule.next_at, Some(days_after(first, 14)), "{invoice:?}");
        assert_eq!(deployment.subscription(id).await.status, Status::PastDue);
    }
    deployment.advance_all(13 * DAY).await;
    deployment.idle().await;
    deployment.advance_all(DAY).await;
    for id in [stolen, unknown] {
        deployment.becomes(id, Status::Canceled).await;
        assert_eq!(deployment.payments_of(id).await, ["succeeded", "failed"]);
    }
    deployment.idle().await;
    deployment.check_billing().await;
}

/// The merchant's own policy, copied as the invoice opens; and a way back from `unpaid`.
#[tokio::test]
async fn an_unpaid_subscription_renews_no_more_until_it_has_paid() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let policy = Policy::days_after_first(&[2], Exhausted::Unpaid).unwrap();
    invoice::store::set_policy(&deployment.pool, shop.merchant, &policy).await.unwrap();
    let id = deployment.active(&shop, "a").await;
    deployment.new_card(id, DECLINES).await;
    deployment.next_boundary(id).await;
    // An edit comes too late for what is open.
    invoice::store::set_policy(&deployment.pool, shop.merchant, &Policy::default()).await.unwrap();
    deployment.advance_all(2 * DAY).await;
    deployment.becomes(id, Status::Unpaid).await;
    deployment.advance_all(60 * DAY).await;
    deployment.idle().await;
    assert_eq!(deployment.invoices(id).await.len(), 2);
    deployment.new_card(id, "pm_card_visa").await;
    deployment.advance(15).await;
    deployment.becomes(id, Status::Active).await;
    deployment.idle().await;
    let invoices = deployment.invoices(id).await;
    assert!(invoices.iter().all(|invoice| invoice.status == Paid::Paid), "{invoices:?}");
    assert_eq!(invoices.len(), 3, "it begins anew, and the time between is not billed");
    deployment.next_boundary(id).await;
    assert_eq!(deployment.invoices(id).await.len(), 4);
    deployment.check_billing().await;
}
