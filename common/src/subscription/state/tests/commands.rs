//! What merchants may ask: who is told no, and what the others are billed.

use super::*;
use crate::{
    id::InvoiceId,
    invoice::{self, Invoice},
    subscription::proration::Gone,
};

/// The invoices of the present period, as a store would keep them: all are paid.
#[derive(Default)]
struct Invoices(Vec<Invoice>);

impl Invoices {
    /// Writes the invoices, and tells their totals.
    fn write(&mut self, subscription: &Subscription, effects: &[Effect]) -> Vec<String> {
        let mut totals = Vec::new();
        for effect in effects {
            let id = InvoiceId::new();
            let lines = match effect {
                Effect::Bill(period) => subscription.period_lines(id, period).unwrap(),
                Effect::Prorate { period, items, .. } => {
                    subscription.change_lines(id, *period, items).unwrap()
                }
                _ => continue,
            };
            let total = lines.iter().map(|line| line.amount).sum::<Decimal>().to_string();
            let paid = invoice::state::tests::invoice(invoice::Status::Paid, &total);
            self.0.push(Invoice { id, lines, ..paid });
            totals.push(total);
        }
        totals
    }

    fn book(&self) -> Book {
        Book::of(&self.0, &[], &Gone::new())
    }
}

/// An active one of that price since the first of March, with its book.
fn running(unit: &str) -> (Subscription, Invoices) {
    let new = New { terms: terms(unit, 1, Unit::Month), ..order() };
    let (mut subscription, effects) = create(new, on("03-02")).unwrap();
    let mut book = Invoices::default();
    book.write(&subscription, &effects);
    apply(&mut subscription, Fact::InvoicePaid { open_left: 0 }, on("03-02")).unwrap();
    (subscription, book)
}

#[test]
fn who_may_be_paused_resumed_canceled_or_changed() {
    use Status::*;
    for status in Status::ALL {
        let is_ok = |command: &dyn Fn(&mut Subscription) -> Result<Effects, Refusal>| {
            command(&mut subscription(status))
                .map_err(|refusal| assert!(!refusal.to_string().is_empty()))
                .is_ok()
        };
        let pauses = is_ok(&|s| pause(s, When::Now, Proration::ByDay, context("01-20")));
        assert_eq!(pauses, matches!(status, Active | PastDue | Paused), "{status}");
        let resumes = is_ok(&|s| resume(s, Resume::NewAnchor, context("01-20")));
        assert_eq!(resumes, matches!(status, Active | PastDue | Paused), "{status}");
        let cancels = is_ok(&|s| cancel(s, When::Now, Proration::None, context("01-20")));
        assert_eq!(cancels, status != IncompleteExpired, "{status}");
        let changes = is_ok(&|s| change(s, terms("20", 2, Unit::Month), Proration::ByDay, context("01-20")));
        assert_eq!(changes, matches!(status, Trialing | Active | PastDue | Paused), "{status}");
        let pays = is_ok(&|s| change_method(s, card().unwrap(), on("01-20")));
        assert_eq!(pays, !status.is_final(), "{status}");
    }
}

#[test]
fn refusals_are_sentences() {
    let mut paused = subscription(Status::Unpaid);
    let refusal = pause(&mut paused, When::Now, Proration::ByDay, context("01-20")).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "a subscription that is unpaid cannot be paused: its open invoices are to be paid first"
    );
    let mut canceled = subscription(Status::Canceled);
    let refusal = resume(&mut canceled, Resume::NewAnchor, context("01-20")).unwrap_err();
    assert_eq!(refusal.to_string(), "the subscription is canceled; it has ended, and a new one is needed");
}

