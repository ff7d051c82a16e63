//! A payment of an invoice has ended: the invoice and its subscription follow in the same transaction.

use chrono::TimeDelta;
use sqlx::{Acquire as _, PgConnection};

use crate::{
    clock::Timestamp,
    customer::store::credit,
    id::{InvoiceId, SubscriptionId},
    invoice::{
        Invoice, Status,
        dunning::{Next, Reason, Setback, TECHNICAL_BACKOFF},
        state::{self, Ended, Settled},
    },
    job::{self, Kind},
    payment::Payment,
    subscription::{
        state::Fact,
        store::{self as subscriptions, Circumstances, Trouble, word},
    },
};

use super::{count_owed, read, write};

/// What an operator is woken for when a subscription's own rules stand in its way.
const CANNOT_FOLLOW: &str = "a subscription cannot follow the payment of its invoice";

/// Payments that have come into their present status. Those that pay invoices and have ended settle them.
/// Answers what an operator should be woken for.
pub(crate) async fn payments_ended(
    db: &mut PgConnection,
    payments: &[&Payment],
    now: Timestamp,
) -> sqlx::Result<Option<&'static str>> {
    let ended: Vec<_> = payments
        .iter()
        .filter_map(|payment| Some((*payment, payment.billing.as_ref()?.invoice, state::ended(payment)?)))
        .collect();
    if ended.is_empty() {
        return Ok(None);
    }
    let ids: Vec<_> = ended.iter().map(|(payment, ..)| payment.id.0).collect();
    // In the order of subscriptions, so that two batches cannot wait for each other.
    let rows = sqlx::query!(
        "SELECT p.payment_id, p.reason, i.subscription_id
         FROM invoice_payments p JOIN invoices i ON i.id = p.invoice_id
         WHERE p.payment_id = ANY($1) ORDER BY i.subscription_id, p.payment_id",
        &ids,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut alarm = None;
    for row in rows {
        let found = ended.iter().find(|(payment, ..)| payment.id.0 == row.payment_id);
        let Some((payment, invoice, ended)) = found else { continue };
        let end = End {
            payment,
            invoice: *invoice,
            subscription: SubscriptionId(row.subscription_id),
            ended: *ended,
            reason: word("reason", &row.reason)?,
        };
        alarm = alarm.or(settle(&mut *db, &end, now).await?);
    }
    Ok(alarm)
}

struct End<'a> {
    payment: &'a Payment,
    invoice: InvoiceId,
    subscription: SubscriptionId,
    ended: Ended,
    reason: Reason,
}

async fn settle(db: &mut PgConnection, end: &End<'_>, now: Timestamp) -> sqlx::Result<Option<&'static str>> {
    let found = subscriptions::lock(&mut *db, end.subscription).await?;
    let subscription = found.ok_or(sqlx::Error::RowNotFound)?;
    let mut invoice = read(&mut *db, end.invoice).await?;
    let before = invoice.status;
    let settled = state::settle(&mut invoice, end.payment.id, end.ended, end.reason, now);
    sqlx::query!("UPDATE invoice_payments SET open = false WHERE payment_id = $1", end.payment.id.0)
        .execute(&mut *db)
        .await?;
    write(&mut *db, before, &invoice, now).await?;
    let (fact, alarm) = match settled {
        Settled::Paid { to_balance } => {
            credit(&mut *db, invoice.customer_id, invoice.currency, to_balance).await?;
            let open_left = count_owed(&mut *db, &subscription).await?;
            (Some(Fact::InvoicePaid { open_left }), None)
        }
        Settled::Surplus { to_balance, alarm } => {
            credit(&mut *db, invoice.customer_id, invoice.currency, to_balance).await?;
            (None, Some(alarm))
        }
        Settled::Owed(next) => {
            call_for_next(&mut *db, &invoice, next, now).await?;
            let is_declined =
                invoice.status == Status::Open && matches!(end.ended, Ended::Failed(Setback::Declined(_)));
            (is_declined.then_some(Fact::PaymentDeclined), None)
        }
        Settled::PartlyPaid => {
            call_for_next(&mut *db, &invoice, Next::Soon, now).await?;
            (None, None)
        }
        Settled::GivenUp(then) => (Some(Fact::DunningExhausted(then)), None),
        Settled::Ended => (None, None),
    };
    let Some(fact) = fact else { return Ok(alarm) };
    let circumstances = Circumstances {
        now,
        charges: Kind::ChargeOffSession,
        traceparent: None,
        grace: std::time::Duration::ZERO,
        return_url: None,
    };
    // Money that moved is recorded, whatever the subscription's own rules have against it.
    let mut inner = db.begin().await?;
    match subscriptions::happened(&mut inner, subscription, fact, &circumstances).await {
        Ok(done) => {
            inner.commit().await?;
            Ok(alarm.or(done.alarm))
        }
        Err(Trouble::Refused(refusal)) => {
            tracing::error!(%refusal, subscription_id = %end.subscription, CANNOT_FOLLOW);
            inner.rollback().await?;
            Ok(Some(CANNOT_FOLLOW))
        }
        Err(Trouble::Database(error)) => Err(error),
    }
}

/// When the invoice is looked at next.
async fn call_for_next(
    db: &mut PgConnection,
    invoice: &Invoice,
    next: Next,
    now: Timestamp,
) -> sqlx::Result<()> {
    let at = match next {
        Next::Soon => {
            let attempts = i32::try_from(invoice.attempts).unwrap_or(i32::MAX);
            now + TimeDelta::from_std(TECHNICAL_BACKOFF.delay(attempts)).unwrap_or(TimeDelta::days(1))
        }
        Next::Now => now,
        Next::RetryAt(at) | Next::EndAt(at) => at,
        Next::Exhausted(_) => return Ok(()),
    };
    job::store::enqueue_at(db, Kind::RetryInvoice, invoice.id.0, at, None).await.map(drop)
}

/// An invoice whose ladder has a next step has a job for it, or for an earlier one.
pub(super) async fn call_for_retry(
    db: &mut PgConnection,
    invoice: &Invoice,
    traceparent: Option<&str>,
) -> sqlx::Result<()> {
    if let Some(at) = invoice.ladder.next_at {
        job::store::enqueue_at(db, Kind::RetryInvoice, invoice.id.0, at, traceparent).await?;
    }
    Ok(())
}
