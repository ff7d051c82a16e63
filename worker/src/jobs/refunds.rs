//! What all jobs about a refund have in common: how what a gateway answered is recorded.

use std::sync::Arc;

use common::{
    batch::BatchError,
    gateway::{Answer, RefundOutcome},
    job::Claim,
    payment::Payment,
    refund::{
        Refund,
        store::{self, Settled, Settlement},
    },
};

use crate::{
    context::Context,
    job::{Names, Recorded, Subjects},
};

/// A refund in hand, and its payment.
pub struct OfPayment {
    pub refund: Refund,
    pub payment: Payment,
}

/// Refunds in hand.
pub fn by_id(refunds: Vec<(Refund, Payment)>) -> Subjects<Box<OfPayment>> {
    let of = |(refund, payment): (Refund, Payment)| (refund.id.0, Box::new(OfPayment { refund, payment }));
    refunds.into_iter().map(of).collect()
}

/// What the gateway answered.
pub fn settlement(claim: &Claim, of: OfPayment, answer: Answer<RefundOutcome>) -> Settlement {
    let gateway = of.payment.route.gateway;
    super::measure(gateway, &answer);
    Settlement { claim: claim.clone(), refund: of.refund, gateway, answer }
}

/// Records it: a refund changes together with its payment, so each has a transaction of its own.
pub async fn settle(context: &Context, settlement: &Settlement) -> Result<Recorded, BatchError> {
    let settled = store::settle(&context.pool, settlement).await.map_err(Arc::new)?;
    count(settlement, &settled);
    Ok(Recorded { changed: settled.changed, alarm: settled.alarm })
}

/// Whom it concerns.
pub fn names(of: &OfPayment) -> Names {
    Names { refund: Some(of.refund.id), ..Names::of(&of.payment) }
}

fn count(settlement: &Settlement, settled: &Settled) {
    if settled.changed {
        metrics::counter!("refunds_total",
            "gateway" => settlement.gateway.as_str(),
            "status" => settled.status.as_str(),
            "currency" => settlement.refund.money.currency.code())
        .increment(1);
    }
}
