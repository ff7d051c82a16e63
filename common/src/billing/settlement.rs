//! Recording what came of payments: where they pay invoices and have ended, the invoices and their subscriptions
//! follow in the same transaction. Many in one statement each; only a subscription that changes by it is written by
//! itself.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sqlx::{Acquire as _, PgConnection};
use uuid::Uuid;

use crate::{
    alarm::Alarm,
    clock::Timestamp,
    customer::{self, BalanceDelta, store::credit_all},
    db::{self, column, row::word},
    gateway::DeclineClass,
    id::{CustomerId, InvoiceId, MerchantId, PaymentId, SubscriptionId},
    invoice::{
        Invoice, Status,
        dunning::{AttemptFailure, Next, Reason},
        state::{self, Ended},
        store::{Waiting, at_next, count_owed, no_invoice, read_all, retry, soon, waiting, write},
    },
    job::{
        Kind,
        store::{Planned, plan},
    },
    money::Currency,
    payment::{
        self, Payment,
        state::Decision,
        store::{CommandResult, Recorded, Settled, Settlement},
    },
    subscription::{
        Subscription,
        state::{Fact, is_moved_by},
        store::{Error, lock_all, no_subscription},
    },
};

use super::{change_context::ChangeContext, effects::happened, reclaim::collect};

/// Records what was learnt of payments, and answers each in its order.
///
/// Fails when the database fails; then nothing was recorded, and the same facts may be recorded again.
pub async fn settle(db: &mut PgConnection, batch: &[Arc<Settlement>]) -> db::Result<Vec<Settled>> {
    let Recorded { mut settled, mut billed, at } = payment::store::settle(&mut *db, batch).await?;
    while !billed.is_empty() {
        // Of two results for one payment, the second finds what the first has changed.
        let mut seen = HashSet::new();
        let (first, later): (Vec<_>, Vec<_>) =
            billed.into_iter().partition(|(_, payment)| seen.insert(payment.id));
        let payments: Vec<_> = first.iter().map(|(_, payment)| payment).collect();
        let alarm = payments_ended(&mut *db, &payments, at).await?;
        let mut places = first.iter().map(|(place, _)| *place);
        if let Some(place) = places.find(|place| settled[*place].alarm.is_none()) {
            settled[place].alarm = alarm;
        }
        billed = later;
    }
    Ok(settled)
}

/// Decides a command about a payment of this merchant, in the caller's transaction. `None`: no such payment.
pub async fn execute(
    db: &mut PgConnection,
    merchant: MerchantId,
    id: PaymentId,
    traceparent: &str,
    decide: impl FnOnce(&mut Payment, Timestamp) -> Decision,
) -> db::Result<Option<CommandResult>> {
    let answered = payment::store::execute(&mut *db, merchant, id, traceparent, decide).await?;
    if let Some(CommandResult { payment, decision: Decision::Accepted(_), .. }) = &answered
        && payment.billing.is_some()
    {
        let now = crate::db::now(&mut *db).await?;
        payments_ended(db, &[payment], now).await?;
    }
    Ok(answered)
}

/// Payments that have come into their present status. Those that pay invoices and have ended settle them.
/// Answers what an operator should be woken for.
async fn payments_ended(
    db: &mut PgConnection,
    payments: &[&Payment],
    now: Timestamp,
) -> db::Result<Option<Alarm>> {
    let mut left = find_ends(&mut *db, payments).await?;
    let mut alarm = None;
    while !left.is_empty() {
        // All are locked before anything is written, in one order, so that two batches cannot wait for each other.
        let ids: Vec<_> = left.iter().map(|end| end.subscription.0).collect();
        let mut locked: HashMap<_, _> =
            lock_all(&mut *db, &ids).await?.into_iter().map(|found| (found.id, found)).collect();
        // Of two ends of one subscription, the second finds what the first has changed.
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for end in left {
            match locked.remove(&end.subscription) {
                Some(subscription) => first.push((end, subscription)),
                None => later.push(end),
            }
        }
        if first.is_empty() {
            return Err(no_subscription());
        }
        alarm = alarm.or(follow_all(&mut *db, first, now).await?);
        left = later;
    }
    Ok(alarm)
}

