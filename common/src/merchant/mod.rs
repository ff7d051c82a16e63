//! Merchants, and the keys they call us with. A merchant has a live side and a test side, which are two rows, and never
//! meet: docs/adr/0049-two-sides-of-a-merchant.md.

pub mod caps;
pub mod key;
pub mod network;
pub mod rights;
pub mod scope;
pub mod store;

use serde::Serialize;

use crate::{
    clock::Timestamp,
    config::Mode,
    id::{ApiKeyId, MerchantId},
};

pub use rights::Rights;

/// One side of a merchant.
#[derive(Debug, Clone, Serialize)]
pub struct Merchant {
    /// The merchant's name in every row that is its own.
    pub id: MerchantId,
    /// What people call it: both sides have the same name.
    pub name: String,
    /// Whether it is the live side, where money is real.
    pub livemode: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is known of a key. Its secret is not.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// Its own name.
    pub id: ApiKeyId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Whether that is the merchant's live side.
    pub livemode: bool,
    /// The first of the keys that it has come from by rotation: itself, where there was none. What was done with any of
    /// them was done with it.
    pub first_key_id: ApiKeyId,
    /// What people call it.
    pub name: Option<String>,
    /// `rmt_live_` or `rmt_test_`.
    pub prefix: String,
    /// Its last four characters.
    pub last4: String,
    /// What it may do.
    pub rights: Rights,
    /// Until when it still works, where another was put in its place.
    pub overlap_ends_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl StoredKey {
    /// When it stops to work, if it ever does: by its rights, or sooner, because another is in its place.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        [self.rights.expires_at, self.overlap_ends_at].into_iter().flatten().min()
    }

    /// What it may give to others: its rights, for as long as it has them itself.
    #[must_use]
    pub fn givable(&self) -> Rights {
        Rights { expires_at: self.ends_at(), ..self.rights.clone() }
    }
}

/// Why a key is not taken in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OtherMode {
    /// Its merchant's payments would be charged with the live credentials of the deployment.
    #[error(
        "this is a test key, and money is real here: it works once its merchant has test credentials of its own at a \
         gateway"
    )]
    TestKey,
    /// Nothing that is paid here would be real.
    #[error("this is a live key, and no money is real here")]
    LiveKey,
}

/// Whether keys of one side of a merchant are taken in a deployment. The one place where that is decided.
pub fn takes_keys(mode: Mode, livemode: bool) -> Result<(), OtherMode> {
    match (mode, livemode) {
        (Mode::Test, false) | (Mode::Live, true) => Ok(()),
        (Mode::Test, true) => Err(OtherMode::LiveKey),
        // Merchants have no credentials of their own yet.
        (Mode::Live, false) => Err(OtherMode::TestKey),
    }
}
