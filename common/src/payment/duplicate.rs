//! A duplicate: money that a gateway moved for a payment, or for a refund of it, beside the one movement that it
//! stands for. One key for life, and a deadline for each call, are there so that none comes about. Should one all the
//! same, it is booked where it happened, under a name of its own, and waits for a person who gives it back: the
//! payment itself is as it was told.

use uuid::Uuid;

use crate::{
    clock::Timestamp,
    gateway::{Charge, GatewayName, GatewayRef},
    id::{DuplicateId, MerchantId, PaymentId, RefundId},
    ledger::{Kind, Posting, Subject},
    money::Money,
    name::names,
};

use super::Payment;

/// A duplicate that was found just now.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose books.
    pub merchant_id: MerchantId,
    /// The payment that it was made for.
    pub payment_id: PaymentId,
    /// The refund that it was made for; `None`: it is a charge.
    pub refund_id: Option<RefundId>,
    /// Who moved it. After a fallback this need not be the payment's gateway of today.
    pub gateway: GatewayName,
    /// What was moved, with the gateway's names for it.
    pub charge: Charge,
    /// How much was asked for: what was moved, if the gateway does not say.
    pub asked: Money,
    /// The gateway's name for what the payment, or the refund, stands for.
    pub first_ref: Option<GatewayRef>,
}

impl Found {
    /// A charge beside that of a payment. It happened at that gateway, wherever the payment is now.
    #[must_use]
    pub fn of(payment: &Payment, gateway: GatewayName, charge: Charge) -> Self {
        Self {
            merchant_id: payment.merchant_id,
            payment_id: payment.id,
            refund_id: None,
            gateway,
            charge,
            asked: payment.request.money,
            first_ref: payment.gateway_ref.clone(),
        }
    }

    /// How much was moved.
    #[must_use]
    pub fn money(&self) -> Money {
        self.charge.money.unwrap_or(self.asked)
    }

    /// The gateway's name for the movement itself.
    #[must_use]
    pub fn movement_ref(&self) -> &str {
        self.charge.charge_ref.as_deref().unwrap_or(&self.charge.gateway_ref)
    }

    /// What a person has to know, with both names.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { gateway, charge, .. } = self;
        let moved = if self.refund_id.is_some() { "gave back" } else { "took" };
        let beside = match &self.first_ref {
            Some(first) => format!("beside {first}"),
            None => "which this payment does not stand for".into(),
        };
        format!("{gateway} {moved} {} more: {}, {beside}", self.money(), charge.gateway_ref)
    }

    /// What the books say of it.
    #[must_use]
    pub fn postings(&self, id: Uuid) -> Vec<Posting> {
        let subject = Subject { merchant_id: self.merchant_id, gateway: self.gateway, id };
        let moved = subject.posting(kind(self.refund_id.is_some()), self.money());
        let fee = self.charge.fee.and_then(|fee| subject.posting(Kind::DuplicateFee, fee));
        moved.into_iter().chain(fee).collect()
    }
}

fn kind(is_refund: bool) -> Kind {
    if is_refund { Kind::DuplicateRefunded } else { Kind::DuplicateCaptured }
}

/// A duplicate, as operators see it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Duplicate {
    /// Its name.
    pub id: DuplicateId,
    /// Whose books.
    pub merchant_id: MerchantId,
    /// The payment that it was made for.
    pub payment_id: PaymentId,
    /// The refund that it was made for; `None`: it is a charge.
    pub refund_id: Option<RefundId>,
    /// Who moved it.
    pub gateway: GatewayName,
    /// The gateway's name for the operation.
    pub gateway_ref: GatewayRef,
    /// The gateway's name for the movement.
    pub movement_ref: String,
    /// How much.
    #[serde(serialize_with = "money_text")]
    pub money: Money,
    /// Whether it was put right.
    pub status: Status,
    /// How.
    pub note: Option<String>,
    /// When it was found.
    pub found_at: Timestamp,
}

impl Duplicate {
    /// What the books say when it was put right: what was taken is given back, what was given back is taken.
    #[must_use]
    pub fn settlement(&self) -> Option<Posting> {
        let subject = Subject { merchant_id: self.merchant_id, gateway: self.gateway, id: self.id.0 };
        let back = Money { amount: -self.money.amount, ..self.money };
        let kind = Kind::DuplicateSettled;
        match self.refund_id {
            None => subject.posting(kind, back),
            Some(_) => subject.posting(kind, self.money),
        }
    }
}

/// Whether a duplicate was put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A person must look.
    NeedsReview,
    /// It was put right at the gateway.
    Settled,
}

names!(Status, NeedsReview => "needs_review", Settled => "settled");

fn money_text<S: serde::Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(money)
}
