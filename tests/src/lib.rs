//! A whole deployment for one test: the real binaries, a database and queues of its own on the real
//! Postgres and RabbitMQ, and a sandbox gateway. Nothing is shared between tests but the servers.
//!
//! Needs `DATABASE_URL` and `AMQP_URL` of servers on which it may make and drop databases and queues;
//! `./dev test` provides them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a fault of the harness fails the test"
)]

pub mod billing;
mod books;
pub mod calendar;
mod deployment;
pub mod description;
mod filled;
pub mod law;
mod merchant;
mod process;
mod proxy;
mod receiver;
mod remains;
mod servers;
pub mod subscribing;
mod template;
mod wire;

pub use deployment::{Deployment, SANDBOX_ROOT, Settings, WEBHOOK_ID, WEBHOOK_SECRET};
pub use filled::{Empty, Filled};
pub use merchant::{Answer, Merchant, card, ids, ids_of, paypal};
pub use process::{Service, binary};
pub use proxy::Proxy;
pub use receiver::{Hook, Receiver, Reply};
pub use remains::Remains;
pub use wire::{Heard, Wire};

use std::{future::Future, time::Duration};

/// How long anything may take before a test fails. Generous: machines are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer.
///
/// # Panics
/// After [`PATIENCE`], saying what was awaited.
pub async fn eventually<T, F>(what: &str, ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(PATIENCE, ask).await.unwrap_or_else(|| panic!("never happened: {what}"))
}

/// Asks until there is an answer, but no longer than that.
pub async fn within<T, F>(patience: Duration, mut ask: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, asking).await.ok()
}
