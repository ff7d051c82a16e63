//! `remit doctor`: is everything there that we need, and does what must hold, hold?

use std::time::Duration;

use clap::Args;
use common::{
    config::{AddressArgs, BrokerArgs, EncryptionArgs, Guards, StandbyArgs},
    db, gateway, invoice,
    job::{self, broker, store::Endless},
    ledger, payment, reconciliation,
};
use serde::Serialize;

use crate::{
    gateways,
    session::{Session, explain},
    table,
};

/// How far back the books are added up.
const CHECKED: Duration = Duration::from_secs(3600);

#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    addresses: AddressArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
    #[command(flatten)]
    standby: StandbyArgs,
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
        standby(session, &args.standby).await,
        broker_answers(args.broker.clone()).await,
        gateway_answers("stripe", args.addresses.stripe_url.as_str()).await,
        gateway_answers("paypal", args.addresses.paypal_url.as_str()).await,
        merchants_accounts(session, &args).await,
        jobs_live(session).await,
        jobs_end(session).await,
        reconciliations_end(session).await,
        payments_have_jobs(session).await,
        books_balance(session).await,
        customers_balance(session).await,
        nothing_moved_twice(session).await,
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
    let AddressArgs { stripe_url, paypal_url } = &args.addresses;
    let guards = Guards::new(session.mode).broker(&args.broker).gateway_urls(stripe_url, paypal_url);
    let checked = guards.encryption(&args.encryption).check();
    finding("settings", checked.map(|()| "suit the mode".into()))
}

async fn schema(session: &Session) -> Finding {
    let checked = async {
        let missing = db::missing_migrations(&session.pool).await.map_err(explain)?;
        match db::misfit(&session.pool).await.map_err(explain)? {
            Some(why) => Err(why),
            None if missing > 0 => Err(format!("{missing} migrations are missing: run `remit migrate`")),
            None => Ok("answers; the schema is up to date".into()),
        }
    };
    finding("database", checked.await)
}

/// Where none is required, it is said what that means.
async fn standby(session: &Session, args: &StandbyArgs) -> Finding {
    let durability = db::durability(&session.pool).await.map_err(explain);
    finding(
        "standby",
        durability.and_then(|durability| match durability.is_synchronous() {
            true => Ok(format!("synchronous: {durability}")),
            false if args.require_synchronous_standby => Err(format!("none is synchronous: {durability}")),
            false => Ok("none is synchronous: a failover may lose what was told last".into()),
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

/// Each with its own credentials.
async fn merchants_accounts(session: &Session, args: &DoctorArgs) -> Finding {
    let checked = async {
        let keys = gateways::keyring(session, &args.encryption)?;
        let checked = gateways::check_all(session, &keys, &args.addresses).await?;
        let first = checked.iter().find_map(|(account, problem)| Some((account, problem.as_ref()?)));
        match (first, checked.iter().filter(|(_, problem)| problem.is_some()).count()) {
            (Some((account, why)), n) => Err(format!(
                "{n} of {} cannot be used; {} at {} of {}: {why}",
                checked.len(),
                account.account_ref,
                account.gateway,
                account.merchant_id
            )),
            (None, _) => Ok(format!("{} of their own, and their gateways know all of them", checked.len())),
        }
    };
    finding("merchants", checked.await)
}

async fn jobs_live(session: &Session) -> Finding {
    let backlog = job::store::backlog(&session.pool).await.map_err(explain);
    finding(
        "jobs",
        backlog.and_then(|rows| {
            let count =
                |state| rows.iter().filter(|row| row.state == state).map(|row| row.count).sum::<i64>();
            let says = ["queued", "held", "running", "dead"].map(|state| format!("{} {state}", count(state)));
            let says = says.join(", ");
            if count("dead") == 0 {
                Ok(says)
            } else {
                Err(format!("{says}: see `remit jobs list --state dead`"))
            }
        }),
    )
}

/// What customers have is what came in: no invoice and no credit makes money.
async fn customers_balance(session: &Session) -> Finding {
    let checked = invoice::store::law::all_breaches(&session.pool).await.map_err(explain);
    finding(
        "customers",
        checked.and_then(|breaches| match &breaches[..] {
            [] => Ok("what they have is what came in".into()),
            [first, ..] => Err(format!("{} do not add up; {first}", breaches.len())),
        }),
    )
}

async fn nothing_moved_twice(session: &Session) -> Finding {
    let open = payment::store::open_duplicates(&session.pool).await.map_err(explain);
    finding(
        "duplicates",
        open.and_then(|open| match open.len() {
            0 => Ok("nothing was moved twice, or all of it is put right".into()),
            n => Err(format!("{n} movements were made twice: see `remit duplicates list`")),
        }),
    )
}

async fn jobs_end(session: &Session) -> Finding {
    let endless = job::store::endless(&session.pool).await.map_err(explain);
    let list = |found: &[Endless]| {
        let kinds: Vec<_> = found.iter().map(|found| format!("{} {}", found.count, found.kind)).collect();
        kinds.join(", ")
    };
    finding(
        "work",
        endless.and_then(|found| match found.as_slice() {
            [] => Ok("no job is begun again and again".into()),
            found => Err(format!("begun again and again: {}; see `remit jobs list`", list(found))),
        }),
    )
}

async fn reconciliations_end(session: &Session) -> Finding {
    let overdue = reconciliation::store::overdue(&session.pool).await.map_err(explain);
    finding(
        "reconciling",
        overdue.and_then(|overdue| match overdue.as_slice() {
            [] => Ok("no reconciliation is overdue".into()),
            [first, ..] => Err(format!("{} do not come to their end, {first} among them", overdue.len())),
        }),
    )
}

async fn payments_have_jobs(session: &Session) -> Finding {
    let stuck = payment::store::without_a_job(&session.pool).await.map_err(explain);
    finding(
        "payments",
        stuck.and_then(|stuck| match stuck.as_slice() {
            [] => Ok("every payment under way has a job".into()),
            [first, ..] => Err(format!("{} payments have no job, {} among them", stuck.len(), first.id)),
        }),
    )
}

/// Every transaction is checked as it is written; all that ever was is added up by `remit ledger balance`.
async fn books_balance(session: &Session) -> Finding {
    let off = async {
        let since = db::now(&session.pool).await? - CHECKED;
        ledger::store::off_balance(&session.pool, since).await
    };
    finding(
        "ledger",
        off.await.map_err(explain).and_then(|off| match off.first() {
            None => Ok(format!("balances over what began in the last {} minutes", CHECKED.as_secs() / 60)),
            Some((currency, sum)) => Err(format!("is off by {sum} {currency}")),
        }),
    )
}
