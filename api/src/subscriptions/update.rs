//! `PUT /update-subscription/{id}`: changes a subscription. It needs no key: asked again, it is so already, and
//! nothing is billed.

use axum::{extract::State, response::Response};
use common::{
    billing::subscriptions::{self, CommandContext, Named},
    id::PlanId,
    metadata::Metadata,
    subscription::{OnDispute, Tz, proration::Proration, state::Update},
};

use crate::{
    App,
    auth::{Caller, SubscriptionsWrite},
    docs::{ChangeProblems, VersionProblems},
    error::{ApiError, Problem},
    extract::{
        BillingMethod, Body, IfMatch, PathId, Pointer, Prefer, Reader, ReturnUrl, body, part::is_given,
    },
};

use super::{
    SubscriptionView, Target, answered,
    terms::{self, Discounts, InlinePrice, Quantity, TaxChange},
};

body! {
    /// What shall be different. At least one field; what is not named stays.
    #[example({ "plan": "plan_0193a3f1c2d87b51a9f0c4d2e8b7a601", "quantity": 5 })]
    pub struct UpdateSubscription {
        /// Another plan, in the same currency. One with another interval begins a whole period today (`by_day`), or
        /// when the present one ends.
        plan: Option<PlanId>,
        /// A price of its own, instead of `plan`.
        price: Option<InlinePrice>,
        /// How many.
        #[example = 5]
        quantity: Option<Quantity>,
        /// For `plan`, `price` and `quantity`. `by_day` (the default): from today on, with a credit for the days that
        /// are left of what was billed, and a charge for them at the new price; what is to be paid is charged at once,
        /// and what is left over goes to the customer's balance. `none`: from today on, and billed from the next
        /// renewal on. `at_period_end`: from the next renewal on. A change from today on takes the place of one that
        /// was put off.
        #[example = "by_day"]
        proration: Option<Proration>,
        /// How it is paid from now on. Whatever is open is tried once, at once. The customer's default stays as it is,
        /// if there is one.
        payment_method: Option<BillingMethod>,
        /// Instead of those that it has; `[]` ends them. One that it has already goes on as it is, a new one begins
        /// with the next period.
        discounts: Option<Discounts>,
        /// The tax on what is billed from now on; `"none"` ends it.
        tax: Option<TaxChange>,
        /// The IANA time zone whose midnights end its periods, from the next period on.
        zone: Option<Tz>,
        /// What a dispute of one of its payments does to it from now on: `keep` or `cancel`.
        #[example = "cancel"]
        on_dispute: Option<OnDispute>,
        /// All of them anew: up to 50 keys (40 characters) with values (500 characters) of your own.
        metadata: Option<Metadata>,
        /// `true`: it ends with its period. `false`: it does not, after all.
        cancel_at_period_end: Option<bool>,
        /// Where the payer comes back to, if the bank asks for an authentication of what is charged at once. Without
        /// it such a charge is declined.
        return_url: Option<ReturnUrl>,
    }
    read(at, reader) -> Wanted {
        let is_sold = is_given(plan.as_ref()) || is_given(price.as_ref()) || is_given(quantity.as_ref());
        if !is_sold && is_given(proration.as_ref()) {
            reader.fault::<()>(at.field("proration"), "goes with plan, price or quantity");
        }
        if !is_sold && !is_given(payment_method.as_ref()) && is_given(return_url.as_ref()) {
            let told = "goes with plan, price, quantity or payment_method: only these are charged";
            reader.fault::<()>(at.field("return_url"), told);
        }
        let named = Named { offer: terms::offer(plan, price, at, reader)?, method: payment_method? };
        let update = Update {
            plan: None,
            quantity: quantity?,
            proration: proration?.unwrap_or_default(),
            method: None,
            discounts: discounts?,
            tax: tax?,
            zone: zone?,
            on_dispute: on_dispute?,
            metadata: metadata?,
            cancel_at_period_end: cancel_at_period_end?,
        };
        Wanted { named, update, return_url: return_url? }.checked(at, reader)
    }
}

/// What is to be different.
pub struct Wanted {
    /// What is to be subscribed to, and how it is to be paid.
    pub named: Named,
    /// All but that.
    pub update: Update,
    /// Where the payer comes back to.
    pub return_url: Option<String>,
}

impl Wanted {
    /// Something must be.
    fn checked(self, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let Named { offer, method } = &self.named;
        let Update { quantity, discounts, tax, zone, on_dispute, metadata, cancel_at_period_end, .. } =
            &self.update;
        let is_billed =
            offer.is_some() || quantity.is_some() || method.is_some() || discounts.is_some() || tax.is_some();
        let is_kept = zone.is_some() || on_dispute.is_some() || metadata.is_some();
        // These are faults by themselves, as was told.
        let goes_with_nothing = self.return_url.is_some();
        let is_change = is_billed || is_kept || cancel_at_period_end.is_some();
        if is_change || goes_with_nothing || !reader.is_content() {
            return Some(self);
        }
        let told = "must name what to change: plan, price, quantity, payment_method, discounts, tax, zone, \
                    on_dispute, metadata or cancel_at_period_end";
        reader.fault(at, told)
    }
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
    caller: Caller<SubscriptionsWrite>,
    target: Target,
    prefer: Prefer,
    Body(Wanted { named, update, return_url }): Body<UpdateSubscription>,
) -> Result<Response, ApiError> {
    let context = CommandContext { return_url, ..target.asked_by(&caller) };
    answered(&app, caller.livemode, subscriptions::update(&app.pool, &context, &named, update).await?, prefer)
        .await
}
