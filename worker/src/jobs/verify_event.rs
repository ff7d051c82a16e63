//! Works off what may be somebody else's event: the gateway is asked first whether it is its own, from turns that are
//! for nothing else, because anybody can send one.

use common::{
    batch::BatchError,
    db,
    gateway_event::{Findings, GatewayEvent},
    job::{Claim, Kind},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::handle_event::{begin, settle, work_off};
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Recorded, Subjects},
};

/// Asks whether an event is genuine, and works it off if it is.
pub struct VerifyEvent;

impl Job for VerifyEvent {
    const KIND: Kind = Kind::VerifyEvent;
    const BULKHEAD: Bulkhead = Bulkhead::UnverifiedEvents;
    type Subject = Box<GatewayEvent>;
    type Finding = Findings;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<GatewayEvent>>> {
        begin(db, ids).await
    }

    async fn run(context: &Context, claim: &Claim, event: Box<GatewayEvent>) -> Findings {
        work_off(context, claim, event).await
    }

    async fn record(context: &Context, findings: &Findings) -> Result<Recorded, BatchError> {
        settle(context, findings).await
    }

    /// Nobody waits for an event: the gateway sends it again, and what it is about is looked up by others.
    async fn bury(_db: &mut PgConnection, _claim: &Claim) -> db::Result<()> {
        Ok(())
    }
}
