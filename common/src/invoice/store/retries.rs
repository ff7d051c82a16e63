//! The jobs that look at an invoice again, when its next step is due.

use chrono::TimeDelta;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db,
    invoice::{
        Invoice,
        dunning::{Next, TECHNICAL_BACKOFF},
    },
    job::{
        Kind,
        store::{Planned, plan},
    },
};

/// When an attempt is made again that reached nobody.
pub(crate) fn soon(invoice: &Invoice, now: Timestamp) -> Timestamp {
    let attempts = i32::try_from(invoice.attempts).unwrap_or(i32::MAX);
    now + TimeDelta::from_std(TECHNICAL_BACKOFF.delay(attempts)).unwrap_or(TimeDelta::days(1))
}

/// When the invoice is looked at next.
pub(crate) fn at_next(invoice: &Invoice, next: Next, now: Timestamp) -> Option<Planned<'static>> {
    let at = match next {
        Next::Soon => soon(invoice, now),
        Next::Now => now,
        Next::RetryAt(at) | Next::EndAt(at) => at,
        Next::Exhausted(_) => return None,
    };
    Some(retry(invoice.id.0, at, None))
}

/// Invoices whose retry schedules have a next step have jobs for it, or for an earlier one.
pub(crate) async fn call_for_retries(
    db: &mut PgConnection,
    invoices: &[Invoice],
    traceparent: Option<&str>,
) -> db::Result<()> {
    let at_next = |invoice: &Invoice| Some(retry(invoice.id.0, invoice.retry_schedule.next_at?, traceparent));
    plan(db, &invoices.iter().filter_map(at_next).collect::<Vec<_>>()).await.map(drop)
}

/// An invoice is to be looked at.
pub(crate) fn retry(invoice: Uuid, at: Timestamp, traceparent: Option<&str>) -> Planned<'_> {
    Planned { kind: Kind::RetryInvoice, subject: invoice, flow: None, at, traceparent }
}
