//! Gives money back under the refund's own key. Safe to run twice, as a charge is.

use common::{
    batch::BatchError,
    db,
    gateway::{Answer, RefundOutcome},
    job::{Claim, Kind},
    refund::{
        state,
        store::{self, Settlement},
    },
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::refunds::{self, OfPayment};
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Names, Recorded, Subjects},
};

/// Makes a refund.
pub struct RefundPayment;

impl Job for RefundPayment {
    const KIND: Kind = Kind::RefundPayment;
    const BULKHEAD: Bulkhead = Bulkhead::Waited;
    type Subject = Box<OfPayment>;
    type Finding = Settlement;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<OfPayment>>> {
        store::begin(db, ids).await.map(refunds::by_id)
    }

    async fn run(context: &Context, claim: &Claim, of: Box<OfPayment>) -> Settlement {
        let answer = refund(context, claim, &of).await;
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

/// Asks the payment's gateway to give money back.
async fn refund(context: &Context, claim: &Claim, of: &OfPayment) -> Answer<RefundOutcome> {
    let OfPayment { refund, payment } = of;
    if !state::may_send(refund, payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    match refund.request(payment, claim.sending()) {
        Some(request) => context.gateway_of(payment).await.refund(&request).await,
        None => super::look_up(super::NAME_UNKNOWN),
    }
}
