//! `remit subscription`: the whole story of one, and what to do about renewals that were missed.

use clap::Subcommand;
use common::{
    billing::subscriptions::{self, CommandResult},
    event::{self, store::EventRow},
    id::{MerchantId, SubscriptionId},
    invoice::{self, Invoice},
    job,
    page::Page,
    subscription::{OnDispute, Subscription, store},
};
use serde_json::json;

use crate::{
    jobs,
    payment::events_table,
    session::{Session, explain},
    table,
};

/// Invoices that are shown, at most: the newest.
const INVOICES_MAX: u16 = 100;

#[derive(Subcommand)]
pub enum Command {
    /// Shows a subscription: where it stands, its invoices, events and jobs.
    Show {
        /// `sub_…`
        id: SubscriptionId,
    },
    /// Lists the subscriptions that missed more renewals than are billed without asking.
    Missed,
    /// Lets all renewals that were missed be billed, one after the other.
    BillMissed {
        /// `sub_…`
        id: SubscriptionId,
    },
    /// Forgoes the renewals that were missed: only the period that is running now is billed.
    SkipMissed {
        /// `sub_…`
        id: SubscriptionId,
    },
    /// Settles what a dispute does to the subscriptions that a merchant makes from now on without saying so.
    OnDispute {
        /// `mer_…`
        merchant: MerchantId,
        /// `keep` or `cancel`
        policy: OnDispute,
    },
}

pub async fn run(session: &Session, command: Command) -> Result<(), String> {
    match command {
        Command::Show { id } => show(session, id).await,
        Command::Missed => missed(session).await,
        Command::BillMissed { id } => {
            let merchant = find(session, id).await?.merchant_id;
            let answered = subscriptions::bill_missed(&session.pool, merchant, id).await.map_err(explain)?;
            decided(session, id, answered, "What was missed will be billed, oldest first.")
        }
        Command::SkipMissed { id } => {
            let merchant = find(session, id).await?.merchant_id;
            let answered = subscriptions::skip_missed(&session.pool, merchant, id).await.map_err(explain)?;
            decided(
                session,
                id,
                answered,
                "What was missed is forgone; the period that is running is billed.",
            )
        }
        Command::OnDispute { merchant, policy } => settle_disputes(session, merchant, policy).await,
    }
}

async fn settle_disputes(session: &Session, merchant: MerchantId, policy: OnDispute) -> Result<(), String> {
    if !store::dispute::set_policy(&session.pool, merchant, policy).await.map_err(explain)? {
        return Err(format!("there is no merchant {merchant}"));
    }
    session.print(&json!({ "merchant": merchant, "on_dispute": policy }), || {
        format!("New subscriptions of {merchant} are made with {policy}. Those that there are keep theirs.")
    });
    Ok(())
}

async fn find(session: &Session, id: SubscriptionId) -> Result<Subscription, String> {
    let found = store::find_any(&session.pool, id).await.map_err(explain)?;
    found.ok_or_else(|| format!("there is no subscription {id}"))
}

fn decided(session: &Session, id: SubscriptionId, answered: CommandResult, says: &str) -> Result<(), String> {
    match answered {
        CommandResult::Executed(executed) => {
            let next = executed.subscription.next_period_index;
            session.print(&json!({ "subscription": id, "next_period": next }), || says.to_owned());
            Ok(())
        }
        CommandResult::Refused(refusal) => Err(refusal.to_string()),
        CommandResult::NotFound
        | CommandResult::NoPlan
        | CommandResult::NoMethod
        | CommandResult::VersionDiffers => Err(format!("there is no subscription {id}")),
    }
}

