//! Charges a payment under its own key. Safe to run twice: the gateway answers the second time what it
//! answered the first, for as long as it knows the key. After that only a look-up is safe.

use common::{
    gateway::Answer,
    job::Claim,
    payment::{Payment, state},
};

use crate::Context;

/// Asks the payment's gateway for the money.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer {
    if !state::may_send(payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    let request = payment.charge_request(claim.traceparent.as_deref());
    context.gateways.get(payment.order.gateway).charge(&request).await
}
