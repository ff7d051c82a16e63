//! Stripe's error object, and which errors are remembered under an idempotency key.
//!
//! Stripe keeps an answer once the endpoint has begun to execute. A request refused before that (bad
//! parameters, no such object, too many requests) leaves its key free for another try, so every error
//! says on which side of that line it arose.

use serde_json::{Map, Value, json};

use super::declines::Decline;
use crate::faults::Status;

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct StripeError {
    pub(crate) status: u16,
    /// Whether the endpoint had begun to execute: only then is the answer kept under its key.
    pub(crate) executed: bool,
    /// Sent as `Stripe-Should-Retry` where Stripe itself is sure.
    pub(crate) should_retry: Option<bool>,
    fields: Map<String, Value>,
}

impl StripeError {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), json!(kind));
        fields.insert("message".to_owned(), json!(message.into()));
        Self { status, executed: false, should_retry: None, fields }
    }

    /// 400: the parameters make no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 400: a parameter is needed and not there.
    pub(crate) fn missing(param: &str) -> Self {
        Self::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    /// 400: parameters that the endpoint does not have.
    pub(crate) fn unknown_parameters(names: &[&str]) -> Self {
        let plural = if names.len() == 1 { "" } else { "s" };
        let message = format!("Received unknown parameter{plural}: {}", names.join(", "));
        Self::invalid(message).code("parameter_unknown").param(names.first().copied().unwrap_or_default())
    }

    /// An object named by a parameter (400) or by the path (404) does not exist.
    pub(crate) fn no_such(status: u16, kind: &str, id: &str, param: &str) -> Self {
        let message = format!("No such {kind}: '{id}'");
        Self::new(status, "invalid_request_error", message).code("resource_missing").param(param)
    }

    /// 404: no such endpoint.
    pub(crate) fn no_such_url(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self::new(404, "invalid_request_error", message)
    }

    /// 401: no key, or not one of ours.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", message)
    }

    /// 400: the object is not in a state in which this can be done. The endpoint has executed.
    pub(crate) fn unexpected_state(message: impl Into<String>, intent: Value) -> Self {
        let mut error =
            Self::invalid(message).code("payment_intent_unexpected_state").with("payment_intent", intent);
        error.executed = true;
        error
    }

    /// 400: the key was used for something else.
    pub(crate) fn idempotency(message: impl Into<String>) -> Self {
        Self::new(400, "idempotency_error", message)
    }

    /// 409: another request with this key is still running.
    pub(crate) fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably \
             means you submitted twice, and the other request is still going through): {key}. Please \
             try again later."
        );
        let mut error = Self::new(409, "idempotency_error", message).code("idempotency_key_in_use");
        error.should_retry = Some(true);
        error
    }

    /// 429: refused without running.
    pub(crate) fn too_many_requests() -> Self {
        let message = "Request rate limit exceeded. Learn more about rate limits in the docs.";
        let mut error = Self::new(429, "invalid_request_error", message).code("rate_limit");
        error.should_retry = Some(true);
        error
    }

    /// 503: refused without running. Who gets it cannot know that.
    pub(crate) fn unavailable() -> Self {
        Self::new(503, "api_error", "The server is temporarily unable to handle the request.")
    }

    /// A status that says nothing of the work, and what Stripe advises.
    pub(crate) fn of_status(Status { code, should_retry }: Status, key: &str) -> Self {
        let error = match code {
            401 => Self::unauthorized("Invalid API Key provided: sk_test_****"),
            403 => {
                let message = "The provided key does not have the required permissions for this endpoint.";
                Self::new(403, "invalid_request_error", message).code("more_permissions_required")
            }
            409 => Self::key_in_use(key),
            429 => Self::too_many_requests(),
            503 => Self::unavailable(),
            ..=499 if code != 424 => Self::new(code, "invalid_request_error", "The request was refused."),
            _ => Self::new(code, "api_error", "Something on the way to our servers failed."),
        };
        Self { should_retry: should_retry.or(error.should_retry), ..error }
    }

    /// 500 from within the endpoint.
    pub(crate) fn internal() -> Self {
        let message = "An unknown error occurred while processing your request.";
        let mut error = Self::new(500, "api_error", message);
        error.executed = true;
        error
    }

    /// 402: the card was declined. The endpoint has executed.
    pub(crate) fn card(fields: Map<String, Value>) -> Self {
        Self { status: 402, executed: true, should_retry: None, fields }
    }

    /// The same, in the three vocabularies of a decline.
    pub(crate) fn declined(decline: &Decline<'_>) -> Self {
        Self::card(decline.fields())
    }

    /// The same error, come of executing: it is kept under its key.
    pub(crate) fn executed(mut self) -> Self {
        self.executed = true;
        self
    }

    /// The same error with a `code`.
    pub(crate) fn code(self, code: &str) -> Self {
        self.with("code", json!(code))
    }

    /// The same error, naming the parameter at fault.
    pub(crate) fn param(self, param: &str) -> Self {
        self.with("param", json!(param))
    }

    /// The same error with one more field.
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// The body that is sent.
    pub(crate) fn body(&self) -> String {
        json!({"error": self.fields}).to_string()
    }
}
