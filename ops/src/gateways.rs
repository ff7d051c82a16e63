//! `remit gateways`: merchants' own accounts at gateways. Secrets come from a file, from standard input, or from the
//! environment; never from the command line, which everybody on the machine can read.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use common::{
    config::{AddressArgs, EncryptionArgs, Guards},
    encryption::Keyring,
    gateway::GatewayName,
    gateway_account::{
        Credentials, GatewayAccount, check_mode,
        store::{self, SavedElsewhere, Set},
    },
    id::MerchantId,
};
use secrecy::SecretString;
use serde_json::json;

use crate::{
    chance::system_random,
    session::{Session, explain},
    table,
};

/// The secret, where it comes from the environment.
const SECRET: &str = "REMIT_GATEWAY_SECRET";
/// By what its events are known.
const WEBHOOKS: &str = "REMIT_GATEWAY_WEBHOOKS";

#[derive(Subcommand)]
pub enum Command {
    /// Sets the credentials of a merchant's own account, after its gateway has been asked whose they are. The secret is
    /// `REMIT_GATEWAY_SECRET`, and by what events are known `REMIT_GATEWAY_WEBHOOKS` (separated by commas); or lines
    /// `secret=…` and `webhook=…` of a file or of standard input.
    Set {
        /// The merchant's name or id.
        #[arg(long)]
        merchant: String,
        /// Which gateway.
        #[arg(long)]
        gateway: GatewayName,
        /// `PayPal`'s client id of the merchant's application.
        #[arg(long, required_if_eq("gateway", "paypal"), default_value = "")]
        client_id: String,
        /// The file with the secrets; `-` is standard input.
        #[arg(long, default_value = "-")]
        from: PathBuf,
        #[command(flatten)]
        addresses: AddressArgs,
        #[command(flatten)]
        encryption: EncryptionArgs,
    },
    /// Lists merchants' own accounts.
    List,
    /// New payments of the merchant are charged with the deployment's own account from now on.
    Remove {
        /// The merchant's name or id.
        #[arg(long)]
        merchant: String,
        /// Which gateway.
        #[arg(long)]
        gateway: GatewayName,
    },
    /// Asks gateways about all credentials.
    Check {
        #[command(flatten)]
        addresses: AddressArgs,
        #[command(flatten)]
        encryption: EncryptionArgs,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::Set { merchant, gateway, client_id, from, addresses, encryption } => {
            let keys = keyring(session, &encryption)?;
            guard(session, &addresses)?;
            let merchant = find(session, &merchant).await?;
            let credentials = credentials(&from)?;
            check_mode(gateway, &credentials.secret, session.mode.mode).map_err(str::to_owned)?;
            let asked = addresses.account_ref(gateway, &client_id, credentials.secret.clone());
            let account_ref = asked.await.map_err(|why| format!("nothing was set: {why}"))?;
            set(session, &keys, (merchant, gateway, &account_ref), &credentials).await
        }
        Command::List => list(session).await,
        Command::Remove { merchant, gateway } => {
            let merchant = find(session, &merchant).await?;
            match store::remove(&session.pool, merchant, gateway).await.map_err(explain)? {
                Ok(removed) => {
                    session.print(&json!({ "removed": removed }), || match removed {
                        true => "New payments go to the deployment's own account.".into(),
                        false => "It has none: payments go to the deployment's own account.".into(),
                    });
                    Ok(())
                }
                Err(saved) => Err(refused(saved)),
            }
        }
        Command::Check { addresses, encryption } => {
            let keys = keyring(session, &encryption)?;
            guard(session, &addresses)?;
            check(session, &keys, &addresses).await
        }
    }
}

/// The keys, if they may be used here.
pub fn keyring(session: &Session, args: &EncryptionArgs) -> Result<Keyring, String> {
    Guards::new(session.mode).encryption(args).check()?;
    args.keyring().map_err(|(setting, why)| format!("{setting} {why}"))
}

fn guard(session: &Session, addresses: &AddressArgs) -> Result<(), String> {
    Guards::new(session.mode).gateway_urls(&addresses.stripe_url, &addresses.paypal_url).check()
}

async fn find(session: &Session, named: &str) -> Result<MerchantId, String> {
    let found = store::merchant(&session.pool, named).await.map_err(explain)?;
    found.ok_or_else(|| format!("there is no merchant {named:?}"))
}

