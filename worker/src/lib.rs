//! Talks to gateways: takes jobs from the queue, does them, and ends them in the same transaction that
//! records what came of them. Any number of workers may run, anywhere.

mod batches;
mod bulkhead;
mod context;
mod desk;
mod job;
mod jobs;
mod runner;

use std::time::Duration;

use clap::Args;
use common::{
    config::{BrokerArgs, DatabaseArgs, EncryptionArgs, GatewayArgs, Guards, ModeArgs, WebhookArgs},
    db,
    gateway_account::registry::Registry,
    job::{
        Kind,
        broker::{BrokerConfig, Publisher},
    },
    lifecycle,
    webhook::{destination::Rules, sender::Sender},
};
use tokio_util::sync::CancellationToken;

use batches::Batches;
use context::{Context, Webhooks};
use runner::Runner;

/// The settings of a worker.
#[derive(Debug, Clone, Args)]
pub struct WorkerArgs {
    /// Whether money is real.
    #[command(flatten)]
    pub mode: ModeArgs,
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where RabbitMQ is.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// How to reach the gateways.
    #[command(flatten)]
    pub gateways: GatewayArgs,
    /// By what merchants' secrets are opened.
    #[command(flatten)]
    pub encryption: EncryptionArgs,
    /// Where webhooks may go.
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    /// How long an endpoint of webhooks may take to answer, in milliseconds.
    #[arg(long, env = "REMIT_WEBHOOK_TIMEOUT_MS", default_value = "15000")]
    pub webhook_timeout_ms: u64,
    /// Which kinds of job to take, separated by commas; all by default.
    #[arg(long, env = "REMIT_WORKER_QUEUES", value_delimiter = ',', default_values_t = Kind::ALL)]
    pub queues: Vec<Kind>,
    /// Jobs under way at once.
    #[arg(long, env = "REMIT_WORKER_CONCURRENCY", default_value = "128", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: u16,
    /// How long a job is this worker's own, in milliseconds. Longer than two of the longest calls to a gateway.
    #[arg(long, env = "REMIT_WORKER_LEASE_MS", default_value = "60000")]
    pub lease_ms: u64,
    /// This is a test deployment: sandboxes are told what time it is here. Never where money is real.
    #[arg(long, env = "REMIT_TEST_CLOCK")]
    pub test_clock: bool,
    /// Connections to Postgres, at most.
    #[arg(long, env = "REMIT_WORKER_DATABASE_CONNECTIONS", default_value = "6")]
    pub database_connections: u32,
    /// Connections besides for what is big, such as comparing a gateway's settlement report with ours: payments never
    /// wait for it.
    #[arg(long, env = "REMIT_WORKER_BULK_CONNECTIONS", default_value = "2", value_parser = clap::value_parser!(u32).range(1..))]
    pub bulk_connections: u32,
}

/// Works until `shutdown`, then finishes what is in flight.
///
/// Fails when the settings cannot be used. Later faults are waited out.
pub fn run(args: WorkerArgs, shutdown: CancellationToken) -> lifecycle::Work {
    Box::pin(work(args, shutdown))
}

async fn work(args: WorkerArgs, shutdown: CancellationToken) -> Result<(), String> {
    Guards::new(args.mode)
        .database(&args.database)
        .broker(&args.broker)
        .gateways(&args.gateways)
        .webhook_id(args.gateways.paypal_webhook_id.as_deref())
        .encryption(&args.encryption)
        .webhooks(&args.webhooks)
        .test_clock(args.test_clock)
        .check()?;
    let lease = Duration::from_millis(args.lease_ms);
    if lease <= args.gateways.longest_job() {
        return Err(
            "the lease must be longer than two of the longest calls to a gateway, and a second for the turn of \
                    each (REMIT_WORKER_LEASE_MS, REMIT_GATEWAY_TIMEOUT_MS)"
                .into(),
        );
    }
    let webhook_timeout = Duration::from_millis(args.webhook_timeout_ms);
    if lease <= webhook_timeout {
        return Err("the lease must be longer than an endpoint may take to answer (REMIT_WORKER_LEASE_MS, \
                    REMIT_WEBHOOK_TIMEOUT_MS)"
            .into());
    }
    let url = &args.database.database_url;
    let pool = db::pool(url, "remit-worker", args.database_connections)
        .map_err(|error| format!("DATABASE_URL: {error}"))?;
    db::watch_schema(&pool, &shutdown).await?;
    // What is left of the lease is enough to give a statement up, and to say so.
    let statement_timeout = Kind::ReconcileGateway.lease(lease) * 4 / 5;
    let bulk = db::pool_within(url, "remit-worker-bulk", args.bulk_connections, statement_timeout)
        .map_err(|error| format!("DATABASE_URL: {error}"))?;
    let webhooks = Webhooks {
        sender: Sender::new(Rules::from(&args.webhooks), webhook_timeout)
            .map_err(|error| error.to_string())?,
        keyring: args.encryption.keyring().map_err(|(setting, why)| format!("{setting} {why}"))?,
    };
    let keys = args.encryption.keyring().map_err(|(setting, why)| format!("{setting} {why}"))?;
    let gateways = Registry::new(args.gateways, keys, pool.clone()).map_err(|error| error.to_string())?;
    let broker = BrokerConfig::from(args.broker);
    // The publisher outlives the jobs, so that their last notices still go out.
    let publishing = CancellationToken::new();
    let context = Context {
        gateways,
        batches: Batches::open(&pool),
        pool,
        bulk,
        lease,
        test_clock: args.test_clock,
        webhooks,
        publisher: Publisher::start(broker.clone(), publishing.clone()),
    };
    let publisher = context.publisher.clone();
    Runner::new(context, &args.queues, args.concurrency).run(broker, &shutdown).await;
    publishing.cancel();
    publisher.flushed().await;
    Ok(())
}
