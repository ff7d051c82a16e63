//! `remit keys`: API keys of merchants.

use std::{io::IsTerminal as _, time::Duration};

use clap::Subcommand;
use common::{
    clock::Timestamp,
    config::Mode,
    db,
    id::ApiKeyId,
    merchant::{
        Rights, StoredKey,
        key::ApiKey,
        network::Network,
        scope::{Scope, Scopes},
        store::{
            self,
            keys::{self, NewKey},
        },
    },
};
use serde_json::{Value, json};

use crate::{
    chance::system_random,
    session::{Session, explain},
    side::{check_side, named, side},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// Makes a key, and the merchant if there is none of that name. The key is shown once.
    Create {
        /// The merchant's name.
        #[arg(long)]
        merchant: String,
        /// What the key may do: payments:read, refunds:write, …; without it all.
        #[arg(long, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// Of the merchant's live side, where money is real.
        #[arg(long)]
        live: bool,
        /// What people call the key.
        #[arg(long)]
        name: Option<String>,
        /// From where it may be used: 203.0.113.0/24, 2001:db8::/32; without it from anywhere.
        #[arg(long, value_delimiter = ',')]
        allow: Vec<Network>,
        /// How many seconds it holds; without it for ever.
        #[arg(long)]
        expires_in: Option<u32>,
        /// Print the key and nothing else.
        #[arg(long)]
        quiet: bool,
    },
    /// Lists keys, oldest first: those of one merchant, or all.
    List {
        /// The merchant's name.
        #[arg(long)]
        merchant: Option<String>,
    },
    /// Revokes a key, also the last one of a merchant. It works for 5 more seconds, at most.
    Revoke {
        /// `key_…`
        id: ApiKeyId,
    },
    /// Makes another key that may do the same. The old one expires then. The new one is shown once.
    Rotate {
        /// `key_…`
        id: ApiKeyId,
        /// For how many seconds the old one still holds.
        #[arg(long, default_value = "86400")]
        expires_old_in: u32,
        /// Print the new key and nothing else.
        #[arg(long)]
        quiet: bool,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::Create { merchant, scopes, live, name, allow, expires_in, quiet } => {
            check_side(session.mode, live)?;
            if session.mode.mode == Mode::Live && !live {
                eprintln!("Money is real here, and a test key is refused: --live makes one that works.");
            }
            let rights = Rights {
                scopes: Scopes::new(scopes).unwrap_or_else(Scopes::admin),
                allowed_addresses: allow,
                expires_at: expires_at(session, expires_in).await?,
                ..Rights::all()
            };
            create(session, (named(&merchant)?, live), name.as_deref(), &rights, quiet).await
        }
        Command::List { merchant } => list(session, merchant.as_deref()).await,
        Command::Revoke { id } => {
            if !keys::revoke_any(&session.pool, id).await.map_err(explain)? {
                return Err(format!("{id} is no key, or was revoked before: remit keys list"));
            }
            session.print(&json!({ "revoked": id }), || format!("{id} works for 5 more seconds, at most."));
            Ok(())
        }
        Command::Rotate { id, expires_old_in, quiet } => rotate(session, id, expires_old_in, quiet).await,
    }
}

async fn expires_at(session: &Session, seconds: Option<u32>) -> Result<Option<Timestamp>, String> {
    let Some(seconds) = seconds else { return Ok(None) };
    let now = db::now(&session.pool).await.map_err(explain)?;
    Ok(Some(now + Duration::from_secs(seconds.into())))
}

async fn create(
    session: &Session,
    (merchant, live): (&str, bool),
    name: Option<&str>,
    rights: &Rights,
    quiet: bool,
) -> Result<(), String> {
    let (key, id) = (ApiKey::generate(&mut system_random(), live), ApiKeyId::new());
    let mut transaction = session.pool.begin().await.map_err(explain)?;
    let owner = store::find_or_create(&mut transaction, merchant, live).await.map_err(explain)?;
    let new = NewKey { id, merchant: owner, first_key: None, name, rights };
    keys::add(&mut *transaction, &key, &new).await.map_err(explain)?;
    transaction.commit().await.map_err(explain)?;
    let about = json!({ "id": id, "merchant": owner, "livemode": live, "scopes": rights.scopes });
    show_once(session, &key, about, quiet, || format!("This {} key of {merchant} ({owner})", side(live)));
    Ok(())
}

