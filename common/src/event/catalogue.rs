//! Everything that merchants are told of: the types of events, each with what it means. The description of the API
//! lists them, and an endpoint chooses among them. A name is never changed, and never means something else.

use uuid::Uuid;

use crate::{
    id::{
        CustomerId, DisputeId, InvoiceId, PaymentId, PaymentMethodId, RefundId, SubscriptionId,
        WebhookEndpointId,
    },
    name::names,
};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    /// Money that is taken.
    Payment,
    /// Money that is given back.
    Refund,
    /// A payer's bank takes money back.
    Dispute,
    /// Who pays.
    Customer,
    /// How.
    PaymentMethod,
    /// What is billed again and again.
    Subscription,
    /// What is billed once.
    Invoice,
    /// Where you are told of events.
    WebhookEndpoint,
}

names!(
    Object,
    Payment => "payment", Refund => "refund", Dispute => "dispute", Customer => "customer",
    PaymentMethod => "payment_method", Subscription => "subscription", Invoice => "invoice",
    WebhookEndpoint => "webhook_endpoint",
);

impl Object {
    /// The id that people know it by.
    #[must_use]
    pub fn id(self, id: Uuid) -> String {
        match self {
            Self::Payment => PaymentId(id).to_string(),
            Self::Refund => RefundId(id).to_string(),
            Self::Dispute => DisputeId(id).to_string(),
            Self::Customer => CustomerId(id).to_string(),
            Self::PaymentMethod => PaymentMethodId(id).to_string(),
            Self::Subscription => SubscriptionId(id).to_string(),
            Self::Invoice => InvoiceId(id).to_string(),
            Self::WebhookEndpoint => WebhookEndpointId(id).to_string(),
        }
    }
}

/// Gives each type its name, what it is about, and what it means.
macro_rules! catalogue {
    ($($type:ident => $name:literal, $object:expr, $meaning:literal;)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType {
            $(#[doc = $meaning] $type,)+
        }

        names!(EventType, $($type => $name),+);

        impl EventType {
            /// What it is about.
            #[must_use]
            pub const fn object(self) -> Object {
                match self { $(Self::$type => $object),+ }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$type => $meaning),+ }
            }
        }
    };
}

catalogue! {
    PaymentPending => "payment.pending", Object::Payment, "It was accepted, and will be charged.";
    PaymentProcessing => "payment.processing", Object::Payment, "Its gateway has it, and takes its time: a bank debit, say.";
    PaymentRequiresAction => "payment.requires_action", Object::Payment, "Its payer must do something, at `next_action.url` of the payment.";
    PaymentAuthorized => "payment.authorized", Object::Payment, "Its amount is reserved, and can be captured.";
    PaymentSucceeded => "payment.succeeded", Object::Payment, "The money was taken.";
    PaymentFailed => "payment.failed", Object::Payment, "It was not charged, and nothing was taken: `failure` says why.";
    PaymentCanceled => "payment.canceled", Object::Payment, "It was called off, and nothing was taken.";
    PaymentNeedsReview => "payment.needs_review", Object::Payment, "What became of it could not be found out: a person is looking.";
    PaymentDuplicated => "payment.duplicated", Object::Payment, "Money was moved a second time beside it, and a person will give it back.";
    RefundPending => "refund.pending", Object::Refund, "It was accepted, and will be made.";
    RefundProcessing => "refund.processing", Object::Refund, "Its gateway has it, and takes its time.";
    RefundSucceeded => "refund.succeeded", Object::Refund, "The money is on its way back to the payer.";
    RefundFailed => "refund.failed", Object::Refund, "It was not given back, or came back: `failure` says why.";
    RefundNeedsReview => "refund.needs_review", Object::Refund, "What became of it could not be found out: a person is looking.";
    RefundDuplicated => "refund.duplicated", Object::Refund, "It was given back a second time, and a person is looking.";
    DisputeCreated => "dispute.created", Object::Dispute, "The payer's bank asks for the money back.";
    DisputeUpdated => "dispute.updated", Object::Dispute, "Something has changed while it is open: its amount, or who has the money.";
    DisputeWon => "dispute.won", Object::Dispute, "The money stays with you.";
    DisputeLost => "dispute.lost", Object::Dispute, "The money has gone back.";
    CustomerBalanceLowered => "customer.balance_lowered", Object::Customer, "Something was taken from the balance: `why` says what for.";
    CustomerBalanceRaised => "customer.balance_raised", Object::Customer, "Something was put into the balance: `why` says what for.";
    PaymentMethodAdded => "payment_method.added", Object::PaymentMethod, "The customer has a new one.";
    PaymentMethodMadeDefault => "payment_method.made_default", Object::PaymentMethod, "What bills the customer is paid by it, where nothing else is said.";
    PaymentMethodDeclined => "payment_method.declined", Object::PaymentMethod, "It was declined for good: it is asked no more.";
    PaymentMethodDeleted => "payment_method.deleted", Object::PaymentMethod, "The customer has it no more.";
    SubscriptionIncomplete => "subscription.incomplete", Object::Subscription, "It was made, and its first payment is to come.";
    SubscriptionIncompleteExpired => "subscription.incomplete_expired", Object::Subscription, "Its first payment did not come in time: it is over.";
    SubscriptionTrialing => "subscription.trialing", Object::Subscription, "Its trial has begun.";
    SubscriptionActive => "subscription.active", Object::Subscription, "It is paid, and goes on.";
    SubscriptionPastDue => "subscription.past_due", Object::Subscription, "A payment was declined, and is tried again.";
    SubscriptionUnpaid => "subscription.unpaid", Object::Subscription, "A payment was declined, and is tried no more.";
    SubscriptionPaused => "subscription.paused", Object::Subscription, "It bills nothing until it is resumed.";
    SubscriptionCanceled => "subscription.canceled", Object::Subscription, "It is over.";
    SubscriptionRenewed => "subscription.renewed", Object::Subscription, "Its next period has begun.";
    SubscriptionUpdated => "subscription.updated", Object::Subscription, "Its terms have changed.";
    InvoiceDraft => "invoice.draft", Object::Invoice, "It is being written.";
    InvoiceOpen => "invoice.open", Object::Invoice, "It is to be paid.";
    InvoicePaid => "invoice.paid", Object::Invoice, "It is paid.";
    InvoiceVoid => "invoice.void", Object::Invoice, "It was taken back, as if it had never been.";
    InvoiceUncollectible => "invoice.uncollectible", Object::Invoice, "It was given up.";
    WebhookEndpointCreated => "webhook_endpoint.created", Object::WebhookEndpoint, "There is a new one. Of an endpoint the others are told.";
    WebhookEndpointUpdated => "webhook_endpoint.updated", Object::WebhookEndpoint, "It has changed, or has a new secret.";
    WebhookEndpointDisabled => "webhook_endpoint.disabled", Object::WebhookEndpoint, "It is told nothing any more: `disabled_reason` says why.";
    WebhookEndpointEnabled => "webhook_endpoint.enabled", Object::WebhookEndpoint, "It is told of events again.";
    WebhookEndpointDeleted => "webhook_endpoint.deleted", Object::WebhookEndpoint, "It is no more.";
    WebhookEndpointPing => "webhook_endpoint.ping", Object::WebhookEndpoint, "You have asked whether it hears us: it alone is told.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_begins_with_what_it_is_about() {
        for r#type in EventType::ALL {
            let (object, _) = r#type.as_str().split_once('.').unwrap();
            assert_eq!(object, r#type.object().as_str());
            assert_eq!(r#type.as_str().parse(), Ok(r#type));
        }
    }
}
