//! How invoices open: with their merchant's policy of the day, what their customer has in the balance, the next
//! number, and their first payment. Many in one statement each.

use std::{collections::HashMap, time::Duration};

use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    customer::store::{BalanceKey, credit, credit_all, hold_balances},
    db, event,
    id::{InvoiceId, JobId},
    invoice::{
        Invoice, Line, Occasion, Status,
        dunning::{Next, Policy, Reason, RetrySchedule},
        state,
        store::{
            self as invoices, Numbers, asking, call_for_retries, call_for_turns, owed, status_event, write,
        },
        totals::Totals,
    },
    job::{self, Kind},
    subscription::{self, Subscription},
};

use super::{attempt, change_context::ChangeContext, reclaim::collect};

/// What is to be billed.
pub(crate) struct NewInvoice {
    pub id: InvoiceId,
    pub period_index: u32,
    pub occasion: Occasion,
    pub lines: Vec<Line>,
}

/// An invoice of a subscription that is locked.
pub(crate) struct Opening<'a> {
    pub subscription: &'a Subscription,
    pub context: &'a ChangeContext<'a>,
    pub new: NewInvoice,
}

/// How it opened.
pub(crate) enum Opened {
    /// There was nothing to pay.
    Paid,
    /// It is to be paid; the job that will charge it, if there is a method to charge.
    Owed(Option<JobId>),
    /// What there is to pay with was declined for good, and is not asked. What that has brought.
    Declined(Next),
    /// What there is to pay with is being asked for another: its outcome comes first.
    Waits,
}

/// Opens invoices, and answers how, in their order. Balances are held first and numbers are taken last, each in one
/// order: a merchant's counter is what all his invoices wait for, and whoever has it waits for nothing more.
pub(crate) async fn open(db: &mut PgConnection, openings: Vec<Opening<'_>>) -> db::Result<Vec<Opened>> {
    let Some(now) = openings.first().map(|first| first.context.now) else { return Ok(Vec::new()) };
    let subscriptions: Vec<_> = openings.iter().map(|opening| opening.subscription).collect();
    let merchants: Vec<_> = subscriptions.iter().map(|subscription| subscription.merchant_id).collect();
    let policies = invoices::policies(&mut *db, &merchants).await?;
    let mut balances =
        hold_balances(&mut *db, subscriptions.iter().map(|subscription| balance_key(subscription))).await?;
    let mut numbers = Numbers::take(&mut *db, &merchants).await?;
    let (mut invoices, mut credits, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut opened_as, asking) = (Vec::new(), asking_of(&mut *db, &subscriptions, now).await?);
    for Opening { subscription, context, new } in openings {
        let policy = policies.get(&subscription.merchant_id).ok_or_else(invoices::no_merchant)?;
        let mut invoice = draft(subscription, new, policy.clone(), now);
        let number = numbers.give(subscription.merchant_id)?;
        // Of two invoices of one customer, the second gets what the first has left.
        let balance = balances.entry(balance_key(subscription)).or_default();
        let balance_delta =
            state::finalize(&mut invoice, number, *balance, |due| subscription.chargeable(due), now)
                .map_err(|refusal| does_not_open(&refusal))?;
        *balance += balance_delta.0;
        credits.push((balance_key(subscription), balance_delta));
        let opened = match &subscription.method {
            _ if invoice.status != Status::Open => Opened::Paid,
            None => Opened::Owed(None),
            Some(method) if method.is_declined => Opened::Declined(
                state::decline_unasked(&mut invoice, Reason::Schedule, now)
                    .map_err(|refusal| does_not_open(&refusal))?,
            ),
            // A method that nobody knows yet is asked for one invoice at a time.
            Some(_) if asking.contains_key(&subscription.id.0) => {
                invoice.retry_schedule.asked = true;
                Opened::Waits
            }
            Some(method) => {
                attempts.extend(attempt::begin(&mut invoice, method, Reason::Schedule, context));
                Opened::Owed(None)
            }
        };
        opened_as.push(opened);
        invoices.push(invoice);
    }
    credit_all(&mut *db, credits.into_iter()).await?;
    invoices::insert(&mut *db, &invoices).await?;
    event::store::append(&mut *db, &invoices.iter().map(status_event).collect::<Vec<_>>(), now).await?;
    let jobs = attempt::store(&mut *db, &attempts).await?;
    let charges: HashMap<_, _> = attempts.iter().map(|attempt| attempt.invoice()).zip(jobs).collect();
    let later = |(_, opened): &(_, &Opened)| matches!(opened, Opened::Declined(_) | Opened::Waits);
    let later = invoices.iter().zip(&opened_as).filter(later);
    let later: Vec<_> = later.map(|(invoice, _)| invoice.clone()).collect();
    if !later.is_empty() {
        invoices::update(&mut *db, &later.iter().collect::<Vec<_>>()).await?;
        call_for_retries(&mut *db, &later, None).await?;
        call_for_turns(db, &later, now).await?;
    }
    let with_charge = |(invoice, opened): (&Invoice, Opened)| match opened {
        Opened::Owed(_) => Opened::Owed(charges.get(&invoice.id).copied()),
        opened => opened,
    };
    Ok(invoices.iter().zip(opened_as).map(with_charge).collect())
}

