//! Recording what came of a call: the state, the record of the call, the event, the entries in the books,
//! and the end of the job, many payments in one transaction.
//!
//! A worker may come late: its lease was over, and another has taken the payment in hand. Every claim
//! touches the payment's `updated_at`, so a result counts only if the payment is still as its worker
//! read it. Whoever comes late loses its failure, but money that moved is recorded from anybody.

use std::{collections::HashSet, sync::Arc, time::Duration};

use sqlx::PgConnection;

use crate::{
    clock::Timestamp,
    gateway::{Answer, ChargeOutcome, Report},
    id::PaymentId,
    invoice,
    job::{self, Claim, work::Work},
    ledger,
    payment::{
        Payment, Status, duplicate,
        state::{self, Change, Context},
    },
};

use super::{
    duplicates::record as record_duplicate,
    write::{Happened, insert_calls, insert_events, postings, reroute, update},
};

/// What a worker learnt about a payment.
#[derive(Debug)]
pub struct Settlement {
    /// The job under which it asked.
    pub claim: Claim,
    /// The payment, as it was when it was claimed.
    pub payment: Payment,
    /// What the gateway answered.
    pub answer: Answer<ChargeOutcome>,
}

/// What was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Where the payment stands now.
    pub status: Status,
    /// Whether this settlement changed it.
    pub changed: bool,
    /// What an operator should be woken for.
    pub alarm: Option<&'static str>,
}

impl Settlement {
    fn context(&self, now: Timestamp) -> Context {
        Context { now, kind: self.claim.kind }
    }

    /// What the report changes, if the payment is still as it was claimed.
    fn change(&self, now: Timestamp) -> Change {
        state::apply(&self.payment, &self.answer.report, self.context(now))
    }

    /// What it changes of the payment as it is now.
    fn late_change(&self, current: &Payment, now: Timestamp) -> Change {
        state::apply_late(current, &self.payment, &self.answer.report, self.context(now))
    }
}

/// A payment as it is to become, and what goes with it.
struct Decided<'a> {
    payment: Payment,
    report: &'a Report<ChargeOutcome>,
    seen: Timestamp,
    rerouted: bool,
    settled: Settled,
    work: Work,
    /// Money that has moved beside it.
    duplicate: Option<duplicate::Found>,
}

/// Records what was learnt, and answers each in its order.
///
/// # Errors
/// When the database fails; then nothing was recorded, and the same facts may be recorded again.
pub async fn settle(db: &mut PgConnection, batch: &[Arc<Settlement>]) -> sqlx::Result<Vec<Settled>> {
    let now = crate::db::now(&mut *db).await?;
    let decided: Vec<_> = batch.iter().map(|s| decide(&s.payment, s, s.change(now), now)).collect();
    let written = update(db, decided.iter().map(|d| (&d.payment, d.seen))).await?;
    // Of two results for one payment in one batch only the first was written.
    let mut earlier = HashSet::new();
    let is_in_time = |d: &Decided<'_>| earlier.insert(d.payment.id) && written.contains(&d.payment.id.0);
    let in_time: Vec<bool> = decided.iter().map(is_in_time).collect();
    let results = || batch.iter().zip(&decided).zip(&in_time).filter(|(_, in_time)| **in_time);
    insert_calls(db, batch.iter().map(|s| (s.payment.id.0, &s.claim, &s.answer)), now).await?;
    tell(db, results().map(|((_, decided), _)| decided), now).await?;
    job::store::end(db, results().map(|((s, decided), _)| (&s.claim, &decided.work))).await?;
    let mut alarm = settle_invoices(db, results().map(|((_, decided), _)| decided), now).await?;
    let mut answers = Vec::with_capacity(batch.len());
    for ((settlement, decided), in_time) in batch.iter().zip(&decided).zip(&in_time) {
        answers.push(match in_time {
            true => Settled { alarm: decided.settled.alarm.or_else(|| alarm.take()), ..decided.settled },
            false => settle_late(db, settlement, now).await?,
        });
    }
    Ok(answers)
}

