//! A request to PayPal's API as it is read off the wire: who asks, for what, under which request id.

use std::ops::RangeInclusive;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::bearer;
use super::errors::PayPalError;
use super::idempotency::{Api, LONGEST, RequestId, Use};
use super::objects::Object;
use super::store::Store;
use super::times;
use crate::clock::Moment;
use crate::engine::protocol::Request;
use crate::faults::Operation;

/// What can be said of any request, however wrong it is.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) debug_id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The `PayPal-Request-Id` header.
    pub(crate) request_id: Option<String>,
    /// Whether the caller prefers to see the whole object.
    pub(crate) representation: bool,
}

impl Envelope {
    /// Reads the outside of a request.
    pub(crate) fn of(request: &Request) -> Self {
        let prefer = request.header("prefer");
        Self {
            debug_id: request.id.clone(),
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            request_id: request.key.clone(),
            representation: prefer.is_some_and(|prefer| prefer.contains("return=representation")),
        }
    }
}

/// One endpoint, with the id from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    IssueToken,
    CreateOrder,
    RetrieveOrder(String),
    CaptureOrder(String),
    AuthorizeOrder(String),
    RetrieveAuthorization(String),
    CaptureAuthorization(String),
    VoidAuthorization(String),
    RetrieveCapture(String),
    RefundCapture(String),
    RetrieveRefund(String),
    ListDisputes,
    RetrieveDispute(String),
    ListTransactions,
    ListEvents,
    RetrieveEvent(String),
    VerifySignature,
}

impl Endpoint {
    fn find(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let id = segments.get(3).copied().unwrap_or_default().to_owned();
        let endpoint = match (method.as_str(), segments.as_slice()) {
            ("POST", ["v1", "oauth2", "token"]) => Self::IssueToken,
            ("POST", ["v2", "checkout", "orders"]) => Self::CreateOrder,
            ("GET", ["v2", "checkout", "orders", _]) => Self::RetrieveOrder(id),
            ("POST", ["v2", "checkout", "orders", _, "capture"]) => Self::CaptureOrder(id),
            ("POST", ["v2", "checkout", "orders", _, "authorize"]) => Self::AuthorizeOrder(id),
            ("GET", ["v2", "payments", "authorizations", _]) => Self::RetrieveAuthorization(id),
            ("POST", ["v2", "payments", "authorizations", _, "capture"]) => Self::CaptureAuthorization(id),
            ("POST", ["v2", "payments", "authorizations", _, "void"]) => Self::VoidAuthorization(id),
            ("GET", ["v2", "payments", "captures", _]) => Self::RetrieveCapture(id),
            ("POST", ["v2", "payments", "captures", _, "refund"]) => Self::RefundCapture(id),
            ("GET", ["v2", "payments", "refunds", _]) => Self::RetrieveRefund(id),
            ("GET", ["v1", "customer", "disputes"]) => Self::ListDisputes,
            ("GET", ["v1", "customer", "disputes", _]) => Self::RetrieveDispute(id),
            ("GET", ["v1", "reporting", "transactions"]) => Self::ListTransactions,
            ("GET", ["v1", "notifications", "webhooks-events"]) => Self::ListEvents,
            ("GET", ["v1", "notifications", "webhooks-events", _]) => Self::RetrieveEvent(id),
            ("POST", ["v1", "notifications", "verify-webhook-signature"]) => Self::VerifySignature,
            _ => return None,
        };
        Some(endpoint)
    }

    /// The object that the path names.
    pub(crate) fn object(&self) -> Option<Object> {
        Some(match self {
            Self::IssueToken
            | Self::CreateOrder
            | Self::ListDisputes
            | Self::ListTransactions
            | Self::ListEvents
            | Self::RetrieveEvent(_)
            | Self::VerifySignature => return None,
            Self::RetrieveOrder(id) | Self::CaptureOrder(id) | Self::AuthorizeOrder(id) => {
                Object::Order(id.clone())
            }
            Self::RetrieveAuthorization(id)
            | Self::CaptureAuthorization(id)
            | Self::VoidAuthorization(id) => Object::Authorization(id.clone()),
            Self::RetrieveCapture(id) | Self::RefundCapture(id) => Object::Capture(id.clone()),
            Self::RetrieveRefund(id) => Object::Refund(id.clone()),
            Self::RetrieveDispute(id) => Object::Dispute(id.clone()),
        })
    }
}

/// A request that can be understood and whose sender may ask.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) envelope: Envelope,
    pub(crate) endpoint: Endpoint,
    /// The body; an empty object if there is none.
    pub(crate) body: Value,
    /// The body byte by byte.
    pub(crate) raw: Bytes,
    pub(crate) query: Query,
    /// The client that the access token was issued to.
    pub(crate) client: String,
}

impl Call {
    /// Reads the inside of a request.
    ///
    /// Fails with 401, 404, 415, or 400 when it makes no sense as a request to any endpoint.
    pub(crate) fn read(request: &Request, store: &Store, now: Moment) -> Result<Self, PayPalError> {
        let Request { uri, headers, body, .. } = request;
        let envelope = Envelope::of(request);
        let endpoint = Endpoint::find(&envelope.method, &envelope.path);
        if endpoint == Some(Endpoint::IssueToken) {
            let client = bearer::read_request(headers, body)?;
            let (endpoint, body, raw) = (Endpoint::IssueToken, json!({}), Bytes::new());
            return Ok(Self { envelope, endpoint, body, raw, query: Query::default(), client });
        }
        let client = store.bearers.client(headers, now)?.to_owned();
        let endpoint = endpoint.ok_or_else(PayPalError::no_such_url)?;
        if envelope.request_id.as_ref().is_some_and(|id| id.chars().count() > LONGEST) {
            return Err(PayPalError::invalid("INVALID_STRING_LENGTH", "PayPal-Request-Id"));
        }
        let raw = body.clone();
        let is_post = envelope.method == Method::POST;
        let body = if is_post { read_json(headers, body, &endpoint)? } else { json!({}) };
        Ok(Self { envelope, endpoint, body, raw, query: Query::read(uri)?, client })
    }

