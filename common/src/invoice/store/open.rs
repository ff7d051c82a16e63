//! How an invoice opens: with the merchant's policy of the day, what the customer has in the balance, the next
//! number, and its first payment.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, types::Json};

use crate::{
    customer::store::{balance, credit},
    id::{InvoiceId, JobId, MerchantId},
    invoice::{
        Invoice, Line, Occasion, Status,
        dunning::{Ladder, Policy, Reason},
        state::{self, ToBalance},
        totals::Totals,
    },
    job::{self, Kind},
    payment::store::insert_events,
    subscription::{Subscription, store::Circumstances},
};

use super::{attempt::attempt, owed, row, told, write};

/// What is to be billed.
pub(crate) struct NewInvoice {
    pub id: InvoiceId,
    pub period_index: u32,
    pub occasion: Occasion,
    pub lines: Vec<Line>,
}

/// How it opened.
pub(crate) enum Opened {
    /// There was nothing to pay.
    Paid,
    /// It is to be paid; the job that will charge it, if there is a method to charge.
    Owed(Option<JobId>),
}

/// Opens an invoice of a subscription that is locked.
pub(crate) async fn open(
    db: &mut PgConnection,
    subscription: &Subscription,
    new: NewInvoice,
    circumstances: &Circumstances<'_>,
) -> sqlx::Result<Opened> {
    let now = circumstances.now;
    let mut invoice = Invoice {
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
        from_balance: rust_decimal::Decimal::ZERO,
        amount_paid: rust_decimal::Decimal::ZERO,
        attempts: 0,
        live_payment: None,
        ladder: Ladder::new(policy(&mut *db, subscription.merchant_id).await?),
        created_at: now,
        updated_at: now,
        opened_at: None,
        ended_at: None,
    };
    // Numbers before balances: whoever opens many invoices waits for others here, and nowhere after.
    let number = next_number(&mut *db, invoice.merchant_id).await?;
    let balance = balance(&mut *db, invoice.customer_id, invoice.currency).await?;
    let ToBalance(to_balance) =
        match state::finalize(&mut invoice, number, balance, |due| subscription.chargeable(due), now) {
            Ok(to_balance) => to_balance,
            Err(refusal) => return Err(sqlx::Error::Protocol(refusal.to_string())),
        };
    credit(&mut *db, invoice.customer_id, invoice.currency, ToBalance(to_balance)).await?;
    row::insert(&mut *db, &invoice).await?;
    insert_events(&mut *db, &[told(&invoice)], now).await?;
    if invoice.status != Status::Open {
        return Ok(Opened::Paid);
    }
    Ok(Opened::Owed(attempt(db, &mut invoice, subscription, Reason::Ladder, circumstances).await?))
}

/// The policy by which a merchant's next invoices are tried again.
///
/// # Errors
/// When the database fails.
pub async fn policy(db: impl PgExecutor<'_>, merchant: MerchantId) -> sqlx::Result<Policy> {
    let stored = sqlx::query_scalar!(
        r#"SELECT dunning AS "dunning: Json<Policy>" FROM merchants WHERE id = $1"#,
        merchant.0
    );
    stored.fetch_one(db).await.map(|policy| policy.0)
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

/// The merchant's next number. Its row is held until the end of the transaction, so that what fails gives it
/// back.
async fn next_number(db: &mut PgConnection, merchant: MerchantId) -> sqlx::Result<String> {
    let number = sqlx::query_scalar!(
        "INSERT INTO invoice_counters AS c (merchant_id, last) VALUES ($1, 1)
         ON CONFLICT (merchant_id) DO UPDATE SET last = c.last + 1 RETURNING last",
        merchant.0,
    )
    .fetch_one(db)
    .await?;
    Ok(format!("{number:06}"))
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
        write(&mut *db, before, &invoice, circumstances.now).await?;
        if invoice.live_payment.is_some() {
            let (kind, trace) = (Kind::RenewSubscription, circumstances.traceparent);
            job::store::enqueue(&mut *db, kind, subscription.id.0, Duration::ZERO, trace).await?;
        }
    }
    Ok(())
}
