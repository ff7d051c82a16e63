//! Charges a payment under its own key. Safe to run twice: the gateway answers the second time what it
//! answered the first, for as long as it knows the key. After that only a look-up is safe.
//!
//! A payment of an invoice charges a method that its gateway has saved. Until it is, it is saved first.

use std::sync::Arc;

use common::{
    batch::BatchError,
    billing::saving::{ToSave, remember_saved, to_save},
    db,
    gateway::{Answer, ChargeOutcome, InDoubt, Obstacle, SaveOutcome, SavedMethod},
    job::{Claim, Kind},
    payment::{
        Payment, Stage, state,
        store::{self, Settlement},
    },
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::settling;
use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Names, Recorded, Subjects},
};

/// Charges a payment, or completes the charge that its payer has approved.
pub struct ChargePayment;

/// The stages of a payment that charge it.
pub const STAGES: [Stage; 2] = [Stage::Charge, Stage::Complete];

impl Job for ChargePayment {
    const KIND: Kind = Kind::ChargePayment;
    const BULKHEAD: Bulkhead = Bulkhead::Waited;
    type Subject = Box<Payment>;
    type Finding = Arc<Settlement>;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<Payment>>> {
        Ok(settling::by_id(store::begin(db, &STAGES, ids).await?))
    }

    async fn run(context: &Context, claim: &Claim, payment: Box<Payment>) -> Arc<Settlement> {
        let answer = charge(context, claim, &payment).await;
        settling::settlement(claim, payment, answer)
    }

    async fn record(context: &Context, settlement: &Arc<Settlement>) -> Result<Recorded, BatchError> {
        settling::settle(context, settlement).await
    }

    async fn bury(db: &mut PgConnection, claim: &Claim) -> db::Result<()> {
        Ok(store::panicked(db, claim).await?)
    }

    fn names(payment: &Self::Subject) -> Names {
        Names::of(payment)
    }
}

/// Asks the payment's gateway for the money.
pub async fn charge(context: &Context, claim: &Claim, payment: &Payment) -> Answer<ChargeOutcome> {
    if !state::may_send(payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    let mut request = payment.charge_request(claim.sending());
    if payment.billing.is_some() && request.saved.is_none() {
        match save(context, claim, payment).await {
            Ok(saved) => request.saved = saved,
            Err(answer) => return answer,
        }
    }
    context.gateway_of(payment).await.charge(&request).await
}

/// Saves the payment's method, and remembers it before it is charged: the same key always carries the same
/// request. Where that fails nothing was charged, so the whole may be tried again.
async fn save(
    context: &Context,
    claim: &Claim,
    payment: &Payment,
) -> Result<Option<SavedMethod>, Answer<ChargeOutcome>> {
    let request = match to_save(&context.pool, payment, claim.sending()).await.map_err(not_sent)? {
        None => return Ok(None),
        Some(ToSave::Done(saved)) => return remember(context, payment, &saved).await,
        Some(ToSave::Ask(request)) => request,
    };
    let answer = context.gateway_of(payment).await.save_method(&request).await;
    if let Ok(SaveOutcome::Saved { method, .. }) = &answer.report {
        return remember(context, payment, method).await;
    }
    // Of two payments that save the same method at once one may be told no, because the other has done it.
    if let Some(ToSave::Done(saved)) =
        to_save(&context.pool, payment, claim.sending()).await.map_err(not_sent)?
    {
        return remember(context, payment, &saved).await;
    }
    Err(answer.map(|report| match report {
        Ok(SaveOutcome::Declined(decline)) => Ok(ChargeOutcome::Declined(decline)),
        Ok(SaveOutcome::Saved { .. }) => Err(busy("the method is saved, and was not charged".into())),
        // Whether it was saved is not known, but that it was not charged is.
        Err(InDoubt::Unknown { why, .. }) => Err(busy(why)),
        Err(doubt) => Err(doubt),
    }))
}

async fn remember(
    context: &Context,
    payment: &Payment,
    saved: &SavedMethod,
) -> Result<Option<SavedMethod>, Answer<ChargeOutcome>> {
    remember_saved(&context.pool, payment, saved).await.map(Some).map_err(not_sent)
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn not_sent(error: db::Error) -> Answer<ChargeOutcome> {
    Answer::without_a_call(Err(busy(error.to_string())))
}

/// The charge itself was not sent. No other gateway would do better.
fn busy(why: String) -> InDoubt {
    InDoubt::NotSent { why, retry_after: None, obstacle: Obstacle::Busy }
}
