//! Several commands in one: what is not named stays, what is so already changes nothing, and of what cannot be
//! nothing is done.

use super::*;
use crate::{
    invoice::{Discount, Duration, Percent, Reduction},
    plan::Plan,
};

fn plan(terms: &Terms, archived: bool) -> Plan {
    Plan {
        id: terms.plan_id,
        merchant_id: MerchantId::new(),
        name: terms.name.clone(),
        price: terms.price,
        trial_days: 0,
        archived,
        metadata: Metadata::new(),
        created_at: on("01-01"),
        updated_at: on("01-01"),
    }
}

fn to(terms: &Terms, proration: Proration) -> Update {
    Update { plan: Some(plan(terms, false)), proration, ..Update::default() }
}

fn seats(quantity: u32, proration: Proration) -> Update {
    Update { quantity: Some(quantity), proration, ..Update::default() }
}

/// The terms after some updates: the price of one and the seats, at once and from the next boundary on.
fn after(updates: &[Update]) -> (String, Option<String>) {
    let mut subscription = subscription(Status::Active);
    for wanted in updates {
        update(&mut subscription, wanted.clone(), context("01-20")).unwrap();
        let changed = subscription.clone();
        let again = update(&mut subscription, wanted.clone(), context("01-20")).unwrap();
        assert_eq!((&subscription, again), (&changed, Vec::new()), "the same again is no change: {wanted:?}");
    }
    let told = |terms: &Terms| format!("{} x {}", terms.quantity, terms.price.unit.amount);
    (told(&subscription.terms), subscription.pending_terms.as_ref().map(told))
}

#[test]
fn what_is_not_named_stays() {
    use Proration::{AtPeriodEnd, ByDay, None as Without};
    let (twenty, forty) = (terms("20", 1, Unit::Month), terms("40", 1, Unit::Month));
    for (updates, now, later) in [
        (vec![seats(3, ByDay), to(&twenty, ByDay)], "3 x 20", None),
        (vec![to(&twenty, Without), seats(3, Without)], "3 x 20", None),
        (vec![to(&twenty, AtPeriodEnd), seats(3, AtPeriodEnd)], "1 x 10", Some("3 x 20")),
        (vec![seats(3, AtPeriodEnd), to(&twenty, AtPeriodEnd)], "1 x 10", Some("3 x 20")),
        (vec![seats(3, AtPeriodEnd), seats(1, AtPeriodEnd)], "1 x 10", None),
        // What is changed at once takes the place of what was put off.
        (vec![to(&twenty, AtPeriodEnd), seats(2, ByDay)], "2 x 10", None),
        (vec![to(&twenty, AtPeriodEnd), seats(1, ByDay)], "1 x 10", None),
        (vec![to(&twenty, AtPeriodEnd), to(&forty, AtPeriodEnd)], "1 x 10", Some("1 x 40")),
    ] {
        assert_eq!(after(&updates), (now.to_owned(), later.map(str::to_owned)), "{updates:?}");
    }
}

#[test]
fn an_archived_plan_is_for_those_who_have_it() {
    let old = terms("20", 1, Unit::Month);
    let archived = |proration| Update {
        plan: Some(plan(&old, true)),
        quantity: Some(2),
        proration,
        ..Update::default()
    };
    for proration in Proration::ALL {
        let mut other = subscription(Status::Active);
        let refused = update(&mut other, archived(proration), context("01-20"));
        assert_eq!(refused, Err(Refusal::PlanArchived));
        let mut ours = Subscription { terms: old.clone(), ..subscription(Status::Active) };
        assert!(update(&mut ours, archived(proration), context("01-20")).is_ok());
        let mut soon_ours = Subscription { pending_terms: Some(old.clone()), ..subscription(Status::Active) };
        let answer = update(&mut soon_ours, archived(proration), context("01-20"));
        assert_eq!(answer.is_ok(), proration == Proration::AtPeriodEnd, "{answer:?}");
    }
}

