//! An event as it is told: the same words in `GET /events` and in what is sent to endpoints.

use serde::Serialize;
use serde_json::{Value, json};

use super::{EventId, EventType, Recorded};
use crate::{clock::Timestamp, name::names};

/// How much of an object an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// What it is and its id: whoever wants to know more asks.
    Thin,
    /// All of it, as it was then.
    Full,
}

names!(Payload, Thin => "thin", Full => "full");

/// An event, as it is told.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    id: EventId,
    object: &'static str,
    r#type: EventTypeName,
    timestamp: Timestamp,
    sequence: i64,
    livemode: bool,
    data: Value,
}

#[derive(Debug, Clone, Copy)]
struct EventTypeName(EventType);

impl Serialize for EventTypeName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl Told {
    /// Tells of what was recorded on a merchant's live side, or on its test side.
    #[must_use]
    pub fn new(recorded: &Recorded, livemode: bool, payload: Payload) -> Self {
        let Recorded { id, r#type, created_at, data, .. } = recorded;
        let object = r#type.object();
        let data = match payload {
            Payload::Full => data.clone(),
            Payload::Thin => json!({ "id": object.id(id.subject), "object": object.as_str() }),
        };
        Self {
            id: *id,
            object: "event",
            r#type: EventTypeName(*r#type),
            timestamp: *created_at,
            sequence: id.sequence,
            livemode,
            data,
        }
    }

    /// As it is sent: these bytes are signed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        // Texts, numbers and values that were JSON before: nothing of it can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::MerchantId;

    #[test]
    fn an_event_is_told_in_full_or_by_name() {
        let subject = Uuid::from_u128(0x0193_a3f1);
        let recorded = Recorded {
            id: EventId { subject, sequence: 3 },
            merchant_id: MerchantId(Uuid::from_u128(7)),
            r#type: EventType::PaymentSucceeded,
            created_at: "2026-11-24T09:30:00Z".parse().unwrap(),
            data: json!({ "id": "pay_1", "object": "payment", "amount": "49.90" }),
        };
        let told =
            |payload| serde_json::from_slice::<Value>(&Told::new(&recorded, false, payload).bytes()).unwrap();
        let digits = subject.simple();
        let full = json!({
            "id": format!("evt_{digits}_3"), "object": "event", "type": "payment.succeeded", "timestamp": "2026-11-24T09:30:00Z",
            "sequence": 3, "livemode": false, "data": { "id": "pay_1", "object": "payment", "amount": "49.90" },
        });
        assert_eq!(told(Payload::Full), full);
        let mut thin = full;
        thin["data"] = json!({ "id": format!("pay_{digits}"), "object": "payment" });
        assert_eq!(told(Payload::Thin), thin);
    }
}
