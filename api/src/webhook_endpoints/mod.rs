//! Endpoints of webhooks, as merchants see them: [`create`] makes them, [`read`] shows them, [`update`] changes and deletes
//! them, [`secret`] gives them another secret, [`deliveries`] is what they were told, [`ask`] what they are told again.

pub mod ask;
pub mod create;
pub mod deliveries;
pub mod read;
pub mod secret;
pub mod update;
mod view;

use common::webhook::{DisabledReason, destination::Rules};

use crate::{error::ApiError, extract::Faults};

pub use view::{DeliveryView, WebhookEndpointView};

/// Types that one may name, at most.
const TYPES_MAX: usize = 100;

/// What is told where a list of types is empty.
const NO_TYPES: &str = "must name at least one type; leave it out for all";

/// Whether an endpoint may be there.
fn check_url(rules: &Rules, url: &str) -> Result<(), ApiError> {
    rules.check(url).map(drop).map_err(|why| Faults::one("/url", why.to_string()))
}

/// Why nothing is sent there.
fn disabled(why: DisabledReason) -> ApiError {
    let because = match why {
        DisabledReason::Merchant => "you have disabled it",
        DisabledReason::Gone => "it has answered 410",
        DisabledReason::Failing => "nothing has got there for five days",
    };
    let detail = format!(
        "It is told nothing: {because}. Enable it with PUT /webhook-endpoints/{{id}}, and ask again."
    );
    ApiError::Conflict("webhook-endpoint-disabled", detail)
}
