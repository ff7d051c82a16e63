//! Takes the money that a payment has reserved, under a key of its own. Safe to run twice, as a charge is.

use common::{
    gateway::{Answer, ChargeOutcome},
    job::Claim,
    payment::{Payment, state},
};

use crate::context::Context;

/// Asks the payment's gateway for what was reserved.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer<ChargeOutcome> {
    if !state::may_send(payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    match payment.capture_request(claim.sending()) {
        Some(request) => context.gateways.get(payment.order.gateway).capture(&request).await,
        None => super::look_up(super::NAME_UNKNOWN),
    }
}
