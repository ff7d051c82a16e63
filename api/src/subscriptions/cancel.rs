//! `DELETE /cancel-subscription/{id}`: ends a subscription, at once or with its period. It is one command, so it
//! needs no key: asked again, it answers the same.

use axum::{extract::State, response::Response};
use common::{
    billing::subscriptions,
    subscription::{proration::Proration, state::When},
};

use crate::{
    App,
    auth::{Caller, SubscriptionsWrite},
    docs::{ChangeProblems, VersionProblems, named},
    error::{ApiError, Problem},
    extract::{Elsewhere, IfMatch, NoBody, PathId, Prefer, QueryFields},
};

use super::{SubscriptionView, Target, answered};

/// How it ends is said in the query.
pub struct InQuery;

impl Elsewhere for InQuery {
    const PLACES: &'static [(&'static str, &'static str)] = &[
        ("at_period_end", "send it as a query parameter, ?at_period_end=true"),
        ("proration", "send it as a query parameter, ?proration=by_day"),
    ];
}

/// Cancel a subscription
///
/// At once, and nothing is given back unless that is asked for; or with `at_period_end=true`: then it stays
/// until its period has ended, and is not renewed. What does not renew has no period's end to wait for, and
/// ends at once. A cancellation of what is canceled changes nothing.
#[utoipa::path(
    delete, path = "/cancel-subscription/{id}", operation_id = "cancelSubscription", tag = "Subscriptions",
    params(
        PathId<common::id::SubscriptionId>,
        ("at_period_end" = Option<bool>, Query, description = "It ends with its period; `false` by default."),
        ("proration" = inline(Option<named::CancelProration>), Query, description = "When it ends at once: `none` (the default), or `by_day`, which gives the rest of the period back to the customer's balance."),
        IfMatch,
        Prefer,
    ),
    responses(
        (status = 202, body = SubscriptionView, description = "It is canceled, or ends with its period.",
            headers(("ETag" = String))),
        (status = 409, body = Problem, description = "Its first invoice was not paid in time: it has ended already.",
            example = json!({ "code": "subscription-ended", "detail": "The subscription is incomplete_expired; it has ended, and a new one is needed." })),
        ChangeProblems,
        VersionProblems,
    ),
)]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    target: Target,
    prefer: Prefer,
    query: QueryFields,
    _: NoBody<InQuery>,
) -> Result<Response, ApiError> {
    let context = target.asked_by(&caller);
    let (when, proration) = read(query)?;
    answered(
        &app,
        caller.livemode,
        subscriptions::cancel(&app.pool, &context, when, proration).await?,
        prefer,
    )
    .await
}

fn read(mut query: QueryFields) -> Result<(When, Proration), ApiError> {
    let at_period_end = query.flag("at_period_end").unwrap_or(false);
    let proration = query.optional("proration", |text| match text.parse() {
        Ok(proration @ (Proration::None | Proration::ByDay)) => Ok(proration),
        _ => Err("must be none or by_day".into()),
    });
    query.finish()?;
    Ok((if at_period_end { When::AtPeriodEnd } else { When::Now }, proration.unwrap_or(Proration::None)))
}
