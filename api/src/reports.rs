//! `GET /reports/subscriptions`: the figures of a merchant's subscriptions, in each of its currencies.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use common::{
    clock::Timestamp,
    db,
    invoice::rounding::TooLarge,
    money::Currency,
    subscription::{
        figures::{Churn, Ratio, Recovery, Recurring, Revenue},
        store::figures,
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::{Caller, ReportsRead},
    docs::{ListProblems, named},
    error::{ApiError, Problem},
    extract::{QueryFields, moment},
};

/// Decimals of a share: 0.0250 is two and a half per cent.
const SHARE_DECIMALS: u32 = 4;

/// The figures of subscriptions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionReport {
    /// Always `subscription_report`.
    #[schema(example = "subscription_report")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Currencies are never added up.
    currencies: Vec<Figures>,
}

/// The figures in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct Figures {
    /// ISO 4217.
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    /// What they bring in a month (MRR): of subscriptions that are `active` or `past_due`, without tax and
    /// without discounts that end.
    #[schema(example = "12500.00")]
    monthly_revenue: String,
    /// How many customers bring it.
    #[schema(example = 150)]
    customers: u64,
    /// Revenue per customer (ARPU); `null` without any.
    #[schema(example = "83.33")]
    monthly_revenue_per_customer: Option<String>,
    /// What was lost since `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    churn: Option<ChurnView>,
    /// What retries have brought back since `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    recovery: Option<RecoveryView>,
}

/// What was lost between two moments.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChurnView {
    /// Customers who brought revenue at the start.
    #[schema(example = 160)]
    customers_at_start: u64,
    /// Those of them who bring none at the end.
    #[schema(example = 4)]
    customers_lost: u64,
    /// Their share; `null` without any.
    #[schema(example = "0.0250")]
    of_customers: Option<String>,
    #[schema(example = "12800.00")]
    monthly_revenue_at_start: String,
    /// What those who were there at the start bring less at the end. What others bring more does not make up
    /// for it.
    #[schema(example = "640.00")]
    monthly_revenue_lost: String,
    /// Its share; `null` without any.
    #[schema(example = "0.0500")]
    of_monthly_revenue: Option<String>,
}

/// What retries have brought back.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryView {
    /// Invoices that were first declined in that time, but for those that are void.
    #[schema(example = 8)]
    declined: u64,
    /// Those of them that were paid before their retries had come to an end.
    #[schema(example = 6)]
    recovered: u64,
    /// Their share; `null` without any.
    #[schema(example = "0.7500")]
    rate: Option<String>,
}

/// Report on subscriptions
///
/// Revenue at a moment, now by default; with `from`, what was lost and brought back between the two. How a
/// subscription stood at an earlier moment is known from its events: its status, its plan and its quantity;
/// discounts and tax are taken as they stand today.
#[utoipa::path(
    get, path = "/reports/subscriptions", operation_id = "reportOnSubscriptions", tag = "Reports",
    params(
        ("at" = Option<String>, Query, format = DateTime, description = "The moment, RFC 3339; now by default, which is also the latest."),
        ("from" = Option<String>, Query, format = DateTime, description = "Where churn and recovery begin: before `at`."),
    ),
    responses(
        (status = 200, body = SubscriptionReport, description = "One entry for each currency, by its code."),
        (status = 409, body = Problem, description = "A sum has more digits than we count with.",
            example = json!({ "code": "amount-too-large", "detail": "The amount is too large." })),
        ListProblems,
    ),
)]
pub async fn subscriptions(
    State(app): State<App>,
    caller: Caller<ReportsRead>,
    query: QueryFields,
) -> Result<Json<SubscriptionReport>, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let now = db::now(&mut *db).await?;
    let (from, at) = read(query, now)?;
    let ends = figures::recurring(&mut *db, caller.merchant, at).await?;
    let (starts, recovered) = match from {
        Some(from) => (
            figures::recurring(&mut *db, caller.merchant, from).await?,
            figures::recovery(&mut *db, caller.merchant, from, at).await?,
        ),
        None => (Vec::new(), Vec::new()),
    };
    let all = ends.iter().chain(&starts).map(|recurring| recurring.price.unit.currency);
    let all = all.chain(recovered.iter().map(|(currency, _)| *currency));
    let all: BTreeMap<&str, Currency> = all.map(|currency| (currency.code(), currency)).collect();
    let recovered: BTreeMap<&str, Recovery> =
        recovered.into_iter().map(|(currency, recovery)| (currency.code(), recovery)).collect();
    let figures = |(code, currency): (&&str, &Currency)| {
        let recovery = from.map(|_| recovered.get(code).copied().unwrap_or_default());
        Figures::new(*currency, &ends, from.map(|_| &starts[..]), recovery)
    };
    let currencies = all.iter().map(figures).collect::<Result<_, TooLarge>>();
    let currencies = currencies.map_err(|error| ApiError::refused("amount-too-large", &error))?;
    Ok(Json(SubscriptionReport {
        object: "subscription_report",
        livemode: caller.livemode,
        from,
        at,
        currencies,
    }))
}

