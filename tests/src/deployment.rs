//! A whole deployment, and the hands to disturb it with.

use std::{collections::HashMap, path::PathBuf};

use common::{
    id::ApiKeyId,
    job::Kind,
    merchant::{
        Rights,
        key::ApiKey,
        store::{
            self,
            keys::{self, NewKey},
        },
    },
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::{
    Merchant, Proxy, Remains, Service, eventually,
    process::{Process, binary},
    proxy::authority,
    remains, servers,
};

/// What differs from one test to another.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bound for one call to the gateway, in milliseconds.
    pub gateway_timeout_ms: u64,
    /// How long a claim lasts, in milliseconds.
    pub lease_ms: u64,
    /// Failures in a row before a gateway is given a rest. High: most tests are about failures.
    pub gateway_failures: u32,
    /// How long that rest is, in milliseconds.
    pub gateway_rest_ms: u64,
    /// Calls to each gateway in a second; 0: no bound.
    pub per_second: u32,
    /// Whether the API lets merchants move the clock.
    pub test_clock: bool,
    /// What to start at once.
    pub services: Vec<Service>,
    /// How many file descriptors the API may have; `None`: as many as we.
    pub descriptors: Option<u32>,
}

/// With what the sandbox signs Stripe's events.
pub const WEBHOOK_SECRET: &str = "whsec_system";
/// Where the certificates lead with which the sandbox plays PayPal's.
pub const SANDBOX_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sandbox/certificates/root.pem");
/// By what the sandbox knows our webhook at PayPal.
pub const WEBHOOK_ID: &str = "1JE4291016473214C";

impl Default for Settings {
    fn default() -> Self {
        Self {
            gateway_timeout_ms: 1000,
            lease_ms: 4500,
            gateway_failures: 1_000_000,
            gateway_rest_ms: 500,
            per_second: 0,
            test_clock: true,
            services: vec![Service::Sandbox, Service::Api, Service::Scheduler, Service::Worker],
            descriptors: None,
        }
    }
}

/// A whole deployment. All of it goes when it is dropped.
pub struct Deployment {
    /// A connection to its database, past the proxy.
    pub pool: PgPool,
    /// The link to Postgres.
    pub postgres: Proxy,
    /// The link to RabbitMQ.
    pub rabbitmq: Proxy,
    /// A merchant of it.
    pub merchant: Merchant,
    name: String,
    directory: PathBuf,
    environment: HashMap<&'static str, String>,
    processes: HashMap<Service, Process>,
    more_apis: Vec<Process>,
    descriptors: Option<u32>,
    allowed: Vec<Remains>,
}

impl Deployment {
    /// With the usual settings.
    pub async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    /// Only the API: what is accepted waits.
    pub async fn api_alone() -> Self {
        Self::start_with(Settings { services: vec![Service::Api], ..Settings::default() }).await
    }

