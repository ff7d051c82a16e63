//! `remit duplicates`: money that a gateway moved twice.

use clap::Subcommand;
use common::{
    id::DuplicateId,
    payment::{
        duplicate::Duplicate,
        store::{open_duplicates, settle_duplicate},
    },
};

use crate::{
    session::{Session, explain},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// Lists those that wait for a person.
    List,
    /// Books that one was put right at its gateway: what was taken twice was given back there, what was given back
    /// twice was taken again.
    Settle {
        /// `dup_…`
        id: DuplicateId,
        /// How: the gateway's name for the refund, say.
        #[arg(long)]
        note: String,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::List => list(session).await,
        Command::Settle { id, note } => settle(session, id, &note).await,
    }
}

async fn list(session: &Session) -> Result<(), String> {
    let open = open_duplicates(&session.pool).await.map_err(explain)?;
    session.print(&open, || match open.as_slice() {
        [] => "Nothing was moved twice.".into(),
        open => overview(open),
    });
    Ok(())
}

async fn settle(session: &Session, id: DuplicateId, note: &str) -> Result<(), String> {
    let settled = settle_duplicate(&session.pool, id, note).await.map_err(explain)?;
    let settled = settled.ok_or_else(|| format!("there is no duplicate {id} that waits for a person"))?;
    session.print(&settled, || format!("{id} of {} is put right, and so are the books.", settled.money));
    Ok(())
}

/// Duplicates, one a line.
pub fn overview(duplicates: &[Duplicate]) -> String {
    let row = |duplicate: &Duplicate| {
        let of = duplicate.refund_id.map_or(duplicate.payment_id.to_string(), |refund| refund.to_string());
        vec![
            duplicate.id.to_string(),
            of,
            duplicate.money.to_string(),
            duplicate.gateway.to_string(),
            duplicate.gateway_ref.to_string(),
            duplicate.status.to_string(),
            duplicate.note.clone().unwrap_or_default(),
        ]
    };
    let head = ["DUPLICATE", "OF", "AMOUNT", "GATEWAY", "GATEWAY REF", "STATUS", "NOTE"];
    table::layout(&head, &duplicates.iter().map(row).collect::<Vec<_>>())
}
