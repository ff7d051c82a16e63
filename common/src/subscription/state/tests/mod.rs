//! The rules, by table and by the cases of the rule book. What merchants may ask is in `commands`, several of it
//! at once in `updates`; what any sequence of all of it can do, in `sequences`.

mod commands;
mod disputes;
mod sequences;
mod updates;

use rust_decimal::Decimal;

use super::*;
use crate::{
    customer::PaymentMethod,
    gateway::MethodType,
    id::{CustomerId, MerchantId, PlanId, SubscriptionId},
    metadata::Metadata,
    money::Money,
    plan::{Interval, Price, Unit},
    subscription::{
        OnDispute, Terms, WithoutMethod,
        proration::{Book, Proration},
    },
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Noon of a day of 2025: `"03-10"`.
fn on(day: &str) -> Timestamp {
    at(&format!("2025-{day}T12:00:00Z"))
}

/// The first instant of a day of 2025.
fn midnight(day: &str) -> Timestamp {
    at(&format!("2025-{day}T00:00:00Z"))
}

/// Nothing was billed for a period yet.
static NOTHING_BILLED: Book = Book { lines: Vec::new(), funds: Vec::new() };

fn context(day: &str) -> ProrationContext<'static> {
    ProrationContext { now: on(day), book: &NOTHING_BILLED }
}

fn terms(unit: &str, quantity: u32, every: Unit) -> Terms {
    let unit = Money { amount: unit.parse().unwrap(), currency: Currency::from_code("EUR").unwrap() };
    let price = Price { unit, interval: Interval::every(1, every).unwrap() };
    Terms { plan_id: PlanId::new(), name: "Basic".into(), price, quantity }
}

fn card() -> Option<PaymentMethod> {
    Some(PaymentMethod::new(MethodType::Card, "pm_1"))
}

/// Ten euros a month, by card, without a trial.
fn order() -> New {
    New {
        id: SubscriptionId::new(),
        merchant_id: MerchantId::new(),
        customer_id: CustomerId::new(),
        terms: terms("10", 1, Unit::Month),
        trial_days: 0,
        without_method: WithoutMethod::Pause,
        on_dispute: OnDispute::Keep,
        zone: chrono_tz::Tz::UTC,
        discounts: Vec::new(),
        tax: None,
        method: card(),
        metadata: Metadata::new(),
    }
}

/// One that was made at noon on the 15th of January and has come into that status at once.
fn subscription(status: Status) -> Subscription {
    let trial_days = if status == Status::Trialing { 14 } else { 0 };
    let (subscription, _) = create(New { trial_days, ..order() }, on("01-15")).unwrap();
    let ended_at = status.is_final().then(|| on("01-15"));
    Subscription { status, ended_at, ..subscription }
}

/// The periods that were billed.
fn billed(effects: &[Effect]) -> Vec<u32> {
    let index = |effect: &Effect| match effect {
        Effect::Bill(period) => Some(period.index),
        _ => None,
    };
    effects.iter().filter_map(index).collect()
}

/// Renews until nothing more is due, and tells which periods were billed.
fn renew_all(subscription: &mut Subscription, now: Timestamp) -> Vec<u32> {
    let mut all = Vec::new();
    while let Renewal::Done(effects) = renew(subscription, now).unwrap() {
        all.extend(billed(&effects));
    }
    all
}

/// What any fact makes of any status.
#[test]
fn the_table_of_facts() {
    use Fact::*;
    use Status::*;
    let expired = FirstInvoiceExpired { payment_under_way: false };
    let facts = [
        InvoicePaid { open_left: 0 },
        InvoicePaid { open_left: 1 },
        InvoiceVoided { open_left: 0 },
        InvoiceVoided { open_left: 1 },
        PaymentDeclined,
        expired,
        FirstInvoiceExpired { payment_under_way: true },
        DunningExhausted(Exhausted::Cancel),
        DunningExhausted(Exhausted::Unpaid),
        DunningExhausted(Exhausted::Stay),
    ];
    for (from, to) in [
        (
            Incomplete,
            [
                Active,
                Active,
                Incomplete,
                Incomplete,
                Incomplete,
                IncompleteExpired,
                Incomplete,
                Incomplete,
                Incomplete,
                Incomplete,
            ],
        ),
        (IncompleteExpired, [IncompleteExpired; 10]),
        (Trialing, [Trialing; 10]),
        (Active, [Active, Active, Active, Active, PastDue, Active, Active, Canceled, Unpaid, PastDue]),
        (PastDue, [Active, PastDue, Active, PastDue, PastDue, PastDue, PastDue, Canceled, Unpaid, PastDue]),
        (Unpaid, [Active, Unpaid, Active, Unpaid, Unpaid, Unpaid, Unpaid, Unpaid, Unpaid, Unpaid]),
        (Paused, [Paused; 10]),
        (Canceled, [Canceled; 10]),
    ] {
        for (fact, to) in facts.into_iter().zip(to) {
            let mut subscription = subscription(from);
            let effects = apply(&mut subscription, fact, on("01-16")).unwrap();
            assert_eq!(subscription.status, to, "{from} and {fact:?}");
            assert_eq!(effects == [Effect::VoidFirstInvoice], from == Incomplete && fact == expired);
            assert_eq!(subscription.ended_at.is_some(), to.is_final(), "{from} and {fact:?}");
        }
    }
}

