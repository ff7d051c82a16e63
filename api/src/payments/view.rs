//! A payment as its merchant sees it. The token and our own bookkeeping stay inside.

use common::{
    clock::Timestamp,
    dispute::Dispute,
    gateway::{Card, DeclineClass},
    metadata::Metadata,
    money::display_amount,
    payment::{Failure, Payer, Payment, Status},
    refund::Refund,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, docs::named};

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "status": "succeeded", "next_action": null, "failure": null, "review_reason": null, "refunds": [], "disputes": [],
    "metadata": { "basket": "7" },
}))]
pub struct PaymentView {
    #[schema(value_type = named::PaymentId)]
    id: String,
    /// Always `payment`.
    #[schema(example = "payment")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    /// `pending`, `processing`, `requires_action`, `authorized`, `succeeded`, `failed`, `canceled`, or
    /// `needs_review`: the outcome could not be found out, and a person is looking.
    #[schema(value_type = named::PaymentStatus)]
    status: &'static str,
    /// Ask here for the status.
    #[schema(format = "uri", example = "https://api.example/payments/pay_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
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
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    /// When the money is taken: at once, or by a later call.
    #[schema(value_type = named::Capture)]
    capture: &'static str,
    payment_method: MethodOfPayment,
    customer: Option<PayerOfPayment>,
    description: Option<String>,
    /// Your number for what is paid.
    #[schema(example = "A-1042")]
    order_id: Option<String>,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: Metadata,
    /// What the payer must do, while the status is `requires_action`.
    next_action: Option<NextAction>,
    /// Why it failed; or, while it is `authorized`, why the last capture or cancellation did not happen.
    failure: Option<FailureView>,
    /// Why a person must look, while the status is `needs_review`.
    review_reason: Option<String>,
    /// What was, or is being, given back of it, oldest first: whoever made it.
    refunds: Vec<RefundOfPayment>,
    /// What the payer objects to.
    disputes: Vec<DisputeView>,
    /// Where it is charged.
    #[schema(value_type = named::Gateway)]
    gateway: &'static str,
    /// The gateway's name for it.
    #[schema(example = "pi_3MtwBwLkdIwHu7ix28a3tqPa")]
    gateway_reference: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// How the payer pays.
#[derive(Debug, Serialize, ToSchema)]
pub struct MethodOfPayment {
    #[schema(value_type = named::PaymentMethodType)]
    r#type: &'static str,
    /// What may be known of the card, once the gateway has told it.
    card: Option<CardView>,
}

/// All that is known of a card: nothing with which one could pay.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardView {
    /// `visa`, `mastercard` …
    #[schema(example = "visa")]
    brand: Option<String>,
    /// The last four digits.
    #[schema(example = "4242")]
    last4: Option<String>,
    /// Month of expiry, 1 to 12.
    #[schema(example = 4)]
    exp_month: Option<u8>,
    /// Year of expiry, four digits.
    #[schema(example = 2030)]
    exp_year: Option<u16>,
}

/// Who pays, as you have told us.
#[derive(Debug, Serialize, ToSchema)]
pub struct PayerOfPayment {
    /// Your own id for the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "7")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "ada@example.com")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Ada Lovelace")]
    name: Option<String>,
}

/// Why it failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailureView {
    /// Stable, for programs.
    #[schema(example = "insufficient_funds")]
    code: String,
    /// For people; safe to show to the payer.
    #[schema(example = "Your card has insufficient funds.")]
    message: String,
    /// What may change the answer; `null` where the payer's bank was never asked.
    #[schema(value_type = Option<named::DeclineClass>)]
    decline_class: Option<&'static str>,
}

/// What the payer must do.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextAction {
    /// Always `redirect`.
    #[schema(value_type = named::NextActionType)]
    r#type: &'static str,
    /// Send the payer here.
    #[schema(format = "uri", example = "https://hooks.stripe.com/3d_secure_2/hosted")]
    url: String,
}

