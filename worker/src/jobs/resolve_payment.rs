//! Finds out what became of a payment: when a replay would not tell, when the outcome takes days, or
//! while the payer is at work. Changes nothing at the gateway.

use common::{
    gateway::{Answer, ChargeOutcome, LookUp},
    job::{Claim, store},
    payment::Payment,
};

use crate::context::Context;

/// Asks the payment's gateway what it knows of it. A list that is too long for one attempt is read on by the next.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer<ChargeOutcome> {
    let question = LookUp { cursor: claim.cursor.clone(), ..payment.look_up(claim.traceparent.as_deref()) };
    let answer = context.gateways.get(payment.order.gateway).look_up(&question).await;
    if answer.call.was_made()
        && answer.cursor != claim.cursor
        && let Err(error) = store::keep_cursor(&context.pool, claim, answer.cursor.as_deref()).await
    {
        tracing::warn!(%error, "how far a look-up has come was not kept; it begins where it began");
    }
    answer
}
