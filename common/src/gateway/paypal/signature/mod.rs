//! Whether PayPal made an event: an RSA signature over the transmission, our webhook and the body's checksum, by a
//! certificate that is PayPal's. Pure: the certificate was fetched by [`super::certificates`], and the time is a
//! parameter.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, TimeDelta};
use reqwest::Url;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime, pem::PemObject as _};
use webpki::{EndEntityCert, KeyUsage};

use crate::{clock::Timestamp, gateway::Signature};

/// How PayPal signs: PKCS #1 v1.5 with SHA-256.
const ALGORITHM: &str = "SHA256withRSA";

/// In whose names PayPal's certificates for events are.
const NAMES: [&str; 2] =
    ["messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com"];

/// Where PayPal keeps them.
const FOLDER: &str = "/v1/notifications/certs/";

/// What is before the name of each.
const PREFIX: &str = "CERT-";

/// The longest name of one, and the longest header that is looked at.
const NAME_MAX: usize = 64;
const HEADER_MAX: usize = 1024;

/// How old a transmission may be: PayPal tries for three days, and a later copy is somebody else's. By how much its
/// clock may be ahead of ours.
const AGE_MAX: TimeDelta = TimeDelta::days(4);
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(10);

/// Certificates between PayPal's and a root, which its server does not always send along.
const INTERMEDIATES: &[u8] = include_bytes!("intermediates.pem");

/// From where certificates may come.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Hosts, with a port where it is not the usual one.
    pub hosts: Vec<String>,
    /// Whether they may come over plain HTTP: where a root of tests is trusted, and nowhere else.
    pub plain: bool,
}

/// What a transmission says of itself, before its body was read. Nothing of it is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The certificate that it says it was signed with.
    pub certificate: Url,
    transmission_id: String,
    time: String,
    signature: Vec<u8>,
}

/// A certificate and those that came with it, as they were fetched: nothing of it is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    leaf: CertificateDer<'static>,
    others: Vec<CertificateDer<'static>>,
}

