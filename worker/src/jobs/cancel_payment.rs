//! Calls a payment off at its gateway, before its money has moved. Safe to run twice, as a charge is.

use common::{
    gateway::{Answer, ChargeOutcome},
    job::Claim,
    payment::{Payment, state},
};

use crate::context::Context;

/// Asks the payment's gateway to give up what was begun or reserved.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer<ChargeOutcome> {
    if !state::may_send(payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    match payment.cancel_request(claim.sending()) {
        Some(request) => context.gateways.get(payment.order.gateway).cancel(&request).await,
        None => super::look_up(super::NAME_UNKNOWN),
    }
}
