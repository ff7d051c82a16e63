//! Subscriptions, and the hands to live through a year of them.

use std::time::Duration;

use common::{
    billing::{
        self, Accepted, NewSubscription,
        subscriptions::{self, CommandContext, CommandResult, Named},
    },
    clock::Timestamp,
    customer::{self, MethodChoice, NewCustomer},
    db,
    gateway::MethodType,
    id::{CustomerId, MerchantId, PlanId, SubscriptionId},
    invoice::{self, Invoice},
    money::{Currency, Money},
    page::Page,
    plan::{self, Interval, NewPlan, Offer, Price, Unit},
    subscription::{self, Status, Subscription, WithoutMethod, state::Update},
};

use crate::{Deployment, eventually};

/// A card that can be saved, and is declined whenever it is charged.
pub const DECLINES: &str = "pm_card_chargeCustomerFail";

/// A day, in seconds.
pub const DAY: i64 = 24 * 3600;

/// A merchant with a plan and a customer.
#[derive(Debug, Clone, Copy)]
pub struct Shop {
    /// Whose it is.
    pub merchant: MerchantId,
    /// What is subscribed to.
    pub plan: PlanId,
    /// Who pays.
    pub customer: CustomerId,
}

impl Shop {
    /// A request to subscribe, paid with this card.
    #[must_use]
    pub fn order(&self, key: &str, token: &str) -> NewSubscription {
        NewSubscription {
            id: SubscriptionId::new(),
            merchant_id: self.merchant,
            idempotency_key: key.to_owned(),
            request_hash: [1; 32],
            customer_id: self.customer,
            offer: Offer::Plan(self.plan),
            quantity: 1,
            trial_days: None,
            without_method: WithoutMethod::Pause,
            on_dispute: None,
            zone: "UTC".parse().unwrap(),
            discounts: Vec::new(),
            tax: None,
            method: Some(card(token)),
            return_url: None,
            metadata: Default::default(),
        }
    }
}

/// A card with this token.
#[must_use]
pub fn card(token: &str) -> MethodChoice {
    MethodChoice::Token(MethodType::Card, token.to_owned())
}

impl Deployment {
    /// The deployment's merchant with a plan over 49.90 EUR, and a customer.
    pub async fn shop(&self, unit: Unit) -> Shop {
        let merchant =
            sqlx::query_scalar("SELECT id FROM merchants ORDER BY id LIMIT 1").fetch_one(&self.pool);
        self.shop_of(MerchantId(merchant.await.unwrap()), unit).await
    }

    /// The same of this merchant.
    pub async fn shop_of(&self, merchant: MerchantId, unit: Unit) -> Shop {
        let euro = Currency::from_code("EUR").unwrap();
        let price = Price {
            unit: Money::parse_positive("49.90", euro).unwrap(),
            interval: Interval::every(1, unit).unwrap(),
        };
        let name = "Pro".to_owned();
        let (id, metadata) = (PlanId::new(), Default::default());
        let plan = NewPlan { id, merchant_id: merchant, name, price, trial_days: 0, metadata };
        let plan = plan::store::create(&self.pool, &plan).await.unwrap().id;
        let customer = NewCustomer {
            id: CustomerId::new(),
            merchant_id: merchant,
            name: Some("Ada".into()),
            email: Some("ada@example.com".into()),
            metadata: Default::default(),
        };
        let customer = customer::store::create(&self.pool, &customer).await.unwrap().id;
        Shop { merchant, plan, customer }
    }

    /// Subscribes, which must be accepted.
    pub async fn subscribed(&self, order: &NewSubscription) -> SubscriptionId {
        match billing::create(&self.pool, order, "").await.unwrap() {
            Accepted::New(subscription, _) => subscription.id,
            other => panic!("{other:?}"),
        }
    }

    /// Subscribes with a good card, and waits until the first invoice is paid.
    pub async fn active(&self, shop: &Shop, key: &str) -> SubscriptionId {
        let id = self.subscribed(&shop.order(key, "pm_card_visa")).await;
        self.advance(15).await;
        self.becomes(id, Status::Active).await;
        id
    }

    /// A subscription, as it stands.
    pub async fn subscription(&self, id: SubscriptionId) -> Subscription {
        let merchant = sqlx::query_scalar("SELECT merchant_id FROM subscriptions WHERE id = $1").bind(id.0);
        let merchant = MerchantId(merchant.fetch_one(&self.pool).await.unwrap());
        subscription::store::find(&self.pool, merchant, id).await.unwrap().expect("it is there")
    }

    /// Waits until a subscription is in this status.
    pub async fn becomes(&self, id: SubscriptionId, status: Status) -> Subscription {
        eventually(&format!("{id} becomes {status}"), || async {
            let subscription = self.subscription(id).await;
            (subscription.status == status).then_some(subscription)
        })
        .await
    }

    /// The invoices of a subscription, oldest first.
    pub async fn invoices(&self, id: SubscriptionId) -> Vec<Invoice> {
        let merchant = self.subscription(id).await.merchant_id;
        let page = Page::first(100);
        let filter = invoice::store::Filter { status: None, subscription: Some(id), customer: None, page };
        let mut found = invoice::store::list(&self.pool, merchant, &filter).await.unwrap();
        found.data.reverse();
        found.data
    }

