//! What an event tells of its object, for the description: the nouns write it, and the tests hold every event that
//! they read against this.

#![expect(dead_code, reason = "only described")]

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema, schema::OneOfBuilder},
};

use crate::docs::named;

/// One of these, by the type of the event.
pub struct EventData;

macro_rules! data {
    ($($data:ident),+) => {
        impl PartialSchema for EventData {
            fn schema() -> RefOr<Schema> {
                OneOfBuilder::new()$(.item(Ref::from_schema_name($data::name())))+.into()
            }
        }

        impl ToSchema for EventData {
            fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
                $(all.push(($data::name().into(), $data::schema()));
                $data::schemas(all);)+
            }
        }
    };
}
data!(
    PaymentEventData,
    RefundEventData,
    DisputeEventData,
    CustomerEventData,
    PaymentMethodEventData,
    SubscriptionEventData,
    InvoiceEventData,
    WebhookEndpointEventData,
    DuplicateEventData
);

/// A payment.
#[derive(ToSchema)]
pub struct PaymentEventData {
    #[schema(value_type = named::PaymentId)]
    id: String,
    /// Always `payment`.
    #[schema(example = "payment")]
    object: String,
    #[schema(value_type = named::PaymentStatus)]
    status: String,
    /// A decimal, in major units.
    #[schema(example = "49.90")]
    amount: String,
    #[schema(value_type = named::Currency)]
    currency: String,
    /// Your number for it.
    order_id: Option<String>,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: String,
    /// The invoice that it pays.
    #[schema(value_type = Option<named::InvoiceId>)]
    invoice: Option<String>,
    /// Why it failed.
    failure: Option<PaymentEventFailure>,
}

/// Why a payment failed.
#[derive(ToSchema)]
pub struct PaymentEventFailure {
    /// Stable, for programs.
    #[schema(example = "card_declined")]
    code: String,
    /// For people.
    message: String,
    /// What may change a decline; `null`: it was none.
    #[schema(value_type = Option<named::DeclineClass>)]
    decline_class: Option<String>,
}

/// A refund.
#[derive(ToSchema)]
pub struct RefundEventData {
    #[schema(value_type = named::RefundId)]
    id: String,
    /// Always `refund`.
    #[schema(example = "refund")]
    object: String,
    #[schema(value_type = named::PaymentId)]
    payment: String,
    #[schema(value_type = named::RefundOrigin)]
    origin: String,
    #[schema(value_type = named::RefundStatus)]
    status: String,
    /// A decimal, in major units.
    #[schema(example = "20.00")]
    amount: String,
    #[schema(value_type = named::Currency)]
    currency: String,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: String,
    /// Why it failed.
    failure: Option<RefundEventFailure>,
}

/// Why a refund failed.
#[derive(ToSchema)]
pub struct RefundEventFailure {
    /// Stable, for programs.
    #[schema(example = "expired_or_canceled_card")]
    code: String,
    /// For people.
    message: String,
}

/// A dispute.
#[derive(ToSchema)]
pub struct DisputeEventData {
    #[schema(value_type = named::DisputeId)]
    id: String,
    /// Always `dispute`.
    #[schema(example = "dispute")]
    object: String,
    #[schema(value_type = named::PaymentId)]
    payment: String,
    #[schema(value_type = named::DisputeStatus)]
    status: String,
    /// A decimal, in major units.
    #[schema(example = "49.90")]
    amount: String,
    #[schema(value_type = named::Currency)]
    currency: String,
    /// The gateway's word for it.
    #[schema(example = "fraudulent")]
    reason: String,
    /// Whether the gateway has taken the money back.
    funds_withdrawn: bool,
}

/// What happened to a customer's balance.
#[derive(ToSchema)]
pub struct CustomerEventData {
    #[schema(value_type = named::CustomerId)]
    id: String,
    /// Always `customer`.
    #[schema(example = "customer")]
    object: String,
    /// By how much, a decimal in major units.
    #[schema(example = "5.00")]
    amount: String,
    #[schema(value_type = named::Currency)]
    currency: String,
    /// What is left, a decimal in major units.
    #[schema(example = "12.00")]
    balance: String,
    /// For people.
    why: String,
}

