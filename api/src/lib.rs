//! Answers merchants: authenticates, validates, stores, and replies 202. It never calls a gateway, and
//! never waits for the broker.

mod answer;
mod api_keys;
mod app;
mod auth;
mod chance;
mod customers;
mod docs;
mod error;
mod event_trust;
mod events;
mod extract;
mod flows;
mod gateway_routing;
mod gateways;
mod health;
mod intake;
mod invoices;
mod keys;
mod limits;
mod made_once;
mod outcomes;
mod payments;
mod plans;
mod pools;
mod probes;
mod rate_limit;
mod refunds;
mod reports;
mod request;
mod router;
mod serve;
mod subscriptions;
mod test_clock;
mod webhook_endpoints;

use std::{net::SocketAddr, str::FromStr as _, time::Duration};

use clap::Args;
use common::{
    config::{BrokerArgs, DatabaseArgs, EncryptionArgs, EventArgs, FlowArgs, Guards, ModeArgs, WebhookArgs},
    db,
    job::broker::{BrokerConfig, Publisher},
    lifecycle,
    webhook::destination::Rules,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use app::App;
use app::Parts;
use event_trust::Events;
use events::Waits;
use flows::Flows;
use gateway_routing::GatewayRouting;
use health::Probe;
use intake::Intake;
use keys::Keys;
use outcomes::Outcomes;
use pools::{PoolArgs, Pools};
use rate_limit::{RateArgs, Rates};
use router::router;

/// Connections of operators at once, at most.
const OPERATORS_CONNECTIONS_MAX: usize = 32;

/// Time that requests in flight have to end once we are told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(35);

/// The settings of the API.
#[derive(Debug, Clone, Args)]
pub struct ApiArgs {
    /// Whether money is real.
    #[command(flatten)]
    pub mode: ModeArgs,
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where RabbitMQ is.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// The address to listen on.
    #[arg(long, env = "REMIT_API_ADDR", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,
    /// What merchants call us by, for the URLs in our answers; by default the address we listen on.
    #[arg(long, env = "REMIT_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Which gateway takes which method, where it is not the usual one: `card=stripe,paypal=paypal`.
    #[arg(long, env = "REMIT_GATEWAY_ROUTING", default_value = "", value_parser = GatewayRouting::from_str)]
    pub gateway_routing: GatewayRouting,
    /// By what gateways' events are known to be theirs.
    #[command(flatten)]
    pub events: EventArgs,
    /// With which keys merchants' credentials are sealed.
    #[command(flatten)]
    pub encryption: EncryptionArgs,
    /// Where webhooks may go.
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    /// Lets merchants move the clock of this deployment ahead. Never where money is real.
    #[arg(long, env = "REMIT_TEST_CLOCK")]
    pub test_clock: bool,
    /// How often a key may ask.
    #[command(flatten)]
    pub rates: RateArgs,
    /// How many jobs of one merchant are out at once.
    #[command(flatten)]
    pub flows: FlowArgs,
    /// Connections to Postgres, and what they are for.
    #[command(flatten)]
    pub pools: PoolArgs,
    /// Connections of clients at once, at most; fewer where the limit of file descriptors does not allow as many.
    #[arg(long, env = "REMIT_API_CONNECTIONS", default_value = "10000")]
    pub connections: u32,
}

/// Serves until `shutdown`, then finishes what is in flight. Metrics and the state of things are for operators, at
/// `metrics_addr`.
///
/// Fails when the settings cannot be used or an address is taken. Later faults are answered with 503.
pub fn run(
    args: ApiArgs,
    metrics_addr: SocketAddr,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
) -> lifecycle::Work {
    Box::pin(answer_all(args, metrics_addr, metrics, shutdown))
}

async fn answer_all(
    args: ApiArgs,
    metrics_addr: SocketAddr,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
) -> Result<(), String> {
    Guards::new(args.mode)
        .database(&args.database)
        .broker(&args.broker)
        .events(&args.events)
        .encryption(&args.encryption)
        .webhooks(&args.webhooks)
        .test_clock(args.test_clock)
        .check()?;
    let keys = args.encryption.keyring().map_err(|(setting, why)| format!("{setting} {why}"))?;
    let Pools { accepting, writing, reads, probing } = Pools::open(&args.pools, &args.database)?;
    db::watch_schema(&probing, &shutdown).await?;
    let connections_max = serve::connections_max(args.connections, args.pools.database_connections)?;
    let (listener, address) = bind(args.addr).await?;
    let (operators, operators_address) = bind(metrics_addr).await?;
    let broker = BrokerConfig::from(args.broker);
    // The publisher outlives the requests, so that their jobs still go out.
    let publishing = CancellationToken::new();
    let publisher = Publisher::start(broker.clone(), publishing.clone());
    let flushing = publisher.clone();
    let flows = Flows::start(args.flows.into(), publisher.clone(), writing.clone(), publishing.clone());
    let app = App::new(Parts {
        waits: Waits::start(accepting.clone()),
        rates: Rates::new(&args.rates),
        intake: Intake::start(accepting.clone(), publisher.clone(), flows.clone()),
        flows,
        keys: Keys::new(accepting.clone(), writing.clone(), args.mode.mode),
        outcomes: Outcomes::start(accepting, broker, publishing.clone()),
        public_url: args.public_url.unwrap_or_else(|| format!("http://{address}")),
        gateway_routing: args.gateway_routing,
        test_clock: args.test_clock,
        events: Events::trusting(args.events.trust()?, keys),
        keyring: args.encryption.keyring().map_err(|(setting, why)| format!("{setting} {why}"))?,
        webhooks: Rules::from(&args.webhooks),
        draining: shutdown.clone(),
        publisher,
        metrics,
        pool: writing,
        reads,
        probe: Probe::new(probing),
    });
    tokio::spawn(gateways::share_certificates(app.clone()));
    // Whoever started us reads these lines to learn the ports.
    println!("metrics on http://{operators_address}");
    println!("listening on {}", app.public_url);
    let for_operators = serve::serve(
        "operators",
        operators,
        probes::for_operators(app.clone()),
        OPERATORS_CONNECTIONS_MAX,
        publishing.clone(),
    );
    tokio::spawn(for_operators);
    let serving = serve::serve("public", listener, router(app), connections_max, shutdown.clone());
    tokio::select! {
        () = serving => {}
        () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN_TIMEOUT).await } => {}
    }
    publishing.cancel();
    flushing.flushed().await;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|error: std::io::Error| format!("{address}: {error}"))
}
