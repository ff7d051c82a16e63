//! One task publishes, on one channel: a channel shared by several tasks tells some of them that a
//! message was confirmed when it was refused. Confirms are pipelined.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, Event,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{FieldTable, ShortString},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{ANSWER_TIMEOUT, BrokerConfig, BrokerError, RECONNECT, abandon, text};
use crate::{id::PaymentId, job::Message};

/// Messages sent and not yet confirmed, at most.
const UNCONFIRMED_MAX: usize = 512;
/// Messages waiting for the publisher, at most. What does not fit is left to the scheduler.
const WAITING_MAX: usize = 8192;

/// A handle on the publisher task. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    outbox: mpsc::Sender<Outgoing>,
    connected: watch::Receiver<bool>,
}

enum Outgoing {
    Job(Message),
    Notice { to: String, about: PaymentId },
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

    /// Hands a message over without waiting. When there is no room it is dropped: its job row will be
    /// found by the scheduler when its time comes.
    pub fn offer(&self, message: Message) {
        if self.outbox.try_send(Outgoing::Job(message)).is_err() {
            metrics::counter!("messaging_publish_dropped_total").increment(1);
        }
    }

    /// Hands a message over, waiting for room.
    pub async fn publish(&self, message: Message) {
        // Closed only while the process ends: then the job row waits for the next scheduler.
        let _ = self.outbox.send(Outgoing::Job(message)).await;
    }

    /// Tells whoever waits on `reply_to` that the payment has changed. Transient: who misses it asks the
    /// database.
    pub fn notify(&self, reply_to: String, about: PaymentId) {
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
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut events = Box::pin(connection.events_listener());
    let mut confirms = FuturesUnordered::new();
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
            outgoing = waiting.recv(), if !blocked && confirms.len() < UNCONFIRMED_MAX => {
                let Some(outgoing) = outgoing else { return Ok(()) };
                if confirms.is_empty() {
                    owed_since = Instant::now();
                }
                let sent = timeout(ANSWER_TIMEOUT, send(config, &channel, outgoing)).await;
                confirms.push(sent.map_err(|_| BrokerError::Silent)??);
            }
            () = sleep_until(owed_since + ANSWER_TIMEOUT), if !blocked && !confirms.is_empty() => {
                return Err(BrokerError::Silent);
            }
            () = shutdown.cancelled(), if confirms.is_empty() && waiting.is_empty() => return Ok(()),
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

async fn send(
    config: &BrokerConfig,
    channel: &Channel,
    outgoing: Outgoing,
) -> lapin::Result<lapin::PublisherConfirm> {
    match outgoing {
        Outgoing::Job(message) => {
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let body = serde_json::to_vec(&message).unwrap_or_default();
            let key = ShortString::from(message.kind.as_str());
            channel.basic_publish(config.exchange(), key, options, &body, properties(message)).await
        }
        Outgoing::Notice { to, about } => {
            let properties = BasicProperties::default()
                .with_correlation_id(about.to_string().into())
                .with_expiration(expiration(Duration::from_secs(30)));
            let (exchange, options) = (ShortString::from(""), BasicPublishOptions::default());
            channel.basic_publish(exchange, to.into(), options, &[], properties).await
        }
    }
}

fn properties(message: Message) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_message_id(message.job.to_string().into())
        .with_content_type("application/json".into())
        .with_delivery_mode(2);
    if let Some(reply_to) = message.reply_to {
        properties = properties.with_reply_to(reply_to.into());
    }
    if let Some(traceparent) = message.traceparent {
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), text(&traceparent));
        properties = properties.with_headers(headers);
    }
    properties
}

fn expiration(after: Duration) -> ShortString {
    after.as_millis().to_string().into()
}
