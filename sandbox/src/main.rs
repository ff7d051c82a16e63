//! `remit-sandbox`: the test gateway as a process.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A payment gateway for tests: keeps its own books and misbehaves on request.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "REMIT_SANDBOX_ADDR", default_value = "127.0.0.1:8090")]
    addr: SocketAddr,
    /// Where the journal is kept.
    #[arg(long, env = "REMIT_SANDBOX_DIR", default_value = "sandbox-data")]
    dir: PathBuf,
    /// Where a payer's browser reaches this sandbox, if not at the address it listens on.
    #[arg(long, env = "REMIT_SANDBOX_PUBLIC_URL")]
    public_url: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let options = Options::parse();
    let listener = TcpListener::bind(options.addr).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let public_url = options.public_url.unwrap_or_else(|| url.clone());
    let sandbox = Sandbox::open(&options.dir, public_url.trim_end_matches('/').to_owned())?;
    // Whoever started us reads this line to learn the port. The listener is open already: a client
    // that connects now waits in the queue until we accept.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {url}")?;
    stdout.flush()?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = sandbox.serve(listener) => served?,
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // Held connections would never end by themselves, so nothing is waited for.
    Ok(())
}
