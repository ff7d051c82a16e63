//! A request to Stripe's API as it is read off the wire: who asks, for what, under which key.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use super::errors::StripeError;
use super::form::Params;
use super::idempotency::{Key, LONGEST_KEY, Use};
use super::money_objects::Refund;
use super::objects::{Intent, REFERENCE, REFUND_REFERENCE};
use super::store::Store;
use crate::engine::protocol::Request;
use crate::faults::Operation;

/// The version of Stripe's API that the sandbox speaks, and that a request means which names none.
pub(crate) const API_VERSION: &str = "2026-11-18.endive";

/// The first version of its release. Within a release Stripe only adds, so what holds for one holds for all.
const RELEASE: (&str, &str) = ("2026-09-30", "endive");

/// What can be said of any request, however wrong it is.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) request_id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) version: String,
    /// The `Idempotency-Key` header.
    pub(crate) key: Option<String>,
}

impl Envelope {
    /// Reads the outside of a request.
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            request_id: request.id.clone(),
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            version: request.header("stripe-version").unwrap_or_else(|| API_VERSION.to_owned()),
            key: request.key.clone(),
        }
    }
}

/// One endpoint, with the id from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    CreateIntent,
    ListIntents,
    RetrieveIntent(String),
    ConfirmIntent(String),
    CaptureIntent(String),
    CancelIntent(String),
    ListCharges,
    RetrieveCharge(String),
    CreateRefund,
    ListRefunds,
    RetrieveRefund(String),
    CancelRefund(String),
    ListDisputes,
    RetrieveDispute(String),
    UpdateDispute(String),
    CloseDispute(String),
    ListTransactions,
    RetrieveTransaction(String),
    ListEvents,
    RetrieveEvent(String),
    CreateCustomer,
    RetrieveCustomer(String),
    CreateMethod,
    RetrieveMethod(String),
    AttachMethod(String),
    RetrieveAccount,
}

impl Endpoint {
    fn find(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        let id = segments.get(1).copied().unwrap_or_default().to_owned();
        let endpoint = match (method.as_str(), segments.as_slice()) {
            ("POST", ["payment_intents"]) => Self::CreateIntent,
            ("GET", ["payment_intents"]) => Self::ListIntents,
            ("GET", ["payment_intents", _]) => Self::RetrieveIntent(id),
            ("POST", ["payment_intents", _, "confirm"]) => Self::ConfirmIntent(id),
            ("POST", ["payment_intents", _, "capture"]) => Self::CaptureIntent(id),
            ("POST", ["payment_intents", _, "cancel"]) => Self::CancelIntent(id),
            ("GET", ["charges"]) => Self::ListCharges,
            ("GET", ["charges", _]) => Self::RetrieveCharge(id),
            ("POST", ["refunds"]) => Self::CreateRefund,
            ("GET", ["refunds"]) => Self::ListRefunds,
            ("GET", ["refunds", _]) => Self::RetrieveRefund(id),
            ("POST", ["refunds", _, "cancel"]) => Self::CancelRefund(id),
            ("GET", ["disputes"]) => Self::ListDisputes,
            ("GET", ["disputes", _]) => Self::RetrieveDispute(id),
            ("POST", ["disputes", _]) => Self::UpdateDispute(id),
            ("POST", ["disputes", _, "close"]) => Self::CloseDispute(id),
            ("GET", ["balance_transactions"]) => Self::ListTransactions,
            ("GET", ["balance_transactions", _]) => Self::RetrieveTransaction(id),
            ("GET", ["events"]) => Self::ListEvents,
            ("GET", ["events", _]) => Self::RetrieveEvent(id),
            ("POST", ["customers"]) => Self::CreateCustomer,
            ("GET", ["customers", _]) => Self::RetrieveCustomer(id),
            ("POST", ["payment_methods"]) => Self::CreateMethod,
            ("GET", ["payment_methods", _]) => Self::RetrieveMethod(id),
            ("POST", ["payment_methods", _, "attach"]) => Self::AttachMethod(id),
            ("GET", ["account"]) => Self::RetrieveAccount,
            _ => return None,
        };
        Some(endpoint)
    }
}

