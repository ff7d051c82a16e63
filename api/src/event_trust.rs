//! What it takes to take gateways' events in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use common::{
    encryption::Keyring,
    gateway::{EventTrust, GatewayName},
    gateway_account::{GatewayAccount, store},
    id::{GatewayAccountId, MerchantId},
};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tokio::{sync::Semaphore, time::Instant};

/// For how long a merchant's secrets are used before they are read again.
const FRESH: Duration = Duration::from_secs(3);

/// Merchants whose secrets are kept, at most: anybody can name one.
const KEPT_MAX: usize = 10_000;

/// A merchant's own account, and by what its events are known.
pub struct OfAccount {
    /// Which.
    pub id: GatewayAccountId,
    /// By what its events are known.
    pub trust: EventTrust,
}

type Kept = HashMap<(MerchantId, GatewayName), (Instant, Arc<[OfAccount]>)>;

/// By what events are known to be their gateways', and room for those of which that is not known.
pub struct Events {
    /// By what those of the deployment's own accounts are known.
    pub trust: EventTrust,
    /// One at a time: however many come, they hold one connection to the database.
    pub unverified: Semaphore,
    keys: Keyring,
    kept: Mutex<Kept>,
    /// One at a time, likewise: anybody can ask for a merchant whose secrets are not kept.
    reading: Semaphore,
}

impl Events {
    /// Events are genuine by this, and by what merchants have set for their own accounts.
    pub fn trusting(trust: EventTrust, keys: Keyring) -> Self {
        let one = || Semaphore::new(1);
        Self { trust, unverified: one(), keys, kept: Mutex::default(), reading: one() }
    }

    /// A merchant's own accounts at a gateway, as of seconds ago.
    pub async fn accounts_of(
        &self,
        pool: &PgPool,
        merchant: MerchantId,
        gateway: GatewayName,
    ) -> sqlx::Result<Arc<[OfAccount]>> {
        if let Some(kept) = self.kept(merchant, gateway) {
            return Ok(kept);
        }
        let _turn = self.reading.acquire().await;
        if let Some(kept) = self.kept(merchant, gateway) {
            return Ok(kept);
        }
        let stored = store::of_merchant(pool, merchant, gateway).await?;
        let accounts: Arc<[OfAccount]> = stored.iter().filter_map(|account| self.of(account)).collect();
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        all.insert((merchant, gateway), (Instant::now(), Arc::clone(&accounts)));
        Ok(accounts)
    }

    fn kept(&self, merchant: MerchantId, gateway: GatewayName) -> Option<Arc<[OfAccount]>> {
        let all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, accounts) = all.get(&(merchant, gateway))?;
        (at.elapsed() < FRESH).then(|| Arc::clone(accounts))
    }

    /// Of one whose secrets stay closed no event is taken: the gateway sends them again.
    fn of(&self, account: &GatewayAccount) -> Option<OfAccount> {
        let credentials = match account.credentials(&self.keys) {
            Ok(credentials) => credentials,
            Err(error) => {
                tracing::error!(%error, merchant_id = %account.merchant_id, "events of a merchant are not taken");
                return None;
            }
        };
        let trust = match account.gateway {
            GatewayName::Stripe => EventTrust { stripe: credentials.webhooks, paypal: None },
            GatewayName::Paypal => {
                let webhook = credentials.webhooks.first().map(|id| id.expose_secret().to_owned());
                let own = self.trust.paypal.as_ref();
                EventTrust {
                    stripe: Vec::new(),
                    paypal: own.zip(webhook).map(|(own, id)| own.for_webhook(id)),
                }
            }
        };
        Some(OfAccount { id: account.id, trust })
    }
}
