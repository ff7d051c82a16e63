//! Calls to Stripe over HTTP: who we are, which version we speak, and what it means when no answer comes.

use bytes::Bytes;
use reqwest::{Body, Client, RequestBuilder, Url};
use secrecy::ExposeSecret;

use crate::gateway::{GatewayKey, InDoubt, Obstacle, Resolution, Sending, sending::Failed};

pub use crate::gateway::sending::root_cause;

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
        key: &GatewayKey,
        form: &Fields,
        sending: &Sending,
    ) -> reqwest::Result<Received> {
        let mut call =
            self.client.post(self.url(path)).header("idempotency-key", &**key).form(form).build()?;
        let written = call.body().and_then(Body::as_bytes).filter(|form| !form.is_empty());
        if let Some(timely) = written.map(|form| sending.body(Bytes::copy_from_slice(form))) {
            *call.body_mut() = Some(timely);
        }
        let call = RequestBuilder::from_parts(self.client.clone(), call);
        self.send(call, sending.traceparent.as_deref()).await
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

/// No answer came.
pub fn not_answered(error: &reqwest::Error) -> InDoubt {
    let why = root_cause(error);
    match Failed::of(error) {
        Failed::Unreachable => InDoubt::NotSent { why, retry_after: None, obstacle: Obstacle::Unreachable },
        Failed::TooLate => held_back(why),
        Failed::Unanswered => InDoubt::Unknown { why, resolution: Resolution::Replay },
    }
}

/// Its time was over, so it was not sent.
pub fn held_back(why: String) -> InDoubt {
    InDoubt::NotSent { why, retry_after: None, obstacle: Obstacle::Busy }
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
            version: crate::gateway::stripe::VERSION.into(),
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
