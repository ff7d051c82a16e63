//! Finds out what became of a refund. Changes nothing at the gateway.

use common::{
    batch::BatchError,
    db,
    gateway::{Answer, RefundOutcome},
    job::{Claim, Kind, store::defer_to},
    refund::store::{self, Settlement},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::refunds::{self, OfPayment};
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Names, Recorded, Subjects},
};

/// Looks a refund up.
pub struct ResolveRefund;

impl Job for ResolveRefund {
    const KIND: Kind = Kind::ResolveRefund;
    const BULKHEAD: Bulkhead = Bulkhead::Waited;
    type Subject = Box<OfPayment>;
    type Finding = Settlement;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<OfPayment>>> {
        store::begin_look_ups(db, ids).await.map(refunds::by_id)
    }

    /// A refund may come back: what a call under way will tell may be older than what we were told.
    async fn defer(db: &mut PgConnection, jobs: &[Uuid]) -> db::Result<Vec<Uuid>> {
        Ok(defer_to(db, jobs, Kind::RefundPayment).await?)
    }

    async fn run(context: &Context, claim: &Claim, of: Box<OfPayment>) -> Settlement {
        let answer = look_up(context, claim, &of).await;
        refunds::settlement(claim, *of, answer)
    }

    async fn record(context: &Context, settlement: &Settlement) -> Result<Recorded, BatchError> {
        refunds::settle(context, settlement).await
    }

    async fn bury(db: &mut PgConnection, claim: &Claim) -> db::Result<()> {
        store::panicked(db, claim).await
    }

    fn names(of: &Self::Subject) -> Names {
        refunds::names(of)
    }
}

/// Asks the payment's gateway what it knows of the refund.
async fn look_up(context: &Context, claim: &Claim, of: &OfPayment) -> Answer<RefundOutcome> {
    let OfPayment { refund, payment } = of;
    match refund.look_up(payment, claim.traceparent.as_deref()) {
        Some(question) => context.gateway_of(payment).await.look_up_refund(&question).await,
        None => super::look_up(super::NAME_UNKNOWN),
    }
}
