//! What a gateway is asked to do, and asked about. Every request names its own key: the same key is the
//! same operation, and carries the same request, however often it is sent.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, money::Money};

use super::{Capture, ChargeRef, CustomerRef, GatewayKey, GatewayRef, MethodRef, MethodType, Sending};

/// One charge, as every gateway needs to know it. A pure function of a payment's immutable columns and
/// its stage: the same payment always makes the same request, which is what makes the same key safe to
/// send again.
#[derive(Debug, Clone)]
pub struct ChargeRequest {
    /// Our name for the payment (`pay_…`): stored at the gateway, and found again.
    pub reference: String,
    /// The idempotency key.
    pub key: GatewayKey,
    /// How much, of what.
    pub money: Money,
    /// How the payer pays.
    pub method: MethodType,
    /// The gateway's token for the payment method; `None` where the payer is to choose at the gateway.
    pub token: Option<String>,
    /// What is charged instead of a token: a method that was saved, or one that is to be saved by this
    /// very payment, for a customer whom the gateway knows.
    pub saved: Option<SavedMethod>,
    /// The payer is not there to do anything: what would need them is declined.
    pub off_session: bool,
    /// When the money is taken.
    pub capture: Capture,
    /// Shown to the merchant in the gateway's dashboard.
    pub description: Option<String>,
    /// Where the gateway sends the payer after an authentication.
    pub return_url: Option<String>,
    /// The gateway's name for an operation that was begun and that the payer has approved since: it is
    /// completed, and no other one begun.
    pub approved: Option<GatewayRef>,
    /// What goes with it.
    pub sending: Sending,
}

impl ChargeRequest {
    /// The gateway's name for what is charged; `None` where the payer is to choose at the gateway.
    #[must_use]
    pub fn method_ref(&self) -> Option<&str> {
        let saved = self.saved.as_ref().map(|saved| &*saved.method_ref);
        saved.or(self.token.as_deref())
    }
}

/// A payment method that can be charged without its payer, again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMethod {
    /// The gateway's name for whose it is; `None` where the gateway has no need of one.
    pub customer_ref: Option<CustomerRef>,
    /// The gateway's name for the method.
    pub method_ref: MethodRef,
}

/// Saves a payment method for a customer. No money moves. One key carries one request, but for the
/// `customer_ref`, which may be learnt between two tries.
#[derive(Debug, Clone)]
pub struct SaveRequest {
    /// Our name for the customer (`cus_…`): stored at the gateway, and found again.
    pub reference: String,
    /// The idempotency key; one for each method to be saved.
    pub key: GatewayKey,
    /// The gateway's name for the customer, where it has one already. `None` makes a customer.
    pub customer_ref: Option<CustomerRef>,
    /// Shown to the merchant in the gateway's dashboard.
    pub email: Option<String>,
    /// The same.
    pub name: Option<String>,
    /// The gateway's token for the payment method.
    pub token: String,
    /// What goes with it.
    pub sending: Sending,
}

/// A question: what became of this payment?
#[derive(Debug, Clone)]
pub struct LookUp {
    /// Our name for it, which the gateway stored when it was created.
    pub reference: String,
    /// The gateway's name for it, where we have learnt it.
    pub gateway_ref: Option<GatewayRef>,
    /// Ours was made within this time, by our clock: from the first call to the last.
    pub made_between: (Timestamp, Timestamp),
    /// Where an earlier look-up of the same has stopped: [`super::Answer::cursor`].
    pub cursor: Option<String>,
    /// W3C trace context, for the gateway's logs.
    pub traceparent: Option<String>,
}

/// Takes money that was reserved, once: what is not taken is given free.
#[derive(Debug, Clone)]
pub struct CaptureRequest {
    /// Our name for the payment.
    pub reference: String,
    /// The idempotency key.
    pub key: GatewayKey,
    /// The gateway's name for the payment.
    pub gateway_ref: GatewayRef,
    /// The gateway's name for the reservation, where it has one of its own.
    pub charge_ref: Option<ChargeRef>,
    /// How much to take; at most what was reserved.
    pub money: Money,
    /// What goes with it.
    pub sending: Sending,
}

/// Calls a payment off before its money has moved.
#[derive(Debug, Clone)]
pub struct CancelRequest {
    /// Our name for the payment.
    pub reference: String,
    /// The idempotency key.
    pub key: GatewayKey,
    /// The gateway's name for the payment.
    pub gateway_ref: GatewayRef,
    /// The gateway's name for the reservation; `None` where none was made.
    pub charge_ref: Option<ChargeRef>,
    /// What goes with it.
    pub sending: Sending,
}

/// Gives money back that was taken.
#[derive(Debug, Clone)]
pub struct RefundRequest {
    /// Our name for the refund (`re_…`): stored at the gateway, and found again.
    pub reference: String,
    /// The idempotency key.
    pub key: GatewayKey,
    /// Our name for the payment.
    pub payment_reference: String,
    /// The gateway's name for the payment.
    pub payment_ref: GatewayRef,
    /// The gateway's name for the movement that took the money.
    pub charge_ref: Option<ChargeRef>,
    /// How much to give back.
    pub money: Money,
    /// Why.
    pub reason: Option<RefundReason>,
    /// What goes with it.
    pub sending: Sending,
}

/// A question: what became of this refund?
#[derive(Debug, Clone)]
pub struct RefundLookUp {
    /// Our name for it.
    pub reference: String,
    /// The gateway's name for it, where we have learnt it.
    pub gateway_ref: Option<GatewayRef>,
    /// The gateway's name for the payment.
    pub payment_ref: GatewayRef,
    /// The gateway's name for the movement that took the money.
    pub charge_ref: Option<ChargeRef>,
    /// W3C trace context, for the gateway's logs.
    pub traceparent: Option<String>,
}

/// Why a refund is made, in the words that gateways share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// Paid twice.
    Duplicate,
    /// The payer did not make it.
    Fraudulent,
    /// The payer asks for it.
    RequestedByCustomer,
}

crate::name::names!(
    RefundReason,
    Duplicate => "duplicate", Fraudulent => "fraudulent", RequestedByCustomer => "requested_by_customer",
);
