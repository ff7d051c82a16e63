//! What a merchant may ask of a payment after it was accepted: to take what was reserved, or to call it
//! off. Whoever comes first wins; the other is told why not.

use rust_decimal::Decimal;

use crate::{job::Kind, money::Money};

use super::{Outcome, Payment, Stage, Status, begin_stage};
use crate::clock::Timestamp;

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The payment was changed; the gateway is to be asked by a job of that kind, if there is one.
    Accepted(Option<Kind>),
    /// It was accepted before, and nothing changes.
    Repeated,
    /// It is refused.
    Refused(Refusal),
}

/// Why it cannot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its charge is at the gateway at this moment.
    #[error("the payment is at the gateway at this moment; its outcome decides")]
    UnderWay,
    /// Another command came first.
    #[error("{0}")]
    TooLate(&'static str),
    /// Nothing is reserved.
    #[error("a payment that is {0} has nothing to capture; only an authorized one has")]
    NothingReserved(Status),
    /// It has ended.
    #[error("a payment that is {0} cannot be canceled{1}")]
    Ended(Status, &'static str),
    /// A person looks at it.
    #[error("the outcome of the payment could not be found out, and a person is looking")]
    InReview,
    /// More than was reserved.
    #[error("the payment has {reserved} reserved, and {asked} is more")]
    TooMuch {
        /// What was asked for.
        asked: Money,
        /// What there is.
        reserved: Money,
    },
}

/// A merchant wants what was reserved, or `amount` of it; the rest is released.
pub fn capture(payment: &mut Payment, amount: Option<Decimal>, now: Timestamp) -> Decision {
    let reserved = payment.request.money;
    let amount = amount.unwrap_or(reserved.amount);
    match (payment.status, payment.stage) {
        (Status::Processing, Stage::Capture) if payment.stage_amount == Some(amount) => Decision::Repeated,
        (Status::Processing, Stage::Capture) => {
            Decision::Refused(Refusal::TooLate("another amount is being captured"))
        }
        (Status::Processing, Stage::Cancel) => Decision::Refused(Refusal::TooLate("it is being canceled")),
        (Status::Succeeded, Stage::Capture) if payment.amount_captured == amount => Decision::Repeated,
        (Status::Authorized, _) if amount > reserved.amount => {
            Decision::Refused(Refusal::TooMuch { asked: Money { amount, ..reserved }, reserved })
        }
        (Status::Authorized, _) => {
            enter_stage(payment, Stage::Capture, Some(amount), now);
            Decision::Accepted(Some(Kind::CapturePayment))
        }
        (Status::NeedsReview, _) => Decision::Refused(Refusal::InReview),
        (status, _) => Decision::Refused(Refusal::NothingReserved(status)),
    }
}

/// A merchant wants the payment called off.
pub fn cancel(payment: &mut Payment, now: Timestamp) -> Decision {
    match (payment.status, payment.stage) {
        (Status::Canceled, _) | (Status::Processing, Stage::Cancel) => Decision::Repeated,
        // Never at the gateway: its job will find it ended.
        (Status::Pending, _) => {
            super::enter(payment, Outcome::Canceled, now);
            Decision::Accepted(None)
        }
        (Status::Processing, Stage::Capture) => Decision::Refused(Refusal::TooLate("it is being captured")),
        (Status::Processing, _) => Decision::Refused(Refusal::UnderWay),
        (Status::Authorized | Status::RequiresAction, _) => {
            enter_stage(payment, Stage::Cancel, None, now);
            Decision::Accepted(Some(Kind::CancelPayment))
        }
        (Status::Succeeded, _) => Decision::Refused(Refusal::Ended(payment.status, ": refund it instead")),
        (Status::Failed, _) => Decision::Refused(Refusal::Ended(payment.status, "")),
        (Status::NeedsReview, _) => Decision::Refused(Refusal::InReview),
    }
}

fn enter_stage(payment: &mut Payment, stage: Stage, amount: Option<Decimal>, now: Timestamp) {
    // Where the payer was sent is kept: should the gateway not do it, they are still there.
    let url = payment.next_action_url.take();
    super::enter(payment, Outcome::Processing, now);
    begin_stage(payment, stage, amount);
    payment.next_action_url = url;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::doubt::CallLog,
        payment::state::{enter, tests::payment},
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn amount(text: &str) -> Option<Decimal> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn only_what_is_reserved_can_be_captured() {
        for status in Status::ALL {
            let decision = capture(&mut payment(status), amount("10"), NOW);
            let accepted = decision == Decision::Accepted(Some(Kind::CapturePayment));
            assert_eq!(accepted, status == Status::Authorized, "{status}: {decision:?}");
        }
        let more = capture(&mut payment(Status::Authorized), amount("49.91"), NOW);
        assert!(matches!(more, Decision::Refused(Refusal::TooMuch { .. })), "{more:?}");
    }

    #[test]
    fn what_has_not_moved_can_be_canceled() {
        for (status, expected) in [
            (Status::Pending, Decision::Accepted(None)),
            (Status::Processing, Decision::Refused(Refusal::UnderWay)),
            (Status::RequiresAction, Decision::Accepted(Some(Kind::CancelPayment))),
            (Status::Authorized, Decision::Accepted(Some(Kind::CancelPayment))),
            (Status::Succeeded, Decision::Refused(Refusal::Ended(Status::Succeeded, ": refund it instead"))),
            (Status::Failed, Decision::Refused(Refusal::Ended(Status::Failed, ""))),
            (Status::Canceled, Decision::Repeated),
            (Status::NeedsReview, Decision::Refused(Refusal::InReview)),
        ] {
            assert_eq!(cancel(&mut payment(status), NOW), expected, "{status}");
        }
    }

    /// Of a capture and a cancellation, one is first, and the other is told so.
    #[test]
    fn exactly_one_of_the_two_wins() {
        let mut captured = payment(Status::Authorized);
        assert!(matches!(capture(&mut captured, amount("10"), NOW), Decision::Accepted(_)));
        assert_eq!(cancel(&mut captured, NOW), Decision::Refused(Refusal::TooLate("it is being captured")));
        assert_eq!(capture(&mut captured, amount("10"), NOW), Decision::Repeated);
        assert!(matches!(capture(&mut captured, amount("11"), NOW), Decision::Refused(Refusal::TooLate(_))));

        let mut canceled = payment(Status::Authorized);
        assert!(matches!(cancel(&mut canceled, NOW), Decision::Accepted(_)));
        assert!(matches!(capture(&mut canceled, None, NOW), Decision::Refused(Refusal::TooLate(_))));
        assert_eq!(cancel(&mut canceled, NOW), Decision::Repeated);
    }

    /// Each operation has a key of its own, and counts its own calls.
    #[test]
    fn every_operation_has_its_own_key() {
        let mut payment = payment(Status::Authorized);
        let mut keys = vec![payment.key()];
        for _ in 0..2 {
            assert!(matches!(capture(&mut payment, None, NOW), Decision::Accepted(_)));
            assert_eq!(payment.call_log, CallLog::default());
            keys.push(payment.key());
            enter(&mut payment, Outcome::Authorized { charge_ref: None, card: None, failure: None }, NOW);
        }
        keys.dedup();
        assert_eq!(keys.len(), 3, "{keys:?}");
    }
}
