//! Compares a gateway's settlement report with our books. The report is read part by part, and each part is kept, so
//! that a long one survives crashes and takes as many claims as it needs.

use common::{
    alarm::Alarm,
    batch::BatchError,
    db,
    gateway::{Found, RefundsAsked},
    job::{Claim, Kind, store::retry},
    reconciliation::{Reconciliation, store, store::Comparison},
};
use sqlx::PgConnection;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Recorded, Subjects, alarm},
};

/// Reconciles a time with a gateway.
pub struct ReconcileGateway;

impl Job for ReconcileGateway {
    const KIND: Kind = Kind::ReconcileGateway;
    const BULKHEAD: Bulkhead = Bulkhead::Background;
    type Subject = Reconciliation;
    type Finding = ();

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Reconciliation>> {
        let found = store::begin(db, ids).await?.into_iter();
        Ok(found.map(|found| (found.id.0, found)).collect())
    }

    async fn run(context: &Context, claim: &Claim, reconciliation: Reconciliation) {
        reconcile(context, claim, reconciliation).await;
    }

    /// Each part was kept as it was read.
    async fn record(_context: &Context, _nothing: &()) -> Result<Recorded, BatchError> {
        Ok(Recorded::default())
    }

    /// Nobody waits for it but operators, who see the dead job.
    async fn bury(_db: &mut PgConnection, _claim: &Claim) -> db::Result<()> {
        Ok(())
    }
}

/// Reads on where the last claim ended, and compares once all is read. A database that is away lets go of
/// the job: its lease ends, and another claim goes on.
async fn reconcile(context: &Context, claim: &Claim, reconciliation: Reconciliation) {
    let until = Instant::now() + context.lease / 2;
    match go_on(context, claim, reconciliation, until).await {
        Ok(Next::Done) => {}
        Ok(Next::Later) => {
            if let Err(error) = store::go_on_later(&context.bulk, claim).await {
                tracing::warn!(%error, "not rescheduled; its lease will end");
            }
        }
        Ok(Next::NotOurs) => tracing::warn!("another worker has taken this over: nothing more is written"),
        Err(error) => {
            tracing::warn!(%error, "reconciling was interrupted; it will go on");
            let wait = claim.kind.retry_policy().delay(claim.tries);
            if let Err(error) = retry(&context.bulk, claim, wait, &error.to_string()).await {
                tracing::warn!(%error, "not rescheduled; its lease will end");
            }
        }
    }
}

/// How it goes on after a step.
enum Next {
    /// This claim has nothing more to do.
    Done,
    /// There is more to do than one claim has time for.
    Later,
    /// The claim was lost: its lease had ended.
    NotOurs,
}

async fn go_on(context: &Context, claim: &Claim, mut of: Reconciliation, until: Instant) -> db::Result<Next> {
    let gateway = context.gateways.own().get(of.gateway);
    // Read to its end, it has no cursor, and lines or none: the first part leaves either behind.
    while of.lines == 0 || of.cursor.is_some() {
        let part = match gateway.settlement_report(of.between, of.cursor.as_deref()).await {
            Ok(part) => part,
            Err(why) => {
                tracing::warn!(gateway = %of.gateway, why, "the gateway's settlement report cannot be read");
                return unreadable(context, claim, &of, &why).await;
            }
        };
        if !store::keep(&context.bulk, claim, &of, &part).await? {
            return Ok(Next::NotOurs);
        }
        of.lines += i32::try_from(part.lines.len()).unwrap_or(i32::MAX);
        of.cursor = part.next;
        if of.cursor.is_none() {
            break;
        }
        if Instant::now() > until {
            return Ok(Next::Later);
        }
    }
    while let Some(dispute_ref) = store::dispute_named(&context.bulk, &of).await? {
        let told = match gateway.find_dispute(&dispute_ref).await {
            Found::One(dispute) => Some(dispute),
            Found::None => None,
            Found::Unknown(why) => return unreadable(context, claim, &of, &why).await,
        };
        if !store::keep_dispute(&context.bulk, claim, &of, &dispute_ref, told.as_ref()).await? {
            return Ok(Next::NotOurs);
        }
        if Instant::now() > until {
            return Ok(Next::Later);
        }
    }
    while let Some(refund_ref) = store::refund_named(&context.bulk, &of).await? {
        let told = match gateway.find_refunds(RefundsAsked::Named(&refund_ref)).await {
            Ok(told) => told,
            Err(why) => return unreadable(context, claim, &of, &why).await,
        };
        if !store::keep_refund(&context.bulk, claim, &of, &refund_ref, &told).await? {
            return Ok(Next::NotOurs);
        }
        if Instant::now() > until {
            return Ok(Next::Later);
        }
    }
    Ok(match store::compare(&context.bulk, claim, &of).await? {
        Some(found) => {
            tell(&of, found);
            Next::Done
        }
        None => Next::NotOurs,
    })
}

async fn unreadable(context: &Context, claim: &Claim, of: &Reconciliation, why: &str) -> db::Result<Next> {
    store::unreadable_account(&context.bulk, claim, of, why).await?;
    Ok(Next::Done)
}

fn tell(of: &Reconciliation, found: Comparison) {
    let gateway = of.gateway;
    metrics::gauge!("reconciliation_to_review", "gateway" => gateway.as_str())
        .set(f64::from(i32::try_from(found.to_review).unwrap_or(i32::MAX)));
    if found.to_review > 0 {
        tracing::error!(%gateway, reconciliation = %of.id, count = found.to_review,
            "the gateway's settlement report differs from ours: remit reconcile show tells where");
    }
    if found.duplicates > 0 {
        alarm(Alarm::MovedTwice);
    }
    tracing::info!(%gateway, lines = of.lines, repaired = found.repaired, "reconciled");
}
