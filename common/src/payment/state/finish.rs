//! A capture or a cancellation under way. Exactly one of them can be, and either ends where it began if
//! the gateway says that it did not happen: the money is still reserved, or the payer still at work.

use crate::gateway::{ChargeOutcome, Report, doubt::SLOW_OUTCOME_POLL};

use super::{
    Change, Context, Failure, Outcome, Payment, Stage, Work, canceled, declined, failure_of, in_doubt, slow,
    succeeded,
};
use crate::payment::Status;

/// Decides what `report` changes.
pub fn apply(payment: &Payment, report: &Report<ChargeOutcome>, context: Context) -> Change {
    // A person has it: only a definite answer takes it back.
    let is_in_review = payment.status == Status::NeedsReview;
    match report {
        Ok(ChargeOutcome::Canceled { gateway_ref }) => canceled(gateway_ref),
        Ok(ChargeOutcome::Authorized(_)) => did_not_happen(payment, not_done(payment.stage)),
        Ok(ChargeOutcome::Declined(decline)) if payment.charge_ref.is_some() => {
            did_not_happen(payment, failure_of(decline))
        }
        // The payer was still at work, and has failed meanwhile: there is nothing left to call off.
        Ok(ChargeOutcome::Declined(decline)) => declined(decline),
        Ok(
            ChargeOutcome::Processing { .. }
            | ChargeOutcome::RequiresAction { .. }
            | ChargeOutcome::Approved { .. },
        )
        | Err(_)
            if is_in_review =>
        {
            Change::nothing_left()
        }
        Ok(ChargeOutcome::Processing { gateway_ref }) => slow(payment, gateway_ref, context),
        Ok(ChargeOutcome::RequiresAction { .. } | ChargeOutcome::Approved { .. }) => {
            did_not_happen(payment, not_done(payment.stage))
        }
        Ok(ChargeOutcome::Succeeded(charge)) => succeeded(payment, charge),
        Err(doubt) => in_doubt(payment, doubt, context, |failure| did_not_happen(payment, failure)),
    }
}

/// Back to where it was, with the reason.
fn did_not_happen(payment: &Payment, failure: Failure) -> Change {
    if payment.charge_ref.is_some() {
        let outcome = Outcome::Authorized { charge_ref: None, card: None, failure: Some(failure) };
        return Change::becomes(outcome, Work::Done);
    }
    let work = Work::Next { kind: crate::job::Kind::ResolvePayment, after: SLOW_OUTCOME_POLL };
    Change::becomes(Outcome::RequiresAction { url: payment.next_action_url.clone() }, work)
}

