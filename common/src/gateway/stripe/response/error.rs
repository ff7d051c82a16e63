//! Stripe's errors: what a refusal means for each operation.

use crate::gateway::{
    Decline, GatewayRef, InDoubt, Outcome, Report,
    stripe::{
        decline, refusal, unresolved,
        wire::{ErrorBody, ErrorEnvelope},
    },
};

use super::{Operation, Received, refund};

/// Not a decline: the bank believes that it has this payment already.
const DUPLICATE: &str = "duplicate_transaction";

/// The payment is not in the state in which it could be captured or called off: an earlier request may
/// have run, or its time is over. What it is now must be asked.
const NO_LONGER_AS_IT_WAS: [&str; 5] = [
    "payment_intent_unexpected_state",
    "charge_already_captured",
    "charge_already_refunded",
    "charge_expired_for_capture",
    "capture_charge_authorization_expired",
];

/// An answer whose status says no.
pub fn read<T: Outcome>(operation: Operation, received: &Received) -> Report<T> {
    let envelope: ErrorEnvelope = serde_json::from_slice(&received.body).unwrap_or_default();
    let error = envelope.error.unwrap_or_default();
    let code = error.code.as_deref();
    match operation {
        _ if error.is_duplicate() => {
            Err(unresolved("the gateway takes it for a duplicate of another payment"))
        }
        // A key in use answers 409 with the same type; here it can only be another body.
        _ if error.kind.as_deref() == Some("idempotency_error") => {
            tracing::error!(
                "the gateway says that a key was sent with two different bodies: a defect of ours"
            );
            Err(unresolved("the key was used with another body"))
        }
        Operation::Capture | Operation::Cancel if code.is_some_and(|c| NO_LONGER_AS_IT_WAS.contains(&c)) => {
            Err(unresolved(&format!("the payment is no longer as it was: {}", code.unwrap_or_default())))
        }
        Operation::Refund if let Some(decline) = refund::definite_no(&error) => Ok(decline.into()),
        _ if received.status == 402 || error.kind.as_deref() == Some("card_error") => {
            Ok(declined(operation, &error).into())
        }
        _ => Err(refused(received.status, error)),
    }
}

impl ErrorBody {
    /// Whether the bank believes that it has this payment already.
    pub fn is_duplicate(&self) -> bool {
        [&self.code, &self.decline_code].iter().any(|code| code.as_deref() == Some(DUPLICATE))
    }

    /// What it says of a decline.
    pub fn said(&self) -> decline::Said<'_> {
        decline::Said {
            advice_code: self.advice_code.as_deref(),
            decline_code: self.decline_code.as_deref(),
            code: self.code.as_deref(),
        }
    }
}

fn declined(operation: Operation, error: &ErrorBody) -> Decline {
    match operation {
        // The payment that is named in the error is not the refund.
        Operation::Refund => {
            Decline { message: refund::sentence("").into(), ..decline::classify(error.said(), None) }
        }
        Operation::Charge | Operation::Capture | Operation::Cancel | Operation::Save => {
            let gateway_ref =
                error.payment_intent.as_ref().and_then(|intent| intent.id.clone().map(GatewayRef));
            decline::classify(error.said(), gateway_ref)
        }
    }
}

fn refused(status: u16, error: ErrorBody) -> InDoubt {
    let code = error.code.or(error.kind).unwrap_or_else(|| format!("http_{status}"));
    let message = match (error.message, error.param) {
        (Some(message), Some(param)) => format!("{message} ({param})"),
        (Some(message), None) => message,
        (None, _) => format!("the gateway answered {status}"),
    };
    let fault = refusal::fault(status, &code);
    InDoubt::Refused { code, message, fault }
}
