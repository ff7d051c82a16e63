//! A payment: what a merchant asked for, and what has become of it.
//!
//! [`state`] decides, [`store`] remembers. Each of its operations at a gateway, its charge first, is a
//! [`Stage`] with a key of its own, for life.

pub mod duplicate;
pub mod state;
pub mod store;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    gateway::{
        CancelRequest, Capture, CaptureRequest, Card, ChargeRef, ChargeRequest, DeclineClass, GatewayKey,
        GatewayName, GatewayRef, LookUp, MethodType, SavedMethod, Sending, doubt::CallLog,
    },
    id::{ApiKeyId, GatewayAccountId, InvoiceId, MerchantId, PaymentId},
    metadata::Metadata,
    money::Money,
    name::names,
};

/// What a merchant asks for.
#[derive(Debug, Clone)]
pub struct NewPayment {
    /// The payment's name from now on.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// The key that it was made with.
    pub api_key_id: ApiKeyId,
    /// The merchant's name for the request: the same key is the same payment, for ever.
    pub idempotency_key: String,
    /// SHA-256 over what was asked for, to tell a repetition from a different request.
    pub request_hash: [u8; 32],
    /// The request itself.
    pub request: PaymentRequest,
    /// Where it goes.
    pub route: Route,
}

/// What a merchant asked for. It never changes.
#[derive(Debug, Clone)]
pub struct PaymentRequest {
    /// How much, of what.
    pub money: Money,
    /// When the money is taken.
    pub capture: Capture,
    /// Who pays, as the merchant tells us.
    pub customer: Option<Payer>,
    /// Free text for the merchant's own eyes.
    pub description: Option<String>,
    /// The merchant's number for what is paid.
    pub order_id: Option<String>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
    /// Where the payer comes back to after an authentication.
    pub return_url: Option<String>,
}

/// Where a payment goes, and by what. A fallback moves it.
#[derive(Debug, Clone)]
pub struct Route {
    /// How the payer pays.
    pub method: MethodType,
    /// The gateway's token for the payment method; `None` where the payer is to choose at the gateway.
    pub token: Option<String>,
    /// Which gateway it goes to.
    pub gateway: GatewayName,
    /// Where else it may be charged.
    pub fallback: Option<Fallback>,
}

/// Another method at another gateway, used once, and only if the first gateway provably did not get the
/// request, or, by the merchant's choice, declined it softly. Never after an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// How the payer pays then.
    pub method: MethodType,
    /// That gateway's token for the payment method.
    pub token: String,
    /// Which gateway it goes to then.
    pub gateway: GatewayName,
    /// Whether a soft decline is a reason too.
    pub on_soft_decline: bool,
}

/// Who pays, as the merchant tells us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    /// The merchant's own id for the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; no call to the gateway has begun.
    Pending,
    /// At the gateway, or its outcome is being found out.
    Processing,
    /// The payer must do something first.
    RequiresAction,
    /// The money is reserved and waits for a capture.
    Authorized,
    /// The money has moved.
    Succeeded,
    /// It will not happen: the gateway said no, or was never reached.
    Failed,
    /// Called off before any money moved.
    Canceled,
    /// The outcome could not be found out: a person must look.
    NeedsReview,
}

/// Which operation of a payment is under way, or was the last. Each has a gateway key of its own, and its
/// calls are counted by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The charge (or authorization) itself.
    Charge,
    /// The payer has approved at the gateway, and the charge is to be completed there.
    Complete,
    /// Money that was reserved is to be taken.
    Capture,
    /// The payment is to be called off.
    Cancel,
}

/// Why a payment failed, or why its last capture or cancellation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Stable, for programs.
    pub code: String,
    /// For people; safe to show to the payer.
    pub message: String,
    /// What may change the answer; `None` where the payer's bank was never asked.
    pub decline_class: Option<DeclineClass>,
}

/// What a payment of an invoice has besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billing {
    /// What it pays.
    pub invoice: InvoiceId,
    /// The payer is not there to do anything.
    pub off_session: bool,
    /// What is charged instead of the token; `None` until the method is saved at the gateway.
    pub saved: Option<SavedMethod>,
}

