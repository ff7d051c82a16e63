//! `remit jobs`: what is waiting, running or dead.

use clap::Subcommand;
use common::{
    id::{GatewayEventId, InvoiceId, JobId, PaymentId, ReconciliationId, RefundId, SubscriptionId},
    job::{
        Kind,
        store::{self, JobRow},
    },
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    session::{Session, explain},
    table,
};

#[derive(Subcommand)]
pub enum Command {
    /// Lists jobs, oldest first.
    List {
        /// Only those in this state: queued, held (behind others of their merchant), running or dead.
        #[arg(long, value_parser = ["queued", "held", "running", "dead"])]
        state: Option<String>,
        /// Only those of this kind.
        #[arg(long)]
        kind: Option<Kind>,
        /// At most so many.
        #[arg(long, default_value = "50", value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Shows a job (`job_…`), or all about one thing (`pay_…`, `sub_…`, …).
    Show {
        /// `job_…`, or what `remit jobs list` says a job is about
        id: String,
    },
    /// Does a queued or dead job now.
    Retry {
        /// `job_…`
        id: JobId,
    },
    /// Gives a dead job up.
    Discard {
        /// `job_…`
        id: JobId,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::List { state, kind, limit } => {
            let jobs = store::list(&session.pool, state.as_deref(), kind, limit).await.map_err(explain)?;
            session.print(&jobs, || if jobs.is_empty() { "No jobs.".into() } else { overview(&jobs) });
        }
        Command::Show { id } => {
            let named = job_or_subject(&id).ok_or_else(|| {
                format!("{id} is neither a job (job_…) nor what one may be about (pay_…, re_…, sub_…, …)")
            })?;
            let jobs = store::find(&session.pool, named).await.map_err(explain)?;
            session.print(&jobs, || {
                if jobs.is_empty() { "No such job: it is done.".into() } else { overview(&jobs) }
            });
        }
        Command::Retry { id } => {
            if !store::retry_now(&session.pool, id).await.map_err(explain)? {
                return Err(format!("{id} is done, or running at this moment"));
            }
            session.print(&json!({ "retried": id }), || format!("{id} will be done now."));
        }
        Command::Discard { id } => {
            if !store::discard(&session.pool, id).await.map_err(explain)? {
                return Err(format!("{id} is not a dead job; only dead jobs can be given up"));
            }
            session.print(&json!({ "discarded": id }), || format!("{id} is given up."));
        }
    }
    Ok(())
}

/// What an id names, if it is a job or what jobs are about.
fn job_or_subject(id: &str) -> Option<Uuid> {
    const PREFIXES: [&str; 7] = [
        JobId::PREFIX,
        PaymentId::PREFIX,
        RefundId::PREFIX,
        SubscriptionId::PREFIX,
        InvoiceId::PREFIX,
        GatewayEventId::PREFIX,
        ReconciliationId::PREFIX,
    ];
    let digits = PREFIXES.into_iter().find_map(|prefix| id.strip_prefix(prefix))?;
    Uuid::try_parse(digits).ok()
}

/// What a job is about, by its name. A kind that this program does not know is taken for one of a payment.
fn subject(job: &JobRow) -> String {
    let kind: Result<Kind, _> = job.kind.parse();
    kind.map_or_else(|_| PaymentId(job.subject_id).to_string(), |kind| kind.subject(job.subject_id))
}

/// Jobs, one a line.
pub fn overview(jobs: &[JobRow]) -> String {
    let rows: Vec<_> = jobs
        .iter()
        .map(|job| {
            vec![
                JobId(job.id).to_string(),
                job.kind.clone(),
                subject(job),
                job.state.clone(),
                job.attempt.to_string(),
                job.due_at.map_or("never".into(), |at| at.format("%F %T").to_string()),
                job.last_error.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table::layout(&["JOB", "KIND", "SUBJECT", "STATE", "ATTEMPT", "DUE (UTC)", "LAST ERROR"], &rows)
}
