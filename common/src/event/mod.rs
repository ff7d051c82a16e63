//! An event: something that happened, as merchants are told it. Whatever changes a noun appends its events in the
//! transaction of the change.

pub mod catalogue;
pub(crate) mod deliveries;
pub mod store;
pub mod told;

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{InvalidId, MerchantId},
};

pub use catalogue::EventType;

/// Something that happened, as merchants are told it.
pub(crate) struct Event {
    /// Whom it concerns.
    pub merchant_id: MerchantId,
    /// What it is about: a payment, a refund, a dispute. It is locked, or new.
    pub subject: Uuid,
    /// What happened.
    pub r#type: EventType,
    /// Ids, status, amounts, metadata. No personal data.
    pub data: serde_json::Value,
}

/// An event's name: what it is about, and its place among what happened to that. Both are in its text,
/// `evt_0193a3f1c2d87b51a9f0c4d2e8b7a601_3`, so that a receiver knows the order without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId {
    /// What it is about.
    pub subject: Uuid,
    /// From 1.
    pub sequence: i64,
}

impl EventId {
    /// What the text form starts with.
    pub const PREFIX: &'static str = "evt_";
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}_{}", Self::PREFIX, self.subject.simple(), self.sequence)
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let read = || {
            let (digits, number) = text.strip_prefix(Self::PREFIX)?.split_once('_')?;
            let subject = Uuid::try_parse(digits).ok()?;
            let id = Self { subject, sequence: number.parse().ok()? };
            // One event, one spelling.
            (id.sequence > 0 && id.to_string() == text).then_some(id)
        };
        read().ok_or(InvalidId { expected_prefix: Self::PREFIX })
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An event that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its name.
    pub id: EventId,
    /// Whom it concerns.
    pub merchant_id: MerchantId,
    /// What happened.
    pub r#type: EventType,
    /// When.
    pub created_at: Timestamp,
    /// The object as it was then.
    pub data: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_spelling() {
        let id = EventId { subject: Uuid::from_u128(0x0193_a3f1), sequence: 12 };
        assert_eq!(id.to_string().parse(), Ok(id));
        let subject = id.subject;
        for text in [
            String::new(),
            "evt_".into(),
            format!("evt_{}", subject.simple()),
            format!("evt_{}_0", subject.simple()),
            format!("evt_{}_-1", subject.simple()),
            format!("evt_{}_012", subject.simple()),
            format!("evt_{subject}_1"),
            format!("pay_{}_1", subject.simple()),
        ] {
            assert!(text.parse::<EventId>().is_err(), "{text:?}");
        }
    }
}
