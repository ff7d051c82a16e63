//! What time brings to a subscription: one boundary in one transaction, under the subscription's lock. Whoever
//! does it twice, late, or dies in the middle leaves one invoice for each period.

use chrono::TimeDelta;
use sqlx::{PgConnection, PgPool};

use crate::{
    clock::Timestamp,
    id::{JobId, MerchantId, PaymentId, SubscriptionId},
    invoice,
    job::{self, Claim, store::interval},
    payment::{self, store::PUBLISHER_GRACE},
    subscription::{
        Status, Subscription,
        state::{self, Effects, FIRST_INVOICE_WINDOW, Fact, Refusal, Renewal},
    },
};

use super::{
    Trouble,
    effects::{Circumstances, perform},
    lock, wakes_at, write,
};

/// How long a payment under way delays the end of a subscription whose first invoice is not paid.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// What came of it.
#[derive(Debug, Default)]
pub struct Renewed {
    /// The charges that were called for.
    pub jobs: Vec<JobId>,
    /// What an operator should be woken for.
    pub alarm: Option<&'static str>,
}

/// A job finds that a subscription's time may have come. Does what is due, the oldest first, one boundary at a
/// time, and puts the job back until the next.
///
/// # Errors
/// [`Trouble`]: nothing was changed.
pub async fn renew(db: &PgPool, claim: &Claim) -> Result<Renewed, Trouble> {
    call_off(db, claim).await?;
    let mut transaction = db.begin().await?;
    let renewed = come_due(&mut transaction, claim).await?;
    transaction.commit().await?;
    Ok(renewed)
}

/// A payer who was to do something for the first payment has not done it in time; or a payment under way is not
/// needed any more, because its invoice is void. It is called off, if it is not at its gateway. In a transaction
/// of its own, because a payment is locked before its subscription; what comes of it is asked for soon.
async fn call_off(db: &PgPool, claim: &Claim) -> sqlx::Result<()> {
    let waiting = sqlx::query!(
        "SELECT p.id, p.merchant_id FROM subscriptions s JOIN invoices i ON i.subscription_id = s.id
         JOIN invoice_payments a ON a.invoice_id = i.id AND a.open JOIN payments p ON p.id = a.payment_id
         WHERE s.id = $1 AND (
             i.status = 'void' AND p.status IN ('pending', 'requires_action')
             OR s.status = 'incomplete' AND s.created_at + $2 <= remit_now() AND p.status = 'requires_action')",

        claim.subject,
        interval(FIRST_INVOICE_WINDOW.to_std().unwrap_or_default()),
    )
    .fetch_optional(db)
    .await?;
    let Some(waiting) = waiting else { return Ok(()) };
    let mut transaction = db.begin().await?;
    let (merchant, id) = (MerchantId(waiting.merchant_id), PaymentId(waiting.id));
    let trace = claim.traceparent.as_deref().unwrap_or_default();
    payment::store::grant(&mut transaction, merchant, id, trace, payment::state::cancel).await?;
    transaction.commit().await
}

async fn come_due(db: &mut PgConnection, claim: &Claim) -> Result<Renewed, Trouble> {
    let subscription = lock(&mut *db, SubscriptionId(claim.subject)).await?;
    let now = crate::db::now(&mut *db).await?;
    let Some(before) = subscription else {
        job::store::finish(db, &[claim.id.0], &[claim.attempt]).await?;
        return Ok(Renewed::default());
    };
    let mut subscription = before.clone();
    let circumstances = Circumstances {
        now,
        traceparent: claim.traceparent.as_deref(),
        grace: PUBLISHER_GRACE,
        return_url: None,
    };
    let (effects, again) = decide(&mut *db, &mut subscription, now).await?;
    let done = perform(&mut *db, &mut subscription, effects, &circumstances).await?;
    if subscription != before {
        write(&mut *db, &before, &mut subscription, now).await?;
    }
    match again.or(wakes_at(&subscription).map_err(Refusal::from)?) {
        Some(at) => job::store::put_back(&mut *db, claim, at).await?,
        None => job::store::finish(db, &[claim.id.0], &[claim.attempt]).await?,
    }
    Ok(Renewed { jobs: done.jobs, alarm: done.alarm })
}

/// What is to be done now, and when to ask again where that is not the next boundary.
async fn decide(
    db: &mut PgConnection,
    subscription: &mut Subscription,
    now: Timestamp,
) -> Result<(Effects, Option<Timestamp>), Trouble> {
    if subscription.status == Status::Incomplete {
        let payment_under_way = invoice::store::has_payment_under_way(db, subscription.id).await?;
        let fact = Fact::FirstInvoiceExpired { payment_under_way };
        let effects = state::apply(subscription, fact, now)?;
        return Ok((effects, payment_under_way.then(|| now + ASK_AGAIN)));
    }
    match state::renew(subscription, now)? {
        Renewal::NotBefore(_) | Renewal::None | Renewal::InReview => Ok((Effects::new(), None)),
        Renewal::Done(effects) => Ok((effects, None)),
    }
}
