//! `POST /plans`: makes a plan.

use axum::{extract::State, response::Response};
use common::{
    id::PlanId,
    metadata::Metadata,
    money::Currency,
    plan::{Interval, NewPlan, Price, store},
};
use serde_json::json;

use crate::{
    App, answer,
    auth::{Caller, SubscriptionsWrite},
    docs::CreateProblems,
    error::ApiError,
    extract::{Amount, Body, OptionalKey, Text, Whole, body, price},
    made_once::made_before,
};

use super::PlanView;

/// How many days are free: two years at most.
pub type TrialDays = Whole<u16, 0, 730>;

body! {
    /// A plan to be made.
    #[example({ "name": "Team", "amount": "49.90", "currency": "EUR", "interval": "month", "trial_days": 14 })]
    pub struct CreatePlan {
        /// For people: it is on the invoices.
        #[example = "Team"]
        name: Text<200>,
        /// What one costs for one interval: a decimal string in major units, and not a number. May be `"0"`.
        amount: Amount,
        /// ISO 4217, upper case.
        currency: Currency,
        /// `day`, `week`, `month` or `year`; or so many of them: `{"unit": "month", "count": 3}`. At most three years.
        interval: Interval,
        /// How many days of a new subscription are free: 0 by default.
        #[example = 14]
        trial_days: Option<TrialDays>,
        /// Up to 50 keys (40 characters) with values (500 characters) of your own.
        metadata: Option<Metadata>,
    }
    read(at, reader) -> Ordered {
        let price = price(amount, currency, interval, at, reader);
        Some(Ordered {
            name: name?,
            price: price?,
            trial_days: trial_days?.unwrap_or(0),
            metadata: metadata?.unwrap_or_default(),
        })
    }
}

/// A plan as it was asked for.
pub struct Ordered {
    name: String,
    price: Price,
    trial_days: u16,
    metadata: Metadata,
}

/// Make a plan
///
/// A price that subscriptions are made from. They copy it, so a plan is never changed: archive it, and make
/// another.
#[utoipa::path(
    post, path = "/plans", operation_id = "createPlan", tag = "Plans", request_body = CreatePlan,
    params(OptionalKey),
    responses(
        (status = 201, body = PlanView, description = "It is there."),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    OptionalKey(key): OptionalKey,
    Body(Ordered { name, price, trial_days, metadata }): Body<CreatePlan>,
) -> Result<Response, ApiError> {
    let (unit, every) = (price.unit, price.interval);
    let asked = json!([
        name,
        [unit.display_amount(), unit.currency.code()],
        [every.unit().as_str(), every.count()],
        trial_days,
        metadata,
    ]);
    let new = NewPlan { id: PlanId::new(), merchant_id: caller.merchant, name, price, trial_days, metadata };
    let mut transaction = app.pool.begin().await?;
    let before = made_before(&mut transaction, (caller.merchant, "plan", key), &asked, new.id.0).await?;
    let plan = match before {
        Some(id) => store::find(&mut *transaction, caller.merchant, PlanId(id)).await?,
        None => Some(store::create(&mut *transaction, &new).await?),
    };
    transaction.commit().await?;
    let plan = plan.ok_or(ApiError::NotFound)?;
    Ok(answer::created(
        &format!("/plans/{}", plan.id),
        before.is_some(),
        &PlanView::new(caller.livemode, plan),
    ))
}
