//! Sees what time has brought to a subscription. No gateway is asked: the charge that may follow is a job of
//! its own, called for in the same transaction.

use common::{
    id::SubscriptionId,
    job::{Claim, Kind},
};

use crate::context::Context;

/// Does what is due, and publishes the charges. What does not get out is found by the scheduler.
pub async fn run(context: &Context, claim: &Claim, id: SubscriptionId) {
    match context.books.renew(claim).await {
        Ok(renewed) => {
            tracing::info!(subscription_id = %id, charges = renewed.jobs.len(), "looked at a subscription");
            context.publisher.offer(Kind::ChargeOffSession, renewed.jobs, None);
            renewed.alarm.into_iter().for_each(super::alarm);
        }
        Err(undone) => super::not_done(context, claim, &undone).await,
    }
}
