//! Several wishes in one: what is not named stays, what is so already changes nothing, and of what cannot be
//! nothing is done.

use super::*;
use crate::subscription::Plan;

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
        update(&mut subscription, wanted.clone(), place("01-20")).unwrap();
        let changed = subscription.clone();
        let again = update(&mut subscription, wanted.clone(), place("01-20")).unwrap();
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
        let refused = update(&mut other, archived(proration), place("01-20"));
        assert_eq!(refused, Err(Refusal::PlanArchived));
        let mut ours = Subscription { terms: old.clone(), ..subscription(Status::Active) };
        assert!(update(&mut ours, archived(proration), place("01-20")).is_ok());
        let mut soon_ours = Subscription { pending_terms: Some(old.clone()), ..subscription(Status::Active) };
        let answer = update(&mut soon_ours, archived(proration), place("01-20"));
        assert_eq!(answer.is_ok(), proration == Proration::AtPeriodEnd, "{answer:?}");
    }
}

/// The method is first: what is charged is charged to it.
#[test]
fn a_new_method_is_tried_before_anything_is_billed() {
    let mut subscription = subscription(Status::Active);
    let method = Some(PaymentMethod { kind: MethodType::Card, token: "pm_2".into() });
    let wanted = Update { method, quantity: Some(2), ..Update::default() };
    let effects = update(&mut subscription, wanted, place("01-20")).unwrap();
    assert!(matches!(effects[..], [Effect::TryOpenInvoices, Effect::Prorate { .. }]), "{effects:?}");
}

#[test]
fn an_update_never_ends_anything_at_once() {
    use Status::*;
    for status in Status::ALL {
        let mut subscription = subscription(status);
        let wanted = Update { cancel_at_period_end: Some(true), ..Update::default() };
        let answer = update(&mut subscription, wanted, place("01-20"));
        assert_eq!(answer.is_ok(), matches!(status, Trialing | Active | PastDue), "{status}");
        assert_eq!(subscription.status, status);
        for wanted in [seats(1, Proration::ByDay), Update::default()] {
            let answer = update(&mut subscription, wanted, place("01-20"));
            assert_eq!(answer.is_err(), status.is_final(), "{status}");
        }
    }
}

#[test]
fn a_renewal_is_foreseen_as_it_comes() {
    let mut subscription = subscription(Status::Active);
    let twenty = terms("20", 1, Unit::Month);
    update(&mut subscription, to(&twenty, Proration::AtPeriodEnd), place("01-20")).unwrap();
    let (then, period) = foresee(&subscription).unwrap().expect("it renews");
    assert_eq!((then.terms.plan_id, period.index, period.start), (twenty.plan_id, 1, midnight("02-15")));
    assert_eq!(subscription.next_period_index, 1, "nothing has happened");
    assert_eq!(renew_all(&mut subscription, period.start), [1]);
    assert_eq!(subscription, then);
    subscription.cancel_at_period_end = true;
    assert_eq!(foresee(&subscription).unwrap(), None);
}
