//! `remit keys`: API keys of merchants.

use std::io::IsTerminal as _;

use clap::Subcommand;
use common::merchant::{key::ApiKey, store};
use serde_json::json;

use crate::session::{Session, explain};

#[derive(Subcommand)]
pub enum Command {
    /// Makes a key, and the merchant if there is none of that name. The key is shown once.
    Create {
        /// The merchant's name.
        #[arg(long)]
        merchant: String,
        /// Print the key and nothing else.
        #[arg(long)]
        quiet: bool,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    let Command::Create { merchant, quiet } = command;
    if merchant.trim().is_empty() {
        return Err("a merchant needs a name: --merchant NAME".into());
    }
    let key = ApiKey::generate(&mut system_random());
    let mut transaction = session.pool.begin().await.map_err(explain)?;
    let owner = store::find_or_create(&mut transaction, &merchant).await.map_err(explain)?;
    let id = store::add_key(&mut *transaction, owner, &key).await.map_err(explain)?;
    transaction.commit().await.map_err(explain)?;
    if quiet || !(session.json || std::io::stdout().is_terminal()) {
        println!("{}", key.reveal());
        return Ok(());
    }
    session.print(&json!({ "id": id, "merchant": owner, "key": key.reveal() }), || {
        format!(
            "{}\n\nThis key of {merchant} ({owner}) is not shown again: keep it where secrets are kept.",
            key.reveal()
        )
    });
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "where randomness enters: it is a parameter from here on")]
pub fn system_random() -> impl rand::Rng {
    rand::rng()
}