async fn rotate(session: &Session, id: ApiKeyId, expires_old_in: u32, quiet: bool) -> Result<(), String> {
    let mut transaction = session.pool.begin().await.map_err(explain)?;
    let old = keys::find_any(&mut *transaction, id).await.map_err(explain)?;
    let old = old.ok_or_else(|| format!("there is no key {id}: remit keys list"))?;
    if old.revoked_at.is_some() {
        return Err(format!("{id} is revoked: make another with remit keys create"));
    }
    let (key, new) = (ApiKey::generate(&mut system_random(), old.livemode), ApiKeyId::new());
    let overlap = Duration::from_secs(expires_old_in.into());
    keys::replace(&mut transaction, &old, (new, &key), overlap).await.map_err(explain)?;
    transaction.commit().await.map_err(explain)?;
    let about = json!({ "id": new, "merchant": old.merchant_id, "livemode": old.livemode, "rotated": id });
    show_once(session, &key, about, quiet, || {
        format!("{id} expires in {expires_old_in} seconds. The key in its place, {new},")
    });
    Ok(())
}

/// Where nobody reads it, the key stands alone: a script takes it as it is.
fn show_once(session: &Session, key: &ApiKey, mut about: Value, quiet: bool, which: impl FnOnce() -> String) {
    if quiet || !(session.json || std::io::stdout().is_terminal()) {
        println!("{}", key.reveal());
        return;
    }
    about["key"] = key.reveal().into();
    session.print(&about, || {
        format!("{}\n\n{} is not shown again: keep it where secrets are kept.", key.reveal(), which())
    });
}

async fn list(session: &Session, merchant: Option<&str>) -> Result<(), String> {
    let merchants = store::list(&session.pool, merchant).await.map_err(explain)?;
    if let Some(name) = merchant.filter(|_| merchants.is_empty()) {
        return Err(format!("there is no merchant {name}: remit merchants list"));
    }
    let ids: Vec<_> = merchants.iter().map(|merchant| merchant.id).collect();
    let keys = keys::of_merchants(&session.pool, &ids).await.map_err(explain)?;
    let shown: Vec<_> = keys.iter().map(json_of).collect();
    session.print(&shown, || if keys.is_empty() { "No keys.".into() } else { overview(&keys) });
    Ok(())
}

/// A key, for scripts.
pub fn json_of(key: &StoredKey) -> Value {
    let Rights { scopes, allowed_addresses, caps, expires_at: _ } = &key.rights;
    let networks: Vec<_> = allowed_addresses.iter().map(ToString::to_string).collect();
    let amounts = |caps: &[common::money::Money]| caps.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "id": key.id, "merchant": key.merchant_id, "livemode": key.livemode, "name": key.name,
        "key": shown(key), "scopes": scopes, "allowed_addresses": networks,
        "caps": {
            "payment": amounts(&caps.payment), "day": amounts(&caps.day),
            "own_payments_only": caps.own_payments_only,
        },
        "created_at": key.created_at, "expires_at": key.ends_at(), "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    })
}

/// Enough of a key to tell it from another.
fn shown(key: &StoredKey) -> String {
    format!("{}…{}", key.prefix, key.last4)
}

/// Keys, one a line.
pub fn overview(keys: &[StoredKey]) -> String {
    let moment = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.format("%F %T").to_string());
    let row = |key: &StoredKey| {
        let scopes: Vec<_> = key.rights.scopes.iter().map(Scope::as_str).collect();
        vec![
            key.id.to_string(),
            shown(key),
            key.name.clone().unwrap_or_default(),
            scopes.join(","),
            moment(key.last_used_at),
            moment(key.ends_at()),
            moment(key.revoked_at),
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    let header = ["ID", "KEY", "NAME", "SCOPES", "LAST USED (UTC)", "EXPIRES (UTC)", "REVOKED (UTC)"];
    table::layout(&header, &rows)
}
