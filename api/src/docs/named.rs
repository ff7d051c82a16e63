//! What bodies are made of, named once in the description: ids with their patterns, and closed sets with their
//! members. Both are those that the code reads and writes, so neither can differ from it.

use common::{event, gateway, id, invoice, merchant, money, payment, plan, refund, subscription, webhook};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// What the description has a name for: in bodies, in answers and in parameters alike.
pub trait Named {
    /// Its schema, and what that is called.
    type Schema: ToSchema;

    /// A reference to it.
    fn reference() -> Ref {
        Ref::from_schema_name(Self::Schema::name())
    }

    /// What is referred to.
    fn component() -> (String, RefOr<Schema>) {
        (Self::Schema::name().into(), Self::Schema::schema())
    }
}

/// The digits of every id in an example: so that one example fits the next.
const DIGITS: &str = "0193a3f1c2d87b51a9f0c4d2e8b7a601";

macro_rules! ids {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("The schema of [`id::", stringify!($name), "`].")]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let prefix = id::$name::PREFIX;
                let text = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some(format!("^{prefix}[0-9a-f]{{32}}$")))
                    .examples([format!("{prefix}{DIGITS}")]);
                text.into()
            }
        }

        impl ToSchema for $name {}

        impl Named for id::$name {
            type Schema = $name;
        }
    )+};
}

macro_rules! sets {
    ($(#[doc = $doc:literal] $name:ident: $set:ty),+ $(,)?) => {$(
        #[doc = $doc]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of($doc, <$set>::ALL.iter().map(|one| one.as_str()))
            }
        }

        impl ToSchema for $name {}

        impl Named for $set {
            type Schema = $name;
        }
    )+};
}

macro_rules! words {
    ($(#[doc = $doc:literal] $name:ident: $($word:literal),+;)+) => {$(
        #[doc = $doc]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of($doc, [$($word),+].into_iter())
            }
        }

        impl ToSchema for $name {}
    )+};
}

fn one_of(about: &str, names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some(about.trim()));
    text.enum_values(Some(names)).into()
}

ids!(
    PaymentId,
    RefundId,
    DisputeId,
    DuplicateId,
    CustomerId,
    PaymentMethodId,
    PlanId,
    SubscriptionId,
    InvoiceId,
    ApiKeyId,
    WebhookEndpointId,
    WebhookDeliveryId,
);

sets!(
    /// What a key may do. A scope that writes includes the one that reads; `admin` includes all.
    Scope: merchant::scope::Scope,
    /// Where a payment stands.
    PaymentStatus: payment::Status,
    /// When the money is taken.
    Capture: gateway::Capture,
    /// How a payer pays.
    PaymentMethodType: gateway::MethodType,
    /// A gateway.
    Gateway: gateway::GatewayName,
    /// What may change a decline.
    DeclineClass: gateway::DeclineClass,
    /// How a dispute stands.
    DisputeStatus: gateway::DisputeStatus,
    /// Where a refund stands.
    RefundStatus: refund::Status,
    /// Who made a refund.
    RefundOrigin: refund::Origin,
    /// Why a refund is made.
    RefundReason: gateway::RefundReason,
    /// Where an invoice stands.
    InvoiceStatus: invoice::Status,
    /// What a line of an invoice is.
    LineKind: invoice::LineKind,
    /// What an interval counts.
    IntervalUnit: plan::Unit,
    /// Where a subscription stands.
    SubscriptionStatus: subscription::Status,
    /// What becomes of a trial that ends without a payment method.
    WithoutPaymentMethod: subscription::WithoutMethod,
    /// What a dispute does to a subscription.
    OnDispute: subscription::OnDispute,
    /// How the days of a period that are left are counted.
    Proration: subscription::proration::Proration,
    /// What happened.
    EventType: event::EventType,
    /// How much of an object an event tells.
    WebhookPayload: webhook::Payload,
    /// What comes after what.
    WebhookOrder: webhook::Order,
    /// Where a delivery stands.
    WebhookDeliveryStatus: webhook::Status,
    /// Why an endpoint is told nothing.
    WebhookDisabledReason: webhook::DisabledReason,
);

words!(
    /// What an invoice is made for: a period, or a change within it.
    Occasion: "period", "change";
    /// What is given back when a subscription ends at once.
    CancelProration: "none", "by_day";
    /// How far the clock of a test deployment is.
    ClockStatus: "advancing", "ready", "stopped";
    /// Whether an endpoint is told of events.
    WebhookEndpointStatus: "enabled", "disabled";
    /// What a payer must do.
    NextActionType: "redirect";
);

/// An event's id: the digits of what it is about, and its place among what happened to that.
pub struct EventId;

impl PartialSchema for EventId {
    fn schema() -> RefOr<Schema> {
        let prefix = event::EventId::PREFIX;
        let id = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^{prefix}[0-9a-f]{{32}}_[1-9][0-9]*$")))
            .examples([format!("{prefix}{DIGITS}_1")]);
        id.into()
    }
}

impl ToSchema for EventId {}

impl Named for event::EventId {
    type Schema = EventId;
}

/// Of which statuses subscriptions are listed: one, or all.
pub struct SubscriptionFilter;

impl PartialSchema for SubscriptionFilter {
    fn schema() -> RefOr<Schema> {
        let statuses = subscription::Status::ALL.iter().map(|one| one.as_str());
        one_of("A status, or all of them.", statuses.chain(["all"]))
    }
}

impl ToSchema for SubscriptionFilter {}

/// An ISO 4217 code.
pub struct Currency;

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        let code = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Z]{3}$"));
        code.examples(["EUR"]).into()
    }
}

impl ToSchema for Currency {}

impl Named for money::Currency {
    type Schema = Currency;
}
