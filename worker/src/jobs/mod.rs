//! The jobs, one file each. A job asks, and answers with what it learnt; it writes nothing itself, but for
//! the reconciler, which keeps what it has read, and for those that need no gateway.

mod cancel_payment;
mod capture_payment;
mod charge_payment;
mod handle_event;
mod reconcile_gateway;
mod refund_payment;
mod renew_subscription;
mod resolve_payment;
mod resolve_refund;
mod retry_invoice;

use std::sync::Arc;

use common::{
    batch::BatchError,
    gateway::{Answer, ChargeOutcome, InDoubt, RefundOutcome, Resolution},
    job::{Claim, Kind, store},
    payment::{Payment, store::Settlement as PaymentSettlement},
    receipt::Findings,
    refund::{Refund, store::Settlement as RefundSettlement},
};

use crate::{
    books::{Claimed, Learnt, Subject, Undone},
    context::Context,
};

/// Does the job, whatever its kind.
pub async fn run(context: &Context, Claimed { claim, subject }: Claimed) -> Learnt {
    match subject {
        Subject::Payment(payment) => {
            let answer = ask_about_payment(context, &claim, &payment).await;
            Learnt::Payment(Arc::new(PaymentSettlement { claim, payment: *payment, answer }))
        }
        Subject::Refund(refund, payment) => {
            let answer = ask_about_refund(context, &claim, &refund, &payment).await;
            let gateway = payment.order.gateway;
            Learnt::Refund(Arc::new(RefundSettlement { claim, refund: *refund, gateway, answer }))
        }
        Subject::Event(receipt) => {
            let learnt = handle_event::run(context, &receipt).await;
            Learnt::Event(Arc::new(Findings { claim, receipt: *receipt, learnt }))
        }
        Subject::Reconciliation(reconciliation) => {
            reconcile_gateway::run(context, &claim, *reconciliation).await;
            Learnt::Recorded
        }
        Subject::Subscription(id) => {
            renew_subscription::run(context, &claim, id).await;
            Learnt::Recorded
        }
        Subject::Invoice(id) => {
            retry_invoice::run(context, &claim, id).await;
            Learnt::Recorded
        }
    }
}

/// Something that an operator should be woken for.
pub fn alarm(alarm: &'static str) {
    metrics::counter!("alarms_total", "alarm" => alarm).increment(1);
    tracing::error!("{alarm}");
}

/// A change that needs no gateway was not made: it is tried again after the backoff, or, where the database is
/// away, when the lease is over. What the rules refuse is for people besides, and so in the end is what panics.
async fn not_done(context: &Context, claim: &Claim, undone: &Undone) {
    match undone {
        Undone::Database(BatchError::Panicked) => return context.code_failed(claim).await,
        Undone::Database(error) => tracing::warn!(%error, "not done; it will be done again"),
        Undone::Refused(refusal) => {
            tracing::error!(%refusal, "not done");
            alarm("a subscription stands in the way of its own rules");
        }
    }
    let wait = claim.kind.retry_policy().delay(claim.tries);
    if let Err(error) = store::retry(&context.pool, claim, wait, &undone.to_string()).await {
        tracing::warn!(%error, "not put back; its lease will end");
    }
}

async fn ask_about_payment(context: &Context, claim: &Claim, payment: &Payment) -> Answer<ChargeOutcome> {
    match claim.kind {
        Kind::ChargePayment | Kind::ChargeOffSession => charge_payment::run(context, claim, payment).await,
        Kind::CapturePayment => capture_payment::run(context, claim, payment).await,
        Kind::CancelPayment => cancel_payment::run(context, claim, payment).await,
        _ => resolve_payment::run(context, claim, payment).await,
    }
}

async fn ask_about_refund(
    context: &Context,
    claim: &Claim,
    refund: &Refund,
    payment: &Payment,
) -> Answer<RefundOutcome> {
    match claim.kind {
        Kind::RefundPayment => refund_payment::run(context, claim, refund, payment).await,
        _ => resolve_refund::run(context, claim, refund, payment).await,
    }
}

/// Nothing was sent, because it is not safe, or not possible: a look-up must tell.
fn look_up<T>(why: &str) -> Answer<T> {
    Answer::without_a_call(Err(InDoubt::Unknown { why: why.into(), resolution: Resolution::LookUp }))
}

/// Why an operation is not sent again.
const KEY_FORGOTTEN: &str = "the gateway may have forgotten the key of an earlier call";

/// Why an operation cannot be sent.
const NAME_UNKNOWN: &str = "the gateway's name of the payment is not known";
