//! `POST /plans`: makes a plan.

use axum::{extract::State, response::Response};
use common::{
    id::{MerchantId, PlanId},
    money::Money,
    payment::Metadata,
    plan::{NewPlan, store},
    subscription::{Interval, Price, Unit},
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App, answer,
    auth::Caller,
    docs::CreateProblems,
    error::ApiError,
    extract::{
        JsonBody, amount, currency,
        fields::{self, Faults, Fields, metadata, text, whole},
    },
};

use super::PlanView;

/// The longest trial: two years.
const TRIAL_DAYS_MAX: u16 = 730;

/// A plan to be made.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "Team",
    "amount": "49.90",
    "currency": "EUR",
    "interval": "month",
    "trial_days": 14
}))]
#[expect(dead_code, reason = "the description of what read reads")]
pub struct CreatePlan {
    /// For people: it is on the invoices. Up to 200 characters.
    #[schema(example = "Team")]
    name: String,
    /// What one costs for one interval: a decimal string in major units, and not a number. May be `"0"`.
    #[schema(example = "49.90", pattern = r"^\d{1,15}(\.\d{1,4})?$")]
    amount: String,
    /// ISO 4217, upper case.
    #[schema(example = "EUR")]
    currency: String,
    /// `day`, `week`, `month` or `year`; or so many of them: `{"unit": "month", "count": 3}`. At most three years.
    #[schema(value_type = Value, example = json!({ "unit": "month", "count": 1 }))]
    interval: Interval,
    /// How many days of a new subscription are free: 0 by default, 730 at most.
    #[schema(example = 14, maximum = 730)]
    trial_days: Option<u16>,
    /// Up to 50 keys (40 characters) with values (500 characters) of your own.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
}

/// Make a plan
///
/// A price that subscriptions are made from. They copy it, so a plan is never changed: archive it, and make
/// another.
#[utoipa::path(
    post, path = "/plans", operation_id = "createPlan", tag = "Plans", request_body = CreatePlan,
    responses(
        (status = 201, body = PlanView, description = "It is there."),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    Caller(merchant): Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let plan = store::create(&app.pool, &read(merchant.id, body)?).await?;
    let path = format!("/plans/{}", plan.id);
    Ok(answer::created(&path, &PlanView::new(plan)))
}

/// Reads a body, and tells all of its faults at once.
fn read(merchant_id: MerchantId, body: Value) -> Result<NewPlan, ApiError> {
    let mut faults = Faults::default();
    let read = Fields::of(body, "", &mut faults).and_then(|mut fields| {
        let name = fields.required("name", text(200));
        let price = price(&mut fields);
        let trial_days = fields.optional("trial_days", trial_days);
        let metadata = fields.optional("metadata", metadata).unwrap_or_default();
        fields.finish();
        let (id, trial_days) = (PlanId::new(), trial_days.unwrap_or(0));
        Some(NewPlan { id, merchant_id, name: name?, price: price?, trial_days, metadata })
    });
    faults.or(read)
}

/// `amount`, `currency` and `interval`.
pub fn price(fields: &mut Fields<'_>) -> Option<Price> {
    let amount = fields.required("amount", amount);
    let currency = fields.required("currency", currency);
    let interval = fields.required("interval", interval);
    let unit = Money::new(amount?, currency?).map_err(|error| fields.fault("amount", error.to_string()));
    Some(Price { unit: unit.ok()?, interval: interval? })
}

/// `"month"`, or `{"unit": "month", "count": 3}`.
fn interval(value: Value) -> Result<Interval, String> {
    let form = || "must be such as \"month\" or {\"unit\": \"month\", \"count\": 3}".to_owned();
    let (unit, count) = match value {
        Value::String(_) => (value, 1),
        Value::Object(mut fields) => {
            let unit = fields.remove("unit").ok_or_else(form)?;
            let count = fields.remove("count").map_or(Ok(1), whole(u16::MAX.into()))?;
            if !fields.is_empty() {
                return Err(form());
            }
            (unit, count)
        }
        _ => return Err(form()),
    };
    let unit = fields::name::<Unit>(unit)?;
    let count = u16::try_from(count).map_err(|error| error.to_string())?;
    Interval::every(count, unit).map_err(|error| error.to_string())
}

/// How many days are free.
pub fn trial_days(value: Value) -> Result<u16, String> {
    let days = whole(TRIAL_DAYS_MAX.into())(value)?;
    u16::try_from(days).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn intervals_are_said_in_two_ways() {
        for (value, unit, count) in [
            (json!("month"), Unit::Month, 1),
            (json!({ "unit": "week" }), Unit::Week, 1),
            (json!({ "unit": "month", "count": 3 }), Unit::Month, 3),
        ] {
            assert_eq!(interval(value), Ok(Interval::every(count, unit).unwrap()));
        }
        for value in [
            json!("fortnight"),
            json!(1),
            json!({}),
            json!({ "unit": "month", "count": 0 }),
            json!({ "unit": "year", "count": 4 }),
            json!({ "unit": "month", "count": 1.5 }),
            json!({ "unit": "month", "size": 1 }),
        ] {
            assert!(interval(value.clone()).is_err(), "{value}");
        }
    }
}
