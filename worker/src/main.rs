//! `remit-worker`: talks to gateways.

use std::{net::SocketAddr, process::ExitCode};

use clap::Parser;
use common::{lifecycle, telemetry};

/// Takes jobs from the queue, calls the gateways, and records what came of it.
#[derive(Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    worker: worker::WorkerArgs,
    /// Where to serve Prometheus metrics (`/metrics`) and health (`/health`).
    #[arg(long, env = "REMIT_METRICS_ADDR", default_value = "127.0.0.1:9101")]
    metrics_addr: SocketAddr,
    #[command(flatten)]
    logs: telemetry::LogArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    lifecycle::exit("remit-worker", run(Command::parse())).await
}

async fn run(command: Command) -> Result<(), String> {
    telemetry::init_logs(&command.logs)?;
    telemetry::serve_metrics(command.metrics_addr)
        .map_err(|error| format!("{}: {error}", command.metrics_addr))?;
    let shutdown = lifecycle::shutdown_on_signal().map_err(|error| error.to_string())?;
    worker::run(command.worker, shutdown).await
}
