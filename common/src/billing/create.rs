//! Making subscriptions: in one transaction with the first period, its invoice, the payment of that, and the
//! jobs that will charge it and renew the subscription.

use chrono_tz::Tz;
use sqlx::{PgConnection, PgPool};

use crate::{
    customer::{self, MethodChoice},
    db, event,
    id::{CustomerId, JobId, MerchantId, SubscriptionId},
    invoice::{Discount, TaxRate},
    job::{Kind, PUBLISHER_GRACE},
    metadata::Metadata,
    plan::{self, Offer},
    subscription::{
        OnDispute, Subscription, Terms, WithoutMethod,
        state::{self, New, Refusal},
        store::{
            Error, dispute,
            row::{self, RequestKey, subscriptions},
            status_event,
        },
    },
};

use super::{
    change_context::ChangeContext,
    effects::{PendingChange, call_for_renewal, carry_out_one},
};

/// What a merchant asks for.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    /// The subscription's name from now on.
    pub id: SubscriptionId,
    /// Whose customer it is.
    pub merchant_id: MerchantId,
    /// The merchant's name for the request: the same key is the same subscription, for ever.
    pub idempotency_key: String,
    /// SHA-256 over what was asked for, to tell a repetition from a different request.
    pub request_hash: [u8; 32],
    /// Who pays.
    pub customer_id: CustomerId,
    /// What for.
    pub offer: Offer,
    /// How many seats.
    pub quantity: u32,
    /// How many days are free; `None`: as many as the plan says.
    pub trial_days: Option<u16>,
    /// What becomes of it when the trial ends and there is no payment method.
    pub without_method: WithoutMethod,
    /// What a dispute of one of its payments does to it; `None`: what the merchant has settled for all.
    pub on_dispute: Option<OnDispute>,
    /// Whose midnights end its periods.
    pub zone: Tz,
    /// What is taken off its invoices.
    pub discounts: Vec<Discount>,
    /// The tax on them.
    pub tax: Option<TaxRate>,
    /// How it is paid; without it by the customer's default. One of them is needed unless there is a trial.
    pub method: Option<MethodChoice>,
    /// Where the payer comes back to after an authentication of the first payment; `None`: there is no payer
    /// to do anything, and a bank that wants one declines.
    pub return_url: Option<String>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
}

/// What became of a request to subscribe.
#[derive(Debug)]
pub enum Accepted {
    /// A new subscription, and the jobs (of kind [`Kind::ChargePayment`]) to be published after this call.
    New(Box<Subscription>, Vec<JobId>),
    /// The same request was accepted before: this is that subscription, as it stands now.
    Repeated(Box<Subscription>),
    /// The key belongs to another request.
    KeyReused,
    /// This merchant has no such plan.
    NoPlan,
    /// This merchant has no such customer.
    NoCustomer,
    /// The customer has no such payment method.
    NoMethod,
    /// The rules say no.
    Refused(Refusal),
}

/// Stores a new subscription and all that comes with it, in a transaction of its own.
///
/// Fails when the database fails; then it was not accepted, or it is not known, and the same request will tell.
pub async fn create(db: &PgPool, new: &NewSubscription, traceparent: &str) -> db::Result<Accepted> {
    let mut transaction = db.begin().await?;
    match accept(&mut transaction, new, traceparent).await {
        Ok(accepted) => {
            if matches!(accepted, Accepted::New(..)) {
                transaction.commit().await?;
            }
            Ok(accepted)
        }
        Err(Error::Refused(refusal)) => Ok(Accepted::Refused(refusal)),
        Err(Error::Failed(error)) => Err(error),
    }
}

async fn accept(db: &mut PgConnection, new: &NewSubscription, traceparent: &str) -> Result<Accepted, Error> {
    if let Some(earlier) = by_key(&mut *db, new).await? {
        return Ok(earlier);
    }
    let Some(plan) = plan::store::of_offer(&mut *db, new.merchant_id, &new.offer).await? else {
        return Ok(Accepted::NoPlan);
    };
    if plan.archived {
        return Err(Refusal::PlanArchived.into());
    }
    let (merchant, customer) = (new.merchant_id, new.customer_id);
    if !customer::store::hold(&mut *db, merchant, customer).await? {
        return Ok(Accepted::NoCustomer);
    }
    let method = match &new.method {
        None => customer::store::default_method(&mut *db, merchant, customer).await?,
        Some(choice) => match customer::store::chosen(&mut *db, merchant, customer, choice).await? {
            None => return Ok(Accepted::NoMethod),
            chosen => chosen,
        },
    };
    let on_dispute = match new.on_dispute {
        Some(on_dispute) => on_dispute,
        None => dispute::policy(&mut *db, merchant).await?,
    };
    let now = crate::db::now(&mut *db).await?;
    let trial_days = new.trial_days.unwrap_or(plan.trial_days);
    let terms = Terms { plan_id: plan.id, name: plan.name, price: plan.price, quantity: new.quantity };
    let made = New {
        id: new.id,
        merchant_id: new.merchant_id,
        customer_id: new.customer_id,
        terms,
        trial_days,
        without_method: new.without_method,
        on_dispute,
        zone: new.zone,
        discounts: new.discounts.clone(),
        tax: new.tax.clone(),
        method,
        metadata: new.metadata.clone(),
    };
    let (mut subscription, effects) = state::create(made, now)?;
    let request = RequestKey { idempotency_key: &new.idempotency_key, request_hash: &new.request_hash };
    if !row::insert(&mut *db, &subscription, &request).await? {
        // The same key, at the same moment.
        return Ok(by_key(&mut *db, new).await?.unwrap_or(Accepted::KeyReused));
    }
    subscription.version = 1;
    event::store::append(&mut *db, &[status_event(&subscription)], now).await?;
    let context = ChangeContext {
        now,
        charges: Kind::ChargePayment,
        traceparent: Some(traceparent),
        grace: PUBLISHER_GRACE,
        return_url: new.return_url.as_deref(),
    };
    let mut pending = PendingChange::new(subscription.clone(), subscription, effects, context);
    carry_out_one(&mut *db, &mut pending).await?;
    let PendingChange { mut subscription, done, .. } = pending;
    call_for_renewal(&mut *db, &subscription, Some(traceparent)).await?;
    subscription.latest_invoice = done.invoices.last().copied();
    Ok(Accepted::New(Box::new(subscription), done.jobs))
}

async fn by_key(db: &mut PgConnection, new: &NewSubscription) -> db::Result<Option<Accepted>> {
    let hash = sqlx::query_scalar!(
        "SELECT request_hash FROM subscriptions WHERE merchant_id = $1 AND idempotency_key = $2",
        new.merchant_id.0,
        new.idempotency_key,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(hash) = hash else { return Ok(None) };
    if hash != new.request_hash {
        return Ok(Some(Accepted::KeyReused));
    }
    let row = subscriptions!(
        " WHERE s.merchant_id = $1 AND s.idempotency_key = $2",
        new.merchant_id.0,
        new.idempotency_key
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(Some(Accepted::Repeated(Box::new(row.try_into()?))))
}
