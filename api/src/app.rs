//! What every handler may use. Handlers take it in; it knows none of them.

use std::sync::Arc;

use common::{
    encryption::Keyring,
    id::JobId,
    job::{Kind, broker::Publisher},
    webhook::destination::Rules,
};
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    event_trust::Events,
    events::Waits,
    extract::Prefer,
    flows::Flows,
    gateway_routing::GatewayRouting,
    health::Probe,
    intake::Intake,
    keys::Keys,
    outcomes::{Awaited, Outcomes},
    pools::Reads,
    rate_limit::Rates,
};

/// What every handler may use.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
pub struct Parts {
    /// For whatever is written but payments: see [`Pools`](crate::pools::Pools).
    pub(crate) pool: PgPool,
    pub(crate) reads: Reads,
    pub(crate) probe: Probe,
    pub(crate) keys: Keys,
    pub(crate) rates: Rates,
    pub(crate) intake: Intake,
    pub(crate) flows: Flows,
    pub(crate) outcomes: Outcomes,
    pub(crate) waits: Waits,
    pub(crate) publisher: Publisher,
    pub(crate) gateway_routing: GatewayRouting,
    pub(crate) events: Events,
    pub(crate) keyring: Keyring,
    pub(crate) webhooks: Rules,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) public_url: String,
    pub(crate) test_clock: bool,
    pub(crate) draining: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Sends out the jobs of what was accepted, and waits for its outcome if that is preferred: for at most so long, and
    /// then it is told as it stands.
    pub async fn follow<T: Awaited>(
        &self,
        prefer: Prefer,
        subject: T,
        jobs: impl IntoIterator<Item = (Kind, JobId)>,
    ) -> T {
        self.outcomes.follow(&self.flows, prefer, subject, jobs).await
    }

    /// The URL of a resource, as merchants would call it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }
}
