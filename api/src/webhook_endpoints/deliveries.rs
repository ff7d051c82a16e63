//! `GET /webhook-endpoints/{id}/deliveries` and `GET /webhook-endpoints/{id}/deliveries/{delivery}`: what an endpoint was
//! told, and what it answered.

use axum::{extract::State, response::Response};
use common::{
    id::{WebhookDeliveryId, WebhookEndpointId},
    webhook::{
        Delivery,
        store::{
            self, attempts,
            deliveries::{self, Filter},
        },
    },
};

use crate::{
    App,
    answer::{self, List},
    auth::{Caller, WebhooksRead},
    docs::{Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, PathIds, QueryFields},
};

use super::DeliveryView;

/// List what a webhook endpoint was told
///
/// Newest first.
#[utoipa::path(
    get, path = "/webhook-endpoints/{id}/deliveries", operation_id = "listWebhookDeliveries", tag = "Webhooks",
    params(
        PathId<WebhookEndpointId>,
        Paging<named::WebhookDeliveryId>,
        ("status" = Option<named::WebhookDeliveryStatus>, Query, description = "Only those that stand so."),
    ),
    responses(
        (status = 200, body = List<DeliveryView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ReadProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<WebhooksRead>,
    PathId(id): PathId<WebhookEndpointId>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = Filter { status: query.name("status"), page: query.page() };
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    let found = deliveries::list(&mut *db, caller.merchant, id, &filter).await?;
    let show = |delivery: Delivery| (delivery.id, DeliveryView::new(&delivery, None));
    let path = format!("/webhook-endpoints/{id}/deliveries");
    Ok(answer::list(&app, path, &filter.page, &given, found, show))
}

/// Get what a webhook endpoint was told
///
/// With each attempt, and what the answer to it began with.
#[utoipa::path(
    get, path = "/webhook-endpoints/{id}/deliveries/{delivery}", operation_id = "getWebhookDelivery", tag = "Webhooks",
    params(PathIds<WebhookEndpointId, WebhookDeliveryId>),
    responses(
        (status = 200, body = DeliveryView, description = "As it stands."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<WebhooksRead>,
    PathIds(endpoint, id): PathIds<WebhookEndpointId, WebhookDeliveryId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let delivery =
        deliveries::find(&mut *db, caller.merchant, endpoint, id).await?.ok_or(ApiError::NotFound)?;
    let attempts = attempts::list(&mut *db, id).await?;
    Ok(answer::one(true, &DeliveryView::new(&delivery, Some(attempts))))
}
