//! With what the signature of an event can be checked.

use std::sync::Arc;

use super::paypal::signature::{Chain, Claim};

/// With what an event's signature can be checked: known from its headers, before its body is read.
#[derive(Debug, Clone)]
pub enum EventKey {
    /// With secrets that we share with the gateway.
    Secrets,
    /// With the certificate that it names.
    Certificate(Claim, Arc<Chain>),
}

/// Why an event's signature cannot be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// This deployment takes no events of the gateway.
    NotConfigured,
    /// It cannot be the gateway's.
    Forged,
    /// Not now: the gateway should send it again.
    NotNow,
    /// Only the gateway can tell: see [`super::Gateway::verify_event`].
    AskGateway,
}
