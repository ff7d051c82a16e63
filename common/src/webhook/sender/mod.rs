//! Sends a delivery: no redirects, no proxy, and to no address within our own network. What is looked at is the address
//! that is connected to: a name may mean another one than a moment ago.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use reqwest::{
    Client, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use tokio::time::Instant;

use super::{destination::Rules, state::Outcome};
use crate::{card_data, clock};

/// Bytes of an answer that are read, at most.
const ANSWER_MAX: usize = 1024;

/// What is sent, and by what it is known to be ours.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The event's id: the same in each attempt.
    pub id: String,
    /// The moment of this attempt, in seconds since 1970: a receiver looks at it, so it is the world's, and no test
    /// deployment's.
    pub timestamp: i64,
    /// By each secret that signs.
    pub signatures: String,
    /// What is signed.
    pub body: Vec<u8>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The answer, as far as it decides anything.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// What the answer began with.
    pub answer: Option<String>,
    /// Why none came.
    pub error: Option<String>,
}

/// Connections to endpoints.
pub struct Sender {
    client: Client,
    rules: Rules,
}

impl Sender {
    /// With the names that this machine knows. `timeout` bounds an attempt.
    ///
    /// Fails when the TLS backend cannot be initialised.
    pub fn new(rules: Rules, timeout: Duration) -> reqwest::Result<Self> {
        Self::with_names(rules, timeout, Arc::new(System))
    }

    fn with_names(rules: Rules, timeout: Duration, names: Arc<dyn Names>) -> reqwest::Result<Self> {
        // Ignored: the provider may have been installed by an earlier client of this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Filtered { names, rules: rules.clone() };
        let client = Client::builder()
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .pool_max_idle_per_host(2)
            .dns_resolver(Arc::new(resolver))
            .user_agent(concat!("remit/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, rules })
    }

    /// Sends it, and tells what came of it. An answer counts from its first line: what is wrong with the rest is its
    /// sender's.
    pub async fn send(&self, url: &str, signed: Signed) -> Sent {
        let begun = Instant::now();
        let (outcome, answer, error) = match self.answered(url, signed).await {
            Ok(response) => {
                let outcome = Outcome::Answered(response.status().as_u16(), asked_to_wait(&response));
                (outcome, beginning(response).await, None)
            }
            Err(why) => (Outcome::Unanswered, None, Some(why)),
        };
        Sent { outcome, duration: begun.elapsed(), answer, error }
    }

    async fn answered(&self, url: &str, signed: Signed) -> Result<Response, String> {
        // No name is looked up where the URL has an address: this is the only place that sees it.
        let url = self.rules.check(url).map_err(|why| format!("the URL {why}"))?;
        let Signed { id, timestamp, signatures, body } = signed;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures)
            .body(body);
        request.send().await.map_err(|error| why(&error))
    }
}

/// Why no answer came: the innermost error says what happened, the outer ones name the URL.
fn why(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    let cause = causes.last().map(ToString::to_string).unwrap_or_default();
    if error.is_timeout() { format!("time-out: {cause}") } else { cause }
}

/// `Retry-After`: seconds, or a moment.
fn asked_to_wait(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    (moment.to_utc() - clock::outside()).to_std().ok()
}

/// What an answer begins with, where it says anything: as text, without card data.
async fn beginning(mut response: Response) -> Option<String> {
    if response.status() == StatusCode::NO_CONTENT {
        return None;
    }
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(ANSWER_MAX);
    let text = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
    (!text.is_empty()).then(|| card_data::redact(&text).into_owned())
}

/// What names mean.
trait Names: Send + Sync {
    /// The addresses of a name, now.
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// What this machine knows of names.
struct System;

impl Names for System {
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Leaves only what may be called of a name's addresses, each time that one is connected to.
struct Filtered {
    names: Arc<dyn Names>,
    rules: Rules,
}

/// A name has no address that may be called.
#[derive(Debug, thiserror::Error)]
#[error("its name leads to no address that can be reached from everywhere")]
struct Within;

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, rules) = (self.names.look_up(name.as_str().to_owned()), self.rules.clone());
        Box::pin(async move {
            let mut allowed = found.await?;
            allowed.retain(|address| rules.may_call(*address));
            if allowed.is_empty() {
                return Err(Within.into());
            }
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
