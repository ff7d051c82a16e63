//! Reconciling: a gateway's settlement report, line by line, compared with our own, both ways. What the
//! rules can put right is put right by asking the gateway about it; the rest is listed for a person.

pub mod store;

use crate::{
    clock::Timestamp,
    gateway::{GatewayName, Movement},
    id::ReconciliationId,
    ledger,
    name::names,
};

/// A comparison of one gateway's settlement report with ours.
#[derive(Debug, Clone)]
pub struct Reconciliation {
    /// Its name.
    pub id: ReconciliationId,
    /// Whose settlement report.
    pub gateway: GatewayName,
    /// Of which time: from, inclusive, to, exclusive.
    pub between: (Timestamp, Timestamp),
    /// Where the next part of the settlement report begins.
    pub cursor: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How many lines were read so far.
    pub lines: i32,
    /// How many differences were put right without a person.
    pub repairs: i32,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Where a comparison stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The gateway's settlement report is being read.
    Reading,
    /// Compared; the findings are there.
    Done,
    /// The settlement report could not be read.
    Failed,
}

names!(State, Reading => "reading", Done => "done", Failed => "failed");

/// A difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It is in the gateway's settlement report, and not in ours.
    UnknownHere,
    /// It is in our books, and not in the gateway's settlement report.
    MissingThere,
    /// Both have it, with different amounts.
    AmountDiffers,
    /// Both have it, with different ends.
    StateDiffers,
    /// Both have it, with different fees.
    FeeDiffers,
}

names!(
    Difference,
    UnknownHere => "unknown_here", MissingThere => "missing_there", AmountDiffers => "amount_differs",
    StateDiffers => "state_differs", FeeDiffers => "fee_differs",
);

/// The entry of our books in which a movement of the gateway's is found; `None`: in none, or not by our
/// reference.
#[must_use]
pub fn booked_as(movement: Movement) -> Option<(ledger::Kind, ledger::Kind)> {
    match movement {
        Movement::Charge => Some((ledger::Kind::PaymentCaptured, ledger::Kind::PaymentFee)),
        Movement::Refund => Some((ledger::Kind::RefundSucceeded, ledger::Kind::RefundFee)),
        Movement::RefundReversal => Some((ledger::Kind::RefundFailed, ledger::Kind::RefundFee)),
        Movement::Dispute | Movement::DisputeReversal | Movement::Other => None,
    }
}
