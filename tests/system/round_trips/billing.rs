//! Subscriptions, their invoices, and the payments of those.

use chrono::NaiveDate;
use common::{
    billing::{
        self, Accepted, NewSubscription,
        subscriptions::{CommandContext, CommandResult, execute},
    },
    customer::{self, MethodChoice, PaymentMethod},
    gateway::{Capture, GatewayName, MethodType, SavedMethod},
    id::{CustomerId, InvoiceId, MerchantId, PaymentId, SubscriptionId},
    invoice::{
        self, Discount, Duration, Invoice, Line, LineKind, LineRef, Occasion, Percent, Reduction, Span,
        TaxRate,
        dunning::{Exhausted, Policy, RetrySchedule},
    },
    payment::{self, Billing, PaymentRequest, Route, store::find_any},
    plan::{Interval, Offer, Plan, Price, Unit},
    subscription::{
        self, OnDispute, Status, Subscription, Terms, WithoutMethod,
        calendar::{Anchor, Period},
    },
};
use rust_decimal::Decimal;
use sqlx::{PgConnection, types::Json};
use tests::Filled;

use super::{at, connect, is_telling, metadata, money, plan_of, same, shop};

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
}

fn percent(percent: i64) -> Percent {
    Percent::new(Decimal::new(percent, 1)).unwrap()
}

fn saved() -> SavedMethod {
    SavedMethod { customer_ref: Some("cus_1".into()), method_ref: "pm_1".into() }
}

/// A method of the customer, saved at its gateway by an earlier payment.
async fn method_of(
    database: &Filled,
    (merchant, customer): (MerchantId, CustomerId),
    token: &str,
) -> PaymentMethod {
    let added =
        customer::store::add_method(&database.pool, merchant, customer, (MethodType::Card, token), false);
    let id = added.await.unwrap().unwrap().0.method.id;
    sqlx::query("UPDATE customer_payment_methods SET saved = $2 WHERE id = $1")
        .bind(id.0)
        .bind(Json(saved()))
        .execute(&database.pool)
        .await
        .unwrap();
    customer::store::find_method(&database.pool, merchant, customer, id).await.unwrap().unwrap().method
}

fn discounts() -> Vec<Discount> {
    vec![
        Discount {
            name: "Early".into(),
            reduction: Reduction::Percent(percent(125)),
            duration: Duration::Periods(31),
            from_period: 32,
            until_period: Some(33),
        },
        Discount {
            name: "Loyal".into(),
            reduction: Reduction::Amount(Decimal::new(275, 2)),
            duration: Duration::Forever,
            from_period: 34,
            until_period: Some(35),
        },
    ]
}

fn tax() -> TaxRate {
    TaxRate { name: "VAT".into(), percent: percent(190), inclusive: true }
}

/// With its first invoice, and the payment of that.
async fn subscribed(database: &Filled) -> (Subscription, PaymentMethod) {
    let mut db = connect(database).await;
    let (merchant, customer) = shop(&mut db).await;
    let plan = plan_of(&mut db, merchant, "Pro", money("49.90", "EUR")).await;
    let method = method_of(database, (merchant, customer), "pm_a").await;
    let new = NewSubscription {
        id: SubscriptionId::new(),
        merchant_id: merchant,
        idempotency_key: "a".into(),
        request_hash: [5; 32],
        customer_id: customer,
        offer: Offer::Plan(plan.id),
        quantity: 2,
        trial_days: Some(0),
        without_method: WithoutMethod::Cancel,
        on_dispute: Some(OnDispute::Cancel),
        zone: "Europe/Berlin".parse().unwrap(),
        discounts: discounts(),
        tax: Some(tax()),
        method: Some(MethodChoice::Kept(method.id)),
        return_url: Some("https://shop.example/back".into()),
        metadata: metadata("seat", "window"),
    };
    let Accepted::New(made, _) = billing::create(&database.pool, &new, "").await.unwrap() else { panic!() };
    assert_eq!((made.terms.plan_id, made.terms.quantity, &made.metadata), (plan.id, 2, &new.metadata));
    assert_eq!((&made.discounts, &made.tax, &made.method), (&new.discounts, &new.tax, &Some(method.clone())));
    assert_eq!((made.without_method, made.on_dispute), (WithoutMethod::Cancel, OnDispute::Cancel));
    (*made, method)
}

async fn read(db: &mut PgConnection, id: SubscriptionId) -> Subscription {
    subscription::store::find_any(db, id).await.unwrap().unwrap()
}

