//! `remit`: the operators' command line. Tables for people, `--json` for scripts.

mod api;
mod chance;
mod customer;
mod doctor;
mod duplicates;
mod events;
mod gateways;
mod jobs;
mod keys;
mod ledger;
mod listen;
mod merchants;
mod payment;
mod reconcile;
mod secrets;
mod session;
mod side;
mod subscription;
mod table;
mod trigger;

use std::{process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use common::{
    config::{DatabaseArgs, Guards, ModeArgs, secret},
    db, lifecycle,
};

use secrecy::SecretString;
use session::{Session, explain};

/// What one statement of an operator's may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Operates a Remit deployment.
#[derive(Parser)]
#[command(name = "remit", version, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    mode: ModeArgs,
    /// Postgres, the truth: `postgres://user:password@host:port/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_parser = secret)]
    database_url: Option<SecretString>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Operator(Box<OperatorCommand>),
    #[command(flatten)]
    Merchant(MerchantCommand),
}

/// What asks the API, with a merchant's key.
#[derive(Subcommand)]
enum MerchantCommand {
    /// What happens, as merchants are told it.
    #[command(subcommand)]
    Events(events::Command),
    /// Sends what happens to a program on this machine, as an endpoint would be sent it.
    Listen(listen::ListenArgs),
    /// Makes something happen at the sandbox, to see what is told of it.
    Trigger(trigger::TriggerArgs),
}

/// What asks the database.
#[derive(Subcommand)]
enum OperatorCommand {
    /// Applies what is missing of the database schema.
    Migrate,
    /// Merchants.
    #[command(subcommand)]
    Merchants(merchants::Command),
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
    match cli.command {
        Command::Merchant(MerchantCommand::Events(command)) => events::run(cli.json, command).await,
        Command::Merchant(MerchantCommand::Listen(args)) => listen::run(args).await,
        Command::Merchant(MerchantCommand::Trigger(args)) => trigger::run(cli.json, args).await,
        Command::Operator(command) => {
            let database_url =
                cli.database_url.ok_or("this asks the database: set DATABASE_URL, or say --database-url")?;
            let database = DatabaseArgs { database_url };
            Guards::new(cli.mode).database(&database).check()?;
            let pool = db::pool_within(&database.database_url, "remit-ops", 2, STATEMENT_TIMEOUT)
                .map_err(|error| format!("DATABASE_URL: {error}"))?;
            operate(Session { pool, json: cli.json, mode: cli.mode }, *command).await
        }
    }
}

async fn operate(session: Session, command: OperatorCommand) -> Result<(), String> {
    if !matches!(command, OperatorCommand::Migrate | OperatorCommand::Doctor(_)) {
        fits(&session).await?;
    }
    match command {
        OperatorCommand::Migrate => migrate(&session).await,
        OperatorCommand::Merchants(command) => merchants::run(&session, command).await,
        OperatorCommand::Keys(command) => keys::run(&session, command).await,
        OperatorCommand::Gateways(command) => gateways::run(&session, command).await,
        OperatorCommand::Secrets(command) => secrets::run(&session, command).await,
        OperatorCommand::Jobs(command) => jobs::run(&session, command).await,
        OperatorCommand::Payment(command) => payment::run(&session, command).await,
        OperatorCommand::Duplicates(command) => duplicates::run(&session, command).await,
        OperatorCommand::Customer(command) => customer::run(&session, command).await,
        OperatorCommand::Subscription(command) => subscription::run(&session, command).await,
        OperatorCommand::Ledger(command) => ledger::run(&session, command).await,
        OperatorCommand::Reconcile(command) => reconcile::run(&session, command).await,
        OperatorCommand::Doctor(args) => doctor::run(&session, args).await,
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