async fn missed(session: &Session) -> Result<(), String> {
    let found = store::in_review(&session.pool).await.map_err(explain)?;
    let row = |subscription: &Subscription| {
        vec![
            subscription.id.to_string(),
            subscription.merchant_id.to_string(),
            subscription.status.to_string(),
            subscription.missed_renewals.unwrap_or_default().to_string(),
            subscription.updated_at.format("%F %T").to_string(),
        ]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let head = ["SUBSCRIPTION", "MERCHANT", "STATUS", "MISSED", "SINCE (UTC)"];
    session.print(&rows, || match rows.as_slice() {
        [] => "No renewals were missed.".into(),
        rows => table::layout(&head, rows),
    });
    Ok(())
}

async fn show(session: &Session, id: SubscriptionId) -> Result<(), String> {
    let subscription = find(session, id).await?;
    let page = Page::first(INVOICES_MAX);
    let filter = invoice::store::Filter { status: None, subscription: Some(id), customer: None, page };
    let invoices = invoice::store::list(&session.pool, subscription.merchant_id, &filter).await;
    let invoices = invoices.map_err(explain)?.data;
    let mut subjects = vec![id.0];
    subjects.extend(invoices.iter().map(|invoice| invoice.id.0));
    let events = event::store::of_subjects(&session.pool, &subjects).await.map_err(explain)?;
    let mut waiting = Vec::new();
    for subject in &subjects {
        waiting.extend(job::store::find(&session.pool, *subject).await.map_err(explain)?);
    }
    let all = json!({
        "subscription": facts(&subscription).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "invoices": invoices_rows(&invoices),
        "events": events,
        "jobs": waiting,
    });
    session.print(&all, || tell(&subscription, &invoices, &events, &waiting));
    Ok(())
}

fn tell(
    subscription: &Subscription,
    invoices: &[Invoice],
    events: &[EventRow],
    waiting: &[job::store::JobRow],
) -> String {
    let mut text = String::new();
    for (name, value) in facts(subscription) {
        text += &format!("{name:16} {value}\n");
    }
    let head = ["INVOICE", "NUMBER", "PERIOD", "STATUS", "TOTAL", "DUE", "ATTEMPTS", "NEXT ATTEMPT (UTC)"];
    text += &format!("\nInvoices\n{}", table::layout(&head, &invoices_rows(invoices)));
    text += &format!("\nEvents\n{}", events_table(events));
    if !waiting.is_empty() {
        text += &format!("\nJobs\n{}", jobs::overview(waiting));
    }
    text
}

fn facts(subscription: &Subscription) -> Vec<(&'static str, String)> {
    let terms = &subscription.terms;
    let interval = terms.price.interval;
    let mut facts = vec![
        ("subscription", subscription.id.to_string()),
        ("merchant", subscription.merchant_id.to_string()),
        ("customer", subscription.customer_id.to_string()),
        ("status", subscription.status.to_string()),
        ("plan", format!("{} ({})", terms.name, terms.plan_id)),
        (
            "price",
            format!(
                "{} x {} every {} {}",
                terms.quantity,
                terms.price.unit,
                interval.count(),
                interval.unit()
            ),
        ),
        ("zone", subscription.anchor.zone.name().to_owned()),
        ("next period", subscription.next_period_index.to_string()),
        ("made", subscription.created_at.to_rfc3339()),
    ];
    let period = subscription.current_period.map(|period| {
        format!("{}: {} to {}", period.index, period.start.to_rfc3339(), period.end.to_rfc3339())
    });
    let optional = [
        ("period", period),
        ("trial ends", subscription.trial_ends_at.map(|at| at.to_rfc3339())),
        ("ended", subscription.ended_at.map(|at| at.to_rfc3339())),
        ("missed renewals", subscription.missed_renewals.map(|missed| missed.to_string())),
        ("method", subscription.method.as_ref().map(|method| method.kind.to_string())),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    facts
}

fn invoices_rows(invoices: &[Invoice]) -> Vec<Vec<String>> {
    let row = |invoice: &Invoice| {
        let total = common::money::Money { amount: invoice.total, currency: invoice.currency };
        vec![
            invoice.id.to_string(),
            invoice.number.clone().unwrap_or_default(),
            invoice.period_index.to_string(),
            invoice.status.to_string(),
            total.to_string(),
            invoice.due().display_amount(),
            invoice.attempts.to_string(),
            invoice.retry_schedule.next_at.map(|at| at.format("%F %T").to_string()).unwrap_or_default(),
        ]
    };
    invoices.iter().map(row).collect()
}