/// The method is first: what is charged is charged to it.
#[test]
fn a_new_method_is_tried_before_anything_is_billed() {
    let mut subscription = subscription(Status::Active);
    let method = Some(PaymentMethod::new(MethodType::Card, "pm_2"));
    let wanted = Update { method, quantity: Some(2), ..Update::default() };
    let effects = update(&mut subscription, wanted, context("01-20")).unwrap();
    assert!(matches!(effects[..], [Effect::TryOpenInvoices, Effect::Prorate { .. }, ..]), "{effects:?}");
}

#[test]
fn an_update_never_ends_anything_at_once() {
    use Status::*;
    for status in Status::ALL {
        let mut subscription = subscription(status);
        let wanted = Update { cancel_at_period_end: Some(true), ..Update::default() };
        let answer = update(&mut subscription, wanted, context("01-20"));
        assert_eq!(answer.is_ok(), matches!(status, Trialing | Active | PastDue), "{status}");
        assert_eq!(subscription.status, status);
        for wanted in [seats(1, Proration::ByDay), Update::default()] {
            let answer = update(&mut subscription, wanted, context("01-20"));
            assert_eq!(answer.is_err(), status.is_final(), "{status}");
        }
    }
}

#[test]
fn a_renewal_is_foreseen_as_it_comes() {
    let mut subscription = subscription(Status::Active);
    let twenty = terms("20", 1, Unit::Month);
    update(&mut subscription, to(&twenty, Proration::AtPeriodEnd), context("01-20")).unwrap();
    let (then, period) = upcoming_period(&subscription).unwrap().expect("it renews");
    assert_eq!((then.terms.plan_id, period.index, period.start), (twenty.plan_id, 1, midnight("02-15")));
    assert_eq!(subscription.next_period_index, 1, "nothing has happened");
    assert_eq!(renew_all(&mut subscription, period.start), [1]);
    assert_eq!(subscription, then);
    subscription.cancel_at_period_end = true;
    assert_eq!(upcoming_period(&subscription).unwrap(), None);
}

fn off(name: &str, percent: i64) -> Discount {
    let percent = Percent::new(percent.into()).unwrap();
    let (reduction, duration) = (Reduction::Percent(percent), Duration::Forever);
    Discount { name: name.into(), reduction, duration, from_period: 0, until_period: None }
}

#[test]
fn a_discount_that_is_there_goes_on_and_a_new_one_waits_for_the_next_period() {
    let mut subscription = Subscription { discounts: vec![off("a", 10)], ..subscription(Status::Active) };
    let wanted =
        Update { discounts: Some(vec![off("b", 20), off("a", 10), off("a", 15)]), ..Update::default() };
    for _ in 0..2 {
        assert_eq!(update(&mut subscription, wanted.clone(), context("01-20")), Ok(Vec::new()));
        let begins: Vec<_> = subscription.discounts.iter().map(|discount| discount.from_period).collect();
        assert_eq!(begins, [1, 0, 1]);
    }
}

/// It is looked at when something is agreed to, and never again.
#[test]
fn what_could_not_be_charged_is_not_agreed_to() {
    let little = terms("0.30", 1, Unit::Month);
    let refused = |answer: Result<Effects, Refusal>| matches!(answer, Err(Refusal::NotChargeable(_)));
    for proration in Proration::ALL {
        let mut subscription = subscription(Status::Active);
        assert!(refused(update(&mut subscription, to(&little, proration), context("01-20"))), "{proration}");
    }
    let wanted = Update { discounts: Some(vec![off("a", 99)]), ..Update::default() };
    assert!(refused(update(&mut subscription(Status::Active), wanted, context("01-20"))));
    let mut agreed = Subscription { terms: little, ..subscription(Status::Active) };
    let wanted = Update { metadata: Some([("a".into(), "b".into())].into()), ..Update::default() };
    assert!(update(&mut agreed, wanted, context("01-20")).is_ok());
    for (unit, seats, is_ok) in [("0", 1, true), ("0.30", 1, false), ("0.30", 2, true), ("500000", 2, false)]
    {
        let new = New { terms: terms(unit, seats, Unit::Month), ..order() };
        assert_eq!(create(new, on("01-15")).is_ok(), is_ok, "{seats} x {unit}");
    }
}
