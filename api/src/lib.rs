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
mod probes;
mod refunds;
mod reports;
mod request;
mod routes;
mod subscriptions;
mod test_clock;

use std::{net::SocketAddr, str::FromStr as _, sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::post, serve::ListenerExt as _};
use clap::Args;
use common::{
    config::{BrokerArgs, DatabaseArgs, Guards, ModeArgs, secret},
    db,
    gateway::EventSecrets,
    job::broker::{BrokerConfig, Publisher},
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};

use auth::Keys;
use error::ApiError;
use intake::Intake;
use outcomes::Outcomes;
use routes::Routes;

/// A body larger than this is refused: 64 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024;

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
    /// The secrets with which Stripe signs its events (`whsec_…`), separated by commas; none: none is taken.
    #[arg(long, env = "REMIT_STRIPE_WEBHOOK_SECRETS", hide_env_values = true, value_delimiter = ',', value_parser = secret)]
    pub stripe_webhook_secrets: Vec<SecretString>,
    /// Lets merchants move the clock of this deployment ahead. Never where money is real.
    #[arg(long, env = "REMIT_TEST_CLOCK")]
    pub test_clock: bool,
    /// Connections to Postgres, at most.
    #[arg(long, env = "REMIT_API_DATABASE_CONNECTIONS", default_value = "8")]
    pub database_connections: u32,
}

/// What every handler may use.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
pub struct Parts {
    pool: PgPool,
    keys: Keys,
    intake: Intake,
    outcomes: Outcomes,
    publisher: Publisher,
    routes: Routes,
    event_secrets: EventSecrets,
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

/// Serves until `shutdown`, then finishes what is in flight.
///
/// # Errors
/// When the settings cannot be used or the address is taken. Later faults are answered with 503.
pub async fn run(
    args: ApiArgs,
    metrics: PrometheusHandle,
    shutdown: CancellationToken,
) -> Result<(), String> {
    Guards::new(args.mode)
        .database(&args.database)
        .broker(&args.broker)
        .webhook_secrets(&args.stripe_webhook_secrets)
        .test_clock(args.test_clock)
        .check()?;
    let pool = db::pool(&args.database.database_url, "remit-api", args.database_connections)
        .map_err(|error| format!("DATABASE_URL: {error}"))?;
    let listener = TcpListener::bind(args.addr).await.map_err(|error| format!("{}: {error}", args.addr))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let broker = BrokerConfig::from(args.broker);
    // The publisher outlives the requests, so that their jobs still go out.
    let publishing = CancellationToken::new();
    let publisher = Publisher::start(broker.clone(), publishing.clone());
    let flushing = publisher.clone();
    let app = App(Arc::new(Parts {
        keys: Keys::new(pool.clone()),
        intake: Intake::start(pool.clone(), publisher.clone()),
        outcomes: Outcomes::start(pool.clone(), broker, publishing.clone()),
        public_url: args.public_url.unwrap_or_else(|| format!("http://{address}")),
        routes: args.routes,
        test_clock: args.test_clock,
        event_secrets: EventSecrets { stripe: args.stripe_webhook_secrets },
        draining: shutdown.clone(),
        publisher,
        metrics,
        pool,
    }));
    // Whoever started us reads this line to learn the port.
    println!("listening on {}", app.public_url);
    let listener = listener.tap_io(|stream| {
        // An answer is one small write: waiting for more to send would only delay it.
        let _ = stream.set_nodelay(true);
    });
    let serving =
        axum::serve(listener, router(app)).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let served = tokio::select! {
        served = serving => served.map_err(|error| error.to_string()),
        () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN_TIMEOUT).await } => Ok(()),
    };
    publishing.cancel();
    flushing.flushed().await;
    served
}

/// All routes, with their documentation.
pub fn router(app: App) -> Router {
    let (resources, mut openapi) = OpenApiRouter::with_openapi(docs::about())
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
        .routes(routes!(customers::read::get))
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
        .split_for_parts();
    docs::complete(&mut openapi, &app.public_url);
    Router::new()
        .nest("/v1", resources.clone())
        .merge(resources)
        .route("/gateways/{name}/webhook", post(gateways::receive))
        .merge(probes::router())
        .merge(docs::router(&openapi))
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
