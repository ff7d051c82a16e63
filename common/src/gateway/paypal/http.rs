//! The talk with PayPal about one operation: several calls at times, bounded together as one call is,
//! because a lease outlives only that. A token is put on each, and exchanged once if it is refused.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use reqwest::{RequestBuilder, Response, Url};
use secrecy::ExposeSecret;

use crate::gateway::{
    Answer, Call, Fault, GatewayKey, InDoubt, Obstacle, Report, Resolution, Sending,
    sending::{Failed, TooLate, root_cause},
};

use super::{
    Paypal,
    access_token::{self, Fresh, NoToken, Token},
    response::Received,
};

/// The longest wait that we take a gateway's word for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// One operation, from its first call to its last.
pub struct Talk<'a> {
    paypal: &'a Paypal,
    operation: &'static str,
    sending: Sending,
    started: Instant,
    /// Whether anybody was asked.
    called: bool,
    /// The status and the debug id of the last call's answer, if one came.
    last: Option<(u16, Option<String>)>,
}

/// No answer came.
pub enum Silence {
    /// Nothing was sent.
    NotSent {
        /// What went wrong, for operators.
        why: String,
        /// How long PayPal asked us to wait.
        retry_after: Option<Duration>,
        /// What stood in its way.
        obstacle: Obstacle,
    },
    /// Nothing was sent, because PayPal does not know us.
    NoCredentials(String),
    /// It may have been sent.
    Unanswered(String),
}

/// What it says of an operation.
impl From<Silence> for InDoubt {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::NotSent { why, retry_after, obstacle } => Self::NotSent { why, retry_after, obstacle },
            Silence::NoCredentials(message) => {
                Self::Refused { code: "invalid_client".into(), message, fault: Fault::Credentials }
            }
            Silence::Unanswered(why) => Self::Unknown { why, resolution: Resolution::Replay },
        }
    }
}

impl Silence {
    /// What went wrong, for operators.
    pub fn why(self) -> String {
        match self {
            Self::NotSent { why, .. } | Self::NoCredentials(why) | Self::Unanswered(why) => why,
        }
    }
}

impl From<NoToken> for Silence {
    fn from(failure: NoToken) -> Self {
        match failure {
            NoToken::NotNow { why, retry_after } => {
                Self::NotSent { why, retry_after, obstacle: Obstacle::Unreachable }
            }
            NoToken::Refused(message) => Self::NoCredentials(message),
        }
    }
}

impl<'a> Talk<'a> {
    /// Begins a question: the time runs from here.
    pub fn begin(paypal: &'a Paypal, operation: &'static str, traceparent: Option<&str>) -> Self {
        let sending = Sending { traceparent: traceparent.map(str::to_owned), deadline: None };
        Self::operate(paypal, operation, &sending)
    }

    /// Begins what changes something.
    pub fn operate(paypal: &'a Paypal, operation: &'static str, sending: &Sending) -> Self {
        let (sending, started) = (sending.clone(), Instant::now());
        Self { paypal, operation, sending, started, called: false, last: None }
    }

    /// Ends with this report.
    pub fn answer<T>(self, report: Report<T>) -> Answer<T> {
        if !self.called {
            return Answer::without_a_call(report);
        }
        let (http_status, request_id) = self.last.unzip();
        let (operation, request_id, duration) =
            (self.operation, request_id.flatten(), self.started.elapsed());
        let call = Call { operation, http_status, request_id, duration };
        Answer { report, call, cursor: None }
    }

    /// Does something, under a key.
    pub async fn post(&mut self, path: &[&str], key: &GatewayKey, body: String) -> Result<Received, Silence> {
        let call = self
            .paypal
            .client
            .post(self.paypal.url(path))
            .header("paypal-request-id", &**key)
            .header("prefer", "return=representation")
            .header("content-type", "application/json");
        self.send(call, body.into()).await
    }

    /// Asks something that has a body, and changes nothing.
    pub async fn ask(&mut self, path: &[&str], body: Vec<u8>) -> Result<Received, Silence> {
        let call = self.paypal.client.post(self.paypal.url(path));
        self.send(call.header("content-type", "application/json"), body.into()).await
    }

    /// Reads something.
    pub async fn get(&mut self, path: &[&str], query: &[(&str, String)]) -> Result<Received, Silence> {
        let call = self.paypal.client.get(self.paypal.url(path)).query(query);
        self.send(call, Bytes::new()).await
    }

