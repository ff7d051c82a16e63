//! The kinds of job, one file each: what it is about, what it does, what is recorded of it, and who is told when its
//! code fails.

mod cancel_payment;
mod capture_payment;
mod charge_off_session;
mod charge_payment;
mod deliver_webhook;
mod handle_event;
mod reconcile_gateway;
mod refund_payment;
mod renew_subscription;
mod replay_webhooks;
mod resolve_payment;
mod resolve_refund;
mod retry_invoice;
mod verify_event;

mod billing;
mod refunds;
mod settling;

use std::sync::Arc;

use common::{
    gateway::{Answer, GatewayName, InDoubt, Outcome, Resolution},
    job::Kind,
};

use crate::{
    bulkhead::Slots,
    context::Context,
    desk::{Desk, open},
};

/// Opens the desk of a kind: the one place where a kind is told from another.
pub fn desk(kind: Kind, context: &Arc<Context>, slots: &Arc<Slots>) -> Arc<dyn Desk> {
    match kind {
        Kind::ChargePayment => open::<charge_payment::ChargePayment>(context, slots),
        Kind::ChargeOffSession => open::<charge_off_session::ChargeOffSession>(context, slots),
        Kind::CapturePayment => open::<capture_payment::CapturePayment>(context, slots),
        Kind::CancelPayment => open::<cancel_payment::CancelPayment>(context, slots),
        Kind::ResolvePayment => open::<resolve_payment::ResolvePayment>(context, slots),
        Kind::RefundPayment => open::<refund_payment::RefundPayment>(context, slots),
        Kind::ResolveRefund => open::<resolve_refund::ResolveRefund>(context, slots),
        Kind::HandleEvent => open::<handle_event::HandleEvent>(context, slots),
        Kind::VerifyEvent => open::<verify_event::VerifyEvent>(context, slots),
        Kind::ReconcileGateway => open::<reconcile_gateway::ReconcileGateway>(context, slots),
        Kind::RenewSubscription => open::<renew_subscription::RenewSubscription>(context, slots),
        Kind::RetryInvoice => open::<retry_invoice::RetryInvoice>(context, slots),
        Kind::DeliverWebhook => open::<deliver_webhook::DeliverWebhook>(context, slots),
        Kind::ReplayWebhooks => open::<replay_webhooks::ReplayWebhooks>(context, slots),
    }
}

/// How long the gateway took, and what it said where that is no outcome.
fn measure<T: Outcome>(gateway: GatewayName, answer: &Answer<T>) {
    let outcome = answer.word();
    metrics::histogram!("gateway_request_duration_seconds",
        "gateway" => gateway.as_str(),
        "operation" => answer.call.operation, "outcome" => outcome)
    .record(answer.call.duration);
    if let Some(why) = answer.detail() {
        tracing::info!(outcome, why, request_id = answer.call.request_id, "the gateway answered");
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
