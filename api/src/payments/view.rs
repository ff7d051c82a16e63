//! A payment as its merchant sees it. The token and our own bookkeeping stay inside.

use common::{
    clock::Timestamp,
    dispute::Dispute,
    gateway::Card,
    metadata::Metadata,
    money::display_amount,
    payment::{Failure, Payer, Payment, Status},
    refund::Refund,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentView {
    #[schema(example = "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    id: String,
    /// Always `payment`.
    object: &'static str,
    /// `pending`, `processing`, `requires_action`, `authorized`, `succeeded`, `failed`, `canceled`, or
    /// `needs_review`: the outcome could not be found out, and a person is looking.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// Ask here for the status.
    status_url: String,
    /// A decimal, in major units.
    #[schema(example = "49.90")]
    amount: String,
    /// What was taken so far.
    #[schema(example = "49.90")]
    amount_captured: String,
    /// What was given back of it.
    #[schema(example = "0.00")]
    amount_refunded: String,
    /// What is being given back of it.
    #[schema(example = "0.00")]
    amount_refunding: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: &'static str,
    /// `automatic` or `manual`.
    capture: &'static str,
    payment_method: MethodView,
    #[schema(value_type = Option<Object>)]
    customer: Option<Payer>,
    description: Option<String>,
    /// Your number for what is paid.
    order_id: Option<String>,
    #[schema(value_type = Object)]
    metadata: Metadata,
    /// What the payer must do, while the status is `requires_action`.
    next_action: Option<NextAction>,
    /// Why it failed; or, while it is `authorized`, why the last capture or cancellation did not happen.
    #[schema(value_type = Option<Object>)]
    failure: Option<Failure>,
    /// Why a person must look, while the status is `needs_review`.
    review_reason: Option<String>,
    /// What was, or is being, given back of it, oldest first: whoever made it.
    refunds: Vec<RefundOfPayment>,
    /// What the payer objects to.
    disputes: Vec<DisputeView>,
    /// Where it is charged.
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// The gateway's name for it.
    gateway_reference: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// How the payer pays.
#[derive(Debug, Serialize, ToSchema)]
pub struct MethodView {
    #[schema(example = "card")]
    r#type: &'static str,
    /// What may be known of the card, once the gateway has told it.
    #[schema(value_type = Option<Object>)]
    card: Option<Card>,
}

/// What the payer must do.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextAction {
    /// Always `redirect`.
    r#type: &'static str,
    /// Send the payer here.
    url: Option<String>,
}

/// A payer's objection. The payer's bank may take the money back, and give it again.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeView {
    #[schema(example = "dp_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    id: String,
    /// Always `dispute`.
    object: &'static str,
    /// `open`, `won` or `lost`.
    #[schema(example = "open")]
    status: &'static str,
    #[schema(example = "49.90")]
    amount: String,
    #[schema(example = "EUR")]
    currency: &'static str,
    /// The gateway's word for why.
    reason: Option<String>,
    /// Whether the money was taken back, at least for a time.
    funds_withdrawn: bool,
    /// The gateway's name for it.
    gateway_reference: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A refund, in short: `GET /refunds/{id}` tells all of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundOfPayment {
    #[schema(example = "re_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    id: String,
    /// Always `refund`.
    object: &'static str,
    /// `pending`, `processing`, `succeeded`, `failed` or `needs_review`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// Who made it: `api`, or `gateway` (in its dashboard, say).
    #[schema(example = "gateway")]
    origin: &'static str,
    #[schema(example = "20.00")]
    amount: String,
    #[schema(example = "EUR")]
    currency: &'static str,
    /// The gateway's name for it.
    gateway_reference: Option<String>,
}

impl RefundOfPayment {
    fn new(refund: &Refund) -> Self {
        Self {
            id: refund.id.to_string(),
            object: "refund",
            status: refund.status.as_str(),
            origin: refund.origin.as_str(),
            amount: refund.money.display_amount(),
            currency: refund.money.currency.code(),
            gateway_reference: refund.gateway_ref.clone().map(Into::into),
        }
    }
}

impl DisputeView {
    fn new(dispute: &Dispute) -> Self {
        Self {
            id: dispute.id.to_string(),
            object: "dispute",
            status: dispute.status.as_str(),
            amount: dispute.money.display_amount(),
            currency: dispute.money.currency.code(),
            reason: dispute.reason.clone(),
            funds_withdrawn: dispute.funds_withdrawn,
            gateway_reference: dispute.dispute_ref.clone(),
            created_at: dispute.created_at,
            updated_at: dispute.updated_at,
        }
    }
}

impl PaymentView {
    /// The payment as its merchant sees it, with those of the refunds and disputes that are about it.
    pub fn new(app: &App, payment: Payment, refunds: &[Refund], disputes: &[Dispute]) -> Self {
        let currency = payment.request.money.currency;
        let id = payment.id.to_string();
        Self {
            status_url: app.url(&format!("/payments/{id}")),
            id,
            object: "payment",
            status: payment.status.as_str(),
            amount: payment.request.money.display_amount(),
            amount_captured: display_amount(payment.amount_captured, currency),
            amount_refunded: display_amount(payment.amount_refunded, currency),
            amount_refunding: display_amount(payment.amount_refunding, currency),
            currency: currency.code(),
            capture: payment.request.capture.as_str(),
            payment_method: MethodView { r#type: payment.route.method.as_str(), card: payment.card },
            customer: payment.request.customer,
            description: payment.request.description,
            order_id: payment.request.order_id,
            metadata: payment.request.metadata,
            next_action: payment
                .next_action_url
                .filter(|_| payment.status == Status::RequiresAction)
                .map(|url| NextAction { r#type: "redirect", url: Some(url) }),
            failure: payment.failure,
            review_reason: payment.review_reason,
            refunds: refunds
                .iter()
                .filter(|refund| refund.payment_id == payment.id)
                .map(RefundOfPayment::new)
                .collect(),
            disputes: disputes.iter().filter(|d| d.payment_id == payment.id).map(DisputeView::new).collect(),
            gateway: payment.route.gateway.as_str(),
            gateway_reference: payment.gateway_ref.map(Into::into),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}
