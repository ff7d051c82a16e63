//! Secrets at rest: sealed with AES-256-GCM before they are stored, so that a copy of the database opens nothing.
//!
//! What is stored names its key, so that keys can be changed while everything runs, and is bound to its place: a
//! ciphertext that somebody moves to another row is not opened there.

use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::Rng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret as _, SecretString};

/// What a sealed text begins with: a later form has another name.
const FORM: &str = "v1";
/// Bytes of a key.
const KEY_LENGTH: usize = 32;
/// Characters of a key's id, at most.
const ID_LENGTH_MAX: usize = 32;

/// What the key is called that everybody can read here.
pub const DEVELOPMENT_KEY_ID: &str = "development";
/// The key of deployments that have none, where nothing is secret.
pub const DEVELOPMENT_KEYS: &str = "development:bm90IGEgc2VjcmV0OiBmb3IgZGV2ZWxvcG1lbnQuLi4=";

/// The keys of a deployment: the first seals, all open.
#[derive(Clone)]
pub struct Keyring(Arc<[Key]>);

struct Key {
    id: String,
    key: LessSafeKey,
}

/// A secret as it is stored: `v1.<key id>.<base64 of nonce, ciphertext and tag>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(String);

/// Why a sealed secret stays closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// It is no sealed secret.
    #[error("it is no sealed secret")]
    Malformed,
    /// It was sealed with a key that is not among ours.
    #[error("it was sealed with the key {0:?}, which is not among REMIT_ENCRYPTION_KEYS")]
    UnknownKey(String),
    /// It was changed, belongs to another row, or was sealed with another key of the same name.
    #[error("it was changed, belongs to another row, or was sealed with another key of the same name")]
    Refused,
}

/// What is wrong with the text of a keyring. It never says the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKeys {
    /// It has none.
    #[error("has no key")]
    None,
    /// One is not an id, a colon, and 32 bytes in base64.
    #[error(
        "must be keys, separated by commas, each an id (of a-z, 0-9, - and _), a colon, and 32 random bytes in base64: \
         k1:$(openssl rand -base64 32)"
    )]
    Form,
    /// Two have the same id.
    #[error("has two keys of the same id")]
    Twice,
}

impl Keyring {
    /// Reads keys: `id:base64`, separated by commas or, in a file, by lines.
    pub fn parse(text: &SecretString) -> Result<Self, MalformedKeys> {
        let parts = text.expose_secret().split([',', '\n', '\r']).map(str::trim);
        let keys: Vec<Key> = parts
            .filter(|part| !part.is_empty())
            .map(|part| Key::parse(part).ok_or(MalformedKeys::Form))
            .collect::<Result<_, _>>()?;
        let is_twice = |(n, key): (usize, &Key)| keys[..n].iter().any(|earlier| earlier.id == key.id);
        match keys.iter().enumerate().any(is_twice) {
            _ if keys.is_empty() => Err(MalformedKeys::None),
            true => Err(MalformedKeys::Twice),
            false => Ok(Self(keys.into())),
        }
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn first(&self) -> &str {
        &self.0[0].id
    }

    /// Whether there is a key of that id.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Seals a secret for its place, such as `webhook_endpoint:<uuid>`.
    #[must_use]
    pub fn seal(&self, context: &str, secret: &SecretString, rng: &mut impl Rng) -> Sealed {
        let nonce: [u8; NONCE_LEN] = rng.random();
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        let key = &self.0[0];
        let aad = Aad::from(context.as_bytes());
        #[expect(clippy::expect_used, reason = "it refuses only what is longer than 64 GiB")]
        key.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("short");
        sealed.splice(..0, nonce);
        Sealed(format!("{FORM}.{}.{}", key.id, BASE64_STANDARD.encode(sealed)))
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<SecretString, NotOpened> {
        let (id, text) = sealed.parts().ok_or(NotOpened::Malformed)?;
        let mut bytes = BASE64_STANDARD.decode(text).map_err(|_| NotOpened::Malformed)?;
        let (nonce, ciphertext) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(NotOpened::Malformed)?;
        let key = self.0.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| NotOpened::UnknownKey(id.to_owned()))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened::Malformed)?;
        let aad = Aad::from(context.as_bytes());
        let opened = key.key.open_in_place(nonce, aad, ciphertext).map_err(|_| NotOpened::Refused)?;
        let text = std::str::from_utf8(opened).map_err(|_| NotOpened::Refused)?;
        Ok(SecretString::from(text))
    }
}

/// Shows nothing: not even how many there are.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

impl Key {
    fn parse(text: &str) -> Option<Self> {
        let (id, key) = text.split_once(':')?;
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        if id.is_empty() || id.len() > ID_LENGTH_MAX || !id.bytes().all(is_plain) {
            return None;
        }
        let bytes = BASE64_STANDARD.decode(key).ok().filter(|bytes| bytes.len() == KEY_LENGTH)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).ok()?;
        Some(Self { id: id.to_owned(), key: LessSafeKey::new(key) })
    }
}

impl Sealed {
    /// What is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the key that it was sealed with, if it is a sealed secret at all.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.parts().map(|(id, _)| id)
    }

    fn parts(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix(FORM)?.strip_prefix('.')?.split_once('.')
    }
}

/// As it is read from its row.
impl From<String> for Sealed {
    fn from(stored: String) -> Self {
        Self(stored)
    }
}

#[cfg(test)]
mod tests;
