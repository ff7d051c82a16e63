//! The crate's tests over HTTP, against a real server on a port of its own.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Sandbox;
use crate::journal;

mod balance;
mod debits;
mod declines;
mod disputes;
mod idempotency;
mod listing;
mod misbehaviour;
mod payments;
mod paypal;
mod paypal_disputes;
mod paypal_idempotency;
mod paypal_misbehaviour;
mod paypal_orders;
mod paypal_payments;
mod paypal_reporting;
mod paypal_webhooks;
mod refunds;
mod refusals;
mod restart;
mod webhooks;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that is gone after the test.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    /// A new, empty directory.
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(crate::ids::new_id("remit-sandbox-test"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running sandbox and a client for it.
struct Server {
    url: String,
    client: Client,
    dir: TempDir,
    task: JoinHandle<()>,
}

/// An answer, read whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

type Form<'a> = &'a [(&'a str, &'a str)];

impl Server {
    async fn start() -> Self {
        Self::start_in(TempDir::new()).await
    }

    async fn start_in(dir: TempDir) -> Self {
        // Plain HTTP only, but the client wants to know whom to ask about TLS before it is built.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Sandbox::open(dir.path(), url.clone()).unwrap();
        let task = tokio::spawn(async move { sandbox.serve(listener).await.unwrap() });
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { url, client, dir, task }
    }

    /// What a killed sandbox leaves behind, with `torn` as the line it was about to write, started anew.
    async fn killed_and_restarted(self, torn: &str) -> Self {
        let dir = TempDir::new();
        let mut journal = std::fs::read(self.dir.path().join(journal::FILE_NAME)).unwrap();
        journal.extend_from_slice(torn.as_bytes());
        std::fs::write(dir.path().join(journal::FILE_NAME), journal).unwrap();
        self.task.abort();
        Self::start_in(dir).await
    }

    fn request(&self, method: Method, path: &str, key: Option<&str>) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth("sk_test_1");
        match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }

    async fn post(&self, path: &str, key: Option<&str>, form: Form<'_>) -> Answer {
        let request = self.request(Method::POST, path, key).form(form);
        read(request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path, None).send().await.unwrap()).await
    }

    async fn control(&self, path: &str, body: Value) -> Answer {
        let request = self.client.post(format!("{}/control/{path}", self.url)).json(&body);
        read(request.send().await.unwrap()).await
    }

    /// Creates and confirms a payment of 10.99 EUR with this token.
    async fn pay(&self, token: &str, key: Option<&str>, reference: &str) -> Answer {
        self.post("/v1/payment_intents", key, &payment(token, reference)).await
    }

    /// The same without waiting for the answer.
    fn pay_in_background(
        &self,
        token: &str,
        key: &str,
        reference: &str,
    ) -> JoinHandle<reqwest::Result<reqwest::Response>> {
        let form = payment(token, reference);
        let request = self.request(Method::POST, "/v1/payment_intents", Some(key)).form(&form);
        tokio::spawn(request.send())
    }

    /// Reserves 10.99 EUR with this token.
    async fn hold(&self, token: &str, reference: &str) -> Answer {
        let form = payment_with(token, reference, &[("capture_method", "manual")]);
        self.post("/v1/payment_intents", None, &form).await
    }

    /// Refunds a payment: the remainder, or what `more` says.
    async fn refund(&self, payment: &Answer, key: Option<&str>, more: Form<'_>) -> Answer {
        let form = [&[("payment_intent", payment.id())], more].concat();
        self.post("/v1/refunds", key, &form).await
    }

    /// From now on pending things end only when they are told to.
    async fn settle_by_hand(&self) {
        self.control("settle_after", serde_json::json!({"milliseconds": 3_600_000})).await;
    }

    /// The books of this reference.
    async fn books(&self, reference: &str) -> Value {
        self.get(&format!("/books?reference={reference}")).await.body
    }

    /// What was really charged for this reference.
    async fn charges(&self, reference: &str) -> Vec<Value> {
        let books = self.get(&format!("/books?reference={reference}")).await;
        books.body["charges"].as_array().unwrap().clone()
    }

    /// The outcomes in the request log for this reference.
    async fn outcomes(&self, reference: &str) -> Vec<String> {
        let log = self.get(&format!("/requests?reference={reference}")).await;
        let entries = log.body["data"].as_array().unwrap();
        entries.iter().map(|entry| entry["outcome"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn id(&self) -> &str {
        self.body["id"].as_str().unwrap()
    }

    fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    fn error_code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

async fn read(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

fn payment<'a>(token: &'a str, reference: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("amount", "1099"),
        ("currency", "eur"),
        ("confirm", "true"),
        ("payment_method", token),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("metadata[remit_payment]", reference),
    ]
}

/// A payment with some more parameters, or with others of the same names.
fn payment_with<'a>(token: &'a str, reference: &'a str, more: Form<'a>) -> Vec<(&'a str, &'a str)> {
    let mut form = payment(token, reference);
    form.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    form.extend_from_slice(more);
    form
}

/// Waits until the condition holds.
async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "waited too long until {what}");
}
