//! The certificates and keys with which the sandbox plays PayPal's, and those that tests forge with: real ones, made
//! once by `sandbox/certificates/make.sh`, and fetched at PayPal's address.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;

use super::store::Store;
use crate::engine::host::Host;
use crate::request_log::Entry;

/// Where PayPal keeps certificates.
const FOLDER: &str = "/v1/notifications/certs/";

/// The one that the sandbox signs with.
pub(crate) const OWN: &str = "CERT-sandbox";

/// All that can be fetched: its own; its own without the one that leads to the root; and those of others, whose key
/// is `forger.key.pem`.
const CERTIFICATES: [(&str, &str); 5] = [
    (OWN, include_str!("../../certificates/paypal.pem")),
    ("CERT-without-issuer", include_str!("../../certificates/without-issuer.pem")),
    ("CERT-expired", include_str!("../../certificates/expired.pem")),
    ("CERT-somebody-else", include_str!("../../certificates/somebody-else.pem")),
    ("CERT-self-signed", include_str!("../../certificates/self-signed.pem")),
];

/// Whose key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    Paypal,
    Forger,
}

static PAYPAL: LazyLock<Arc<dyn SigningKey>> =
    LazyLock::new(|| key(include_str!("../../certificates/paypal.key.pem")));
static FORGER: LazyLock<Arc<dyn SigningKey>> =
    LazyLock::new(|| key(include_str!("../../certificates/forger.key.pem")));

#[expect(clippy::expect_used, reason = "the keys are part of this program")]
fn key(pem: &str) -> Arc<dyn SigningKey> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
    rustls::crypto::ring::sign::any_supported_type(&key).expect("an RSA key")
}

/// The signature of a text, as it stands in the header. The same text always has the same.
#[expect(clippy::expect_used, reason = "RSA keys sign everything")]
pub(crate) fn sign(signer: Signer, text: &str) -> String {
    let key = match signer {
        Signer::Paypal => &PAYPAL,
        Signer::Forger => &FORGER,
    };
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).expect("an RSA key");
    BASE64.encode(signer.sign(text.as_bytes()).expect("a signature"))
}

/// Where a certificate is found, by somebody who reaches the sandbox by this URL.
pub(crate) fn url(base: &str, name: &str) -> String {
    format!("{base}{FOLDER}{name}")
}

/// `GET /v1/notifications/certs/{name}`, for everybody.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new().route("/v1/notifications/certs/{name}", get(show))
}

async fn show(
    State(host): State<Arc<Host<Store>>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let engine = host.engine();
    let is_away = engine.is_down() || host.lock().1.certificates_are_away;
    let answer = match CERTIFICATES.iter().find(|(known, _)| *known == name) {
        _ if is_away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some((_, pem)) => ([(header::CONTENT_TYPE, "text/plain")], *pem).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    };
    let entry = Entry::new(engine.clock.now().0, &Method::GET, &uri, &headers, &[]);
    engine.requests.begin(Entry { outcome: format!("answered {}", answer.status().as_u16()), ..entry });
    answer
}
