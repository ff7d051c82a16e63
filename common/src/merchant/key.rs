//! API keys: `rmt_live_` or `rmt_test_`, and 30 random base62 characters, then 6 that are their CRC-32.
//!
//! The checksum tells a mistyped key without asking the database. The secret and what is stored of it
//! are different types, so that one cannot be written where the other belongs. A plain SHA-256 is enough
//! to store: a key of 178 random bits cannot be guessed, slowly or fast.

use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LIVE: &str = "rmt_live_";
const TEST: &str = "rmt_test_";
const RANDOM_LENGTH: usize = 30;
const CHECKSUM_LENGTH: usize = 6;

/// A key as its owner knows it. Shown once, never stored.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretString);

/// What is stored of a key, and looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

/// A text that is not a key: mistyped, cut off, or something else altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key: its form or checksum is wrong")]
pub struct MalformedKey;

impl ApiKey {
    /// A new key, of the live side or of the test side of a merchant.
    pub fn generate(rng: &mut impl Rng, livemode: bool) -> Self {
        let random: String =
            (0..RANDOM_LENGTH).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect();
        let body = format!("{}{random}", if livemode { LIVE } else { TEST });
        let checksum = checksum(&body);
        Self(SecretString::from(body + &checksum))
    }

    /// Reads a key, and checks its form and checksum.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        let random = text.strip_prefix(TEST).or_else(|| text.strip_prefix(LIVE)).ok_or(MalformedKey)?;
        let well_formed = random.len() == RANDOM_LENGTH + CHECKSUM_LENGTH
            && random.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well_formed {
            return Err(MalformedKey);
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM_LENGTH);
        if checksum(body) != sum {
            return Err(MalformedKey);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// What may be stored.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.expose_secret()).into())
    }

    /// The kind of key, safe to show: `rmt_live_` or `rmt_test_`.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        if self.0.expose_secret().starts_with(LIVE) { LIVE } else { TEST }
    }

    /// The last four characters, safe to show.
    #[must_use]
    pub fn last4(&self) -> &str {
        let text = self.0.expose_secret();
        &text[text.len() - 4..]
    }

    /// The key itself, to be shown to its owner once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let base = u32::try_from(ALPHABET.len()).unwrap_or(62);
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(rest % base).unwrap_or(0)];
        rest /= base;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_key_survives_being_written_down_and_a_typo_is_noticed() {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(1), false);
        let text = key.reveal().to_owned();
        assert_eq!((text.len(), key.prefix()), (9 + 36, "rmt_test_"));
        let live = ApiKey::generate(&mut StdRng::seed_from_u64(1), true);
        assert_eq!(ApiKey::parse(live.reveal()).unwrap().prefix(), "rmt_live_");
        assert!(ApiKey::parse(&text.replace("_test_", "_live_")).is_err());
        assert_eq!(ApiKey::parse(&text).unwrap().hash(), key.hash());
        for position in 9..text.len() {
            let mut typo = text.clone().into_bytes();
            typo[position] = if typo[position] == b'x' { b'y' } else { b'x' };
            assert!(ApiKey::parse(&String::from_utf8(typo).unwrap()).is_err(), "{position}");
        }
        for text in ["", "rmt_test_", "rmt_test_é", &text[..44]] {
            assert!(ApiKey::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_key_is_not_printed_by_accident() {
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(1), false);
        assert!(!format!("{key:?}").contains(key.reveal()));
    }
}
