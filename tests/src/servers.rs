//! The servers that all tests share: a database and queues of one's own on them, and away with them.

use common::{db, job::Kind};
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{QueueDeclareOptions, QueueDeleteOptions},
};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::template;

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./dev test"))
}

/// Where RabbitMQ is.
pub fn amqp_url() -> String {
    setting("AMQP_URL")
}

/// The same server, another database.
pub fn database_url(name: &str) -> String {
    let mut url = reqwest::Url::parse(&setting("DATABASE_URL")).expect("DATABASE_URL is a URL");
    url.set_path(name);
    url.to_string()
}

/// A connection to the server itself, to make and drop databases with.
pub async fn postgres() -> PgConnection {
    PgConnection::connect(&setting("DATABASE_URL")).await.expect("Postgres answers")
}

/// A new database with nothing in it.
pub async fn create_empty_database(name: &str) {
    let mut server = postgres().await;
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut server).await.unwrap();
}

/// A new database with our schema.
pub async fn create_database(name: &str) -> PgPool {
    template::copy(name).await;
    pool(name, 4)
}

/// Connections to it, of the test's own.
pub fn pool(name: &str, connections: u32) -> PgPool {
    db::pool(&SecretString::from(database_url(name)), "test", connections).unwrap()
}

/// Away with it, whoever is still connected.
pub async fn drop_database(name: &str) {
    let mut server = postgres().await;
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    sqlx::query(AssertSqlSafe(statement)).execute(&mut server).await.unwrap();
}

/// The same where nothing can be awaited. A fault while cleaning up must not hide a test's own.
pub fn forget_database(name: String) {
    apart(async move { drop_database(&name).await });
}

/// Done where nothing can be awaited, on a runtime of its own: the test's is about to end. `None`: it has panicked.
pub fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime.block_on(work)).join().ok()
}

/// A connection of the test's own.
pub async fn broker() -> Connection {
    Connection::connect(&amqp_url(), ConnectionProperties::default()).await.expect("RabbitMQ answers")
}

/// Our names on the broker, as `common::job::broker` makes them.
pub fn queue(prefix: &str, kind: Kind) -> String {
    format!("{prefix}.{kind}.v1")
}

/// A channel, if the queue exists.
pub async fn channel_with(connection: &Connection, queue: &str) -> Option<Channel> {
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions { passive: true, ..Default::default() };
    let declared = channel.queue_declare(queue.into(), options, Default::default()).await;
    declared.is_ok().then_some(channel)
}

/// Deletes all that is ours there: what a broker that has lost its data looks like.
pub async fn wipe_broker(prefix: &str) {
    let connection = broker().await;
    let channel = connection.create_channel().await.unwrap();
    let queues = Kind::ALL.map(|kind| queue(prefix, kind));
    for name in queues.into_iter().chain([format!("{prefix}.dead.v1")]) {
        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
    }
    for exchange in ["jobs", "dead"] {
        channel.exchange_delete(format!("{prefix}.{exchange}").into(), Default::default()).await.unwrap();
    }
    connection.close(200, "done".into()).await.unwrap();
}
