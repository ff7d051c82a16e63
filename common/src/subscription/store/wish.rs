//! What a merchant asks of a subscription after it was made, decided under its lock.

use sqlx::{PgConnection, PgPool};

use crate::{
    id::{JobId, MerchantId, SubscriptionId},
    invoice::{self, Invoice},
    payment::store::PUBLISHER_GRACE,
    subscription::{
        Subscription,
        proration::{Proration, in_force},
        state::{self, Effects, Place, Refusal, When},
    },
};

use super::{
    Trouble,
    effects::{Circumstances, call_for_renewal, perform},
    lock, write,
};

/// The answer to a wish.
#[derive(Debug)]
pub enum Answered {
    /// It was granted.
    Granted(Box<Granted>),
    /// This merchant has no such subscription.
    NotFound,
    /// It has changed since the caller read it.
    VersionDiffers,
    /// The rules say no.
    Refused(Refusal),
}

/// A wish that was granted.
#[derive(Debug)]
pub struct Granted {
    /// The subscription, as it stands now.
    pub subscription: Subscription,
    /// Charges (of kind `ChargePayment`) to be published after this call.
    pub jobs: Vec<JobId>,
}

/// Decides a wish about a subscription of this merchant, in a transaction of its own. `decide` is one of the
/// functions of [`state`]. With `version` only if it is still the one that the caller has read.
///
/// # Errors
/// When the database fails.
pub async fn grant(
    db: &PgPool,
    merchant: MerchantId,
    id: SubscriptionId,
    version: Option<u32>,
    traceparent: &str,
    decide: impl FnOnce(&mut Subscription, Place<'_>) -> Result<Effects, Refusal> + Send,
) -> sqlx::Result<Answered> {
    let mut transaction = db.begin().await?;
    let found = lock(&mut transaction, id).await?.filter(|found| found.merchant_id == merchant);
    let Some(subscription) = found else { return Ok(Answered::NotFound) };
    if version.is_some_and(|version| version != subscription.version) {
        return Ok(Answered::VersionDiffers);
    }
    match change(&mut transaction, subscription, traceparent, decide).await {
        Ok(granted) => {
            transaction.commit().await?;
            Ok(Answered::Granted(Box::new(granted)))
        }
        Err(Trouble::Refused(refusal)) => Ok(Answered::Refused(refusal)),
        Err(Trouble::Database(error)) => Err(error),
    }
}

async fn change(
    db: &mut PgConnection,
    before: Subscription,
    traceparent: &str,
    decide: impl FnOnce(&mut Subscription, Place<'_>) -> Result<Effects, Refusal>,
) -> Result<Granted, Trouble> {
    let now = crate::db::now(&mut *db).await?;
    let mut subscription = before.clone();
    let billed = match before.current_period {
        Some(period) => invoice::store::of_period(&mut *db, before.id, period.index).await?,
        None => Vec::new(),
    };
    let billed = in_force(billed.iter().flat_map(Invoice::places));
    let effects = decide(&mut subscription, Place { now, billed: &billed })?;
    let circumstances =
        Circumstances { now, traceparent: Some(traceparent), grace: PUBLISHER_GRACE, return_url: None };
    let done = perform(&mut *db, &mut subscription, effects, &circumstances).await?;
    if subscription != before {
        write(&mut *db, &before, &mut subscription, now).await?;
        call_for_renewal(db, &subscription, Some(traceparent)).await?;
    }
    Ok(Granted { subscription, jobs: done.jobs })
}

/// Ends a subscription: at once, and the rest of the period is given back only by day; or with its period.
///
/// # Errors
/// When the database fails.
pub async fn cancel(
    db: &PgPool,
    merchant: MerchantId,
    id: SubscriptionId,
    when: When,
    proration: Proration,
    traceparent: &str,
) -> sqlx::Result<Answered> {
    let decide = |subscription: &mut Subscription, place: Place<'_>| {
        state::cancel(subscription, when, proration, place)
    };
    grant(db, merchant, id, None, traceparent, decide).await
}

/// A person lets all renewals be billed that were missed, one after the other.
///
/// # Errors
/// When the database fails.
pub async fn bill_missed(db: &PgPool, merchant: MerchantId, id: SubscriptionId) -> sqlx::Result<Answered> {
    let decide = |subscription: &mut Subscription, place: Place<'_>| {
        state::bill_missed(subscription, place.now).map(|()| Effects::new())
    };
    grant(db, merchant, id, None, "", decide).await
}

/// A person forgoes the renewals that were missed: only the period that is running now is billed.
///
/// # Errors
/// When the database fails.
pub async fn skip_missed(db: &PgPool, merchant: MerchantId, id: SubscriptionId) -> sqlx::Result<Answered> {
    let decide = |subscription: &mut Subscription, place: Place<'_>| {
        state::skip_missed(subscription, place.now).map(|()| Effects::new())
    };
    grant(db, merchant, id, None, "", decide).await
}
