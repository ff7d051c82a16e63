//! `remit`: the operators' command line. Tables for people, `--json` for scripts.

mod customer;
mod doctor;
mod duplicates;
mod gateways;
mod jobs;
mod keys;
mod ledger;
mod payment;
mod reconcile;
mod secrets;
mod session;
mod subscription;
mod table;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use common::{
    config::{DatabaseArgs, Guards, ModeArgs},
    db, lifecycle,
};

use session::{Session, explain};

/// What one statement of an operator's may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Operates a Remit deployment.
#[derive(Parser)]
#[command(name = "remit", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Applies what is missing of the database schema.
    Migrate,
    /// API keys of merchants.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Merchants' own accounts at gateways.
    #[command(subcommand)]
    Gateways(gateways::Command),
    /// With which keys secrets are sealed.
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Jobs: what is waiting, running or dead.
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Payments.
    #[command(subcommand)]
    Payment(payment::Command),
    /// Money that a gateway moved twice, and that a person must give back.
    #[command(subcommand)]
    Duplicates(duplicates::Command),
    /// Customers.
    #[command(subcommand)]
    Customer(customer::Command),
    /// Subscriptions.
    #[command(subcommand)]
    Subscription(subscription::Command),
    /// The books.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Compares a gateway's settlement report with ours.
    #[command(subcommand)]
    Reconcile(reconcile::Command),
    /// Checks that the database, the broker and the gateway answer, and that what must hold does.
    Doctor(doctor::DoctorArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    lifecycle::exit("remit", run(Cli::parse())).await
}

async fn run(cli: Cli) -> Result<(), String> {
    Guards::new(cli.mode).database(&cli.database).check()?;
    let pool = db::pool_within(&cli.database.database_url, "remit-ops", 2, STATEMENT_TIMEOUT)
        .map_err(|error| format!("DATABASE_URL: {error}"))?;
    let session = Session { pool, json: cli.json, mode: cli.mode };
    if !matches!(cli.command, Command::Migrate | Command::Doctor(_)) {
        fits(&session).await?;
    }
    match cli.command {
        Command::Migrate => migrate(&session).await,
        Command::Keys(command) => keys::run(&session, command).await,
        Command::Gateways(command) => gateways::run(&session, command).await,
        Command::Secrets(command) => secrets::run(&session, command).await,
        Command::Jobs(command) => jobs::run(&session, command).await,
        Command::Payment(command) => payment::run(&session, command).await,
        Command::Duplicates(command) => duplicates::run(&session, command).await,
        Command::Customer(command) => customer::run(&session, command).await,
        Command::Subscription(command) => subscription::run(&session, command).await,
        Command::Ledger(command) => ledger::run(&session, command).await,
        Command::Reconcile(command) => reconcile::run(&session, command).await,
        Command::Doctor(args) => doctor::run(&session, args).await,
    }
}

/// A database that is away is told of by the command itself.
async fn fits(session: &Session) -> Result<(), String> {
    match db::misfit(&session.pool).await {
        Ok(Some(why)) => Err(why),
        _ => Ok(()),
    }
}

async fn migrate(session: &Session) -> Result<(), String> {
    let missing = db::missing_migrations(&session.pool).await.map_err(explain)?;
    db::migrate(&session.pool).await.map_err(|error| error.to_string())?;
    session.print(&serde_json::json!({ "applied": missing }), || match missing {
        0 => "The schema is up to date.".into(),
        n => format!("Applied {n} migrations."),
    });
    Ok(())
}
