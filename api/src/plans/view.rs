//! A plan as its merchant sees it.

use common::{
    clock::Timestamp,
    metadata::Metadata,
    plan::{Interval, Plan},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::docs::named;

/// A plan: a price that subscriptions are made from.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanView {
    #[schema(value_type = named::PlanId)]
    id: String,
    /// Always `plan`.
    #[schema(example = "plan")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    /// On the invoices.
    #[schema(example = "Team")]
    name: String,
    /// What one costs for one interval: a decimal, in major units.
    #[schema(example = "49.90")]
    amount: String,
    /// ISO 4217.
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    interval: IntervalView,
    /// How many days of a new subscription are free.
    #[schema(example = 14)]
    trial_days: u16,
    /// No new subscription is made from it; those that exist go on.
    archived: bool,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: Metadata,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// How often it is billed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "unit": "month" }))]
pub struct IntervalView {
    #[schema(value_type = named::IntervalUnit)]
    unit: &'static str,
    /// How many of them.
    #[schema(example = 1, minimum = 1)]
    count: u16,
}

impl IntervalView {
    /// An interval, as merchants see it.
    pub fn new(interval: Interval) -> Self {
        Self { unit: interval.unit().as_str(), count: interval.count() }
    }
}

impl PlanView {
    /// A plan, as its merchant sees it.
    pub fn new(livemode: bool, plan: Plan) -> Self {
        Self {
            id: plan.id.to_string(),
            object: "plan",
            livemode,
            name: plan.name,
            amount: plan.price.unit.display_amount(),
            currency: plan.price.unit.currency.code(),
            interval: IntervalView::new(plan.price.interval),
            trial_days: plan.trial_days,
            archived: plan.archived,
            metadata: plan.metadata,
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        }
    }
}