    /// The payments of all invoices, as `status` in their order.
    pub async fn payments_of(&self, id: SubscriptionId) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT p.status FROM invoice_payments a JOIN invoices i ON i.id = a.invoice_id
             JOIN payments p ON p.id = a.payment_id WHERE i.subscription_id = $1
             ORDER BY i.id, a.attempt_no",
        )
        .bind(id.0)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// A new card, which is tried at once for whatever is open.
    pub async fn new_card(&self, id: SubscriptionId, token: &str) {
        let merchant = self.subscription(id).await.merchant_id;
        let named = Named { offer: None, method: Some(card(token)) };
        let asked = CommandContext::of(merchant, id);
        let answered = subscriptions::update(&self.pool, &asked, &named, Update::default()).await.unwrap();
        assert!(matches!(answered, CommandResult::Executed(_)), "{answered:?}");
    }

    /// Another card or payer, of which nobody is told.
    pub async fn swap_card(&self, id: SubscriptionId, token: &str) {
        let Subscription { merchant_id, customer_id, method, .. } = self.subscription(id).await;
        let other = (method.expect("it is paid").kind, token);
        let added = customer::store::add_method(&self.pool, merchant_id, customer_id, other, false).await;
        let (kept, _) = added.unwrap().expect("a customer");
        sqlx::query("UPDATE subscriptions SET method_id = $2 WHERE id = $1")
            .bind(id.0)
            .bind(kept.method.id.0)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// What time it is.
    pub async fn now(&self) -> Timestamp {
        db::now(&self.pool).await.unwrap()
    }

    /// Moves time to this moment, for everybody.
    pub async fn advance_to(&self, at: Timestamp) {
        let seconds = (at - self.now().await).num_seconds() + 1;
        self.advance_all(seconds.max(1)).await;
    }

    /// Moves time to what waits, but never over the lease of a job that is running: that ends, or its lease does,
    /// by itself.
    pub async fn time_goes_on(&self, seconds: i64) {
        if self.count("SELECT count(*) FROM jobs WHERE state = 'running'").await == 0 {
            self.advance(seconds).await;
        }
    }

    /// Waits until so many invoices are paid, while time goes on.
    pub async fn all_paid(&self, invoices: i64) {
        eventually("all are billed and paid", || async {
            self.time_goes_on(15).await;
            let paid = self.count("SELECT count(*) FROM invoices WHERE status = 'paid'").await;
            (paid >= invoices).then_some(())
        })
        .await;
    }

    /// Waits until nothing is left to do before time goes on.
    pub async fn idle(&self) {
        eventually("nothing is due", || async {
            let busy = "SELECT count(*) FROM jobs
                 WHERE kind NOT IN ('renew_subscription', 'retry_invoice') OR state <> 'queued'
                    OR emits > 0 OR due_at <= remit_now()";
            (self.count(busy).await == 0).then_some(())
        })
        .await;
    }

    /// Lives on until the subscription's next boundary is dealt with.
    pub async fn next_boundary(&self, id: SubscriptionId) {
        let period = self.subscription(id).await.current_period.expect("a period");
        self.advance_to(period.end).await;
        self.idle().await;
    }

    /// Whatever has happened: each period was billed once, numbers have no gap, no invoice was paid twice, and
    /// the gateways' books agree.
    pub async fn check_billing(&self) {
        let unbilled = "SELECT count(*) FROM subscription_periods p WHERE 1 <> (
            SELECT count(*) FROM invoices i WHERE i.subscription_id = p.subscription_id
               AND i.period_index = p.period_index AND i.change_seq IS NULL)";
        assert_eq!(self.count(unbilled).await, 0, "periods without their one invoice");
        let gaps = "SELECT count(*) FROM (
            SELECT FROM invoices GROUP BY merchant_id
            HAVING max(number::bigint) <> count(*) OR min(number::bigint) <> 1) gaps";
        assert_eq!(self.count(gaps).await, 0, "merchants whose invoice numbers have gaps");
        // What comes for an invoice that is void is the customer's.
        let paid = "SELECT count(*) FROM invoices i WHERE status <> 'void' AND amount_paid <> (
            SELECT coalesce(sum(p.amount_captured), 0) FROM payments p WHERE p.invoice_id = i.id)";
        assert_eq!(self.count(paid).await, 0, "invoices whose payments are not what was paid");
        let kept = "SELECT count(*) FROM customers c WHERE
            (SELECT coalesce(sum(amount), 0) FROM customer_balances b WHERE b.customer_id = c.id) < (
                SELECT coalesce(sum(p.amount_captured - p.amount_refunded), 0) FROM invoices i
                JOIN payments p ON p.invoice_id = i.id WHERE i.customer_id = c.id AND i.status = 'void')
                - (SELECT coalesce(sum(from_balance), 0) FROM invoices i WHERE i.customer_id = c.id)";
        assert_eq!(self.count(kept).await, 0, "customers whose money came for nothing and is gone");
        let lonely = "SELECT count(*) FROM subscriptions s
            WHERE status IN ('incomplete', 'trialing', 'active', 'past_due') AND missed_renewals IS NULL
              AND NOT EXISTS (SELECT FROM jobs WHERE subject_id = s.id AND kind = 'renew_subscription')";
        assert_eq!(self.count(lonely).await, 0, "live subscriptions without a job");
        let breaches = invoice::store::law::all_breaches(&self.pool).await.unwrap();
        assert_eq!(breaches, [], "customers whose money does not add up");
        self.check_books().await;
    }
}

/// So many days after a moment.
#[must_use]
pub fn days_after(at: Timestamp, days: u64) -> Timestamp {
    at + Duration::from_secs(days * 24 * 3600)
}
