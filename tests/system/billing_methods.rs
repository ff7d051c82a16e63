//! What subscriptions are paid with besides cards: PayPal, and what a customer has in the balance.

use common::{
    billing::{NewSubscription, subscriptions},
    customer::{self, MethodChoice},
    gateway::MethodType,
    invoice::Status as Paid,
    money::Money,
    plan::Unit,
    subscription::{Status, proration::Proration, state::When},
};
use rust_decimal::Decimal;
use tests::{
    Deployment,
    billing::{DAY, Shop, days_after},
};

/// A request to subscribe, paid by a payer whom PayPal knows by this name.
fn by_paypal(shop: &Shop, key: &str, token: &str) -> NewSubscription {
    let method = MethodChoice::Token(MethodType::Paypal, token.to_owned());
    NewSubscription { method: Some(method), ..shop.order(key, "") }
}

async fn subscribe(deployment: &Deployment, order: &NewSubscription) -> common::id::SubscriptionId {
    let id = deployment.subscribed(order).await;
    deployment.advance(15).await;
    deployment.idle().await;
    id
}

async fn put_into_balance(deployment: &Deployment, shop: &Shop, amount: &str) {
    sqlx::query(
        "INSERT INTO customer_balances (customer_id, currency, amount, lowered) VALUES ($1, 'EUR', $2, -$2)",
    )
    .bind(shop.customer.0)
    .bind(amount.parse::<Decimal>().unwrap())
    .execute(&deployment.pool)
    .await
    .unwrap();
}

async fn in_balance(deployment: &Deployment, shop: &Shop) -> String {
    let balances = customer::store::balances(&deployment.pool, shop.customer).await.unwrap();
    balances.first().map_or_else(|| "nothing".into(), Money::display_amount)
}

#[tokio::test]
async fn a_payer_at_paypal_is_charged_month_after_month() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = subscribe(&deployment, &by_paypal(&shop, "a", "vault_ok")).await;
    assert_eq!(deployment.subscription(id).await.status, Status::Active);
    for months in 2..=4 {
        deployment.next_boundary(id).await;
        assert_eq!(deployment.payments_of(id).await, vec!["succeeded"; months]);
    }
    let off_session = "SELECT count(*) FROM payments
         WHERE gateway = 'paypal' AND off_session AND saved->>'method_ref' = 'vault_ok'";
    assert_eq!(deployment.count(off_session).await, 4);
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_payer_at_paypal_who_is_declined_is_tried_again() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = subscribe(&deployment, &by_paypal(&shop, "a", "vault_ok")).await;
    deployment.swap_card(id, "vault_issue_INSTRUMENT_DECLINED").await;
    deployment.next_boundary(id).await;
    assert_eq!(deployment.subscription(id).await.status, Status::PastDue);
    let first = deployment.invoices(id).await[1].retry_schedule.first_declined_at.expect("it was declined");
    deployment.advance_to(days_after(first, 1)).await;
    deployment.idle().await;
    assert_eq!(deployment.payments_of(id).await, ["succeeded", "failed", "failed"]);
    deployment.swap_card(id, "vault_ok").await;
    deployment.advance_to(days_after(first, 3)).await;
    deployment.idle().await;
    assert_eq!(deployment.payments_of(id).await, ["succeeded", "failed", "failed", "succeeded"]);
    assert_eq!(deployment.subscription(id).await.status, Status::Active);
    deployment.check_billing().await;
}

/// A payer who must approve after all is not there for a renewal: it is a decline, and no charge waits.
#[tokio::test]
async fn a_payer_at_paypal_who_would_have_to_act_is_not_waited_for() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let id = subscribe(&deployment, &by_paypal(&shop, "a", "vault_ok")).await;
    deployment.swap_card(id, "vault_payer_action").await;
    deployment.next_boundary(id).await;
    assert_eq!(deployment.payments_of(id).await, ["succeeded", "failed"]);
    assert_eq!(deployment.subscription(id).await.status, Status::PastDue);
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_balance_pays_first_and_a_card_the_rest() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    put_into_balance(&deployment, &shop, "119.80").await;
    let id = subscribe(&deployment, &shop.order("a", "pm_card_visa")).await;
    assert_eq!(deployment.subscription(id).await.status, Status::Active, "paid as it opened");
    assert_eq!(in_balance(&deployment, &shop).await, "69.90");
    deployment.next_boundary(id).await;
    assert_eq!(in_balance(&deployment, &shop).await, "20.00");
    assert!(deployment.payments_of(id).await.is_empty(), "nothing was to be charged");
    deployment.next_boundary(id).await;
    let last = deployment.invoices(id).await.remove(2);
    assert_eq!((last.status, last.from_balance.to_string()), (Paid::Paid, "20.0000".into()));
    assert_eq!(last.amount_paid.to_string(), "29.9000");
    assert_eq!(in_balance(&deployment, &shop).await, "nothing");
    assert_eq!(deployment.payments_of(id).await, ["succeeded"]);
    deployment.check_billing().await;
}

/// What is given back at the end is a total below zero: paid as it opens, and the balance has it.
#[tokio::test]
async fn what_is_given_back_pays_the_next_subscription() {
    let deployment = Deployment::start().await;
    let shop = deployment.shop(Unit::Month).await;
    let first = deployment.active(&shop, "a").await;
    deployment.idle().await;
    deployment.advance_all(DAY).await;
    let canceled = subscriptions::cancel(
        &deployment.pool,
        &subscriptions::CommandContext::of(shop.merchant, first),
        When::Now,
        Proration::ByDay,
    )
    .await
    .unwrap();
    assert!(matches!(canceled, subscriptions::CommandResult::Executed(_)), "{canceled:?}");
    let credit = deployment.invoices(first).await.remove(1);
    assert!(credit.total.is_sign_negative() && credit.status == Paid::Paid, "{credit:?}");
    assert_eq!(
        in_balance(&deployment, &shop).await,
        common::money::display_amount(-credit.total, credit.currency)
    );
    let second = subscribe(&deployment, &shop.order("b", "pm_card_visa")).await;
    let invoice = deployment.invoices(second).await.remove(0);
    assert_eq!((invoice.status, invoice.from_balance), (Paid::Paid, -credit.total));
    assert_eq!(invoice.amount_paid + invoice.from_balance, invoice.total);
    assert_eq!(in_balance(&deployment, &shop).await, "nothing");
    deployment.check_billing().await;
}
