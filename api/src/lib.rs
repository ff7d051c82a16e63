//! Answers merchants: authenticates, validates, stores, and replies 202. It never calls a gateway, and
//! never waits for the broker.

mod answer;
mod auth;
mod customers;
mod docs;
mod error;
mod extract;
mod gateways;
mod intake;
mod invoices;
mod outcomes;
mod payments;
mod plans;
mod pools;
mod probes;
mod refunds;
mod reports;
mod request;
mod routes;
mod serve;
mod subscriptions;
mod test_clock;

use std::{net::SocketAddr, str::FromStr as _, sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::post};
use clap::Args;
use common::{
    config::{BrokerArgs, DatabaseArgs, EventArgs, Guards, ModeArgs},
    db,
    job::broker::{BrokerConfig, Publisher},
};
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use auth::Keys;
use error::ApiError;
use gateways::Events;
use intake::Intake;
use outcomes::Outcomes;
use pools::{PoolArgs, Pools, Reads};
use probes::Probe;
use routes::Routes;

/// A body larger than this is refused: 64 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024;

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
    #[arg(long, env = "REMIT_ROUTES", default_value = "", value_parser = Routes::from_str)]
    pub routes: Routes,
    /// By what gateways' events are known to be theirs.
    #[command(flatten)]
    pub events: EventArgs,
    /// Lets merchants move the clock of this deployment ahead. Never where money is real.
    #[arg(long, env = "REMIT_TEST_CLOCK")]
    pub test_clock: bool,
    /// Connections to Postgres, and what they are for.
    #[command(flatten)]
    pub pools: PoolArgs,
    /// Connections of clients at once, at most; fewer where the limit of file descriptors does not allow as many.
    #[arg(long, env = "REMIT_API_CONNECTIONS", default_value = "10000")]
    pub connections: u32,
}

/// What every handler may use.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
pub struct Parts {
    /// For whatever is written but payments: see [`Pools`].
    pool: PgPool,
    reads: Reads,
    probe: Probe,
    keys: Keys,
    intake: Intake,
    outcomes: Outcomes,
    publisher: Publisher,
    routes: Routes,
    events: Events,
    metrics: PrometheusHandle,
    public_url: String,
    test_clock: bool,
    draining: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Serves until `shutdown`, then finishes what is in flight. Metrics and the state of things are for operators, at
/// `metrics_addr`.
///
/// # Errors
/// When the settings cannot be used or an address is taken. Later faults are answered with 503.
pub async fn run(
    args: ApiArgs,
    metrics_addr: SocketAddr,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
) -> Result<(), String> {
    Guards::new(args.mode)
        .database(&args.database)
        .broker(&args.broker)
        .events(&args.events)
        .test_clock(args.test_clock)
        .check()?;
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
    let app = App(Arc::new(Parts {
        keys: Keys::new(accepting.clone()),
        intake: Intake::start(accepting.clone(), publisher.clone()),
        outcomes: Outcomes::start(accepting, broker, publishing.clone()),
        public_url: args.public_url.unwrap_or_else(|| format!("http://{address}")),
        routes: args.routes,
        test_clock: args.test_clock,
        events: Events::trusting(args.events.trust()?),
        draining: shutdown.clone(),
        publisher,
        metrics,
        pool: writing,
        reads,
        probe: Probe::new(probing),
    }));
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

/// What merchants ask for, with its description.
fn resources() -> (Router<App>, OpenApi) {
    OpenApiRouter::with_openapi(docs::about())
        .routes(routes!(payments::process::process))
        .routes(routes!(payments::read::list))
        .routes(routes!(payments::read::get))
        .routes(routes!(payments::finish::capture))
        .routes(routes!(payments::finish::cancel))
        .routes(routes!(refunds::create::create))
        .routes(routes!(refunds::read::list))
        .routes(routes!(refunds::read::get))
        .routes(routes!(plans::create::create))
        .routes(routes!(plans::read::list))
        .routes(routes!(plans::read::get, plans::read::archive))
        .routes(routes!(customers::create::create))
        .routes(routes!(customers::read::list))
        .routes(routes!(customers::read::get, customers::update::update))
        .routes(routes!(customers::methods::add))
        .routes(routes!(customers::methods::get, customers::methods::delete))
        .routes(routes!(customers::methods::make_default))
        .routes(routes!(subscriptions::create::create))
        .routes(routes!(subscriptions::read::list))
        .routes(routes!(subscriptions::read::get))
        .routes(routes!(subscriptions::update::update))
        .routes(routes!(subscriptions::preview::preview))
        .routes(routes!(subscriptions::pause::pause))
        .routes(routes!(subscriptions::pause::resume))
        .routes(routes!(subscriptions::cancel::cancel))
        .routes(routes!(invoices::read::list))
        .routes(routes!(invoices::read::get))
        .routes(routes!(invoices::page::show))
        .routes(routes!(invoices::ask::pay))
        .routes(routes!(invoices::ask::void))
        .routes(routes!(invoices::ask::mark_uncollectible))
        .routes(routes!(reports::subscriptions))
        .routes(routes!(test_clock::advance))
        .split_for_parts()
}

/// All routes, with their documentation.
pub fn router(app: App) -> Router {
    let (resources, openapi) = resources();
    let description = docs::describe(openapi, &app.public_url);
    Router::new()
        .nest("/v1", resources.clone())
        .merge(resources)
        .route("/gateways/{name}/webhook", post(gateways::receive))
        .merge(probes::router())
        .merge(docs::router(&description))
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(request::refuse_card_data))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(request::panicked))
        .layer(middleware::from_fn(request::complete))
        .with_state(app)
}

impl App {
    /// The URL of a resource, as merchants would call it.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }
}
