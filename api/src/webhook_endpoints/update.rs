//! `PUT /webhook-endpoints/{id}` and `DELETE /webhook-endpoints/{id}`. Neither needs a key: asked again, it is so already.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use common::{
    event::EventType,
    id::WebhookEndpointId,
    webhook::{Change, Order, Payload, store},
};

use crate::{
    App, answer,
    auth::{Caller, WebhooksWrite},
    docs::ChangeProblems,
    error::ApiError,
    extract::{Body, Clearable, List, NoBody, PathId, Text, body},
};

use super::{NO_TYPES, TYPES_MAX, WebhookEndpointView, check_url};

body! {
    /// What shall be different. At least one field; what is not named stays.
    #[example({ "types": ["payment.succeeded"], "enabled": true })]
    pub struct UpdateWebhookEndpoint {
        /// Where to, from the next attempt on.
        #[example = "https://shop.example/webhooks"]
        url: Option<Text<2048>>,
        /// Of which types it is told; `null`: of all, also those to come.
        types: Clearable<List<EventType, TYPES_MAX>>,
        /// How much of an object is told, of what happens from now on.
        #[example = "thin"]
        payload: Option<Payload>,
        /// What comes after what.
        #[example = "per_object"]
        order: Option<Order>,
        /// For people; `null`: nothing.
        #[example = "The shop"]
        description: Clearable<Text<200>>,
        /// `false`: it is told nothing, and what happens is noted as `skipped`. `true`: it is told again;
        /// `POST /webhook-endpoints/{id}/replay` tells it what it has missed.
        enabled: Option<bool>,
    }
    read(at, reader) -> Change {
        if matches!(types.as_ref(), Some(Some(Some(types))) if types.is_empty()) {
            reader.fault::<()>(at.field("types"), NO_TYPES);
        }
        let change = Change {
            url: url?,
            types: types?,
            payload: payload?,
            order: order?,
            description: description?,
            enabled: enabled?,
        };
        match change.is_empty() && reader.is_content() {
            true => reader.fault(at, "must name what to change: url, types, payload, order, description or enabled"),
            false => Some(change),
        }
    }
}

/// Change a webhook endpoint
///
/// All that is named, or nothing. The same request again changes nothing.
#[utoipa::path(
    put, path = "/webhook-endpoints/{id}", operation_id = "updateWebhookEndpoint", tag = "Webhooks", request_body = UpdateWebhookEndpoint,
    params(PathId<WebhookEndpointId>),
    responses(
        (status = 200, body = WebhookEndpointView, description = "As it stands now."),
        ChangeProblems,
    ),
)]
pub async fn update(
    State(app): State<App>,
    caller: Caller<WebhooksWrite>,
    PathId(id): PathId<WebhookEndpointId>,
    Body(change): Body<UpdateWebhookEndpoint>,
) -> Result<Response, ApiError> {
    if let Some(url) = &change.url {
        check_url(&app.webhooks, url)?;
    }
    let endpoint = store::change(&app.pool, caller.merchant, id, &change).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &WebhookEndpointView::new(endpoint, None)))
}

/// Delete a webhook endpoint
///
/// It is told nothing any more, also not of what was on its way.
#[utoipa::path(
    delete, path = "/webhook-endpoints/{id}", operation_id = "deleteWebhookEndpoint", tag = "Webhooks",
    params(PathId<WebhookEndpointId>),
    responses(
        (status = 204, description = "It is gone."),
        ChangeProblems,
    ),
)]
pub async fn delete(
    State(app): State<App>,
    caller: Caller<WebhooksWrite>,
    PathId(id): PathId<WebhookEndpointId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    match store::delete(&app.pool, caller.merchant, id).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(ApiError::NotFound),
    }
}
