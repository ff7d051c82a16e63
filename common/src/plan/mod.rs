//! A plan: a price that subscriptions are made from. They copy it, so a plan is never changed, only archived.

pub mod store;

use crate::{
    id::{MerchantId, PlanId},
    payment::Metadata,
    subscription::Price,
};

pub use crate::subscription::Plan;

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
