//! Subscriptions, as merchants see them: [`create`] accepts, [`read`] shows, [`cancel`] ends.

mod beginning;
pub mod cancel;
pub mod create;
pub mod read;
mod view;

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use common::subscription::{Subscription, state::Refusal};

use crate::{App, answer, error::ApiError, extract::Prefer};

pub use view::SubscriptionView;

/// 202, with where to ask for the outcome.
fn accepted(app: &App, subscription: Subscription, prefer: Prefer, replayed: bool) -> Response {
    let (path, version) = (format!("/subscriptions/{}", subscription.id), subscription.version);
    let stands = !beginning::is_awaited(&subscription);
    let view = SubscriptionView::new(app, subscription);
    with_etag(answer::accepted(&path, stands, prefer, replayed, &view), version)
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
        Refusal::OtherCurrency { .. } => "currency-differs",
        Refusal::NoSeats => "quantity-too-small",
        Refusal::NothingMissed => "nothing-missed",
        Refusal::TooLarge(_) => "amount-too-large",
        Refusal::OutOfCalendar(_) => "out-of-calendar",
    };
    ApiError::refused(code, refusal)
}
