//! Watches time: puts due jobs on the queue, and checks what must always hold. Several may run at once;
//! rows that one has locked are skipped by the others.

mod due;
mod invariants;
mod reconciling;

use std::{str::FromStr, time::Duration};

use clap::Args;
use common::{
    config::{BrokerArgs, DatabaseArgs, FlowArgs, Guards, ModeArgs, StandbyArgs},
    db,
    gateway::GatewayName,
    job::broker::Publisher,
    lifecycle,
    name::UnknownName,
};
use tokio_util::sync::CancellationToken;

/// What one statement may take. What is due, or begun too often, is planned for the moment that it is asked about.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);

/// The settings of a scheduler.
#[derive(Debug, Clone, Args)]
pub struct SchedulerArgs {
    /// Whether money is real.
    #[command(flatten)]
    pub mode: ModeArgs,
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where RabbitMQ is.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// How many jobs of one merchant are out at once.
    #[command(flatten)]
    pub flows: FlowArgs,
    /// How often to look for due jobs, in milliseconds.
    #[arg(long, env = "REMIT_SCHEDULER_POLL_MS", default_value = "250")]
    pub poll_ms: u64,
    /// How often to check what must always hold, in milliseconds.
    #[arg(long, env = "REMIT_SCHEDULER_INVARIANTS_MS", default_value = "300000")]
    pub invariants_ms: u64,
    /// Which gateways' settlement reports to compare with ours every day, separated by commas; may be empty.
    #[arg(long, env = "REMIT_RECONCILE", default_value = "stripe")]
    pub reconcile: ReconciledGateways,
    /// Whether the database has a synchronous standby.
    #[command(flatten)]
    pub standby: StandbyArgs,
}

/// Gateways whose settlement reports are compared with ours; may be none.
#[derive(Debug, Clone)]
pub struct ReconciledGateways(Vec<GatewayName>);

impl FromStr for ReconciledGateways {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Works until `shutdown`.
///
/// Fails when the settings cannot be used. Later faults are waited out.
pub fn run(args: SchedulerArgs, shutdown: CancellationToken) -> lifecycle::Work {
    Box::pin(watch(args, shutdown))
}

async fn watch(args: SchedulerArgs, shutdown: CancellationToken) -> Result<(), String> {
    Guards::new(args.mode).database(&args.database).broker(&args.broker).check()?;
    let pool = db::pool_within(&args.database.database_url, "remit-scheduler", 3, STATEMENT_TIMEOUT)
        .map_err(|error| format!("DATABASE_URL: {error}"))?;
    db::watch_schema(&pool, &shutdown).await?;
    // The publisher outlives the loops, so that what they emitted still goes out.
    let publishing = CancellationToken::new();
    let publisher = Publisher::start(args.broker.into(), publishing.clone());
    tokio::join!(
        due::run(&pool, &publisher, args.flows.into(), Duration::from_millis(args.poll_ms), &shutdown),
        invariants::run(
            &pool,
            Duration::from_millis(args.invariants_ms),
            args.standby.require_synchronous_standby,
            &shutdown,
        ),
        reconciling::run(&pool, &args.reconcile.0, &shutdown),
    );
    publishing.cancel();
    publisher.flushed().await;
    Ok(())
}
