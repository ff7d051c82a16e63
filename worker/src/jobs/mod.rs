//! The jobs, one file each. A job asks, and answers with what it learnt; it writes nothing itself.

mod charge_payment;
mod resolve_payment;

use common::{
    gateway::Answer,
    job::{Claim, Kind},
    payment::Payment,
};

use crate::Context;

/// Does the job, whatever its kind.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer {
    match claim.kind {
        Kind::ChargePayment => charge_payment::run(context, claim, payment).await,
        Kind::ResolvePayment => resolve_payment::run(context, claim, payment).await,
    }
}
