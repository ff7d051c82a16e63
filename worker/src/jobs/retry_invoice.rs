//! Tries once more to be paid an invoice, or gives it up. No gateway is asked: the charge is a job of its own,
//! called for in the same transaction.

use common::{
    billing,
    id::InvoiceId,
    job::{Claim, Kind},
};

use crate::context::Context;

/// Does what is due, and publishes the charge. If it does not get out, the scheduler finds it.
pub async fn run(context: &Context, claim: &Claim, id: InvoiceId) {
    match billing::retry(&context.pool, claim).await {
        Ok(retried) => {
            tracing::info!(invoice_id = %id, tried = retried.job.is_some(), "looked at an invoice");
            context.publisher.offer(Kind::ChargeOffSession, retried.job, None);
            retried.alarm.into_iter().for_each(super::alarm);
        }
        Err(trouble) => super::not_done(context, claim, &trouble.into()).await,
    }
}
