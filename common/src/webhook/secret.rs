//! With what a delivery is signed: Standard Webhooks 1.0, symmetric (`v1`).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// Random bytes of a secret.
const LENGTH: usize = 32;

/// A secret that no endpoint can have: it was changed where it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no secret of an endpoint: whsec_ and base64")]
pub struct MalformedSecret;

/// A new secret.
pub fn generate(rng: &mut impl Rng) -> SecretString {
    let bytes: [u8; LENGTH] = rng.random();
    SecretString::from(format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes)))
}

/// What goes into `webhook-signature`: a signature by each secret, separated by spaces.
pub fn signatures(
    secrets: &[SecretString],
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Result<String, MalformedSecret> {
    let signed = secrets.iter().map(|secret| sign(secret, id, timestamp, body));
    Ok(signed.collect::<Result<Vec<_>, _>>()?.join(" "))
}

fn sign(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> Result<String, MalformedSecret> {
    let text = secret.expose_secret().strip_prefix(PREFIX).ok_or(MalformedSecret)?;
    let key = BASE64_STANDARD.decode(text).map_err(|_| MalformedSecret)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| MalformedSecret)?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let secret = SecretString::from("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let (id, at) = ("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553);
        let expected = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        assert_eq!(signatures(std::slice::from_ref(&secret), id, at, body).as_deref(), Ok(expected));
        let both = signatures(&[secret.clone(), secret], id, at, body).unwrap();
        assert_eq!(both, format!("{expected} {expected}"));
    }

    #[test]
    fn a_secret_has_32_bytes_and_no_two_are_alike() {
        let mut rng = StdRng::seed_from_u64(1);
        let (one, other) = (generate(&mut rng), generate(&mut rng));
        let bytes = |secret: &SecretString| {
            BASE64_STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX).unwrap()).unwrap()
        };
        assert_eq!(bytes(&one).len(), LENGTH);
        assert_ne!(bytes(&one), bytes(&other));
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        for text in ["", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_!"] {
            assert_eq!(signatures(&[text.into()], "evt_1", 1, b"{}"), Err(MalformedSecret), "{text:?}");
        }
    }
}
