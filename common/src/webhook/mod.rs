//! Webhooks out: a merchant's endpoints, and what became of each event on its way there. A delivery is a job like any
//! other: docs/adr/0054-a-delivery-is-a-job.md.

pub mod address;
pub mod destination;
pub mod secret;
pub mod sender;
pub mod state;
pub mod store;

use serde_json::{Value, json};

use crate::{
    clock::Timestamp,
    encryption::Sealed,
    event::{EventId, EventType},
    id::{MerchantId, WebhookDeliveryId, WebhookEndpointId},
    name::names,
};

pub use crate::event::told::Payload;
pub use state::DisabledReason;

/// Endpoints of a merchant, at most: each event is written once for each of them.
pub const ENDPOINTS_MAX: i64 = 16;

/// What comes after what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Each event is sent as soon as it may be.
    Any,
    /// An event of an object waits for the earlier ones of the same.
    PerObject,
}

names!(Order, Any => "any", PerObject => "per_object");

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is under way, or waits for its next attempt.
    Pending,
    /// It got there.
    Delivered,
    /// It was given up after the last attempt.
    Failed,
    /// Its endpoint was disabled, or deleted: it was not sent.
    Skipped,
}

names!(Status, Pending => "pending", Delivered => "delivered", Failed => "failed", Skipped => "skipped");

/// What secrets of endpoints are bound to when they are sealed, besides their ids.
pub(crate) const CONTEXT: &str = "webhook_endpoint";

/// An endpoint of a merchant.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its name.
    pub id: WebhookEndpointId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// What the merchant wants of it.
    pub terms: Terms,
    /// Why it is told nothing; `None`: it is told.
    pub disabled: Option<DisabledReason>,
    /// Since when nothing has got there.
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before signs beside the present one.
    pub previous_secret_until: Option<Timestamp>,
    /// Changes so far.
    pub version: i32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a merchant wants of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Where to.
    pub url: String,
    /// For people.
    pub description: Option<String>,
    /// Of which types; `None`: of all.
    pub types: Option<Vec<EventType>>,
    /// How much of them.
    pub payload: Payload,
    /// What comes after what.
    pub order: Order,
}

/// An endpoint that is made.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Its name.
    pub id: WebhookEndpointId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// What the merchant wants of it.
    pub terms: Terms,
    /// With what it is signed for.
    pub secret: Sealed,
}

/// What is to be different about an endpoint; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Where to.
    pub url: Option<String>,
    /// For people; `Some(None)`: nothing.
    pub description: Option<Option<String>>,
    /// Of which types; `Some(None)`: of all.
    pub types: Option<Option<Vec<EventType>>>,
    /// How much of them.
    pub payload: Option<Payload>,
    /// What comes after what.
    pub order: Option<Order>,
    /// Whether it is told at all.
    pub enabled: Option<bool>,
}

impl Change {
    /// The terms that come of it.
    #[must_use]
    pub fn of(&self, before: &Terms) -> Terms {
        Terms {
            url: self.url.clone().unwrap_or_else(|| before.url.clone()),
            description: self.description.clone().unwrap_or_else(|| before.description.clone()),
            types: self.types.clone().unwrap_or_else(|| before.types.clone()),
            payload: self.payload.unwrap_or(before.payload),
            order: self.order.unwrap_or(before.order),
        }
    }

    /// Whether nothing is to be different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { url, description, types, payload, order, enabled } = self;
        url.is_none()
            && description.is_none()
            && types.is_none()
            && payload.is_none()
            && order.is_none()
            && enabled.is_none()
    }
}

impl Endpoint {
    /// For what its secrets are sealed.
    #[must_use]
    pub fn sealed_for(id: WebhookEndpointId) -> String {
        format!("{CONTEXT}:{}", id.0)
    }

    /// `enabled` or `disabled`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.disabled.is_none() { "enabled" } else { "disabled" }
    }

    /// As events tell it.
    pub(crate) fn told(&self) -> Value {
        let Terms { url, description, types, payload, order } = &self.terms;
        let types = types.as_ref().map(|types| types.iter().map(|one| one.as_str()).collect::<Vec<_>>());
        json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "url": url,
            "description": description,
            "types": types,
            "payload": payload.as_str(),
            "order": order.as_str(),
            "status": self.status(),
            "disabled_reason": self.disabled.map(DisabledReason::as_str),
        })
    }
}

/// An event on its way to an endpoint, or there.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its name.
    pub id: WebhookDeliveryId,
    /// Where to.
    pub endpoint_id: WebhookEndpointId,
    /// What is told.
    pub event_id: EventId,
    /// What happened.
    pub r#type: EventType,
    /// Where it stands.
    pub status: Status,
    /// How often it was sent.
    pub attempts: i32,
    /// When it is sent next, if it is.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was first called for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One attempt of a delivery.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: i32,
    /// The HTTP status of the answer; `None`: none came.
    pub status: Option<i32>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// What the answer began with.
    pub answer: Option<String>,
    /// Why no answer came.
    pub error: Option<String>,
    /// When.
    pub at: Timestamp,
}