/// A customer's payment method.
#[derive(ToSchema)]
pub struct PaymentMethodEventData {
    #[schema(value_type = named::PaymentMethodId)]
    id: String,
    /// Always `payment_method`.
    #[schema(example = "payment_method")]
    object: String,
    #[schema(value_type = named::CustomerId)]
    customer: String,
    #[schema(value_type = named::PaymentMethodType)]
    r#type: String,
    /// Invoices that name nothing else are paid by it.
    is_default: bool,
    /// It was declined for good.
    is_declined: bool,
}

/// A subscription.
#[derive(ToSchema)]
pub struct SubscriptionEventData {
    #[schema(value_type = named::SubscriptionId)]
    id: String,
    /// Always `subscription`.
    #[schema(example = "subscription")]
    object: String,
    #[schema(value_type = named::SubscriptionStatus)]
    status: String,
    #[schema(value_type = named::CustomerId)]
    customer: String,
    #[schema(value_type = named::PlanId)]
    plan: String,
    #[schema(minimum = 1)]
    quantity: i64,
    /// It ends with its period.
    cancel_at_period_end: bool,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: String,
}

/// An invoice.
#[derive(ToSchema)]
pub struct InvoiceEventData {
    #[schema(value_type = named::InvoiceId)]
    id: String,
    /// Always `invoice`.
    #[schema(example = "invoice")]
    object: String,
    #[schema(value_type = named::InvoiceStatus)]
    status: String,
    /// What people know it by; `null` until it is open.
    #[schema(example = "INV-000001")]
    number: Option<String>,
    #[schema(value_type = named::CustomerId)]
    customer: String,
    #[schema(value_type = named::SubscriptionId)]
    subscription: String,
    /// A decimal, in major units.
    #[schema(example = "29.00")]
    total: String,
    /// What is left to pay, a decimal in major units.
    #[schema(example = "29.00")]
    amount_due: String,
    #[schema(value_type = named::Currency)]
    currency: String,
    /// When it is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<String>,
}

/// An endpoint of yours.
#[derive(ToSchema)]
pub struct WebhookEndpointEventData {
    #[schema(value_type = named::WebhookEndpointId)]
    id: String,
    /// Always `webhook_endpoint`.
    #[schema(example = "webhook_endpoint")]
    object: String,
    #[schema(format = "uri", example = "https://shop.example/webhooks")]
    url: String,
    /// For your own eyes.
    description: Option<String>,
    /// What it is told of; `null`: of everything.
    #[schema(value_type = Option<Vec<named::EventType>>)]
    types: Option<Vec<String>>,
    #[schema(value_type = named::WebhookPayload)]
    payload: String,
    #[schema(value_type = named::WebhookOrder)]
    order: String,
    /// `enabled` or `disabled`.
    #[schema(example = "enabled")]
    status: String,
    /// Why it is told nothing.
    #[schema(value_type = Option<named::WebhookDisabledReason>)]
    disabled_reason: Option<String>,
}

/// Money that was moved a second time.
#[derive(ToSchema)]
pub struct DuplicateEventData {
    #[schema(value_type = named::DuplicateId)]
    id: String,
    /// Always `duplicate`.
    #[schema(example = "duplicate")]
    object: String,
    #[schema(value_type = named::PaymentId)]
    payment: String,
    #[schema(value_type = Option<named::RefundId>)]
    refund: Option<String>,
    #[schema(value_type = named::Gateway)]
    gateway: String,
    /// The gateway's name for the second.
    #[schema(example = "pi_3MtwBwLkdIwHu7ix28a3tqPb")]
    gateway_ref: String,
    /// The gateway's name for the first.
    #[schema(example = "pi_3MtwBwLkdIwHu7ix28a3tqPa")]
    first_gateway_ref: Option<String>,
    /// A decimal, in major units.
    #[schema(example = "49.90")]
    amount: String,
    #[schema(value_type = named::Currency)]
    currency: String,
    /// Always `needs_review`: a person is looking.
    #[schema(example = "needs_review")]
    status: String,
}
