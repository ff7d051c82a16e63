//! The rules, by table; and by property: whatever is tried, an invoice has one live payment at most, and no
//! money is lost or taken twice.

use proptest::prelude::*;

use super::*;
use crate::{
    clock::Timestamp,
    gateway::{DeclineClass, GatewayName},
    id::{CustomerId, InvoiceId, MerchantId, SubscriptionId},
    invoice::{
        Occasion,
        Status::*,
        dunning::{Policy, RetrySchedule},
    },
    money::Currency,
};

const DECLINED: Ended = Ended::Failed(AttemptFailure::Declined(DeclineClass::Soft));

fn march(day: u32) -> Timestamp {
    format!("2025-03-{day:02}T09:00:00Z").parse().unwrap()
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// An invoice over `total` euros.
pub fn invoice(status: Status, total: &str) -> Invoice {
    Invoice {
        id: InvoiceId::new(),
        merchant_id: MerchantId::new(),
        customer_id: CustomerId::new(),
        subscription_id: SubscriptionId::new(),
        period_index: 0,
        occasion: Occasion::Period,
        number: None,
        currency: Currency::from_code("EUR").unwrap(),
        status,
        lines: Vec::new(),
        total: amount(total),
        from_balance: Decimal::ZERO,
        amount_paid: if status == Paid { amount(total).max(Decimal::ZERO) } else { Decimal::ZERO },
        amount_credited: Decimal::ZERO,
        attempts: 0,
        live_payment: None,
        retry_schedule: RetrySchedule::new(Policy::default()),
        created_at: march(1),
        updated_at: march(1),
        opened_at: None,
        ended_at: None,
    }
}

/// A gateway that charges everything.
fn all(due: Money) -> Money {
    due
}

fn by_stripe(due: Money) -> Money {
    GatewayName::Stripe.chargeable(due)
}

/// What cannot be charged is neither lost nor declined: the balance pays it, and asks for it later.
#[test]
fn what_cannot_be_charged_is_carried_forward() {
    use GatewayName::{Paypal, Stripe};
    for (gateway, currency, total, balance, due, left) in [
        (Stripe, "EUR", "0.03", "0", "0", "-0.03"),
        (Stripe, "EUR", "0.49", "-0.30", "0.79", "0"),
        (Stripe, "EUR", "0.50", "0", "0.50", "0"),
        (Stripe, "EUR", "10", "-0.03", "10.03", "0"),
        (Stripe, "EUR", "10", "9.80", "0", "-0.20"),
        (Stripe, "EUR", "0.03", "5", "0", "4.97"),
        (Stripe, "KWD", "1.234", "0", "1.230", "-0.004"),
        (Stripe, "KWD", "1.234", "-0.007", "1.240", "-0.001"),
        (Stripe, "ISK", "250", "0", "250", "0"),
        (Paypal, "EUR", "0.03", "0", "0.03", "0"),
        (Paypal, "HUF", "100.60", "0", "100", "-0.60"),
        (Paypal, "HUF", "0.60", "0", "0", "-0.60"),
    ] {
        let (currency, before) = (Currency::from_code(currency).unwrap(), amount(balance));
        let mut invoice = Invoice { currency, ..invoice(Draft, total) };
        let BalanceDelta(to) =
            finalize(&mut invoice, "A-1".into(), before, |due| gateway.chargeable(due), march(2)).unwrap();
        let told = format!("{total} {currency} with {balance}");
        assert_eq!((invoice.due().amount, before + to), (amount(due), amount(left)), "{told}");
        assert_eq!(invoice.status == Paid, amount(due).is_zero(), "{told}");
        assert_eq!(gateway.chargeable(invoice.due()), invoice.due(), "{told}");
    }
}

#[test]
fn what_opens_owes_something() {
    for (total, balance, status, balance_delta, due) in [
        ("10", "0", Open, "0", "10"),
        ("10", "4", Open, "-4", "6"),
        ("10", "10", Paid, "-10", "0"),
        ("10", "25", Paid, "-10", "0"),
        ("10", "-5", Open, "5", "15"),
        ("-7.50", "-5", Paid, "7.50", "0"),
        ("0", "25", Paid, "0", "0"),
        ("-7.50", "25", Paid, "7.50", "0"),
    ] {
        let mut invoice = invoice(Draft, total);
        let to = finalize(&mut invoice, "A-1".into(), amount(balance), all, march(2)).unwrap();
        assert_eq!((invoice.status, to.0), (status, amount(balance_delta)), "{total} with {balance}");
        assert_eq!(invoice.due().amount, amount(due), "{total} with {balance}");
        assert_eq!(invoice.number.as_deref(), Some("A-1"));
        assert_eq!(invoice.ended_at.is_some(), status == Paid);
        assert_eq!(
            finalize(&mut invoice, "A-2".into(), Decimal::ZERO, all, march(2)),
            Err(Refusal::NotADraft(status))
        );
    }
}

#[test]
fn who_may_be_paid_called_off_or_given_up() {
    use Refusal as R;
    for (status, pay, void_it, give_it_up, edit) in [
        (Draft, Some(R::NotADraft(Draft)), Some(R::IsADraft), Some(R::IsADraft), None),
        (Open, None, None, None, Some(R::NotADraft(Open))),
        (Paid, Some(R::NothingOwed(Paid)), Some(R::Paid), Some(R::Paid), Some(R::NotADraft(Paid))),
        (Void, Some(R::NothingOwed(Void)), Some(R::Void), Some(R::Void), Some(R::NotADraft(Void))),
        (Uncollectible, None, None, Some(R::Uncollectible), Some(R::NotADraft(Uncollectible))),
    ] {
        let new = || invoice(status, "10");
        assert_eq!(begin_payment(&mut new(), PaymentId::new(), march(2)).err(), pay, "{status}");
        assert_eq!(void(&mut new(), march(2)).err(), void_it, "{status}");
        assert_eq!(give_up(&mut new(), march(2)).err(), give_it_up, "{status}");
        assert_eq!(may_edit(&new()).err(), edit, "{status}");
    }
}

#[test]
fn case_21_no_second_payment_while_the_first_has_no_outcome() {
    let mut invoice = invoice(Open, "10");
    let first = PaymentId::new();
    assert_eq!(begin_payment(&mut invoice, first, march(10)), Ok(1));
    let refusal = Refusal::PaymentUnderWay(first);
    assert_eq!(begin_payment(&mut invoice, PaymentId::new(), march(13)), Err(refusal));
    assert_eq!(come_due(&mut invoice, march(24)), Err(refusal), "nor does the retry schedule end");
    assert_eq!(void(&mut invoice, march(13)), Err(refusal));
    assert_eq!(give_up(&mut invoice, march(13)), Err(refusal));

    let settled = settle(&mut invoice, first, DECLINED, Reason::Schedule, march(13));
    assert_eq!(settled, Settled::Owed(Next::RetryAt(march(14))));
    assert_eq!(begin_payment(&mut invoice, PaymentId::new(), march(14)), Ok(2));
}

#[test]
fn case_20_a_new_payment_method_pays_and_the_rest_is_dropped() {
    let mut invoice = invoice(Open, "10");
    for (day, reason, ended) in [
        (10, Reason::Schedule, DECLINED),
        (11, Reason::Schedule, DECLINED),
        (12, Reason::Asked, Ended::Succeeded(amount("10"))),
    ] {
        let payment = PaymentId::new();
        begin_payment(&mut invoice, payment, march(day)).unwrap();
        let settled = settle(&mut invoice, payment, ended, reason, march(day));
        assert_eq!(matches!(settled, Settled::Paid { .. }), day == 12, "{settled:?}");
    }
    assert_eq!(come_due(&mut invoice, march(13)), Err(Refusal::NothingOwed(Paid)));
    assert_eq!(invoice.retry_schedule.next_at, None);
}

#[test]
fn case_20_and_21_a_new_payment_method_is_tried_as_soon_as_the_payment_under_way_has_failed() {
    for (status, ends_open) in [(Open, true), (Uncollectible, false)] {
        let mut invoice = invoice(status, "10");
        let first = PaymentId::new();
        begin_payment(&mut invoice, first, march(10)).unwrap();
        let _ = invoice.retry_schedule.renew_method(march(10));
        assert_eq!(come_due(&mut invoice, march(10)), Err(Refusal::PaymentUnderWay(first)));
        let settled = settle(&mut invoice, first, DECLINED, Reason::Schedule, march(10));
        assert_eq!(settled, Settled::Owed(Next::Now), "{status}");
        assert_eq!(come_due(&mut invoice, march(10)), Ok(Due::Attempt(Reason::Asked)), "{status}");
        let second = PaymentId::new();
        begin_payment(&mut invoice, second, march(10)).unwrap();
        let settled = settle(&mut invoice, second, DECLINED, Reason::Asked, march(10));
        assert_eq!(matches!(settled, Settled::Owed(Next::RetryAt(_))), ends_open, "{status}: {settled:?}");
        assert_eq!(invoice.status, status);
    }
}

/// A subscription that ends before it has begun does not wait for its payment, and keeps none of its money.
#[test]
fn what_is_called_off_under_way_is_void_whatever_comes() {
    for (ended, balance_delta) in [
        (DECLINED, None),
        (Ended::Failed(AttemptFailure::Technical), None),
        (Ended::Succeeded(amount("6")), Some(amount("6"))),
    ] {
        let mut invoice = invoice(Draft, "10");
        let _ = finalize(&mut invoice, "A-1".into(), amount("4"), all, march(2)).unwrap();
        let payment = PaymentId::new();
        begin_payment(&mut invoice, payment, march(2)).unwrap();
        assert_eq!(void(&mut invoice, march(2)), Err(Refusal::PaymentUnderWay(payment)), "a merchant waits");
        assert_eq!(call_off(&mut invoice, march(2)), Ok(BalanceDelta(amount("4"))));
        assert_eq!(come_due(&mut invoice, march(24)), Err(Refusal::NothingOwed(Void)));
        match (settle(&mut invoice, payment, ended, Reason::Schedule, march(3)), balance_delta) {
            (Settled::Surplus { balance_delta: BalanceDelta(got), .. }, Some(all)) => assert_eq!(got, all),
            (Settled::Ended, None) => {}
            other => panic!("{ended:?}: {other:?}"),
        }
        assert_eq!((invoice.status, invoice.live_payment), (Void, None));
    }
    for (status, refusal) in [(Draft, Refusal::IsADraft), (Paid, Refusal::Paid), (Void, Refusal::Void)] {
        assert_eq!(call_off(&mut invoice(status, "10"), march(2)), Err(refusal));
    }
}

#[test]
fn the_last_decline_gives_it_up() {
    let mut invoice = invoice(Open, "10");
    for (day, settled) in [
        (10, Settled::Owed(Next::RetryAt(march(11)))),
        (11, Settled::Owed(Next::RetryAt(march(13)))),
        (13, Settled::Owed(Next::RetryAt(march(17)))),
        (17, Settled::Owed(Next::RetryAt(march(24)))),
        (24, Settled::GivenUp(Exhausted::Cancel)),
    ] {
        let payment = PaymentId::new();
        assert_eq!(come_due(&mut invoice, march(day)), Ok(Due::Attempt(Reason::Schedule)));
        begin_payment(&mut invoice, payment, march(day)).unwrap();
        assert_eq!(settle(&mut invoice, payment, DECLINED, Reason::Schedule, march(day)), settled);
    }
    assert_eq!(invoice.status, Uncollectible);
}

#[test]
fn held_retries_end_when_the_schedule_does() {
    let mut invoice = invoice(Open, "10");
    let payment = PaymentId::new();
    begin_payment(&mut invoice, payment, march(10)).unwrap();
    let hard = Ended::Failed(AttemptFailure::Declined(DeclineClass::Hard));
    let settled = settle(&mut invoice, payment, hard, Reason::Schedule, march(10));
    assert_eq!(settled, Settled::Owed(Next::EndAt(march(24))));
    assert_eq!(come_due(&mut invoice, march(23)), Ok(Due::NotBefore(march(24))));
    assert_eq!(invoice.status, Open);
    assert_eq!(come_due(&mut invoice, march(24)), Ok(Due::Exhausted(Exhausted::Cancel)));
    assert_eq!(invoice.status, Uncollectible);
}

#[test]
fn money_that_comes_late_is_never_refused() {
    for (status, paid, balance_delta) in
        [(Open, true, "2"), (Uncollectible, true, "2"), (Paid, false, "12"), (Void, false, "12")]
    {
        let mut invoice = invoice(status, "10");
        let settled = settle(
            &mut invoice,
            PaymentId::new(),
            Ended::Succeeded(amount("12")),
            Reason::Schedule,
            march(20),
        );
        match settled {
            Settled::Paid { balance_delta: to } if paid => assert_eq!(to.0, amount(balance_delta)),
            Settled::Surplus { balance_delta: to, .. } if !paid => assert_eq!(to.0, amount(balance_delta)),
            other => panic!("{status}: {other:?}"),
        }
        assert_eq!(invoice.status, if paid { Paid } else { status });
        assert!(invoice.amount_paid <= invoice.total);
    }
}

#[test]
fn the_balance_gets_back_what_a_void_invoice_took() {
    let mut invoice = invoice(Draft, "10");
    assert_eq!(
        finalize(&mut invoice, "A-1".into(), amount("4"), all, march(2)),
        Ok(BalanceDelta(amount("-4")))
    );
    assert_eq!(void(&mut invoice, march(3)), Ok(BalanceDelta(amount("4"))));
    assert_eq!(invoice.due().amount, Decimal::ZERO);
}

#[test]
fn only_an_outcome_ends_a_payment() {
    for status in payment::Status::ALL {
        let payment = payment::state::tests::payment(status);
        let expected = match status {
            payment::Status::Succeeded => Some(Ended::Succeeded(payment.amount_captured)),
            payment::Status::Failed | payment::Status::Canceled => {
                Some(Ended::Failed(AttemptFailure::Technical))
            }
            _ => None,
        };
        if status != payment::Status::Failed {
            assert_eq!(ended(&payment), expected, "{status}");
        }
    }
}

/// A gateway that refuses what it is asked for will not think better of it; one that was not reached may.
#[test]
fn a_failure_is_a_decline_unless_it_is_ours() {
    let hard = AttemptFailure::Declined(DeclineClass::Hard);
    for (code, class, expected) in [
        ("gateway_unreachable", None, AttemptFailure::Technical),
        ("gateway_configuration", None, AttemptFailure::Technical),
        ("gateway_account", None, AttemptFailure::Technical),
        ("resource_missing", None, hard),
        ("stolen_card", Some(DeclineClass::Hard), hard),
        ("insufficient_funds", Some(DeclineClass::Soft), AttemptFailure::Declined(DeclineClass::Soft)),
    ] {
        let failure = payment::Failure { code: code.into(), message: String::new(), decline_class: class };
        let mut payment = payment::state::tests::payment(payment::Status::Failed);
        payment.failure = Some(failure);
        assert_eq!(ended(&payment), Some(Ended::Failed(expected)), "{code}");
    }
}

proptest! {
    /// Any payments, ended in any order, twice, late: what was taken is what the invoice and the balance have.
    #[test]
    fn money_is_neither_lost_nor_taken_twice(
        cents in 1_i64..100_000, balance in -100_i64..50_000,
        steps in proptest::collection::vec((0_usize..7, 0_usize..4), 0..40),
    ) {
        let mut invoice = invoice(Draft, &Decimal::new(cents, 2).to_string());
        let start = Decimal::new(balance, 2);
        let mut balance = start + finalize(&mut invoice, "A-1".into(), start, by_stripe, march(1)).unwrap().0;
        let (mut begun, mut taken) = (Vec::<(PaymentId, Decimal, bool)>::new(), Decimal::ZERO);
        for (what, which) in steps {
            let known = begun.get(which).copied();
            match (what, known) {
                (0, _) => {
                    let (due, live) = (invoice.due().amount, invoice.live_payment);
                    let payment = PaymentId::new();
                    if begin_payment(&mut invoice, payment, march(2)).is_ok() {
                        prop_assert_eq!(live, None);
                        prop_assert!(due > Decimal::ZERO);
                        begun.push((payment, due, false));
                    }
                }
                (1, Some((payment, due, false))) => {
                    begun[which].2 = true;
                    taken += due;
                    match settle(&mut invoice, payment, Ended::Succeeded(due), Reason::Schedule, march(3)) {
                        Settled::Paid { balance_delta } | Settled::Surplus { balance_delta, .. } => {
                            balance += balance_delta.0;
                        }
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                (2, Some((payment, _, false))) => {
                    let _ = settle(&mut invoice, payment, DECLINED, Reason::Schedule, march(3));
                }
                (3, _) => balance += void(&mut invoice, march(4)).unwrap_or_default().0,
                (4, _) => drop(give_up(&mut invoice, march(4))),
                (5, _) => balance += call_off(&mut invoice, march(4)).unwrap_or_default().0,
                _ => drop(come_due(&mut invoice, march(5))),
            }
            prop_assert!(invoice.amount_paid + invoice.from_balance <= invoice.total);
            prop_assert_eq!(start + taken, balance + invoice.amount_paid + invoice.from_balance);
        }
    }
}
