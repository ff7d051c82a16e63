//! Webhooks: what the gateways tell by themselves.
//!
//! Gateway-neutral. An event is journalled in the same line as the change that causes it, so nothing
//! happens untold and nothing is told that did not happen. `outbox` is what is journalled: the events,
//! where they go, which have arrived. `deliveries` decides what is sent next and misbehaves on request;
//! `courier` posts. A gateway's own folder knows what its events look like, how they are signed and how
//! one would forge them: see [`Gateway`].

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::paypal;
use crate::state::State;
use crate::stripe;

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

impl Gateway {
    /// The headers that go with this body. A forgery is signed as somebody would who lacks the secret.
    /// Signatures bear the machine's time: whoever checks them knows nothing of a moved clock.
    pub(crate) fn sign(self, app: &App, state: &State, body: &str, forged: bool) -> Vec<Header> {
        match self {
            Self::Stripe => {
                stripe::webhooks::sign(&state.outbox.targets, body, forged, app.clock.machine_now())
            }
            Self::Paypal => {
                let (now, url) = (app.clock.machine_now(), app.setting().public_url);
                paypal::webhooks::sign(&state.outbox.targets, body, forged, now, url)
            }
        }
    }

    /// The body of a well-formed event about the same payment that claims something false.
    pub(crate) fn forge(self, app: &App, state: &State, event: &Event) -> Option<String> {
        match self {
            Self::Stripe => stripe::webhooks::forge(&state.stripe, event, app.clock.now()),
            Self::Paypal => {
                let setting = app.setting();
                paypal::webhooks::forge(&state.paypal, event, setting.now, setting.public_url)
            }
        }
    }
}