#[test]
fn case_11_and_12_a_pause_and_a_resumption_to_the_old_periods() {
    let (mut subscription, mut book) = running("249.95");
    let billed = book.book();
    let pausing = ProrationContext { book: &billed, ..context("03-04") };
    let effects = pause(&mut subscription, When::Now, Proration::ByDay, pausing).unwrap();
    assert_eq!(book.write(&subscription, &effects), ["-233.82"]);
    assert_eq!(
        (subscription.status, renew(&mut subscription, on("04-02"))),
        (Status::Paused, Ok(Renewal::None))
    );

    let effects = resume(&mut subscription, Resume::OldAnchor, context("04-05")).unwrap();
    assert_eq!(book.write(&subscription, &effects), ["224.96"]);
    let [Effect::Open(period), Effect::Prorate { change: 2, period: 1, .. }, Effect::UseBalance] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((period.start, period.end), (midnight("04-05"), midnight("05-02")));
    assert_eq!(subscription.next_boundary(), Ok(Some(midnight("05-02"))));
}

#[test]
fn a_resumption_within_the_same_period_charges_what_is_left_of_it() {
    let (mut subscription, mut book) = running("31");
    let billed = book.book();
    let pausing = ProrationContext { book: &billed, ..context("03-04") };
    let effects = pause(&mut subscription, When::Now, Proration::ByDay, pausing).unwrap();
    assert_eq!(book.write(&subscription, &effects), ["-29.00"]);
    let effects = resume(&mut subscription, Resume::OldAnchor, context("03-14")).unwrap();
    assert!(matches!(effects[..], [Effect::Prorate { .. }, Effect::UseBalance]), "{effects:?}");
    assert_eq!(book.write(&subscription, &effects), ["19.00"]);
    assert_eq!(renew_all(&mut subscription, on("04-02")), [1]);
}

#[test]
fn a_resumption_on_a_boundary_is_a_renewal() {
    let (mut subscription, _) = running("31");
    pause(&mut subscription, When::AtPeriodEnd, Proration::ByDay, context("03-04")).unwrap();
    assert_eq!(subscription.status, Status::Active);
    assert_eq!(renew_all(&mut subscription, on("04-02")), [0; 0]);
    assert_eq!(subscription.status, Status::Paused);
    let effects = resume(&mut subscription, Resume::OldAnchor, context("06-02")).unwrap();
    assert_eq!(billed(&effects), [3]);
}

#[test]
fn a_resumption_with_a_new_anchor_cuts_what_still_runs() {
    let (mut subscription, _) = running("31");
    pause(&mut subscription, When::Now, Proration::ByDay, context("03-04")).unwrap();
    let effects = resume(&mut subscription, Resume::NewAnchor, context("03-14")).unwrap();
    let [Effect::Cut { index: 0, end }, Effect::Bill(period)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*end, period.start, period.end), (midnight("03-14"), midnight("03-14"), midnight("04-14")));
    assert_eq!(period.index, 1);
}

#[test]
fn nothing_to_pay_with_no_resumption() {
    let mut subscription = Subscription { method: None, ..subscription(Status::Paused) };
    assert_eq!(resume(&mut subscription, Resume::NewAnchor, context("01-20")), Err(Refusal::NoMethod));
}

#[test]
fn case_16_a_change_on_the_first_day_swaps_all_and_at_the_boundary_waits_for_the_renewal() {
    let (mut subscription, mut book) = running("9.99");
    let in_force = book.book();
    let changing = ProrationContext { book: &in_force, ..context("03-02") };
    let effects =
        change(&mut subscription, terms("19.99", 1, Unit::Month), Proration::ByDay, changing).unwrap();
    assert_eq!(book.write(&subscription, &effects), ["10.00"]);

    let (mut subscription, _) = running("9.99");
    let dearer = || terms("19.99", 1, Unit::Month);
    let at_boundary = change(&mut subscription, dearer(), Proration::ByDay, context("04-02"));
    assert_eq!(at_boundary, Err(Refusal::RenewalDue));
    change(&mut subscription, dearer(), Proration::AtPeriodEnd, context("03-31")).unwrap();
    let Ok(Renewal::Done(effects)) = renew(&mut subscription, on("04-02")) else { panic!() };
    assert_eq!(Invoices::default().write(&subscription, &effects), ["19.99"], "no other lines");
}

