//! A refund: money of a payment that is given back. [`state`] decides, [`store`] remembers. One refund is
//! one gateway operation under one key, for life: ours, or one that somebody has made at the gateway itself.

pub mod state;
pub mod store;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    clock::Timestamp,
    gateway::{GatewayKey, GatewayRef, RefundLookUp, RefundReason, RefundRequest, Sending, doubt::CallLog},
    id::{MerchantId, PaymentId, RefundId},
    metadata::Metadata,
    money::Money,
    name::names,
    payment::Payment,
};

/// What a merchant asks for.
#[derive(Debug, Clone)]
pub struct NewRefund {
    /// The refund's name from now on.
    pub id: RefundId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// The merchant's name for the request: the same key is the same refund, for ever.
    pub idempotency_key: String,
    /// SHA-256 over what was asked for, to tell a repetition from a different request.
    pub request_hash: [u8; 32],
    /// The request itself.
    pub params: RefundParams,
}

/// What is asked for. Its serialised form is hashed, so it must stay as it is: a new field is left out
/// where it is not used.
#[derive(Debug, Clone, Serialize)]
pub struct RefundParams {
    /// Of which payment.
    pub payment_id: PaymentId,
    /// How much; `None`: what is left.
    pub amount: Option<Decimal>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefundReason>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
}

/// Who made a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The merchant asked us.
    Api,
    /// Somebody made it at the gateway itself, in its dashboard say.
    Gateway,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; no call to the gateway has begun.
    Pending,
    /// At the gateway, or its outcome is being found out.
    Processing,
    /// The money was given back.
    Succeeded,
    /// It was not, or it came back.
    Failed,
    /// The outcome could not be found out: a person must look.
    NeedsReview,
}

/// Why a refund failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A refund, whole.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Its name.
    pub id: RefundId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Who made it.
    pub origin: Origin,
    /// How much.
    pub money: Money,
    /// Why.
    pub reason: Option<RefundReason>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// Why it failed.
    pub failure: Option<Failure>,
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
    /// What it may have set in motion at the gateway.
    pub call_log: CallLog,
}

impl Refund {
    /// The refund, as the gateway is asked for it: the same every time. `None` while the gateway's name
    /// of the payment is not known.
    #[must_use]
    pub fn request(&self, payment: &Payment, sending: Sending) -> Option<RefundRequest> {
        Some(RefundRequest {
            reference: self.id.to_string(),
            key: GatewayKey(self.id.to_string()),
            payment_reference: payment.id.to_string(),
            payment_ref: payment.gateway_ref.clone()?,
            charge_ref: payment.charge_ref.clone(),
            money: self.money,
            reason: self.reason,
            sending,
        })
    }

    /// The question that finds its outcome at the gateway.
    #[must_use]
    pub fn look_up(&self, payment: &Payment, traceparent: Option<&str>) -> Option<RefundLookUp> {
        Some(RefundLookUp {
            reference: self.id.to_string(),
            gateway_ref: self.gateway_ref.clone(),
            payment_ref: payment.gateway_ref.clone()?,
            charge_ref: payment.charge_ref.clone(),
            traceparent: traceparent.map(str::to_owned),
        })
    }
}

impl Status {
    /// Whether no work of ours is left. A refund that succeeded may still come back.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::NeedsReview)
    }
}

names!(Origin, Api => "api", Gateway => "gateway");
names!(
    Status,
    Pending => "pending", Processing => "processing", Succeeded => "succeeded", Failed => "failed",
    NeedsReview => "needs_review",
);
