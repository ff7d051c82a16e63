//! Finds out what became of a payment: when a replay would not tell, when the outcome takes days, or
//! while the payer is at work. Changes nothing at the gateway.

use common::{gateway::Answer, job::Claim, payment::Payment};

use crate::Context;

/// Asks the payment's gateway what it knows of it.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer {
    context.gateways.get(payment.order.gateway).look_up(&payment.look_up(claim.traceparent.as_deref())).await
}