fn credentials(from: &Path) -> Result<Credentials, String> {
    let webhooks = |text: &str| text.split(',').filter(|text| !text.is_empty()).map(Into::into).collect();
    if let Ok(secret) = std::env::var(SECRET) {
        let named = std::env::var(WEBHOOKS).unwrap_or_default();
        return Ok(Credentials { secret: secret.into(), webhooks: webhooks(&named) });
    }
    let mut text = String::new();
    let read = match from.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(from).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|error| format!("{}: {error}", from.display()))?;
    let lines = || text.lines().filter_map(|line| line.trim().split_once('='));
    let all =
        |name: &'static str| lines().filter(move |(named, _)| *named == name).map(|(_, value)| value.into());
    let mut secrets = all("secret");
    let secret: SecretString = secrets.next().ok_or_else(|| format!("no line secret=…, and no {SECRET}"))?;
    Ok(Credentials { secret, webhooks: all("webhook").collect() })
}

async fn set(
    session: &Session,
    keys: &Keyring,
    account: (MerchantId, GatewayName, &str),
    credentials: &Credentials,
) -> Result<(), String> {
    let mut random = system_random();
    let set = store::set(&session.pool, keys, account, credentials, &mut random);
    let (id, is_new) = match set.await.map_err(explain)? {
        Set::New(id) => (id, true),
        Set::Replaced(id) => (id, false),
        Set::Refused(saved) => return Err(refused(saved)),
    };
    let (merchant, gateway, account_ref) = account;
    session.print(&json!({ "id": id, "merchant": merchant, "account": account_ref, "new": is_new }), || {
        let what = if is_new { "New payments go to" } else { "The credentials were replaced of" };
        format!("{what} {account_ref} ({id}). Its events: /gateways/{gateway}/webhook/{merchant}")
    });
    Ok(())
}

fn refused(saved: SavedElsewhere) -> String {
    let customers = saved.customers;
    format!(
        "{customers} customers of the merchant have payment methods saved at the account that is used now, and no other \
         account could charge them: make another merchant for the other account"
    )
}

async fn list(session: &Session) -> Result<(), String> {
    let accounts = store::all(&session.pool).await.map_err(explain)?;
    let rows: Vec<Vec<String>> = accounts.iter().map(row).collect();
    let all: Vec<_> = accounts
        .iter()
        .map(|account| {
            json!({
                "id": account.id, "merchant": account.merchant_id, "gateway": account.gateway,
                "account": account.account_ref, "active": account.active, "version": account.version,
                "key": account.secrets.key_id(),
            })
        })
        .collect();
    session.print(&all, || {
        table::layout(&["MERCHANT", "GATEWAY", "ACCOUNT", "ID", "STATE", "VERSION", "KEY"], &rows)
    });
    Ok(())
}

fn row(account: &GatewayAccount) -> Vec<String> {
    vec![
        account.merchant_id.to_string(),
        account.gateway.to_string(),
        account.account_ref.clone(),
        account.id.to_string(),
        if account.active { "active" } else { "left" }.to_owned(),
        account.version.to_string(),
        account.secrets.key_id().unwrap_or("?").to_owned(),
    ]
}

async fn check(session: &Session, keys: &Keyring, addresses: &AddressArgs) -> Result<(), String> {
    let checked = check_all(session, keys, addresses).await?;
    let rows: Vec<Vec<String>> = checked
        .iter()
        .map(|(account, problem)| {
            let mut row = row(account);
            row.push(problem.clone().unwrap_or_else(|| "ok".to_owned()));
            row
        })
        .collect();
    let all: Vec<_> = checked
        .iter()
        .map(|(account, problem)| json!({ "id": account.id, "ok": problem.is_none(), "problem": problem }))
        .collect();
    session.print(&all, || {
        table::layout(
            &["MERCHANT", "GATEWAY", "ACCOUNT", "ID", "STATE", "VERSION", "KEY", "CREDENTIALS"],
            &rows,
        )
    });
    match checked.iter().filter(|(_, problem)| problem.is_some()).count() {
        0 => Ok(()),
        n => Err(format!("{n} of {} accounts cannot be used", checked.len())),
    }
}

/// All accounts, each with what is wrong with its credentials.
pub async fn check_all(
    session: &Session,
    keys: &Keyring,
    addresses: &AddressArgs,
) -> Result<Vec<(GatewayAccount, Option<String>)>, String> {
    let mut checked = Vec::new();
    for account in store::all(&session.pool).await.map_err(explain)? {
        let problem = problem(&account, keys, addresses).await.err();
        checked.push((account, problem));
    }
    Ok(checked)
}

async fn problem(account: &GatewayAccount, keys: &Keyring, addresses: &AddressArgs) -> Result<(), String> {
    let credentials = account.credentials(keys).map_err(|error| error.to_string())?;
    let asked = addresses.account_ref(account.gateway, &account.account_ref, credentials.secret);
    match asked.await? {
        theirs if theirs == account.account_ref => Ok(()),
        theirs => Err(format!("the credentials are those of {theirs}")),
    }
}
