//! Gives money back under the refund's own key. Safe to run twice, as a charge is.

use common::{
    gateway::{Answer, RefundOutcome},
    job::Claim,
    payment::Payment,
    refund::{Refund, state},
};

use crate::context::Context;

/// Asks the payment's gateway to give money back.
pub async fn run(
    context: &Context,
    claim: &Claim,
    refund: &Refund,
    payment: &Payment,
) -> Answer<RefundOutcome> {
    if !state::may_send(refund, payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    match refund.request(payment, claim.sending()) {
        Some(request) => context.gateways.get(payment.order.gateway).refund(&request).await,
        None => super::look_up(super::NAME_UNKNOWN),
    }
}
