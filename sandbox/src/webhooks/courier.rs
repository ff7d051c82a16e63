//! Posts events to whoever is to hear them, until they have arrived.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::deliveries::{Letter, Purpose};
use super::outbox::Change as OutboxChange;
use crate::engine::Engine;
use crate::engine::host::Hosted;
use crate::engine::state::{Change, State};

/// How often the courier looks whether a retry or a late event is due.
const LOOKS_EVERY: Duration = Duration::from_millis(25);
/// How many deliveries are made side by side.
const MOST_AT_ONCE: usize = 32;

/// The client for all deliveries.
fn client() -> reqwest::Result<Client> {
    // Ignored: the provider may have been installed by an earlier client of this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .http1_only()
        .user_agent("remit-sandbox")
        .build()
}

/// Who delivers: for all gateways, from the one outbox.
pub(crate) struct Courier {
    engine: Arc<Engine>,
    gateways: Vec<Arc<dyn Hosted>>,
    client: Client,
}

impl Courier {
    /// One for these gateways.
    ///
    /// Fails when the machine's TLS cannot be set up, which plain HTTP needs not but the client insists on.
    pub(crate) fn new(engine: &Arc<Engine>, gateways: Vec<Arc<dyn Hosted>>) -> reqwest::Result<Self> {
        Ok(Self { engine: Arc::clone(engine), gateways, client: client()? })
    }

    /// Delivers what there is to deliver, for ever.
    pub(crate) async fn deliver_for_ever(self) -> Infallible {
        let courier = Arc::new(self);
        let engine = &courier.engine;
        let mut ticks = tokio::time::interval(LOOKS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                () = engine.something_to_tell() => {}
                _ = ticks.tick() => {}
                Some(_) = under_way.join_next() => {}
            }
            courier.take_up();
            while under_way.len() < MOST_AT_ONCE {
                let Some(letter) = engine.deliveries().next_due(engine.clock.now()) else {
                    break;
                };
                under_way.spawn(Arc::clone(&courier).deliver(letter));
            }
        }
    }

    /// Looks at what happened since the last time.
    fn take_up(&self) {
        let mut state = self.engine.state();
        let lost = self.engine.deliveries().take_up(&state.outbox, self.engine.clock.now());
        self.done(&mut state, lost);
    }

    async fn deliver(self: Arc<Self>, letter: Letter) {
        let arrived = self.attempt(&letter).await;
        let mut state = self.engine.state();
        let finished = self.engine.deliveries().finish(letter, arrived, self.engine.clock.now());
        self.done(&mut state, finished);
    }

    /// Marks events as done. Not waited for: at worst a restarted sandbox tells something twice.
    fn done(&self, state: &mut State, numbers: impl IntoIterator<Item = u64>) {
        let changes = numbers.into_iter().map(|number| Change::Webhooks(OutboxChange::Done(number)));
        let _ = self.engine.commit_shared(state, changes.collect());
    }

    /// One try: whether it was answered with a 2xx.
    async fn attempt(&self, letter: &Letter) -> bool {
        // What a killed sandbox would forget must not have been told.
        self.engine.journal.written(self.engine.last_line()).await;
        let request = {
            let state = self.engine.state();
            let Some(event) = state.outbox.get(letter.number) else {
                return true;
            };
            let Some(url) = state.outbox.targets.url(event.gateway).map(str::to_owned) else {
                return false;
            };
            let forged = letter.purpose == Purpose::Forge;
            let teller = self.gateways.iter().find(|gateway| gateway.gateway() == event.gateway);
            let Some((body, headers)) = teller.and_then(|teller| teller.letter(&state, event, forged)) else {
                return true;
            };
            let request =
                self.client.post(url).header(CONTENT_TYPE, "application/json; charset=utf-8").body(body);
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
        };
        match request.send().await {
            Ok(response) => response.status().is_success(),
            Err(error) => {
                tracing::debug!(%error, "a webhook could not be delivered");
                false
            }
        }
    }
}
