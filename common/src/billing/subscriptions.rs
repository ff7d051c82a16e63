//! What a merchant asks of a subscription after it was made, decided under its lock.

use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::{
    clock::Timestamp,
    customer::{self, MethodChoice},
    db,
    id::{CustomerId, InvoiceId, JobId, MerchantId, SubscriptionId},
    invoice::{self, CreditNote, Invoice, Line, totals::Totals},
    job::{Kind, PUBLISHER_GRACE},
    money::Money,
    plan::{self, Offer},
    subscription::{
        Subscription,
        proration::{Book, Proration},
        state::{self, Effects, ProrationContext, Refusal, Update, When},
        store::{Error, lock},
    },
};

use super::{
    attempt::asked_for,
    book::book,
    change_context::ChangeContext,
    effects::{PendingChange, call_for_renewal, carry_out_one},
};

/// Whose subscription it is about, and how it is asked.
#[derive(Debug, Clone)]
pub struct CommandContext {
    /// Who asks.
    pub merchant: MerchantId,
    /// About what.
    pub id: SubscriptionId,
    /// Only if this is still its version.
    pub version: Option<u32>,
    /// The request.
    pub traceparent: String,
    /// Where a payer who is present comes back to; `None`: there is no payer to do anything.
    pub return_url: Option<String>,
}

impl CommandContext {
    /// By somebody who has not read it before.
    #[must_use]
    pub fn of(merchant: MerchantId, id: SubscriptionId) -> Self {
        Self { merchant, id, version: None, traceparent: String::new(), return_url: None }
    }
}

/// The answer to a command.
#[derive(Debug)]
pub enum CommandResult<T = Executed> {
    /// It was done.
    Executed(Box<T>),
    /// This merchant has no such subscription.
    NotFound,
    /// This merchant has no such plan.
    NoPlan,
    /// The customer has no such payment method.
    NoMethod,
    /// It has changed since the caller read it.
    VersionDiffers,
    /// The rules say no.
    Refused(Refusal),
}

/// What a command has done.
#[derive(Debug)]
pub struct Executed {
    /// The subscription, as it stands now.
    pub subscription: Subscription,
    /// Charges (of kind `ChargePayment`) to be published after this call.
    pub jobs: Vec<JobId>,
    /// The invoices that were opened for it.
    pub invoices: Vec<InvoiceId>,
    /// The change for which open invoices were made smaller, by credit notes.
    pub noted: Option<u32>,
}

/// What would come of a command.
#[derive(Debug)]
pub struct Preview {
    /// The subscription, as it would stand.
    pub subscription: Subscription,
    /// The invoices that would open, in their order.
    pub invoices: Vec<Invoice>,
    /// The credit notes that would make open invoices smaller.
    pub notes: Vec<CreditNote>,
    /// What would be charged at once, in the subscription's currency: for these, and for what was open before.
    pub charged: Decimal,
    /// What the customer would have in the balance of that currency; below zero, what would be carried forward.
    pub balance: Decimal,
    /// The renewal that would come next, if one does.
    pub renewal: Option<UpcomingInvoice>,
}

/// The invoice of a renewal to come.
#[derive(Debug)]
pub struct UpcomingInvoice {
    /// When.
    pub at: Timestamp,
    /// What its invoice would ask for.
    pub lines: Vec<Line>,
    /// What of it the customer's balance would pay.
    pub from_balance: Decimal,
}

/// Decides a command about a subscription of this merchant, in a transaction of its own. `decide` is one of the
/// functions of [`state`]. What changes nothing leaves the version as it is.
pub async fn execute(
    db: &PgPool,
    context: &CommandContext,
    decide: impl FnOnce(&mut Subscription, ProrationContext<'_>) -> Result<Effects, Refusal> + Send,
) -> db::Result<CommandResult> {
    let mut transaction = db.begin().await?;
    let answered = answer(&mut transaction, context, decide).await?;
    keep(transaction, answered).await
}

/// What an update names that is to be looked up first.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// What shall be subscribed to.
    pub offer: Option<Offer>,
    /// How it shall be paid.
    pub method: Option<MethodChoice>,
}

