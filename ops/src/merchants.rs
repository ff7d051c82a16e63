//! `remit merchants`: whose payments there are. Each has a test side, and a live side where money is real.

use clap::Subcommand;
use common::merchant::{Merchant, store};
use serde_json::json;

use crate::{
    keys,
    session::{Session, explain},
    side::{check_side, named, side},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// Makes one side of a merchant: the test side.
    Create {
        /// What it is called.
        name: String,
        /// The live side instead, where money is real.
        #[arg(long)]
        live: bool,
    },
    /// Lists all, each side by itself.
    List,
    /// Shows both sides of a merchant, with their keys.
    Show {
        /// What it is called.
        name: String,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::Create { name, live } => {
            let name = named(&name)?;
            check_side(session.mode, live)?;
            let made = store::create(&session.pool, name, live).await.map_err(explain)?;
            let id = made
                .ok_or_else(|| format!("there is a merchant {name} already, on its {} side", side(live)))?;
            session.print(&json!({ "id": id, "name": name, "livemode": live }), || {
                format!("{id} is the {} side of {name}. It needs a key: remit keys create.", side(live))
            });
        }
        Command::List => {
            let all = store::list(&session.pool, None).await.map_err(explain)?;
            session.print(&all, || if all.is_empty() { "No merchants.".into() } else { overview(&all) });
        }
        Command::Show { name } => {
            let sides = store::list(&session.pool, Some(&name)).await.map_err(explain)?;
            if sides.is_empty() {
                return Err(format!("there is no merchant {name}: remit merchants list"));
            }
            let ids: Vec<_> = sides.iter().map(|side| side.id).collect();
            let keys = store::keys::of_merchants(&session.pool, &ids).await.map_err(explain)?;
            let shown: Vec<_> = keys.iter().map(keys::json_of).collect();
            session.print(&json!({ "merchants": sides, "keys": shown }), || {
                format!("{}\n{}", overview(&sides), keys::overview(&keys))
            });
        }
    }
    Ok(())
}

fn overview(merchants: &[Merchant]) -> String {
    let row = |merchant: &Merchant| {
        vec![
            merchant.id.to_string(),
            merchant.name.clone(),
            side(merchant.livemode).to_owned(),
            merchant.created_at.format("%F %T").to_string(),
        ]
    };
    let rows: Vec<_> = merchants.iter().map(row).collect();
    table::layout(&["MERCHANT", "NAME", "SIDE", "MADE (UTC)"], &rows)
}