/// Everything that may become of a subscription.
fn change(
    subscription: &mut Subscription,
    plan: &Plan,
    paid_by: &PaymentMethod,
    (cancels, pauses): (bool, bool),
) {
    let Subscription {
        terms,
        discounts,
        tax,
        method,
        status,
        anchor,
        next_period_index,
        change_seq,
        free_seats,
        trial_ends_at,
        on_dispute,
        cancel_at_period_end,
        pause_at_period_end,
        pending_terms,
        pending_zone,
        missed_renewals,
        catch_up_to,
        metadata: labels,
        ended_at,
        // What never changes, and what is written elsewhere.
        id: _,
        merchant_id: _,
        customer_id: _,
        current_period: _,
        latest_invoice: _,
        without_method: _,
        version: _,
        created_at: _,
        updated_at: _,
    } = subscription;
    let price = Price { unit: money("59.90", "EUR"), interval: Interval::every(8, Unit::Week).unwrap() };
    *terms = Terms { plan_id: plan.id, name: "Max".into(), price, quantity: 7 };
    discounts.reverse();
    *tax = Some(TaxRate { name: "GST".into(), percent: percent(75), inclusive: true });
    *method = Some(paid_by.clone());
    *status = Status::Canceled;
    *anchor = Anchor { date: day(5), zone: "Asia/Tokyo".parse().unwrap(), index: 9 };
    (*next_period_index, *change_seq, *free_seats) = (11, 12, 13);
    (*trial_ends_at, *ended_at) = (Some(at(1)), Some(at(2)));
    *on_dispute = OnDispute::Keep;
    (*cancel_at_period_end, *pause_at_period_end) = (cancels, pauses);
    let price = Price { unit: money("69.90", "USD"), interval: Interval::every(4, Unit::Day).unwrap() };
    *pending_terms =
        Some(Terms { plan_id: common::id::PlanId::new(), name: "Mini".into(), price, quantity: 16 });
    *pending_zone = Some("America/Lima".parse().unwrap());
    (*missed_renewals, *catch_up_to) = (Some(14), Some(15));
    *labels = metadata("seat", "aisle");
}

#[tokio::test]
async fn a_subscription_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let (made, method) = subscribed(&database).await;
    let found = read(&mut db, made.id).await;
    same(&found, &made);

    let whose = (made.merchant_id, made.customer_id);
    let plan = plan_of(&mut db, whose.0, "Max", money("59.90", "EUR")).await;
    let mut other = method_of(&database, whose, "pm_b").await;
    assert_ne!(other.id, method.id);
    sqlx::query("UPDATE customer_payment_methods SET declined_at = remit_now() WHERE id = $1")
        .bind(other.id.0)
        .execute(&mut *db)
        .await
        .unwrap();
    other.is_declined = true;
    let mut expected = found;
    // Two flags are told apart only where they differ.
    for flags in [(true, false), (false, true), (true, true)] {
        let mut as_decided = None;
        let decide = |subscription: &mut Subscription, _: subscription::state::ProrationContext<'_>| {
            change(subscription, &plan, &other, flags);
            as_decided = Some(subscription.clone());
            Ok(Vec::new())
        };
        let answered = execute(&database.pool, &CommandContext::of(whose.0, made.id), decide).await.unwrap();
        let CommandResult::Executed(granted) = answered else { panic!("{answered:?}") };
        let stored = read(&mut db, made.id).await;
        let (version, updated_at) = (expected.version + 1, stored.updated_at);
        expected = Subscription { version, updated_at, ..as_decided.unwrap() };
        same(&stored, &expected);
        same(&Subscription { updated_at, ..granted.subscription }, &expected);
    }
    // Of its first period the number is zero.
    let period = expected.current_period.map(|period| Period { index: 21, ..period });
    is_telling(&Subscription { current_period: period, version: 22, ..expected });
}

#[tokio::test]
async fn a_payment_of_an_invoice_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let (made, method) = subscribed(&database).await;
    let of = made.latest_invoice.unwrap();
    let invoice = invoice::store::find(&mut *db, made.merchant_id, of).await.unwrap().unwrap();
    let id = invoice.live_payment.unwrap();
    assert_eq!(invoice::store::payments(&mut *db, of).await.unwrap(), [id]);
    let read = find_any(&mut *db, id).await.unwrap().unwrap();
    let request = PaymentRequest {
        money: invoice.due(),
        capture: Capture::Automatic,
        customer: None,
        description: Some(format!("Invoice {}", invoice.number.unwrap())),
        order_id: None,
        metadata: Default::default(),
        return_url: Some("https://shop.example/back".into()),
    };
    let (method, token) = (MethodType::Card, Some(method.token));
    let route = Route { method, token, gateway: GatewayName::Stripe, fallback: None };
    same(&(&read.request, &read.route), &(&request, &route));
    same(&read.billing, &Some(Billing { invoice: of, off_session: false, saved: Some(saved()) }));
    same(&(read.id, read.merchant_id, read.status), &(id, made.merchant_id, payment::Status::Pending));
    same(&read.created_at, &invoice.created_at);
}