/// A payment, whole.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Its name.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// What was asked for.
    pub request: PaymentRequest,
    /// Where it goes.
    pub route: Route,
    /// The merchant's own account that it is charged with, from its first call on; `None`: the deployment's.
    pub account: Option<GatewayAccountId>,
    /// The invoice that it pays, if it pays one.
    pub billing: Option<Billing>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// Which operation of it is under way, or was the last.
    pub stage: Stage,
    /// How many operations there were before this one: a part of the gateway key.
    pub stage_number: i32,
    /// How much is to be taken, in stage `Capture`.
    pub stage_amount: Option<Decimal>,
    /// What was taken.
    pub amount_captured: Decimal,
    /// What was given back of it.
    pub amount_refunded: Decimal,
    /// What is being given back: held for refunds that have no end yet.
    pub amount_refunding: Decimal,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Where the payer must go.
    pub next_action_url: Option<String>,
    /// Why a person must look.
    pub review_reason: Option<String>,
    /// How often it was taken in hand or changed, from 1: by this it is told whether it is still as it was read.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it reached a final status.
    pub settled_at: Option<Timestamp>,
    /// The gateway's name for it.
    pub gateway_ref: Option<GatewayRef>,
    /// The gateway's name for the movement of money.
    pub charge_ref: Option<ChargeRef>,
    /// What may be kept of the card.
    pub card: Option<Card>,
    /// What this stage may have set in motion at the gateway.
    pub call_log: CallLog,
}

impl Payment {
    /// The gateway's idempotency key of the present stage.
    #[must_use]
    pub fn key(&self) -> GatewayKey {
        GatewayKey(match self.stage_number {
            0 => self.id.to_string(),
            number => format!("{}-{number}", self.id),
        })
    }

    /// The charge, as the gateway is asked for it: the same every time.
    #[must_use]
    pub fn charge_request(&self, sending: Sending) -> ChargeRequest {
        ChargeRequest {
            reference: self.id.to_string(),
            key: self.key(),
            money: self.request.money,
            method: self.route.method,
            token: self.route.token.clone(),
            saved: self.billing.as_ref().and_then(|billing| billing.saved.clone()),
            off_session: self.billing.as_ref().is_some_and(|billing| billing.off_session),
            capture: self.request.capture,
            description: self.request.description.clone(),
            return_url: self.request.return_url.clone(),
            approved: self.gateway_ref.clone().filter(|_| self.stage == Stage::Complete),
            sending,
        }
    }

    /// The capture of what was reserved. `None` while nothing is known of a reservation.
    #[must_use]
    pub fn capture_request(&self, sending: Sending) -> Option<CaptureRequest> {
        Some(CaptureRequest {
            reference: self.id.to_string(),
            key: self.key(),
            gateway_ref: self.gateway_ref.clone()?,
            charge_ref: self.charge_ref.clone(),
            money: Money { amount: self.stage_amount?, ..self.request.money },
            sending,
        })
    }

    /// The request to call it off. `None` while the gateway is not known to have it.
    #[must_use]
    pub fn cancel_request(&self, sending: Sending) -> Option<CancelRequest> {
        Some(CancelRequest {
            reference: self.id.to_string(),
            key: self.key(),
            gateway_ref: self.gateway_ref.clone()?,
            charge_ref: self.charge_ref.clone(),
            sending,
        })
    }

    /// The question that finds its outcome at the gateway.
    #[must_use]
    pub fn look_up(&self, traceparent: Option<&str>) -> LookUp {
        LookUp {
            reference: self.id.to_string(),
            gateway_ref: self.gateway_ref.clone(),
            made_between: self.call_log.made_between(self.created_at),
            cursor: None,
            traceparent: traceparent.map(str::to_owned),
        }
    }

    /// Whether what that gateway knows by this name is not the charge that the payment stands for: it has gone on at
    /// another gateway, or has succeeded by another name.
    #[must_use]
    pub fn is_beside(&self, gateway: GatewayName, gateway_ref: &str) -> bool {
        let is_another = self.gateway_ref.as_deref().is_some_and(|own| own != gateway_ref);
        self.route.gateway != gateway || (self.status == Status::Succeeded && is_another)
    }

    /// What was taken and not given back, though it may be held for that.
    #[must_use]
    pub fn unrefunded(&self) -> Decimal {
        self.amount_captured - self.amount_refunded
    }

    /// What can still be given back. What the gateway has given back by itself may leave less than is held.
    #[must_use]
    pub fn refundable(&self) -> Decimal {
        (self.unrefunded() - self.amount_refunding).max(Decimal::ZERO)
    }
}

impl Status {
    /// Whether no work of ours is left. A later fact from the gateway may still change a final status
    /// other than `succeeded`: facts are never refused.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Processing | Self::RequiresAction)
    }

    /// Whether the gateway has told its end: nothing is left to ask.
    #[must_use]
    pub fn is_settled(self) -> bool {
        self.is_final() && self != Self::NeedsReview
    }
}

names!(
    Status,
    Pending => "pending", Processing => "processing", RequiresAction => "requires_action",
    Authorized => "authorized", Succeeded => "succeeded", Failed => "failed", Canceled => "canceled",
    NeedsReview => "needs_review",
);

names!(
    Stage,
    Charge => "charge", Complete => "complete", Capture => "capture", Cancel => "cancel",
);
