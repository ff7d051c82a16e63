//! The rules, by table; and by property: however many refunds are asked for, and whatever reports come, no
//! more is given back than was taken.

use std::time::Duration;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::{
    gateway::{Decline, DeclineClass, Fault, Obstacle, Resolution, doubt::CallLog},
    id::{MerchantId, RefundId},
    money::Currency,
    payment::state::tests::payment,
    refund::{Origin, Status::*},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn euros(amount: &str) -> Money {
    Money::parse_positive(amount, Currency::from_code("EUR").unwrap()).unwrap()
}

fn taken() -> Payment {
    payment(PaymentStatus::Succeeded)
}

fn refund(status: Status, amount: &str) -> Refund {
    let failure = Failure { code: "x".into(), message: "x".into() };
    Refund {
        id: RefundId::new(),
        merchant_id: MerchantId::new(),
        payment_id: crate::id::PaymentId::new(),
        origin: Origin::Api,
        money: euros(amount),
        reason: None,
        metadata: crate::metadata::Metadata::new(),
        created_at: at(0),
        status,
        failure: (status == Failed).then_some(failure),
        review_reason: (status == NeedsReview).then(|| "x".into()),
        version: 1,
        updated_at: at(0),
        settled_at: None,
        gateway_ref: None,
        call_log: CallLog { calls_begun: 1, first_call_at: Some(at(0)), ..CallLog::default() },
    }
}

fn succeeded(amount: &str) -> Report<RefundOutcome> {
    Ok(RefundOutcome::Succeeded(Charge {
        gateway_ref: "re_1".into(),
        charge_ref: None,
        card: None,
        money: Some(euros(amount)),
        fee: None,
    }))
}

fn declined() -> Report<RefundOutcome> {
    Ok(RefundOutcome::Declined(Decline {
        class: DeclineClass::Hard,
        code: "charge_already_refunded".into(),
        message: "no".into(),
        gateway_ref: None,
    }))
}

fn unknown(resolution: Resolution) -> Report<RefundOutcome> {
    Err(InDoubt::Unknown { why: "time-out".into(), resolution })
}

fn refused() -> Report<RefundOutcome> {
    Err(InDoubt::Refused { code: "parameter_invalid".into(), message: "no".into(), fault: Fault::Request })
}

fn not_sent() -> Report<RefundOutcome> {
    Err(InDoubt::NotSent { why: "refused".into(), retry_after: None, obstacle: Obstacle::Unreachable })
}

fn processing() -> Report<RefundOutcome> {
    Ok(RefundOutcome::Processing { gateway_ref: "re_1".into() })
}

const HOUR: i64 = 3600;

/// Of a payment whose customer got nothing back otherwise.
fn taking(payment: &Payment, asked: Option<Decimal>) -> Result<Money, Refusal> {
    accept(payment, asked, payment.refundable())
}

#[test]
fn what_a_refund_becomes() {
    let kind = |work: &Work| match work {
        Work::Done => "done",
        Work::Retry { .. } => "retry",
        Work::Snooze { .. } => "snooze",
        Work::Next { kind: Kind::ResolveRefund, .. } => "look up",
        Work::Next { .. } => "another",
    };
    let (refunding, resolving) = (Kind::RefundPayment, Kind::ResolveRefund);
    for (status, report, job, hours, expected, work) in [
        (Processing, succeeded("10.00"), refunding, 0, Succeeded, "done"),
        (Processing, succeeded("9.99"), refunding, 0, NeedsReview, "done"),
        (Processing, declined(), refunding, 0, Failed, "done"),
        (Processing, processing(), refunding, 0, Processing, "look up"),
        (Processing, processing(), resolving, 1, Processing, "retry"),
        (Processing, processing(), resolving, 24 * 31, NeedsReview, "done"),
        (Processing, not_sent(), refunding, 0, Processing, "retry"),
        (Processing, not_sent(), refunding, 21, Failed, "done"),
        (Processing, refused(), refunding, 0, Failed, "done"),
        (Processing, unknown(Resolution::Replay), refunding, 0, Processing, "retry"),
        (Processing, unknown(Resolution::Replay), refunding, 21, Processing, "look up"),
        (Processing, unknown(Resolution::LookUp), refunding, 0, Processing, "look up"),
        (Processing, unknown(Resolution::LookUp), resolving, 1, Processing, "retry"),
        (Processing, unknown(Resolution::LookUp), resolving, 73, NeedsReview, "done"),
        (Processing, Err(InDoubt::NotFound), resolving, 0, Processing, "retry"),
        (Processing, Err(InDoubt::NotFound), resolving, 1, NeedsReview, "done"),
        // It came back, after all.
        (Succeeded, declined(), resolving, 1, Failed, "done"),
        (Succeeded, processing(), resolving, 1, Succeeded, "done"),
        (Succeeded, Err(InDoubt::NotFound), resolving, 1, Succeeded, "done"),
        (Failed, succeeded("10.00"), resolving, 1, Succeeded, "done"),
        (Failed, declined(), resolving, 1, Failed, "done"),
        (Failed, processing(), resolving, 1, Failed, "done"),
        (NeedsReview, succeeded("10.00"), resolving, 1, Succeeded, "done"),
        (NeedsReview, declined(), resolving, 1, Failed, "done"),
        (NeedsReview, unknown(Resolution::LookUp), resolving, 1, NeedsReview, "done"),
    ] {
        let (mut before, mut of) = (refund(status, "10.00"), taken());
        let now = at(hours * HOUR + 1);
        let context = Context { now, kind: job, unrefunded: of.unrefunded() };
        let change = apply(&before, &of, &report, context);
        if let Some(outcome) = change.to {
            enter(&mut before, &mut of, outcome, now);
        }
        assert_eq!((before.status, kind(&change.work)), (expected, work), "{status:?} {report:?} {hours} h");
    }
}

/// An earlier request with the same key may have run: a refusal of the present one says nothing of it.
#[test]
fn a_refusal_after_a_request_that_may_have_run_is_looked_up() {
    let mut exposed = refund(Processing, "10.00");
    exposed.call_log.calls_begun = 2;
    let context = Context { now: at(1), kind: Kind::RefundPayment, unrefunded: Decimal::TEN };
    let change = apply(&exposed, &taken(), &refused(), context);
    assert_eq!(
        (change.to, change.work),
        (None, Work::Next { kind: Kind::ResolveRefund, after: Duration::ZERO })
    );
}

/// A worker that slept tells of the success last.
#[test]
fn what_came_back_does_not_succeed_again() {
    let came_back = Refund { gateway_ref: Some("re_1".into()), ..refund(Failed, "10.00") };
    let context = Context { now: at(1), kind: Kind::RefundPayment, unrefunded: Decimal::TEN };
    let change = apply(&came_back, &taken(), &succeeded("10.00"), context);
    assert_eq!((change.to, change.work, change.alarm), (None, Work::Done, None));
}

/// The gateway gives back no more than it took: what is told here to have been given back has come back.
#[test]
fn a_success_waits_for_room() {
    for status in [Pending, Processing, NeedsReview, Failed] {
        let told = |unrefunded| {
            let context = Context { now: at(1), kind: Kind::ResolveRefund, unrefunded };
            apply(&refund(status, "10.00"), &taken(), &succeeded("10.00"), context)
        };
        let change = told(Decimal::ONE);
        assert!(matches!(change.work, Work::Retry { .. }), "{change:?}");
        assert_eq!((change.to, change.gateway_ref.as_deref()), (None, Some("re_1")));
        assert_eq!(change.alarm.is_some(), status == Failed);
        assert_eq!(told(Decimal::TEN).to, Some(Outcome::Succeeded));
    }
}

#[test]
fn only_what_was_taken_can_be_given_back() {
    for status in PaymentStatus::ALL.into_iter().filter(|status| *status != PaymentStatus::Succeeded) {
        assert_eq!(taking(&payment(status), None), Err(Refusal::NotSettled(status)));
    }
    let amount = |text: &str| Some(text.parse().unwrap());
    assert_eq!(taking(&taken(), None), Ok(euros("49.90")));
    assert_eq!(taking(&taken(), amount("10")), Ok(euros("10")));
    assert!(matches!(taking(&taken(), amount("49.91")), Err(Refusal::TooMuch { .. })));
    for no_amount in ["0.001", "49.901", "1234.561"] {
        let refused = taking(&taken(), amount(no_amount));
        assert!(matches!(refused, Err(Refusal::NotAnAmount(_))), "{no_amount}: {refused:?}");
    }
    let partly = Payment { amount_refunding: Decimal::TEN, amount_refunded: Decimal::from(30), ..taken() };
    assert_eq!(taking(&partly, None), Ok(euros("9.90")));
    let all = Payment { amount_refunded: euros("49.90").amount, ..taken() };
    assert!(matches!(taking(&all, None), Err(Refusal::NothingLeft { .. })));
}

proptest! {
    /// Any refunds, any reports, in any order.
    #[test]
    fn no_more_is_given_back_than_was_taken(
        steps in proptest::collection::vec((0_usize..6, 0_usize..7, 1_u32..3000), 1..60)
    ) {
        let mut of = taken();
        let mut refunds: Vec<Refund> = Vec::new();
        for (which, what, cents) in steps {
            if what == 0 {
                if let Ok(money) = taking(&of, Some(Decimal::new(cents.into(), 2))) {
                    refunds.push(Refund { money, ..refund(Pending, "1") });
                    of.amount_refunding += money.amount;
                }
            } else if let Some(refund) = refunds.get_mut(which) {
                let report = match what {
                    1 => succeeded(&refund.money.display_amount()),
                    2 => declined(),
                    3 => processing(),
                    4 => unknown(Resolution::LookUp),
                    5 => refused(),
                    _ => Err(InDoubt::NotFound),
                };
                let context = Context { now: at(HOUR), kind: Kind::ResolveRefund, unrefunded: of.unrefunded() };
                if let Some(outcome) = apply(refund, &of, &report, context).to {
                    enter(refund, &mut of, outcome, at(HOUR));
                }
            }
            let sum = |statuses: &[Status]| -> Decimal {
                refunds.iter().filter(|r| statuses.contains(&r.status)).map(|r| r.money.amount).sum()
            };
            prop_assert_eq!(of.amount_refunded, sum(&[Succeeded]));
            prop_assert_eq!(of.amount_refunding, sum(&[Pending, Processing, NeedsReview]));
            prop_assert!(of.amount_refunded <= of.amount_captured);
            prop_assert!(of.refundable() >= Decimal::ZERO);
        }
    }
}
