//! Subscriptions, as merchants see them: [`create`] accepts, [`read`] shows, [`update`] changes, [`preview`]
//! tells what that would cost, [`pause`] lets rest and go on, [`cancel`] ends.

pub mod cancel;
mod charging;
pub mod create;
pub mod pause;
pub mod preview;
pub mod read;
mod terms;
pub mod update;
mod view;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, header, request::Parts},
    response::Response,
};
use common::{
    billing::subscriptions::{CommandContext, CommandResult, Executed},
    id::SubscriptionId,
    subscription::{Status, Subscription, state::Refusal},
};

use crate::{
    App, answer,
    auth::Caller,
    error::ApiError,
    extract::{Faults, IfMatch, NONE_OF_YOURS, PathId, Prefer, Trace},
};

use charging::charged;
pub use view::SubscriptionView;

/// What is told of a payment method in a body that the customer does not have.
pub const NONE_OF_THE_CUSTOMER: &str = "must be the id of a payment method that the customer has";

/// Which subscription is asked about, and how.
pub struct Target {
    id: SubscriptionId,
    version: Option<u32>,
    traceparent: String,
}

impl Target {
    /// What this caller asks. Where a payer comes back to is told in the body.
    fn asked_by<P>(self, caller: &Caller<P>) -> CommandContext {
        let Self { id, version, traceparent } = self;
        CommandContext { merchant: caller.merchant, id, version, traceparent, return_url: None }
    }
}

impl FromRequestParts<App> for Target {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let PathId(id) = PathId::from_request_parts(parts, app).await?;
        let IfMatch(version) = IfMatch::from_request_parts(parts, app).await?;
        let Ok(Trace(traceparent)) = Trace::from_request_parts(parts, app).await;
        Ok(Self { id, version, traceparent })
    }
}

/// 202, with where to ask for the outcome.
fn accepted(
    app: &App,
    livemode: bool,
    subscription: Subscription,
    prefer: Prefer,
    replayed: bool,
) -> Response {
    let (path, version) = (format!("/subscriptions/{}", subscription.id), subscription.version);
    let stands = !is_awaited(&subscription);
    let view = SubscriptionView::new(app, livemode, subscription);
    with_etag(answer::accepted(&path, stands, prefer, replayed, &view), version)
}

/// The answer to a command: 202 and how the subscription stands, once what was called for is charged, if that is
/// preferred.
async fn answered(
    app: &App,
    livemode: bool,
    answered: CommandResult,
    prefer: Prefer,
) -> Result<Response, ApiError> {
    let Executed { subscription, jobs, .. } = executed(answered)?;
    Ok(accepted(app, livemode, charged(app, subscription, jobs, prefer).await, prefer, false))
}

fn executed<T>(answered: CommandResult<T>) -> Result<T, ApiError> {
    match answered {
        CommandResult::Executed(executed) => Ok(*executed),
        CommandResult::NotFound => Err(ApiError::NotFound),
        CommandResult::NoPlan => Err(Faults::one("/plan", NONE_OF_YOURS)),
        CommandResult::NoMethod => Err(Faults::one("/payment_method/id", NONE_OF_THE_CUSTOMER)),
        CommandResult::VersionDiffers => Err(ApiError::VersionDiffers),
        CommandResult::Refused(refusal) => Err(refused(&refusal)),
    }
}

/// Whether its first invoice is not paid yet.
fn is_awaited(subscription: &Subscription) -> bool {
    subscription.status == Status::Incomplete
}

/// The version of what is shown, for `If-Match`.
fn with_etag(mut response: Response, version: u32) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn refused(refusal: &Refusal) -> ApiError {
    let code = match refusal {
        Refusal::Ended(_) => "subscription-ended",
        Refusal::NotNow { .. } => "subscription-status",
        Refusal::Ending => "subscription-ending",
        Refusal::RenewalDue => "renewal-due",
        Refusal::NoMethod => "payment-method-missing",
        Refusal::MethodDeclined => "payment-method-declined",
        Refusal::PlanArchived => "plan-archived",
        Refusal::OtherCurrency { .. } => "currency-differs",
        Refusal::NoSeats => "quantity-too-small",
        Refusal::NothingMissed => "nothing-missed",
        Refusal::NotChargeable(_) => "amount-not-chargeable",
        Refusal::Discount { place, why } => {
            return Faults::one(format!("/discounts/{place}/amount"), why.to_string());
        }
        Refusal::TooLarge(_) => "amount-too-large",
        Refusal::OutOfCalendar(_) => "out-of-calendar",
    };
    ApiError::refused(code, refusal)
}