fn read(mut query: QueryFields, now: Timestamp) -> Result<(Option<Timestamp>, Timestamp), ApiError> {
    let moment = |text: &str| {
        let moment = moment(text)?;
        if moment <= now { Ok(moment) } else { Err("must not be in the future".into()) }
    };
    let (at, from) = (query.optional("at", moment).unwrap_or(now), query.optional("from", moment));
    if from.is_some_and(|from| from >= at) {
        query.fault("from", "must be before at");
    }
    query.finish().map(|_| (from, at))
}

impl Figures {
    fn new(
        currency: Currency,
        ends: &[Recurring],
        starts: Option<&[Recurring]>,
        recovery: Option<Recovery>,
    ) -> Result<Self, TooLarge> {
        let end = Revenue::of(currency, ends.iter().cloned())?;
        let churn = match starts {
            Some(starts) => Some(Revenue::of(currency, starts.iter().cloned())?.churn(&end)?),
            None => None,
        };
        let decimals = currency.exponent();
        Ok(Self {
            currency: currency.code(),
            monthly_revenue: shown(end.total()?, decimals)?,
            customers: end.customers(),
            monthly_revenue_per_customer: end
                .per_customer()?
                .map(|ratio| shown(ratio, decimals))
                .transpose()?,
            churn: churn.map(|churn| ChurnView::new(churn, decimals)).transpose()?,
            recovery: recovery.map(RecoveryView::new).transpose()?,
        })
    }
}

impl ChurnView {
    fn new(churn: Churn, decimals: u32) -> Result<Self, TooLarge> {
        Ok(Self {
            customers_at_start: churn.customers_at_start,
            customers_lost: churn.customers_lost,
            of_customers: share(churn.of_customers()?)?,
            monthly_revenue_at_start: shown(churn.revenue_at_start, decimals)?,
            monthly_revenue_lost: shown(churn.revenue_lost, decimals)?,
            of_monthly_revenue: share(churn.of_revenue()?)?,
        })
    }
}

impl RecoveryView {
    fn new(recovery: Recovery) -> Result<Self, TooLarge> {
        let Recovery { failed, recovered } = recovery;
        Ok(Self { declined: failed, recovered, rate: share(recovery.rate()?)? })
    }
}

fn share(ratio: Option<Ratio>) -> Result<Option<String>, TooLarge> {
    ratio.map(|ratio| shown(ratio, SHARE_DECIMALS)).transpose()
}

fn shown(ratio: Ratio, decimals: u32) -> Result<String, TooLarge> {
    let places = usize::try_from(decimals).unwrap_or(2);
    Ok(format!("{:.places$}", ratio.rounded(decimals)?))
}
