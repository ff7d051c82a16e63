//! Whatever happens to a subscription, in whatever order: no period is billed twice, no two overlap, and an
//! end is an end.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Happens(Fact),
    Renew,
    Pause(When, Proration),
    Resume(Resume),
    Cancel(When),
    Keep,
    Change(usize, u32, Proration),
    Zone(usize),
    Review(bool),
}

const UNITS: [Unit; 4] = Unit::ALL;
const ZONES: [chrono_tz::Tz; 3] =
    [chrono_tz::Tz::UTC, chrono_tz::Tz::Pacific__Auckland, chrono_tz::Tz::America__Los_Angeles];

fn any_step() -> impl Strategy<Value = Step> {
    let fact = prop_oneof![
        (0_u32..2).prop_map(|open_left| Fact::InvoicePaid { open_left }),
        (0_u32..2).prop_map(|open_left| Fact::InvoiceVoided { open_left }),
        Just(Fact::PaymentDeclined),
        any::<bool>().prop_map(|payment_under_way| Fact::FirstInvoiceExpired { payment_under_way }),
        prop::sample::select(&[Exhausted::Unpaid, Exhausted::Stay]).prop_map(Fact::DunningExhausted),
    ];
    let when = prop::sample::select(&[When::Now, When::AtPeriodEnd]);
    let proration = prop::sample::select(&Proration::ALL);
    prop_oneof![
        4 => fact.prop_map(Step::Happens),
        6 => Just(Step::Renew),
        2 => (when.clone(), proration.clone()).prop_map(|(when, proration)| Step::Pause(when, proration)),
        3 => prop::sample::select(&[Resume::NewAnchor, Resume::OldAnchor]).prop_map(Step::Resume),
        1 => Just(Step::Cancel(When::AtPeriodEnd)),
        1 => Just(Step::Keep),
        3 => (0..UNITS.len(), 1_u32..4, proration).prop_map(|(unit, seats, how)| Step::Change(unit, seats, how)),
        1 => (0..ZONES.len()).prop_map(Step::Zone),
        2 => any::<bool>().prop_map(Step::Review),
        1 => when.prop_map(Step::Cancel),
    ]
}

fn take(subscription: &mut Subscription, step: Step, now: Timestamp) -> Result<Effects, Refusal> {
    let book = Book::default();
    let context = ProrationContext { now, book: &book };
    match step {
        Step::Happens(fact) => apply(subscription, fact, now),
        Step::Renew => renew(subscription, now).map(|renewal| match renewal {
            Renewal::Done(effects) => effects,
            Renewal::NotBefore(_) | Renewal::None | Renewal::InReview => Vec::new(),
        }),
        Step::Pause(when, proration) => pause(subscription, when, proration, context),
        Step::Resume(how) => resume(subscription, how, context),
        Step::Cancel(when) => cancel(subscription, when, Proration::None, context),
        Step::Keep => keep(subscription, now).map(|()| Vec::new()),
        Step::Change(unit, seats, how) => change(subscription, terms("10", seats, UNITS[unit]), how, context),
        Step::Zone(zone) => change_zone(subscription, ZONES[zone], now).map(|()| Vec::new()),
        Step::Review(true) => bill_missed(subscription, now).map(|()| Vec::new()),
        Step::Review(false) => skip_missed(subscription, now).map(|()| Vec::new()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_period_is_billed_twice_and_no_two_overlap(
        trial_days in 0_u16..3, zone in 0..ZONES.len(),
        steps in proptest::collection::vec((0_i64..40 * 24, any_step()), 1..60),
    ) {
        let mut now = on("01-31");
        let new = New { trial_days: trial_days * 7, zone: ZONES[zone], ..order() };
        let (mut subscription, effects) = create(new, now).unwrap();
        let mut periods: Vec<Period> = Vec::new();
        let mut changes = 0;
        let mut all = vec![effects];
        for (hours, step) in steps {
            now += TimeDelta::hours(hours / 2);
            let before = subscription.clone();
            match take(&mut subscription, step, now) {
                Ok(effects) => all.push(effects),
                Err(_) => subscription = before.clone(),
            }
            if before.status.is_final() {
                prop_assert_eq!(&subscription, &before, "{:?} after the end", step);
            }
            for effect in all.drain(..).flatten() {
                match effect {
                    Effect::Bill(period) | Effect::Open(period) => {
                        prop_assert!(period.start <= period.end && period.start <= now);
                        if let Some(last) = periods.last() {
                            prop_assert!(last.index < period.index, "{last:?} then {period:?} by {step:?}");
                            prop_assert!(last.end <= period.start, "{last:?} then {period:?} by {step:?}");
                        }
                        periods.push(period);
                    }
                    Effect::Cut { index, end } => {
                        let last = periods.last_mut().unwrap();
                        prop_assert_eq!(last.index, index);
                        prop_assert!(last.start <= end && end <= last.end);
                        last.end = end;
                    }
                    Effect::Prorate { change, .. } => {
                        prop_assert_eq!(change, changes + 1);
                        changes = change;
                    }
                    Effect::VoidFirstInvoice
                    | Effect::TryOpenInvoices
                    | Effect::Note { .. }
                    | Effect::UseBalance
                    | Effect::Alarm(_) => {}
                }
            }
        }
    }
}
