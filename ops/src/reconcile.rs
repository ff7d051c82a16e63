//! `remit reconcile`: a gateway's settlement report compared with ours. The worker does it; this asks and waits.

use std::time::Duration;

use clap::Subcommand;
use common::{
    clock::Timestamp,
    db,
    gateway::GatewayName,
    id::ReconciliationId,
    reconciliation::{
        Reconciliation, State,
        store::{self, FindingRow},
    },
};
use serde_json::json;

use crate::{
    session::{Session, explain},
    table,
};

/// How often a comparison under way is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub enum Command {
    /// Compares now, and shows what differs. Ends with an error when a person must look.
    Run {
        /// Which gateway.
        #[arg(long, default_value = "stripe")]
        gateway: GatewayName,
        /// From when, in RFC 3339; three days ago by default.
        #[arg(long)]
        from: Option<Timestamp>,
        /// Until when; by default now, or as late as the gateway's settlement report is complete (`PayPal`: four hours ago).
        #[arg(long)]
        to: Option<Timestamp>,
        /// How long to wait for a worker to do it, in seconds.
        #[arg(long, default_value = "300")]
        wait: u64,
    },
    /// Shows what a comparison has found.
    Show {
        /// `rec_…`
        id: ReconciliationId,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    let id = match command {
        Command::Show { id } => id,
        Command::Run { gateway, from, to, wait } => {
            let now = db::now(&session.pool).await.map_err(explain)?;
            let to = to.unwrap_or(now - gateway.guarantees().settlement_report_lag);
            let from = from.unwrap_or(to - Duration::from_secs(3 * 24 * 3600));
            if from >= to {
                return Err("--from must be before --to".into());
            }
            let asked = store::request(&session.pool, gateway, (from, to), Duration::ZERO);
            let id = asked.await.map_err(explain)?;
            await_end(session, id, Duration::from_secs(wait)).await?;
            id
        }
    };
    show(session, id).await
}

async fn await_end(session: &Session, id: ReconciliationId, wait: Duration) -> Result<(), String> {
    let waiting = async {
        while find(session, id).await?.state == State::Reading {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    match tokio::time::timeout(wait, waiting).await {
        Ok(ended) => ended,
        Err(_) => Err(format!("no worker has finished it yet: remit reconcile show {id}")),
    }
}

async fn find(session: &Session, id: ReconciliationId) -> Result<Reconciliation, String> {
    let found = store::find(&session.pool, id).await.map_err(explain)?;
    found.ok_or_else(|| format!("there is no reconciliation {id}"))
}

async fn show(session: &Session, id: ReconciliationId) -> Result<(), String> {
    let of = find(session, id).await?;
    let findings = store::findings(&session.pool, id).await.map_err(explain)?;
    let all = json!({
        "reconciliation": id,
        "gateway": of.gateway.as_str(),
        "from": of.between.0,
        "to": of.between.1,
        "state": of.state.as_str(),
        "lines": of.lines,
        "repairs": of.repairs,
        "findings": findings,
    });
    session.print(&all, || overview(&of, &findings));
    match findings.iter().filter(|finding| finding.remedy == "needs_review").count() {
        _ if of.state == State::Failed => Err("the gateway's settlement report could not be read".into()),
        0 => Ok(()),
        n => Err(format!("{n} differences need a person")),
    }
}

fn overview(of: &Reconciliation, findings: &[FindingRow]) -> String {
    let mut text = format!(
        "{} of {} from {} to {}: {}, {} lines, {} repairs\n",
        of.id,
        of.gateway,
        of.between.0.format("%F %T"),
        of.between.1.format("%F %T"),
        of.state,
        of.lines,
        of.repairs,
    );
    let rows: Vec<_> = findings
        .iter()
        .map(|finding| {
            vec![
                finding.kind.clone(),
                finding.remedy.clone(),
                finding.reference.clone().unwrap_or_default(),
                finding.gateway_ref.clone().unwrap_or_default(),
                finding.detail.clone(),
            ]
        })
        .collect();
    text += &match rows.as_slice() {
        [] if of.state == State::Done => "Both agree.".to_owned(),
        [] => String::new(),
        rows => table::layout(&["DIFFERENCE", "REMEDY", "OURS", "THE GATEWAY'S", "DETAIL"], rows),
    };
    text
}
