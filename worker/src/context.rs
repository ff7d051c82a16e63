//! What every job may use.

use std::{sync::Arc, time::Duration};

use common::{
    encryption::Keyring, gateway::Gateway, gateway_account::registry::Registry, job::broker::Publisher,
    payment::Payment, webhook::sender::Sender,
};
use sqlx::PgPool;

use crate::batches::Batches;

/// What every job may use.
pub struct Context {
    /// Whom to ask for money.
    pub gateways: Registry,
    /// Where jobs record together what came of them.
    pub batches: Batches,
    /// The database, for what is written alone.
    pub pool: PgPool,
    /// Connections of its own for what is big. No statement takes longer there than most of a lease.
    pub bulk: PgPool,
    /// For how long a job is this worker's own.
    pub lease: Duration,
    /// Whether gateways are told what time it is here.
    pub test_clock: bool,
    /// What it takes to tell merchants' endpoints.
    pub webhooks: Webhooks,
    /// Where callers who wait are told.
    pub publisher: Publisher,
}

/// What it takes to tell merchants' endpoints.
pub struct Webhooks {
    /// Connections to them.
    pub sender: Sender,
    /// What opens their secrets.
    pub keyring: Keyring,
}

impl Context {
    /// Whom to ask about a payment: its gateway, for the account that it is charged with.
    pub async fn gateway_of(&self, payment: &Payment) -> Arc<dyn Gateway> {
        self.gateways.get(payment.route.gateway, payment.account).await
    }
}
