//! Refunds as a gateway knows them, whoever made them: those that somebody made in its dashboard are found here.

use crate::{clock::Timestamp, money::Money};

use super::{ChargeRef, GatewayRef, RefundOutcome, Report};

/// Which refunds are asked for, by the gateway's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundsAsked<'a> {
    /// One of them, and there may be none of that name.
    Named(&'a str),
    /// All of a payment.
    OfPayment(&'a str),
}

/// A refund, as the gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayRefund {
    /// The gateway's name for it.
    pub gateway_ref: GatewayRef,
    /// Our name for it, if it was made by us.
    pub reference: Option<String>,
    /// Our name for the payment.
    pub payment_reference: Option<String>,
    /// The gateway's name for the payment.
    pub payment_ref: Option<GatewayRef>,
    /// The gateway's name for the movement that took the money, where that is another.
    pub charge_ref: Option<ChargeRef>,
    /// How much.
    pub money: Money,
    /// When it was made, by the gateway's clock.
    pub made_at: Option<Timestamp>,
    /// What became of it.
    pub report: Report<RefundOutcome>,
}
