//! Consuming: one connection, one channel for each queue. What was delivered is acknowledged one by
//! one, and never returned to the queue by us: a job that must come again has a row that says when.

use std::time::Duration;

use futures_util::{StreamExt as _, stream::SelectAll};
use lapin::{
    Acker, Channel, Connection,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions},
    types::FieldTable,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{BrokerConfig, BrokerError, RECONNECT, abandon, close};
use crate::job::{Kind, Message};

/// The queues that a worker takes messages from.
pub struct Consumers {
    /// Where the broker is.
    pub config: BrokerConfig,
    /// Which queues.
    pub kinds: Vec<Kind>,
    /// Messages of each queue that are under way at once, at most.
    pub prefetch: u16,
}

/// A message that was delivered and not yet acknowledged.
pub struct Delivered {
    /// What it says.
    pub message: Message,
    acker: Acker,
}

impl Delivered {
    /// The message has served its purpose. When the connection has gone meanwhile the broker delivers
    /// it again, and the second claim finds nothing to do.
    pub async fn ack(self) {
        match self.acker.ack(BasicAckOptions::default()).await {
            Ok(true) => {}
            Ok(false) => tracing::debug!("a delivery outlived its channel"),
            Err(error) => tracing::debug!(%error, "a delivery could not be acknowledged"),
        }
    }
}

impl Consumers {
    /// Calls `handle` for each message until `shutdown`, then waits for the tasks of `tracker` (but not
    /// longer than `drain`) before it lets the connection go, so that what they did can still be
    /// acknowledged.
    pub async fn run(
        self,
        mut handle: impl FnMut(Delivered),
        tracker: &TaskTracker,
        drain: Duration,
        shutdown: &CancellationToken,
    ) {
        loop {
            let connecting = RECONNECT.until_ok(
                || self.config.connect("consumer"),
                |error, wait| tracing::warn!(%error, ?wait, "the broker cannot be reached; nothing to consume"),
            );
            let connection = tokio::select! {
                connection = connecting => connection,
                () = shutdown.cancelled() => return,
            };
            match self.consume(&connection, &mut handle, shutdown).await {
                Ok(channels) => {
                    tracker.close();
                    if tokio::time::timeout(drain, tracker.wait()).await.is_err() {
                        tracing::warn!(left = tracker.len(), "not all jobs ended in time; their leases will");
                    }
                    for channel in &channels {
                        let _ = close(channel).await;
                    }
                    let _ = connection.close(200, "done".into()).await;
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "lost the broker; consuming again soon");
                    abandon(connection).await;
                }
            }
        }
    }

    /// Consumes until `shutdown`; the channels that are answered must live for as long as deliveries
    /// are to be acknowledged.
    async fn consume(
        &self,
        connection: &Connection,
        handle: &mut impl FnMut(Delivered),
        shutdown: &CancellationToken,
    ) -> Result<Vec<Channel>, BrokerError> {
        let mut deliveries = SelectAll::new();
        let mut channels = Vec::new();
        for kind in &self.kinds {
            let channel = connection.create_channel().await?;
            channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
            let consumer = channel
                .basic_consume(
                    self.config.queue(*kind),
                    "".into(),
                    BasicConsumeOptions::default(),
                    FieldTable::default(),
                )
                .await?;
            // The end of one stream must be seen, not merged away: one queue deleted is all rebuilt.
            deliveries.push(consumer.map(Some).chain(futures_util::stream::iter([None])));
            channels.push(channel);
        }
        tracing::info!(kinds = ?self.kinds, prefetch = self.prefetch, "consuming");
        loop {
            let delivery = tokio::select! {
                delivery = deliveries.next() => delivery.flatten(),
                () = shutdown.cancelled() => return Ok(channels),
            };
            let delivery = delivery.ok_or(BrokerError::ConsumerEnded)??;
            match read(&delivery) {
                Some(message) => handle(Delivered { message, acker: delivery.acker }),
                None => park(&delivery).await?,
            }
        }
    }
}

/// A message that we cannot have written goes to the dead queue, for people.
async fn park(delivery: &Delivery) -> lapin::Result<()> {
    tracing::error!(queue = %delivery.routing_key, "a message that cannot be read was parked");
    metrics::counter!("messaging_parked_total").increment(1);
    delivery.acker.reject(BasicRejectOptions { requeue: false }).await?;
    Ok(())
}

fn read(delivery: &Delivery) -> Option<Message> {
    let mut message: Message = serde_json::from_slice(&delivery.data).ok()?;
    message.reply_to = delivery.properties.reply_to().as_ref().map(ToString::to_string);
    Some(message)
}
