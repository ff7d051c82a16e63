//! What a merchant asks of a subscription after it was made, decided under its lock.

use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::{
    clock::Timestamp,
    customer,
    id::{InvoiceId, JobId, MerchantId, SubscriptionId},
    invoice::{self, Invoice, Line},
    job::Kind,
    payment::store::PUBLISHER_GRACE,
    plan::{self, Offer},
    subscription::{
        Subscription,
        proration::{Proration, in_force},
        state::{self, Effects, Place, Refusal, Update, When},
    },
};

use super::{
    Trouble,
    effects::{Case, Circumstances, call_for_renewal, carry_out_one},
    lock,
};

/// Whose subscription it is about, and how it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asks.
    pub merchant: MerchantId,
    /// About what.
    pub id: SubscriptionId,
    /// Only if this is still its version.
    pub version: Option<u32>,
    /// The request.
    pub traceparent: &'a str,
    /// Where a payer who is present comes back to; `None`: there is no payer to do anything.
    pub return_url: Option<&'a str>,
}

impl Asked<'_> {
    /// By somebody who has not read it before.
    #[must_use]
    pub fn of(merchant: MerchantId, id: SubscriptionId) -> Self {
        Self { merchant, id, version: None, traceparent: "", return_url: None }
    }
}

/// The answer to a wish.
#[derive(Debug)]
pub enum Answered<T = Granted> {
    /// It was granted.
    Granted(Box<T>),
    /// This merchant has no such subscription.
    NotFound,
    /// This merchant has no such plan.
    NoPlan,
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
    /// The invoices that were opened for it.
    pub invoices: Vec<InvoiceId>,
}

/// What would come of a wish.
#[derive(Debug)]
pub struct Foreseen {
    /// The subscription, as it would stand.
    pub subscription: Subscription,
    /// The invoices that would open, in their order.
    pub invoices: Vec<Invoice>,
    /// What would be charged at once, in the subscription's currency: for these, and for what was open before.
    pub charged: Decimal,
    /// What the customer would have in the balance of that currency.
    pub balance: Decimal,
    /// The renewal that would come next, if one does.
    pub renewal: Option<Foreknown>,
}

/// A renewal to come.
#[derive(Debug)]
pub struct Foreknown {
    /// When.
    pub at: Timestamp,
    /// What its invoice would ask for.
    pub lines: Vec<Line>,
}

