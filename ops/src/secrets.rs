//! `remit secrets`: with which keys secrets are sealed where they are stored.

use clap::Subcommand;
use common::{config::EncryptionArgs, rewrapping::store};
use serde_json::json;

use crate::{
    chance::system_random,
    gateways::keyring,
    session::{Session, explain},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// Tells how many secrets are sealed with which key.
    Status {
        #[command(flatten)]
        encryption: EncryptionArgs,
    },
    /// Seals everything with the first key, while everything runs. May be repeated.
    Rewrap {
        #[command(flatten)]
        encryption: EncryptionArgs,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::Status { encryption } => {
            let keys = keyring(session, &encryption)?;
            let found = store::status(&session.pool).await.map_err(explain)?;
            let state = |key: &str| match key {
                first if first == keys.first() => "seals",
                known if keys.knows(known) => "opens",
                _ => "UNKNOWN",
            };
            let row = |of: &common::rewrapping::Sealing| {
                vec![of.table.to_owned(), of.key.clone(), of.rows.to_string(), state(&of.key).to_owned()]
            };
            let rows: Vec<_> = found.iter().map(row).collect();
            session.print(&found, || table::layout(&["TABLE", "KEY", "SECRETS", "STATE"], &rows));
            match found.iter().find(|of| !keys.knows(&of.key)) {
                Some(of) => {
                    Err(format!("{} secrets are sealed with {:?}, which is not set", of.rows, of.key))
                }
                None => Ok(()),
            }
        }
        Command::Rewrap { encryption } => {
            let keys = keyring(session, &encryption)?;
            let rewrapped =
                store::rewrap(&session.pool, &keys, &mut system_random()).await.map_err(explain)?;
            let (done, closed) = (rewrapped.done, rewrapped.closed.len());
            session.print(&json!({ "rewrapped": done, "closed": closed }), || {
                format!("{done} secrets were sealed again, with {:?}.", keys.first())
            });
            match rewrapped.closed.first() {
                Some((table, id, why)) => Err(format!("{closed} stay closed; of {table}, {id}: {why}")),
                None => Ok(()),
            }
        }
    }
}
