//! `GET /subscriptions` and `GET /subscriptions/{id}`.

use axum::{extract::State, response::Response};
use common::{
    id::SubscriptionId,
    subscription::{
        Status, Subscription,
        store::{self, Filter, Statuses},
    },
};

use crate::{
    App,
    answer::{self, List},
    auth::{Caller, SubscriptionsRead},
    docs::{ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, QueryFields},
};

use super::{SubscriptionView, is_awaited, with_etag};

/// Get a subscription
///
/// As it stands now.
#[utoipa::path(
    get, path = "/subscriptions/{id}", operation_id = "getSubscription", tag = "Subscriptions",
    params(PathId<SubscriptionId>),
    responses(
        (status = 200, body = SubscriptionView, description = "With `Retry-After` while it is `incomplete`.",
            headers(("ETag" = String))),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    PathId(id): PathId<SubscriptionId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let subscription = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    let (stands, version) = (!is_awaited(&subscription), subscription.version);
    Ok(with_etag(answer::one(stands, &SubscriptionView::new(&app, caller.livemode, subscription)), version))
}

/// List subscriptions
///
/// Those in force, newest first: `trialing`, `active` and `past_due`; others by their status.
#[utoipa::path(
    get, path = "/subscriptions", operation_id = "listSubscriptions", tag = "Subscriptions",
    params(
        Paging<named::SubscriptionId>,
        ("status" = inline(Option<named::SubscriptionFilter>), Query, description = "Only those in this status; or `all`."),
        ("customer" = Option<named::CustomerId>, Query, description = "Only this customer's."),
        ("plan" = Option<named::PlanId>, Query, description = "Only those of this plan."),
    ),
    responses(
        (status = 200, body = List<SubscriptionView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = Filter {
        page: query.page(),
        statuses: query.optional("status", statuses).unwrap_or_default(),
        customer: query.name("customer"),
        plan: query.name("plan"),
    };
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = store::list(&mut *db, caller.merchant, &filter).await?;
    let show = |found: Subscription| (found.id, SubscriptionView::new(&app, caller.livemode, found));
    Ok(answer::list(&app, "/subscriptions", &filter.page, &given, found, show))
}

fn statuses(text: &str) -> Result<Statuses, String> {
    const ALL: &str = "all";
    if text == ALL {
        return Ok(Statuses::All);
    }
    let status = text.parse::<Status>();
    status.map(Statuses::Only).map_err(|error| format!("{error}; or {ALL}"))
}
