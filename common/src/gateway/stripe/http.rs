//! Calls to Stripe over HTTP: who we are, which version we speak, and what it means when no answer comes.

use reqwest::{Client, RequestBuilder, Url};
use secrecy::ExposeSecret;

use crate::gateway::{Report, Resolution};

use super::{StripeConfig, request::Fields, response::Received};

/// Connections to Stripe, and the way to speak over them.
pub struct Http {
    client: Client,
    config: StripeConfig,
}

impl Http {
    pub fn new(config: StripeConfig) -> reqwest::Result<Self> {
        Ok(Self { client: crate::gateway::http_client(config.timeout)?, config })
    }

    /// Asks for an operation, under a key.
    pub async fn post(
        &self,
        path: &[&str],
        key: &str,
        form: &Fields,
        traceparent: Option<&str>,
    ) -> reqwest::Result<Received> {
        let call = self.client.post(self.url(path)).header("idempotency-key", key).form(form);
        self.send(call, traceparent).await
    }

    /// Asks a question.
    pub async fn get(
        &self,
        path: &[&str],
        query: &Fields,
        traceparent: Option<&str>,
    ) -> reqwest::Result<Received> {
        self.send(self.client.get(self.url(path)).query(query), traceparent).await
    }

    /// Segment by segment: an id from elsewhere must not lead to another path.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v1").extend(path);
        }
        url
    }

    async fn send(&self, call: RequestBuilder, traceparent: Option<&str>) -> reqwest::Result<Received> {
        let call = match traceparent {
            Some(traceparent) => call.header("traceparent", traceparent),
            None => call,
        };
        let response = crate::gateway::tell_time(call, &self.config.ahead)
            .bearer_auth(self.config.secret_key.expose_secret())
            .header("stripe-version", &self.config.version)
            .send()
            .await?;
        let header = |name| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Ok(Received {
            status: response.status().as_u16(),
            request_id: header("request-id"),
            should_retry: header("stripe-should-retry"),
            retry_after: header("retry-after"),
            body: response.bytes().await?,
        })
    }
}

/// No answer came. Only a failure to connect proves that nothing was sent.
pub fn not_answered(error: &reqwest::Error) -> Report {
    let why = root_cause(error);
    if error.is_connect() {
        Report::NotSent { why, retry_after: None }
    } else {
        Report::Unknown { why, resolution: Resolution::Replay }
    }
}

/// The innermost error says what happened; the outer ones name the URL.
pub fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_timeout() { format!("time-out: {cause}") } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_id_stays_within_its_place() {
        let config = StripeConfig {
            base_url: "http://127.0.0.1:1/".parse().unwrap(),
            secret_key: "sk_test_1".to_owned().into(),
            version: "2023-08-16".into(),
            timeout: Duration::from_secs(1),
            ahead: Default::default(),
        };
        let http = Http::new(config).unwrap();
        for (id, path) in [
            ("dp_1", "/v1/disputes/dp_1"),
            ("../refunds", "/v1/disputes/..%2Frefunds"),
            ("dp_1?a=b#c", "/v1/disputes/dp_1%3Fa=b%23c"),
            ("%2e%2e", "/v1/disputes/%252e%252e"),
        ] {
            let url = http.url(&["disputes", id]);
            assert_eq!((url.path(), url.query()), (path, None), "{id}");
        }
    }
}
