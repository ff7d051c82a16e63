//! A payment gateway of our own, for tests: it speaks the gateways' protocols, keeps its own books,
//! and misbehaves on request.
//!
//! It imports nothing of ours, so that it cannot share a mistake with the adapters it is there to
//! convict. All gateways run on one `engine`, over `journal` (what survives `kill -9`), `books` (what money really
//! moved), `webhooks` (what is told), `faults` (misbehaviour) and `request_log`. Each gateway is one folder that
//! implements the engine's `Protocol`: `stripe`, `paypal`. `app` puts them together, `control` is for tests.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use tokio::net::TcpListener;

use crate::app::App;
use crate::connection::{CuttableListener, Switch};
use crate::webhooks::courier::Courier;

mod app;
mod books;
mod clock;
mod connection;
mod control;
mod engine;
mod faults;
mod hmac;
mod ids;
mod journal;
mod others;
mod paypal;
mod request_log;
mod stripe;
#[cfg(test)]
mod tests;
mod webhooks;
mod words;

/// How often the sandbox looks whether something is due.
const DUE_EVERY: Duration = Duration::from_millis(50);

/// A gateway brought back from its directory, ready to serve.
pub struct Sandbox {
    app: Arc<App>,
}

impl Sandbox {
    /// Brings the sandbox in `dir` back to where it was; an empty or missing directory starts afresh.
    /// `public_url` is where a payer's browser reaches it, without a slash at the end.
    ///
    /// Fails when the directory cannot be used, another sandbox has it, or its journal is damaged before
    /// its last line.
    pub fn open(dir: &Path, public_url: String) -> io::Result<Self> {
        let app = Arc::new(App::open(dir, public_url)?);
        Ok(Self { app })
    }

    /// Serves on this listener until the future is dropped.
    ///
    /// Fails when the listener fails for good.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let App { engine, stripe, paypal } = &*self.app;
        let router = Router::new()
            .merge(control::routes().with_state(Arc::clone(&self.app)))
            .merge(others::routes().with_state(Arc::clone(&self.app)))
            .merge(words::routes().with_state(Arc::clone(engine)))
            .merge(webhooks::control::routes().with_state(Arc::clone(engine)))
            .merge(paypal::routes().with_state(Arc::clone(paypal)))
            .merge(stripe::routes().with_state(Arc::clone(stripe)))
            .layer(middleware::from_fn_with_state(Arc::clone(&self.app), control::follow))
            .layer(middleware::from_fn_with_state(Arc::clone(engine), words::quote))
            .into_make_service_with_connect_info::<Switch>();
        let courier = Courier::new(engine, self.app.gateways().to_vec()).map_err(io::Error::other)?;
        tokio::select! {
            served = async { axum::serve(CuttableListener(listener), router).await } => served,
            never = run_due_for_ever(&self.app) => match never {},
            never = courier.deliver_for_ever() => match never {},
        }
    }
}

async fn run_due_for_ever(app: &App) -> std::convert::Infallible {
    let mut ticks = tokio::time::interval(DUE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Nobody waits for an answer, so nobody waits for the journal.
        let _ = app.run_due();
    }
}
