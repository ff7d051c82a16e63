//! The rules, by table; and by property: whatever reports come, in whatever order, with a crash anywhere
//! between, nobody is told a failure while money moved, and nothing is charged twice.

mod fallback;
mod late;

use proptest::prelude::*;

use super::*;
use crate::{
    gateway::{Capture, Decline, DeclineClass, Fault, GatewayName, MethodType, Resolution, doubt::CallLog},
    id::{MerchantId, PaymentId},
    money::{Currency, Money},
    payment::{PaymentRequest, Route, Status::*},
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

/// A payment of 49.90 EUR, in that status.
pub fn payment(status: Status) -> Payment {
    let money = Money::parse_positive("49.90", Currency::from_code("EUR").unwrap()).unwrap();
    let failure = Failure { code: "x".into(), message: "x".into(), decline_class: None };
    Payment {
        id: PaymentId::new(),
        merchant_id: MerchantId::new(),
        request: PaymentRequest {
            money,
            capture: Capture::Automatic,
            customer: None,
            description: None,
            order_id: None,
            metadata: crate::metadata::Metadata::new(),
            return_url: None,
        },
        route: Route {
            method: MethodType::Card,
            token: Some("pm_card_visa".into()),
            gateway: GatewayName::Stripe,
            fallback: None,
        },
        created_at: at(0),
        status,
        stage: Stage::Charge,
        stage_number: 0,
        stage_amount: None,
        amount_refunded: Decimal::ZERO,
        account: None,
        billing: None,
        amount_refunding: Decimal::ZERO,
        amount_captured: if status == Succeeded { money.amount } else { Decimal::ZERO },
        failure: (status == Failed).then_some(failure),
        next_action_url: None,
        review_reason: (status == NeedsReview).then(|| "x".into()),
        version: 1,
        updated_at: at(0),
        settled_at: None,
        gateway_ref: None,
        charge_ref: None,
        card: None,
        call_log: call_log(1, 0),
    }
}

fn call_log(calls_begun: i32, calls_not_sent: i32) -> CallLog {
    CallLog { calls_begun, calls_not_sent, first_call_at: Some(at(0)), last_call_at: Some(at(0)) }
}

fn charge(amount: &str) -> Charge {
    let currency = Currency::from_code("EUR").unwrap();
    Charge {
        gateway_ref: "pi_1".into(),
        charge_ref: Some("ch_1".into()),
        card: None,
        money: Some(Money::parse_positive(amount, currency).unwrap()),
        fee: None,
    }
}

fn succeeded() -> Report<ChargeOutcome> {
    Ok(ChargeOutcome::Succeeded(charge("49.90")))
}

fn authorized() -> Report<ChargeOutcome> {
    Ok(ChargeOutcome::Authorized(charge("49.90")))
}

fn declined() -> Report<ChargeOutcome> {
    Ok(ChargeOutcome::Declined(Decline {
        class: DeclineClass::Soft,
        code: "insufficient_funds".into(),
        message: "no".into(),
        gateway_ref: None,
    }))
}

fn not_sent() -> Report<ChargeOutcome> {
    Err(InDoubt::NotSent { why: "refused".into(), retry_after: None, obstacle: Obstacle::Unreachable })
}

fn unknown(resolution: Resolution) -> Report<ChargeOutcome> {
    Err(InDoubt::Unknown { why: "time-out".into(), resolution })
}

fn refused(fault: Fault) -> Report<ChargeOutcome> {
    Err(InDoubt::Refused { code: "parameter_invalid".into(), message: "no".into(), fault })
}

fn processing() -> Report<ChargeOutcome> {
    Ok(ChargeOutcome::Processing { gateway_ref: "pi_1".into() })
}

fn requires_action() -> Report<ChargeOutcome> {
    Ok(ChargeOutcome::RequiresAction { gateway_ref: "pi_1".into(), url: Some("https://bank.example".into()) })
}

fn canceled() -> Report<ChargeOutcome> {
    Ok(ChargeOutcome::Canceled { gateway_ref: "pi_1".into() })
}

fn approved() -> Report<ChargeOutcome> {
    Ok(ChargeOutcome::Approved { gateway_ref: "pi_1".into() })
}

fn deferred() -> Report<ChargeOutcome> {
    Err(InDoubt::Deferred {
        why: "resting".into(),
        wait: Duration::from_secs(7),
        obstacle: Obstacle::Unreachable,
    })
}

fn look_up() -> Work {
    Work::Next { kind: Kind::ResolvePayment, after: Duration::ZERO }
}

fn every_report() -> Vec<Report<ChargeOutcome>> {
    vec![
        succeeded(),
        authorized(),
        declined(),
        not_sent(),
        unknown(Resolution::Replay),
        unknown(Resolution::LookUp),
        refused(Fault::Request),
        refused(Fault::Credentials),
        processing(),
        requires_action(),
        canceled(),
        approved(),
        deferred(),
        Err(InDoubt::NotFound),
    ]
}

const CHARGE: Context = Context { now: Timestamp::UNIX_EPOCH, kind: Kind::ChargePayment };

fn charging(seconds: i64) -> Context {
    Context { now: at(seconds), ..CHARGE }
}

fn resolving(seconds: i64) -> Context {
    Context { now: at(seconds), kind: Kind::ResolvePayment }
}

/// Where a payment stands after a report.
fn after(mut payment: Payment, report: &Report<ChargeOutcome>, context: Context) -> (Status, Work) {
    let change = apply(&payment, report, context);
    if let Some(outcome) = change.to {
        enter(&mut payment, outcome, context.now);
    }
    (payment.status, change.work)
}

const HOUR: i64 = 3600;

#[test]
fn what_a_charge_becomes() {
    let kind = |work: &Work| match work {
        Work::Done => "done",
        Work::Retry { .. } => "retry",
        Work::Snooze { .. } => "snooze",
        Work::Next { kind: Kind::ResolvePayment, .. } => "look up",
        Work::Next { .. } => "another",
    };
    for (report, context, status, work) in [
        (succeeded(), charging(1), Succeeded, "done"),
        (authorized(), charging(1), Authorized, "done"),
        (declined(), charging(1), Failed, "done"),
        (canceled(), charging(1), Canceled, "done"),
        (processing(), charging(1), Processing, "look up"),
        (requires_action(), charging(1), RequiresAction, "look up"),
        (not_sent(), charging(1), Processing, "retry"),
        (not_sent(), charging(21 * HOUR), Failed, "done"),
        (unknown(Resolution::Replay), charging(1), Processing, "retry"),
        (unknown(Resolution::Replay), charging(21 * HOUR), Processing, "look up"),
        (unknown(Resolution::LookUp), charging(1), Processing, "look up"),
        (refused(Fault::Request), charging(1), Failed, "done"),
        (refused(Fault::Credentials), charging(1), Failed, "done"),
        (succeeded(), resolving(1), Succeeded, "done"),
        (declined(), resolving(1), Failed, "done"),
        (processing(), resolving(1), Processing, "retry"),
        (requires_action(), resolving(1), RequiresAction, "retry"),
        (deferred(), charging(1), Processing, "snooze"),
        (deferred(), charging(100 * HOUR), Processing, "snooze"),
        (deferred(), resolving(1), Processing, "snooze"),
        (approved(), resolving(1), Processing, "another"),
        (Err(InDoubt::NotFound), resolving(1), Processing, "retry"),
        (Err(InDoubt::NotFound), resolving(HOUR), NeedsReview, "done"),
        (unknown(Resolution::LookUp), resolving(1), Processing, "retry"),
        (unknown(Resolution::LookUp), resolving(73 * HOUR), NeedsReview, "done"),
        (processing(), resolving(29 * 24 * HOUR), Processing, "retry"),
        (processing(), resolving(31 * 24 * HOUR), NeedsReview, "done"),
        (requires_action(), resolving(6 * 24 * HOUR), RequiresAction, "retry"),
        (requires_action(), resolving(8 * 24 * HOUR), Processing, "another"),
    ] {
        let (became, then) = after(payment(Processing), &report, context);
        assert_eq!((became, kind(&then)), (status, work), "{report:?} at {:?}", context.now);
    }
}

#[test]
fn a_refusal_after_a_request_that_may_have_run_is_not_a_failure() {
    let exposed = Payment { call_log: call_log(2, 0), ..payment(Processing) };
    for report in [refused(Fault::Request), refused(Fault::Credentials)] {
        let (status, work) = after(exposed.clone(), &report, charging(1));
        assert_eq!((status, work), (Processing, look_up()));
    }
    let sent_for_the_first_time = Payment { call_log: call_log(2, 1), ..payment(Processing) };
    assert_eq!(after(sent_for_the_first_time, &refused(Fault::Request), charging(1)).0, Failed);
}

#[test]
fn an_unreachable_gateway_is_a_failure_only_if_nothing_ever_ran() {
    let exposed = Payment { call_log: call_log(3, 1), ..payment(Processing) };
    let (status, work) = after(exposed, &not_sent(), charging(21 * HOUR));
    assert_eq!((status, work), (Processing, look_up()));
}

#[test]
fn what_was_told_stands_but_money_that_moved_is_always_recorded() {
    for status in Status::ALL.into_iter().filter(|status| status.is_final()) {
        for report in every_report() {
            let (became, work) = after(payment(status), &report, resolving(1));
            let expected = match (status, &report) {
                (Succeeded, _) | (_, Ok(ChargeOutcome::Succeeded(_))) => Succeeded,
                (_, Ok(ChargeOutcome::Authorized(_))) => Authorized,
                (Authorized | NeedsReview, Ok(ChargeOutcome::Canceled { .. })) => Canceled,
                (NeedsReview, Ok(ChargeOutcome::Declined(_))) => Failed,
                _ => status,
            };
            assert_eq!((became, work), (expected, Work::Done), "{status:?} {report:?}");
        }
    }
    let late = apply(&payment(Failed), &succeeded(), charging(1));
    assert!(late.alarm.is_some(), "a late success is an alarm");
}

#[test]
fn another_amount_than_asked_for_is_shown_to_a_person() {
    for report in
        [Ok(ChargeOutcome::Succeeded(charge("49.91"))), Ok(ChargeOutcome::Authorized(charge("4.99")))]
    {
        let change = apply(&payment(Processing), &report, charging(1));
        assert!(matches!(change.to, Some(Outcome::NeedsReview { .. })), "{change:?}");
        assert!(change.alarm.is_some());
    }
}

/// A bank debit of several days meets a bad minute of its gateway: that is no reason to give it up.
#[test]
fn what_the_gateway_has_is_not_given_up_for_a_bad_answer() {
    let known = Payment { gateway_ref: Some("pi_1".into()), ..payment(Processing) };
    for report in [unknown(Resolution::LookUp), Err(InDoubt::NotFound)] {
        let (status, work) = after(known.clone(), &report, resolving(100 * HOUR));
        assert!(matches!((status, &work), (Processing, Work::Retry { .. })), "{report:?}: {work:?}");
    }
}

/// PayPal forgets an order that nobody approves. Where nothing is ever forgotten, that it is not found is
/// no answer: it may be another account that we ask.
#[test]
fn what_the_payer_has_left_is_over_when_the_gateway_forgets_it() {
    for (gateway, hours, expected) in [
        (GatewayName::Paypal, 5, RequiresAction),
        (GatewayName::Paypal, 7, Failed),
        (GatewayName::Stripe, 7, RequiresAction),
    ] {
        let mut left = Payment { gateway_ref: Some("5O1".into()), ..payment(RequiresAction) };
        left.route.gateway = gateway;
        let (status, _) = after(left, &Err(InDoubt::NotFound), resolving(hours * HOUR));
        assert_eq!(status, expected, "{gateway} {hours} h");
    }
}

#[test]
fn a_refusal_of_our_credentials_is_not_quoted() {
    let mut refused_by_key = payment(Processing);
    let report = Err(InDoubt::Refused {
        code: "x".into(),
        message: "bad key sk_live_***1".into(),
        fault: Fault::Credentials,
    });
    let change = apply(&refused_by_key, &report, charging(1));
    enter(&mut refused_by_key, change.to.unwrap(), at(1));
    assert!(!refused_by_key.failure.unwrap().message.contains("sk_live"));
    assert!(change.alarm.is_some());
}

#[test]
fn the_gateways_request_to_wait_is_kept() {
    let wait = Duration::from_secs(30);
    let report =
        Err(InDoubt::NotSent { why: "limited".into(), retry_after: Some(wait), obstacle: Obstacle::Busy });
    let change = apply(&payment(Processing), &report, charging(1));
    assert_eq!(change.work, Work::Retry { why: "limited".into(), at_least: wait });
    assert!(change.call_not_sent);
}

/// A gateway with Stripe's rules, as far as the state machine can see them, and with faults.
#[derive(Debug, Default)]
struct Gateway {
    charges: u32,
    /// What it did first: this is what a look-up finds.
    did: Option<Stored>,
    /// What it kept under the key, and when; forgotten after a day.
    kept: Option<(Stored, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stored {
    Charged,
    Declined,
    /// Charged, but the answer kept under the key is a 500.
    ChargedButFaulty,
    /// Not charged, and the answer kept under the key is a 500.
    Faulty,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered(Stored),
    LostBefore,
    LostAfter(Stored),
    Unreachable,
    WorkerDies(Option<Stored>),
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let stored = prop_oneof![
        Just(Stored::Charged),
        Just(Stored::Declined),
        Just(Stored::ChargedButFaulty),
        Just(Stored::Faulty)
    ];
    let fate = prop_oneof![
        stored.clone().prop_map(Fate::Answered),
        Just(Fate::LostBefore),
        stored.clone().prop_map(Fate::LostAfter),
        Just(Fate::Unreachable),
        proptest::option::of(stored).prop_map(Fate::WorkerDies),
    ];
    proptest::collection::vec(fate, 1..40)
}

impl Gateway {
    fn run(&mut self, stored: Stored, now: i64) -> Stored {
        self.kept.take_if(|(_, since)| now - *since > 24 * HOUR);
        let (kept, _) = *self.kept.get_or_insert_with(|| {
            self.charges += u32::from(matches!(stored, Stored::Charged | Stored::ChargedButFaulty));
            self.did.get_or_insert(stored);
            (stored, now)
        });
        kept
    }

    /// `None`: the worker died and nothing is reported.
    fn charge(&mut self, fate: Fate, now: i64) -> Option<Report<ChargeOutcome>> {
        match fate {
            Fate::Answered(stored) => Some(match self.run(stored, now) {
                Stored::Charged => succeeded(),
                Stored::Declined => declined(),
                Stored::ChargedButFaulty | Stored::Faulty => unknown(Resolution::LookUp),
            }),
            Fate::LostBefore => Some(unknown(Resolution::Replay)),
            Fate::LostAfter(stored) => {
                self.run(stored, now);
                Some(unknown(Resolution::Replay))
            }
            Fate::Unreachable => Some(not_sent()),
            Fate::WorkerDies(ran) => {
                ran.map(|stored| self.run(stored, now));
                None
            }
        }
    }

    fn look_up(&self, fate: Fate) -> Option<Report<ChargeOutcome>> {
        match fate {
            Fate::WorkerDies(_) => None,
            Fate::LostBefore | Fate::LostAfter(_) | Fate::Unreachable => Some(unknown(Resolution::LookUp)),
            Fate::Answered(_) => Some(match self.did {
                Some(Stored::Charged | Stored::ChargedButFaulty) => succeeded(),
                Some(Stored::Declined) => declined(),
                Some(Stored::Faulty) | None => Err(InDoubt::NotFound),
            }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// Lives whole payments through, with faults at every step, and compares what we tell with what the
    /// gateway did.
    #[test]
    fn whatever_happens_the_books_agree(fates in fates(), step_seconds in 1_i64..100_000) {
        let mut gateway = Gateway::default();
        let mut told = Payment { call_log: CallLog::default(), ..payment(Pending) };
        let (mut kind, mut now) = (Kind::ChargePayment, 0);
        // After the last fault the gateway answers, and what is snoozed is snoozed for up to an hour.
        let faults = fates.len();
        let fates = fates.into_iter().chain(std::iter::repeat_n(Fate::Answered(Stored::Charged), 40));
        for (step, fate) in fates.enumerate() {
            now += if step < faults { step_seconds } else { step_seconds.max(HOUR) };
            let report = if kind == Kind::ChargePayment {
                told.status = Processing;
                told.call_log.calls_begun += 1;
                told.call_log.first_call_at.get_or_insert(at(now));
                if may_send(&told, at(now)) {
                    gateway.charge(fate, now)
                } else {
                    Some(unknown(Resolution::LookUp))
                }
            } else {
                gateway.look_up(fate)
            };
            let Some(report) = report else { continue };
            let change = apply(&told, &report, Context { now: at(now), kind });
            told.call_log.calls_not_sent += i32::from(change.call_not_sent);
            if let Some(outcome) = change.to {
                enter(&mut told, outcome, at(now));
            }
            match change.work {
                Work::Done => break,
                Work::Retry { .. } | Work::Snooze { .. } => {}
                Work::Next { kind: next, .. } => kind = next,
            }
        }
        prop_assert!(told.status.is_final(), "it ends: {told:?}");
        prop_assert!(gateway.charges <= 1);
        match told.status {
            Succeeded => prop_assert_eq!(gateway.charges, 1),
            Failed => prop_assert_eq!(gateway.charges, 0),
            NeedsReview => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
