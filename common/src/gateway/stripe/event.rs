//! Stripe's events: whose they are, and what they are about.

use secrecy::SecretString;

use crate::{
    clock::Timestamp,
    gateway::{Event, Received, Signature},
};

/// Whether Stripe made this event: `Stripe-Signature` over time and body, with one of our secrets, and
/// not older than five minutes.
pub fn check_signature(_received: &Received, _secrets: &[SecretString], _now: Timestamp) -> Signature {
    Signature::Forged
}

/// What an event is about.
pub fn read(_body: &[u8]) -> Result<Event, String> {
    Err("not read yet".into())
}
