//! `remit-api`: answers merchants.

use std::process::ExitCode;

use clap::Parser;
use common::{lifecycle, telemetry};

/// The REST API: validates, stores and enqueues, and answers 202 with a status URL.
#[derive(Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    api: api::ApiArgs,
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
    api::run(command.api, metrics, shutdown).await
}
