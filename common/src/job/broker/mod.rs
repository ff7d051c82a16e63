//! RabbitMQ: the conveyor belt. It may lose everything without losing a payment, so nothing here waits
//! for it on a merchant's behalf and nothing here is the only way of a job.
//!
//! The only place that knows `lapin`. One supervisor owns each connection and rebuilds it whole after
//! any fault: the library's own recovery made publishes hang and consumers wait for ever.

mod consumer;
mod publisher;
mod replies;

use std::time::Duration;

use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use secrecy::{ExposeSecret, SecretString};

use super::Kind;
use crate::retry::Policy;

pub use consumer::{Consumers, Delivered};
pub use publisher::Publisher;
pub use replies::Replies;

/// Waits between attempts to reach the broker.
const RECONNECT: Policy =
    Policy { initial: Duration::from_millis(100), factor: 2, max: Duration::from_secs(2) };

/// A broker that has not let us in by then is treated as down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A broker that owes us an answer for that long is treated as dead.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Seconds between heartbeats: a peer that vanished is noticed within two.
const HEARTBEAT_SECONDS: u16 = 5;

/// Deliveries of one message before the broker parks it by itself. A backstop: attempts are counted in
/// Postgres.
const DELIVERY_LIMIT: i64 = 20;

/// Where the broker is, and which names are ours on it.
#[derive(Clone)]
pub struct BrokerConfig {
    /// `amqp://user:password@host:port/vhost`
    pub url: SecretString,
    /// What the names of our exchange and queues start with, so that deployments can share a broker.
    pub prefix: String,
}

impl BrokerConfig {
    fn exchange(&self) -> ShortString {
        format!("{}.jobs", self.prefix).into()
    }

    /// Queue arguments cannot be changed, hence the version in the name.
    fn queue(&self, kind: Kind) -> ShortString {
        format!("{}.{kind}.v1", self.prefix).into()
    }

    fn dead_exchange(&self) -> ShortString {
        format!("{}.dead", self.prefix).into()
    }

    fn dead_queue(&self) -> ShortString {
        format!("{}.dead.v1", self.prefix).into()
    }

    /// Connects and declares all that is ours: after a broker has lost its data this makes it whole.
    async fn connect(&self, purpose: &str) -> Result<Connection, BrokerError> {
        let connecting = async {
            let mut uri: lapin::uri::AMQPUri =
                self.url.expose_secret().parse().map_err(BrokerError::Address)?;
            uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
            let name = format!("remit {purpose}");
            let properties = ConnectionProperties::default().with_connection_name(name.into());
            let connection = Connection::connect_uri(uri, properties).await?;
            let channel = connection.create_channel().await?;
            self.declare(&channel).await?;
            close(&channel).await?;
            Ok(connection)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| BrokerError::Silent)?
    }

    async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        // What is parked goes to one place, whatever queue it came from.
        for (exchange, kind) in
            [(self.exchange(), ExchangeKind::Direct), (self.dead_exchange(), ExchangeKind::Fanout)]
        {
            channel.exchange_declare(exchange, kind, durable, FieldTable::default()).await?;
        }
        let mut parked = FieldTable::default();
        parked.insert("x-queue-type".into(), text("quorum"));
        channel.queue_declare(self.dead_queue(), QueueDeclareOptions::durable(), parked).await?;
        let (any, options) = (ShortString::from(""), QueueBindOptions::default());
        channel
            .queue_bind(self.dead_queue(), self.dead_exchange(), any, options, FieldTable::default())
            .await?;
        for kind in Kind::ALL {
            let queue = self.queue(kind);
            channel
                .queue_declare(queue.clone(), QueueDeclareOptions::durable(), self.queue_arguments())
                .await?;
            let key = ShortString::from(kind.as_str());
            let options = QueueBindOptions::default();
            channel.queue_bind(queue, self.exchange(), key, options, FieldTable::default()).await?;
        }
        Ok(())
    }

    fn queue_arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
        arguments.insert("x-dead-letter-exchange".into(), text(self.dead_exchange().as_str()));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
        arguments
    }
}

/// Checks that the broker lets us in, and declares what is ours on the way.
///
/// Fails with what keeps us out.
pub async fn check(config: &BrokerConfig) -> Result<(), BrokerError> {
    let connection = config.connect("check").await?;
    // It let us in: how it says goodbye does not matter.
    let _ = connection.close(200, "checked".into()).await;
    Ok(())
}

/// What can go wrong with a broker. Every one of them ends the connection.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address itself is wrong.
    #[error("the broker's address cannot be read: {0}")]
    Address(String),
    /// The broker or the connection to it failed.
    #[error(transparent)]
    Broker(#[from] lapin::Error),
    /// No answer in time.
    #[error("the broker does not answer")]
    Silent,
    /// A message had no queue to go to: somebody deleted it.
    #[error("a queue of ours is gone")]
    Unroutable,
    /// A consumer was canceled: its queue was deleted, or its node went down.
    #[error("the broker ended our consumer")]
    ConsumerEnded,
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Ends a channel in order: one that is still closing when its connection ends is told as an error.
async fn close(channel: &Channel) -> lapin::Result<()> {
    channel.close(200, "done".into()).await
}

/// Lets a connection go after a fault. Dropped at once, one whose peer has vanished would leak its
/// thread: its own heartbeat must notice first.
///
/// Returns after a short wait, so that a broker that lets us in and throws us out is not hammered.
async fn abandon(connection: Connection) {
    use futures_util::StreamExt as _;
    tokio::spawn(async move {
        let patience = Duration::from_secs(2 * u64::from(HEARTBEAT_SECONDS) + 1);
        let mut events = Box::pin(connection.events_listener());
        let noticed = async {
            while connection.status().connected() {
                if matches!(events.next().await, None | Some(lapin::Event::Error(_))) {
                    break;
                }
            }
        };
        // Either way it can be dropped now.
        let _ = tokio::time::timeout(patience, noticed).await;
    });
    tokio::time::sleep(RECONNECT.delay(1)).await;
}
