//! Doing what the rules have said: periods, invoices, payments and jobs, in the transaction of the change. Of many
//! subscriptions together: what each is to do next goes into one statement with what the others are to do next.

use std::{collections::VecDeque, slice};

use sqlx::PgConnection;

use crate::{
    event,
    id::{InvoiceId, JobId},
    invoice::{
        self, Occasion,
        dunning::{Next, Reason},
    },
    job::{self, Kind},
    subscription::{
        Subscription,
        state::{self, Effect, Effects, Fact, Refusal},
        store::{Error, cut_period, open_periods, row, told_change, wakes_at},
    },
};

use super::{
    attempt,
    circumstances::Circumstances,
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
    pub alarm: Option<&'static str>,
}

/// A subscription that is locked, as it is to become, and what is still to be done for it.
pub(super) struct Case<'a> {
    /// As it is stored.
    pub before: Subscription,
    /// As it is to become; as it is stored, once it was carried out.
    pub subscription: Subscription,
    /// What goes with it.
    pub circumstances: Circumstances<'a>,
    /// What was done.
    pub done: Done,
    left: VecDeque<Effect>,
    refused: Option<Refusal>,
}

impl<'a> Case<'a> {
    pub fn new(
        before: Subscription,
        subscription: Subscription,
        effects: Effects,
        circumstances: Circumstances<'a>,
    ) -> Self {
        let (done, left) = (Done::default(), effects.into());
        Self { before, subscription, circumstances, done, left, refused: None }
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
        match state::apply(&mut self.subscription, fact, self.circumstances.now) {
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
pub(super) async fn carry_out(db: &mut PgConnection, cases: &mut [Case<'_>]) -> sqlx::Result<()> {
    while cases.iter().any(|case| !case.left.is_empty()) {
        do_next(&mut *db, cases).await?;
    }
    write(db, cases).await
}

/// [`carry_out`], for one.
pub(super) async fn carry_out_one(db: &mut PgConnection, case: &mut Case<'_>) -> Result<(), Error> {
    carry_out(db, slice::from_mut(case)).await?;
    case.refused().map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// What each is to do next. Invoices first: whoever opens many waits for others there, and for nobody after.
async fn do_next(db: &mut PgConnection, cases: &mut [Case<'_>]) -> sqlx::Result<()> {
    let (mut periods, mut billed, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for case in cases {
        let Some(effect) = case.left.pop_front() else { continue };
        if let Effect::Bill(period) | Effect::Open(period) = &effect {
            periods.push((case.subscription.id, *period));
        }
        match case.invoice(&effect) {
            Ok(Some(new)) => {
                case.done.invoices.push(new.id);
                billed.push((case, new));
            }
            Ok(None) => others.push((case, effect)),
            Err(refusal) => case.refuse(refusal),
        }
    }
    open_periods(&mut *db, &periods).await?;
    open_invoices(&mut *db, billed).await?;
    for (case, effect) in others {
        do_other(&mut *db, case, effect).await?;
    }
    Ok(())
}

/// Opens invoices. Of those that ask for nothing, the subscriptions learn at once that they are paid.
async fn open_invoices(db: &mut PgConnection, billed: Vec<(&mut Case<'_>, NewInvoice)>) -> sqlx::Result<()> {
    let (cases, new): (Vec<_>, Vec<_>) = billed.into_iter().unzip();
    let opening = cases.iter().zip(new).map(|(case, new)| Opening {
        subscription: &case.subscription,
        circumstances: &case.circumstances,
        new,
    });
    let openings = opening.collect();
    let opened = open::open(&mut *db, openings).await?;
    let mut paid = Vec::new();
    for (case, opened) in cases.into_iter().zip(opened) {
        match opened {
            Opened::Paid => paid.push(case),
            Opened::Owed(job) => case.done.jobs.extend(job),
            Opened::Declined(Next::Exhausted(then)) => case.follow(Fact::DunningExhausted(then)),
            Opened::Declined(_) => case.follow(Fact::PaymentDeclined),
            Opened::Waits => {}
        }
    }
    follow_paid(db, paid).await
}

/// Invoices of these were paid without a payment: the subscriptions learn it.
async fn follow_paid(db: &mut PgConnection, paid: Vec<&mut Case<'_>>) -> sqlx::Result<()> {
    let debtors: Vec<_> = paid.iter().map(|case| case.subscription.debtor()).collect();
    let open_left = invoice::store::count_owed(db, &debtors).await?;
    for case in paid {
        let open_left = open_left.get(&case.subscription.id).copied().unwrap_or_default();
        case.follow(Fact::InvoicePaid { open_left });
    }
    Ok(())
}

/// What few do, and each by itself.
async fn do_other(db: &mut PgConnection, case: &mut Case<'_>, effect: Effect) -> sqlx::Result<()> {
    let (subscription, circumstances) = (&case.subscription, &case.circumstances);
    match effect {
        Effect::Cut { index, end } => cut_period(db, subscription.id, index, end).await?,
        Effect::VoidFirstInvoice => open::void_unpaid(db, subscription, circumstances).await?,
        Effect::TryOpenInvoices => {
            if attempt::use_balance(&mut *db, subscription, circumstances.now).await? {
                follow_paid(&mut *db, vec![&mut *case]).await?;
            }
            let (subscription, circumstances) = (&case.subscription, &case.circumstances);
            let jobs = attempt::try_open(db, subscription, Reason::Asked, circumstances).await?;
            case.done.jobs.extend(jobs);
        }
        Effect::Note { change, lines } => {
            case.done.noted = Some(change);
            if invoice::store::credit(&mut *db, change, &lines, circumstances.now).await? {
                follow_paid(db, vec![case]).await?;
            }
        }
        Effect::UseBalance => {
            if attempt::use_balance(&mut *db, subscription, circumstances.now).await? {
                follow_paid(db, vec![case]).await?;
            }
        }
        Effect::Alarm(alarm) => case.done.alarm = Some(alarm),
        // These were done together.
        Effect::Bill(_) | Effect::Open(_) | Effect::Prorate { .. } => {}
    }
    Ok(())
}

/// Writes what has changed, and tells the merchants.
async fn write(db: &mut PgConnection, cases: &mut [Case<'_>]) -> sqlx::Result<()> {
    let Some(now) = cases.first().map(|first| first.circumstances.now) else { return Ok(()) };
    let changed = cases.iter().filter(|case| case.is_changed());
    let pairs: Vec<_> = changed.map(|case| (&case.before, &case.subscription)).collect();
    row::update(&mut *db, &pairs).await?;
    event::store::append(
        db,
        &pairs.iter().map(|(before, now)| told_change(before, now)).collect::<Vec<_>>(),
        now,
    )
    .await?;
    for case in cases {
        match case.is_changed() {
            true => case.subscription.version = case.before.version + 1,
            false => case.subscription.updated_at = case.before.updated_at,
        }
    }
    Ok(())
}

/// Something has happened to the invoices of a subscription that is locked: it follows.
pub(crate) async fn happened(
    db: &mut PgConnection,
    before: Subscription,
    fact: Fact,
    circumstances: &Circumstances<'_>,
) -> Result<Done, Error> {
    let mut subscription = before.clone();
    let effects = state::apply(&mut subscription, fact, circumstances.now)?;
    let mut case = Case::new(before, subscription, effects, *circumstances);
    carry_out_one(&mut *db, &mut case).await?;
    if case.is_changed() {
        call_for_renewal(db, &case.subscription, circumstances.traceparent).await?;
    }
    Ok(case.done)
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
