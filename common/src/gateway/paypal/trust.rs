//! What it takes to check PayPal's events where they come in: our webhook's id, whose certificates are trusted, and
//! those that were fetched.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    clock::Timestamp,
    gateway::{EventKey, NoKey, Signature},
};

use super::{
    certificates::{Certificates, Missing},
    signature::{Chain, Claim, Roots, Sources},
};

/// See above.
pub struct PaypalTrust {
    /// PayPal's id of our webhook.
    pub webhook_id: String,
    /// From where certificates may come.
    pub sources: Sources,
    /// Who vouches for them.
    pub roots: Arc<Roots>,
    /// Those that are known.
    pub certificates: Arc<Certificates>,
}

impl PaypalTrust {
    /// The same for another webhook.
    #[must_use]
    pub fn for_webhook(&self, webhook_id: String) -> Self {
        Self {
            webhook_id,
            sources: self.sources.clone(),
            roots: Arc::clone(&self.roots),
            certificates: Arc::clone(&self.certificates),
        }
    }

    /// The certificate that an event says it was signed with.
    pub async fn key(&self, headers: &BTreeMap<String, String>, now: Timestamp) -> Result<EventKey, NoKey> {
        let claim = Claim::read(headers, &self.sources, now).ok_or(NoKey::Forged)?;
        match self.certificates.get(&claim.certificate).await {
            Ok(chain) => Ok(EventKey::Certificate(claim, chain)),
            Err(Missing::Unknown) => Err(NoKey::Forged),
            Err(Missing::Unavailable) => Err(NoKey::AskGateway),
            Err(Missing::TooMany) => Err(NoKey::NotNow),
        }
    }

    /// Who made the event with this body.
    pub fn check(&self, claim: &Claim, chain: &Arc<Chain>, body: &[u8], now: Timestamp) -> Signature {
        let signature = claim.judge(body, &self.webhook_id, chain, &self.roots, now);
        if signature == Signature::Genuine {
            self.certificates.proved(&claim.certificate);
        }
        signature
    }
}
