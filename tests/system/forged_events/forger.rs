//! Who makes up events in PayPal's name: with keys and certificates that are as real as PayPal's, but not PayPal's.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls::{
    SignatureScheme,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    sign::SigningKey,
};
use tests::WEBHOOK_ID;
use uuid::Uuid;

/// Whose key.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    Paypal,
    Forger,
}

static PAYPAL: LazyLock<Arc<dyn SigningKey>> =
    LazyLock::new(|| read(include_str!("../../../sandbox/certificates/paypal.key.pem")));
static FORGER: LazyLock<Arc<dyn SigningKey>> =
    LazyLock::new(|| read(include_str!("../../../sandbox/certificates/forger.key.pem")));

fn read(pem: &str) -> Arc<dyn SigningKey> {
    rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap()
}

/// An event on its way.
#[derive(Debug, Clone)]
pub struct Transmission {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Transmission {
    /// One that PayPal might send: about a dispute, and so many bytes longer than need be.
    pub fn of_paypal(sandbox: &str, id: &str, padding: usize) -> Self {
        let note = "x".repeat(padding);
        let body = format!(
            r#"{{"id":"{id}","event_type":"CUSTOMER.DISPUTE.CREATED","note":"{note}",
                "resource":{{"dispute_id":"PP-D-OF-NOBODY"}}}}"#
        );
        let mut sent = Self { headers: BTreeMap::new(), body };
        sent.set("auth-algo", "SHA256withRSA");
        sent.set("transmission-id", &Uuid::now_v7().to_string());
        sent.set("transmission-time", &time(0));
        sent.certificate(sandbox, "CERT-sandbox");
        sent.sign(Key::Paypal, WEBHOOK_ID);
        sent
    }

    /// Names a certificate.
    pub fn certificate(&mut self, host: &str, name: &str) {
        self.set("cert-url", &format!("{host}/v1/notifications/certs/{name}"));
    }

    /// Signs it as it is, for this webhook.
    pub fn sign(&mut self, key: Key, webhook_id: &str) {
        let key = match key {
            Key::Paypal => &PAYPAL,
            Key::Forger => &FORGER,
        };
        let header = |name: &str| &self.headers[&format!("paypal-{name}")];
        let (id, time) = (header("transmission-id"), header("transmission-time"));
        let text = format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(self.body.as_bytes()));
        let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).unwrap();
        self.set("transmission-sig", &BASE64.encode(signer.sign(text.as_bytes()).unwrap()));
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.insert(format!("paypal-{name}"), value.to_owned());
    }
}

fn time(days_ago: i64) -> String {
    let at = crate::contract::now() - chrono::TimeDelta::days(days_ago);
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// In which way it is not PayPal's.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Unsigned,
    WrongSignature,
    AnotherKey,
    ForeignHost,
    LookalikeHost,
    AnotherWebhook,
    SomebodysCertificate,
    ReplayedOnAnotherBody,
    ExpiredCertificate,
    SelfSignedChain,
    UnknownCertificate,
    OldTransmission,
}

pub const KINDS: [Kind; 12] = [
    Kind::Unsigned,
    Kind::WrongSignature,
    Kind::AnotherKey,
    Kind::ForeignHost,
    Kind::LookalikeHost,
    Kind::AnotherWebhook,
    Kind::SomebodysCertificate,
    Kind::ReplayedOnAnotherBody,
    Kind::ExpiredCertificate,
    Kind::SelfSignedChain,
    Kind::UnknownCertificate,
    Kind::OldTransmission,
];

/// One that is to be made.
pub struct Forgery<'a> {
    pub kind: Kind,
    pub sandbox: &'a str,
    pub number: usize,
}

impl Forgery<'_> {
    /// Makes it: signed for our webhook, unless that is what is wrong with it.
    pub fn make(&self) -> Transmission {
        let mut sent = Transmission::of_paypal(self.sandbox, &format!("WH-FORGED-{}", self.number), 0);
        let with = |certificate: &str, mut sent: Transmission| {
            sent.certificate(self.sandbox, certificate);
            sent.sign(Key::Forger, WEBHOOK_ID);
            sent
        };
        match self.kind {
            Kind::Unsigned => sent.headers.clear(),
            Kind::WrongSignature => sent.set("transmission-sig", &BASE64.encode([7; 256])),
            Kind::AnotherKey => sent.sign(Key::Forger, WEBHOOK_ID),
            Kind::ForeignHost => sent.certificate("http://evil.example", "CERT-sandbox"),
            Kind::LookalikeHost => {
                let host = self.sandbox.replace("http://", "http://api.paypal.com@");
                sent.certificate(&host, "CERT-sandbox");
            }
            Kind::AnotherWebhook => sent.sign(Key::Paypal, "WH-of-somebody-else"),
            Kind::SomebodysCertificate => return with("CERT-somebody-else", sent),
            Kind::ReplayedOnAnotherBody => sent.body = sent.body.replace("NOBODY", "SOMEBODY"),
            Kind::ExpiredCertificate => return with("CERT-expired", sent),
            Kind::SelfSignedChain => return with("CERT-self-signed", sent),
            Kind::UnknownCertificate => return with(&format!("CERT-{}", self.number), sent),
            Kind::OldTransmission => {
                sent.set("transmission-time", &time(5));
                sent.sign(Key::Paypal, WEBHOOK_ID);
            }
        }
        sent
    }
}
