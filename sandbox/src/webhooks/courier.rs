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
use crate::app::App;
use crate::state::{Change, State};

/// How often the courier looks whether a retry or a late event is due.
const LOOKS_EVERY: Duration = Duration::from_millis(25);
/// How many deliveries are made side by side.
const MOST_AT_ONCE: usize = 32;

/// The client for all deliveries.
///
/// # Errors
/// When the machine's TLS cannot be set up, which plain HTTP needs not but the client insists on.
pub(crate) fn client() -> reqwest::Result<Client> {
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

/// Delivers what there is to deliver, for ever.
pub(crate) async fn deliver_for_ever(app: &Arc<App>, client: Client) -> Infallible {
    let mut ticks = tokio::time::interval(LOOKS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            () = app.something_to_tell() => {}
            _ = ticks.tick() => {}
            Some(_) = under_way.join_next() => {}
        }
        take_up(app);
        while under_way.len() < MOST_AT_ONCE {
            let Some(letter) = app.deliveries().next_due(app.clock.now()) else {
                break;
            };
            under_way.spawn(deliver(Arc::clone(app), client.clone(), letter));
        }
    }
}

/// Looks at what happened since the last time.
fn take_up(app: &App) {
    let mut state = app.state();
    let lost = app.deliveries().take_up(&state.outbox, app.clock.now());
    done(app, &mut state, lost);
}

async fn deliver(app: Arc<App>, client: Client, letter: Letter) {
    let arrived = attempt(&app, &client, &letter).await;
    let mut state = app.state();
    let finished = app.deliveries().finish(letter, arrived, app.clock.now());
    done(&app, &mut state, finished);
}

/// Marks events as done. Not waited for: at worst a restarted sandbox tells something twice.
fn done(app: &App, state: &mut State, numbers: impl IntoIterator<Item = u64>) {
    let changes = numbers.into_iter().map(|number| Change::Webhooks(OutboxChange::Done(number)));
    let _ = app.commit(state, changes.collect());
}

/// One try: whether it was answered with a 2xx.
async fn attempt(app: &App, client: &Client, letter: &Letter) -> bool {
    // What a killed sandbox would forget must not have been told.
    app.journal.written(app.journal.append::<Change>(&[])).await;
    let request = {
        let state = app.state();
        let Some(event) = state.outbox.get(letter.number) else {
            return true;
        };
        let Some(url) = state.outbox.targets.url(event.gateway).map(str::to_owned) else {
            return false;
        };
        let forged = letter.purpose == Purpose::Forge;
        let body = if forged { event.gateway.forge(app, &state, event) } else { Some(event.body.clone()) };
        let Some(body) = body else {
            return true;
        };
        let headers = event.gateway.sign(app, &state, &body, forged);
        let request = client.post(url).header(CONTENT_TYPE, "application/json; charset=utf-8").body(body);
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
