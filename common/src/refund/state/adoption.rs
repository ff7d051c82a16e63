//! Refunds that somebody has made at the gateway itself: which of them become ours, and as what. Their money is gone
//! whether we like it or not, so nothing is refused here; but only what is surely not ours already, and surely of the
//! movement that the payment stands for, is taken in.

use crate::{
    clock::Timestamp,
    gateway::{GatewayName, GatewayRefund, InDoubt, RefundOutcome, Report, doubt::CallLog},
    id::RefundId,
    metadata::Metadata,
    payment::{Payment, Status as PaymentStatus},
};

use super::super::{Origin, Refund, Status};

/// Why a refund that nobody here knows does not become one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAdopted {
    /// It gives back something else than the movement that a payment of ours stands for: a person looks at it.
    NotOurs,
    /// Something else must be known first.
    NotYet(Missing),
}

/// What must be known before a refund can be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// That the payment has succeeded: it is looked up.
    Payment,
    /// That an earlier refund has come back: there is no room for this one otherwise.
    OtherRefunds,
    /// What became of it: the gateway's word is none that we know.
    Outcome,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Payment => "a refund of a payment that has not succeeded here",
            Self::OtherRefunds => "a refund of more than is left here",
            Self::Outcome => "a refund whose outcome cannot be understood",
        })
    }
}

/// The refund that it becomes: under way, and holding its amount, until [`super::apply`] has seen what the gateway
/// says of it. Whether it is known already the store has looked.
pub fn adopt(
    payment: &Payment,
    gateway: GatewayName,
    made: &GatewayRefund,
    id: RefundId,
    now: Timestamp,
) -> Result<Refund, NotAdopted> {
    if !gives_back(payment, gateway, made)? {
        return Err(NotAdopted::NotOurs);
    }
    if payment.status != PaymentStatus::Succeeded {
        return Err(NotAdopted::NotYet(Missing::Payment));
    }
    if made.money.currency != payment.request.money.currency {
        return Err(NotAdopted::NotOurs);
    }
    match &made.report {
        Ok(RefundOutcome::Succeeded(_)) if made.money.amount > payment.unrefunded() => {
            return Err(NotAdopted::NotYet(Missing::OtherRefunds));
        }
        Ok(
            RefundOutcome::Succeeded(_)
            | RefundOutcome::Processing { .. }
            | RefundOutcome::Declined(_)
            | RefundOutcome::Canceled { .. },
        ) => {}
        Err(
            InDoubt::NotSent { .. }
            | InDoubt::Deferred { .. }
            | InDoubt::Unknown { .. }
            | InDoubt::Refused { .. }
            | InDoubt::NotFound,
        ) => return Err(NotAdopted::NotYet(Missing::Outcome)),
    }
    let made_at = made.made_at.map_or(now, |at| at.min(now));
    Ok(Refund {
        id,
        merchant_id: payment.merchant_id,
        payment_id: payment.id,
        origin: Origin::Gateway,
        money: made.money,
        reason: None,
        metadata: Metadata::default(),
        created_at: now,
        status: Status::Processing,
        failure: None,
        review_reason: None,
        version: 1,
        updated_at: now,
        settled_at: None,
        gateway_ref: Some(made.gateway_ref.clone()),
        // The one call that made it was not ours, and it has run: none of ours ever follows.
        call_log: CallLog {
            calls_begun: 1,
            calls_not_sent: 0,
            first_call_at: Some(made_at),
            last_call_at: Some(made_at),
        },
    })
}

/// Whether it gives back the very movement that the payment stands for. What was moved beside that, or at the gateway
/// before a fallback, is booked by itself, and so is what a person does about it.
fn gives_back(payment: &Payment, gateway: GatewayName, made: &GatewayRefund) -> Result<bool, NotAdopted> {
    if payment.route.gateway != gateway {
        return Ok(false);
    }
    let Some(known) = &payment.gateway_ref else { return Err(NotAdopted::NotYet(Missing::Payment)) };
    let is_same_movement = match (&made.charge_ref, &payment.charge_ref) {
        (Some(theirs), Some(ours)) => Some(theirs == ours),
        (Some(_), None) | (None, _) => None,
    };
    let is_same_payment = made.payment_ref.as_ref().map(|theirs| theirs == known);
    Ok(match (is_same_payment, is_same_movement) {
        (Some(false), _) | (_, Some(false)) | (None, None) => false,
        (Some(true), _) | (None, Some(true)) => true,
    })
}

