//! What time brings to subscriptions: one boundary of each in one transaction, under their locks. Whoever does it
//! twice, late, or dies in the middle leaves one invoice for each period.

use std::{collections::HashMap, time::Duration};

use chrono::TimeDelta;
use sqlx::{PgConnection, PgPool};

use crate::{
    alarm::Alarm,
    clock::Timestamp,
    db,
    id::{JobId, MerchantId, PaymentId},
    invoice,
    job::{self, Claim, Kind, store::interval},
    payment,
    subscription::{
        Status, Subscription,
        state::{self, Effects, FIRST_INVOICE_WINDOW, Fact, Refusal, Renewal},
        store::{Error, lock_all, wakes_at},
    },
};

use super::{
    change_context::ChangeContext,
    effects::{PendingChange, carry_out},
    settlement::execute,
};

/// How long a payment under way delays the end of a subscription whose first invoice is not paid.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(1);

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Renewed {
    /// The charges that were called for.
    pub jobs: Vec<JobId>,
    /// What an operator should be woken for.
    pub alarm: Option<Alarm>,
}

/// Jobs find that the time of subscriptions may have come. For each, does what is due, the oldest first, one
/// boundary at a time, and puts its job back until the next. All in one transaction; but where the rules refuse
/// one, nothing of it is changed, and its neighbours go on without it.
pub async fn renew(db: &PgPool, claims: &[Claim]) -> db::Result<Vec<Result<Renewed, Refusal>>> {
    call_off(db, claims).await?;
    let mut refused = HashMap::new();
    loop {
        let left: Vec<_> = claims.iter().filter(|claim| !refused.contains_key(&claim.id)).collect();
        let mut transaction = db.begin().await?;
        let done = come_due(&mut transaction, &left).await?;
        let (mut renewed, refusals) =
            done.into_iter().partition::<HashMap<_, _>, _>(|(_, done)| done.is_ok());
        if refusals.is_empty() {
            transaction.commit().await?;
            renewed.extend(refused);
            let answer =
                |claim: &Claim| renewed.get(&claim.id).cloned().unwrap_or_else(|| Ok(Renewed::default()));
            return Ok(claims.iter().map(answer).collect());
        }
        transaction.rollback().await?;
        refused.extend(refusals);
    }
}