    /// A database, queues, and processes of its own.
    pub async fn start_with(settings: Settings) -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let directory = binary("remit-api").parent().unwrap().join("system-tests").join(&name);
        std::fs::create_dir_all(&directory).unwrap();
        let pool = servers::create_database(&name).await;
        let database_url = servers::database_url(&name);
        let postgres = Proxy::start(authority(&database_url, 5432)).await;
        let rabbitmq = Proxy::start(authority(&servers::amqp_url(), 5672)).await;
        let environment = HashMap::from([
            ("DATABASE_URL", postgres.url(&database_url)),
            ("AMQP_URL", rabbitmq.url(&servers::amqp_url())),
            ("REMIT_QUEUE_PREFIX", name.clone()),
            ("REMIT_MODE", "test".into()),
            ("REMIT_LOG", "info".into()),
            ("REMIT_LOG_FORMAT", "json".into()),
            ("REMIT_SANDBOX_ADDR", "127.0.0.1:0".into()),
            ("REMIT_SANDBOX_DIR", directory.join("sandbox").display().to_string()),
            ("REMIT_API_ADDR", "127.0.0.1:0".into()),
            ("REMIT_TEST_CLOCK", settings.test_clock.to_string()),
            ("REMIT_METRICS_ADDR", "127.0.0.1:0".into()),
            ("REMIT_STRIPE_SECRET_KEY", "sk_test_system".into()),
            ("REMIT_STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET.into()),
            ("REMIT_STRIPE_PER_SECOND", settings.per_second.to_string()),
            ("REMIT_PAYPAL_CLIENT_ID", "test_system".into()),
            ("REMIT_PAYPAL_CLIENT_SECRET", "test_system".into()),
            ("REMIT_PAYPAL_WEBHOOK_ID", WEBHOOK_ID.into()),
            ("REMIT_PAYPAL_TEST_ROOT", SANDBOX_ROOT.into()),
            ("REMIT_PAYPAL_PER_SECOND", settings.per_second.to_string()),
            ("REMIT_GATEWAY_FAILURES", settings.gateway_failures.to_string()),
            ("REMIT_GATEWAY_REST_MS", settings.gateway_rest_ms.to_string()),
            ("REMIT_RECONCILE", String::new()),
            ("REMIT_GATEWAY_TIMEOUT_MS", settings.gateway_timeout_ms.to_string()),
            ("REMIT_WORKER_LEASE_MS", settings.lease_ms.to_string()),
            ("REMIT_WEBHOOK_ALLOW_PRIVATE", "true".into()),
            ("REMIT_WEBHOOK_TIMEOUT_MS", "1500".into()),
            ("REMIT_SCHEDULER_POLL_MS", "50".into()),
        ]);
        let merchant = Merchant::new(String::new(), String::new());
        let processes = HashMap::new();
        let (descriptors, allowed) = (settings.descriptors, Vec::new());
        let mut deployment = Self {
            pool,
            postgres,
            rabbitmq,
            merchant,
            name,
            directory,
            environment,
            processes,
            more_apis: Vec::new(),
            descriptors,
            allowed,
        };
        for service in settings.services {
            deployment.run(service).await;
        }
        deployment.merchant = deployment.new_merchant("Shop").await;
        deployment.connect_webhooks().await;
        deployment
    }

    /// The sandbox sends what happens by itself to the API, if both are there.
    pub async fn connect_webhooks(&self) {
        let both =
            [Service::Sandbox, Service::Api].iter().all(|service| self.processes.contains_key(service));
        if both {
            let url = |gateway| format!("{}/gateways/{gateway}/webhook", self.merchant.url);
            let targets = json!({
                "stripe": { "url": url("stripe"), "secret": WEBHOOK_SECRET },
                "paypal": { "url": url("paypal"), "webhook_id": WEBHOOK_ID },
            });
            self.sandbox("POST", "/control/webhooks", &targets).await;
        }
    }

