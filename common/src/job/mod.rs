//! A job: a piece of work, now or later. [`store`] keeps its row, which is the truth; [`broker`] carries
//! a message about it, which may be lost, doubled or late and only says that somebody should look.
//!
//! How a kind is added, ARCHITECTURE.md says.

pub mod broker;
pub mod flow;
pub mod store;
pub mod work;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    clock::{Deadline, Timestamp},
    gateway::Sending,
    id::{
        GatewayEventId, InvoiceId, JobId, PaymentId, ReconciliationId, RefundId, SubscriptionId,
        WebhookDeliveryId, WebhookReplayId,
    },
    name::names,
    retry::Policy,
};

/// How long the scheduler leaves a new job to the publisher of the process that accepted it.
pub(crate) const PUBLISHER_GRACE: Duration = Duration::from_secs(15);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Charge a payment at its gateway.
    ChargePayment,
    /// Take the money that a payment has reserved.
    CapturePayment,
    /// Call a payment off at its gateway.
    CancelPayment,
    /// Find out at the gateway what became of a payment.
    ResolvePayment,
    /// Give money of a payment back.
    RefundPayment,
    /// Find out at the gateway what became of a refund.
    ResolveRefund,
    /// Look at what a gateway has told by itself.
    HandleEvent,
    /// The same for what may be somebody else's: the gateway is asked first whether it is its own.
    VerifyEvent,
    /// Compare a gateway's settlement report with our books.
    ReconcileGateway,
    /// See what time has brought to a subscription: a renewal, the end of its trial or of its patience.
    RenewSubscription,
    /// Try once more to be paid an invoice.
    RetryInvoice,
    /// Charge a payment that nobody waits for: of a renewal, or of a retry.
    ChargeOffSession,
    /// Tell an endpoint of an event.
    DeliverWebhook,
    /// Call for what an endpoint is to be told again.
    ReplayWebhooks,
}

/// What a kind of job may do at a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It changes something there. What it learns is a fact, however late.
    Operation,
    /// It only asks what became of something, so that asking again is always safe.
    Question,
    /// Neither: it looks at what others have done, or asks nobody.
    Upkeep,
}

impl Kind {
    /// What it may do at a gateway.
    #[must_use]
    pub fn nature(self) -> Nature {
        match self {
            Self::ChargePayment
            | Self::ChargeOffSession
            | Self::CapturePayment
            | Self::CancelPayment
            | Self::RefundPayment => Nature::Operation,
            Self::ResolvePayment | Self::ResolveRefund => Nature::Question,
            Self::HandleEvent
            | Self::VerifyEvent
            | Self::ReconcileGateway
            | Self::RenewSubscription
            | Self::RetryInvoice
            | Self::DeliverWebhook
            | Self::ReplayWebhooks => Nature::Upkeep,
        }
    }

    /// Whether it only asks.
    #[must_use]
    pub fn is_question(self) -> bool {
        self.nature() == Nature::Question
    }

    /// Whether it changes something at a gateway.
    #[must_use]
    pub fn is_operation(self) -> bool {
        self.nature() == Nature::Operation
    }

    /// What it is about, by the name that people know it by.
    #[must_use]
    pub fn subject(self, id: uuid::Uuid) -> String {
        match self {
            Self::RenewSubscription => SubscriptionId(id).to_string(),
            Self::RetryInvoice => InvoiceId(id).to_string(),
            Self::RefundPayment | Self::ResolveRefund => RefundId(id).to_string(),
            Self::ChargePayment
            | Self::ChargeOffSession
            | Self::CapturePayment
            | Self::CancelPayment
            | Self::ResolvePayment => PaymentId(id).to_string(),
            Self::HandleEvent | Self::VerifyEvent => GatewayEventId(id).to_string(),
            Self::ReconcileGateway => ReconciliationId(id).to_string(),
            Self::DeliverWebhook => WebhookDeliveryId(id).to_string(),
            Self::ReplayWebhooks => WebhookReplayId(id).to_string(),
        }
    }

    /// How long a claim is a worker's own, where an ordinary one is for `usual`. A comparison of days is one
    /// transaction over all that was read.
    #[must_use]
    pub fn lease(self, usual: Duration) -> Duration {
        if self == Self::ReconcileGateway { 10 * usual } else { usual }
    }

    /// How long to wait before the next attempt.
    #[must_use]
    pub fn retry_policy(self) -> Policy {
        match self.is_operation() {
            true => Policy { initial: Duration::from_secs(1), factor: 2, max: Duration::from_secs(5 * 60) },
            false => Policy { initial: Duration::from_secs(2), factor: 3, max: Duration::from_secs(3600) },
        }
    }
}

