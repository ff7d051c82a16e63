//! Bulkheads: room for the jobs under way. Half of it is never taken by what nobody waits for: a hundred thousand charges of
//! renewals do not hold up the payment that comes after them. Jobs that ask no gateway have as much room besides.
//! Events have a little of their own, and those that anybody may have sent another: a flood of them waits for itself. So
//! has what is sent to merchants' endpoints, which answer when they like.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Where there must be room for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulkhead {
    /// Among those that somebody may wait for.
    Waited,
    /// Among those that may be very many at once, and nobody waits for.
    Background,
    /// Among those that wait for the database alone, where they share transactions: the more are in hand, the more
    /// share one.
    WithoutACall,
    /// Among the gateways' events.
    Events,
    /// Among events of which the gateway is asked whether they are its own.
    UnverifiedEvents,
    /// Among what is sent to endpoints.
    Webhooks,
    /// Among replays of what was sent.
    Replays,
}

/// Events that are looked into at once, and those of which the gateway is asked whether they are its own.
const EVENTS: usize = 4;
const UNVERIFIED_EVENTS: usize = 2;

/// What is sent to endpoints at once, for each job that may be under way besides: it does nothing but wait for an answer.
const WEBHOOKS_TIMES: usize = 4;

/// Replays at once: each holds a connection to the database.
const REPLAYS: usize = 1;

/// All the bulkheads of a worker.
pub struct Slots {
    all: Semaphore,
    background: Semaphore,
    without_a_call: Semaphore,
    events: Semaphore,
    unverified_events: Semaphore,
    webhooks: Semaphore,
    replays: Semaphore,
}

impl Slots {
    pub fn new(all: usize) -> Self {
        Self {
            background: Semaphore::new(all.div_ceil(2)),
            all: Semaphore::new(all),
            without_a_call: Semaphore::new(all),
            events: Semaphore::new(EVENTS),
            unverified_events: Semaphore::new(UNVERIFIED_EVENTS),
            webhooks: Semaphore::new(WEBHOOKS_TIMES * all),
            replays: Semaphore::new(REPLAYS),
        }
    }

    /// Waits for room. The semaphores are never closed.
    pub async fn take(
        &self,
        bulkhead: Bulkhead,
    ) -> (Option<SemaphorePermit<'_>>, Option<SemaphorePermit<'_>>) {
        match bulkhead {
            Bulkhead::Waited => (None, self.all.acquire().await.ok()),
            Bulkhead::Background => (self.background.acquire().await.ok(), self.all.acquire().await.ok()),
            Bulkhead::WithoutACall => (None, self.without_a_call.acquire().await.ok()),
            Bulkhead::Events => (None, self.events.acquire().await.ok()),
            Bulkhead::UnverifiedEvents => (None, self.unverified_events.acquire().await.ok()),
            Bulkhead::Webhooks => (None, self.webhooks.acquire().await.ok()),
            Bulkhead::Replays => (None, self.replays.acquire().await.ok()),
        }
    }
}
