//! The API, as a merchant calls it: what these commands do, any client can do.

use std::time::Duration;

use clap::Args;
use common::{config::secret, gateway::http_client};
use reqwest::{Client, Method, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// How long an answer may take: longer than anybody waits for an event.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Where the API is, and who asks.
#[derive(Debug, Clone, Args)]
pub struct ApiArgs {
    /// Where the API is.
    #[arg(long, env = "REMIT_API_URL", default_value = "http://127.0.0.1:8080")]
    api_url: String,
    /// An API key of the merchant's.
    #[arg(long, env = "REMIT_API_KEY", hide_env_values = true, value_parser = secret)]
    api_key: SecretString,
}

/// A merchant's connection to the API.
pub struct Api {
    client: Client,
    url: String,
    key: SecretString,
}

impl Api {
    /// Fails when the TLS backend cannot be initialised.
    pub fn new(args: ApiArgs) -> Result<Self, String> {
        let client = http_client(ANSWER_WITHIN).map_err(|error| error.to_string())?;
        Ok(Self { client, url: args.api_url.trim_end_matches('/').to_owned(), key: args.api_key })
    }

    /// What is there.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let request = self.request(Method::GET, path).query(query);
        read(request.send().await.map_err(|error| self.explain(&error))?).await
    }

    /// What is made of it, as it stands after ten seconds at the latest.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, String> {
        let request =
            self.request(Method::POST, path).header("idempotency-key", key).header("prefer", "wait=10");
        read(request.json(body).send().await.map_err(|error| self.explain(&error))?).await
    }

    /// What becomes of what is there.
    pub async fn delete(&self, path: &str) -> Result<Value, String> {
        let request = self.request(Method::DELETE, path).header("prefer", "wait=10");
        read(request.send().await.map_err(|error| self.explain(&error))?).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(self.key.expose_secret())
    }

    fn explain(&self, error: &reqwest::Error) -> String {
        format!("{} does not answer ({error}); is REMIT_API_URL right, and the API running?", self.url)
    }
}

/// The body, or what the API says against the request.
async fn read(response: Response) -> Result<Value, String> {
    let status = response.status();
    let body: Value = response.json().await.map_err(|error| format!("{status}: {error}"))?;
    if status.is_success() {
        return Ok(body);
    }
    let faults = body["errors"].as_array().into_iter().flatten();
    let faults = faults.filter_map(|fault| fault["detail"].as_str());
    let told: Vec<_> = body["detail"].as_str().into_iter().chain(faults).collect();
    Err(format!("{}: {}", status.as_u16(), told.join(" ")))
}
