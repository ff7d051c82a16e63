//! Facts that come when the payment has gone on: of an operation before the present one, of the gateway before a
//! fallback, and of what was moved a second time.

use super::*;
use crate::payment::{Fallback, Stage};

fn named(gateway_ref: &str, amount: &str) -> Charge {
    Charge { gateway_ref: gateway_ref.into(), ..charge(amount) }
}

fn known_as(gateway_ref: &str, payment: Payment) -> Payment {
    Payment { gateway_ref: Some(gateway_ref.into()), ..payment }
}

/// What is beside the payment, and what it becomes.
fn late(now: &Payment, seen: &Payment, report: Report<ChargeOutcome>) -> (Option<String>, Option<Outcome>) {
    let change = apply_late(now, seen, &report, charging(1));
    assert_eq!(change.duplicate.is_some(), change.alarm == Some(Alarm::MovedTwice), "{change:?}");
    let has_left = now.route.gateway != seen.route.gateway;
    let is_held = has_left && matches!(report, Ok(ChargeOutcome::Authorized(_)));
    assert_eq!(is_held, change.alarm == Some(Alarm::ReservedElsewhere), "{change:?}");
    assert_eq!(change.work, Work::Done, "the job is somebody else's");
    (change.duplicate.map(|charge| charge.gateway_ref.to_string()), change.to)
}

#[test]
fn a_second_success_is_beside_the_first() {
    let succeeded = || known_as("pi_1", payment(Succeeded));
    for (charge, beside) in [
        (named("pi_1", "49.90"), None),
        (named("pi_2", "49.90"), Some("pi_2")),
        // Whatever it is about: it has moved.
        (named("pi_2", "49.91"), Some("pi_2")),
    ] {
        let report = Ok(ChargeOutcome::Succeeded(charge));
        let (found, becomes) = late(&succeeded(), &payment(Processing), report.clone());
        assert_eq!((found.as_deref(), becomes), (beside, None), "{report:?}");
        assert_eq!(
            apply(&succeeded(), &report, charging(1)).duplicate.is_some(),
            beside.is_some(),
            "a look-up hears of it as well"
        );
    }
}

/// The first to be heard of is what the payment stands for, whatever it was known as before.
#[test]
fn a_first_success_under_another_name_is_the_payments_own() {
    let now = known_as("pi_1", payment(Processing));
    let (beside, becomes) =
        late(&now, &payment(Processing), Ok(ChargeOutcome::Succeeded(named("pi_2", "49.90"))));
    assert_eq!(beside, None);
    assert!(matches!(becomes, Some(Outcome::Succeeded { .. })), "{becomes:?}");
}

#[test]
fn what_the_gateway_before_a_fallback_took_is_booked_there() {
    let mut seen = payment(Processing);
    seen.route.fallback = Some(Fallback {
        method: MethodType::Paypal,
        token: "vault_ok".into(),
        gateway: GatewayName::Paypal,
        on_soft_decline: false,
    });
    for status in [Processing, Succeeded, Failed, NeedsReview] {
        let mut now = seen.clone();
        enter(&mut now, Outcome::Rerouted, at(1));
        let now = Payment { status, ..now };
        let (beside, becomes) = late(&now, &seen, succeeded());
        assert_eq!((beside.as_deref(), becomes), (Some("pi_1"), None), "{status}");
        // What it only reserved is no money that has moved, and none of this payment's any more.
        assert_eq!(late(&now, &seen, authorized()), (None, None), "{status}");
    }
}

/// A capture of 10.00 that seemed lost did happen, while 20.00 are asked for.
#[test]
fn a_capture_that_comes_late_is_measured_by_what_it_asked_for() {
    let capturing = |number, amount: &str| Payment {
        stage: Stage::Capture,
        stage_number: number,
        stage_amount: Some(amount.parse().unwrap()),
        charge_ref: Some("ch_1".into()),
        ..known_as("pi_1", payment(Processing))
    };
    let (seen, now) = (capturing(1, "10"), capturing(2, "20"));
    let report = || Ok(ChargeOutcome::Succeeded(charge("10.00")));
    let (beside, becomes) = late(&now, &seen, report());
    assert_eq!(beside, None);
    let Some(Outcome::Succeeded { captured, .. }) = becomes else { panic!("{becomes:?}") };
    assert_eq!(captured, Decimal::TEN);
    // The present one is told what it did not ask for.
    let change = apply(&now, &report(), charging(1));
    assert!(matches!(change.to, Some(Outcome::NeedsReview { .. })), "{change:?}");
}

#[test]
fn what_is_no_fact_is_lost() {
    let now = known_as("pi_1", payment(Processing));
    for report in every_report() {
        let is_fact = matches!(report, Ok(ChargeOutcome::Succeeded(_)) | Ok(ChargeOutcome::Authorized(_)));
        let (beside, becomes) = late(&now, &payment(Processing), report.clone());
        assert_eq!((beside, becomes.is_some()), (None, is_fact), "{report:?}");
    }
    let capturing = Payment {
        stage: Stage::Capture,
        stage_amount: Some(Decimal::TEN),
        ..known_as("pi_1", payment(Processing))
    };
    assert_eq!(late(&capturing, &payment(Processing), authorized()), (None, None));
}
