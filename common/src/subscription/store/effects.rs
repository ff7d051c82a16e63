//! Doing what the rules have said: periods, invoices, payments and jobs, in the transaction of the change.

use std::{collections::VecDeque, time::Duration};

use sqlx::PgConnection;

use crate::{
    clock::Timestamp,
    id::{InvoiceId, JobId, SubscriptionId},
    invoice::{
        self, Occasion,
        dunning::Reason,
        store::{NewInvoice, Opened},
    },
    job::{self, Kind},
    subscription::{
        Subscription,
        calendar::Period,
        state::{self, Effect, Effects, Fact, Refusal},
    },
};

use super::{Trouble, lock, wakes_at, write};

/// What goes with a change.
pub(crate) struct Circumstances<'a> {
    /// Now, by the database's clock.
    pub now: Timestamp,
    /// The request that called for it.
    pub traceparent: Option<&'a str>,
    /// The kind of the charges: whether somebody waits for them.
    pub charges: Kind,
    /// How long the scheduler leaves new charges to the publisher of this process.
    pub grace: Duration,
    /// Where a payer who is present comes back to.
    pub return_url: Option<&'a str>,
}

/// What was done besides.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The charges that were called for.
    pub jobs: Vec<JobId>,
    /// The invoices that were opened.
    pub invoices: Vec<InvoiceId>,
    /// What an operator should be woken for.
    pub alarm: Option<&'static str>,
}

/// Does it, in its order, and what follows from it.
pub(super) async fn perform(
    db: &mut PgConnection,
    subscription: &mut Subscription,
    effects: Effects,
    circumstances: &Circumstances<'_>,
) -> Result<Done, Trouble> {
    let mut done = Done::default();
    let mut left = VecDeque::from(effects);
    while let Some(effect) = left.pop_front() {
        let opened = match effect {
            Effect::Bill(period) => {
                open_period(&mut *db, subscription.id, &period).await?;
                let id = InvoiceId::new();
                done.invoices.push(id);
                let lines = subscription.period_lines(id, &period).map_err(Refusal::from)?;
                let new = NewInvoice { id, period_index: period.index, occasion: Occasion::Period, lines };
                invoice::store::open(&mut *db, subscription, new, circumstances).await?
            }
            Effect::Prorate { change, period, items } => {
                let id = InvoiceId::new();
                done.invoices.push(id);
                let lines = subscription.change_lines(id, period, &items).map_err(Refusal::from)?;
                let new = NewInvoice { id, period_index: period, occasion: Occasion::Change(change), lines };
                invoice::store::open(&mut *db, subscription, new, circumstances).await?
            }
            Effect::Open(period) => {
                open_period(&mut *db, subscription.id, &period).await?;
                continue;
            }
            Effect::Cut { index, end } => {
                cut_period(&mut *db, subscription.id, index, end).await?;
                continue;
            }
            Effect::VoidFirstInvoice => {
                invoice::store::void_unpaid(&mut *db, subscription, circumstances).await?;
                continue;
            }
            Effect::TryOpenInvoices => {
                let jobs = invoice::store::try_open(&mut *db, subscription, Reason::Asked, circumstances);
                done.jobs.extend(jobs.await?);
                continue;
            }
            Effect::Alarm(alarm) => {
                done.alarm = Some(alarm);
                continue;
            }
        };
        match opened {
            Opened::Paid => {
                let open_left = invoice::store::count_owed(&mut *db, subscription).await?;
                let fact = Fact::InvoicePaid { open_left };
                left.extend(state::apply(subscription, fact, circumstances.now)?);
            }
            Opened::Owed(job) => done.jobs.extend(job),
        }
    }
    Ok(done)
}

/// Something has happened to the invoices of a subscription that is locked: it follows.
pub(crate) async fn happened(
    db: &mut PgConnection,
    mut subscription: Subscription,
    fact: Fact,
    circumstances: &Circumstances<'_>,
) -> Result<Done, Trouble> {
    let before = subscription.clone();
    let effects = state::apply(&mut subscription, fact, circumstances.now)?;
    let done = perform(&mut *db, &mut subscription, effects, circumstances).await?;
    if subscription != before {
        write(&mut *db, &before, &mut subscription, circumstances.now).await?;
        call_for_renewal(db, &subscription, circumstances.traceparent).await?;
    }
    Ok(done)
}

/// A subscription that time will change has a job for that moment, or for an earlier one.
pub(super) async fn call_for_renewal(
    db: &mut PgConnection,
    subscription: &Subscription,
    traceparent: Option<&str>,
) -> Result<(), Trouble> {
    if let Some(at) = wakes_at(subscription).map_err(Refusal::from)? {
        let kind = Kind::RenewSubscription;
        job::store::enqueue_at(db, kind, subscription.id.0, at, traceparent).await?;
    }
    Ok(())
}

async fn open_period(db: &mut PgConnection, id: SubscriptionId, period: &Period) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO subscription_periods (subscription_id, period_index, from_date, to_date, starts_at, ends_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id.0,
        i64::from(period.index),
        period.days.from,
        period.days.to,
        period.start,
        period.end,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn cut_period(
    db: &mut PgConnection,
    id: SubscriptionId,
    index: u32,
    end: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE subscription_periods SET ends_at = $3 WHERE subscription_id = $1 AND period_index = $2",
        id.0,
        i64::from(index),
        end,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Locks a subscription, or says that it is missing.
pub(super) async fn locked(db: &mut PgConnection, id: SubscriptionId) -> sqlx::Result<Subscription> {
    lock(db, id).await?.ok_or(sqlx::Error::RowNotFound)
}
