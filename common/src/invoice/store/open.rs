//! How invoices open: with their merchant's policy of the day, what their customer has in the balance, the next
//! number, and their first payment. Many in one statement each.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use rust_decimal::Decimal;
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    customer::store::{Purse, credit, credit_all, hold_balances},
    event,
    id::{InvoiceId, JobId, MerchantId},
    invoice::{
        Invoice, Line, Occasion, Status,
        dunning::{Ladder, Next, Policy, Reason},
        state,
        totals::Totals,
    },
    job::{self, Kind},
    subscription::{Subscription, store::Circumstances},
};

use super::{attempt, owed, row, settle::call_for_retries, told, write};

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
    pub circumstances: &'a Circumstances<'a>,
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
}

/// Opens invoices, and answers how, in their order. Balances are held first and numbers are taken last, each in one
/// order: a merchant's counter is what all his invoices wait for, and whoever has it waits for nothing more.
pub(crate) async fn open(db: &mut PgConnection, openings: Vec<Opening<'_>>) -> sqlx::Result<Vec<Opened>> {
    let Some(now) = openings.first().map(|first| first.circumstances.now) else { return Ok(Vec::new()) };
    let subscriptions: Vec<_> = openings.iter().map(|opening| opening.subscription).collect();
    let merchants: Vec<_> = subscriptions.iter().map(|subscription| subscription.merchant_id).collect();
    let policies = policies(&mut *db, &merchants).await?;
    let mut balances =
        hold_balances(&mut *db, subscriptions.iter().map(|subscription| purse(subscription))).await?;
    let mut numbers = Numbers::take(&mut *db, &merchants).await?;
    let (mut invoices, mut credits, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
    let mut opened_as = Vec::new();
    for Opening { subscription, circumstances, new } in openings {
        let policy = policies.get(&subscription.merchant_id).ok_or(sqlx::Error::RowNotFound)?;
        let mut invoice = draft(subscription, new, policy.clone(), now);
        let number = numbers.give(subscription.merchant_id)?;
        // Of two invoices of one customer, the second gets what the first has left.
        let balance = balances.entry(purse(subscription)).or_default();
        let to_balance =
            state::finalize(&mut invoice, number, *balance, |due| subscription.chargeable(due), now)
                .map_err(|refusal| sqlx::Error::Protocol(refusal.to_string()))?;
        *balance += to_balance.0;
        credits.push((purse(subscription), to_balance));
        let opened = match &subscription.method {
            _ if invoice.status != Status::Open => Opened::Paid,
            None => Opened::Owed(None),
            Some(method) if method.is_declined => Opened::Declined(
                state::decline_unasked(&mut invoice, now)
                    .map_err(|refusal| sqlx::Error::Protocol(refusal.to_string()))?,
            ),
            Some(method) => {
                attempts.extend(attempt::begin(&mut invoice, method, Reason::Ladder, circumstances));
                Opened::Owed(None)
            }
        };
        opened_as.push(opened);
        invoices.push(invoice);
    }
    credit_all(&mut *db, credits.into_iter()).await?;
    row::insert(&mut *db, &invoices).await?;
    event::store::append(&mut *db, &invoices.iter().map(told).collect::<Vec<_>>(), now).await?;
    let jobs = attempt::store(&mut *db, &attempts).await?;
    let charges: HashMap<_, _> = attempts.iter().map(|attempt| attempt.invoice()).zip(jobs).collect();
    let declined =
        invoices.iter().zip(&opened_as).filter(|(_, opened)| matches!(opened, Opened::Declined(_)));
    let declined: Vec<_> = declined.map(|(invoice, _)| invoice.clone()).collect();
    if !declined.is_empty() {
        row::update(&mut *db, &declined.iter().collect::<Vec<_>>()).await?;
        call_for_retries(db, &declined, None).await?;
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
        ladder: Ladder::new(policy),
        created_at: now,
        updated_at: now,
        opened_at: None,
        ended_at: None,
    }
}

/// What pays the subscription's invoices first.
fn purse(subscription: &Subscription) -> Purse {
    (subscription.customer_id, subscription.terms.price.unit.currency)
}

/// The policy by which a merchant's next invoices are tried again.
///
/// # Errors
/// When the database fails.
pub async fn policy(db: impl PgExecutor<'_>, merchant: MerchantId) -> sqlx::Result<Policy> {
    let mut policies = policies(db, &[merchant]).await?;
    policies.remove(&merchant).ok_or(sqlx::Error::RowNotFound)
}

async fn policies(
    db: impl PgExecutor<'_>,
    merchants: &[MerchantId],
) -> sqlx::Result<HashMap<MerchantId, Policy>> {
    let rows = sqlx::query!(
        r#"SELECT id, dunning AS "dunning: Json<Policy>" FROM merchants WHERE id = ANY($1)"#,
        &merchants.iter().map(|merchant| merchant.0).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (MerchantId(row.id), row.dunning.0)).collect())
}

