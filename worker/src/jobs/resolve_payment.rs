//! Finds out what became of a payment: when a replay would not tell, when the outcome takes days, or
//! while the payer is at work. Changes nothing at the gateway.

use std::sync::Arc;

use common::{
    batch::BatchError,
    db,
    gateway::{Answer, ChargeOutcome, LookUp},
    job::{Claim, Kind, store::keep_cursor},
    payment::{
        Payment,
        store::{self, Settlement},
    },
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::settling;
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Names, Recorded, Subjects},
};

/// Looks a payment up.
pub struct ResolvePayment;

impl Job for ResolvePayment {
    const KIND: Kind = Kind::ResolvePayment;
    const BULKHEAD: Bulkhead = Bulkhead::Waited;
    type Subject = Box<Payment>;
    type Finding = Arc<Settlement>;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<Payment>>> {
        Ok(settling::by_id(store::begin_look_ups(db, ids).await?))
    }

    async fn run(context: &Context, claim: &Claim, payment: Box<Payment>) -> Arc<Settlement> {
        let answer = look_up(context, claim, &payment).await;
        settling::settlement(claim, payment, answer)
    }

    async fn record(context: &Context, settlement: &Arc<Settlement>) -> Result<Recorded, BatchError> {
        settling::settle(context, settlement).await
    }

    async fn bury(db: &mut PgConnection, claim: &Claim) -> db::Result<()> {
        Ok(store::panicked(db, claim).await?)
    }

    fn names(payment: &Self::Subject) -> Names {
        Names::of(payment)
    }
}

/// Asks the payment's gateway what it knows of it. A list that is too long for one attempt is read on by the next.
async fn look_up(context: &Context, claim: &Claim, payment: &Payment) -> Answer<ChargeOutcome> {
    let question = LookUp { cursor: claim.cursor.clone(), ..payment.look_up(claim.traceparent.as_deref()) };
    let answer = context.gateway_of(payment).await.look_up(&question).await;
    if answer.call.was_made()
        && answer.cursor != claim.cursor
        && let Err(error) = keep_cursor(&context.pool, claim, answer.cursor.as_deref()).await
    {
        tracing::warn!(%error, "how far a look-up has come was not kept; it begins where it began");
    }
    answer
}