/// Whom we trust to say which certificates are PayPal's.
pub struct Roots {
    anchors: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl Claim {
    /// Reads the headers of an event. `None`: PayPal sends no such thing.
    #[must_use]
    pub fn read(headers: &BTreeMap<String, String>, sources: &Sources, now: Timestamp) -> Option<Self> {
        let header = |name: &str| {
            let value = headers.get(name).map(|value| value.trim());
            value.filter(|value| !value.is_empty() && value.len() <= HEADER_MAX)
        };
        if header("paypal-auth-algo")? != ALGORITHM {
            return None;
        }
        // What separates the parts of the signed text is in none of them.
        let part = |name| header(name).filter(|value| !value.contains('|'));
        let time = part("paypal-transmission-time")?;
        let sent_at = DateTime::parse_from_rfc3339(time).ok()?.to_utc();
        if !recent(now).contains(&sent_at) {
            return None;
        }
        Some(Self {
            certificate: sources.certificate(header("paypal-cert-url")?)?,
            transmission_id: part("paypal-transmission-id")?.to_owned(),
            time: time.to_owned(),
            signature: BASE64.decode(header("paypal-transmission-sig")?).ok()?,
        })
    }

    /// Who made it. The signature is looked at first, because only its maker could go on with a certificate that
    /// nobody vouches for.
    #[must_use]
    pub fn judge(
        &self,
        body: &[u8],
        webhook_id: &str,
        chain: &Chain,
        roots: &Roots,
        now: Timestamp,
    ) -> Signature {
        let Ok(leaf) = EndEntityCert::try_from(&chain.leaf) else { return Signature::Forged };
        let text = format!("{}|{}|{webhook_id}|{}", self.transmission_id, self.time, crc32fast::hash(body));
        let algorithm = webpki::ring::RSA_PKCS1_2048_8192_SHA256;
        if leaf.verify_signature(algorithm, text.as_bytes(), &self.signature).is_err() {
            return Signature::Forged;
        }
        match roots.vouch_for(&leaf, chain, now) {
            Ok(()) => Signature::Genuine,
            // It came without those that lead to a root, from a place that is PayPal's: PayPal can tell.
            Err(webpki::Error::UnknownIssuer) if chain.others.is_empty() && !is_self_signed(&leaf) => {
                tracing::warn!("PayPal's certificate leads to no root that is trusted here");
                Signature::AskGateway
            }
            Err(error) => {
                tracing::warn!(%error, "an event is signed with a certificate that is not PayPal's");
                Signature::Forged
            }
        }
    }
}

impl Sources {
    /// The place of a certificate, if it is one of PayPal's.
    fn certificate(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let host = match (url.host_str()?, url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let name = url.path().strip_prefix(FOLDER)?.strip_prefix(PREFIX)?;
        let is_name = (1..=NAME_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let is_safe = url.scheme() == "https" || (self.plain && url.scheme() == "http");
        (is_name && is_bare && is_safe && self.hosts.contains(&host)).then_some(url)
    }
}

impl Chain {
    /// Reads certificates in PEM, the signer's first.
    ///
    /// Fails with what is wrong with the text, for operators.
    pub fn read(pem: &[u8]) -> Result<Self, String> {
        let mut certificates = certificates(pem)?.into_iter();
        let leaf = certificates.next().ok_or("no certificate")?;
        Ok(Self { leaf, others: certificates.collect() })
    }
}

impl Roots {
    /// Those that this machine trusts, as it does for TLS.
    ///
    /// Fails when there are none.
    pub fn of_this_machine() -> Result<Self, String> {
        let found = rustls_native_certs::load_native_certs();
        // An odd one does not spoil the others: each is only needed where it vouches for something.
        let roots = Self::trusting(&found.certs, certificates(INTERMEDIATES)?);
        match roots.anchors.is_empty() {
            true => Err("no root certificates are installed on this machine (ca-certificates)".into()),
            false => Ok(roots),
        }
    }

    /// A root of one's own, and no other.
    ///
    /// Fails when the text holds none.
    pub fn of_pem(pem: &[u8]) -> Result<Self, String> {
        let roots = Self::trusting(&certificates(pem)?, certificates(INTERMEDIATES)?);
        if roots.anchors.is_empty() { Err("no root certificate".into()) } else { Ok(roots) }
    }

    fn trusting(roots: &[CertificateDer<'_>], intermediates: Vec<CertificateDer<'static>>) -> Self {
        let anchor = |root| webpki::anchor_from_trusted_cert(root).map(|anchor| anchor.to_owned()).ok();
        Self { anchors: roots.iter().filter_map(anchor).collect(), intermediates }
    }

    /// In PayPal's name, valid now, and by somebody whom we trust.
    fn vouch_for(
        &self,
        leaf: &EndEntityCert<'_>,
        chain: &Chain,
        now: Timestamp,
    ) -> Result<(), webpki::Error> {
        is_in_name(leaf, NAMES[0]).or_else(|_| is_in_name(leaf, NAMES[1]))?;
        let between: Vec<_> = chain.others.iter().chain(&self.intermediates).cloned().collect();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (algorithms, usage) = (webpki::ALL_VERIFICATION_ALGS, KeyUsage::server_auth());
        leaf.verify_for_usage(algorithms, &self.anchors, &between, at, usage, None, None).map(drop)
    }
}

fn is_in_name(leaf: &EndEntityCert<'_>, name: &str) -> Result<(), webpki::Error> {
    let name = ServerName::try_from(name).map_err(|_| webpki::Error::UnsupportedNameType)?;
    leaf.verify_is_valid_for_subject_name(&name)
}

fn is_self_signed(leaf: &EndEntityCert<'_>) -> bool {
    leaf.issuer() == leaf.subject()
}

fn recent(now: Timestamp) -> Range<Timestamp> {
    let earliest = now.checked_sub_signed(AGE_MAX).unwrap_or(now);
    earliest..now.checked_add_signed(AHEAD_MAX).unwrap_or(now)
}

/// All certificates of a text.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>();
    read.map_err(|error| format!("no certificate in PEM: {error}"))
}

#[cfg(test)]
mod tests;
