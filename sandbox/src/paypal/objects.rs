//! PayPal's objects as the sandbox stores them: only what can differ from one object to the next.
//!
//! Their JSON, with the many fields that are always the same, is made by `render`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::amounts::Money;

/// One of PayPal's objects, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Object {
    Order(String),
    Authorization(String),
    Capture(String),
    Refund(String),
    Dispute(String),
}

/// An order: what a payer is asked to pay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) intent: Intent,
    pub(crate) status: OrderStatus,
    pub(crate) unit: Unit,
    pub(crate) source: Source,
    /// The token that pays: the vault id, or what the payer chose while approving.
    pub(crate) instrument: Option<String>,
    pub(crate) return_url: Option<String>,
    pub(crate) cancel_url: Option<String>,
    /// Until when the order waits for its payer, and, approved, for its capture.
    pub(crate) expires_ms: i64,
    pub(crate) authorization: Option<String>,
    pub(crate) captures: Vec<String>,
}

/// The order's only purchase unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) reference_id: String,
    pub(crate) amount: Money,
    /// The caller's own reference.
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) soft_descriptor: Option<String>,
}

/// Whether an order's money is taken or reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Intent {
    Capture,
    Authorize,
}

/// How the order said it would be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// Nothing was said.
    Unsaid,
    /// A PayPal payer who has to approve.
    Payer,
    /// A PayPal payer who agreed beforehand.
    Vault,
}

/// PayPal's statuses of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OrderStatus {
    Created,
    PayerActionRequired,
    Approved,
    Completed,
    Voided,
}

/// Money reserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Authorization {
    pub(crate) id: String,
    pub(crate) order: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) amount: Money,
    pub(crate) status: AuthorizationStatus,
    /// The sum of its captures, in minor units.
    pub(crate) captured: i64,
    /// Nobody voided it: its time ran out.
    pub(crate) expired: bool,
    pub(crate) expires_ms: i64,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    pub(crate) instrument: Option<String>,
    /// When it expires by itself, while it can.
    pub(crate) due_ms: Option<i64>,
}

/// PayPal's statuses of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum AuthorizationStatus {
    Created,
    Captured,
    Denied,
    PartiallyCaptured,
    Voided,
}

/// One taking of money, successful or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Capture {
    pub(crate) id: String,
    pub(crate) order: String,
    pub(crate) authorization: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) amount: Money,
    pub(crate) status: CaptureStatus,
    /// What was given back, in minor units.
    pub(crate) refunded: i64,
    /// What is on its way back, in minor units.
    pub(crate) refunding: i64,
    pub(crate) final_capture: bool,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    pub(crate) instrument: Option<String>,
    /// Its entry in the books: an authorization's first capture goes on with the authorization's.
    pub(crate) movement: String,
    /// What that entry says was reserved, in minor units.
    pub(crate) reserved: i64,
    /// What the payer's bank took back, in minor units.
    pub(crate) disputed: i64,
    /// When it settles, while it is pending; after that, when it is disputed.
    pub(crate) due_ms: Option<i64>,
}

/// How far a capture is. That it was refunded is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum CaptureStatus {
    Pending,
    Completed,
    Declined,
    Failed,
}

impl Capture {
    /// What can still be given back, in minor units.
    pub(crate) fn refundable(&self) -> i64 {
        self.amount.minor - self.refunded - self.refunding - self.disputed
    }

    /// PayPal's word for its status.
    pub(crate) fn status_name(&self) -> &'static str {
        match self.status {
            CaptureStatus::Pending => "PENDING",
            CaptureStatus::Declined => "DECLINED",
            CaptureStatus::Failed => "FAILED",
            CaptureStatus::Completed if self.refunded == 0 => "COMPLETED",
            CaptureStatus::Completed if self.refunded < self.amount.minor => "PARTIALLY_REFUNDED",
            CaptureStatus::Completed => "REFUNDED",
        }
    }

    /// Whether the money is taken or will be, so that its invoice counts as paid.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.status, CaptureStatus::Pending | CaptureStatus::Completed)
    }
}

/// Money given back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) capture: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) amount: Money,
    pub(crate) status: RefundStatus,
    /// Everything given back of the capture so far, this included, in minor units.
    pub(crate) total_refunded: i64,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    pub(crate) note_to_payer: Option<String>,
    /// When it settles, while it is pending.
    pub(crate) due_ms: Option<i64>,
}

impl Refund {
    /// The caller's own reference.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.custom_id.as_deref().or(self.invoice_id.as_deref())
    }
}

/// PayPal's statuses of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RefundStatus {
    Pending,
    Completed,
    Failed,
    Cancelled,
}

/// A chargeback: the payer's bank takes the money back, and somebody decides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) capture: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) amount: Money,
    pub(crate) status: DisputeStatus,
    /// The transaction with which the money went.
    pub(crate) withdrawal: String,
    /// When the seller is asked for an answer.
    pub(crate) due_ms: Option<i64>,
}

/// How far a dispute is, and who has the money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum DisputeStatus {
    Open,
    WaitingForSellerResponse,
    /// The buyer keeps the money.
    Lost,
    /// The seller got it back, with the transaction of this id.
    Won(String),
}

impl DisputeStatus {
    /// Whether somebody has decided.
    pub(crate) fn is_resolved(&self) -> bool {
        matches!(self, Self::Lost | Self::Won(_))
    }
}

/// An id in PayPal's style: 17 capital letters and digits.
pub(crate) fn new_id() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPRSTUVWXY";
    let bits = Uuid::new_v4().as_u128();
    (0..17).map(|at| char::from(ALPHABET[(bits >> (5 * at)) as usize % ALPHABET.len()])).collect()
}
