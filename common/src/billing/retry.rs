//! A step of the retry schedule: the invoice is tried once more, or the retries have come to their end.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use crate::{
    alarm::Alarm,
    clock::Timestamp,
    id::{InvoiceId, JobId, SubscriptionId},
    invoice::{
        self,
        dunning::{Due, Reason},
        state,
        store::{asking, open_left, read, write},
    },
    job::{self, Claim, Kind},
    subscription::{
        Status, Subscription,
        state::{FIRST_INVOICE_WINDOW, Fact},
        store::{Error, lock},
    },
};

use super::{
    attempt::{Attempted, attempt},
    change_context::ChangeContext,
    effects::happened,
};

/// What came of it.
#[derive(Debug, Default)]
pub struct Retried {
    /// The charge that was called for.
    pub job: Option<JobId>,
    /// What an operator should be woken for.
    pub alarm: Option<Alarm>,
}

/// A job finds that an invoice may be due.
///
/// Fails with [`Error`]: nothing was changed.
pub async fn retry(db: &PgPool, claim: &Claim) -> Result<Retried, Error> {
    let mut transaction = db.begin().await?;
    let retried = come_due(&mut transaction, claim).await?;
    transaction.commit().await?;
    Ok(retried)
}

async fn come_due(db: &mut PgConnection, claim: &Claim) -> Result<Retried, Error> {
    let of = sqlx::query_scalar!("SELECT subscription_id FROM invoices WHERE id = $1", claim.subject)
        .fetch_optional(&mut *db)
        .await?;
    let subscription = match of {
        Some(id) => lock(&mut *db, SubscriptionId(id)).await?,
        None => None,
    };
    let now = crate::db::now(&mut *db).await?;
    let Some(subscription) = subscription.filter(|subscription| may_be_asked(subscription, now)) else {
        job::store::finish(db, &[claim.id.0], &[claim.attempt]).await?;
        return Ok(Retried::default());
    };
    let context = ChangeContext {
        now,
        charges: Kind::ChargeOffSession,
        traceparent: claim.traceparent.as_deref(),
        grace: Duration::ZERO,
        return_url: None,
    };
    let mut invoice = read(&mut *db, InvoiceId(claim.subject)).await?;
    let before = invoice.status;
    let mut retried = Retried::default();
    match state::come_due(&mut invoice, now) {
        Ok(Due::NotBefore(at)) => {
            job::store::reschedule(&mut *db, &[(claim, at)]).await?;
            return Ok(retried);
        }
        Ok(Due::Attempt(reason)) => {
            if reason == Reason::Asked
                && let Some(until) =
                    asking(&mut *db, &[subscription.id.0], now).await?.get(&subscription.id.0)
            {
                job::store::reschedule(&mut *db, &[(claim, *until)]).await?;
                return Ok(retried);
            }
            let method = subscription.method.as_ref();
            let attempted = attempt(&mut *db, &mut invoice, method, reason, &context).await?;
            let fact = match attempted {
                Attempted::Charging(job) => {
                    retried.job = Some(job);
                    None
                }
                Attempted::Paid => {
                    Some(Fact::InvoicePaid { open_left: open_left(&mut *db, subscription.debtor()).await? })
                }
                Attempted::GivenUp(then) => Some(Fact::DunningExhausted(then)),
                Attempted::Declined if invoice.status == invoice::Status::Open => Some(Fact::PaymentDeclined),
                Attempted::Declined | Attempted::Nothing => None,
            };
            if let Some(fact) = fact {
                let done = happened(&mut *db, subscription, fact, &context).await?;
                retried.alarm = done.alarm;
            }
        }
        Ok(Due::Exhausted(then)) => {
            write(&mut *db, &[(before, &invoice)], now).await?;
            let fact = Fact::DunningExhausted(then);
            let done = happened(&mut *db, subscription, fact, &context).await?;
            retried.alarm = done.alarm;
        }
        // It has ended, or the outcome of a payment decides.
        Err(_) => {}
    }
    job::store::finish(db, &[claim.id.0], &[claim.attempt]).await?;
    Ok(retried)
}

/// A subscription that has ended is asked for nothing more: what it owes is the merchant's to collect. Nor is one
/// whose first invoice will be void.
fn may_be_asked(subscription: &Subscription, now: Timestamp) -> bool {
    let is_too_late = subscription.created_at + FIRST_INVOICE_WINDOW <= now;
    !(subscription.status.is_final() || subscription.status == Status::Incomplete && is_too_late)
}
