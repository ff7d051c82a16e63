//! `POST /webhook-endpoints/{id}/rotate-secret`: another secret signs, and the one before beside it for a while.

use std::time::Duration;

use axum::{extract::State, response::Response};
use common::{
    id::WebhookEndpointId,
    webhook::{Endpoint, secret, store},
};

use crate::{
    App, answer,
    auth::{Caller, WebhooksWrite},
    chance::chance,
    docs::ChangeProblems,
    error::ApiError,
    extract::{OptionalBody, PathId, Whole, body},
};

use super::WebhookEndpointView;

/// For how long the secret before signs beside the new one, in seconds, unless something else is asked for: a day.
const OLD_SIGNS_FOR: u32 = 24 * 3600;

/// The same, at most: a week.
const OLD_SIGNS_FOR_MAX: u32 = 7 * 24 * 3600;

body! {
    /// How the secret before ends.
    #[example({ "expires_old_in": 3600 })]
    pub struct RotateWebhookSecret {
        /// For how many seconds it signs beside the new one: a day by default, a week at most. 0: it does not, because
        /// somebody else knows it.
        #[example = 3600]
        expires_old_in: Option<Whole<u32, 0, OLD_SIGNS_FOR_MAX>>,
    }
}

/// Give a webhook endpoint another secret
///
/// The answer shows it, and nothing does later. Until the one before has ended, `webhook-signature` has two signatures, and
/// a receiver that knows either is content. Asked again, there is another: so it needs no key.
#[utoipa::path(
    post, path = "/webhook-endpoints/{id}/rotate-secret", operation_id = "rotateWebhookSecret", tag = "Webhooks", request_body = Option<RotateWebhookSecret>,
    params(PathId<WebhookEndpointId>),
    responses(
        (status = 200, body = WebhookEndpointView, description = "With its new `secret`."),
        ChangeProblems,
    ),
)]
pub async fn rotate(
    State(app): State<App>,
    caller: Caller<WebhooksWrite>,
    PathId(id): PathId<WebhookEndpointId>,
    OptionalBody(RotateWebhookSecret { expires_old_in }): OptionalBody<RotateWebhookSecret>,
) -> Result<Response, ApiError> {
    let shown = secret::generate(&mut chance());
    let sealed = app.keyring.seal(&Endpoint::sealed_for(id), &shown, &mut chance());
    let old_for = Duration::from_secs(expires_old_in.unwrap_or(OLD_SIGNS_FOR).into());
    let endpoint = store::rotate(&app.pool, caller.merchant, id, &sealed, old_for).await?;
    let endpoint = endpoint.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &WebhookEndpointView::new(endpoint, Some(&shown))))
}