#[test]
fn case_25_one_of_two_open_invoices_paid_is_not_enough() {
    let mut subscription = subscription(Status::PastDue);
    apply(&mut subscription, Fact::InvoicePaid { open_left: 1 }, on("02-20")).unwrap();
    assert_eq!(subscription.status, Status::PastDue);
    apply(&mut subscription, Fact::InvoicePaid { open_left: 0 }, on("02-20")).unwrap();
    assert_eq!(subscription.status, Status::Active);
}

#[test]
fn a_first_invoice_may_be_paid_for_23_hours() {
    let fact = Fact::FirstInvoiceExpired { payment_under_way: false };
    for (now, status) in
        [("2025-01-16T10:59:59Z", Status::Incomplete), ("2025-01-16T11:00:00Z", Status::IncompleteExpired)]
    {
        let mut subscription = subscription(Status::Incomplete);
        apply(&mut subscription, fact, at(now)).unwrap();
        assert_eq!(subscription.status, status, "{now}");
    }
}

#[test]
fn without_a_trial_the_first_period_is_billed_at_once() {
    let (subscription, effects) = create(order(), on("01-15")).unwrap();
    assert_eq!(subscription.status, Status::Incomplete);
    assert_eq!(billed(&effects), [0]);
    let period = subscription.current_period.unwrap();
    assert_eq!((period.start, period.end), (midnight("01-15"), midnight("02-15")));
    assert_eq!(create(New { method: None, ..order() }, on("01-15")).unwrap_err(), Refusal::NoMethod);
    let no_seats = New { terms: terms("10", 0, Unit::Month), ..order() };
    assert_eq!(create(no_seats, on("01-15")).unwrap_err(), Refusal::NoSeats);
}

#[test]
fn a_trial_ends_in_the_first_period_or_without_a_method_in_a_pause() {
    for (method, without_method, status, periods) in [
        (card(), WithoutMethod::Pause, Status::Active, vec![0]),
        (None, WithoutMethod::Pause, Status::Paused, vec![]),
        (None, WithoutMethod::Cancel, Status::Canceled, vec![]),
    ] {
        let new = New { trial_days: 14, method, without_method, ..order() };
        let (mut subscription, effects) = create(new, on("01-15")).unwrap();
        assert_eq!((effects, subscription.trial_ends_at), (vec![], Some(midnight("01-29"))));
        assert_eq!(renew(&mut subscription, on("01-28")), Ok(Renewal::NotBefore(midnight("01-29"))));
        assert_eq!(renew_all(&mut subscription, midnight("01-29")), periods, "{status}");
        assert_eq!(subscription.status, status);
        // From then on the days count from the end of the trial.
        if status == Status::Active {
            assert_eq!(subscription.next_boundary(), Ok(Some(midnight("02-28"))));
        }
    }
}

#[test]
fn who_renews() {
    for status in Status::ALL {
        let mut subscription = subscription(status);
        let periods = renew_all(&mut subscription, on("02-15"));
        let expected = match status {
            Status::Trialing => vec![0],
            Status::Active | Status::PastDue => vec![1],
            _ => vec![],
        };
        assert_eq!(periods, expected, "{status}");
        let kept = if status == Status::Trialing { Status::Active } else { status };
        assert_eq!(subscription.status, kept);
    }
}

#[test]
fn case_17_cancel_at_the_end_of_the_period() {
    let mut subscription = subscription(Status::Active);
    let effects = cancel(&mut subscription, When::AtPeriodEnd, Proration::ByDay, context("02-01")).unwrap();
    assert_eq!((effects, subscription.status), (vec![], Status::Active), "no refund");
    assert_eq!(renew(&mut subscription, on("02-14")), Ok(Renewal::NotBefore(midnight("02-15"))));
    assert_eq!(renew(&mut subscription, on("06-01")), Ok(Renewal::Done(vec![])), "no renewal");
    assert_eq!((subscription.status, subscription.ended_at), (Status::Canceled, Some(midnight("02-15"))));
}

