//! One task publishes, on one channel: a channel shared by several tasks tells some of them that a
//! message was confirmed when it was refused. Confirms are pipelined.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, Event, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{ANSWER_TIMEOUT, BrokerConfig, BrokerError, RECONNECT, abandon, close};
use crate::{
    id::JobId,
    job::{Due, Kind, Message},
};

/// Messages sent and not yet confirmed; no more are sent while there are as many. Few, so that what
/// becomes due meanwhile fills the next ones: alone a job leaves at once, in a crowd many share one.
const UNCONFIRMED_MAX: usize = 8;
/// Jobs taken from those that wait, at once.
const TAKEN_MAX: usize = 64;
/// Jobs waiting for the publisher, at most. What does not fit is left to the scheduler.
const WAITING_MAX: usize = 65_536;

/// A handle on the publisher task. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    outbox: mpsc::Sender<Outgoing>,
    connected: watch::Receiver<bool>,
}

enum Outgoing {
    Job(Due),
    Notice { to: String, about: Uuid },
}

impl Publisher {
    /// Starts the publisher task; it lives until `shutdown`, then flushes what waits.
    #[must_use]
    pub fn start(config: BrokerConfig, shutdown: CancellationToken) -> Self {
        let (outbox, waiting) = mpsc::channel(WAITING_MAX);
        let (tell, connected) = watch::channel(false);
        tokio::spawn(supervise(config, waiting, tell, shutdown));
        Self { outbox, connected }
    }

    /// Hands over jobs that a transaction has called for, without waiting; notices of their ends go to `reply_to`.
    /// What there is no room for is dropped: the scheduler finds its row when its time comes.
    pub fn offer(&self, kind: Kind, jobs: impl IntoIterator<Item = JobId>, reply_to: Option<&str>) {
        for job in jobs {
            let due = Due { job, kind, reply_to: reply_to.map(str::to_owned) };
            if self.outbox.try_send(Outgoing::Job(due)).is_err() {
                metrics::counter!("messaging_publish_dropped_total").increment(1);
            }
        }
    }

    /// Hands a job over, waiting for room.
    pub async fn publish(&self, due: Due) {
        // Closed only while the process ends: then the job row waits for the next scheduler.
        let _ = self.outbox.send(Outgoing::Job(due)).await;
    }

    /// Tells whoever waits on `reply_to` that the payment or refund has changed. Transient: who misses it asks the
    /// database.
    pub fn notify(&self, reply_to: String, about: Uuid) {
        let _ = self.outbox.try_send(Outgoing::Notice { to: reply_to, about });
    }

    /// Returns once the publisher has flushed and ended, after its shutdown; at the latest after
    /// [`ANSWER_TIMEOUT`].
    pub async fn flushed(&self) {
        // In time or not: what did not get out is found by the scheduler.
        let _ = timeout(ANSWER_TIMEOUT, self.outbox.closed()).await;
    }

    /// Whether the broker is there, as far as we know.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Returns once the broker is there.
    pub async fn wait_connected(&self) {
        // An error means that the publisher has ended, and with it the process.
        let _ = self.connected.clone().wait_for(|connected| *connected).await;
    }
}

async fn supervise(
    config: BrokerConfig,
    mut waiting: mpsc::Receiver<Outgoing>,
    tell: watch::Sender<bool>,
    shutdown: CancellationToken,
) {
    loop {
        let connecting = RECONNECT.until_ok(
            || config.connect("publisher"),
            |error, wait| tracing::warn!(%error, ?wait, "the broker cannot be reached; publishing waits"),
        );
        let connection = tokio::select! {
            connection = connecting => connection,
            () = shutdown.cancelled() => return,
        };
        tell.send_replace(true);
        tracing::info!("publishing to the broker");
        let ended = run(&config, &connection, &mut waiting, &tell, &shutdown).await;
        tell.send_replace(false);
        match ended {
            Ok(()) => {
                let _ = connection.close(200, "done".into()).await;
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "lost the broker; what was not confirmed is left to the scheduler");
                abandon(connection).await;
            }
        }
    }
}

