//! What jobs that need no gateway have in common: what they change is written as they run, or not at all.

use std::sync::Arc;

use common::{
    alarm::Alarm,
    batch::BatchError,
    job::{Claim, store},
    subscription::{self, state::Refusal},
};

use crate::{context::Context, job::alarm};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed, or is busy.
    #[error(transparent)]
    Database(#[from] BatchError),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<subscription::store::Error> for Error {
    fn from(error: subscription::store::Error) -> Self {
        match error {
            subscription::store::Error::Failed(error) => Self::Database(Arc::new(error).into()),
            subscription::store::Error::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// It is tried again after the backoff, or, where the database is away, when the lease is over. What the rules refuse
/// is for people besides.
///
/// Fails with the panic of a batch, which is for the desk.
pub async fn not_done(context: &Context, claim: &Claim, error: Error) -> Result<(), BatchError> {
    match &error {
        Error::Database(error @ BatchError::Panicked) => return Err(error.clone()),
        Error::Database(error) => tracing::warn!(%error, "not done; it will be done again"),
        Error::Refused(refusal) => {
            tracing::error!(%refusal, "not done");
            alarm(Alarm::SubscriptionRefuses);
        }
    }
    let wait = claim.kind.retry_policy().delay(claim.tries);
    if let Err(error) = store::retry(&context.pool, claim, wait, &error.to_string()).await {
        tracing::warn!(%error, "not rescheduled; its lease will end");
    }
    Ok(())
}
