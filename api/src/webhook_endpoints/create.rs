//! `POST /webhook-endpoints`: makes an endpoint.

use axum::{extract::State, response::Response};
use common::{
    event::EventType,
    id::WebhookEndpointId,
    webhook::{ENDPOINTS_MAX, Endpoint, NewEndpoint, Order, Payload, Terms, secret, store},
};
use serde_json::json;

use crate::{
    App, answer,
    auth::{Caller, WebhooksWrite},
    chance::chance,
    docs::CreateProblems,
    error::{ApiError, Problem},
    extract::{Body, List, OptionalKey, Text, body},
    made_once::made_before,
};

use super::{NO_TYPES, TYPES_MAX, WebhookEndpointView, check_url};

body! {
    /// An endpoint to be made.
    #[example({
        "url": "https://shop.example/webhooks",
        "types": ["payment.succeeded", "payment.failed"],
        "order": "per_object"
    })]
    pub struct CreateWebhookEndpoint {
        /// Where to: https, at port 443 or 8443, and reachable from everywhere.
        #[example = "https://shop.example/webhooks"]
        url: Text<2048>,
        /// Of which types it is told; left out: of all, also those to come.
        types: Option<List<EventType, TYPES_MAX>>,
        /// `full`: the object as it was then. `thin`: its id and what it is; whoever wants to know more asks.
        #[example = "full"]
        payload: Option<Payload>,
        /// `any`: each event is sent at once. `per_object`: an event waits for the earlier ones of the same object.
        #[example = "any"]
        order: Option<Order>,
        /// For people.
        #[example = "The shop"]
        description: Option<Text<200>>,
    }
    read(at, reader) -> Terms {
        if matches!(types.as_ref(), Some(Some(types)) if types.is_empty()) {
            reader.fault::<()>(at.field("types"), NO_TYPES);
        }
        Some(Terms {
            url: url?,
            types: types?,
            payload: payload?.unwrap_or(Payload::Full),
            order: order?.unwrap_or(Order::Any),
            description: description?,
        })
    }
}

/// Make a webhook endpoint
///
/// It is told of whatever happens from now on, by a POST to its URL, signed as [Standard Webhooks
/// 1.0](https://www.standardwebhooks.com/) says: its libraries check it with the `secret`, which is shown here and never
/// again. An event may come more than once: `webhook-id` is its name. What is not answered with 2xx within 15 seconds comes
/// again after 5 seconds, 5 minutes, 30 minutes, and 2, 5, 10, 14, 20 and 24 hours; 410 disables the endpoint, as do five
/// days in which nothing gets there.
#[utoipa::path(
    post, path = "/webhook-endpoints", operation_id = "createWebhookEndpoint", tag = "Webhooks", request_body = CreateWebhookEndpoint,
    params(OptionalKey),
    responses(
        (status = 201, body = WebhookEndpointView, description = "It is there. Where the same key has made it before, it is as it stands now, without its secret."),
        (status = 409, body = Problem, description = "There are 16 already.",
            example = json!({ "code": "too-many-webhook-endpoints", "detail": "There are 16 endpoints, and no more are told of events. Delete one that nobody needs." })),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<WebhooksWrite>,
    OptionalKey(key): OptionalKey,
    Body(terms): Body<CreateWebhookEndpoint>,
) -> Result<Response, ApiError> {
    check_url(&app.webhooks, &terms.url)?;
    let types: Option<Vec<_>> =
        terms.types.as_ref().map(|types| types.iter().map(|one| one.as_str()).collect());
    let asked = json!([terms.url, types, terms.payload.as_str(), terms.order.as_str(), terms.description]);
    let id = WebhookEndpointId::new();
    let shown = secret::generate(&mut chance());
    let sealed = app.keyring.seal(&Endpoint::sealed_for(id), &shown, &mut chance());
    let new = NewEndpoint { id, merchant_id: caller.merchant, terms, secret: sealed };
    let mut transaction = app.pool.begin().await?;
    let before =
        made_before(&mut transaction, (caller.merchant, "webhook_endpoint", key), &asked, id.0).await?;
    let (endpoint, shown) = match before {
        Some(id) => {
            let found = store::find(&mut *transaction, caller.merchant, WebhookEndpointId(id)).await?;
            (found.ok_or(ApiError::NotFound)?, None)
        }
        None => (store::create(&mut transaction, &new).await?.ok_or_else(too_many)?, Some(&shown)),
    };
    transaction.commit().await?;
    let path = format!("/webhook-endpoints/{}", endpoint.id);
    Ok(answer::created(&path, before.is_some(), &WebhookEndpointView::new(endpoint, shown)))
}

fn too_many() -> ApiError {
    let detail = format!(
        "There are {ENDPOINTS_MAX} endpoints, and no more are told of events. Delete one that nobody needs."
    );
    ApiError::Conflict("too-many-webhook-endpoints", detail)
}
