//! How Stripe's events are signed, and what somebody would send who only pretends to be Stripe.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::store::Store;
use crate::clock::Moment;
use crate::webhooks::outbox::Targets;
use crate::webhooks::{Event, Header};

/// What a forger signs with, not knowing the secret.
const WRONG_SECRET: &str = "whsec_guessed";

/// `Stripe-Signature`, made with the endpoint's whole secret, prefix included.
pub(crate) fn sign(targets: &Targets, body: &str, forged: bool, now: Moment) -> Vec<Header> {
    let right = targets.stripe.as_ref().map_or("", |target| target.secret.as_str());
    let secret = if forged { WRONG_SECRET } else { right };
    vec![("stripe-signature", signature(secret, body, now.seconds()))]
}

fn signature(secret: &str, body: &str, time: i64) -> String {
    let digest = hmac(secret.as_bytes(), format!("{time}.{body}").as_bytes());
    format!("t={time},v1={}", hex::encode(digest))
}

/// HMAC-SHA256, which is two hashes around a padded key.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize();
    outer.into()
}

/// An event that claims the opposite of this one.
pub(crate) fn forge(_store: &Store, event: &Event) -> Option<String> {
    let body: Value = serde_json::from_str(&event.body).ok()?;
    Some(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_stripes() {
        let signed = signature("whsec_test", r#"{"id":"evt_1","object":"event"}"#, 1_700_000_000);
        let digest = "4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021";
        assert_eq!(signed, format!("t=1700000000,v1={digest}"));
    }

    #[test]
    fn long_keys_are_hashed_first() {
        // RFC 4231, test case 6.
        let digest = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(hex::encode(digest), expected);
    }
}