/// From now on invoices open with this policy. Those that are open keep theirs.
///
/// # Errors
/// When the database fails.
pub async fn set_policy(db: impl PgExecutor<'_>, merchant: MerchantId, policy: &Policy) -> sqlx::Result<()> {
    sqlx::query!("UPDATE merchants SET dunning = $2 WHERE id = $1", merchant.0, Json(policy) as _)
        .execute(db)
        .await?;
    Ok(())
}

/// The next numbers of merchants. The rows of their counters are held until the end of the transaction, so that
/// what fails gives them back.
struct Numbers {
    next: HashMap<MerchantId, i64>,
}

impl Numbers {
    /// Takes one for each time that a merchant is named.
    async fn take(db: &mut PgConnection, merchants: &[MerchantId]) -> sqlx::Result<Self> {
        let mut counts = BTreeMap::<_, i64>::new();
        for merchant in merchants {
            *counts.entry(merchant.0).or_default() += 1;
        }
        let rows = sqlx::query!(
            "INSERT INTO invoice_counters AS c (merchant_id, last)
             SELECT * FROM unnest($1::uuid[], $2::bigint[])
             ON CONFLICT (merchant_id) DO UPDATE SET last = c.last + excluded.last
             RETURNING merchant_id, last",
            &counts.keys().copied().collect::<Vec<_>>(),
            &counts.values().copied().collect::<Vec<_>>(),
        )
        .fetch_all(db)
        .await?;
        let first = |merchant: Uuid, last| last - counts.get(&merchant).copied().unwrap_or_default() + 1;
        let next =
            rows.into_iter().map(|row| (MerchantId(row.merchant_id), first(row.merchant_id, row.last)));
        Ok(Self { next: next.collect() })
    }

    fn give(&mut self, merchant: MerchantId) -> sqlx::Result<String> {
        let next = self.next.get_mut(&merchant).ok_or(sqlx::Error::RowNotFound)?;
        let number = format!("{next:06}");
        *next += 1;
        Ok(number)
    }
}

/// The subscription ends before it has begun: what it owes is void. A payment under way is called off if it
/// still can be, by the job that also ends subscriptions in time: a payment is locked before its subscription.
pub(crate) async fn void_unpaid(
    db: &mut PgConnection,
    subscription: &Subscription,
    circumstances: &Circumstances<'_>,
) -> sqlx::Result<()> {
    for mut invoice in owed(&mut *db, subscription).await? {
        let before = invoice.status;
        let Ok(to_balance) = state::call_off(&mut invoice, circumstances.now) else { continue };
        credit(&mut *db, invoice.customer_id, invoice.currency, to_balance).await?;
        write(&mut *db, &[(before, &invoice)], circumstances.now).await?;
        if invoice.live_payment.is_some() {
            let (kind, trace) = (Kind::RenewSubscription, circumstances.traceparent);
            job::store::enqueue(&mut *db, kind, subscription.id.0, Duration::ZERO, trace).await?;
        }
    }
    Ok(())
}
