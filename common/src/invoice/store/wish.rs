//! What a merchant asks of an invoice, decided under the lock of its subscription. What is asked for twice is
//! granted twice and changes nothing, but for a payment: of that there is one at a time.

use sqlx::{PgConnection, PgPool};

use crate::{
    clock::Timestamp,
    customer::store::credit,
    id::{InvoiceId, JobId, MerchantId, SubscriptionId},
    invoice::{
        Invoice,
        dunning::Reason,
        state::{self, Refusal},
    },
    job::Kind,
    payment::store::PUBLISHER_GRACE,
    subscription::{
        Subscription,
        state::Fact,
        store::{self as subscriptions, Circumstances, Trouble},
    },
};

use super::{attempt::attempt, count_owed, read, write};

/// What is asked of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// One attempt now, off the ladder, with the payment method of its subscription.
    Pay,
    /// It is called off.
    Void,
    /// It is given up.
    GiveUp,
}

/// The answer to a wish.
#[derive(Debug)]
pub enum Answered {
    /// It was granted.
    Granted {
        /// The invoice, as it stands now.
        invoice: Box<Invoice>,
        /// Charges (of kind `ChargePayment`) to be published after this call.
        jobs: Vec<JobId>,
    },
    /// This merchant has no such invoice.
    NotFound,
    /// The rules say no.
    Refused(Refusal),
}

/// Decides a wish about an invoice of this merchant, in a transaction of its own.
///
/// # Errors
/// When the database fails.
pub async fn grant(
    db: &PgPool,
    merchant: MerchantId,
    id: InvoiceId,
    wish: Wish,
    traceparent: &str,
) -> sqlx::Result<Answered> {
    let mut transaction = db.begin().await?;
    let of = sqlx::query_scalar!(
        "SELECT subscription_id FROM invoices WHERE id = $1 AND merchant_id = $2",
        id.0,
        merchant.0,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(of) = of else { return Ok(Answered::NotFound) };
    let found = subscriptions::lock(&mut transaction, SubscriptionId(of)).await?;
    let subscription = found.ok_or(sqlx::Error::RowNotFound)?;
    let now = crate::db::now(&mut *transaction).await?;
    let mut invoice = read(&mut transaction, id).await?;
    let circumstances = Circumstances {
        now,
        charges: Kind::ChargePayment,
        traceparent: Some(traceparent),
        grace: PUBLISHER_GRACE,
        return_url: None,
    };
    let decided = match wish {
        Wish::Pay => pay(&mut transaction, &mut invoice, &subscription, &circumstances).await?,
        Wish::Void => void(&mut transaction, &mut invoice, subscription, &circumstances).await?,
        Wish::GiveUp => give_up(&mut transaction, &mut invoice, now).await?,
    };
    match decided {
        Ok(jobs) => {
            transaction.commit().await?;
            Ok(Answered::Granted { invoice: Box::new(invoice), jobs })
        }
        Err(refusal) => Ok(Answered::Refused(refusal)),
    }
}

type Decided = sqlx::Result<Result<Vec<JobId>, Refusal>>;

async fn pay(
    db: &mut PgConnection,
    invoice: &mut Invoice,
    subscription: &Subscription,
    circumstances: &Circumstances<'_>,
) -> Decided {
    if let Err(refusal) = state::may_be_tried(invoice) {
        return Ok(Err(refusal));
    }
    match attempt(db, invoice, subscription, Reason::Asked, circumstances).await? {
        Some(job) => Ok(Ok(vec![job])),
        None => Ok(Err(Refusal::NoMethod)),
    }
}

async fn void(
    db: &mut PgConnection,
    invoice: &mut Invoice,
    subscription: Subscription,
    circumstances: &Circumstances<'_>,
) -> Decided {
    let before = invoice.status;
    let to_balance = match state::void(invoice, circumstances.now) {
        Ok(to_balance) => to_balance,
        Err(Refusal::Void) => return Ok(Ok(Vec::new())),
        Err(refusal) => return Ok(Err(refusal)),
    };
    credit(&mut *db, invoice.customer_id, invoice.currency, to_balance).await?;
    write(&mut *db, &[(before, &*invoice)], circumstances.now).await?;
    let open_left = count_owed(&mut *db, &[&subscription]).await?.into_values().next().unwrap_or_default();
    match subscriptions::happened(db, subscription, Fact::InvoiceVoided { open_left }, circumstances).await {
        Ok(done) => Ok(Ok(done.jobs)),
        Err(Trouble::Database(error)) => Err(error),
        Err(Trouble::Refused(refusal)) => Err(sqlx::Error::Protocol(refusal.to_string())),
    }
}

async fn give_up(db: &mut PgConnection, invoice: &mut Invoice, now: Timestamp) -> Decided {
    let before = invoice.status;
    match state::give_up(invoice, now) {
        Ok(()) => write(db, &[(before, &*invoice)], now).await.map(|()| Ok(Vec::new())),
        Err(Refusal::Uncollectible) => Ok(Ok(Vec::new())),
        Err(refusal) => Ok(Err(refusal)),
    }
}
