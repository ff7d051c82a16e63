//! `PUT /update-subscription/{id}`: changes a subscription. It needs no key: asked again, it is so already, and
//! nothing is billed.

use axum::{extract::State, response::Response};
use common::{
    payment::Metadata,
    subscription::{
        proration::Proration,
        state::Update,
        store::{self, Asked, Named},
    },
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App,
    docs::{ChangeProblems, VersionProblems},
    error::{ApiError, Problem},
    extract::{
        IfMatch, JsonBody, PathId, Prefer,
        fields::{self, Faults, Fields, metadata},
        return_url,
    },
};

use super::{
    SubscriptionView, answered,
    create::{BillingMethod, method, quantity, zone},
    terms::{self, DiscountRequest, InlinePrice, TaxRequest},
};

/// What shall be different. At least one field; what is not named stays.
#[derive(ToSchema)]
#[schema(example = json!({ "plan": "plan_0193a3f1c2d87b51a9f0c4d2e8b7a601", "quantity": 5 }))]
#[expect(dead_code, reason = "the description of what read reads")]
pub struct UpdateSubscription {
    /// Another plan, in the same currency. One with another interval begins a whole period today (`by_day`), or
    /// when the present one ends.
    #[schema(example = "plan_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    plan: Option<String>,
    /// A price of its own, instead of `plan`.
    price: Option<InlinePrice>,
    /// How many.
    #[schema(example = 5, minimum = 1, maximum = 1_000_000)]
    quantity: Option<u32>,
    /// For `plan`, `price` and `quantity`. `by_day` (the default): from today on, with a credit for the days that are left
    /// of what was billed, and a charge for them at the new price; what is to be paid is charged at once, and what
    /// is left over goes to the customer's balance. `none`: from today on, and billed from the next renewal on.
    /// `at_period_end`: from the next renewal on. A change from today on takes the place of one that was put off.
    #[schema(example = "by_day")]
    proration: Option<String>,
    /// How it is paid from now on. Whatever is open is tried once, at once. The customer's default stays as it is, if
    /// there is one.
    payment_method: Option<BillingMethod>,
    /// Instead of those that it has, 10 at most; `[]` ends them. One that it has already goes on as it is, a new one
    /// begins with the next period.
    discounts: Option<Vec<DiscountRequest>>,
    /// The tax on what is billed from now on; `"none"` ends it.
    tax: Option<TaxRequest>,
    /// The IANA time zone whose midnights end its periods, from the next period on.
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
    /// What a dispute of one of its payments does to it from now on: `keep` or `cancel`.
    #[schema(example = "cancel")]
    on_dispute: Option<String>,
    /// All of them anew: up to 50 keys (40 characters) with values (500 characters) of your own.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// `true`: it ends with its period. `false`: it does not, after all.
    cancel_at_period_end: Option<bool>,
    /// Where the payer comes back to, if the bank asks for an authentication of what is charged at once. Without
    /// it such a charge is declined.
    return_url: Option<String>,
}

/// Change a subscription
///
/// All that is named, or nothing. What is so already stays: the same request again changes and bills nothing, so
/// it may be sent again whenever no answer came. `POST /subscriptions/{id}/preview` tells what it would cost.
#[utoipa::path(
    put, path = "/update-subscription/{id}", operation_id = "updateSubscription", tag = "Subscriptions", request_body = UpdateSubscription,
    params(
        PathId<common::id::SubscriptionId>,
        IfMatch,
        Prefer,
    ),
    responses(
        (status = 202, body = SubscriptionView, description = "It is so. What it costs is on an invoice, which is charged now.",
            headers(("ETag" = String))),
        (status = 409, body = Problem, description = "It has ended, its status does not allow that now, the plan is archived or in another currency: the `code` says which.",
            example = json!({ "code": "plan-archived", "detail": "The plan is archived, and no subscription takes it any more." })),
        ChangeProblems,
        VersionProblems,
    ),
)]
pub async fn update(
    State(app): State<App>,
    asked: Asked,
    prefer: Prefer,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let Wanted { named, update, return_url } = Wanted::read(body)?;
    let asked = Asked { return_url, ..asked };
    answered(&app, store::update(&app.pool, &asked, &named, update).await?, prefer).await
}

/// A body that was read.
pub struct Wanted {
    /// What is to be subscribed to, and how it is to be paid.
    pub named: Named,
    /// All but that.
    pub update: Update,
    /// Where the payer comes back to.
    pub return_url: Option<String>,
}

impl Wanted {
    /// Reads a body, and tells all of its faults at once.
    pub fn read(body: Value) -> Result<Self, ApiError> {
        let mut faults = Faults::default();
        let read = Fields::of(body, "", &mut faults).map(|mut fields| {
            let wanted = Self::read_fields(&mut fields);
            fields.finish();
            wanted
        });
        if let Some(wanted) = read.as_ref().filter(|_| faults.is_empty()) {
            wanted.check(&mut faults);
        }
        faults.or(read)
    }

    fn read_fields(fields: &mut Fields<'_>) -> Self {
        let proration = fields.optional("proration", fields::name::<Proration>);
        if proration.is_some() && !["plan", "price", "quantity"].iter().any(|name| fields.has(name)) {
            fields.fault("proration", "goes with plan, price or quantity");
        }
        let offer = terms::offer(fields);
        let named = Named { offer, method: fields.object("payment_method", method) };
        let update = Update {
            plan: None,
            quantity: fields.optional("quantity", quantity),
            proration: proration.unwrap_or_default(),
            method: None,
            discounts: terms::discounts(fields),
            tax: match fields.is("tax", "none") {
                true => Some(None),
                false => terms::tax(fields).map(Some),
            },
            zone: fields.optional("zone", zone),
            on_dispute: fields.optional("on_dispute", fields::name),
            metadata: fields.optional("metadata", metadata),
            cancel_at_period_end: fields.optional("cancel_at_period_end", fields::flag),
        };
        Self { named, update, return_url: fields.optional("return_url", return_url) }
    }

    /// What fits each by itself must fit together.
    fn check(&self, faults: &mut Faults) {
        let Named { offer, method } = &self.named;
        let Update { quantity, discounts, tax, zone, on_dispute, metadata, cancel_at_period_end, .. } =
            &self.update;
        let is_charged = offer.is_some() || quantity.is_some() || method.is_some();
        let is_billed = is_charged || discounts.is_some() || tax.is_some();
        if self.return_url.is_some() && !is_charged {
            faults.at(
                "/return_url",
                "goes with plan, price, quantity or payment_method: only these are charged",
            );
        } else if !is_billed
            && zone.is_none()
            && on_dispute.is_none()
            && metadata.is_none()
            && cancel_at_period_end.is_none()
        {
            let detail = "must name what to change: plan, price, quantity, payment_method, discounts, tax, \
                          zone, on_dispute, metadata or cancel_at_period_end";
            faults.at("", detail);
        }
    }
}
