//! One attempt to be paid: a payment of its own, which the invoice waits for.

use std::slice;

use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{
    clock::Timestamp,
    customer::{
        BalanceDelta, PaymentMethod,
        store::{balance, credit},
    },
    db::{self, column},
    id::{InvoiceId, JobId, PaymentId, SubscriptionId},
    invoice::{
        Invoice, Status,
        dunning::{Exhausted, Next, Reason},
        state,
        store::{call_for_retries, call_for_turns, find_all, owed, update, waiting, write},
    },
    job::store::Planned,
    payment::store::{InvoicePayment, bill},
    subscription::Subscription,
};

use super::{change_context::ChangeContext, reclaim::collect};

/// An attempt that has begun, and is still to be stored.
pub(super) struct Attempt<'a> {
    payment: InvoicePayment<'a>,
    reason: Reason,
}

impl Attempt<'_> {
    /// What is to be paid.
    pub fn invoice(&self) -> InvoiceId {
        self.payment.invoice
    }
}

/// Begins a payment of all that is due by `method`; `None` where none may begin.
pub(super) fn begin<'a>(
    invoice: &mut Invoice,
    method: &'a PaymentMethod,
    reason: Reason,
    context: &'a ChangeContext<'_>,
) -> Option<Attempt<'a>> {
    let (id, money) = (PaymentId::new(), invoice.due());
    let attempt_no = state::begin_payment(invoice, id, context.now).ok()?;
    let charge = Planned {
        kind: context.charges,
        subject: id.0,
        flow: Some(invoice.merchant_id.0),
        at: context.now + context.grace,
        traceparent: context.traceparent,
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
        return_url: context.return_url,
        charge,
        at: context.now,
    };
    Some(Attempt { payment, reason })
}

