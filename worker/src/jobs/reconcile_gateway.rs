//! Compares a gateway's account with our own. The account is read part by part, and each part is kept, so
//! that a long one survives crashes and takes as many claims as it needs.

use common::{
    gateway::Found,
    job::Claim,
    payment::duplicate,
    reconciliation::{Reconciliation, store},
};
use tokio::time::Instant;

use crate::Context;

/// Reads on where the last claim ended, and compares once all is read. A database that is away lets go of
/// the job: its lease ends, and another claim goes on.
pub async fn run(context: &Context, claim: &Claim, reconciliation: Reconciliation) {
    if let Err(error) = go_on(context, claim, reconciliation).await {
        tracing::warn!(%error, "reconciling was interrupted; it will go on");
    }
}

async fn go_on(context: &Context, claim: &Claim, mut of: Reconciliation) -> sqlx::Result<()> {
    let until = Instant::now() + context.lease / 2;
    let gateway = context.gateways.get(of.gateway);
    // Read to its end, it has no cursor, and lines or none: the first part leaves either behind.
    while of.lines == 0 || of.cursor.is_some() {
        let part = match gateway.statement(of.between, of.cursor.as_deref()).await {
            Ok(part) => part,
            Err(why) => {
                tracing::warn!(gateway = %of.gateway, why, "the gateway's account cannot be read");
                return store::unreadable_account(&context.pool, claim, &of, &why).await.map(drop);
            }
        };
        store::keep(&context.pool, &of, &part).await?;
        of.lines += i32::try_from(part.lines.len()).unwrap_or(i32::MAX);
        of.cursor = part.next;
        if of.cursor.is_none() {
            break;
        }
        if Instant::now() > until {
            return store::go_on_later(&context.pool, claim).await;
        }
    }
    let mut disputes = Vec::new();
    for dispute_ref in store::disputes_named(&context.pool, &of).await? {
        match gateway.find_dispute(&dispute_ref).await {
            Found::One(dispute) => disputes.push(dispute),
            Found::None => {}
            Found::Unknown(why) => {
                return store::unreadable_account(&context.pool, claim, &of, &why).await.map(drop);
            }
        }
    }
    let found = store::compare(&context.pool, claim, &of, &disputes).await?;
    metrics::gauge!("reconciliation_to_review", "gateway" => of.gateway.as_str())
        .set(f64::from(i32::try_from(found.to_review).unwrap_or(i32::MAX)));
    if found.to_review > 0 {
        tracing::error!(gateway = %of.gateway, reconciliation = %of.id, count = found.to_review,
            "the gateway's account differs from ours: remit reconcile show tells where");
    }
    if found.duplicates > 0 {
        super::alarm(duplicate::ALARM);
    }
    tracing::info!(gateway = %of.gateway, lines = of.lines, repaired = found.repaired, "reconciled");
    Ok(())
}
