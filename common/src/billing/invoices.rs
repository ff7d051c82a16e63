//! What a merchant asks of an invoice, decided under the lock of its subscription. What is asked for twice is
//! done twice and changes nothing, but for a payment: of that there is one at a time.

use sqlx::{PgConnection, PgPool};

use crate::{
    clock::Timestamp,
    customer::{
        MethodChoice, PaymentMethod,
        store::{chosen, credit, default_method, hold},
    },
    db,
    id::{CustomerId, InvoiceId, JobId, MerchantId, SubscriptionId},
    invoice::{
        Invoice,
        dunning::Reason,
        state::{self, Refusal},
        store::{open_left, read, write},
    },
    job::{Kind, PUBLISHER_GRACE},
    subscription::{
        Subscription,
        state::Fact,
        store::{self as subscriptions, Error},
    },
};

use super::{
    attempt::{Attempted, attempt},
    change_context::ChangeContext,
    effects::happened,
    reclaim::reclaim_of_void,
};

/// What is asked of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// One attempt now, off the retry schedule, with this payment method of its customer. Without one, with the
    /// subscription's; where that has ended, with the customer's default.
    Pay(Option<MethodChoice>),
    /// It is called off.
    Void,
    /// It is given up.
    GiveUp,
}

/// The answer to a command.
#[derive(Debug)]
pub enum CommandResult {
    /// It was done.
    Executed {
        /// The invoice, as it stands now.
        invoice: Box<Invoice>,
        /// Charges (of kind `ChargePayment`) to be published after this call.
        jobs: Vec<JobId>,
    },
    /// This merchant has no such invoice.
    NotFound,
    /// The customer has no such payment method.
    NoMethod,
    /// The rules say no.
    Refused(Refusal),
}

/// Decides a command about an invoice of this merchant, in a transaction of its own.
pub async fn execute(
    db: &PgPool,
    merchant: MerchantId,
    id: InvoiceId,
    command: Command,
    traceparent: &str,
) -> db::Result<CommandResult> {
    let mut transaction = db.begin().await?;
    let of = sqlx::query!(
        "SELECT subscription_id, customer_id FROM invoices WHERE id = $1 AND merchant_id = $2",
        id.0,
        merchant.0,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(of) = of else { return Ok(CommandResult::NotFound) };
    // A customer is held before the subscription is locked.
    let customer = CustomerId(of.customer_id);
    let named = match &command {
        Command::Pay(Some(choice)) => {
            hold(&mut transaction, merchant, customer).await?;
            let chosen = chosen(&mut transaction, merchant, customer, choice).await?;
            if chosen.is_none() {
                return Ok(CommandResult::NoMethod);
            }
            chosen
        }
        Command::Pay(None) | Command::Void | Command::GiveUp => None,
    };
    let found = subscriptions::lock(&mut transaction, SubscriptionId(of.subscription_id)).await?;
    let subscription = found.ok_or_else(subscriptions::no_subscription)?;
    let now = crate::db::now(&mut *transaction).await?;
    let mut invoice = read(&mut transaction, id).await?;
    let context = ChangeContext {
        now,
        charges: Kind::ChargePayment,
        traceparent: Some(traceparent),
        grace: PUBLISHER_GRACE,
        return_url: None,
    };
    let decided = match command {
        Command::Pay(_) => {
            let method = paying_method(&mut transaction, &subscription, named).await?;
            pay(&mut transaction, &mut invoice, subscription, method.as_ref(), &context).await?
        }
        Command::Void => void(&mut transaction, &mut invoice, subscription, &context).await?,
        Command::GiveUp => give_up(&mut transaction, &mut invoice, now).await?,
    };
    match decided {
        Ok(jobs) => {
            transaction.commit().await?;
            Ok(CommandResult::Executed { invoice: Box::new(invoice), jobs })
        }
        Err(refusal) => Ok(CommandResult::Refused(refusal)),
    }
}

type Decided = db::Result<Result<Vec<JobId>, Refusal>>;

/// What pays: what was named; or what pays the subscription; or, where that has ended, what its customer would pay a
/// new one with.
async fn paying_method(
    db: &mut PgConnection,
    subscription: &Subscription,
    named: Option<PaymentMethod>,
) -> db::Result<Option<PaymentMethod>> {
    if named.is_some() || !subscription.status.is_final() {
        return Ok(named.or_else(|| subscription.method.clone()));
    }
    let default = default_method(db, subscription.merchant_id, subscription.customer_id).await?;
    Ok(default.or_else(|| subscription.method.clone()))
}

async fn pay(
    db: &mut PgConnection,
    invoice: &mut Invoice,
    subscription: Subscription,
    method: Option<&PaymentMethod>,
    context: &ChangeContext<'_>,
) -> Decided {
    if let Err(refusal) = state::may_be_tried(invoice) {
        return Ok(Err(refusal));
    }
    match attempt(&mut *db, invoice, method, Reason::Asked, context).await? {
        Attempted::Charging(job) => Ok(Ok(vec![job])),
        Attempted::Paid => {
            let open_left = open_left(&mut *db, subscription.debtor()).await?;
            follow(db, subscription, Fact::InvoicePaid { open_left }, context).await
        }
        Attempted::Nothing => Ok(Err(Refusal::NoMethod)),
        Attempted::Declined | Attempted::GivenUp(_) => Ok(Err(Refusal::MethodDeclined)),
    }
}

/// The subscription follows; what it bills by that is charged.
async fn follow(
    db: &mut PgConnection,
    subscription: Subscription,
    fact: Fact,
    context: &ChangeContext<'_>,
) -> Decided {
    match happened(db, subscription, fact, context).await {
        Ok(done) => Ok(Ok(done.jobs)),
        Err(Error::Failed(error)) => Err(error),
        Err(Error::Refused(refusal)) => {
            Err(db::Error::broken(format!("a subscription cannot follow its invoice: {refusal}")))
        }
    }
}

async fn void(
    db: &mut PgConnection,
    invoice: &mut Invoice,
    subscription: Subscription,
    context: &ChangeContext<'_>,
) -> Decided {
    let before = invoice.status;
    let balance_delta = match state::void(invoice, context.now) {
        Ok(balance_delta) => balance_delta,
        Err(Refusal::Void) => return Ok(Ok(Vec::new())),
        Err(refusal) => return Ok(Err(refusal)),
    };
    credit(&mut *db, invoice.customer_id, invoice.currency, balance_delta).await?;
    write(&mut *db, &[(before, &*invoice)], context.now).await?;
    reclaim_of_void(&mut *db, invoice).await?;
    let open_left = open_left(&mut *db, subscription.debtor()).await?;
    follow(db, subscription, Fact::InvoiceVoided { open_left }, context).await
}

async fn give_up(db: &mut PgConnection, invoice: &mut Invoice, now: Timestamp) -> Decided {
    let before = invoice.status;
    match state::give_up(invoice, now) {
        Ok(()) => {
            write(db, &[(before, &*invoice)], now).await?;
            Ok(Ok(Vec::new()))
        }
        Err(Refusal::Uncollectible) => Ok(Ok(Vec::new())),
        Err(refusal) => Ok(Err(refusal)),
    }
}
