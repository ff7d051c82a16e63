//! The case of the rule book, and each figure by a small business of its own.

use super::*;
use crate::{
    clock::Timestamp,
    customer::PaymentMethod,
    gateway::MethodType,
    id::{MerchantId, PlanId, SubscriptionId},
    invoice::{Duration, Percent, Reduction, TaxRate},
    metadata::Metadata,
    money::Money,
    plan::Price,
    subscription::{OnDispute, Terms, WithoutMethod, state},
};

fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn number(text: &str) -> Ratio {
    Ratio::of(text.parse().unwrap()).unwrap()
}

/// An active subscription of a new customer.
fn paying(unit: &str, count: u16, every: Unit) -> Subscription {
    let now: Timestamp = "2025-01-15T12:00:00Z".parse().unwrap();
    let unit = Money { amount: unit.parse().unwrap(), currency: euro() };
    let price = Price { unit, interval: Interval::every(count, every).unwrap() };
    let new = state::New {
        id: SubscriptionId::new(),
        merchant_id: MerchantId::new(),
        customer_id: CustomerId::new(),
        terms: Terms { plan_id: PlanId::new(), name: "Basic".into(), price, quantity: 1 },
        trial_days: 0,
        without_method: WithoutMethod::Pause,
        on_dispute: OnDispute::Keep,
        zone: chrono_tz::Tz::UTC,
        discounts: Vec::new(),
        tax: None,
        method: Some(PaymentMethod::new(MethodType::Card, "pm_1")),
        metadata: Metadata::new(),
    };
    let (subscription, _) = state::create(new, now).unwrap();
    Subscription { status: Status::Active, ..subscription }
}

fn revenue(subscriptions: &[Subscription]) -> Revenue {
    Revenue::of(euro(), subscriptions).unwrap()
}

fn shown(ratio: Result<Ratio, TooLarge>, decimals: u32) -> String {
    ratio.unwrap().rounded(decimals).unwrap().to_string()
}

#[test]
fn case_24_months_and_years_together() {
    let mut all: Vec<_> = (0..100).map(|_| paying("100", 1, Unit::Month)).collect();
    all.extend((0..50).map(|_| paying("600", 1, Unit::Year)));
    let revenue = revenue(&all);
    assert_eq!(revenue.total(), Ok(number("12500")));
    assert_eq!(revenue.customers(), 150);
    assert_eq!(revenue.per_customer().unwrap().unwrap().rounded(2).unwrap().to_string(), "83.33");
}

#[test]
fn every_interval_is_brought_to_a_month() {
    for (count, unit, shown_as) in [
        (1, Unit::Month, "12.00"),
        (3, Unit::Month, "4.00"),
        (1, Unit::Year, "1.00"),
        (2, Unit::Year, "0.50"),
        (1, Unit::Week, "52.00"),
        (2, Unit::Week, "26.00"),
        (1, Unit::Day, "365.00"),
        (7, Unit::Day, "52.14"),
    ] {
        assert_eq!(shown(monthly_revenue(&paying("12", count, unit)), 2), shown_as, "{count} {unit}");
    }
    // Rounded once, at the end: three thirds are one.
    let thirds: Vec<_> = (0..3).map(|_| paying("1", 3, Unit::Month)).collect();
    assert_eq!(revenue(&thirds).total(), Ok(number("1")));
}

#[test]
fn only_what_renews_and_is_not_free_counts() {
    for status in Status::ALL {
        let subscription = Subscription { status, ..paying("10", 1, Unit::Month) };
        let counts = matches!(status, Status::Active | Status::PastDue);
        assert_eq!(
            monthly_revenue(&subscription),
            Ok(if counts { number("10") } else { Ratio::ZERO }),
            "{status}"
        );
    }
}

#[test]
fn lasting_discounts_count_and_tax_does_not() {
    let half = Reduction::Percent(Percent::new("50".parse().unwrap()).unwrap());
    let discount = |duration| Discount {
        name: "Half".into(),
        reduction: half,
        duration,
        from_period: 0,
        until_period: None,
    };
    let vat = |inclusive| TaxRate {
        name: "VAT".into(),
        percent: Percent::new("25".parse().unwrap()).unwrap(),
        inclusive,
    };
    let mut seats = paying("10", 1, Unit::Month);
    seats.terms.quantity = 3;
    for (discounts, tax, expected) in [
        (vec![discount(Duration::Forever)], None, "15"),
        (vec![discount(Duration::Once), discount(Duration::Periods(12))], None, "30"),
        (vec![], Some(vat(false)), "30"),
        (vec![], Some(vat(true)), "24"),
        (vec![discount(Duration::Forever)], Some(vat(true)), "12"),
    ] {
        let subscription = Subscription { discounts, tax, ..seats.clone() };
        assert_eq!(monthly_revenue(&subscription), Ok(number(expected)), "{subscription:?}");
    }
}

#[test]
fn currencies_are_never_added() {
    let mut dollars = paying("10", 1, Unit::Month);
    dollars.terms.price.unit.currency = Currency::from_code("USD").unwrap();
    assert_eq!(revenue(&[dollars, paying("7", 1, Unit::Month)]).total(), Ok(number("7")));
}

#[test]
fn churn_is_what_was_lost_of_what_there_was() {
    let [lost, less, more, same] = ["10", "20", "30", "40"].map(|unit| paying(unit, 1, Unit::Month));
    let start = revenue(&[lost.clone(), less.clone(), more.clone(), same.clone()]);
    let with_price = |subscription: &Subscription, unit: &str| {
        let mut changed = subscription.clone();
        changed.terms.price.unit.amount = unit.parse().unwrap();
        changed
    };
    let end = revenue(&[
        Subscription { status: Status::Canceled, ..lost },
        with_price(&less, "15"),
        with_price(&more, "300"),
        same,
        paying("1000", 1, Unit::Month),
    ]);
    let churn = start.churn(&end).unwrap();
    assert_eq!((churn.customers_lost, churn.customers_at_start), (1, 4));
    assert_eq!(churn.of_customers(), Ok(Some(number("0.25"))));
    assert_eq!(churn.of_revenue(), Ok(Some(number("0.15"))));
    assert_eq!(revenue(&[]).churn(&end).unwrap().of_revenue(), Ok(None));
}

#[test]
fn a_customer_with_two_subscriptions_is_one() {
    let first = paying("10", 1, Unit::Month);
    let second = Subscription { customer_id: first.customer_id, ..paying("20", 1, Unit::Month) };
    let start = revenue(&[first.clone(), second]);
    assert_eq!((start.customers(), start.per_customer()), (1, Ok(Some(number("30")))));
    let churn = start.churn(&revenue(&[first])).unwrap();
    assert_eq!((churn.customers_lost, churn.revenue_lost), (0, number("20")));
}

#[test]
fn recovery_is_a_share_of_what_failed() {
    assert_eq!(Recovery { failed: 8, recovered: 6 }.rate(), Ok(Some(number("0.75"))));
    assert_eq!(Recovery::default().rate(), Ok(None));
}
