//! Finds out what became of a refund. Changes nothing at the gateway.

use common::{
    gateway::{Answer, RefundOutcome},
    job::Claim,
    payment::Payment,
    refund::Refund,
};

use crate::context::Context;

/// Asks the payment's gateway what it knows of the refund.
pub async fn run(
    context: &Context,
    claim: &Claim,
    refund: &Refund,
    payment: &Payment,
) -> Answer<RefundOutcome> {
    match refund.look_up(payment, claim.traceparent.as_deref()) {
        Some(question) => context.gateways.get(payment.order.gateway).look_up_refund(&question).await,
        None => super::look_up(super::NAME_UNKNOWN),
    }
}