/// A payment of an invoice has ended.
struct End<'a> {
    payment: &'a Payment,
    invoice: InvoiceId,
    subscription: SubscriptionId,
    ended: Ended,
    reason: Reason,
}

async fn find_ends<'a>(db: &mut PgConnection, payments: &[&'a Payment]) -> db::Result<Vec<End<'a>>> {
    let ended: Vec<_> = payments
        .iter()
        .filter_map(|payment| Some((*payment, payment.billing.as_ref()?.invoice, state::ended(payment)?)))
        .collect();
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = ended.iter().map(|(payment, ..)| payment.id.0).collect();
    let rows = sqlx::query!(
        "SELECT p.payment_id, p.reason, i.subscription_id
         FROM invoice_payments p JOIN invoices i ON i.id = p.invoice_id
         WHERE p.payment_id = ANY($1) ORDER BY i.subscription_id, p.payment_id",
        &ids,
    )
    .fetch_all(db)
    .await?;
    let mut ends = Vec::with_capacity(rows.len());
    for row in rows {
        let found = ended.iter().find(|(payment, ..)| payment.id.0 == row.payment_id);
        let Some((payment, invoice, ended)) = found else { continue };
        ends.push(End {
            payment,
            invoice: *invoice,
            subscription: SubscriptionId(row.subscription_id),
            ended: *ended,
            reason: word("reason", &row.reason)?,
        });
    }
    Ok(ends)
}

/// One end of each of these subscriptions, which are locked.
async fn follow_all(
    db: &mut PgConnection,
    ends: Vec<(End<'_>, Subscription)>,
    now: Timestamp,
) -> db::Result<Option<Alarm>> {
    let ids: Vec<_> = ends.iter().map(|(end, _)| end.invoice).collect();
    let mut invoices = read_all(&mut *db, &ids).await?;
    let payments: Vec<_> = ends.iter().map(|(end, _)| end.payment.id.0).collect();
    sqlx::query!("UPDATE invoice_payments SET open = false WHERE payment_id = ANY($1)", &payments)
        .execute(&mut *db)
        .await?;
    let (mut changed, mut credits, mut retries, mut alarm) = (Vec::new(), Vec::new(), Vec::new(), None);
    let (mut facts, mut paid) = (Vec::new(), Vec::new());
    let mut turns = HashMap::new();
    decline_for_good(&mut *db, &ends, &invoices, now).await?;
    for (end, subscription) in ends {
        let mut invoice = invoices.remove(&end.invoice).ok_or_else(no_invoice)?;
        let before = invoice.status;
        let whose = (invoice.merchant_id, invoice.customer_id, invoice.currency);
        match state::settle(&mut invoice, end.payment.id, end.ended, end.reason, now) {
            state::Settled::Paid { balance_delta } => {
                credits.push((whose, balance_delta));
                paid.push(subscription);
            }
            state::Settled::Surplus { balance_delta, alarm: why } => {
                credits.push((whose, balance_delta));
                alarm = alarm.or(why);
            }
            state::Settled::Owed(next) => {
                retries.extend(at_next(&invoice, next, now));
                if invoice.status == Status::Open
                    && matches!(end.ended, Ended::Failed(AttemptFailure::Declined(_)))
                {
                    facts.push((subscription, Fact::PaymentDeclined));
                }
            }
            state::Settled::PartlyPaid => retries.extend(at_next(&invoice, Next::Soon, now)),
            state::Settled::GivenUp(then) => facts.push((subscription, Fact::DunningExhausted(then))),
            state::Settled::Ended => {}
        }
        if end.reason == Reason::Asked {
            let is_technical = end.ended == Ended::Failed(AttemptFailure::Technical);
            turns.insert(end.subscription.0, if is_technical { soon(&invoice, now) } else { now });
        }
        changed.push((before, invoice));
    }
    write(&mut *db, &changed.iter().map(|(before, invoice)| (*before, invoice)).collect::<Vec<_>>(), now)
        .await?;
    bring_to_balances(&mut *db, &credits).await?;
    retries.extend(next_turns(&mut *db, &turns, &column(&ids, |id| id.0)).await?);
    plan(&mut *db, &retries).await?;
    let open_left = count_owed(&mut *db, &paid.iter().map(Subscription::debtor).collect::<Vec<_>>()).await?;
    facts.extend(paid.into_iter().map(|subscription| {
        let open_left = open_left.get(&subscription.id).copied().unwrap_or_default();
        (subscription, Fact::InvoicePaid { open_left })
    }));
    for (subscription, fact) in facts {
        alarm = alarm.or(follow(&mut *db, subscription, fact, now).await?);
    }
    Ok(alarm)
}

/// What waited for the outcome of these subscriptions' payments has its turn at these times.
async fn next_turns(
    db: &mut PgConnection,
    turns: &HashMap<Uuid, Timestamp>,
    ended: &[Uuid],
) -> db::Result<Vec<Planned<'static>>> {
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    let waiting = waiting(db, &turns.keys().copied().collect::<Vec<_>>(), ended).await?;
    let turn = |one: Waiting| Some(retry(one.invoice, *turns.get(&one.subscription)?, None));
    Ok(waiting.into_iter().filter_map(turn).collect())
}