/// Decides a wish about a subscription of this merchant, in a transaction of its own. `decide` is one of the
/// functions of [`state`]. What changes nothing leaves the version as it is.
///
/// # Errors
/// When the database fails.
pub async fn grant(
    db: &PgPool,
    asked: &Asked<'_>,
    decide: impl FnOnce(&mut Subscription, Place<'_>) -> Result<Effects, Refusal> + Send,
) -> sqlx::Result<Answered> {
    let mut transaction = db.begin().await?;
    let answered = answer(&mut transaction, asked, decide).await?;
    keep(transaction, answered).await
}

/// Changes a subscription of this merchant: to what is offered, if something else is, and the rest of `update`.
///
/// # Errors
/// When the database fails.
pub async fn update(
    db: &PgPool,
    asked: &Asked<'_>,
    offer: Option<&Offer>,
    update: Update,
) -> sqlx::Result<Answered> {
    let mut transaction = db.begin().await?;
    let answered = answer_update(&mut transaction, asked, offer, update).await?;
    keep(transaction, answered).await
}

/// What was granted stays.
async fn keep(transaction: Transaction<'_, Postgres>, mut answered: Answered) -> sqlx::Result<Answered> {
    if let Answered::Granted(granted) = &mut answered {
        transaction.commit().await?;
        let last = granted.invoices.last().copied();
        granted.subscription.latest_invoice = last.or(granted.subscription.latest_invoice);
    }
    Ok(answered)
}

/// What [`update`] would do. It is done, looked at, and taken back: so both agree to the cent, no number is given
/// out, and nobody is told.
///
/// # Errors
/// When the database fails.
pub async fn preview(
    db: &PgPool,
    asked: &Asked<'_>,
    offer: Option<&Offer>,
    update: Update,
) -> sqlx::Result<Answered<Foreseen>> {
    let mut transaction = db.begin().await?;
    let answered = match answer_update(&mut transaction, asked, offer, update).await? {
        Answered::Granted(granted) => match foresee(&mut transaction, *granted).await {
            Ok(foreseen) => Answered::Granted(Box::new(foreseen)),
            Err(Trouble::Refused(refusal)) => Answered::Refused(refusal),
            Err(Trouble::Database(error)) => return Err(error),
        },
        Answered::NotFound => Answered::NotFound,
        Answered::NoPlan => Answered::NoPlan,
        Answered::VersionDiffers => Answered::VersionDiffers,
        Answered::Refused(refusal) => Answered::Refused(refusal),
    };
    transaction.rollback().await?;
    Ok(answered)
}

async fn answer_update(
    db: &mut PgConnection,
    asked: &Asked<'_>,
    offer: Option<&Offer>,
    mut update: Update,
) -> sqlx::Result<Answered> {
    if let Some(offer) = offer {
        update.plan = plan::store::of_offer(&mut *db, asked.merchant, offer).await?;
        if update.plan.is_none() {
            return Ok(Answered::NoPlan);
        }
    }
    answer(db, asked, |subscription, place| state::update(subscription, update, place)).await
}

async fn answer(
    db: &mut PgConnection,
    asked: &Asked<'_>,
    decide: impl FnOnce(&mut Subscription, Place<'_>) -> Result<Effects, Refusal>,
) -> sqlx::Result<Answered> {
    let found = lock(&mut *db, asked.id).await?.filter(|found| found.merchant_id == asked.merchant);
    let Some(subscription) = found else { return Ok(Answered::NotFound) };
    if asked.version.is_some_and(|version| version != subscription.version) {
        return Ok(Answered::VersionDiffers);
    }
    match change(db, subscription, asked, decide).await {
        Ok(granted) => Ok(Answered::Granted(Box::new(granted))),
        Err(Trouble::Refused(refusal)) => Ok(Answered::Refused(refusal)),
        Err(Trouble::Database(error)) => Err(error),
    }
}

async fn change(
    db: &mut PgConnection,
    before: Subscription,
    asked: &Asked<'_>,
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
    let (traceparent, return_url) = (Some(asked.traceparent), asked.return_url);
    let circumstances =
        Circumstances { now, charges: Kind::ChargePayment, traceparent, grace: PUBLISHER_GRACE, return_url };
    let mut case = Case::new(before, subscription, effects, circumstances);
    carry_out_one(&mut *db, &mut case).await?;
    if case.is_changed() {
        call_for_renewal(db, &case.subscription, traceparent).await?;
    }
    let Case { subscription, done, .. } = case;
    Ok(Granted { subscription, jobs: done.jobs, invoices: done.invoices })
}

async fn foresee(db: &mut PgConnection, granted: Granted) -> Result<Foreseen, Trouble> {
    let Granted { subscription, jobs, invoices } = granted;
    let mut opened = Vec::with_capacity(invoices.len());
    for id in invoices {
        opened.extend(invoice::store::find(&mut *db, subscription.merchant_id, id).await?);
    }
    let currency = subscription.terms.price.unit.currency;
    let renewal = state::foresee(&subscription)?.map(|(then, period)| {
        let lines = then.period_lines(InvoiceId::new(), &period).map_err(Refusal::from)?;
        Ok::<_, Refusal>(Foreknown { at: period.start, lines })
    });
    Ok(Foreseen {
        invoices: opened,
        charged: invoice::store::asked_for(&mut *db, &jobs).await?,
        balance: customer::store::balance(&mut *db, subscription.customer_id, currency).await?,
        renewal: renewal.transpose()?,
        subscription,
    })
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
    grant(db, &Asked { traceparent, ..Asked::of(merchant, id) }, decide).await
}

/// A person lets all renewals be billed that were missed, one after the other.
///
/// # Errors
/// When the database fails.
pub async fn bill_missed(db: &PgPool, merchant: MerchantId, id: SubscriptionId) -> sqlx::Result<Answered> {
    let decide = |subscription: &mut Subscription, place: Place<'_>| {
        state::bill_missed(subscription, place.now).map(|()| Effects::new())
    };
    grant(db, &Asked::of(merchant, id), decide).await
}

/// A person forgoes the renewals that were missed: only the period that is running now is billed.
///
/// # Errors
/// When the database fails.
pub async fn skip_missed(db: &PgPool, merchant: MerchantId, id: SubscriptionId) -> sqlx::Result<Answered> {
    let decide = |subscription: &mut Subscription, place: Place<'_>| {
        state::skip_missed(subscription, place.now).map(|()| Effects::new())
    };
    grant(db, &Asked::of(merchant, id), decide).await
}
