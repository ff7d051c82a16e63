//! What it takes to take gateways' events in.

use common::gateway::EventTrust;
use tokio::sync::Semaphore;

/// By what events are known to be their gateways', and room for those of which that is not known.
pub struct Events {
    /// By what they are known.
    pub trust: EventTrust,
    /// One at a time: however many come, they hold one connection to the database.
    pub unverified: Semaphore,
}

impl Events {
    /// Events are genuine by this.
    pub fn trusting(trust: EventTrust) -> Self {
        Self { trust, unverified: Semaphore::new(1) }
    }
}