    /// A 401 says that the call did not run: it may be made again with another token, once.
    async fn send(&mut self, call: RequestBuilder, body: Bytes) -> Result<Received, Silence> {
        self.called = true;
        let call = match &self.sending.traceparent {
            Some(traceparent) => call.header("traceparent", traceparent),
            None => call,
        };
        let again = call.try_clone();
        let token = self.token(None).await?;
        let received = self.send_with(call, body.clone(), &token).await?;
        match again {
            Some(again) if received.status == 401 => {
                let token = self.token(Some(&token)).await?;
                self.send_with(again, body, &token).await
            }
            _ => Ok(received),
        }
    }

    /// The last look at the clock is the body's own; where there is none to look, it is this one.
    async fn send_with(
        &mut self,
        call: RequestBuilder,
        body: Bytes,
        token: &Token,
    ) -> Result<Received, Silence> {
        self.last = None;
        if self.sending.is_too_late() {
            return Err(held_back(TooLate.to_string()));
        }
        let call = if body.is_empty() { call } else { call.body(self.sending.body(body)) };
        let call = crate::gateway::tell_time(call, &self.paypal.config.ahead);
        let call = call.bearer_auth(token.bearer.expose_secret()).timeout(self.time_left()?);
        let unanswered = |error: reqwest::Error| {
            let why = root_cause(&error);
            match Failed::of(&error) {
                Failed::Unreachable => not_reached(why),
                Failed::TooLate => held_back(why),
                Failed::Unanswered => Silence::Unanswered(why),
            }
        };
        let response = call.send().await.map_err(unanswered)?;
        let status = response.status().as_u16();
        self.last = Some((status, header(&response, "paypal-debug-id")));
        let retry_after = retry_after(&response);
        let body = response.bytes().await.map_err(|error| Silence::Unanswered(root_cause(&error)))?;
        Ok(Received { status, retry_after, body })
    }

    async fn token(&self, refused: Option<&Arc<Token>>) -> Result<Arc<Token>, Silence> {
        let time_left = self.time_left()?;
        let getting =
            self.paypal.tokens.get(refused, |patience| self.paypal.fetch_token(time_left / patience));
        match tokio::time::timeout(time_left, getting).await {
            Ok(token) => Ok(token?),
            Err(_) => Err(too_late()),
        }
    }

    fn time_left(&self) -> Result<Duration, Silence> {
        let time_left = self.paypal.config.timeout.saturating_sub(self.started.elapsed());
        if time_left.is_zero() { Err(too_late()) } else { Ok(time_left) }
    }
}

impl Paypal {
    /// The address of a thing. An id that PayPal gave us stays one segment, whatever is in it.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        url
    }

    /// Whether PayPal knows our credentials, as of now.
    ///
    /// Fails with a sentence for operators.
    pub(super) async fn authenticate(&self) -> Result<(), String> {
        match self.fetch_token(self.config.timeout).await {
            Ok(_) => Ok(()),
            Err(NoToken::NotNow { why, .. } | NoToken::Refused(why)) => Err(why),
        }
    }

    async fn fetch_token(&self, patience: Duration) -> Result<Fresh, NoToken> {
        let not_now = |error: reqwest::Error| NoToken::NotNow {
            why: format!("no token: {}", root_cause(&error)),
            retry_after: None,
        };
        let response = self
            .client
            .post(self.url(&["v1", "oauth2", "token"]))
            .basic_auth(&self.config.client_id, Some(self.config.client_secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")])
            .timeout(patience)
            .send()
            .await
            .map_err(not_now)?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        let body: Bytes = response.bytes().await.map_err(not_now)?;
        access_token::read(status, retry_after, &body)
    }
}

/// PayPal took all the time before the call itself.
fn too_late() -> Silence {
    not_reached("no time was left for the call".into())
}

fn not_reached(why: String) -> Silence {
    Silence::NotSent { why, retry_after: None, obstacle: Obstacle::Unreachable }
}

fn held_back(why: String) -> Silence {
    Silence::NotSent { why, retry_after: None, obstacle: Obstacle::Busy }
}

fn header(response: &Response, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

/// `Retry-After` in seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = header(response, "retry-after")?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
