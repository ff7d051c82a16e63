//! An event: something that happened, as merchants are told it. Whatever changes a noun appends its events in the
//! transaction of the change.

pub mod store;

use uuid::Uuid;

use crate::id::MerchantId;

/// Something that happened, as merchants are told it.
pub(crate) struct Event {
    /// Whom it concerns.
    pub merchant_id: MerchantId,
    /// What it is about: a payment, a refund, a dispute.
    pub subject: Uuid,
    /// `payment.succeeded` …
    pub kind: String,
    /// Ids, status, amounts, metadata. No personal data.
    pub data: serde_json::Value,
}
