//! Recording what came of a call: the state, the record of the call, the event, the entries in the books,
//! and the end of the job, many payments in one transaction.
//!
//! A worker may come late: its lease was over, and another has taken the payment in hand. Every claim
//! is another version of the payment, so a result counts only if the payment is still as its worker
//! read it. Whoever comes late loses its failure, but money that moved is recorded from anybody.

use std::{collections::HashSet, sync::Arc};

use sqlx::PgConnection;

use crate::{
    alarm::Alarm,
    clock::Timestamp,
    db, event,
    gateway::{Answer, ChargeOutcome, Report},
    id::PaymentId,
    job::{self, Claim, work::Work},
    ledger,
    payment::{
        Payment, Status, duplicate,
        state::{self, Change, Context},
    },
};

use super::{
    duplicates::record as record_duplicate,
    write::{insert_calls, postings, reroute, status_event, touch, update},
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
    pub alarm: Option<Alarm>,
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
    rerouted: bool,
    settled: Settled,
    work: Work,
    /// Money that has moved beside it.
    duplicate: Option<duplicate::Found>,
}

/// What was made of a batch.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Of each, in its order.
    pub settled: Vec<Settled>,
    /// The payments of invoices that have come into another status by it, each with its place in the batch.
    pub billed: Vec<(usize, Payment)>,
    /// When.
    pub at: Timestamp,
}

/// Records what was learnt. What the invoices of these payments make of it is `billing`'s to record, in the same
/// transaction.
///
/// Fails when the database fails; then nothing was recorded, and the same facts may be recorded again.
pub(crate) async fn settle(db: &mut PgConnection, batch: &[Arc<Settlement>]) -> db::Result<Recorded> {
    let now = crate::db::now(&mut *db).await?;
    let decided: Vec<_> = batch.iter().map(|s| decide(&s.payment, s, s.change(now), now)).collect();
    let written = update(db, decided.iter().map(|d| &d.payment)).await?;
    // Of two results for one payment in one batch only the first was written.
    let mut earlier = HashSet::new();
    let is_in_time = |d: &Decided<'_>| earlier.insert(d.payment.id) && written.contains(&d.payment.id.0);
    let in_time: Vec<bool> = decided.iter().map(is_in_time).collect();
    let results = || batch.iter().zip(&decided).zip(&in_time).filter(|(_, in_time)| **in_time);
    insert_calls(db, batch.iter().map(|s| (s.payment.id.0, &s.claim, &s.answer)), now).await?;
    tell(db, results().map(|((_, decided), _)| decided), now).await?;
    job::store::end(db, results().map(|((s, decided), _)| (&s.claim, &decided.work))).await?;
    let (mut settled, mut billed) = (Vec::with_capacity(batch.len()), Vec::new());
    for (place, ((settlement, decided), in_time)) in batch.iter().zip(decided).zip(in_time).enumerate() {
        let decided = match in_time {
            true => decided,
            false => match settle_late(db, settlement, now).await? {
                Late::Changed(decided) => *decided,
                Late::Unchanged(answer) => {
                    settled.push(answer);
                    continue;
                }
            },
        };
        settled.push(decided.settled);
        if decided.settled.changed && decided.payment.billing.is_some() {
            billed.push((place, decided.payment));
        }
    }
    Ok(Recorded { settled, billed, at: now })
}

/// `payment` as it is now, and what the rules make of the report for it.
fn decide<'a>(payment: &Payment, settlement: &'a Settlement, change: Change, now: Timestamp) -> Decided<'a> {
    let mut payment = payment.clone();
    let Change { to, gateway_ref, call_not_sent, work, alarm, duplicate } = change;
    payment.call_log.calls_not_sent += i32::from(call_not_sent);
    payment.gateway_ref = gateway_ref.or(payment.gateway_ref.take());
    touch(&mut payment, now);
    let changed = to.is_some();
    if let Some(outcome) = to {
        state::enter(&mut payment, outcome, now);
    }
    let duplicate =
        duplicate.map(|charge| duplicate::Found::of(&payment, settlement.payment.route.gateway, charge));
    let settled = Settled { status: payment.status, changed, alarm };
    let rerouted = payment.route.gateway != settlement.payment.route.gateway;
    Decided { payment, report: &settlement.answer.report, rerouted, settled, work, duplicate }
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
    let happened: Vec<_> = changed.iter().map(|d| status_event(&d.payment)).collect();
    event::store::append(db, &happened, now).await?;
    let moved: Vec<_> = changed.iter().flat_map(|d| postings(&d.payment, d.report)).collect();
    ledger::store::post(db, &moved, now).await
}

/// What a result that came late has changed.
enum Late<'a> {
    /// This.
    Changed(Box<Decided<'a>>),
    /// Nothing.
    Unchanged(Settled),
}

/// Somebody else has taken the payment in hand since: only money that moved still counts. The job is
/// theirs to end.
async fn settle_late<'a>(
    db: &mut PgConnection,
    settlement: &'a Settlement,
    now: Timestamp,
) -> db::Result<Late<'a>> {
    let current = super::lock(&mut *db, settlement.payment.id).await?.ok_or_else(super::no_payment)?;
    let change = settlement.late_change(&current, now);
    if change.to.is_none() && change.duplicate.is_none() {
        return Ok(Late::Unchanged(Settled { status: current.status, changed: false, alarm: change.alarm }));
    }
    let decided = decide(&current, settlement, change, now);
    update(db, std::iter::once(&decided.payment)).await?;
    tell(db, std::iter::once(&decided), now).await?;
    Ok(Late::Changed(Box::new(decided)))
}

/// The code of a payment's job has failed for good: the payment is shown to a person.
pub async fn panicked(db: &mut PgConnection, claim: &Claim) -> sqlx::Result<()> {
    let now = crate::db::now(&mut *db).await?;
    let Some(mut payment) = super::lock(&mut *db, PaymentId(claim.subject)).await? else { return Ok(()) };
    if payment.status.is_final() {
        return Ok(());
    }
    let reason = format!("the code of job {} fails again and again", claim.id);
    state::enter(&mut payment, state::Outcome::NeedsReview { reason }, now);
    touch(&mut payment, now);
    update(&mut *db, std::iter::once(&payment)).await?;
    event::store::append(&mut *db, &[status_event(&payment)], now).await
}
