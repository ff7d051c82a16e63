//! `remit payment`: the whole story of one.

use clap::Subcommand;
use common::{
    dispute::{self, Dispute},
    event::{self, store::EventRow},
    id::PaymentId,
    job,
    ledger::{self, store::EntryRow},
    money::{Currency, display_amount},
    payment::{
        Payment,
        duplicate::Duplicate,
        store::{self, CallRow},
    },
    refund::{self, Refund},
};
use serde_json::json;

use crate::{
    duplicates, jobs,
    session::{Session, explain},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// Shows a payment: where it stands, its refunds and disputes, calls to the gateway, events, entries in
    /// the books, jobs.
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
    let story = Story::read(session, &payment).await.map_err(explain)?;
    let all = json!({
        "payment": facts(&payment).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "refunds": refunds_rows(&story.refunds),
        "disputes": disputes_rows(&story.disputes),
        "duplicates": story.duplicates,
        "calls": story.calls,
        "events": story.events,
        "ledger": story.entries,
        "jobs": story.jobs,
    });
    session.print(&all, || story.tell(&payment));
    Ok(())
}

/// All that is known of a payment.
struct Story {
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    duplicates: Vec<Duplicate>,
    calls: Vec<CallRow>,
    events: Vec<EventRow>,
    entries: Vec<EntryRow>,
    jobs: Vec<job::store::JobRow>,
}

impl Story {
    async fn read(session: &Session, payment: &Payment) -> sqlx::Result<Self> {
        let pool = &session.pool;
        let refunds = refund::store::of_payments(pool, &[payment.id]).await?;
        let disputes = dispute::store::of_payments(pool, &[payment.id]).await?;
        let duplicates = store::duplicates_of(pool, payment.id).await?;
        let mut subjects = vec![payment.id.0];
        subjects.extend(duplicates.iter().map(|duplicate| duplicate.id.0));
        subjects.extend(refunds.iter().map(|refund| refund.id.0));
        subjects.extend(disputes.iter().map(|dispute| dispute.id.0));
        let mut jobs = Vec::new();
        for subject in &subjects {
            jobs.extend(job::store::find(pool, *subject).await?);
        }
        Ok(Self {
            calls: store::calls(pool, payment.id).await?,
            events: event::store::of_subjects(pool, &subjects).await?,
            entries: ledger::store::entries(pool, &subjects).await?,
            refunds,
            disputes,
            duplicates,
            jobs,
        })
    }

    fn tell(&self, payment: &Payment) -> String {
        let mut text = String::new();
        for (name, value) in facts(payment) {
            text += &format!("{name:16} {value}\n");
        }
        let mut part = |title: &str, table: String| text += &format!("\n{title}\n{table}");
        if !self.refunds.is_empty() {
            let head = ["REFUND", "ORIGIN", "STATUS", "AMOUNT", "GATEWAY REF", "FAILURE"];
            part("Refunds", table::layout(&head, &refunds_rows(&self.refunds)));
        }
        if !self.disputes.is_empty() {
            let head = ["DISPUTE", "STATUS", "AMOUNT", "GATEWAY REF", "REASON"];
            part("Disputes", table::layout(&head, &disputes_rows(&self.disputes)));
        }
        if !self.duplicates.is_empty() {
            part("Moved twice", duplicates::overview(&self.duplicates));
        }
        part("Calls to the gateway", calls_table(&self.calls));
        part("Events", events_table(&self.events));
        part("Ledger", entries_table(&self.entries));
        if !self.jobs.is_empty() {
            part("Jobs", jobs::overview(&self.jobs));
        }
        text
    }
}

fn refunds_rows(refunds: &[Refund]) -> Vec<Vec<String>> {
    let row = |refund: &Refund| {
        let failure = refund.failure.as_ref().map(|failure| failure.code.clone());
        vec![
            refund.id.to_string(),
            refund.origin.to_string(),
            refund.status.to_string(),
            refund.money.to_string(),
            refund.gateway_ref.clone().map(String::from).unwrap_or_default(),
            failure.or_else(|| refund.review_reason.clone()).unwrap_or_default(),
        ]
    };
    refunds.iter().map(row).collect()
}

fn disputes_rows(disputes: &[Dispute]) -> Vec<Vec<String>> {
    let row = |dispute: &Dispute| {
        vec![
            dispute.id.to_string(),
            dispute.status.to_string(),
            dispute.money.to_string(),
            dispute.dispute_ref.clone(),
            dispute.reason.clone().unwrap_or_default(),
        ]
    };
    disputes.iter().map(row).collect()
}

fn entries_table(entries: &[EntryRow]) -> String {
    let amount = |entry: &EntryRow| match Currency::from_code(&entry.currency) {
        Ok(currency) => display_amount(entry.amount, currency),
        Err(_) => entry.amount.to_string(),
    };
    let row = |entry: &EntryRow| {
        vec![
            entry.created_at.format("%F %T%.3f").to_string(),
            entry.kind.clone(),
            entry.account.clone(),
            amount(entry),
            entry.currency.clone(),
        ]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    table::layout(&["AT (UTC)", "KIND", "ACCOUNT", "DEBIT (-: CREDIT)", ""], &rows)
}

fn facts(payment: &Payment) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("payment", payment.id.to_string()),
        ("merchant", payment.merchant_id.to_string()),
        ("status", payment.status.as_str().to_owned()),
        ("amount", payment.request.money.to_string()),
        ("captured", display_amount(payment.amount_captured, payment.request.money.currency)),
        ("refunded", display_amount(payment.amount_refunded, payment.request.money.currency)),
        ("stage", format!("{} ({})", payment.stage, payment.stage_number)),
        ("method", payment.route.method.to_string()),
        ("gateway", payment.route.gateway.to_string()),
        ("accepted", payment.created_at.to_rfc3339()),
    ];
    let optional = [
        ("settled", payment.settled_at.map(|at| at.to_rfc3339())),
        ("order", payment.request.order_id.clone()),
        ("gateway ref", payment.gateway_ref.clone().map(Into::into)),
        ("charge ref", payment.charge_ref.clone().map(Into::into)),
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

/// Events, one a line.
pub fn events_table(events: &[EventRow]) -> String {
    let rows: Vec<_> = events
        .iter()
        .map(|event| vec![event.created_at.format("%F %T%.3f").to_string(), event.r#type.clone()])
        .collect();
    table::layout(&["AT (UTC)", "EVENT"], &rows)
}