/// Stores attempts, and answers the jobs that will charge them, in their order. Their invoices are stored before,
/// or have changed, which is the caller's to write.
pub(super) async fn store(db: &mut PgConnection, attempts: &[Attempt<'_>]) -> db::Result<Vec<JobId>> {
    if attempts.is_empty() {
        return Ok(Vec::new());
    }
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

/// One attempt for an invoice that is open, after what is in the balance; the job that will charge it. Its merchant is
/// told of what it has become.
pub(super) async fn attempt(
    db: &mut PgConnection,
    invoice: &mut Invoice,
    method: Option<&PaymentMethod>,
    reason: Reason,
    context: &ChangeContext<'_>,
) -> db::Result<Attempted> {
    let (before, now) = (invoice.status, context.now);
    collect(&mut *db, (invoice.merchant_id, invoice.customer_id, invoice.currency)).await?;
    draw(&mut *db, slice::from_mut(&mut *invoice), method, now).await?;
    let attempted = match method {
        _ if invoice.status == Status::Paid => Attempted::Paid,
        None => Attempted::Nothing,
        Some(method) if method.is_declined => match state::decline_unasked(invoice, reason, now) {
            Ok(Next::Exhausted(then)) if invoice.status != before => Attempted::GivenUp(then),
            Ok(_) | Err(_) => Attempted::Declined,
        },
        Some(method) => match begin(invoice, method, reason, context) {
            None => Attempted::Nothing,
            Some(attempt) => {
                let jobs = store(&mut *db, &[attempt]).await?;
                Attempted::Charging(*jobs.first().ok_or_else(|| db::Error::broken("a charge has no job"))?)
            }
        },
    };
    write(&mut *db, &[(before, &*invoice)], now).await?;
    if matches!(attempted, Attempted::Declined) {
        call_for_retries(db, slice::from_ref(invoice), context.traceparent).await?;
    }
    Ok(attempted)
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempted {
    /// This job charges it.
    Charging(JobId),
    /// The balance has paid it.
    Paid,
    /// There is nothing to pay with, or another payment comes first.
    Nothing,
    /// What there is to pay with is asked no more.
    Declined,
    /// And that was the end of its retries.
    GivenUp(Exhausted),
}

/// What the customer has in the balance pays these invoices of one customer, oldest first. They have changed, which
/// is the caller's to write.
async fn draw(
    db: &mut PgConnection,
    invoices: &mut [Invoice],
    method: Option<&PaymentMethod>,
    now: Timestamp,
) -> db::Result<()> {
    let Some((customer, currency)) = invoices.first().map(|first| (first.customer_id, first.currency)) else {
        return Ok(());
    };
    let had = balance(&mut *db, customer, currency).await?;
    let mut left = had;
    for invoice in invoices {
        let chargeable = |due| method.map_or(due, |method| method.chargeable(due));
        left += state::draw(invoice, left, chargeable, now).0;
    }
    Ok(credit(db, customer, currency, BalanceDelta(left - had)).await?)
}

/// What the customer has in the balance pays what is open of a subscription that is locked. Whether it paid one.
pub(crate) async fn use_balance(
    db: &mut PgConnection,
    subscription: &Subscription,
    now: Timestamp,
) -> db::Result<bool> {
    let currency = subscription.terms.price.unit.currency;
    collect(&mut *db, (subscription.merchant_id, subscription.customer_id, currency)).await?;
    let mut invoices = owed(&mut *db, subscription.debtor()).await?;
    let before = column(&invoices, |invoice| (invoice.status, invoice.from_balance));
    draw(&mut *db, &mut invoices, subscription.method.as_ref(), now).await?;
    let all = before.iter().zip(&invoices);
    let changed: Vec<_> = all
        .filter(|((_, drawn), invoice)| invoice.from_balance != *drawn)
        .map(|((status, _), invoice)| (*status, invoice))
        .collect();
    write(db, &changed, now).await?;
    Ok(changed.iter().any(|(_, invoice)| invoice.status == Status::Paid))
}

/// There is something new to pay with: one attempt for every open invoice of a subscription that is locked, oldest
/// first, and one after the other, for until it has answered nobody knows whether it is any good. A method that was
/// declined for good is asked for none.
pub(crate) async fn try_open(
    db: &mut PgConnection,
    subscription: &Subscription,
    reason: Reason,
    context: &ChangeContext<'_>,
) -> db::Result<Vec<JobId>> {
    let Some(method) = subscription.method.as_ref().filter(|method| !method.is_declined) else {
        return Ok(Vec::new());
    };
    let mut invoices = owed(&mut *db, subscription.debtor()).await?;
    for invoice in &mut invoices {
        let _ = invoice.retry_schedule.renew_method(context.now);
    }
    let first = invoices.iter_mut().find_map(|invoice| begin(invoice, method, reason, context));
    let jobs = store(&mut *db, first.as_slice()).await?;
    update(&mut *db, &invoices.iter().collect::<Vec<_>>()).await?;
    call_for_retries(&mut *db, &invoices, context.traceparent).await?;
    call_for_turns(&mut *db, &invoices, context.now).await?;
    Ok(jobs)
}

/// What the charges of these jobs ask for, and those that wait for their outcome, together.
pub(crate) async fn asked_for(
    db: &mut PgConnection,
    subscription: SubscriptionId,
    jobs: &[JobId],
) -> db::Result<Decimal> {
    let jobs: Vec<_> = jobs.iter().map(|job| job.0).collect();
    let begun = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(p.amount), 0) AS "amount!"
           FROM jobs j JOIN payments p ON p.id = j.subject_id WHERE j.id = ANY($1)"#,
        &jobs,
    )
    .fetch_one(&mut *db)
    .await?;
    let waiting = waiting(&mut *db, &[subscription.0], &[]).await?;
    let waiting = find_all(db, &column(&waiting, |one| one.invoice)).await?;
    Ok(begun + waiting.iter().map(|invoice| invoice.due().amount).sum::<Decimal>())
}
