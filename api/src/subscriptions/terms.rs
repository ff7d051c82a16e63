//! Reading what is agreed on: what is sold, what is taken off, and the tax.

use common::{
    invoice::{Discount, Duration, Reduction, TaxRate},
    plan::Offer,
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    extract::{
        fields::{self, Fields, text, whole},
        percent, positive_amount,
    },
    plans::create,
};

/// Discounts of one subscription, at most.
const DISCOUNTS_MAX: usize = 10;

/// Periods of a discount, at most.
const PERIODS_MAX: u32 = 1000;

/// A price for this subscription alone: it is not listed as a plan.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "Team, as agreed", "amount": "39.90", "currency": "EUR", "interval": "month" }))]
#[expect(dead_code, reason = "the description of what price reads")]
pub struct InlinePrice {
    /// For people: it is on the invoices. Up to 200 characters.
    #[schema(example = "Team, as agreed")]
    name: String,
    /// What one costs for one interval: a decimal string in major units, and not a number. May be `"0"`.
    #[schema(example = "39.90", pattern = r"^\d{1,15}(\.\d{1,4})?$")]
    amount: String,
    /// ISO 4217, upper case.
    #[schema(example = "EUR")]
    currency: String,
    /// `day`, `week`, `month` or `year`; or so many of them: `{"unit": "month", "count": 3}`. At most three years.
    #[schema(example = json!("month"))]
    interval: Value,
}

/// What is taken off the invoices of whole periods; a percentage also off charges within one. Either `percent` or
/// `amount`.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "Launch", "percent": "12.5", "duration": { "periods": 3 } }))]
#[expect(dead_code, reason = "the description of what discounts reads")]
pub struct DiscountRequest {
    /// For people: it is on the invoices. Up to 100 characters.
    #[schema(example = "Launch")]
    name: String,
    /// Above 0 and up to 100, a decimal string with up to 4 decimals: `"20"` is 20 %, and `"0.2"` a fifth of one percent.
    #[schema(example = "12.5", pattern = r"^\d{1,3}(\.\d{1,4})?$")]
    percent: Option<String>,
    /// So much off each period, in the currency of the subscription: a decimal string in major units, and not a number.
    /// What is more than there is to pay is lost.
    #[schema(example = "5.00", pattern = r"^\d{1,15}(\.\d{1,4})?$")]
    amount: Option<String>,
    /// `once`, `forever`, or `{"periods": 3}`.
    #[schema(example = json!("forever"))]
    duration: Value,
}

/// The tax on every line.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "VAT", "percent": "19", "inclusive": true }))]
#[expect(dead_code, reason = "the description of what tax reads")]
pub struct TaxRequest {
    /// For people: it is on the invoices. Up to 100 characters.
    #[schema(example = "VAT")]
    name: String,
    /// Above 0 and up to 100, a decimal string with up to 4 decimals. It is a percentage, not a share of one: `"19"` is
    /// 19 %, and `"0.19"` is 0.19 %, a hundredth of that. `POST /subscriptions/{id}/preview` shows what it comes to.
    #[schema(example = "19", pattern = r"^\d{1,3}(\.\d{1,4})?$")]
    percent: String,
    /// Whether prices contain it; without it, or `false`, it is added to them.
    inclusive: Option<bool>,
}

/// `plan`, or `price`: one of them.
pub fn offer(fields: &mut Fields<'_>) -> Option<Offer> {
    let plan = fields.optional("plan", fields::name);
    let is_priced = fields.has("price");
    let price = fields.object("price", |fields| {
        let name = fields.required("name", text(200));
        let price = create::price(fields);
        Some(Offer::Price(name?, price?))
    });
    if is_priced && plan.is_some() {
        fields.fault("price", "cannot be used together with plan");
    }
    plan.map(Offer::Plan).or(price)
}

/// `discounts`.
pub fn discounts(fields: &mut Fields<'_>) -> Option<Vec<Discount>> {
    fields.objects("discounts", DISCOUNTS_MAX, |fields| {
        let name = fields.required("name", text(100));
        let percent = fields.optional("percent", percent).map(Reduction::Percent);
        let amount = fields.optional("amount", positive_amount).map(Reduction::Amount);
        let duration = fields.required("duration", duration);
        if percent.is_some() == amount.is_some() && fields.is_well_so_far() {
            fields.fault("percent", "is required, or amount: one of them");
        }
        Some(Discount {
            name: name?,
            reduction: percent.or(amount)?,
            duration: duration?,
            from_period: 0,
            until_period: None,
        })
    })
}

/// `tax`.
pub fn tax(fields: &mut Fields<'_>) -> Option<TaxRate> {
    fields.object("tax", |fields| {
        let name = fields.required("name", text(100));
        let percent = fields.required("percent", percent);
        let inclusive = fields.optional("inclusive", fields::flag).unwrap_or(false);
        Some(TaxRate { name: name?, percent: percent?, inclusive })
    })
}

/// `"once"`, `"forever"`, or `{"periods": 3}`.
fn duration(value: Value) -> Result<Duration, String> {
    let form = || "must be \"once\", \"forever\" or such as {\"periods\": 3}".to_owned();
    match value {
        Value::String(word) if word == "once" => Ok(Duration::Once),
        Value::String(word) if word == "forever" => Ok(Duration::Forever),
        Value::Object(mut fields) if fields.len() == 1 => {
            match whole(PERIODS_MAX)(fields.remove("periods").ok_or_else(form)?)? {
                0 => Err(form()),
                periods => Ok(Duration::Periods(periods)),
            }
        }
        _ => Err(form()),
    }
}
