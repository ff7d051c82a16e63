//! Takes the money that a payment has reserved, under a key of its own. Safe to run twice, as a charge is.

use std::sync::Arc;

use common::{
    batch::BatchError,
    db,
    gateway::{Answer, ChargeOutcome},
    job::{Claim, Kind},
    payment::{
        Payment, Stage, state,
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

/// Takes what a payment has reserved.
pub struct CapturePayment;

impl Job for CapturePayment {
    const KIND: Kind = Kind::CapturePayment;
    const BULKHEAD: Bulkhead = Bulkhead::Waited;
    type Subject = Box<Payment>;
    type Finding = Arc<Settlement>;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<Payment>>> {
        Ok(settling::by_id(store::begin(db, &[Stage::Capture], ids).await?))
    }

    async fn run(context: &Context, claim: &Claim, payment: Box<Payment>) -> Arc<Settlement> {
        let answer = capture(context, claim, &payment).await;
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

/// Asks the payment's gateway for what was reserved.
async fn capture(context: &Context, claim: &Claim, payment: &Payment) -> Answer<ChargeOutcome> {
    if !state::may_send(payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    match payment.capture_request(claim.sending()) {
        Some(request) => context.gateway_of(payment).await.capture(&request).await,
        None => super::look_up(super::NAME_UNKNOWN),
    }
}
