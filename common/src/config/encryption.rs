//! With which keys secrets are sealed.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser as _},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::secret;
use crate::encryption::{DEVELOPMENT_KEYS, Keyring};

const KEYS: &str = "REMIT_ENCRYPTION_KEYS";
const KEYS_FILE: &str = "REMIT_ENCRYPTION_KEYS_FILE";

/// With which keys the secrets of merchants are sealed where they are stored. What is empty is not set.
#[derive(Debug, Clone, Args)]
pub struct EncryptionArgs {
    /// Keys for secrets at rest, separated by commas: `id:` and 32 random bytes in base64. The first seals, all open.
    /// In test none is needed: what is secret there is sealed with a key that everybody can read.
    #[arg(long, env = "REMIT_ENCRYPTION_KEYS", hide_env_values = true, value_parser = secret)]
    pub encryption_keys: Option<SecretString>,
    /// The same in a file, one a line.
    #[arg(long, env = "REMIT_ENCRYPTION_KEYS_FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub encryption_keys_file: Option<PathBuf>,
}

impl EncryptionArgs {
    fn text(&self) -> Option<&SecretString> {
        self.encryption_keys.as_ref().filter(|keys| !keys.expose_secret().trim().is_empty())
    }

    fn file(&self) -> Option<&PathBuf> {
        self.encryption_keys_file.as_ref().filter(|path| !path.as_os_str().is_empty())
    }

    /// Whether the deployment has keys of its own.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.text().is_some() || self.file().is_some()
    }

    /// The keys; those for development where none are set, which [`Guards::encryption`](super::Guards::encryption)
    /// refuses where money is real.
    ///
    /// Fails with the setting that is wrong, and why.
    pub fn keyring(&self) -> Result<Keyring, (&'static str, String)> {
        let (setting, text) = match (self.text(), self.file()) {
            (Some(_), Some(_)) => return Err((KEYS, format!("and {KEYS_FILE} are both set: set one"))),
            (Some(text), None) => (KEYS, text.clone()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| (KEYS_FILE, format!("cannot be read: {}: {error}", path.display())))?;
                (KEYS_FILE, text.into())
            }
            (None, None) => (KEYS, DEVELOPMENT_KEYS.into()),
        };
        Keyring::parse(&text).map_err(|why| (setting, why.to_string()))
    }
}
