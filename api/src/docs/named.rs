//! What bodies are made of, named once in the description: ids with their patterns, and closed sets with their
//! members. Both are those that the code reads and writes, so neither can differ from it.

use common::{gateway, id, invoice, payment, plan, refund, subscription};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// An id that the description has a name for.
pub trait Described {
    /// A reference to its schema.
    fn reference() -> Ref;
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

        impl Described for id::$name {
            fn reference() -> Ref {
                Ref::from_schema_name($name::name())
            }
        }
    )+};
}

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident: $set:ty),+ $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of(<$set>::ALL.iter().map(|one| one.as_str()))
            }
        }

        impl ToSchema for $name {}
    )+};
}

fn one_of(names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
}

ids!(PaymentId, RefundId, DisputeId, CustomerId, PaymentMethodId, PlanId, SubscriptionId, InvoiceId,);

sets!(
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
    DisputeStatus: gateway::Standing,
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
);

/// Of which statuses subscriptions are listed: one, or all.
pub struct SubscriptionFilter;

impl PartialSchema for SubscriptionFilter {
    fn schema() -> RefOr<Schema> {
        one_of(subscription::Status::ALL.iter().map(|one| one.as_str()).chain(["all"]))
    }
}

impl ToSchema for SubscriptionFilter {}

/// What an invoice is made for: a period, or a change within it.
pub struct Occasion;

impl PartialSchema for Occasion {
    fn schema() -> RefOr<Schema> {
        one_of(["period", "change"].into_iter())
    }
}

impl ToSchema for Occasion {}

/// What is given back when a subscription ends at once.
pub struct CancelProration;

impl PartialSchema for CancelProration {
    fn schema() -> RefOr<Schema> {
        one_of(["none", "by_day"].into_iter())
    }
}

impl ToSchema for CancelProration {}

/// How far the clock of a test deployment is.
pub struct ClockStatus;

impl PartialSchema for ClockStatus {
    fn schema() -> RefOr<Schema> {
        one_of(["advancing", "ready", "stopped"].into_iter())
    }
}

impl ToSchema for ClockStatus {}

/// An ISO 4217 code.
pub struct Currency;

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        let code = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Z]{3}$"));
        code.examples(["EUR"]).into()
    }
}

impl ToSchema for Currency {}
