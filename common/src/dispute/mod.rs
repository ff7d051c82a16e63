//! A dispute: a payer objects, and the payer's bank may take the money back. [`state`] decides, [`store`]
//! remembers.

pub mod state;
pub mod store;

use crate::{
    clock::Timestamp,
    gateway::DisputeStatus,
    id::{DisputeId, MerchantId, PaymentId},
    money::Money,
};

/// A dispute, whole.
#[derive(Debug, Clone)]
pub struct Dispute {
    /// Its name.
    pub id: DisputeId,
    /// Whose payment it is about.
    pub merchant_id: MerchantId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The gateway's name for it.
    pub dispute_ref: String,
    /// How much is disputed.
    pub money: Money,
    /// The gateway's word for why.
    pub reason: Option<String>,
    /// Where it stands.
    pub status: DisputeStatus,
    /// Whether the money was taken back from us, at least for a time.
    pub funds_withdrawn: bool,
    /// When we first heard of it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
