//! What all jobs about a payment have in common: how it is taken in hand, and how what a gateway answered is recorded.

use std::sync::Arc;

use common::{
    batch::BatchError,
    gateway::{Answer, ChargeOutcome},
    job::Claim,
    payment::{
        Payment,
        store::{Settled, Settlement},
    },
};

use crate::{
    context::Context,
    job::{Recorded, Subjects},
};

/// Payments in hand.
pub fn by_id(payments: Vec<Payment>) -> Subjects<Box<Payment>> {
    payments.into_iter().map(|payment| (payment.id.0, Box::new(payment))).collect()
}

/// What the gateway answered.
pub fn settlement(claim: &Claim, payment: Box<Payment>, answer: Answer<ChargeOutcome>) -> Arc<Settlement> {
    super::measure(payment.route.gateway, &answer);
    Arc::new(Settlement { claim: claim.clone(), payment: *payment, answer })
}

/// Records it, with what the other payments of this moment were answered.
pub async fn settle(context: &Context, settlement: &Arc<Settlement>) -> Result<Recorded, BatchError> {
    let settled = context.batches.settle(settlement).await?;
    count(&settlement.payment, &settled);
    Ok(Recorded { changed: settled.changed, alarm: settled.alarm })
}

fn count(payment: &Payment, settled: &Settled) {
    if settled.changed {
        metrics::counter!("payments_total",
            "gateway" => payment.route.gateway.as_str(),
            "status" => settled.status.as_str(),
            "currency" => payment.request.money.currency.code())
        .increment(1);
    }
}