/// Changes a subscription of this merchant: to what is named, and the rest of `update`.
pub async fn update(
    db: &PgPool,
    context: &CommandContext,
    named: &Named,
    update: Update,
) -> db::Result<CommandResult> {
    let mut transaction = db.begin().await?;
    let answered = answer_update(&mut transaction, context, named, update).await?;
    keep(transaction, answered).await
}

/// What was done stays.
async fn keep(
    transaction: Transaction<'_, Postgres>,
    mut answered: CommandResult,
) -> db::Result<CommandResult> {
    if let CommandResult::Executed(executed) = &mut answered {
        transaction.commit().await?;
        let last = executed.invoices.last().copied();
        executed.subscription.latest_invoice = last.or(executed.subscription.latest_invoice);
    }
    Ok(answered)
}

/// What [`update`] would do. It is done, looked at, and taken back: so both agree to the cent, no number is given
/// out, and nobody is told.
pub async fn preview(
    db: &PgPool,
    context: &CommandContext,
    named: &Named,
    update: Update,
) -> db::Result<CommandResult<Preview>> {
    let mut transaction = db.begin().await?;
    let answered = match answer_update(&mut transaction, context, named, update).await? {
        CommandResult::Executed(executed) => match preview_of(&mut transaction, *executed).await {
            Ok(preview) => CommandResult::Executed(Box::new(preview)),
            Err(Error::Refused(refusal)) => CommandResult::Refused(refusal),
            Err(Error::Failed(error)) => return Err(error),
        },
        CommandResult::NotFound => CommandResult::NotFound,
        CommandResult::NoPlan => CommandResult::NoPlan,
        CommandResult::NoMethod => CommandResult::NoMethod,
        CommandResult::VersionDiffers => CommandResult::VersionDiffers,
        CommandResult::Refused(refusal) => CommandResult::Refused(refusal),
    };
    transaction.rollback().await?;
    Ok(answered)
}

async fn answer_update(
    db: &mut PgConnection,
    context: &CommandContext,
    named: &Named,
    mut update: Update,
) -> db::Result<CommandResult> {
    // First whose it is: whoever has no such subscription is told nothing about what it names.
    let Some(customer) = customer_of(&mut *db, context).await? else {
        return Ok(CommandResult::NotFound);
    };
    if let Some(offer) = &named.offer {
        update.plan = plan::store::of_offer(&mut *db, context.merchant, offer).await?;
        if update.plan.is_none() {
            return Ok(CommandResult::NoPlan);
        }
    }
    if let Some(choice) = &named.method {
        customer::store::hold(&mut *db, context.merchant, customer).await?;
        update.method = customer::store::chosen(&mut *db, context.merchant, customer, choice).await?;
        if update.method.is_none() {
            return Ok(CommandResult::NoMethod);
        }
    }
    answer(db, context, |subscription, context| state::update(subscription, update, context)).await
}

/// Whose subscription it is: that never changes, so it is known before the lock, which comes after the customer's.
async fn customer_of(db: &mut PgConnection, context: &CommandContext) -> db::Result<Option<CustomerId>> {
    let customer = sqlx::query_scalar!(
        "SELECT customer_id FROM subscriptions WHERE id = $1 AND merchant_id = $2",
        context.id.0,
        context.merchant.0,
    );
    Ok(customer.fetch_optional(db).await?.map(CustomerId))
}