/// A payer who was to do something for the first payment has not done it in time; or a payment under way is not
/// needed any more, because its invoice is void. It is called off, if it is not at its gateway. In a transaction
/// of its own, because a payment is locked before its subscription; what comes of it is asked for soon.
async fn call_off(db: &PgPool, claims: &[Claim]) -> db::Result<()> {
    // Few have something to call off, and only they are looked at more closely.
    let few = sqlx::query_scalar!(
        "SELECT id FROM subscriptions
         WHERE id = ANY($1) AND status IN ('incomplete', 'incomplete_expired', 'canceled')",
        &claims.iter().map(|claim| claim.subject).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    if few.is_empty() {
        return Ok(());
    }
    let waiting = sqlx::query!(
        "SELECT p.id, p.merchant_id, s.id AS subscription
         FROM subscriptions s JOIN invoices i ON i.subscription_id = s.id
         JOIN invoice_payments a ON a.invoice_id = i.id AND a.open JOIN payments p ON p.id = a.payment_id
         WHERE s.id = ANY($1) AND (
             i.status = 'void' AND p.status IN ('pending', 'requires_action')
             OR s.status = 'incomplete' AND s.created_at + $2 <= remit_now() AND p.status = 'requires_action')",
        &few,
        interval(FIRST_INVOICE_WINDOW.to_std().unwrap_or_default()),
    )
    .fetch_all(db)
    .await?;
    for waiting in waiting {
        let mut transaction = db.begin().await?;
        let (merchant, id) = (MerchantId(waiting.merchant_id), PaymentId(waiting.id));
        let claim = claims.iter().find(|claim| claim.subject == waiting.subscription);
        let trace = claim.and_then(|claim| claim.traceparent.as_deref()).unwrap_or_default();
        execute(&mut transaction, merchant, id, trace, payment::state::cancel).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// What came of each job, of those whose subscriptions are still there. Should the rules have refused one, nothing of
/// this transaction may stay. All subscriptions are locked first: so of two who do this at once none waits for the
/// other's numbers while the other waits for its subscriptions.
async fn come_due(
    db: &mut PgConnection,
    claims: &[&Claim],
) -> db::Result<Vec<(JobId, Result<Renewed, Refusal>)>> {
    let subjects: Vec<_> = claims.iter().map(|claim| claim.subject).collect();
    let found = lock_all(&mut *db, &subjects).await?;
    let now = crate::db::now(&mut *db).await?;
    let (mut done, mut turns, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for subscription in found {
        let of_it = claims.iter().filter(|claim| claim.subject == subscription.id.0);
        let Some(claim) = of_it.max_by_key(|claim| claim.attempt) else { continue };
        match decide(&mut *db, claim, subscription, now).await {
            Ok((pending, again)) => {
                turns.push((*claim, again));
                changes.push(pending);
            }
            Err(Error::Refused(refusal)) => done.push((claim.id, Err(refusal))),
            Err(Error::Failed(error)) => return Err(error),
        }
    }
    carry_out(&mut *db, &mut changes).await?;
    let mut reschedule = Vec::new();
    for ((claim, again), pending) in turns.into_iter().zip(changes) {
        done.push((
            claim.id,
            come_again(pending, again).map(|(renewed, at)| {
                reschedule.extend(at.map(|at| (claim, at)));
                renewed
            }),
        ));
    }
    let is_over = |claim: &&&Claim| !reschedule.iter().any(|(waiting, _)| waiting.id == claim.id);
    let (over, attempts): (Vec<_>, Vec<_>) =
        claims.iter().filter(is_over).map(|claim| (claim.id.0, claim.attempt)).unzip();
    job::store::reschedule(&mut *db, &reschedule).await?;
    if !over.is_empty() {
        job::store::finish(db, &over, &attempts).await?;
    }
    Ok(done)
}

/// What came of it, and when its job comes again, if it does.
fn come_again(
    mut pending: PendingChange<'_>,
    again: Option<Timestamp>,
) -> Result<(Renewed, Option<Timestamp>), Refusal> {
    if let Some(refusal) = pending.refused() {
        return Err(refusal);
    }
    let at = again.or(wakes_at(&pending.subscription)?);
    Ok((Renewed { jobs: pending.done.jobs, alarm: pending.done.alarm }, at))
}

/// What is to be done now, and when to ask again where that is not the next boundary.
async fn decide<'a>(
    db: &mut PgConnection,
    claim: &'a Claim,
    before: Subscription,
    now: Timestamp,
) -> Result<(PendingChange<'a>, Option<Timestamp>), Error> {
    let context = ChangeContext {
        now,
        charges: Kind::ChargeOffSession,
        traceparent: claim.traceparent.as_deref(),
        grace: Duration::ZERO,
        return_url: None,
    };
    let mut subscription = before.clone();
    if subscription.status == Status::Incomplete {
        let payment_under_way = !invoice::store::payments_under_way(db, subscription.id).await?.is_empty();
        let fact = Fact::FirstInvoiceExpired { payment_under_way };
        let effects = state::apply(&mut subscription, fact, now)?;
        let again = payment_under_way.then(|| now + ASK_AGAIN);
        return Ok((PendingChange::new(before, subscription, effects, context), again));
    }
    let effects = match state::renew(&mut subscription, now)? {
        Renewal::NotBefore(_) | Renewal::None | Renewal::InReview => Effects::new(),
        Renewal::Done(effects) => effects,
    };
    Ok((PendingChange::new(before, subscription, effects, context), None))
}
