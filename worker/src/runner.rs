//! The runner: takes deliveries, and hands each to the desk of its kind.

use std::{collections::HashMap, sync::Arc, time::Duration};

use common::job::{
    Kind,
    broker::{BrokerConfig, Consumers, Delivered},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{bulkhead::Slots, context::Context, desk::Desk, jobs};

/// Does jobs of these kinds, a bounded number at once.
pub struct Runner {
    desks: HashMap<Kind, Arc<dyn Desk>>,
    kinds: Vec<Kind>,
    prefetch: u16,
    lease: Duration,
}

impl Runner {
    pub fn new(context: Context, kinds: &[Kind], concurrency: u16) -> Self {
        let (context, slots) = (Arc::new(context), Arc::new(Slots::new(concurrency.into())));
        let desk = |kind: &Kind| {
            let desk = jobs::desk(*kind, &context, &slots);
            assert_eq!(desk.kind(), *kind, "an arm of jobs::desk opens another kind's desk");
            (*kind, desk)
        };
        Self {
            desks: kinds.iter().map(desk).collect(),
            kinds: kinds.to_vec(),
            // As many as can be under way if each message carries one job. What it holds beyond that,
            // other workers get when this one dies, or the scheduler emits it again.
            prefetch: concurrency,
            lease: context.lease,
        }
    }

    /// Works until `shutdown`, then finishes what is in flight. What was delivered and not begun goes
    /// back to the broker with the connection.
    pub async fn run(&self, broker: BrokerConfig, shutdown: &CancellationToken) {
        let kinds = self.kinds.clone();
        let consumers = Consumers { config: broker, kinds, prefetch: self.prefetch };
        let tasks = TaskTracker::new();
        let handle = |delivered: Delivered| match self.desks.get(&delivered.message.kind) {
            Some(desk) => Arc::clone(desk).take(delivered, shutdown.clone(), &tasks),
            // Unacknowledged, it goes back to the broker with the connection.
            None => tracing::error!(kind = %delivered.message.kind, "a message of another queue's kind"),
        };
        // No job is worth more time than its lease: after that it is somebody else's.
        consumers.run(handle, &tasks, self.lease, shutdown).await;
    }
}
