//! What every job may use.

use std::time::Duration;

use common::{
    gateway::Gateways,
    job::{Claim, broker::Publisher},
};
use sqlx::PgPool;

use crate::books::Books;

/// Failures of a job's own code before it is parked.
const CODE_FAILURES_MAX: i32 = 10;

/// What every job may use.
pub struct Context {
    /// Whom to ask for money.
    pub gateways: Gateways,
    /// Where jobs are claimed, and what came of them is recorded.
    pub books: Books,
    /// The database, for jobs that need no gateway.
    pub pool: PgPool,
    /// Connections of its own for what is big. No statement takes longer there than most of a lease.
    pub bulk: PgPool,
    /// For how long a job is this worker's own.
    pub lease: Duration,
    /// Whether gateways are told what time it is here.
    pub test_clock: bool,
    /// Where callers who wait are told.
    pub publisher: Publisher,
}

impl Context {
    /// A panic is a defect of ours. Its neighbours go on, and it is tried again until it looks hopeless.
    pub async fn code_failed(&self, claim: &Claim) {
        metrics::counter!("job_panics_total", "kind" => claim.kind.as_str()).increment(1);
        match self.books.code_failed(claim, CODE_FAILURES_MAX).await {
            Ok(false) => {}
            Ok(true) => tracing::error!("parked: its code has failed {CODE_FAILURES_MAX} times"),
            Err(error) => tracing::warn!(%error, "a failed job was not put back; its lease will end"),
        }
    }
}
