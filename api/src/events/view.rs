//! An event as its merchant sees it: the same as an endpoint is sent.

use common::{clock::Timestamp, event::Recorded};
use serde::Serialize;
use utoipa::ToSchema;

use crate::docs::named;

use super::data::EventData;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    #[schema(value_type = named::EventId)]
    id: String,
    /// Always `event`.
    #[schema(example = "event")]
    object: &'static str,
    #[schema(value_type = named::EventType)]
    r#type: &'static str,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// Its place among what happened to the same object, from 1: what has a lower one is older, whenever it arrives.
    #[schema(minimum = 1, example = 1)]
    sequence: i64,
    /// Whether money is real.
    livemode: bool,
    /// The object as it was then: ids, status, amounts, metadata; no personal data.
    #[schema(value_type = EventData)]
    data: serde_json::Value,
}

impl EventView {
    /// An event of a merchant's live side, or of its test side.
    pub fn new(livemode: bool, event: Recorded) -> Self {
        Self {
            id: event.id.to_string(),
            object: "event",
            r#type: event.r#type.as_str(),
            timestamp: event.created_at,
            sequence: event.id.sequence,
            livemode,
            data: event.data,
        }
    }
}

/// A part of the record.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventList {
    /// Always `list`.
    #[schema(example = "list")]
    pub object: &'static str,
    pub data: Vec<EventView>,
    /// Whether there are more in the direction of reading.
    pub has_more: bool,
    /// The path of the list.
    #[schema(example = "/events")]
    pub url: &'static str,
    /// What to send as `after` to read on from here, also where no event has passed the filter. `null` where the
    /// newest come first.
    #[schema(example = "evt_0193a3f1c2d87b51a9f0c4d2e8b7a601_1")]
    pub next_after: Option<String>,
}
