//! `POST /subscriptions/{id}/pause` and `POST /subscriptions/{id}/resume`. Both are one command, so neither needs a
//! key: asked again, they answer the same.

use axum::{extract::State, response::Response};
use common::{
    billing::subscriptions::{self, CommandContext},
    subscription::{
        Subscription,
        proration::Proration,
        state::{self, ProrationContext, Resume, When},
    },
};

use crate::{
    App,
    auth::{Caller, SubscriptionsWrite},
    docs::{ChangeProblems, VersionProblems},
    error::{ApiError, Problem},
    extract::{IfMatch, OptionalBody, PathId, Prefer, ReturnUrl, body, words},
};

use super::{SubscriptionView, Target, answered};

words! {
    /// When it rests.
    PauseWhen: When, "now" => When::Now, "at_period_end" => When::AtPeriodEnd
}

words! {
    /// What is given back.
    PauseProration: Proration, "by_day" => Proration::ByDay, "none" => Proration::None
}

body! {
    /// When it rests, and what of the period is given back.
    #[example({ "when": "now", "proration": "by_day" })]
    pub struct PauseSubscription {
        /// `now` (the default) or `at_period_end`.
        #[example = "now"]
        when: Option<PauseWhen>,
        /// For a pause now: `by_day` (the default) gives the rest of the period back to the customer's balance, `none`
        /// gives nothing back.
        #[example = "by_day"]
        proration: Option<PauseProration>,
    }
}

/// Pause a subscription
///
/// It rests until it is resumed: nothing is billed. What is open is still tried.
#[utoipa::path(
    post, path = "/subscriptions/{id}/pause", operation_id = "pauseSubscription", tag = "Subscriptions", request_body = Option<PauseSubscription>,
    params(
        PathId<common::id::SubscriptionId>,
        IfMatch,
        Prefer,
    ),
    responses(
        (status = 202, body = SubscriptionView, description = "It is `paused`, or rests from the end of its period on.",
            headers(("ETag" = String))),
        (status = 409, body = Problem, description = "It is neither `active` nor `past_due`, or it ends with its period: the `code` says which.",
            example = json!({ "code": "subscription-ending", "detail": "The subscription ends with its period; withdraw the cancellation first." })),
        ChangeProblems,
        VersionProblems,
    ),
)]
pub async fn pause(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    target: Target,
    prefer: Prefer,
    OptionalBody(PauseSubscription { when, proration }): OptionalBody<PauseSubscription>,
) -> Result<Response, ApiError> {
    let context = target.asked_by(&caller);
    let (when, proration) = (when.unwrap_or(When::Now), proration.unwrap_or(Proration::ByDay));
    let decide = |subscription: &mut Subscription, context: ProrationContext<'_>| {
        state::pause(subscription, when, proration, context)
    };
    answered(&app, caller.livemode, subscriptions::execute(&app.pool, &context, decide).await?, prefer).await
}

words! {
    /// Which periods it has from then on.
    Anchor: Resume, "new" => Resume::NewAnchor, "old" => Resume::OldAnchor
}

body! {
    /// How it goes on.
    #[example({ "anchor": "new" })]
    pub struct ResumeSubscription {
        /// `new` (the default): a whole period begins today, and is billed; what was paid of days to come is given back.
        /// `old`: its periods end when they always did; of the rest of this one, what was not paid is charged by day.
        #[example = "new"]
        anchor: Option<Anchor>,
        /// Where the payer comes back to, if the bank asks for an authentication of what is charged. Without it such
        /// a charge is declined.
        return_url: Option<ReturnUrl>,
    }
}

/// Resume a subscription
///
/// It goes on, and what begins is charged; or the pause that was planned is withdrawn.
#[utoipa::path(
    post, path = "/subscriptions/{id}/resume", operation_id = "resumeSubscription", tag = "Subscriptions", request_body = Option<ResumeSubscription>,
    params(
        PathId<common::id::SubscriptionId>,
        IfMatch,
        Prefer,
    ),
    responses(
        (status = 202, body = SubscriptionView, description = "It is `active`.",
            headers(("ETag" = String))),
        (status = 409, body = Problem, description = "It does not rest, or has no payment method: the `code` says which.",
            example = json!({ "code": "payment-method-missing", "detail": "The subscription has no payment method; add one first." })),
        ChangeProblems,
        VersionProblems,
    ),
)]
pub async fn resume(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    target: Target,
    prefer: Prefer,
    OptionalBody(ResumeSubscription { anchor, return_url }): OptionalBody<ResumeSubscription>,
) -> Result<Response, ApiError> {
    let how = anchor.unwrap_or_default();
    let decide = |subscription: &mut Subscription, context: ProrationContext<'_>| {
        state::resume(subscription, how, context)
    };
    let context = CommandContext { return_url, ..target.asked_by(&caller) };
    answered(&app, caller.livemode, subscriptions::execute(&app.pool, &context, decide).await?, prefer).await
}
