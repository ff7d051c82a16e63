//! The adapters by which gateways are asked: the deployment's own, and one for each account of a merchant's, built when
//! it is first needed. Each has its own protection, so that an account that is limited, or does not answer, rests
//! alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tokio::time::Instant;

use super::{GatewayAccount, store};
use crate::{
    config::GatewayArgs,
    encryption::Keyring,
    gateway::{Gateway, GatewayName, Gateways, protection::Deferring},
    id::GatewayAccountId,
};

/// For how long an adapter is used before it is seen to whether its credentials are still the same.
const FRESH: Duration = Duration::from_secs(2);

/// An adapter that was built.
struct Built {
    version: i64,
    gateway: Arc<dyn Gateway>,
    looked_at: Instant,
}

/// All adapters of a process.
pub struct Registry {
    own: Gateways,
    args: GatewayArgs,
    keys: Keyring,
    pool: PgPool,
    built: Mutex<HashMap<GatewayAccountId, Built>>,
}

impl Registry {
    /// Adapters that are reached as `args` says. Credentials are read from the database.
    ///
    /// Fails when the TLS backend cannot be initialised.
    pub fn new(args: GatewayArgs, keys: Keyring, pool: PgPool) -> reqwest::Result<Self> {
        let own = args.clone().connect()?;
        Ok(Self { own, args, keys, pool, built: Mutex::default() })
    }

    /// The deployment's own.
    #[must_use]
    pub fn own(&self) -> &Gateways {
        &self.own
    }

    /// The adapter of an account; of none: the deployment's own. One whose credentials cannot be had puts off whatever
    /// it is asked: nothing is sent elsewhere instead.
    pub async fn get(&self, gateway: GatewayName, account: Option<GatewayAccountId>) -> Arc<dyn Gateway> {
        let Some(id) = account else { return self.own.get(gateway) };
        match self.known(id) {
            Known::Fresh(gateway) => gateway,
            Known::Old(version, gateway) => match store::version(&self.pool, id).await {
                Ok(Some(now)) if now != version => self.built(id).await.unwrap_or(gateway),
                // It is the same, or the database is away: what was good is used.
                Ok(_) | Err(_) => gateway,
            },
            Known::Not => self.built(id).await.unwrap_or_else(|why| Arc::new(Deferring::new(why))),
        }
    }

    fn known(&self, id: GatewayAccountId) -> Known {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = built.get_mut(&id) else { return Known::Not };
        if known.looked_at.elapsed() < FRESH {
            return Known::Fresh(Arc::clone(&known.gateway));
        }
        // One looks, and the others go on meanwhile.
        known.looked_at = Instant::now();
        Known::Old(known.version, Arc::clone(&known.gateway))
    }

    /// Builds it from what is stored. Of several who do at once, one is kept.
    async fn built(&self, id: GatewayAccountId) -> Result<Arc<dyn Gateway>, String> {
        let found = store::find(&self.pool, id).await.map_err(|error| error.to_string())?;
        let account = found.ok_or_else(|| format!("there is no account {id}"))?;
        let gateway = self.adapter(&account).inspect_err(|why| {
            tracing::error!(account = %id, merchant_id = %account.merchant_id, gateway = %account.gateway, why,
                "a merchant's credentials cannot be used");
        })?;
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = built.get(&id).filter(|known| known.version >= account.version) {
            return Ok(Arc::clone(&known.gateway));
        }
        let version = account.version;
        if built.contains_key(&id) {
            tracing::info!(account = %id, merchant_id = %account.merchant_id, gateway = %account.gateway,
                "an account's credentials have changed, and the new ones are used");
        }
        built.insert(id, Built { version, gateway: Arc::clone(&gateway), looked_at: Instant::now() });
        Ok(gateway)
    }

    /// An adapter for what is stored of an account.
    ///
    /// Fails with a sentence for operators.
    pub fn adapter(&self, account: &GatewayAccount) -> Result<Arc<dyn Gateway>, String> {
        let credentials = account.credentials(&self.keys).map_err(|error| error.to_string())?;
        let webhook = credentials.webhooks.first().map(|webhook| webhook.expose_secret().to_owned());
        let (ahead, speaking) = (self.own.ahead.clone(), (credentials.secret, webhook));
        let built = self.args.adapter_of(account.gateway, &account.account_ref, speaking, ahead);
        Ok(Arc::new(built.map_err(|error| error.to_string())?.of_account(account.id)))
    }
}

/// What is known of an adapter.
enum Known {
    Fresh(Arc<dyn Gateway>),
    Old(i64, Arc<dyn Gateway>),
    Not,
}
