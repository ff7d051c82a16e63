//! AMQP's own request and reply, for callers who asked to wait: a queue that lives as long as its
//! connection, on which workers say that something has changed.

use futures_util::StreamExt as _;
use lapin::{
    Connection,
    options::{BasicConsumeOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{BrokerConfig, BrokerError, RECONNECT, abandon};

/// The queue on which this process hears of changes.
#[derive(Clone)]
pub struct Replies {
    queue: watch::Receiver<Option<String>>,
}

impl Replies {
    /// Starts listening; `on_notice` is called for each payment or refund that a worker says has changed.
    #[must_use]
    pub fn start(
        config: BrokerConfig,
        on_notice: impl Fn(Uuid) + Send + Sync + 'static,
        shutdown: CancellationToken,
    ) -> Self {
        let (tell, queue) = watch::channel(None);
        tokio::spawn(async move {
            tokio::select! {
                () = supervise(config, on_notice, tell) => {}
                () = shutdown.cancelled() => {}
            }
        });
        Self { queue }
    }

    /// What to write into `reply_to`; `None` while the broker is away.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.queue.borrow().clone()
    }
}

async fn supervise(config: BrokerConfig, on_notice: impl Fn(Uuid), tell: watch::Sender<Option<String>>) {
    loop {
        let connection = RECONNECT
            .until_ok(
                || config.connect("replies"),
                |error, wait| tracing::debug!(%error, ?wait, "the broker cannot be reached; no replies"),
            )
            .await;
        let ended = listen(&config, &connection, &on_notice, &tell).await;
        tell.send_replace(None);
        tracing::debug!(error = ?ended.err(), "lost the queue of replies");
        abandon(connection).await;
    }
}

async fn listen(
    config: &BrokerConfig,
    connection: &Connection,
    on_notice: &impl Fn(Uuid),
    tell: &watch::Sender<Option<String>>,
) -> Result<(), BrokerError> {
    let channel = connection.create_channel().await?;
    let name = format!("{}.replies.{}", config.prefix, Uuid::new_v4().simple());
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
    channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut notices =
        channel.basic_consume(name.as_str().into(), "".into(), options, FieldTable::default()).await?;
    tell.send_replace(Some(name));
    while let Some(notice) = notices.next().await {
        let notice = notice?;
        let about = notice.properties.correlation_id().as_ref().map(|id| Uuid::try_parse(id.as_str()));
        if let Some(Ok(subject)) = about {
            on_notice(subject);
        }
    }
    Err(BrokerError::ConsumerEnded)
}
