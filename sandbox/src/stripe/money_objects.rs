//! The objects about money that moves after, or because of, a charge: refunds, disputes, and the
//! balance transactions that say what each of them did to the merchant's balance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::objects::{REFUND_REFERENCE, referred};
use super::table::Row;

/// A refund of a charge, whole or in part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) reason: Option<String>,
    pub(crate) status: RefundStatus,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) balance_transaction: Option<String>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) failure_balance_transaction: Option<String>,
    /// When it gets the status that its token has for it, in milliseconds since 1970.
    pub(crate) due_ms: Option<i64>,
}

impl Refund {
    /// The caller's own reference.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.metadata.get(REFUND_REFERENCE).map(String::as_str)
    }
}

/// Stripe's statuses of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
}

impl RefundStatus {
    /// Stripe's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether no money has gone back yet and some still may.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::RequiresAction)
    }
}

impl Row for Refund {
    const KIND: &'static str = "refund";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn set_created(&mut self, created: i64) {
        self.created = created;
    }

    fn groups(&self) -> Vec<String> {
        let reference = self.reference().map(referred);
        [self.charge.clone(), self.payment_intent.clone()].into_iter().chain(reference).collect()
    }

    fn due_ms(&self) -> Option<i64> {
        self.due_ms
    }
}

/// A payer's bank takes a payment back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) status: DisputeStatus,
    pub(crate) metadata: BTreeMap<String, String>,
    /// What the merchant said, by Stripe's field names.
    pub(crate) evidence: BTreeMap<String, String>,
    pub(crate) submission_count: u32,
    /// The withdrawal, and the reinstatement once it is won.
    pub(crate) balance_transactions: Vec<String>,
    /// How the bank will decide, and when (milliseconds since 1970).
    pub(crate) verdict: Option<(DisputeStatus, i64)>,
}

/// Stripe's statuses of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeStatus {
    NeedsResponse,
    UnderReview,
    Won,
    Lost,
}

impl DisputeStatus {
    /// Stripe's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// Whether the bank has decided.
    pub(crate) fn is_closed(self) -> bool {
        matches!(self, Self::Won | Self::Lost)
    }
}

impl Row for Dispute {
    const KIND: &'static str = "dispute";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn set_created(&mut self, created: i64) {
        self.created = created;
    }

    fn groups(&self) -> Vec<String> {
        vec![self.charge.clone(), self.payment_intent.clone()]
    }

    fn due_ms(&self) -> Option<i64> {
        self.verdict.map(|(_, due_ms)| due_ms)
    }
}

/// One movement on the merchant's balance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BalanceTransaction {
    pub(crate) id: String,
    pub(crate) created: i64,
    /// Negative when it leaves.
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) currency: String,
    pub(crate) kind: TransactionKind,
    /// The id of the charge, refund or dispute that caused it.
    pub(crate) source: String,
}

/// Why the balance moved. Stripe has two words for it: a type, and a category for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TransactionKind {
    /// A card's charge.
    Charge,
    /// Any other method's charge.
    Payment,
    /// A refund to a card.
    Refund,
    /// A refund to any other method.
    PaymentRefund,
    /// A refund that came back.
    RefundFailure,
    /// A dispute's withdrawal.
    Dispute,
    /// A dispute's reinstatement.
    DisputeReversal,
}

impl TransactionKind {
    /// Stripe's `type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::PaymentRefund => "payment_refund",
            Self::RefundFailure => "refund_failure",
            Self::Dispute | Self::DisputeReversal => "adjustment",
        }
    }

    /// Stripe's `reporting_category`.
    pub(crate) fn category(self) -> &'static str {
        match self {
            Self::Charge | Self::Payment => "charge",
            Self::Refund | Self::PaymentRefund => "refund",
            Self::RefundFailure => "refund_failure",
            Self::Dispute => "dispute",
            Self::DisputeReversal => "dispute_reversal",
        }
    }
}

impl Row for BalanceTransaction {
    const KIND: &'static str = "balance_transaction";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn set_created(&mut self, created: i64) {
        self.created = created;
    }

    fn groups(&self) -> Vec<String> {
        vec![self.source.clone(), self.kind.name().to_owned()]
    }
}