/// Whether what the gateway says of a refund that is known is news to us.
#[must_use]
pub fn is_news(status: Status, report: &Report<RefundOutcome>) -> bool {
    match status {
        Status::Pending | Status::Processing | Status::NeedsReview => true,
        Status::Succeeded => {
            matches!(report, Ok(RefundOutcome::Declined(_)) | Ok(RefundOutcome::Canceled { .. }))
        }
        Status::Failed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::{Charge, Resolution},
        money::{Currency, Money},
        payment::state::tests::payment,
    };

    fn euros(amount: &str) -> Money {
        Money::parse_positive(amount, Currency::from_code("EUR").unwrap()).unwrap()
    }

    fn succeeded(amount: &str) -> Report<RefundOutcome> {
        let money = Some(euros(amount));
        Ok(RefundOutcome::Succeeded(Charge {
            gateway_ref: "re_1".into(),
            charge_ref: None,
            card: None,
            money,
            fee: None,
        }))
    }

    fn made(amount: &str) -> GatewayRefund {
        GatewayRefund {
            gateway_ref: "re_1".into(),
            reference: None,
            payment_reference: None,
            payment_ref: Some("pi_1".into()),
            charge_ref: Some("ch_1".into()),
            money: euros(amount),
            made_at: Timestamp::from_timestamp(1_700_000_000, 0),
            report: succeeded(amount),
        }
    }

    fn taken() -> Payment {
        Payment {
            gateway_ref: Some("pi_1".into()),
            charge_ref: Some("ch_1".into()),
            ..payment(PaymentStatus::Succeeded)
        }
    }

    fn adopted(payment: &Payment, made: &GatewayRefund) -> Result<Refund, NotAdopted> {
        let now = Timestamp::from_timestamp(1_700_000_060, 0).unwrap();
        adopt(payment, GatewayName::Stripe, made, RefundId::new(), now)
    }

    #[test]
    fn what_the_dashboard_gave_back_becomes_a_refund_that_is_never_sent() {
        let refund = adopted(&taken(), &made("9.90")).unwrap();
        assert_eq!(
            (refund.origin, refund.status, refund.money),
            (Origin::Gateway, Status::Processing, euros("9.90"))
        );
        assert_eq!(refund.gateway_ref.as_deref(), Some("re_1"));
        assert_eq!(refund.call_log.calls_begun, 1, "whoever finds it without a job must not send it");
        let slow = GatewayRefund {
            report: Ok(RefundOutcome::Processing { gateway_ref: "re_1".into() }),
            ..made("9.90")
        };
        assert!(adopted(&taken(), &slow).is_ok());
    }

    #[test]
    fn what_gives_back_another_movement_is_not_ours() {
        let not_ours = Some(NotAdopted::NotOurs);
        let of = |payment_ref: Option<&str>, charge_ref: Option<&str>| GatewayRefund {
            payment_ref: payment_ref.map(Into::into),
            charge_ref: charge_ref.map(Into::into),
            ..made("1.00")
        };
        for other in [
            of(Some("pi_2"), Some("ch_1")),
            of(Some("pi_1"), Some("ch_2")),
            of(None, Some("ch_2")),
            of(None, None),
        ] {
            assert_eq!(adopted(&taken(), &other).err(), not_ours, "{other:?}");
        }
        for same in [of(Some("pi_1"), None), of(None, Some("ch_1"))] {
            assert!(adopted(&taken(), &same).is_ok(), "{same:?}");
        }
        let mut elsewhere = taken();
        elsewhere.route.gateway = GatewayName::Paypal;
        assert_eq!(adopted(&elsewhere, &made("1.00")).err(), not_ours);
        let dollars = Money { currency: Currency::from_code("USD").unwrap(), ..euros("1.00") };
        let in_dollars = GatewayRefund { money: dollars, ..made("1.00") };
        assert_eq!(adopted(&taken(), &in_dollars).err(), not_ours);
    }

    #[test]
    fn what_cannot_be_booked_yet_waits() {
        let waits = |payment: &Payment, made: &GatewayRefund| match adopted(payment, made) {
            Err(NotAdopted::NotYet(missing)) => missing,
            other => panic!("{other:?}"),
        };
        for status in PaymentStatus::ALL.into_iter().filter(|status| *status != PaymentStatus::Succeeded) {
            let unsettled = Payment { status, ..taken() };
            assert_eq!(waits(&unsettled, &made("1.00")), Missing::Payment);
        }
        assert_eq!(waits(&Payment { gateway_ref: None, ..taken() }, &made("1.00")), Missing::Payment);
        let partly = Payment { amount_refunded: euros("40.00").amount, ..taken() };
        assert_eq!(waits(&partly, &made("9.91")), Missing::OtherRefunds);
        // What is only held by a refund of ours is no obstacle: the gateway will refuse that one.
        let held = Payment { amount_refunding: euros("49.90").amount, ..taken() };
        assert!(adopted(&held, &made("49.90")).is_ok());
        let strange = Err(InDoubt::Unknown { why: "x".into(), resolution: Resolution::LookUp });
        assert_eq!(waits(&taken(), &GatewayRefund { report: strange, ..made("1.00") }), Missing::Outcome);
    }
}
