//! A refund as its merchant sees it. Our own bookkeeping stays inside.

use common::{
    clock::Timestamp,
    gateway::RefundReason,
    metadata::Metadata,
    refund::{Failure, Refund},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, docs::named};

/// A refund.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "succeeded", "failure": null, "review_reason": null }))]
pub struct RefundView {
    #[schema(value_type = named::RefundId)]
    id: String,
    /// Always `refund`.
    #[schema(example = "refund")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    /// `pending`, `processing`, `succeeded`, `failed` (it was not given back, or came back), or
    /// `needs_review`: the outcome could not be found out, and a person is looking.
    #[schema(value_type = named::RefundStatus)]
    status: &'static str,
    /// Ask here for the status.
    #[schema(format = "uri", example = "https://api.example/refunds/re_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    status_url: String,
    /// The payment that it gives back.
    #[schema(value_type = named::PaymentId)]
    payment: String,
    /// Who made it: `api` (you asked us), or `gateway` (somebody made it at the gateway itself, in its dashboard say).
    #[schema(value_type = named::RefundOrigin)]
    origin: &'static str,
    /// A decimal, in major units.
    #[schema(example = "20.00")]
    amount: String,
    /// ISO 4217.
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    /// Why it was made, if that was told.
    #[schema(value_type = Option<named::RefundReason>)]
    reason: Option<&'static str>,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: Metadata,
    /// Why it failed.
    failure: Option<RefundFailure>,
    /// Why a person must look, while the status is `needs_review`.
    review_reason: Option<String>,
    /// The gateway's name for it.
    #[schema(example = "re_3MtwBwLkdIwHu7ix0UkvkLhx")]
    gateway_reference: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// Why a refund failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundFailure {
    /// Stable, for programs.
    #[schema(example = "expired_or_canceled_card")]
    code: String,
    /// For people.
    #[schema(example = "The card has expired, or was canceled.")]
    message: String,
}

impl RefundFailure {
    fn new(Failure { code, message }: Failure) -> Self {
        Self { code, message }
    }
}

impl RefundView {
    /// The refund as its merchant sees it.
    pub fn new(app: &App, livemode: bool, refund: Refund) -> Self {
        let id = refund.id.to_string();
        Self {
            status_url: app.url(&format!("/refunds/{id}")),
            id,
            object: "refund",
            livemode,
            status: refund.status.as_str(),
            payment: refund.payment_id.to_string(),
            origin: refund.origin.as_str(),
            amount: refund.money.display_amount(),
            currency: refund.money.currency.code(),
            reason: refund.reason.map(RefundReason::as_str),
            metadata: refund.metadata,
            failure: refund.failure.map(RefundFailure::new),
            review_reason: refund.review_reason,
            gateway_reference: refund.gateway_ref.map(Into::into),
            created_at: refund.created_at,
            updated_at: refund.updated_at,
        }
    }
}
