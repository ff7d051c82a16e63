//! An endpoint, and what it was told, as its merchant sees them.

use common::{
    clock::Timestamp,
    webhook::{Attempt, Delivery, DisabledReason, Endpoint},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::docs::named;

/// An endpoint: where you are told of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookEndpointView {
    #[schema(value_type = named::WebhookEndpointId)]
    id: String,
    /// Always `webhook_endpoint`.
    #[schema(example = "webhook_endpoint")]
    object: &'static str,
    #[schema(example = "https://shop.example/webhooks")]
    url: String,
    #[schema(example = "The shop")]
    description: Option<String>,
    /// The types that it is told of; `null`: all, also those to come.
    #[schema(value_type = Option<Vec<named::EventType>>)]
    types: Option<Vec<&'static str>>,
    #[schema(value_type = named::WebhookPayload)]
    payload: &'static str,
    #[schema(value_type = named::WebhookOrder)]
    order: &'static str,
    #[schema(value_type = named::WebhookEndpointStatus)]
    status: &'static str,
    /// Why it is told nothing, if it is not.
    #[schema(value_type = Option<named::WebhookDisabledReason>)]
    disabled_reason: Option<&'static str>,
    /// Since when nothing has got there. After five days it is disabled.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// With what its deliveries are signed. It is shown once: when the endpoint is made, and when it is given another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    secret: Option<String>,
    /// Until when the secret before signs beside the present one.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl WebhookEndpointView {
    /// An endpoint, as its merchant sees it; with its secret, if that is to be shown.
    pub fn new(endpoint: Endpoint, secret: Option<&SecretString>) -> Self {
        let status = endpoint.status();
        let terms = endpoint.terms;
        Self {
            id: endpoint.id.to_string(),
            object: "webhook_endpoint",
            url: terms.url,
            description: terms.description,
            types: terms.types.map(|types| types.into_iter().map(|one| one.as_str()).collect()),
            payload: terms.payload.as_str(),
            order: terms.order.as_str(),
            status,
            disabled_reason: endpoint.disabled.map(DisabledReason::as_str),
            failing_since: endpoint.failing_since,
            secret: secret.map(|secret| secret.expose_secret().to_owned()),
            previous_secret_until: endpoint.previous_secret_until,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// An event on its way to an endpoint, or there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDeliveryView)]
pub struct DeliveryView {
    #[schema(value_type = named::WebhookDeliveryId)]
    id: String,
    /// Always `webhook_delivery`.
    #[schema(example = "webhook_delivery")]
    object: &'static str,
    #[schema(value_type = named::WebhookEndpointId)]
    webhook_endpoint: String,
    /// The event's id, which is sent as `webhook-id`.
    #[schema(example = "evt_0193a3f1c2d87b51a9f0c4d2e8b7a601_3")]
    event: String,
    #[schema(value_type = named::EventType)]
    r#type: &'static str,
    #[schema(value_type = named::WebhookDeliveryStatus)]
    status: &'static str,
    /// How often it was sent.
    #[schema(example = 1)]
    attempt_count: i32,
    /// When it is sent next, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// Each attempt, the first one first. Shown for one delivery, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempts: Option<Vec<AttemptView>>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// One attempt of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttemptView)]
pub struct AttemptView {
    /// Which one, from 1.
    #[schema(example = 1, minimum = 1)]
    number: i32,
    /// The HTTP status of the answer; `null`: none came.
    #[schema(example = 200)]
    status: Option<i32>,
    /// How long it took, in milliseconds.
    #[schema(example = 38, minimum = 0)]
    duration_ms: i32,
    /// What the answer began with: a kilobyte, without card data.
    #[schema(example = "ok")]
    answer: Option<String>,
    /// Why no answer came.
    #[schema(example = "time-out: operation timed out")]
    error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl AttemptView {
    fn new(attempt: Attempt) -> Self {
        let Attempt { number, status, duration_ms, answer, error, at } = attempt;
        Self { number, status, duration_ms, answer, error, at }
    }
}

impl DeliveryView {
    /// A delivery, as its merchant sees it; with its attempts, if these are to be shown.
    pub fn new(delivery: &Delivery, attempts: Option<Vec<Attempt>>) -> Self {
        Self {
            id: delivery.id.to_string(),
            object: "webhook_delivery",
            webhook_endpoint: delivery.endpoint_id.to_string(),
            event: delivery.event_id.to_string(),
            r#type: delivery.r#type.as_str(),
            status: delivery.status.as_str(),
            attempt_count: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            attempts: attempts.map(|attempts| attempts.into_iter().map(AttemptView::new).collect()),
            created_at: delivery.created_at,
            updated_at: delivery.updated_at,
        }
    }
}