    /// How this request uses its request id; reading needs none.
    pub(crate) fn id_use(&self) -> Option<Use> {
        let text = self.envelope.request_id.as_ref().filter(|_| self.envelope.method == Method::POST)?;
        let path = self.envelope.path.clone();
        let api = if path.starts_with("/v2/payments/") { Api::Payments } else { Api::Orders };
        let id = RequestId { client: self.client.clone(), api, text: text.clone() };
        // Written anew, so that neither spaces nor the order of fields make another request of it.
        let body = hex::encode(Sha256::digest(self.body.to_string()));
        Some(Use { id, path, body })
    }

    /// The caller's own reference: sent along, or known from the order the request is about.
    pub(crate) fn reference<'a>(&'a self, store: &'a Store) -> Option<&'a str> {
        let sent = match self.endpoint {
            Endpoint::CreateOrder => self.body["purchase_units"][0]["custom_id"].as_str(),
            Endpoint::RefundCapture(_) => self.body["custom_id"].as_str(),
            _ => None,
        };
        if sent.is_some() {
            return sent;
        }
        let object = self.endpoint.object()?;
        let of_refund = match &object {
            Object::Refund(id) => store.refund(id).and_then(|refund| refund.custom_id.as_deref()),
            _ => None,
        };
        of_refund.or_else(|| store.order_of(&object)?.unit.custom_id.as_deref())
    }

    /// The token that pays, or paid.
    pub(crate) fn token<'a>(&'a self, store: &'a Store) -> Option<&'a str> {
        if self.endpoint == Endpoint::CreateOrder {
            return self.body["payment_source"]["paypal"]["vault_id"].as_str();
        }
        store.order_of(&self.endpoint.object()?)?.instrument.as_deref()
    }

    /// What this request does to a payment: a token's fault strikes one of these. Capturing an approved
    /// order is both the charge and a capture.
    pub(crate) fn operations(&self) -> &'static [Operation] {
        match self.endpoint {
            Endpoint::CreateOrder | Endpoint::AuthorizeOrder(_) => &[Operation::Charge],
            Endpoint::CaptureOrder(_) => &[Operation::Charge, Operation::Capture],
            Endpoint::CaptureAuthorization(_) => &[Operation::Capture],
            Endpoint::VoidAuthorization(_) => &[Operation::Cancel],
            Endpoint::RefundCapture(_) => &[Operation::Refund],
            _ => &[],
        }
    }
}

/// The parameters behind the question mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    fn read(uri: &Uri) -> Result<Self, PayPalError> {
        let wrong = |name: &str| PayPalError::invalid("INVALID_PARAMETER_SYNTAX", name);
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(uri.query().unwrap_or_default()).map_err(|_| wrong("query"))?;
        let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
            return Err(wrong(twice[0]));
        }
        Ok(Self(pairs))
    }

    /// Refuses any other parameter.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), PayPalError> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((unknown, _)) => Err(PayPalError::invalid("INVALID_PARAMETER_SYNTAX", unknown)),
            None => Ok(()),
        }
    }

    /// A parameter, if it was sent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number within bounds.
    pub(crate) fn integer(
        &self,
        name: &str,
        bounds: RangeInclusive<usize>,
    ) -> Result<Option<usize>, PayPalError> {
        let read = |text: &str| {
            let number = text.parse().ok().filter(|number| bounds.contains(number));
            number.ok_or_else(|| PayPalError::invalid("INVALID_PARAMETER_VALUE", name))
        };
        self.text(name).map(read).transpose()
    }

    /// A moment in RFC 3339.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<Moment>, PayPalError> {
        let read = |text: &str| {
            times::read(text).ok_or_else(|| PayPalError::invalid("INVALID_PARAMETER_SYNTAX", name))
        };
        self.text(name).map(read).transpose()
    }
}

fn read_json(headers: &HeaderMap, body: &Bytes, endpoint: &Endpoint) -> Result<Value, PayPalError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = content_type.is_some_and(|content_type| content_type.starts_with("application/json"));
    // Only voiding has no body to describe; PayPal wants the others described even when they are empty.
    let is_void = body.is_empty() && matches!(endpoint, Endpoint::VoidAuthorization(_));
    if !is_json && !is_void {
        return Err(PayPalError::not_json());
    }
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|_| PayPalError::invalid("MALFORMED_REQUEST_JSON", "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_endpoints() {
        let find = |method, path| Endpoint::find(&method, path);
        assert_eq!(find(Method::POST, "/v2/checkout/orders"), Some(Endpoint::CreateOrder));
        let refund = find(Method::POST, "/v2/payments/captures/C1/refund");
        assert_eq!(refund, Some(Endpoint::RefundCapture("C1".to_owned())));
        assert_eq!(find(Method::GET, "/v2/checkout/orders"), None);
        assert_eq!(find(Method::POST, "/v2/payments/refunds/R1"), None);
    }
}
