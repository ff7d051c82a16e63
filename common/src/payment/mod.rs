//! A payment: what a merchant asked for, and what has become of it.
//!
//! [`state`] decides, [`store`] remembers. One payment is one gateway operation under one key, for life.

pub mod state;
pub mod store;

use std::{collections::BTreeMap, time::Duration};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    gateway::{Capture, Card, ChargeRequest, DeclineClass, GatewayName, LookUp, MethodType},
    id::{MerchantId, PaymentId},
    money::Money,
    name::names,
};

/// For how long the gateway may be sent the same key again. Stripe keeps keys for at least 24 hours;
/// what is left is margin for clocks and for the last call.
pub const REPLAY_WINDOW: Duration = Duration::from_secs(20 * 3600);

/// What a merchant asks for.
#[derive(Debug, Clone)]
pub struct NewPayment {
    /// The payment's name from now on.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// The merchant's name for the request: the same key is the same payment, for ever.
    pub idempotency_key: String,
    /// SHA-256 over what was asked for, to tell a repetition from a different request.
    pub request_hash: [u8; 32],
    /// The request itself.
    pub order: Order,
}

/// The immutable part of a payment. Its serialised form is hashed to tell a repetition from another
/// request, so it must stay as it is: a new field is left out where it is not used.
#[derive(Debug, Clone, Serialize)]
pub struct Order {
    /// How much, of what.
    #[serde(serialize_with = "money_text")]
    pub money: Money,
    /// How the payer pays.
    pub method: MethodType,
    /// The gateway's token for the payment method.
    pub token: String,
    /// When the money is taken.
    pub capture: Capture,
    /// Which gateway it goes to.
    pub gateway: GatewayName,
    /// Who pays, as the merchant tells us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Free text for the merchant's own eyes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The merchant's number for what is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
    /// Where the payer comes back to after an authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
}

/// The merchant's own keys and values, which we keep and give back.
pub type Metadata = BTreeMap<String, String>;

/// Who pays, as the merchant tells us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
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

/// Why a payment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Stable, for programs.
    pub code: String,
    /// For people; safe to show to the payer.
    pub message: String,
    /// What may change the answer; `None` where the payer's bank was never asked.
    pub decline_class: Option<DeclineClass>,
}

/// A payment, whole.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Its name.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// What was asked for.
    pub order: Order,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// What was taken so far.
    pub amount_captured: Decimal,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Where the payer must go.
    pub next_action_url: Option<String>,
    /// Why a person must look.
    pub review_reason: Option<String>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it reached a final status.
    pub settled_at: Option<Timestamp>,
    /// The gateway's name for it.
    pub gateway_ref: Option<String>,
    /// The gateway's name for the movement of money.
    pub charge_ref: Option<String>,
    /// What may be kept of the card.
    pub card: Option<Card>,
    /// Calls to charge that were begun, counted before each.
    pub calls_begun: i32,
    /// Of those, how many provably never ran at the gateway.
    pub calls_not_sent: i32,
    /// When the first of them began: the replay window opens here.
    pub first_call_at: Option<Timestamp>,
    /// When the last of them began.
    pub last_call_at: Option<Timestamp>,
}

impl Payment {
    /// The charge, as the gateway is asked for it: the same every time.
    #[must_use]
    pub fn charge_request(&self, traceparent: Option<&str>) -> ChargeRequest {
        ChargeRequest {
            reference: self.id.to_string(),
            key: self.id.to_string(),
            money: self.order.money,
            method: self.order.method,
            token: Some(self.order.token.clone()),
            capture: self.order.capture,
            description: self.order.description.clone(),
            return_url: self.order.return_url.clone(),
            approved: None,
            traceparent: traceparent.map(str::to_owned),
        }
    }

    /// The question that finds its outcome at the gateway.
    #[must_use]
    pub fn look_up(&self, traceparent: Option<&str>) -> LookUp {
        LookUp {
            reference: self.id.to_string(),
            gateway_ref: self.gateway_ref.clone(),
            made_between: (
                self.first_call_at.unwrap_or(self.created_at),
                self.last_call_at.unwrap_or(self.created_at),
            ),
            traceparent: traceparent.map(str::to_owned),
        }
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

fn money_text<S: serde::Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(money)
}