#[test]
fn more_seats_are_charged_and_fewer_given_back() {
    let (mut subscription, mut book) = running("31");
    let mut more = subscription.terms.clone();
    for (day, quantity, total) in [("03-12", 4, "63.00"), ("03-23", 2, "-20.00"), ("03-23", 2, "")] {
        more.quantity = quantity;
        let billed = book.book();
        let changing = ProrationContext { book: &billed, ..context(day) };
        let effects = change(&mut subscription, more.clone(), Proration::ByDay, changing).unwrap();
        assert_eq!(book.write(&subscription, &effects).concat(), total, "{quantity} on {day}");
    }
    assert_eq!(subscription.change_seq, 2);
}

#[test]
fn a_yearly_plan_begins_today_by_day_or_after_the_period() {
    let yearly = || terms("365", 1, Unit::Year);
    let (mut subscription, mut book) = running("31");
    let in_force = book.book();
    let changing = ProrationContext { book: &in_force, ..context("03-12") };
    let effects = change(&mut subscription, yearly(), Proration::ByDay, changing).unwrap();
    let [Effect::Prorate { period: 0, .. }, Effect::UseBalance, Effect::Cut { .. }, Effect::Bill(_)] =
        effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(book.write(&subscription, &effects), ["-21.00", "365.00"]);
    assert_eq!(subscription.next_boundary(), Ok(Some(at("2026-03-12T00:00:00Z"))));

    let (mut subscription, _) = running("31");
    assert_eq!(change(&mut subscription, yearly(), Proration::None, context("03-12")), Ok(vec![]));
    assert_eq!(renew_all(&mut subscription, on("04-02")), [1]);
    assert_eq!(subscription.next_boundary(), Ok(Some(at("2026-04-02T00:00:00Z"))));
}

#[test]
fn another_currency_cannot_take_its_place() {
    let mut dollars = terms("10", 1, Unit::Month);
    dollars.price.unit.currency = Currency::from_code("USD").unwrap();
    let refusal = change(&mut subscription(Status::Active), dollars, Proration::ByDay, context("01-20"));
    assert_eq!(
        refusal.unwrap_err().to_string(),
        "the subscription is in EUR, and a plan in USD cannot take its place"
    );
}

#[test]
fn a_cancellation_can_be_withdrawn_until_the_boundary() {
    let mut subscription = subscription(Status::Active);
    cancel(&mut subscription, When::AtPeriodEnd, Proration::None, context("01-20")).unwrap();
    let pausing = pause(&mut subscription, When::Now, Proration::ByDay, context("01-20"));
    assert_eq!(pausing, Err(Refusal::Ending));
    keep(&mut subscription, on("01-21")).unwrap();
    assert_eq!(renew_all(&mut subscription, on("02-15")), [1]);
    cancel(&mut subscription, When::Now, Proration::None, context("02-15")).unwrap();
    assert_eq!(keep(&mut subscription, on("02-16")), Err(Refusal::Ended(Status::Canceled)));
}

#[test]
fn a_cancellation_at_once_gives_back_only_when_asked_to() {
    for (proration, totals) in [(Proration::None, vec![]), (Proration::ByDay, vec!["-21.00"])] {
        let (mut subscription, mut book) = running("31");
        let billed = book.book();
        let context = ProrationContext { book: &billed, ..context("03-12") };
        let effects = cancel(&mut subscription, When::Now, proration, context).unwrap();
        assert_eq!(book.write(&subscription, &effects), totals);
        assert_eq!(subscription.status, Status::Canceled);
    }
    let mut incomplete = subscription(Status::Incomplete);
    let effects = cancel(&mut incomplete, When::AtPeriodEnd, Proration::ByDay, context("01-15")).unwrap();
    assert_eq!(effects, [Effect::VoidFirstInvoice]);
}