/// `payment` as it is now, and what the rules make of the report for it.
fn decide<'a>(payment: &Payment, settlement: &'a Settlement, change: Change, now: Timestamp) -> Decided<'a> {
    let (mut payment, seen) = (payment.clone(), payment.updated_at);
    let Change { to, gateway_ref, call_not_sent, work, alarm, duplicate } = change;
    payment.exposure.calls_not_sent += i32::from(call_not_sent);
    payment.gateway_ref = gateway_ref.or(payment.gateway_ref.take());
    payment.updated_at = later(now, seen);
    let changed = to.is_some();
    if let Some(outcome) = to {
        state::enter(&mut payment, outcome, now);
    }
    let duplicate =
        duplicate.map(|charge| duplicate::Found::of(&payment, settlement.payment.order.gateway, charge));
    let settled = Settled { status: payment.status, changed, alarm };
    let rerouted = payment.order.gateway != settlement.payment.order.gateway;
    Decided { payment, report: &settlement.answer.report, seen, rerouted, settled, work, duplicate }
}

/// Always another moment than was seen, so that a result cannot be written twice.
pub(super) fn later(now: Timestamp, seen: Timestamp) -> Timestamp {
    now.max(seen + Duration::from_micros(1))
}

/// Tells the merchant and the books what has changed, and where the payment goes on.
async fn tell<'a>(
    db: &mut PgConnection,
    decided: impl Iterator<Item = &'a Decided<'a>>,
    now: Timestamp,
) -> sqlx::Result<()> {
    let (mut changed, mut duplicates) = (Vec::new(), Vec::new());
    for decided in decided {
        changed.extend(decided.settled.changed.then_some(decided));
        duplicates.extend(&decided.duplicate);
    }
    for found in duplicates {
        record_duplicate(&mut *db, found, now).await?;
    }
    for decided in changed.iter().filter(|d| d.rerouted) {
        reroute(&mut *db, &decided.payment).await?;
    }
    let happened: Vec<_> = changed.iter().map(|d| Happened::to_payment(&d.payment)).collect();
    insert_events(db, &happened, now).await?;
    let moved: Vec<_> = changed.iter().flat_map(|d| postings(&d.payment, d.report)).collect();
    ledger::store::post(db, &moved, now).await
}

/// Payments of invoices take their invoices along. Others pay for this with one look at what is in memory.
async fn settle_invoices<'a>(
    db: &mut PgConnection,
    decided: impl Iterator<Item = &'a Decided<'a>>,
    now: Timestamp,
) -> sqlx::Result<Option<&'static str>> {
    let is_billed = |d: &&Decided<'_>| d.settled.changed && d.payment.billing.is_some();
    let billed: Vec<_> = decided.filter(is_billed).map(|d| &d.payment).collect();
    match billed.is_empty() {
        true => Ok(None),
        false => invoice::store::payments_ended(db, &billed, now).await,
    }
}

/// Somebody else has taken the payment in hand since: only money that moved still counts. The job is
/// theirs to end.
async fn settle_late(
    db: &mut PgConnection,
    settlement: &Settlement,
    now: Timestamp,
) -> sqlx::Result<Settled> {
    let current = super::lock(&mut *db, settlement.payment.id).await?.ok_or(sqlx::Error::RowNotFound)?;
    let change = settlement.late_change(&current, now);
    if change.to.is_none() && change.duplicate.is_none() {
        return Ok(Settled { status: current.status, changed: false, alarm: change.alarm });
    }
    let decided = decide(&current, settlement, change, now);
    update(db, std::iter::once((&decided.payment, decided.seen))).await?;
    tell(db, std::iter::once(&decided), now).await?;
    let alarm = settle_invoices(db, std::iter::once(&decided), now).await?;
    Ok(Settled { alarm: decided.settled.alarm.or(alarm), ..decided.settled })
}

/// The code of a payment's job has failed for good: the payment is shown to a person.
///
/// # Errors
/// When the database fails.
pub async fn code_failed(db: &mut PgConnection, claim: &Claim) -> sqlx::Result<()> {
    let now = crate::db::now(&mut *db).await?;
    let Some(mut payment) = super::lock(&mut *db, PaymentId(claim.subject)).await? else { return Ok(()) };
    if payment.status.is_final() {
        return Ok(());
    }
    let seen = payment.updated_at;
    let reason = format!("the code of job {} fails again and again", claim.id);
    state::enter(&mut payment, state::Outcome::NeedsReview { reason }, now);
    payment.updated_at = later(now, seen);
    update(&mut *db, std::iter::once((&payment, seen))).await?;
    insert_events(&mut *db, &[Happened::to_payment(&payment)], now).await
}