/// What is said of a key that is not known, or not any more.
pub(crate) const INVALID_KEY: &str = "Invalid API Key provided";

/// A request that can be understood and whose sender may ask.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) envelope: Envelope,
    pub(crate) endpoint: Endpoint,
    pub(crate) params: Params,
    /// Whose idempotency keys these are: the account of a key `sk_test_<account>__…`; of any other the key's digest.
    pub(crate) account: String,
    /// Whose objects these are: the account of such a key; all others share theirs.
    pub(crate) owner: String,
    /// The API key's digest.
    pub(crate) api_key: String,
}

impl Call {
    /// Reads the inside of a request.
    ///
    /// Fails with 401, 404, or 400 when it makes no sense as a request to any endpoint.
    pub(crate) fn read(request: &Request) -> Result<Self, StripeError> {
        let envelope = Envelope::of(request);
        let (api_key, owner) = authenticate(&request.headers)?;
        check_version(&envelope.version)?;
        let endpoint = Endpoint::find(&envelope.method, &envelope.path)
            .ok_or_else(|| StripeError::no_such_url(envelope.method.as_str(), &envelope.path))?;
        if envelope.key.as_ref().is_some_and(|key| key.chars().count() > LONGEST_KEY) {
            let message = format!("Idempotency keys must be at most {LONGEST_KEY} characters.");
            return Err(StripeError::invalid(message));
        }
        let params = if envelope.method == Method::GET {
            Params::parse(request.uri.query().unwrap_or_default().as_bytes())?
        } else {
            check_content_type(&request.headers, &request.body)?;
            Params::parse(&request.body)?
        };
        let account = if owner.is_empty() { api_key.clone() } else { owner.clone() };
        Ok(Self { envelope, endpoint, params, account, owner, api_key })
    }

    /// How this request uses its idempotency key; reading needs none.
    pub(crate) fn key_use(&self) -> Option<Use> {
        let text = self.envelope.key.as_ref().filter(|_| self.envelope.method == Method::POST)?;
        let mut digest = Sha256::new();
        for (name, value) in self.params.pairs() {
            // Lengths keep `a=bc` and `ab=c` apart.
            digest.update(name.len().to_be_bytes());
            digest.update(name);
            digest.update(value.len().to_be_bytes());
            digest.update(value);
        }
        Some(Use {
            key: Key { account: self.account.clone(), text: text.clone() },
            path: self.envelope.path.clone(),
            parameters: hex::encode(digest.finalize()),
        })
    }

    /// The caller's own reference: sent along, or known from the object the request is about.
    pub(crate) fn reference<'a>(&'a self, store: &'a Store) -> Option<&'a str> {
        let sent = |key: &str| self.params.text(&format!("metadata[{key}]"));
        let refund = || self.refund(store).and_then(Refund::reference);
        sent(REFUND_REFERENCE)
            .or_else(refund)
            .or_else(|| sent(REFERENCE))
            .or_else(|| self.intent(store)?.reference())
    }

    /// The test token behind the payment method at hand.
    pub(crate) fn token<'a>(&'a self, store: &'a Store) -> Option<&'a str> {
        let stored = || self.intent(store).and_then(|intent| intent.payment_method.as_deref());
        let name = self.params.text("payment_method").or_else(stored)?;
        Some(store.method(name).map_or(name, |method| &method.token))
    }

