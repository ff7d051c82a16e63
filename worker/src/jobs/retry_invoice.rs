//! Tries once more to be paid an invoice, or gives it up. No gateway is asked: the charge is a job of its own,
//! called for in the same transaction.

use common::{
    batch::BatchError,
    billing, db,
    id::InvoiceId,
    job::{Claim, Kind},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::billing::not_done;
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Recorded, Subjects, alarm},
};

/// Does what is due of an invoice.
pub struct RetryInvoice;

impl Job for RetryInvoice {
    const KIND: Kind = Kind::RetryInvoice;
    const BULKHEAD: Bulkhead = Bulkhead::WithoutACall;
    type Subject = InvoiceId;
    /// It is recorded already, or its batch has panicked.
    type Finding = Result<(), BatchError>;

    /// It is read under a lock, by whoever changes it.
    async fn begin(_db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<InvoiceId>> {
        Ok(ids.iter().map(|id| (*id, InvoiceId(*id))).collect())
    }

    async fn run(context: &Context, claim: &Claim, id: InvoiceId) -> Self::Finding {
        match billing::retry(&context.pool, claim).await {
            Ok(retried) => {
                tracing::info!(invoice_id = %id, tried = retried.job.is_some(), "looked at an invoice");
                retried.alarm.into_iter().for_each(alarm);
                Ok(())
            }
            Err(error) => not_done(context, claim, error.into()).await,
        }
    }

    async fn record(_context: &Context, done: &Self::Finding) -> Result<Recorded, BatchError> {
        done.clone().map(|()| Recorded::default())
    }

    /// The dead job is what operators see: the invoice is as it was.
    async fn bury(_db: &mut PgConnection, _claim: &Claim) -> db::Result<()> {
        Ok(())
    }
}