/// What payments brought beyond what was due goes to the balances; of that, what is with the customer twice is taken.
async fn bring_to_balances(
    db: &mut PgConnection,
    credits: &[((MerchantId, CustomerId, Currency), BalanceDelta)],
) -> db::Result<()> {
    let deltas = credits.iter().map(|((_, customer, currency), amount)| ((*customer, *currency), *amount));
    credit_all(&mut *db, deltas).await?;
    for (whose, _) in credits.iter().filter(|(_, amount)| !amount.0.is_zero()) {
        collect(&mut *db, *whose).await?;
    }
    Ok(())
}

/// What was declined for good is asked for no invoice any more, until it is replaced.
async fn decline_for_good(
    db: &mut PgConnection,
    ends: &[(End<'_>, Subscription)],
    invoices: &HashMap<InvoiceId, Invoice>,
    now: Timestamp,
) -> db::Result<()> {
    let hard = Ended::Failed(AttemptFailure::Declined(DeclineClass::Hard));
    let mut methods: Vec<_> = ends
        .iter()
        .filter(|(end, _)| end.ended == hard)
        .filter_map(|(end, _)| {
            // A request that was refused says nothing of the method.
            let class = end.payment.failure.as_ref()?.decline_class;
            let route = Some(&end.payment.route).filter(|_| class == Some(DeclineClass::Hard))?;
            let customer = invoices.get(&end.invoice)?.customer_id;
            Some((customer, route.method, route.token.clone()?))
        })
        .collect();
    // In one order, so that of two batches none waits for the other.
    methods.sort_unstable_by(|(one, _, token), (other, _, another)| (one, token).cmp(&(other, another)));
    methods.dedup();
    Ok(customer::store::decline(db, &methods, now).await?)
}

/// A subscription, which is locked, follows what became of its invoice; most stay as they are.
pub(super) async fn follow(
    db: &mut PgConnection,
    subscription: Subscription,
    fact: Fact,
    now: Timestamp,
) -> db::Result<Option<Alarm>> {
    if !is_moved_by(&subscription, fact, now) {
        return Ok(None);
    }
    let context = ChangeContext {
        now,
        charges: Kind::ChargeOffSession,
        traceparent: None,
        grace: std::time::Duration::ZERO,
        return_url: None,
    };
    let id = subscription.id;
    // Money that moved is recorded, whatever the subscription's own rules have against it.
    let mut inner = db.begin().await?;
    match happened(&mut inner, subscription, fact, &context).await {
        Ok(done) => {
            inner.commit().await?;
            Ok(done.alarm)
        }
        Err(Error::Refused(refusal)) => {
            let alarm = Alarm::SubscriptionCannotFollow;
            tracing::error!(%refusal, subscription_id = %id, "{}", alarm.sentence());
            inner.rollback().await?;
            Ok(Some(alarm))
        }
        Err(Error::Failed(error)) => Err(error),
    }
}
