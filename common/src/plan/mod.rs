//! A plan: a price that subscriptions are made from. They copy it, so a plan is never changed, only archived.

mod interval;
pub mod store;

use crate::{
    clock::Timestamp,
    id::{MerchantId, PlanId},
    metadata::Metadata,
};
pub use interval::{Interval, InvalidInterval, Price, Unit};

/// A plan: what subscriptions are made from. They copy its price, so a later plan changes none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name for programs.
    pub id: PlanId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Its name for people, which is on the invoices.
    pub name: String,
    /// What it costs.
    pub price: Price,
    /// How many days a new subscription is free.
    pub trial_days: u16,
    /// No new subscription is made from it.
    pub archived: bool,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a merchant makes.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// Its name from now on.
    pub id: PlanId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// Its name for people.
    pub name: String,
    /// What it costs.
    pub price: Price,
    /// How many days a new subscription is free.
    pub trial_days: u16,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
}

/// What a merchant offers a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// A plan.
    Plan(PlanId),
    /// A price for this customer alone, and its name for people.
    Price(String, Price),
}
