//! Stripe's objects as the sandbox stores them: only what can differ from one object to the next.
//!
//! Their JSON, with the many fields that are always the same, is made by `render`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::table::Row;

/// The metadata key under which the caller's own reference of a payment travels.
pub(crate) const REFERENCE: &str = "remit_payment";

/// The metadata key under which the caller's own reference of a refund travels.
pub(crate) const REFUND_REFERENCE: &str = "remit_refund";

/// The metadata key under which the caller's own reference of a customer travels.
pub(crate) const CUSTOMER_REFERENCE: &str = "remit_customer";

/// The group of the objects that carry this reference.
pub(crate) fn referred(reference: &str) -> String {
    format!("reference:{reference}")
}

/// The group of the objects that are this account's.
pub(crate) fn owned(account: &str) -> String {
    format!("account:{account}")
}

/// A payment intent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    /// Whose it is: empty where keys name no account.
    #[serde(default)]
    pub(crate) account: String,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) client_secret: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: IntentStatus,
    pub(crate) amount_capturable: i64,
    pub(crate) amount_received: i64,
    pub(crate) capture_method: CaptureMethod,
    pub(crate) customer: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) setup_future_usage: Option<String>,
    /// Whether methods that redirect the payer may be used.
    pub(crate) redirects: Redirects,
    pub(crate) last_payment_error: Option<Value>,
    pub(crate) next_action: Option<NextAction>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    /// When something happens by itself, in milliseconds since 1970: a debit settles, an
    /// authorization expires.
    pub(crate) due_ms: Option<i64>,
}

impl Intent {
    /// The caller's own reference.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.metadata.get(REFERENCE).map(String::as_str)
    }
}

impl Row for Intent {
    const KIND: &'static str = "payment_intent";

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
        let own = [owned(&self.account)].into_iter();
        own.chain(self.customer.clone()).chain(self.reference().map(referred)).collect()
    }

    fn due_ms(&self) -> Option<i64> {
        self.due_ms
    }
}

/// Stripe's statuses of a payment intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
}

impl IntentStatus {
    /// Stripe's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }
}

/// When the money of a card is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaptureMethod {
    Automatic,
    AutomaticAsync,
    Manual,
}

impl CaptureMethod {
    /// Stripe's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::AutomaticAsync => "automatic_async",
            Self::Manual => "manual",
        }
    }
}

/// `automatic_payment_methods[allow_redirects]`, and whether it was said at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Redirects {
    /// Nothing was said: allowed.
    Unsaid,
    Always,
    Never,
}

/// What the payer has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NextAction {
    /// The page on the sandbox where the payer approves or fails.
    pub(crate) url: String,
    /// Where the payer is sent afterwards. Without it Stripe leaves the redirect to its own script.
    pub(crate) return_url: Option<String>,
}

/// A charge: one attempt at moving money, successful or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) payment_intent: String,
    pub(crate) payment_method: String,
    pub(crate) customer: Option<String>,
    pub(crate) amount: i64,
    pub(crate) amount_captured: i64,
    pub(crate) amount_refunded: i64,
    pub(crate) currency: String,
    pub(crate) captured: bool,
    pub(crate) status: ChargeStatus,
    pub(crate) failure_code: Option<String>,
    pub(crate) failure_message: Option<String>,
    pub(crate) decline_code: Option<String>,
    pub(crate) advice_code: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// What the capture did to the merchant's balance.
    #[serde(default)]
    pub(crate) balance_transaction: Option<String>,
    #[serde(default)]
    pub(crate) disputed: bool,
    /// When the payer's bank will dispute it by itself, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) dispute_due_ms: Option<i64>,
}

impl Charge {
    /// What is left to give back.
    pub(crate) fn refundable(&self) -> i64 {
        self.amount_captured - self.amount_refunded
    }
}

impl Row for Charge {
    const KIND: &'static str = "charge";

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
        [Some(self.payment_intent.clone()), self.customer.clone()].into_iter().flatten().collect()
    }

    fn due_ms(&self) -> Option<i64> {
        self.dispute_due_ms
    }
}

/// Stripe's statuses of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChargeStatus {
    Pending,
    Succeeded,
    Failed,
}

impl ChargeStatus {
    /// Stripe's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A payment method: a test token made an object of, as Stripe does on first use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) created: i64,
    /// The test token behind it: it says what the method does.
    pub(crate) token: String,
    pub(crate) customer: Option<String>,
    /// Used for a payment without a customer: such a method cannot be used again.
    pub(crate) used_up: bool,
    /// The mandate given for a debit.
    pub(crate) mandate: Option<String>,
}

/// A customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) id: String,
    /// Whose it is, as with an intent.
    #[serde(default)]
    pub(crate) account: String,
    pub(crate) created: i64,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) default_payment_method: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}
