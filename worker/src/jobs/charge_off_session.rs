//! Charges a payment that nobody waits for: of a renewal, or of a retry. The charge is one like any other, but there may
//! be a hundred thousand at once, so they leave room for those that somebody waits for.

use std::sync::Arc;

use common::{
    batch::BatchError,
    db,
    job::{Claim, Kind},
    payment::{
        Payment,
        store::{self, Settlement},
    },
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    charge_payment::{STAGES, charge},
    settling,
};
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Names, Recorded, Subjects},
};

/// Charges a payment of an invoice.
pub struct ChargeOffSession;

impl Job for ChargeOffSession {
    const KIND: Kind = Kind::ChargeOffSession;
    const BULKHEAD: Bulkhead = Bulkhead::Background;
    type Subject = Box<Payment>;
    type Finding = Arc<Settlement>;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<Payment>>> {
        Ok(settling::by_id(store::begin(db, &STAGES, ids).await?))
    }

    async fn run(context: &Context, claim: &Claim, payment: Box<Payment>) -> Arc<Settlement> {
        let answer = charge(context, claim, &payment).await;
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
