//! Webhooks: what the gateways tell by themselves.
//!
//! Gateway-neutral. An event is journalled in the same line as the change that causes it, so nothing
//! happens untold and nothing is told that did not happen. `outbox` is what is journalled: the events,
//! where they go, which have arrived. `deliveries` decides what is sent next and misbehaves on request;
//! `courier` posts. A gateway's own folder knows what its events look like, how they are signed and how
//! one would forge them.

use serde::{Deserialize, Serialize};

pub(crate) mod control;
pub(crate) mod courier;
pub(crate) mod deliveries;
pub(crate) mod outbox;

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gateway {
    Stripe,
    Paypal,
}

/// Something that happened, as it is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) gateway: Gateway,
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The JSON text that is posted, byte by byte.
    pub(crate) body: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    /// The gateway's id of the payment it is about: events about one payment are told one after another.
    pub(crate) about: String,
}

/// A header of a delivery.
pub(crate) type Header = (&'static str, String);
