//! `remit doctor`: is everything there that we need, and does what must hold, hold?

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use common::{
    config::{BrokerArgs, Guards},
    db, gateway,
    job::{self, broker},
    ledger, payment,
};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{Session, explain, table};

#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    /// Stripe's API, or a sandbox that speaks its protocol.
    #[arg(long, env = "REMIT_STRIPE_URL", default_value = "https://api.stripe.com")]
    stripe_url: String,
    /// PayPal's API, or a sandbox that speaks its protocol.
    #[arg(long, env = "REMIT_PAYPAL_URL", default_value = "https://api-m.paypal.com")]
    paypal_url: String,
}

#[derive(Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    says: String,
}

/// Ends with an error when anything is not as it should be.
pub async fn run(session: &Session, args: DoctorArgs) -> Result<(), String> {
    let findings = [
        settings(session, &args),
        schema(session).await,
        broker_answers(args.broker).await,
        gateway_answers("stripe", &args.stripe_url).await,
        gateway_answers("paypal", &args.paypal_url).await,
        jobs_live(session).await,
        payments_have_jobs(session).await,
        books_balance(session).await,
    ];
    session.print(&findings, || {
        let mark = |ok| if ok { "ok" } else { "NOT OK" };
        let rows: Vec<_> =
            findings.iter().map(|f| vec![f.what.to_owned(), mark(f.ok).to_owned(), f.says.clone()]).collect();
        table::layout(&["WHAT", "STATE", ""], &rows)
    });
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        n => Err(format!("{n} of {} checks failed", findings.len())),
    }
}

fn finding(what: &'static str, result: Result<String, String>) -> Finding {
    let ok = result.is_ok();
    Finding { what, ok, says: result.unwrap_or_else(|problem| problem) }
}

/// What the other programs would say of these settings.
fn settings(session: &Session, args: &DoctorArgs) -> Finding {
    let guards = Guards::new(session.mode).broker(&args.broker);
    let urls = (args.stripe_url.parse(), args.paypal_url.parse());
    let checked = match urls {
        (Ok(stripe), Ok(paypal)) => guards.gateway_urls(&stripe, &paypal).check(),
        _ => Err("REMIT_STRIPE_URL or REMIT_PAYPAL_URL cannot be read".into()),
    };
    finding("settings", checked.map(|()| "suit the mode".into()))
}

async fn schema(session: &Session) -> Finding {
    let missing = db::missing_migrations(&session.pool).await.map_err(explain);
    finding(
        "database",
        missing.and_then(|missing| match missing {
            0 => Ok("answers; the schema is up to date".into()),
            n => Err(format!("{n} migrations are missing: run `remit migrate`")),
        }),
    )
}

async fn broker_answers(args: BrokerArgs) -> Finding {
    let checked = broker::check(&args.into()).await;
    finding(
        "broker",
        match checked {
            Ok(()) => Ok("answers; exchange and queues are declared".into()),
            Err(error) => Err(format!("{error}; payments are accepted and wait")),
        },
    )
}

/// Any answer will do: the key is not ours to try.
async fn gateway_answers(name: &'static str, url: &str) -> Finding {
    let asked = async {
        let client = gateway::http_client(Duration::from_secs(5)).map_err(|error| error.to_string())?;
        client.get(url).send().await.map_err(|error| format!("{url}: {error}"))
    };
    finding(name, asked.await.map(|answer| format!("{url} answers ({})", answer.status().as_u16())))
}

async fn jobs_live(session: &Session) -> Finding {
    let backlog = job::store::backlog(&session.pool).await.map_err(explain);
    finding(
        "jobs",
        backlog.and_then(|rows| {
            let count =
                |state| rows.iter().filter(|row| row.state == state).map(|row| row.count).sum::<i64>();
            let says =
                format!("{} queued, {} running, {} dead", count("queued"), count("running"), count("dead"));
            if count("dead") == 0 {
                Ok(says)
            } else {
                Err(format!("{says}: see `remit jobs list --state dead`"))
            }
        }),
    )
}

async fn payments_have_jobs(session: &Session) -> Finding {
    let stuck = payment::store::without_a_job(&session.pool, 30).await.map_err(explain);
    finding(
        "payments",
        stuck.and_then(|stuck| match stuck.as_slice() {
            [] => Ok("every payment under way of the last 30 days has a job".into()),
            [first, ..] => Err(format!("{} payments have no job, {} among them", stuck.len(), first.id)),
        }),
    )
}

async fn books_balance(session: &Session) -> Finding {
    let balances = ledger::store::balances(&session.pool, None).await.map_err(explain);
    finding(
        "ledger",
        balances.and_then(|balances| {
            let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
            for balance in &balances {
                *sums.entry(balance.currency.code()).or_default() += balance.amount;
            }
            match sums.iter().find(|(_, sum)| !sum.is_zero()) {
                None => Ok(format!("balances in {} currencies", sums.len())),
                Some((currency, sum)) => Err(format!("is off by {sum} {currency}")),
            }
        }),
    )
}
