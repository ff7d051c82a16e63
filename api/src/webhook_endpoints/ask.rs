//! `POST /webhook-endpoints/{id}/ping` and `POST /webhook-endpoints/{id}/replay`: what an endpoint is told because its
//! merchant asks for it.

use axum::{extract::State, response::Response};
use common::{
    clock::Timestamp,
    id::{WebhookDeliveryId, WebhookEndpointId},
    webhook::store::{
        self, Pinged,
        replays::{self, Asked, Replayed},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App, answer,
    auth::{Caller, WebhooksWrite},
    docs::{ChangeProblems, named},
    error::{ApiError, Problem},
    extract::{Body, NoBody, PathId, Prefer, body, part::is_given},
};

use super::{DeliveryView, disabled};

/// Ping a webhook endpoint
///
/// It alone is sent a `webhook_endpoint.ping`, whatever types it is told of. The delivery tells whether it got there.
#[utoipa::path(
    post, path = "/webhook-endpoints/{id}/ping", operation_id = "pingWebhookEndpoint", tag = "Webhooks",
    params(PathId<WebhookEndpointId>),
    responses(
        (status = 202, body = DeliveryView, description = "It is on its way."),
        (status = 409, body = Problem, description = "The endpoint is disabled.",
            example = json!({ "code": "webhook-endpoint-disabled", "detail": "It is told nothing: you have disabled it. Enable it with PUT /webhook-endpoints/{id}, and ask again." })),
        ChangeProblems,
    ),
)]
pub async fn ping(
    State(app): State<App>,
    caller: Caller<WebhooksWrite>,
    PathId(id): PathId<WebhookEndpointId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    match store::ping(&app.pool, caller.merchant, id).await? {
        Pinged::Sent(delivery) => {
            let path = format!("/webhook-endpoints/{id}/deliveries/{}", delivery.id);
            Ok(answer::accepted(&path, false, AT_ONCE, false, &DeliveryView::new(&delivery, None)))
        }
        Pinged::Disabled(why) => Err(disabled(why)),
        Pinged::NotFound => Err(ApiError::NotFound),
    }
}

/// Nobody waits for what is sent.
const AT_ONCE: Prefer = Prefer { wait: None };

body! {
    /// What an endpoint is to be told again: one of the three.
    #[example({ "missed": true })]
    pub struct ReplayWebhooks {
        /// This delivery.
        delivery: Option<WebhookDeliveryId>,
        /// `true`: all that was given up, or skipped while the endpoint was disabled.
        missed: Option<bool>,
        /// All that has happened since then, of the types that the endpoint is told of.
        since: Option<Timestamp>,
    }
    read(at, reader) -> Asked {
        let given = [is_given(delivery.as_ref()), is_given(missed.as_ref()), is_given(since.as_ref())];
        if given.into_iter().filter(|given| *given).count() != 1 {
            return reader.fault(at, "must name one of delivery, missed and since");
        }
        if matches!(missed, Some(Some(false))) {
            return reader.fault(at.field("missed"), "must be true, or left out");
        }
        let delivery = delivery?.map(Asked::Delivery);
        let since = since?.map(Asked::Since);
        Some(delivery.or(since).unwrap_or(Asked::Missed))
    }
}

/// What is told again.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookReplayView {
    /// Always `webhook_replay`.
    #[schema(example = "webhook_replay")]
    object: &'static str,
    #[schema(value_type = named::WebhookEndpointId)]
    webhook_endpoint: String,
    /// This delivery.
    #[schema(value_type = Option<named::WebhookDeliveryId>)]
    delivery: Option<String>,
    /// All that was missed.
    #[schema(example = true)]
    missed: bool,
    /// All that has happened since then.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

/// Tell a webhook endpoint again
///
/// In the words that it was told in, under the same `webhook-id`, with the attempts of one that is new. What is on its way
/// stays as it is. Much is called for part by part: the list of deliveries shows how it goes on.
#[utoipa::path(
    post, path = "/webhook-endpoints/{id}/replay", operation_id = "replayWebhooks", tag = "Webhooks", request_body = ReplayWebhooks,
    params(PathId<WebhookEndpointId>),
    responses(
        (status = 202, body = WebhookReplayView, description = "It is called for. `Location` leads to the deliveries."),
        (status = 409, body = Problem, description = "The endpoint is disabled.",
            example = json!({ "code": "webhook-endpoint-disabled", "detail": "It is told nothing: nothing has got there for five days. Enable it with PUT /webhook-endpoints/{id}, and ask again." })),
        ChangeProblems,
    ),
)]
pub async fn replay(
    State(app): State<App>,
    caller: Caller<WebhooksWrite>,
    PathId(id): PathId<WebhookEndpointId>,
    Body(asked): Body<ReplayWebhooks>,
) -> Result<Response, ApiError> {
    let path = match replays::ask(&app.pool, caller.merchant, id, asked).await? {
        Replayed::Delivery(delivery) => format!("/webhook-endpoints/{id}/deliveries/{}", delivery.id),
        Replayed::CalledFor => format!("/webhook-endpoints/{id}/deliveries"),
        Replayed::Disabled(why) => return Err(disabled(why)),
        Replayed::NotFound => return Err(ApiError::NotFound),
    };
    let (delivery, since) = match asked {
        Asked::Delivery(delivery) => (Some(delivery.to_string()), None),
        Asked::Missed => (None, None),
        Asked::Since(since) => (None, Some(since)),
    };
    let view = WebhookReplayView {
        object: "webhook_replay",
        webhook_endpoint: id.to_string(),
        delivery,
        missed: asked == Asked::Missed,
        since,
    };
    Ok(answer::accepted(&path, false, AT_ONCE, false, &view))
}