    /// Changes a setting of the processes that are started from now on.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.environment.insert(name, value.into());
    }

    /// Starts a process: for the first time, or again at the same address.
    pub async fn run(&mut self, service: Service) {
        let descriptors = self.descriptors.filter(|_| service == Service::Api);
        let process = Process::start(service, &self.environment, &self.directory, descriptors).await;
        if let Some(url) = &process.url {
            let address = url.trim_start_matches("http://").to_owned();
            match service {
                Service::Sandbox => {
                    self.environment.insert("REMIT_STRIPE_URL", url.clone());
                    self.environment.insert("REMIT_PAYPAL_URL", url.clone());
                    self.environment.insert("REMIT_PAYPAL_CERT_HOSTS", address.clone());
                    self.environment.insert("REMIT_SANDBOX_ADDR", address);
                }
                _ => {
                    self.environment.insert("REMIT_API_ADDR", address);
                }
            }
        }
        self.processes.insert(service, process);
    }

    /// Starts one more API beside the first, with these settings besides, and tells where it is.
    pub async fn another_api(&mut self, settings: &[(&'static str, &str)]) -> String {
        let mut environment = self.environment.clone();
        environment.insert("REMIT_API_ADDR", "127.0.0.1:0".into());
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let process = Process::start(Service::Api, &environment, &self.directory, None).await;
        let url = process.url.clone().expect("it says where it is");
        self.more_apis.push(process);
        url
    }

    /// This test is about what no other may leave behind.
    pub fn leaves(&mut self, remains: &[Remains]) {
        self.allowed.extend_from_slice(remains);
    }

    /// Leaves it at its default.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// What a process says that refuses to start with another setting.
    pub async fn refusal(&self, service: Service, name: &'static str, value: &str) -> String {
        self.refusal_with(service, &[(name, value)]).await
    }

    /// The same with several.
    pub async fn refusal_with(&self, service: Service, settings: &[(&'static str, &str)]) -> String {
        let mut environment = self.environment.clone();
        environment.insert("REMIT_API_ADDR", "127.0.0.1:0".into());
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        crate::process::refusal(service, &environment).await
    }

    /// What an operator is told by `remit`; an error where it ends with one.
    pub async fn remit(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = tokio::process::Command::new(binary("remit"));
        let output = command.env_clear().envs(&self.environment).args(arguments).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// `kill -9`
    pub async fn kill(&mut self, service: Service) {
        let mut process = self.processes.remove(&service).expect("it runs");
        process.signal("KILL").await;
        process.ended().await;
    }

    /// SIGTERM, and waits for the end, which must be an orderly one.
    pub async fn stop(&mut self, service: Service) {
        // Before it says its first word it may not hear the signal either.
        eventually("it has begun", || async { (!self.log(service).is_empty()).then_some(()) }).await;
        let mut process = self.processes.remove(&service).expect("it runs");
        process.signal("TERM").await;
        let status = process.ended().await;
        assert!(status.success(), "{service:?} ended with {status}");
    }

    /// Sends a signal by its name.
    pub async fn signal(&self, service: Service, signal: &str) {
        self.processes[&service].signal(signal).await;
    }

    /// Another merchant, with a key that may do all.
    pub async fn new_merchant(&self, name: &str) -> Merchant {
        self.with_key(name, false, &Rights::all()).await
    }

    /// Somebody with a key of that side of a merchant, which may do this.
    pub async fn with_key(&self, name: &str, livemode: bool, rights: &Rights) -> Merchant {
        let key = ApiKey::generate(&mut seeded(), livemode);
        let mut connection = self.pool.acquire().await.unwrap();
        let merchant = store::find_or_create(&mut connection, name, livemode).await.unwrap();
        let new = NewKey { id: ApiKeyId::new(), merchant, first_key: None, name: None, rights };
        keys::add(&mut *connection, &key, &new).await.unwrap();
        let url = self.processes.get(&Service::Api).and_then(|api| api.url.clone());
        Merchant::new(url.unwrap_or_default(), key.reveal().to_owned())
    }

    /// Where the sandbox is.
    #[must_use]
    pub fn sandbox_url(&self) -> &str {
        &self.environment["REMIT_STRIPE_URL"]
    }

    /// What the sandbox really charged for a payment.
    pub async fn charges(&self, payment: &str) -> Vec<Value> {
        let books = self.sandbox("GET", &format!("/books?reference={payment}"), &Value::Null).await;
        books["charges"].as_array().expect("charges").clone()
    }

    /// What the sandbox really charged, all of it.
    pub async fn books(&self) -> Value {
        self.sandbox("GET", "/books", &Value::Null).await
    }

    /// Asks something of the sandbox besides its protocols.
    pub async fn sandbox(&self, method: &str, path: &str, body: &Value) -> Value {
        let client = common::gateway::http_client(crate::PATIENCE).unwrap();
        let method = method.parse().unwrap();
        let mut request = client.request(method, format!("{}{path}", self.sandbox_url()));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the sandbox answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null)
    }

    /// Moves time ahead, for everybody.
    pub async fn advance(&self, seconds: i64) {
        sqlx::query("UPDATE test_clock SET ahead = ahead + make_interval(secs => $1)")
            .bind(f64::from(i32::try_from(seconds).unwrap()))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// How many rows a query counts.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    /// All rows of all tables, as Postgres writes them out: a line each, under the name of their table.
    pub async fn dump(&self) -> String {
        let tables = "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                      AND relkind IN ('r', 'p') ORDER BY 1";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&self.pool).await.unwrap();
        let mut dump = String::new();
        for table in tables {
            let rows = AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
            let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&self.pool).await.unwrap();
            dump.extend([table.as_str(), "\n", &rows.join("\n"), "\n"]);
        }
        dump
    }

    /// Waits until no job is left.
    pub async fn settled(&self) {
        eventually("no job is left", || async {
            (self.count("SELECT count(*) FROM jobs").await == 0).then_some(())
        })
        .await;
    }

    /// Waits until the gateways have told all that they have to tell, and no job is left.
    pub async fn quiet(&self) {
        eventually("all is told, and no job is left", || async {
            let told = self.sandbox("GET", "/control/webhooks", &Value::Null).await["pending"] == 0;
            let done = self.count("SELECT count(*) FROM jobs").await == 0;
            (told && done).then_some(())
        })
        .await;
    }

    /// From now on requests to the gateways go wrong by these rules; by none, they go well.
    pub async fn faults(&self, rules: Value) {
        self.sandbox("POST", "/control/faults", &rules).await;
    }

    /// Moves time ahead for everybody, and at the gateways.
    pub async fn advance_all(&self, seconds: i64) {
        self.sandbox("POST", "/control/clock", &json!({ "advance_seconds": seconds })).await;
        self.advance(seconds).await;
    }

    /// The requests that the gateways got about one payment or refund, as `POST /path outcome`.
    pub async fn requests(&self, reference: &str) -> Vec<String> {
        let log = self.sandbox("GET", &format!("/requests?reference={reference}"), &Value::Null).await;
        let text = |request: &Value| {
            let field = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", field("method"), field("path"), field("outcome"))
        };
        log["data"].as_array().expect("a list").iter().map(text).collect()
    }

    /// The broker loses all that is ours.
    pub async fn wipe_broker(&self) {
        servers::wipe_broker(&self.name).await;
    }

    /// Delivers messages by hand: bodies and nothing else.
    pub async fn deliver(&self, kind: Kind, bodies: &[Vec<u8>]) {
        let connection = servers::broker().await;
        let queue = servers::queue(&self.name, kind);
        let channel =
            eventually("the queue is declared", || servers::channel_with(&connection, &queue)).await;
        // Confirmed, as ours are: a queue that was only just declared may lose what is not. A broker that
        // says no, because the queue's leader is still being chosen, is asked again.
        channel.confirm_select(Default::default()).await.unwrap();
        for body in bodies {
            eventually("the broker takes it", || async {
                let (options, properties) = (Default::default(), lapin::BasicProperties::default());
                let published =
                    channel.basic_publish("".into(), queue.as_str().into(), options, body, properties).await;
                published.unwrap().await.unwrap().is_ack().then_some(())
            })
            .await;
        }
        connection.close(200, "done".into()).await.unwrap();
    }

    /// Messages that were put aside because nobody could read them.
    pub async fn parked_messages(&self) -> u32 {
        let connection = servers::broker().await;
        let channel = connection.create_channel().await.unwrap();
        let options = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = format!("{}.dead.v1", self.name);
        let queue = channel.queue_declare(queue.into(), options, Default::default()).await.unwrap();
        let count = queue.message_count();
        connection.close(200, "done".into()).await.unwrap();
        count
    }

    /// What the API tells operators at a path, of its listener for them: the status, and the text.
    pub async fn api_tells(&self, path: &str) -> (u16, String) {
        let url = self.processes[&Service::Api].metrics_url.as_ref().expect("a listener for operators");
        let client = common::gateway::http_client(crate::PATIENCE).unwrap();
        let answer = client.get(format!("{url}{path}")).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What it leaves behind that it must not.
    fn remains(&self) -> Vec<String> {
        let (name, allowed) = (self.name.clone(), self.allowed.clone());
        let found = servers::apart(async move { remains::of(&name, &allowed).await });
        let mut found = found.unwrap_or_else(|| vec!["its database cannot be looked at".to_owned()]);
        if !self.allowed.contains(&Remains::Panics) {
            let logs = Service::ALL.map(|service| self.log(service));
            found.extend(logs.iter().filter_map(|log| remains::panic(log)));
        }
        found
    }

    /// What a process has logged so far.
    #[must_use]
    pub fn log(&self, service: Service) -> String {
        let path = self.directory.join(format!("{service:?}.log").to_lowercase());
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

/// What a deployment leaves is looked at by every test.
impl Drop for Deployment {
    fn drop(&mut self) {
        self.processes.clear();
        self.more_apis.clear();
        let failed = std::thread::panicking();
        let found = if failed { Vec::new() } else { self.remains() };
        let name = self.name.clone();
        servers::apart(async move {
            servers::drop_database(&name).await;
            servers::wipe_broker(&name).await;
        });
        if failed || !found.is_empty() {
            eprintln!("the logs of this deployment: {}", self.directory.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
        // Nothing here hides the test's own fault.
        assert!(failed || found.is_empty(), "the deployment has left\n{}", found.join("\n"));
    }
}

/// Keys must differ from one deployment to another only where they share a database: they never do.
fn seeded() -> impl rand::Rng {
    use rand::SeedableRng as _;
    rand::rngs::StdRng::from_seed(
        *[Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat().first_chunk().unwrap(),
    )
}
