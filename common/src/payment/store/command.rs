//! What a merchant asks of a payment after it was accepted, decided under its lock: of two who ask at
//! once, one is first.

use sqlx::PgConnection;

use crate::{
    clock::Timestamp,
    event,
    id::{JobId, MerchantId, PaymentId},
    job::{self, Kind, PUBLISHER_GRACE},
    payment::{Payment, state::Decision},
};

use super::write::{status_event, touch, update};

/// The answer to a command.
#[derive(Debug)]
pub struct CommandResult {
    /// The payment, as it stands now.
    pub payment: Payment,
    /// What became of the command.
    pub decision: Decision,
    /// The job that will ask the gateway, to be published after the commit.
    pub job: Option<(JobId, Kind)>,
}

/// Decides a command about a payment of this merchant, in the caller's transaction. `None`: no such payment. What its
/// invoice makes of it is `billing`'s to record.
pub(crate) async fn execute(
    db: &mut PgConnection,
    merchant: MerchantId,
    id: PaymentId,
    traceparent: &str,
    decide: impl FnOnce(&mut Payment, Timestamp) -> Decision,
) -> sqlx::Result<Option<CommandResult>> {
    let found = super::lock(&mut *db, id).await?.filter(|payment| payment.merchant_id == merchant);
    let Some(mut payment) = found else { return Ok(None) };
    let now = crate::db::now(&mut *db).await?;
    let decision = decide(&mut payment, now);
    let Decision::Accepted(kind) = decision else {
        return Ok(Some(CommandResult { payment, decision, job: None }));
    };
    touch(&mut payment, now);
    update(&mut *db, std::iter::once(&payment)).await?;
    event::store::append(&mut *db, &[status_event(&payment)], now).await?;
    let job = match kind {
        None => None,
        Some(kind) => {
            let (flow, trace) = (Some(merchant.0), Some(traceparent));
            let job = job::store::enqueue_in(&mut *db, flow, kind, id.0, PUBLISHER_GRACE, trace);
            Some((job.await?, kind))
        }
    };
    Ok(Some(CommandResult { payment, decision, job }))
}
