//! Charges a payment under its own key. Safe to run twice: the gateway answers the second time what it
//! answered the first, for as long as it knows the key. After that only a look-up is safe.

use common::{
    gateway::{Answer, Report, Resolution},
    job::Claim,
    payment::{Payment, state},
};

use crate::Context;

/// Asks the payment's gateway for the money.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer {
    if !state::may_send(payment, claim.at) {
        let why = "the gateway may have forgotten the key of an earlier call".into();
        return Answer::without_a_call(Report::Unknown { why, resolution: Resolution::LookUp });
    }
    context
        .gateways
        .get(payment.order.gateway)
        .charge(&payment.charge_request(claim.traceparent.as_deref()))
        .await
}
