//! What Stripe's answers look like, as far as they are read: [`super::response`] says what they mean. Every field is
//! optional.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::gateway::Card;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorEnvelope {
    pub error: Option<ErrorBody>,
}

/// What Stripe says of an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub advice_code: Option<String>,
    pub message: Option<String>,
    pub param: Option<String>,
    pub payment_intent: Option<Box<PaymentIntent>>,
}

/// A field that holds an id, or the object where the request asked for it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    Id(String),
    Object(T),
}

/// One page of a list. What has no `data` is no list: it must not pass for one without members.
#[derive(Debug, Deserialize)]
pub struct List {
    pub data: Vec<Value>,
    pub has_more: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PaymentIntent {
    pub id: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
    pub status: Option<String>,
    pub currency: Option<String>,
    pub amount_received: Option<i64>,
    pub amount_capturable: Option<i64>,
    pub latest_charge: Option<Expandable<ChargeBody>>,
    pub next_action: Option<NextAction>,
    pub last_payment_error: Option<ErrorBody>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChargeBody {
    pub id: Option<String>,
    pub payment_method_details: Option<MethodDetails>,
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MethodDetails {
    pub card: Option<Card>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NextAction {
    pub redirect_to_url: Option<Redirect>,
    pub use_stripe_sdk: Option<UseSdk>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Redirect {
    pub url: Option<String>,
}

/// Where the caller gave no page to come back to, Stripe's script would follow this one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UseSdk {
    pub stripe_js: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BalanceTransaction {
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub fee: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refund {
    pub id: Option<String>,
    pub status: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub failure_reason: Option<String>,
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    pub charge: Option<Value>,
    pub created: Option<i64>,
    pub metadata: Option<HashMap<String, String>>,
    pub payment_intent: Option<Expandable<Box<PaymentIntent>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DisputeBody {
    pub id: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub reason: Option<String>,
    pub status: Option<String>,
    pub payment_intent: Option<Expandable<PaymentIntent>>,
    pub balance_transactions: Option<Vec<BalanceTransaction>>,
}

/// What the answer to saving shows: the customer who was made for the method, or the method.
#[derive(Debug, Deserialize)]
#[serde(tag = "object", rename_all = "snake_case")]
pub enum SavedBody {
    Customer(Customer),
    PaymentMethod(PaymentMethod),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Customer {
    pub id: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
    pub invoice_settings: Option<InvoiceSettings>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct InvoiceSettings {
    pub default_payment_method: Option<Expandable<Box<PaymentMethod>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PaymentMethod {
    pub id: Option<String>,
    pub customer: Option<Expandable<Box<Customer>>>,
    pub card: Option<Card>,
}
