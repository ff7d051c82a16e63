//! Charges a payment under its own key. Safe to run twice: the gateway answers the second time what it
//! answered the first.

use common::{gateway::Answer, payment::Payment};

use crate::Context;

/// Asks the payment's gateway for the money.
pub async fn run(context: &Context, payment: &Payment) -> Answer {
    context.gateways.get(payment.order.gateway).charge(&payment.charge_request()).await
}