fn draft(subscription: &Subscription, new: NewInvoice, policy: Policy, now: Timestamp) -> Invoice {
    Invoice {
        id: new.id,
        merchant_id: subscription.merchant_id,
        customer_id: subscription.customer_id,
        subscription_id: subscription.id,
        period_index: new.period_index,
        occasion: new.occasion,
        number: None,
        currency: subscription.terms.price.unit.currency,
        status: Status::Draft,
        total: Totals::of(&new.lines).total,
        lines: new.lines,
        from_balance: Decimal::ZERO,
        amount_paid: Decimal::ZERO,
        amount_credited: Decimal::ZERO,
        attempts: 0,
        live_payment: None,
        retry_schedule: RetrySchedule::new(policy),
        created_at: now,
        updated_at: now,
        opened_at: None,
        ended_at: None,
    }
}

/// Nothing keeps a new invoice from that.
fn does_not_open(refusal: &state::Refusal) -> db::Error {
    db::Error::broken(format!("a new invoice does not open: {refusal}"))
}

/// [`asking`], of those that owe something from before: no other can be.
async fn asking_of(
    db: &mut PgConnection,
    subscriptions: &[&Subscription],
    now: Timestamp,
) -> db::Result<HashMap<Uuid, Timestamp>> {
    let is_behind = |one: &&&Subscription| {
        matches!(one.status, subscription::Status::PastDue | subscription::Status::Unpaid)
    };
    let behind: Vec<_> = subscriptions.iter().filter(is_behind).map(|one| one.id.0).collect();
    Ok(if behind.is_empty() { HashMap::new() } else { asking(db, &behind, now).await? })
}

/// What pays the subscription's invoices first.
fn balance_key(subscription: &Subscription) -> BalanceKey {
    (subscription.customer_id, subscription.terms.price.unit.currency)
}

/// The subscription ends before it has begun: what it owes is void. A payment under way is called off if it
/// still can be, by the job that also ends subscriptions in time: a payment is locked before its subscription.
pub(crate) async fn void_unpaid(
    db: &mut PgConnection,
    subscription: &Subscription,
    context: &ChangeContext<'_>,
) -> db::Result<()> {
    for mut invoice in owed(&mut *db, subscription.debtor()).await? {
        let before = invoice.status;
        let Ok(balance_delta) = state::call_off(&mut invoice, context.now) else { continue };
        credit(&mut *db, invoice.customer_id, invoice.currency, balance_delta).await?;
        collect(&mut *db, (invoice.merchant_id, invoice.customer_id, invoice.currency)).await?;
        write(&mut *db, &[(before, &invoice)], context.now).await?;
        if invoice.live_payment.is_some() {
            let (kind, trace) = (Kind::RenewSubscription, context.traceparent);
            job::store::enqueue(&mut *db, kind, subscription.id.0, Duration::ZERO, trace).await?;
        }
    }
    Ok(())
}
