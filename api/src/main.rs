//! `remit-api`: answers merchants.

use std::{net::SocketAddr, process::ExitCode};

use clap::Parser;
use common::{lifecycle, telemetry};

/// The REST API: validates, stores and enqueues, and answers 202 with a status URL.
#[derive(Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    api: api::ApiArgs,
    /// Where to serve Prometheus metrics (`/metrics`), health (`/health`) and the state of things (`/readyz`).
    #[arg(long, env = "REMIT_METRICS_ADDR", default_value = "127.0.0.1:9103")]
    metrics_addr: SocketAddr,
    #[command(flatten)]
    logs: telemetry::LogArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    lifecycle::exit("remit-api", run(Command::parse())).await
}

async fn run(command: Command) -> Result<(), String> {
    telemetry::init_logs(&command.logs)?;
    let metrics = telemetry::init_metrics().map_err(|error| error.to_string())?;
    let shutdown = lifecycle::shutdown_on_signal().map_err(|error| error.to_string())?;
    api::run(command.api, command.metrics_addr, metrics, shutdown).await
}
