//! Doing what the rules have said: periods, invoices, payments and jobs, in the transaction of the change. Of many
//! subscriptions together: what each is to do next goes into one statement with what the others are to do next.

use std::{collections::VecDeque, slice};

use sqlx::PgConnection;

use crate::{
    alarm::Alarm,
    db, event,
    id::{InvoiceId, JobId},
    invoice::{
        self, Occasion,
        dunning::{Next, Reason},
    },
    job::{self, Kind},
    subscription::{
        Subscription,
        state::{self, Effect, Effects, Fact, Refusal},
        store::{Error, change_event, cut_period, open_periods, row, wakes_at},
    },
};

use super::{
    attempt,
    change_context::ChangeContext,
    open::{self, NewInvoice, Opened, Opening},
};

/// What was done besides.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// The charges that were called for.
    pub jobs: Vec<JobId>,
    /// The invoices that were opened.
    pub invoices: Vec<InvoiceId>,
    /// The change for which there are credit notes.
    pub noted: Option<u32>,
    /// What an operator should be woken for.
    pub alarm: Option<Alarm>,
}

/// A subscription that is locked, as it is to become, and what is still to be done for it.
pub(super) struct PendingChange<'a> {
    /// As it is stored.
    pub before: Subscription,
    /// As it is to become; as it is stored, once it was carried out.
    pub subscription: Subscription,
    /// What goes with it.
    pub context: ChangeContext<'a>,
    /// What was done.
    pub done: Done,
    left: VecDeque<Effect>,
    refused: Option<Refusal>,
}

impl<'a> PendingChange<'a> {
    pub fn new(
        before: Subscription,
        subscription: Subscription,
        effects: Effects,
        context: ChangeContext<'a>,
    ) -> Self {
        let (done, left) = (Done::default(), effects.into());
        Self { before, subscription, context, done, left, refused: None }
    }

    /// Whether something else is to be stored than is. The moment alone is no change, and nobody is told.
    pub fn is_changed(&self) -> bool {
        let updated_at = self.before.updated_at;
        self.refused.is_none() && Subscription { updated_at, ..self.subscription.clone() } != self.before
    }

    /// Why it was not carried out to its end: then nothing of its transaction may stay.
    pub fn refused(&mut self) -> Option<Refusal> {
        self.refused.take()
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.left.clear();
        self.refused = Some(refusal);
    }