/// Publishes until the connection fails, or until shut down and everything is confirmed.
async fn run(
    config: &BrokerConfig,
    connection: &Connection,
    waiting: &mut mpsc::Receiver<Outgoing>,
    tell: &watch::Sender<bool>,
    shutdown: &CancellationToken,
) -> Result<(), BrokerError> {
    // Before anything is asked of it: a connection that is lost from here on is noticed even when idle.
    let mut events = Box::pin(connection.events_listener());
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut confirms = FuturesUnordered::new();
    let mut batch = Vec::new();
    // The broker owes us an answer since then.
    let mut owed_since = Instant::now();
    let mut blocked = false;
    loop {
        tokio::select! {
            biased;
            Some(confirm) = confirms.next(), if !confirms.is_empty() => {
                owed_since = Instant::now();
                settle(confirm?)?;
            }
            event = events.next() => match event {
                None | Some(Event::Error(_)) => return Err(BrokerError::Silent),
                // An alarm of the broker's: it takes nothing and answers nothing until it is over.
                Some(Event::ConnectionBlocked(why)) => {
                    tracing::warn!(why, "the broker takes no messages");
                    blocked = true;
                    tell.send_replace(false);
                }
                Some(Event::ConnectionUnblocked) => {
                    blocked = false;
                    owed_since = Instant::now();
                    tell.send_replace(true);
                }
                Some(_) => {}
            },
            taken = waiting.recv_many(&mut batch, TAKEN_MAX), if !blocked && confirms.len() < UNCONFIRMED_MAX => {
                if taken == 0 {
                    return Ok(close(&channel).await?);
                }
                if confirms.is_empty() {
                    owed_since = Instant::now();
                }
                let sending = send_all(config, &channel, &mut batch, &mut confirms);
                timeout(ANSWER_TIMEOUT, sending).await.map_err(|_| BrokerError::Silent)??;
            }
            () = sleep_until(owed_since + ANSWER_TIMEOUT), if !blocked && !confirms.is_empty() => {
                return Err(BrokerError::Silent);
            }
            () = shutdown.cancelled(), if confirms.is_empty() && waiting.is_empty() => {
                return Ok(close(&channel).await?);
            }
        }
    }
}

fn settle(confirmation: Confirmation) -> Result<(), BrokerError> {
    match confirmation {
        Confirmation::Ack(None) | Confirmation::NotRequested => Ok(()),
        // Which message came back cannot be told for sure, and need not be: its row is still there.
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Err(BrokerError::Unroutable),
        Confirmation::Nack(None) => {
            metrics::counter!("messaging_publish_refused_total").increment(1);
            Ok(())
        }
    }
}

/// Sends what was taken: what became due together travels together.
async fn send_all(
    config: &BrokerConfig,
    channel: &Channel,
    batch: &mut Vec<Outgoing>,
    confirms: &mut FuturesUnordered<PublisherConfirm>,
) -> lapin::Result<()> {
    let mut due = Vec::with_capacity(batch.len());
    for outgoing in batch.drain(..) {
        match outgoing {
            Outgoing::Job(job) => due.push(job),
            Outgoing::Notice { to, about } => confirms.push(send_notice(channel, to, about).await?),
        }
    }
    for message in Message::group(due) {
        confirms.push(send_message(config, channel, message).await?);
    }
    Ok(())
}

async fn send_message(
    config: &BrokerConfig,
    channel: &Channel,
    message: Message,
) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let body = serde_json::to_vec(&message).unwrap_or_default();
    let first = message.jobs.first().map(ToString::to_string).unwrap_or_default();
    let mut properties = BasicProperties::default()
        .with_message_id(first.into())
        .with_content_type("application/json".into())
        .with_delivery_mode(2);
    if let Some(reply_to) = message.reply_to {
        properties = properties.with_reply_to(reply_to.into());
    }
    let key = ShortString::from(message.kind.as_str());
    channel.basic_publish(config.exchange(), key, options, &body, properties).await
}

async fn send_notice(channel: &Channel, to: String, about: Uuid) -> lapin::Result<PublisherConfirm> {
    let properties = BasicProperties::default()
        .with_correlation_id(about.simple().to_string().into())
        .with_expiration(expiration(Duration::from_secs(30)));
    let (exchange, options) = (ShortString::from(""), BasicPublishOptions::default());
    channel.basic_publish(exchange, to.into(), options, &[], properties).await
}

fn expiration(after: Duration) -> ShortString {
    after.as_millis().to_string().into()
}
