//! What Stripe's answers mean. Pure; every field is optional, and what cannot be understood is unknown,
//! never failed.
//!
//! One function, [`read`], says what the status of an answer means, and says the same for every
//! operation. What stands in the body is for the reader of the operation.

pub mod balance;
pub mod dispute;
mod error;
pub mod intent;
pub mod list;
pub mod refund;
pub mod saved;
pub mod settlement_report;

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::gateway::{
    ChargeOutcome, InDoubt, Obstacle, Outcome, RefundOutcome, Report, Resolution, SaveOutcome,
    stripe::{
        request::{CUSTOMER, PAYMENT, REFUND},
        wire::Expandable,
    },
};

/// The longest wait that we take a gateway's word for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// An answer, as received.
pub struct Received {
    pub status: u16,
    pub request_id: Option<String>,
    pub should_retry: Option<String>,
    pub retry_after: Option<String>,
    pub body: Bytes,
}

/// What was asked for, under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Charge,
    Capture,
    Cancel,
    Refund,
    Save,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::Save => "save_method",
        }
    }
}

/// What an answer shows, by what was asked for.
pub trait Object: Outcome {
    /// Under which key of its metadata our name for it stands.
    const KEY: &str;
    /// Reads it. Where it says too little, `resolution` says how to go on.
    fn read(body: &[u8], resolution: Resolution) -> Report<Self>;
}

impl Object for ChargeOutcome {
    const KEY: &str = PAYMENT;

    fn read(body: &[u8], resolution: Resolution) -> Report<Self> {
        let intent = parse(body).map_err(|why| InDoubt::Unknown { why, resolution })?;
        intent::read(&intent, resolution)
    }
}

impl Object for RefundOutcome {
    const KEY: &str = REFUND;

    fn read(body: &[u8], resolution: Resolution) -> Report<Self> {
        let refund = parse(body).map_err(|why| InDoubt::Unknown { why, resolution })?;
        refund::read(&refund, resolution)
    }
}

impl Object for SaveOutcome {
    const KEY: &str = CUSTOMER;

    fn read(body: &[u8], resolution: Resolution) -> Report<Self> {
        saved::read(body, resolution)
    }
}

/// Reads one of a list.
fn read_value<T: Object>(value: &serde_json::Value) -> Report<T> {
    T::read(value.to_string().as_bytes(), Resolution::LookUp)
}

/// The answer to an operation.
pub fn read<T: Object>(operation: Operation, received: &Received) -> Report<T> {
    let unknown = |resolution| {
        Err(InDoubt::Unknown { why: format!("the gateway answered {}", received.status), resolution })
    };
    let hint = received.should_retry.as_deref();
    match received.status {
        200..=299 => T::read(&received.body, Resolution::Replay),
        429 => Err(InDoubt::NotSent {
            why: "the gateway limits our rate".into(),
            retry_after: received.retry_after.as_deref().and_then(seconds),
            obstacle: Obstacle::Busy,
        }),
        402 => error::read(operation, received),
        // Only these say for sure that the request itself is at fault, and only if not told otherwise. A
        // proxy's 408 or 499 is as good as silence.
        400 | 401 | 403 | 404 if hint != Some("true") => error::read(operation, received),
        // Stripe keeps a 500 under the key: a replay would only repeat it. Its hint goes before our rule.
        500 if hint != Some("true") => unknown(Resolution::LookUp),
        501..=599 if hint == Some("false") => unknown(Resolution::LookUp),
        _ => unknown(Resolution::Replay),
    }
}

/// The answer to a GET by id. Whatever is not about the operation itself leaves it unknown.
pub fn read_look_up<T: Object>(received: &Received) -> Report<T> {
    match received.status {
        200 => T::read(&received.body, Resolution::LookUp),
        404 => Err(InDoubt::NotFound),
        status => Err(super::unresolved(&format!("the gateway answered {status}"))),
    }
}

impl<T> Expandable<T> {
    fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("unreadable answer: {error}"))
}

/// `Retry-After` in seconds; its date form is not used by Stripe.
fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests;
