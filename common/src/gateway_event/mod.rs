//! A gateway's event: what it has told by itself, from its arrival until it was worked off. It is a hint
//! and nothing more; what it is about is looked up.

pub mod store;

use crate::{
    gateway::{About, Dispute, GatewayName, GatewayRefund, Received},
    id::{GatewayAccountId, GatewayEventId, MerchantId},
    job::Claim,
    payment::duplicate,
};

/// A merchant's own account, from which an event comes. What it tells may be about this merchant's and nobody else's:
/// whoever has an account can make it tell anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The account.
    pub account: GatewayAccountId,
    /// Whose it is.
    pub merchant: MerchantId,
}

/// An event that waits to be worked off.
#[derive(Debug, Clone)]
pub struct GatewayEvent {
    /// Its name.
    pub id: GatewayEventId,
    /// Who is said to have sent it.
    pub gateway: GatewayName,
    /// The merchant's account whose secret has proved it, or is to; `None`: the deployment's own.
    pub sender: Option<Sender>,
    /// The sender's word for what happened.
    pub kind: String,
    /// What it is about.
    pub about: About,
    /// What the gateway must be asked to verify; `None`: it was verified.
    pub unverified: Option<Received>,
}

/// What a worker learnt about it.
#[derive(Debug)]
pub struct Findings {
    /// The job under which it asked.
    pub claim: Claim,
    /// The event.
    pub event: GatewayEvent,
    /// What was learnt.
    pub check: EventCheck,
}

/// What was learnt.
#[derive(Debug)]
pub enum EventCheck {
    /// The gateway has not sent it.
    Forged,
    /// The gateway has sent it.
    Genuine(News),
    /// The gateway could not be asked: why.
    Unknown(String),
}

/// What the gateway says of that which an event is about.
#[derive(Debug)]
pub enum News {
    /// Nothing that the look-up it calls for would not tell.
    Hint,
    /// How a dispute stands.
    Dispute(Dispute),
    /// Money that has moved beside a payment that has succeeded.
    Duplicate(Box<duplicate::Found>),
    /// Refunds, whoever made them.
    Refunds(Vec<GatewayRefund>),
}