#[test]
fn case_22_a_period_is_billed_once_however_often_somebody_looks() {
    let mut subscription = subscription(Status::Active);
    assert_eq!(renew_all(&mut subscription, on("02-15")), [1]);
    for _ in 0..10 {
        assert_eq!(renew(&mut subscription, on("02-15")), Ok(Renewal::NotBefore(midnight("03-15"))));
    }
}

#[test]
fn case_23_missed_renewals_are_billed_oldest_first_up_to_three() {
    for (now, periods) in [("03-20", vec![1, 2]), ("04-20", vec![1, 2, 3])] {
        let mut subscription = subscription(Status::Active);
        assert_eq!(renew_all(&mut subscription, on(now)), periods);
    }
    let mut four = subscription(Status::Active);
    let Ok(Renewal::Done(effects)) = renew(&mut four, on("05-20")) else { panic!() };
    assert!(matches!(effects[..], [Effect::Alarm(_)]), "{effects:?}");
    assert_eq!(four.missed_renewals, Some(4));
    assert_eq!(renew(&mut four, on("05-20")), Ok(Renewal::InReview));

    let mut all = four.clone();
    bill_missed(&mut all, on("05-21")).unwrap();
    assert_eq!(renew_all(&mut all, on("05-21")), [1, 2, 3, 4]);
    let mut one = four.clone();
    skip_missed(&mut one, on("05-21")).unwrap();
    assert_eq!(renew_all(&mut one, on("05-21")), [4]);
    assert_eq!(one.current_period.unwrap().start, midnight("05-15"));
    assert_eq!(skip_missed(&mut one, on("05-21")), Err(Refusal::NothingMissed));
    cancel(&mut four, When::AtPeriodEnd, Proration::None, context("05-21")).unwrap();
    assert_eq!(renew_all(&mut four, on("05-21")), [0; 0]);
    assert_eq!(four.status, Status::Canceled);
}

#[test]
fn at_a_boundary_cancel_comes_before_pause_before_change_before_renew() {
    let dearer = terms("20", 1, Unit::Month);
    let all = Subscription {
        cancel_at_period_end: true,
        pause_at_period_end: true,
        pending_terms: Some(dearer.clone()),
        ..subscription(Status::Active)
    };
    for (cancel, pause, status, periods) in [
        (true, true, Status::Canceled, vec![]),
        (false, true, Status::Paused, vec![]),
        (false, false, Status::Active, vec![1]),
    ] {
        let mut subscription =
            Subscription { cancel_at_period_end: cancel, pause_at_period_end: pause, ..all.clone() };
        assert_eq!(renew_all(&mut subscription, on("02-15")), periods);
        assert_eq!((subscription.status, subscription.terms == dearer), (status, !pause));
    }
}

#[test]
fn a_new_interval_is_counted_from_the_boundary() {
    let pending_terms = Some(terms("100", 1, Unit::Year));
    let mut subscription = Subscription { pending_terms, ..subscription(Status::Active) };
    assert_eq!(renew_all(&mut subscription, on("02-15")), [1]);
    assert_eq!(subscription.next_boundary(), Ok(Some(at("2026-02-15T00:00:00Z"))));
}

#[test]
fn a_new_zone_takes_effect_at_the_boundary_without_a_gap() {
    let mut subscription = subscription(Status::Active);
    change_zone(&mut subscription, chrono_tz::Tz::America__New_York, on("02-01")).unwrap();
    assert_eq!(subscription.next_boundary(), Ok(Some(midnight("02-15"))));
    assert_eq!(renew_all(&mut subscription, on("02-15")), [1]);
    let period = subscription.current_period.unwrap();
    assert_eq!((period.start, period.end), (midnight("02-15"), at("2025-03-15T04:00:00Z")));
    assert_eq!(subscription.next_period().unwrap().start, period.end);
}

#[test]
fn who_pays_at_last_goes_on_or_begins_anew() {
    let paid = Fact::InvoicePaid { open_left: 0 };
    let mut soon = subscription(Status::Unpaid);
    assert_eq!(apply(&mut soon, paid, on("02-14")), Ok(vec![]));
    assert_eq!(soon.next_boundary(), Ok(Some(midnight("02-15"))));
    let mut late = subscription(Status::Unpaid);
    let effects = apply(&mut late, paid, on("04-03")).unwrap();
    assert_eq!((billed(&effects), late.status), (vec![1], Status::Active));
    assert_eq!(late.next_boundary(), Ok(Some(midnight("05-03"))));
}
