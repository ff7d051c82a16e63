//! One attempt to be paid: a payment of its own, which the invoice waits for.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{
    id::{JobId, PaymentId},
    invoice::{Invoice, dunning::Reason, state},
    payment::store::{InvoicePayment, bill},
    subscription::{Subscription, store::Circumstances},
};

use super::{owed, row::update};

/// Makes the payment of all that is due, and the job that will charge it; `None` where none may begin, or
/// where there is nothing to charge.
pub(super) async fn attempt(
    db: &mut PgConnection,
    invoice: &mut Invoice,
    subscription: &Subscription,
    reason: Reason,
    circumstances: &Circumstances<'_>,
) -> sqlx::Result<Option<JobId>> {
    let Some(method) = &subscription.method else { return Ok(None) };
    let (id, money) = (PaymentId::new(), invoice.due());
    let Ok(attempt_no) = state::begin_payment(invoice, id, circumstances.now) else { return Ok(None) };
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
    };
    let charge = (circumstances.charges, circumstances.now + circumstances.grace);
    let job = bill(&mut *db, &payment, circumstances.now, charge, circumstances.traceparent).await?;
    sqlx::query!(
        "INSERT INTO invoice_payments (invoice_id, attempt_no, payment_id, reason, open)
         VALUES ($1, $2, $3, $4, true)",
        invoice.id.0,
        i32::try_from(attempt_no).unwrap_or(i32::MAX),
        id.0,
        reason.as_str(),
    )
    .execute(&mut *db)
    .await?;
    update(db, invoice).await?;
    Ok(Some(job))
}

/// One attempt for every open invoice of a subscription that is locked, oldest first.
pub(crate) async fn try_open(
    db: &mut PgConnection,
    subscription: &Subscription,
    reason: Reason,
    circumstances: &Circumstances<'_>,
) -> sqlx::Result<Vec<JobId>> {
    let mut jobs = Vec::new();
    for mut invoice in owed(&mut *db, subscription).await? {
        let _ = invoice.ladder.renew_method(circumstances.now);
        jobs.extend(attempt(&mut *db, &mut invoice, subscription, reason, circumstances).await?);
        update(&mut *db, &invoice).await?;
        super::settle::call_for_retry(&mut *db, &invoice, circumstances.traceparent).await?;
    }
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
