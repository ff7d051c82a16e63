//! `POST /subscriptions/{id}/pause` and `POST /subscriptions/{id}/resume`. Both are one wish, so neither needs a
//! key: asked again, they answer the same.

use axum::{extract::State, response::Response};
use common::subscription::{
    Subscription,
    proration::Proration,
    state::{self, Place, Resume, When},
    store::{self, Asked},
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App,
    docs::{ChangeProblems, VersionProblems},
    error::{ApiError, Problem},
    extract::{
        IfMatch, OptionalJsonBody, PathId, Prefer,
        fields::{Faults, Fields},
        return_url,
    },
};

use super::{SubscriptionView, answered};

/// When it rests, and what of the period is given back.
#[derive(ToSchema)]
#[schema(example = json!({ "when": "now", "proration": "by_day" }))]
#[expect(dead_code, reason = "the description of what read_pause reads")]
pub struct PauseSubscription {
    /// `now` (the default) or `at_period_end`.
    #[schema(example = "now")]
    when: Option<String>,
    /// For a pause now: `by_day` (the default) gives the rest of the period back to the customer's balance, `none`
    /// gives nothing back.
    #[schema(example = "by_day")]
    proration: Option<String>,
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
    asked: Asked,
    prefer: Prefer,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, ApiError> {
    let (when, proration) = read_pause(body)?;
    let decide = |subscription: &mut Subscription, place: Place<'_>| {
        state::pause(subscription, when, proration, place)
    };
    answered(&app, store::grant(&app.pool, &asked, decide).await?, prefer).await
}

/// How it goes on.
#[derive(ToSchema)]
#[schema(example = json!({ "anchor": "new" }))]
#[expect(dead_code, reason = "the description of what read_resume reads")]
pub struct ResumeSubscription {
    /// `new` (the default): a whole period begins today, and is billed; what was paid of days to come is given back.
    /// `old`: its periods end when they always did; of the rest of this one, what was not paid is charged by day.
    #[schema(example = "new")]
    anchor: Option<String>,
    /// Where the payer comes back to, if the bank asks for an authentication of what is charged. Without it such
    /// a charge is declined.
    return_url: Option<String>,
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
    asked: Asked,
    prefer: Prefer,
    OptionalJsonBody(body): OptionalJsonBody,
) -> Result<Response, ApiError> {
    let (how, return_url) = read_resume(body)?;
    let decide = |subscription: &mut Subscription, place: Place<'_>| state::resume(subscription, how, place);
    let asked = Asked { return_url, ..asked };
    answered(&app, store::grant(&app.pool, &asked, decide).await?, prefer).await
}

fn read_pause(body: Option<Value>) -> Result<(When, Proration), ApiError> {
    let Some(body) = body else { return Ok((When::Now, Proration::ByDay)) };
    let mut faults = Faults::default();
    let read = Fields::of(body, "", &mut faults).map(|mut fields| {
        let when = fields.choice("when", &[("now", When::Now), ("at_period_end", When::AtPeriodEnd)]);
        let ways = [("by_day", Proration::ByDay), ("none", Proration::None)];
        let proration = fields.choice("proration", &ways);
        fields.finish();
        (when.unwrap_or(When::Now), proration.unwrap_or(Proration::ByDay))
    });
    faults.or(read)
}

fn read_resume(body: Option<Value>) -> Result<(Resume, Option<String>), ApiError> {
    let Some(body) = body else { return Ok((Resume::default(), None)) };
    let mut faults = Faults::default();
    let read = Fields::of(body, "", &mut faults).map(|mut fields| {
        let how = fields.choice("anchor", &[("new", Resume::NewAnchor), ("old", Resume::OldAnchor)]);
        let return_url = fields.optional("return_url", return_url);
        fields.finish();
        (how.unwrap_or_default(), return_url)
    });
    faults.or(read)
}
