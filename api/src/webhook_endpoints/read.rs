//! `GET /webhook-endpoints` and `GET /webhook-endpoints/{id}`.

use axum::{extract::State, response::Response};
use common::{
    id::WebhookEndpointId,
    webhook::{Endpoint, store},
};

use crate::{
    App,
    answer::{self, List},
    auth::{Caller, WebhooksRead},
    docs::{ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, QueryFields},
};

use super::WebhookEndpointView;

/// Get a webhook endpoint
#[utoipa::path(
    get, path = "/webhook-endpoints/{id}", operation_id = "getWebhookEndpoint", tag = "Webhooks",
    params(PathId<WebhookEndpointId>),
    responses(
        (status = 200, body = WebhookEndpointView, description = "As it stands."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<WebhooksRead>,
    PathId(id): PathId<WebhookEndpointId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let endpoint = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &WebhookEndpointView::new(endpoint, None)))
}

/// List webhook endpoints
///
/// Newest first.
#[utoipa::path(
    get, path = "/webhook-endpoints", operation_id = "listWebhookEndpoints", tag = "Webhooks",
    params(Paging<named::WebhookEndpointId>),
    responses(
        (status = 200, body = List<WebhookEndpointView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<WebhooksRead>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let page = query.page();
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = store::list(&mut *db, caller.merchant, &page).await?;
    let show = |endpoint: Endpoint| (endpoint.id, WebhookEndpointView::new(endpoint, None));
    Ok(answer::list(&app, "/webhook-endpoints", &page, &given, found, show))
}
