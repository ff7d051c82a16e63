//! The signature of Stripe's events: over the time and the body, with a secret that we share.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::{
    clock::Timestamp,
    gateway::{Received, Signature},
};

/// How far an event's time may be from ours, in seconds, before it may be an old one sent again.
const AGE_MAX_SECONDS: u64 = 300;

/// Whether Stripe made this event: `Stripe-Signature` over time and body, with one of our secrets, and
/// not older than five minutes.
pub fn check(received: &Received, secrets: &[SecretString], now: Timestamp) -> Signature {
    let header = received.headers.get("stripe-signature").map(String::as_str).unwrap_or_default();
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let Some((_, signed_at)) = fields().find(|(name, _)| *name == "t") else {
        return Signature::Forged;
    };
    let recent = signed_at.parse::<i64>().is_ok_and(|at| now.timestamp().abs_diff(at) <= AGE_MAX_SECONDS);
    let signatures: Vec<_> =
        fields().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| hex::decode(value).ok()).collect();
    // What anybody could sign with is no secret.
    let secrets = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
    let genuine = secrets.filter_map(|secret| mac(secret, signed_at, &received.body)).any(|mac| {
        // Compared in constant time.
        signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    });
    if recent && genuine { Signature::Genuine } else { Signature::Forged }
}

fn mac(secret: &str, signed_at: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const BODY: &str = r#"{"id":"evt_1","object":"event"}"#;
    const SIGNATURE: &str = "4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021";
    const SIGNED_AT: i64 = 1_700_000_000;

    fn checked(header: Option<&str>, body: &str, secrets: &[&str], now: i64) -> Signature {
        let header = header.map(|header| ("stripe-signature".to_owned(), header.to_owned()));
        let received = Received { headers: BTreeMap::from_iter(header), body: body.as_bytes().to_vec() };
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        check(&received, &secrets, Timestamp::from_timestamp(now, 0).unwrap())
    }

    #[test]
    fn the_known_vector_is_genuine() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        assert_eq!(checked(Some(&header), BODY, &["whsec_test"], SIGNED_AT), Signature::Genuine);
    }

    #[test]
    fn any_signature_and_any_secret_may_match() {
        let other = "0".repeat(64);
        for header in [
            format!("t={SIGNED_AT},v1={other},v1={SIGNATURE}"),
            format!("t={SIGNED_AT},v1={SIGNATURE},v1={other},v0={other}"),
            format!("v1={SIGNATURE}, t={SIGNED_AT}"),
            format!("t={SIGNED_AT},v1={}", SIGNATURE.to_uppercase()),
        ] {
            let signature = checked(Some(&header), BODY, &["whsec_next", "whsec_test"], SIGNED_AT);
            assert_eq!(signature, Signature::Genuine, "{header}");
        }
    }

    #[test]
    fn five_minutes_are_allowed_either_way() {
        let header = format!("t={SIGNED_AT},v1={SIGNATURE}");
        for (apart, expected) in [
            (-301, Signature::Forged),
            (-300, Signature::Genuine),
            (300, Signature::Genuine),
            (301, Signature::Forged),
        ] {
            let signature = checked(Some(&header), BODY, &["whsec_test"], SIGNED_AT + apart);
            assert_eq!(signature, expected, "{apart}");
        }
    }

    #[test]
    fn everything_else_is_forged() {
        let good = format!("t={SIGNED_AT},v1={SIGNATURE}");
        let forged = |header: Option<&str>, body: &str, secrets: &[&str]| {
            assert_eq!(checked(header, body, secrets, SIGNED_AT), Signature::Forged, "{header:?}");
        };
        forged(None, BODY, &["whsec_test"]);
        forged(Some(&good), BODY, &[]);
        forged(Some(&good), BODY, &["whsec_other"]);
        forged(Some(&good), r#"{"id":"evt_2","object":"event"}"#, &["whsec_test"]);
        for header in [
            "",
            "t=,v1=",
            "t,v1",
            &format!("v1={SIGNATURE}"),
            &format!("t={SIGNED_AT}"),
            &format!("t={SIGNED_AT},v0={SIGNATURE}"),
            &format!("t={SIGNED_AT},v1={}", &SIGNATURE[..62]),
            &format!("t={SIGNED_AT},v1={SIGNATURE}00"),
            &format!("t={SIGNED_AT},v1=é{SIGNATURE}"),
            &format!("t={},v1={SIGNATURE}", SIGNED_AT + 1),
            &format!("t={},v1={SIGNATURE}", i64::MIN),
            &format!("t=now,v1={SIGNATURE}"),
        ] {
            forged(Some(header), BODY, &["whsec_test"]);
        }
    }

    /// An empty setting must not let everybody sign.
    #[test]
    fn an_empty_secret_is_no_secret() {
        let mac = mac("", "1700000000", BODY.as_bytes()).unwrap().finalize().into_bytes();
        let header = format!("t={SIGNED_AT},v1={}", hex::encode(mac));
        assert_eq!(checked(Some(&header), BODY, &[""], SIGNED_AT), Signature::Forged);
    }
}