    /// Something has happened to its invoices.
    fn follow(&mut self, fact: Fact) {
        match state::apply(&mut self.subscription, fact, self.context.now) {
            Ok(effects) => self.left.extend(effects),
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// The invoice that this asks for; `None` where it asks for something else.
    fn invoice(&self, effect: &Effect) -> Result<Option<NewInvoice>, Refusal> {
        let (id, subscription) = (InvoiceId::new(), &self.subscription);
        let (period_index, occasion, lines) = match effect {
            Effect::Bill(period) => (period.index, Occasion::Period, subscription.period_lines(id, period)?),
            Effect::Prorate { change, period, items } => {
                (*period, Occasion::Change(*change), subscription.change_lines(id, *period, items)?)
            }
            _ => return Ok(None),
        };
        Ok(Some(NewInvoice { id, period_index, occasion, lines }))
    }
}

/// Does what is to be done, each in its order, and what follows from it, and writes the subscriptions as they have
/// become. Those that the rules refuse are left where they were refused.
pub(super) async fn carry_out(db: &mut PgConnection, changes: &mut [PendingChange<'_>]) -> db::Result<()> {
    while changes.iter().any(|pending| !pending.left.is_empty()) {
        do_next(&mut *db, changes).await?;
    }
    write(db, changes).await
}

/// [`carry_out`], for one.
pub(super) async fn carry_out_one(
    db: &mut PgConnection,
    pending: &mut PendingChange<'_>,
) -> Result<(), Error> {
    carry_out(db, slice::from_mut(pending)).await?;
    pending.refused().map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// What each is to do next. Invoices first: whoever opens many waits for others there, and for nobody after.
async fn do_next(db: &mut PgConnection, changes: &mut [PendingChange<'_>]) -> db::Result<()> {
    let (mut periods, mut billed, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for pending in changes {
        let Some(effect) = pending.left.pop_front() else { continue };
        if let Effect::Bill(period) | Effect::Open(period) = &effect {
            periods.push((pending.subscription.id, *period));
        }
        match pending.invoice(&effect) {
            Ok(Some(new)) => {
                pending.done.invoices.push(new.id);
                billed.push((pending, new));
            }
            Ok(None) => others.push((pending, effect)),
            Err(refusal) => pending.refuse(refusal),
        }
    }
    open_periods(&mut *db, &periods).await?;
    open_invoices(&mut *db, billed).await?;
    for (pending, effect) in others {
        do_other(&mut *db, pending, effect).await?;
    }
    Ok(())
}

/// Opens invoices. Of those that ask for nothing, the subscriptions learn at once that they are paid.
async fn open_invoices(
    db: &mut PgConnection,
    billed: Vec<(&mut PendingChange<'_>, NewInvoice)>,
) -> db::Result<()> {
    let (changes, new): (Vec<_>, Vec<_>) = billed.into_iter().unzip();
    let opening = changes.iter().zip(new).map(|(pending, new)| Opening {
        subscription: &pending.subscription,
        context: &pending.context,
        new,
    });
    let openings = opening.collect();
    let opened = open::open(&mut *db, openings).await?;
    let mut paid = Vec::new();
    for (pending, opened) in changes.into_iter().zip(opened) {
        match opened {
            Opened::Paid => paid.push(pending),
            Opened::Owed(job) => pending.done.jobs.extend(job),
            Opened::Declined(Next::Exhausted(then)) => pending.follow(Fact::DunningExhausted(then)),
            Opened::Declined(_) => pending.follow(Fact::PaymentDeclined),
            Opened::Waits => {}
        }
    }
    follow_paid(db, paid).await
}

/// Invoices of these were paid without a payment: the subscriptions learn it.
async fn follow_paid(db: &mut PgConnection, paid: Vec<&mut PendingChange<'_>>) -> db::Result<()> {
    let debtors: Vec<_> = paid.iter().map(|pending| pending.subscription.debtor()).collect();
    let open_left = invoice::store::count_owed(db, &debtors).await?;
    for pending in paid {
        let open_left = open_left.get(&pending.subscription.id).copied().unwrap_or_default();
        pending.follow(Fact::InvoicePaid { open_left });
    }
    Ok(())
}

/// What few do, and each by itself.
async fn do_other(db: &mut PgConnection, pending: &mut PendingChange<'_>, effect: Effect) -> db::Result<()> {
    let (subscription, context) = (&pending.subscription, &pending.context);
    match effect {
        Effect::Cut { index, end } => cut_period(db, subscription.id, index, end).await?,
        Effect::VoidFirstInvoice => open::void_unpaid(db, subscription, context).await?,
        Effect::TryOpenInvoices => {
            if attempt::use_balance(&mut *db, subscription, context.now).await? {
                follow_paid(&mut *db, vec![&mut *pending]).await?;
            }
            let (subscription, context) = (&pending.subscription, &pending.context);
            let jobs = attempt::try_open(db, subscription, Reason::Asked, context).await?;
            pending.done.jobs.extend(jobs);
        }
        Effect::Note { change, lines } => {
            pending.done.noted = Some(change);
            if invoice::store::credit(&mut *db, change, &lines, context.now).await? {
                follow_paid(db, vec![pending]).await?;
            }
        }
        Effect::UseBalance => {
            if attempt::use_balance(&mut *db, subscription, context.now).await? {
                follow_paid(db, vec![pending]).await?;
            }
        }
        Effect::Alarm(alarm) => pending.done.alarm = Some(alarm),
        // These were done together.
        Effect::Bill(_) | Effect::Open(_) | Effect::Prorate { .. } => {}
    }
    Ok(())
}

/// Writes what has changed, and tells the merchants.
async fn write(db: &mut PgConnection, changes: &mut [PendingChange<'_>]) -> db::Result<()> {
    let Some(now) = changes.first().map(|first| first.context.now) else { return Ok(()) };
    let changed = changes.iter().filter(|pending| pending.is_changed());
    let pairs: Vec<_> = changed.map(|pending| (&pending.before, &pending.subscription)).collect();
    row::update(&mut *db, &pairs).await?;
    event::store::append(
        db,
        &pairs.iter().map(|(before, now)| change_event(before, now)).collect::<Vec<_>>(),
        now,
    )
    .await?;
    for pending in changes {
        match pending.is_changed() {
            true => pending.subscription.version = pending.before.version + 1,
            false => pending.subscription.updated_at = pending.before.updated_at,
        }
    }
    Ok(())
}

/// Something has happened to the invoices of a subscription that is locked: it follows.
pub(crate) async fn happened(
    db: &mut PgConnection,
    before: Subscription,
    fact: Fact,
    context: &ChangeContext<'_>,
) -> Result<Done, Error> {
    let mut subscription = before.clone();
    let effects = state::apply(&mut subscription, fact, context.now)?;
    let mut pending = PendingChange::new(before, subscription, effects, *context);
    carry_out_one(&mut *db, &mut pending).await?;
    if pending.is_changed() {
        call_for_renewal(db, &pending.subscription, context.traceparent).await?;
    }
    Ok(pending.done)
}

/// A subscription that time will change has a job for that moment, or for an earlier one.
pub(super) async fn call_for_renewal(
    db: &mut PgConnection,
    subscription: &Subscription,
    traceparent: Option<&str>,
) -> Result<(), Error> {
    if let Some(at) = wakes_at(subscription).map_err(Refusal::from)? {
        let kind = Kind::RenewSubscription;
        job::store::enqueue_at(db, kind, subscription.id.0, at, traceparent).await?;
    }
    Ok(())
}
