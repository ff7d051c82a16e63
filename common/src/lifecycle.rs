//! How a process ends: it is told once, finishes what is in flight, and goes.

use std::{future::Future, pin::Pin, process::ExitCode};

use tokio_util::sync::CancellationToken;

/// A process at work. Boxed, because what is awaited is compiled where it is polled: a binary would compile its library
/// once more.
pub type Work = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// A token that is cancelled by SIGTERM or Ctrl-C.
///
/// Fails when the signal handlers cannot be installed.
pub fn shutdown_on_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
        cancelled.cancel();
    });
    Ok(token)
}

/// Ends the process as `run` does: a failure is told on standard error, under the process's name.
pub async fn exit(name: &str, run: impl Future<Output = Result<(), String>>) -> ExitCode {
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {}", crate::card_data::redact(&error));
            ExitCode::FAILURE
        }
    }
}
