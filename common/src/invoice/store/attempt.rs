//! One attempt to be paid: a payment of its own, which the invoice waits for.

use std::slice;

use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{
    customer::store::{Purse, credit_all},
    db::column,
    id::{InvoiceId, JobId, PaymentId},
    invoice::{
        Invoice,
        dunning::Reason,
        state::{self, ToBalance},
    },
    job::store::Planned,
    payment::store::{InvoicePayment, bill},
    subscription::{Subscription, store::Circumstances},
};

use super::{owed, row::update, settle::call_for_retries};

/// An attempt that has begun, and is still to be stored.
pub(super) struct Attempt<'a> {
    payment: InvoicePayment<'a>,
    reason: Reason,
    carried: (Purse, ToBalance),
}

impl Attempt<'_> {
    /// What is to be paid.
    pub fn invoice(&self) -> InvoiceId {
        self.payment.invoice
    }
}

/// Begins a payment of all that is due; `None` where none may begin, or where there is nothing to charge.
pub(super) fn begin<'a>(
    invoice: &mut Invoice,
    subscription: &'a Subscription,
    reason: Reason,
    circumstances: &'a Circumstances<'_>,
) -> Option<Attempt<'a>> {
    let method = subscription.method.as_ref()?;
    let id = PaymentId::new();
    let attempt_no = state::begin_payment(invoice, id, circumstances.now).ok()?;
    let carried = state::carry(invoice, |due| subscription.chargeable(due));
    let money = invoice.due();
    let charge = Planned {
        kind: circumstances.charges,
        subject: id.0,
        at: circumstances.now + circumstances.grace,
        traceparent: circumstances.traceparent,
    };
    let payment = InvoicePayment {
        id,
        merchant_id: invoice.merchant_id,
        invoice: invoice.id,
        attempt_no,
        money,
        method: method.kind,
        token: &method.token,
        saved: method.saved.clone(),
        description: format!("Invoice {}", invoice.number.as_deref().unwrap_or_default()),
        return_url: circumstances.return_url,
        charge,
        at: circumstances.now,
    };
    Some(Attempt { payment, reason, carried: ((invoice.customer_id, invoice.currency), carried) })
}

/// Stores attempts, and answers the jobs that will charge them, in their order. Their invoices are stored before,
/// or have changed, which is the caller's to write.
pub(super) async fn store(db: &mut PgConnection, attempts: &[Attempt<'_>]) -> sqlx::Result<Vec<JobId>> {
    if attempts.is_empty() {
        return Ok(Vec::new());
    }
    credit_all(&mut *db, attempts.iter().map(|attempt| attempt.carried)).await?;
    let payments: Vec<_> = attempts.iter().map(|attempt| &attempt.payment).collect();
    let jobs = bill(&mut *db, &payments).await?;
    sqlx::query!(
        "INSERT INTO invoice_payments (invoice_id, attempt_no, payment_id, reason, open)
         SELECT *, true FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[])",
        &column(&payments, |payment| payment.invoice.0),
        &column(&payments, |payment| i32::try_from(payment.attempt_no).unwrap_or(i32::MAX)),
        &column(&payments, |payment| payment.id.0),
        &column(attempts, |attempt| attempt.reason.as_str().to_owned()),
    )
    .execute(db)
    .await?;
    Ok(jobs)
}

/// One attempt for an invoice that is open; the job that will charge it.
pub(super) async fn attempt(
    db: &mut PgConnection,
    invoice: &mut Invoice,
    subscription: &Subscription,
    reason: Reason,
    circumstances: &Circumstances<'_>,
) -> sqlx::Result<Option<JobId>> {
    let one = slice::from_mut(&mut *invoice);
    let job = attempt_all(&mut *db, one, subscription, reason, circumstances).await?.pop();
    if job.is_some() {
        update(db, &[invoice]).await?;
    }
    Ok(job)
}

/// The invoices have changed, which is the caller's to write.
async fn attempt_all(
    db: &mut PgConnection,
    invoices: &mut [Invoice],
    subscription: &Subscription,
    reason: Reason,
    circumstances: &Circumstances<'_>,
) -> sqlx::Result<Vec<JobId>> {
    let begin = |invoice| begin(invoice, subscription, reason, circumstances);
    let attempts: Vec<_> = invoices.iter_mut().filter_map(begin).collect();
    store(db, &attempts).await
}

/// One attempt for every open invoice of a subscription that is locked, oldest first.
pub(crate) async fn try_open(
    db: &mut PgConnection,
    subscription: &Subscription,
    reason: Reason,
    circumstances: &Circumstances<'_>,
) -> sqlx::Result<Vec<JobId>> {
    let mut invoices = owed(&mut *db, subscription).await?;
    for invoice in &mut invoices {
        let _ = invoice.ladder.renew_method(circumstances.now);
    }
    let jobs = attempt_all(&mut *db, &mut invoices, subscription, reason, circumstances).await?;
    update(&mut *db, &invoices.iter().collect::<Vec<_>>()).await?;
    call_for_retries(&mut *db, &invoices, circumstances.traceparent).await?;
    Ok(jobs)
}

/// What the charges of these jobs ask for, together.
pub(crate) async fn asked_for(db: &mut PgConnection, jobs: &[JobId]) -> sqlx::Result<Decimal> {
    let jobs: Vec<_> = jobs.iter().map(|job| job.0).collect();
    sqlx::query_scalar!(
        r#"SELECT coalesce(sum(p.amount), 0) AS "amount!"
           FROM jobs j JOIN payments p ON p.id = j.subject_id WHERE j.id = ANY($1)"#,
        &jobs,
    )
    .fetch_one(db)
    .await
}