names!(
    Kind,
    ChargePayment => "charge_payment", CapturePayment => "capture_payment", CancelPayment => "cancel_payment",
    ResolvePayment => "resolve_payment", RefundPayment => "refund_payment", ResolveRefund => "resolve_refund",
    HandleEvent => "handle_event", VerifyEvent => "verify_event", ReconcileGateway => "reconcile_gateway",
    RenewSubscription => "renew_subscription", RetryInvoice => "retry_invoice",
    ChargeOffSession => "charge_off_session", DeliverWebhook => "deliver_webhook", ReplayWebhooks => "replay_webhooks",
);

/// A job that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The job.
    pub job: JobId,
    /// Its kind, which is also its queue.
    pub kind: Kind,
    /// Where a notice of its end is awaited, if anywhere.
    pub reply_to: Option<String>,
}

/// What travels: jobs that became due together. Ids only: no amounts, no personal data. Their trace
/// context is in their rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Their kind, which is also the queue.
    pub kind: Kind,
    /// The jobs.
    pub jobs: Vec<JobId>,
    /// Where a notice of each end is awaited, if anywhere.
    #[serde(skip)]
    pub reply_to: Option<String>,
}

/// Jobs in one message, at most.
pub const JOBS_IN_MESSAGE_MAX: usize = 32;

impl Message {
    /// Puts what is due into as few messages as may be, in its order.
    #[must_use]
    pub fn group(due: impl IntoIterator<Item = Due>) -> Vec<Self> {
        let mut messages: Vec<Self> = Vec::new();
        for Due { job, kind, reply_to } in due {
            let open = messages.iter_mut().rev().find(|m| m.kind == kind && m.reply_to == reply_to);
            match open.filter(|message| message.jobs.len() < JOBS_IN_MESSAGE_MAX) {
                Some(message) => message.jobs.push(job),
                None => messages.push(Self { kind, jobs: vec![job], reply_to }),
            }
        }
        messages
    }
}

/// For how long a claim is its worker's own. Its deadline is taken before the transaction begins in which the claim is
/// made, because the database counts from there: so it is not later than what the database says.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// How long.
    pub length: Duration,
    /// When it is over, by the clocks of this machine.
    pub deadline: Deadline,
}

impl Lease {
    /// One that begins now.
    #[must_use]
    pub fn of(length: Duration) -> Self {
        Self { length, deadline: Deadline::after(length) }
    }
}

/// A job in the hands of one worker. The attempt is its fencing token: whoever claims later has a
/// higher one, and a worker that lost its claim can no longer write a failure.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: Kind,
    /// What it is about.
    pub subject: uuid::Uuid,
    /// Whose it is: see [`flow::Flow`].
    pub flow: Option<uuid::Uuid>,
    /// Which attempt this is, from 1: the fencing token.
    pub attempt: i32,
    /// Which attempt this is, leaving out those that were snoozed, without a call.
    pub tries: i32,
    /// When it was claimed, by the database's clock.
    pub at: Timestamp,
    /// Where an earlier attempt at a question has stopped.
    pub cursor: Option<String>,
    /// W3C trace context of the request that called for it.
    pub traceparent: Option<String>,
    /// When the lease is over, by the clocks of this machine.
    pub deadline: Deadline,
}

impl Claim {
    /// What goes with a request that is made for it.
    #[must_use]
    pub fn sending(&self) -> Sending {
        Sending { traceparent: self.traceparent.clone(), deadline: Some(self.deadline) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_together_travels_together() {
        let due = |kind, reply_to: Option<&str>| Due {
            job: JobId::new(),
            kind,
            reply_to: reply_to.map(str::to_owned),
        };
        let jobs: Vec<_> = (0..80)
            .map(|i| match i % 4 {
                0 => due(Kind::ResolvePayment, None),
                1 => due(Kind::ChargePayment, Some("here")),
                _ => due(Kind::ChargePayment, None),
            })
            .collect();
        let messages = Message::group(jobs.clone());
        assert_eq!(messages.iter().map(|m| m.jobs.len()).collect::<Vec<_>>(), [20, 20, 32, 8]);
        for Due { job, kind, reply_to } in jobs {
            let carries = |m: &&Message| m.jobs.contains(&job) && m.kind == kind && m.reply_to == reply_to;
            assert_eq!(messages.iter().filter(carries).count(), 1);
        }
    }

    /// Names are stored in rows and queues: a change here strands what is under way.
    #[test]
    fn the_names_of_kinds_are_pinned() {
        let names = [
            "charge_payment",
            "capture_payment",
            "cancel_payment",
            "resolve_payment",
            "refund_payment",
            "resolve_refund",
            "handle_event",
            "verify_event",
            "reconcile_gateway",
            "renew_subscription",
            "retry_invoice",
            "charge_off_session",
            "deliver_webhook",
            "replay_webhooks",
        ];
        assert_eq!(Kind::ALL.map(Kind::as_str), names);
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