/// A payer's objection. The payer's bank may take the money back, and give it again.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeView {
    #[schema(value_type = named::DisputeId)]
    id: String,
    /// Always `dispute`.
    #[schema(example = "dispute")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    #[schema(value_type = named::DisputeStatus)]
    status: &'static str,
    #[schema(example = "49.90")]
    amount: String,
    #[schema(value_type = named::Currency)]
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
    #[schema(value_type = named::RefundId)]
    id: String,
    /// Always `refund`.
    #[schema(example = "refund")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    #[schema(value_type = named::RefundStatus)]
    status: &'static str,
    /// Who made it: `api`, or `gateway` (in its dashboard, say).
    #[schema(value_type = named::RefundOrigin)]
    origin: &'static str,
    #[schema(example = "20.00")]
    amount: String,
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    /// The gateway's name for it.
    gateway_reference: Option<String>,
}

impl MethodOfPayment {
    fn new(kind: &'static str, card: Option<Card>) -> Self {
        let view =
            |Card { brand, last4, exp_month, exp_year }| CardView { brand, last4, exp_month, exp_year };
        Self { r#type: kind, card: card.map(view) }
    }
}

impl PayerOfPayment {
    fn new(Payer { id, email, name }: Payer) -> Self {
        Self { id, email, name }
    }
}

impl FailureView {
    fn new(Failure { code, message, decline_class }: Failure) -> Self {
        Self { code, message, decline_class: decline_class.map(DeclineClass::as_str) }
    }
}

impl RefundOfPayment {
    fn new(livemode: bool, refund: &Refund) -> Self {
        Self {
            id: refund.id.to_string(),
            object: "refund",
            livemode,
            status: refund.status.as_str(),
            origin: refund.origin.as_str(),
            amount: refund.money.display_amount(),
            currency: refund.money.currency.code(),
            gateway_reference: refund.gateway_ref.clone().map(Into::into),
        }
    }
}

impl DisputeView {
    fn new(livemode: bool, dispute: &Dispute) -> Self {
        Self {
            id: dispute.id.to_string(),
            object: "dispute",
            livemode,
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
    pub fn new(
        app: &App,
        livemode: bool,
        payment: Payment,
        refunds: &[Refund],
        disputes: &[Dispute],
    ) -> Self {
        let currency = payment.request.money.currency;
        let id = payment.id.to_string();
        Self {
            status_url: app.url(&format!("/payments/{id}")),
            id,
            object: "payment",
            livemode,
            status: payment.status.as_str(),
            amount: payment.request.money.display_amount(),
            amount_captured: display_amount(payment.amount_captured, currency),
            amount_refunded: display_amount(payment.amount_refunded, currency),
            amount_refunding: display_amount(payment.amount_refunding, currency),
            currency: currency.code(),
            capture: payment.request.capture.as_str(),
            payment_method: MethodOfPayment::new(payment.route.method.as_str(), payment.card),
            customer: payment.request.customer.map(PayerOfPayment::new),
            description: payment.request.description,
            order_id: payment.request.order_id,
            metadata: payment.request.metadata,
            next_action: payment
                .next_action_url
                .filter(|_| payment.status == Status::RequiresAction)
                .map(|url| NextAction { r#type: "redirect", url }),
            failure: payment.failure.map(FailureView::new),
            review_reason: payment.review_reason,
            refunds: refunds
                .iter()
                .filter(|refund| refund.payment_id == payment.id)
                .map(|refund| RefundOfPayment::new(livemode, refund))
                .collect(),
            disputes: disputes
                .iter()
                .filter(|dispute| dispute.payment_id == payment.id)
                .map(|dispute| DisputeView::new(livemode, dispute))
                .collect(),
            gateway: payment.route.gateway.as_str(),
            gateway_reference: payment.gateway_ref.map(Into::into),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}