async fn answer(
    db: &mut PgConnection,
    context: &CommandContext,
    decide: impl FnOnce(&mut Subscription, ProrationContext<'_>) -> Result<Effects, Refusal>,
) -> db::Result<CommandResult> {
    let found = lock(&mut *db, context.id).await?.filter(|found| found.merchant_id == context.merchant);
    let Some(subscription) = found else { return Ok(CommandResult::NotFound) };
    if context.version.is_some_and(|version| version != subscription.version) {
        return Ok(CommandResult::VersionDiffers);
    }
    match change(db, subscription, context, decide).await {
        Ok(executed) => Ok(CommandResult::Executed(Box::new(executed))),
        Err(Error::Refused(refusal)) => Ok(CommandResult::Refused(refusal)),
        Err(Error::Failed(error)) => Err(error),
    }
}

async fn change(
    db: &mut PgConnection,
    before: Subscription,
    context: &CommandContext,
    decide: impl FnOnce(&mut Subscription, ProrationContext<'_>) -> Result<Effects, Refusal>,
) -> Result<Executed, Error> {
    let now = crate::db::now(&mut *db).await?;
    let mut subscription = before.clone();
    let book = match before.current_period {
        Some(period) => book(&mut *db, before.id, period.index).await?,
        None => Book::default(),
    };
    let effects = decide(&mut subscription, ProrationContext { now, book: &book })?;
    let (traceparent, return_url) = (Some(context.traceparent.as_str()), context.return_url.as_deref());
    let change_context =
        ChangeContext { now, charges: Kind::ChargePayment, traceparent, grace: PUBLISHER_GRACE, return_url };
    let mut pending = PendingChange::new(before, subscription, effects, change_context);
    carry_out_one(&mut *db, &mut pending).await?;
    if pending.is_changed() {
        call_for_renewal(db, &pending.subscription, traceparent).await?;
    }
    let PendingChange { subscription, done, .. } = pending;
    Ok(Executed { subscription, jobs: done.jobs, invoices: done.invoices, noted: done.noted })
}

async fn preview_of(db: &mut PgConnection, executed: Executed) -> Result<Preview, Error> {
    let Executed { subscription, jobs, invoices, noted } = executed;
    let mut opened = Vec::with_capacity(invoices.len());
    for id in invoices {
        opened.extend(invoice::store::find(&mut *db, subscription.merchant_id, id).await?);
    }
    let currency = subscription.terms.price.unit.currency;
    let balance = customer::store::balance(&mut *db, subscription.customer_id, currency).await?;
    let renewal = state::upcoming_period(&subscription)?.map(|(then, period)| {
        let lines = then.period_lines(InvoiceId::new(), &period).map_err(Refusal::from)?;
        let total = Money { amount: Totals::of(&lines).total, currency };
        let from_balance = invoice::state::from_balance(total, balance, |due| then.chargeable(due));
        Ok::<_, Refusal>(UpcomingInvoice { at: period.start, lines, from_balance })
    });
    let notes = match noted {
        Some(change) => invoice::store::notes_of_change(&mut *db, subscription.id, change).await?,
        None => Vec::new(),
    };
    Ok(Preview {
        invoices: opened,
        notes,
        charged: asked_for(&mut *db, subscription.id, &jobs).await?,
        balance,
        renewal: renewal.transpose()?,
        subscription,
    })
}

/// Ends a subscription: at once, and the rest of the period is given back only by day; or with its period.
pub async fn cancel(
    db: &PgPool,
    context: &CommandContext,
    when: When,
    proration: Proration,
) -> db::Result<CommandResult> {
    let decide = |subscription: &mut Subscription, context: ProrationContext<'_>| {
        state::cancel(subscription, when, proration, context)
    };
    execute(db, context, decide).await
}

/// A person lets all renewals be billed that were missed, one after the other.
pub async fn bill_missed(db: &PgPool, merchant: MerchantId, id: SubscriptionId) -> db::Result<CommandResult> {
    let decide = |subscription: &mut Subscription, context: ProrationContext<'_>| {
        state::bill_missed(subscription, context.now).map(|()| Effects::new())
    };
    execute(db, &CommandContext::of(merchant, id), decide).await
}

/// A person forgoes the renewals that were missed: only the period that is running now is billed.
pub async fn skip_missed(db: &PgPool, merchant: MerchantId, id: SubscriptionId) -> db::Result<CommandResult> {
    let decide = |subscription: &mut Subscription, context: ProrationContext<'_>| {
        state::skip_missed(subscription, context.now).map(|()| Effects::new())
    };
    execute(db, &CommandContext::of(merchant, id), decide).await
}