fn not_done(stage: Stage) -> Failure {
    let (code, message) = match stage {
        Stage::Cancel => ("not_canceled", "The gateway has not called the payment off."),
        Stage::Capture | Stage::Charge | Stage::Complete => {
            ("not_captured", "The gateway has not taken the money; it is still reserved.")
        }
    };
    Failure { code: code.into(), message: message.into(), decline_class: None }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::{
        gateway::{Capture, Charge, Decline, DeclineClass, Fault, InDoubt, Resolution},
        job::Kind,
        money::Money,
        payment::{
            Status::{
                self, Authorized, Canceled, Failed, NeedsReview, Processing, RequiresAction, Succeeded,
            },
            state::{apply, enter, tests::payment},
        },
    };

    fn under_way(stage: Stage, reserved: bool) -> Payment {
        let mut payment = payment(Processing);
        payment.request.capture = Capture::Manual;
        payment.gateway_ref = Some("pi_1".into());
        payment.charge_ref = reserved.then(|| "ch_1".into());
        payment.stage = stage;
        payment.stage_number = 1;
        payment.stage_amount = (stage == Stage::Capture).then_some(Decimal::TEN);
        payment
    }

    fn charge(amount: Decimal) -> Charge {
        let money = Some(Money { amount, ..payment(Processing).request.money });
        Charge { gateway_ref: "pi_1".into(), charge_ref: None, card: None, money, fee: None }
    }

    fn declined() -> Report<ChargeOutcome> {
        Ok(ChargeOutcome::Declined(Decline {
            class: DeclineClass::Hard,
            code: "expired".into(),
            message: "no".into(),
            gateway_ref: None,
        }))
    }

    fn after(mut payment: Payment, report: &Report<ChargeOutcome>, kind: Kind) -> (Payment, Work) {
        let now = payment.call_log.first_call_at.unwrap();
        let change = apply(&payment, report, Context { now, kind });
        if let Some(outcome) = change.to {
            enter(&mut payment, outcome, now);
        }
        (payment, change.work)
    }

    #[test]
    fn what_a_capture_and_a_cancellation_become() {
        let reserved = payment(Processing).request.money.amount;
        let refused =
            || Err(InDoubt::Refused { code: "x".into(), message: "x".into(), fault: Fault::Request });
        let unknown = |resolution| Err(InDoubt::Unknown { why: "x".into(), resolution });
        let canceled = || Ok(ChargeOutcome::Canceled { gateway_ref: "pi_1".into() });
        let acting = || Ok(ChargeOutcome::RequiresAction { gateway_ref: "pi_1".into(), url: None });
        let (capture, cancel, resolve) = (Kind::CapturePayment, Kind::CancelPayment, Kind::ResolvePayment);
        for (stage, is_reserved, report, kind, expected) in [
            (Stage::Capture, true, Ok(ChargeOutcome::Succeeded(charge(Decimal::TEN))), capture, Succeeded),
            (Stage::Capture, true, Ok(ChargeOutcome::Succeeded(charge(Decimal::ONE))), capture, NeedsReview),
            (Stage::Capture, true, Ok(ChargeOutcome::Authorized(charge(reserved))), resolve, Authorized),
            (Stage::Capture, true, canceled(), capture, Canceled),
            (Stage::Capture, true, declined(), capture, Authorized),
            (Stage::Capture, true, refused(), capture, Authorized),
            (Stage::Capture, true, unknown(Resolution::Replay), capture, Processing),
            (Stage::Capture, true, unknown(Resolution::LookUp), capture, Processing),
            (Stage::Capture, true, Err(InDoubt::NotFound), resolve, Processing),
            (Stage::Cancel, true, canceled(), cancel, Canceled),
            // The money was taken first: that is a fact.
            (Stage::Cancel, true, Ok(ChargeOutcome::Succeeded(charge(reserved))), cancel, Succeeded),
            (Stage::Cancel, true, Ok(ChargeOutcome::Authorized(charge(reserved))), resolve, Authorized),
            (Stage::Cancel, true, refused(), cancel, Authorized),
            (Stage::Cancel, false, canceled(), cancel, Canceled),
            (Stage::Cancel, false, acting(), resolve, RequiresAction),
            (Stage::Cancel, false, declined(), resolve, Failed),
            (Stage::Cancel, false, unknown(Resolution::Replay), cancel, Processing),
        ] {
            let (payment, _) = after(under_way(stage, is_reserved), &report, kind);
            assert_eq!(payment.status, expected, "{stage} {report:?}");
            let told = payment.failure.is_some();
            assert_eq!(told, matches!(expected, Authorized | Failed), "{stage} {report:?}");
        }
    }

    #[test]
    fn what_was_taken_is_what_was_asked_for_not_what_was_reserved() {
        let report = Ok(ChargeOutcome::Succeeded(charge(Decimal::TEN)));
        let (payment, _) = after(under_way(Stage::Capture, true), &report, Kind::CapturePayment);
        assert_eq!(payment.amount_captured, Decimal::TEN);
        // Somebody has captured a part of it in the gateway's dashboard.
        let (payment, _) = after(under_way(Stage::Cancel, true), &report, Kind::ResolvePayment);
        assert_eq!((payment.status, payment.amount_captured), (Succeeded, Decimal::TEN));
    }

    /// A payer who was at work still is; their charge goes on as one.
    #[test]
    fn a_cancellation_that_did_not_happen_leaves_the_payer_at_work() {
        let acting = Ok(ChargeOutcome::RequiresAction { gateway_ref: "pi_1".into(), url: None });
        let (payment, work) = after(under_way(Stage::Cancel, false), &acting, Kind::ResolvePayment);
        assert_eq!((payment.status, payment.stage), (RequiresAction, Stage::Charge));
        assert!(matches!(work, Work::Next { kind: Kind::ResolvePayment, .. }));
        let debit = Ok(ChargeOutcome::Processing { gateway_ref: "pi_1".into() });
        assert_eq!(after(payment, &debit, Kind::ResolvePayment).0.status, Processing);
    }

    #[test]
    fn a_person_keeps_it_until_something_is_certain() {
        let reviewed = |stage| Payment {
            status: NeedsReview,
            review_reason: Some("x".into()),
            ..under_way(stage, true)
        };
        let status = |report: &Report<ChargeOutcome>| -> Status {
            after(reviewed(Stage::Capture), report, Kind::ResolvePayment).0.status
        };
        assert_eq!(status(&Err(InDoubt::NotFound)), NeedsReview);
        assert_eq!(status(&Ok(ChargeOutcome::Processing { gateway_ref: "pi_1".into() })), NeedsReview);
        assert_eq!(status(&Ok(ChargeOutcome::Succeeded(charge(Decimal::TEN)))), Succeeded);
        assert_eq!(status(&Ok(ChargeOutcome::Authorized(charge(Decimal::TEN)))), Authorized);
        assert_eq!(status(&Ok(ChargeOutcome::Canceled { gateway_ref: "pi_1".into() })), Canceled);
    }
}