fn lines() -> Vec<Line> {
    let days = |from, to| Some(Span { from: day(from), to: day(to) });
    let line = |kind, description: &str, number: u32| Line {
        kind,
        description: description.into(),
        quantity: number,
        unit_amount: Decimal::new(i64::from(number) * 100 + 1, 2),
        amount: Decimal::new(i64::from(number) * 100 + 2, 2),
        tax: Decimal::new(i64::from(number) * 100 + 3, 2),
        days: days(number, number + 1),
        of: Some(LineRef { invoice: InvoiceId::new(), position: number + 40 }),
    };
    vec![line(LineKind::ProrationCharge, "More seats", 20), line(LineKind::Discount, "Loyal", 24)]
}

fn new_invoice(of: &Subscription) -> Invoice {
    let policy = Policy::days_after_first(&[2, 6], Exhausted::Unpaid).unwrap();
    Invoice {
        id: InvoiceId::new(),
        merchant_id: of.merchant_id,
        customer_id: of.customer_id,
        subscription_id: of.id,
        period_index: 5,
        occasion: Occasion::Change(8),
        number: Some("000099".into()),
        currency: of.terms.price.unit.currency,
        status: invoice::Status::Open,
        lines: lines(),
        total: 100.into(),
        from_balance: 10.into(),
        amount_paid: Decimal::ZERO,
        amount_credited: Decimal::ZERO,
        attempts: 0,
        live_payment: None,
        retry_schedule: RetrySchedule::new(policy),
        created_at: at(1),
        updated_at: at(1),
        opened_at: Some(at(2)),
        ended_at: Some(at(3)),
    }
}

/// A payment of this invoice: the `nth`.
async fn attempted(db: &mut PgConnection, invoice: &Invoice, nth: i32, is_open: bool) -> PaymentId {
    let id = PaymentId::new();
    sqlx::query(
        "INSERT INTO payments (id, merchant_id, idempotency_key, request_hash, amount, currency, capture,
             method_type, gateway, invoice_id) SELECT $1, $2, $3, $4, 1, 'EUR', 'automatic', 'card', 'stripe', $5",
    )
    .bind(id.0)
    .bind(invoice.merchant_id.0)
    .bind(format!("attempt {nth}"))
    .bind([0_u8; 32])
    .bind(invoice.id.0)
    .execute(&mut *db)
    .await
    .unwrap();
    sqlx::query("INSERT INTO invoice_payments VALUES ($1, $2, $3, 'schedule', $4)")
        .bind(invoice.id.0)
        .bind(nth)
        .bind(id.0)
        .bind(is_open)
        .execute(&mut *db)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn an_invoice_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let (made, _) = subscribed(&database).await;
    sqlx::query(
        "INSERT INTO subscription_periods SELECT subscription_id, 5, from_date, to_date, ends_at, ends_at
         FROM subscription_periods WHERE subscription_id = $1",
    )
    .bind(made.id.0)
    .execute(&mut *db)
    .await
    .unwrap();
    let new = new_invoice(&made);
    invoice::store::insert(&mut db, std::slice::from_ref(&new)).await.unwrap();
    let find = || invoice::store::find(&database.pool, made.merchant_id, new.id);
    same(&find().await.unwrap().unwrap(), &new);

    attempted(&mut db, &new, 1, false).await;
    attempted(&mut db, &new, 2, false).await;
    attempted(&mut db, &new, 3, false).await;
    let live = attempted(&mut db, &new, 4, true).await;
    // Two flags are told apart only where they differ.
    for (held, asked) in [(true, false), (false, true), (true, true)] {
        let retry_schedule = RetrySchedule {
            first_declined_at: Some(at(4)),
            used: 3,
            held,
            asked,
            next_at: Some(at(5)),
            ..new.retry_schedule.clone()
        };
        let mut changed = Invoice {
            status: invoice::Status::Uncollectible,
            from_balance: 11.into(),
            amount_paid: 12.into(),
            amount_credited: 13.into(),
            attempts: 4,
            live_payment: Some(live),
            retry_schedule,
            ended_at: Some(at(6)),
            ..new.clone()
        };
        invoice::store::update(&mut db, &[&changed]).await.unwrap();
        let read = find().await.unwrap().unwrap();
        changed.updated_at = read.updated_at;
        same(&read, &changed);
        if held && asked {
            is_telling(&read);
        }
    }
}
