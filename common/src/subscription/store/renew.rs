//! What time brings to subscriptions: one boundary of each in one transaction, under their locks. Whoever does it
//! twice, late, or dies in the middle leaves one invoice for each period.

use std::{collections::HashMap, slice};

use chrono::TimeDelta;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{JobId, MerchantId, PaymentId},
    invoice,
    job::{self, Claim, Kind, store::interval},
    payment::{self, store::PUBLISHER_GRACE},
    subscription::{
        Status, Subscription,
        state::{self, Effects, FIRST_INVOICE_WINDOW, Fact, Refusal, Renewal},
    },
};

use super::{
    Trouble,
    effects::{Circumstances, perform},
    lock_all, wakes_at, write,
};

/// How long a payment under way delays the end of a subscription whose first invoice is not paid.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Renewed {
    /// The charges that were called for.
    pub jobs: Vec<JobId>,
    /// What an operator should be woken for.
    pub alarm: Option<&'static str>,
}

/// Jobs find that the time of subscriptions may have come. For each, does what is due, the oldest first, one
/// boundary at a time, and puts its job back until the next. All in one transaction; but where the rules refuse
/// one, nothing of it is changed, and its neighbours go on without it.
///
/// # Errors
/// When the database fails.
pub async fn renew(db: &PgPool, claims: &[Claim]) -> sqlx::Result<Vec<Result<Renewed, Refusal>>> {
    call_off(db, claims).await?;
    let mut transaction = db.begin().await?;
    match come_due(&mut transaction, claims).await {
        Ok(renewed) => {
            transaction.commit().await?;
            Ok(renewed.into_iter().map(Ok).collect())
        }
        Err(Trouble::Database(error)) => Err(error),
        Err(Trouble::Refused(refusal)) if claims.len() == 1 => Ok(vec![Err(refusal)]),
        Err(Trouble::Refused(_)) => {
            transaction.rollback().await?;
            let mut renewed = Vec::with_capacity(claims.len());
            for claim in claims {
                renewed.extend(Box::pin(renew(db, slice::from_ref(claim))).await?);
            }
            Ok(renewed)
        }
    }
}

/// A payer who was to do something for the first payment has not done it in time; or a payment under way is not
/// needed any more, because its invoice is void. It is called off, if it is not at its gateway. In a transaction
/// of its own, because a payment is locked before its subscription; what comes of it is asked for soon.
async fn call_off(db: &PgPool, claims: &[Claim]) -> sqlx::Result<()> {
    let waiting = sqlx::query!(
        "SELECT p.id, p.merchant_id, s.id AS subscription
         FROM subscriptions s JOIN invoices i ON i.subscription_id = s.id
         JOIN invoice_payments a ON a.invoice_id = i.id AND a.open JOIN payments p ON p.id = a.payment_id
         WHERE s.id = ANY($1) AND (
             i.status = 'void' AND p.status IN ('pending', 'requires_action')
             OR s.status = 'incomplete' AND s.created_at + $2 <= remit_now() AND p.status = 'requires_action')",
        &subjects(claims),
        interval(FIRST_INVOICE_WINDOW.to_std().unwrap_or_default()),
    )
    .fetch_all(db)
    .await?;
    for waiting in waiting {
        let mut transaction = db.begin().await?;
        let (merchant, id) = (MerchantId(waiting.merchant_id), PaymentId(waiting.id));
        let claim = claims.iter().find(|claim| claim.subject == waiting.subscription);
        let trace = claim.and_then(|claim| claim.traceparent.as_deref()).unwrap_or_default();
        payment::store::grant(&mut transaction, merchant, id, trace, payment::state::cancel).await?;
        transaction.commit().await?;
    }
    Ok(())
}

fn subjects(claims: &[Claim]) -> Vec<Uuid> {
    claims.iter().map(|claim| claim.subject).collect()
}

/// All subscriptions are locked first, and then billed merchant by merchant: so of two who do this at once
/// none waits for the other's numbers while the other waits for its subscriptions.
async fn come_due(db: &mut PgConnection, claims: &[Claim]) -> Result<Vec<Renewed>, Trouble> {
    let found = lock_all(&mut *db, &subjects(claims)).await?;
    let now = crate::db::now(&mut *db).await?;
    let mut renewed: HashMap<Uuid, Renewed> = HashMap::new();
    for subscription in found {
        let claim = claims.iter().find(|claim| claim.subject == subscription.id.0);
        if let Some(claim) = claim {
            renewed.insert(claim.id.0, come_due_one(&mut *db, claim, subscription, now).await?);
        }
    }
    let gone = claims.iter().filter(|claim| !renewed.contains_key(&claim.id.0));
    let (gone, attempts): (Vec<_>, Vec<_>) = gone.map(|claim| (claim.id.0, claim.attempt)).unzip();
    if !gone.is_empty() {
        job::store::finish(db, &gone, &attempts).await?;
    }
    Ok(claims.iter().map(|claim| renewed.remove(&claim.id.0).unwrap_or_default()).collect())
}

async fn come_due_one(
    db: &mut PgConnection,
    claim: &Claim,
    before: Subscription,
    now: Timestamp,
) -> Result<Renewed, Trouble> {
    let mut subscription = before.clone();
    let circumstances = Circumstances {
        now,
        charges: Kind::ChargeOffSession,
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
        let payment_under_way = !invoice::store::payments_under_way(db, subscription.id).await?.is_empty();
        let fact = Fact::FirstInvoiceExpired { payment_under_way };
        let effects = state::apply(subscription, fact, now)?;
        return Ok((effects, payment_under_way.then(|| now + ASK_AGAIN)));
    }
    match state::renew(subscription, now)? {
        Renewal::NotBefore(_) | Renewal::None | Renewal::InReview => Ok((Effects::new(), None)),
        Renewal::Done(effects) => Ok((effects, None)),
    }
}
