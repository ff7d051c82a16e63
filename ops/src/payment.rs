//! `remit payment`: the whole story of one.

use clap::Subcommand;
use common::{
    id::PaymentId,
    job,
    money::display_amount,
    payment::{
        Payment,
        store::{self, CallRow, EventRow},
    },
};
use serde_json::json;

use crate::{Session, explain, jobs, table};

#[derive(Subcommand)]
pub enum Command {
    /// Shows a payment: where it stands, its calls to the gateway, its events, its jobs.
    Show {
        /// `pay_…`
        id: PaymentId,
    },
    /// Asks the gateway once more what became of a payment. Charges nothing.
    Resolve {
        /// `pay_…`
        id: PaymentId,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::Show { id } => show(session, id).await,
        Command::Resolve { id } => resolve(session, id).await,
    }
}

async fn resolve(session: &Session, id: PaymentId) -> Result<(), String> {
    if !store::resolve(&session.pool, id).await.map_err(explain)? {
        return Err(format!("there is no payment {id}, or its end is known"));
    }
    session.print(&json!({ "asked": id }), || format!("The gateway will be asked about {id}."));
    Ok(())
}

async fn show(session: &Session, id: PaymentId) -> Result<(), String> {
    let payment = store::find_any(&session.pool, id).await.map_err(explain)?;
    let payment = payment.ok_or_else(|| format!("there is no payment {id}"))?;
    let calls = store::calls(&session.pool, id).await.map_err(explain)?;
    let events = store::events(&session.pool, id).await.map_err(explain)?;
    let work = job::store::find(&session.pool, id.0).await.map_err(explain)?;
    let all = json!({
        "payment": facts(&payment).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "calls": calls,
        "events": events,
        "jobs": work,
    });
    session.print(&all, || {
        let mut text = String::new();
        for (name, value) in facts(&payment) {
            text += &format!("{name:16} {value}\n");
        }
        text += "\nCalls to the gateway\n";
        text += &calls_table(&calls);
        text += "\nEvents\n";
        text += &events_table(&events);
        if !work.is_empty() {
            text += "\nJobs\n";
            text += &jobs::overview(&work);
        }
        text
    });
    Ok(())
}

fn facts(payment: &Payment) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("payment", payment.id.to_string()),
        ("merchant", payment.merchant_id.to_string()),
        ("status", payment.status.as_str().to_owned()),
        ("amount", payment.order.money.to_string()),
        ("captured", display_amount(payment.amount_captured, payment.order.money.currency)),
        ("method", payment.order.method.to_string()),
        ("gateway", payment.order.gateway.to_string()),
        ("accepted", payment.created_at.to_rfc3339()),
    ];
    let optional = [
        ("settled", payment.settled_at.map(|at| at.to_rfc3339())),
        ("order", payment.order.order_id.clone()),
        ("gateway ref", payment.gateway_ref.clone()),
        ("charge ref", payment.charge_ref.clone()),
        ("failure", payment.failure.as_ref().map(|failure| format!("{}: {}", failure.code, failure.message))),
        ("next action", payment.next_action_url.clone()),
        ("to review", payment.review_reason.clone()),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    facts
}

fn calls_table(calls: &[CallRow]) -> String {
    let rows: Vec<_> = calls
        .iter()
        .map(|call| {
            vec![
                call.at.format("%F %T%.3f").to_string(),
                call.operation.clone(),
                call.outcome.clone(),
                call.http_status.map(|status| status.to_string()).unwrap_or_default(),
                format!("{} ms", call.duration_ms),
                call.request_id.clone().unwrap_or_default(),
                call.detail.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table::layout(&["AT (UTC)", "CALL", "OUTCOME", "HTTP", "TOOK", "REQUEST ID", "DETAIL"], &rows)
}

fn events_table(events: &[EventRow]) -> String {
    let rows: Vec<_> = events
        .iter()
        .map(|event| vec![event.created_at.format("%F %T%.3f").to_string(), event.r#type.clone()])
        .collect();
    table::layout(&["AT (UTC)", "EVENT"], &rows)
}