    /// What this request wants to do to a payment.
    pub(crate) fn operations(&self) -> &'static [Operation] {
        match self.endpoint {
            Endpoint::CreateIntent if self.params.text("confirm") == Some("true") => &[Operation::Charge],
            Endpoint::ConfirmIntent(_) => &[Operation::Charge],
            Endpoint::CaptureIntent(_) => &[Operation::Capture],
            Endpoint::CancelIntent(_) => &[Operation::Cancel],
            Endpoint::CreateRefund => &[Operation::Refund],
            _ => &[],
        }
    }

    /// The intent that this request is about, named in its path or by a parameter.
    pub(crate) fn intent<'a>(&self, store: &'a Store) -> Option<&'a Intent> {
        let of_charge = |id: &str| Some(store.charges.get(id)?.payment_intent.as_str());
        let id = match &self.endpoint {
            Endpoint::RetrieveIntent(id)
            | Endpoint::ConfirmIntent(id)
            | Endpoint::CaptureIntent(id)
            | Endpoint::CancelIntent(id) => id,
            Endpoint::RetrieveCharge(id) => of_charge(id)?,
            Endpoint::RetrieveRefund(_) | Endpoint::CancelRefund(_) => &self.refund(store)?.payment_intent,
            Endpoint::RetrieveDispute(id) | Endpoint::UpdateDispute(id) | Endpoint::CloseDispute(id) => {
                &store.disputes.get(id)?.payment_intent
            }
            _ => {
                let charge = || self.params.text("charge").and_then(of_charge);
                self.params.text("payment_intent").or_else(charge)?
            }
        };
        store.intents.get(id)
    }

    fn refund<'a>(&self, store: &'a Store) -> Option<&'a Refund> {
        match &self.endpoint {
            Endpoint::RetrieveRefund(id) | Endpoint::CancelRefund(id) => store.refunds.get(id),
            _ => None,
        }
    }
}

/// The digest of the API key, which comes as a bearer token or as a Basic user name.
/// The key's digest, and the account that it names.
fn authenticate(headers: &HeaderMap) -> Result<(String, String), StripeError> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = header.and_then(api_key).ok_or_else(|| {
        StripeError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization \
             header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    })?;
    let Some(named) = key.strip_prefix("sk_test_") else {
        return Err(StripeError::unauthorized(INVALID_KEY));
    };
    let owner = named.split_once("__").map_or("", |(account, _)| account);
    Ok((digest(&key), owner.to_owned()))
}

/// What is kept of an API key.
pub(crate) fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))[..16].to_owned()
}

fn api_key(header: &str) -> Option<String> {
    let (scheme, credentials) = header.split_once(' ')?;
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        credentials.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(BASE64.decode(credentials.trim()).ok()?).ok()?;
        decoded.split(':').next()?.to_owned()
    } else {
        return None;
    };
    Some(key).filter(|key| !key.is_empty())
}

/// Other releases answer otherwise, and an answer that is wrong for its version is worse than none.
fn check_version(version: &str) -> Result<(), StripeError> {
    let (first, release) = RELEASE;
    let spoken = version.split_once('.').is_some_and(|(date, of)| of == release && date >= first);
    let refused = || StripeError::invalid(format!("Invalid Stripe API version: {version}"));
    spoken.then_some(()).ok_or_else(refused)
}

fn check_content_type(headers: &HeaderMap, body: &Bytes) -> Result<(), StripeError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = content_type
        .is_some_and(|content_type| content_type.starts_with("application/x-www-form-urlencoded"));
    if is_form || body.is_empty() {
        return Ok(());
    }
    Err(StripeError::invalid(
        "Invalid request (check that your POST content type is application/x-www-form-urlencoded).",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_as_bearer_or_basic() {
        assert_eq!(api_key("Bearer sk_test_1").as_deref(), Some("sk_test_1"));
        assert_eq!(api_key("Basic c2tfdGVzdF8xOg==").as_deref(), Some("sk_test_1"));
        assert_eq!(api_key("Basic !!"), None);
        assert_eq!(api_key("Digest x"), None);
    }

    #[test]
    fn paths_lead_to_endpoints() {
        let find = |method, path| Endpoint::find(&method, path);
        assert_eq!(find(Method::POST, "/v1/payment_intents"), Some(Endpoint::CreateIntent));
        let capture = find(Method::POST, "/v1/payment_intents/pi_1/capture");
        assert_eq!(capture, Some(Endpoint::CaptureIntent("pi_1".to_owned())));
        assert_eq!(find(Method::DELETE, "/v1/payment_intents"), None);
        assert_eq!(find(Method::GET, "/v1/payment_intents/pi_1/confirm"), None);
    }
}
