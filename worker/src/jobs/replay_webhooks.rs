//! Calls for what an endpoint is to be told again, part by part: what is much holds nobody up.

use std::sync::Arc;

use common::{
    batch::BatchError,
    db,
    job::{Claim, Kind},
    webhook::store::replays,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Recorded, Subjects},
};

/// Does the next part of a replay.
pub struct ReplayWebhooks;

impl Job for ReplayWebhooks {
    const KIND: Kind = Kind::ReplayWebhooks;
    const BULKHEAD: Bulkhead = Bulkhead::Replays;
    type Subject = ();
    type Finding = Claim;

    async fn begin(_db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<()>> {
        Ok(ids.iter().map(|id| (*id, ())).collect())
    }

    async fn run(_context: &Context, claim: &Claim, (): ()) -> Claim {
        claim.clone()
    }

    async fn record(context: &Context, claim: &Claim) -> Result<Recorded, BatchError> {
        replays::go_on(&context.pool, claim).await.map_err(Arc::new)?;
        Ok(Recorded::default())
    }

    /// The dead job is what operators see.
    async fn bury(_db: &mut PgConnection, _claim: &Claim) -> db::Result<()> {
        Ok(())
    }
}
