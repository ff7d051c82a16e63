//! What PayPal's answers look like, as far as they are read: [`super::response`] and [`super::refusal`] say what they
//! mean. Every field is optional.

use serde::Deserialize;
use serde_json::Value;

use super::amount::Amount;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    pub name: Option<String>,
    pub message: Option<String>,
    pub details: Option<Vec<ErrorDetail>>,
    pub links: Option<Vec<Link>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorDetail {
    pub issue: Option<String>,
    pub description: Option<String>,
    pub field: Option<String>,
}

/// A link, as all objects of PayPal's have them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Link {
    pub href: Option<String>,
    pub rel: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Order {
    pub id: Option<String>,
    pub status: Option<String>,
    pub purchase_units: Option<Vec<Unit>>,
    pub links: Option<Vec<Link>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Unit {
    pub custom_id: Option<String>,
    pub payments: Option<Payments>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Payments {
    pub authorizations: Option<Vec<Payment>>,
    pub captures: Option<Vec<Payment>>,
    pub refunds: Option<Vec<Refund>>,
}

/// A capture or an authorization: money taken, or reserved.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Payment {
    pub id: Option<String>,
    pub status: Option<String>,
    pub amount: Option<Amount>,
    pub custom_id: Option<String>,
    pub invoice_id: Option<String>,
    pub seller_receivable_breakdown: Option<Breakdown>,
    pub supplementary_data: Option<Supplement>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Breakdown {
    pub paypal_fee: Option<Amount>,
}

/// What PayPal adds to an object for whoever meets it alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Supplement {
    pub related_ids: Option<RelatedIds>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RelatedIds {
    pub order_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refund {
    pub id: Option<String>,
    pub status: Option<String>,
    pub amount: Option<Amount>,
    pub custom_id: Option<String>,
    pub invoice_id: Option<String>,
    pub seller_payable_breakdown: Option<Breakdown>,
    pub create_time: Option<String>,
    pub links: Option<Vec<Link>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DisputeList {
    pub items: Option<Vec<DisputeBody>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DisputeBody {
    pub dispute_id: Option<String>,
    pub reason: Option<String>,
    pub status: Option<String>,
    pub dispute_amount: Option<Amount>,
    pub dispute_outcome: Option<DisputeOutcome>,
    pub dispute_life_cycle_stage: Option<String>,
    pub disputed_transactions: Option<Vec<Disputed>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DisputeOutcome {
    pub outcome_code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Disputed {
    pub custom: Option<String>,
    pub invoice_number: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReportBody {
    pub transaction_details: Option<Vec<Value>>,
    pub total_pages: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReportDetail {
    pub transaction_info: Option<Transaction>,
}

/// One transaction: a movement of money, or an attempt at one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Transaction {
    pub transaction_id: Option<String>,
    pub paypal_reference_id: Option<String>,
    pub transaction_event_code: Option<String>,
    pub transaction_status: Option<String>,
    pub transaction_amount: Option<Amount>,
    pub fee_amount: Option<Amount>,
    pub invoice_id: Option<String>,
    pub custom_field: Option<String>,
}
