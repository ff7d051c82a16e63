//! `POST /test-clock/advance` and `GET /test-clock`: moves the clock of a test deployment ahead, so that a year of
//! subscriptions is lived through in seconds, and tells how far it is. They exist only where the API was started for that.

mod walk;

use std::time::Duration;

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::Response,
};
use common::{
    clock::Timestamp,
    db::{self, Clock},
};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::{
    App, answer,
    auth::{Admin, Caller},
    docs::{CreateProblems, named},
    error::{ApiError, Problem},
    extract::{Body, Faults, Prefer, Whole, body},
};

/// The furthest that one request moves it: ten years.
const SECONDS_MAX: u32 = 10 * 366 * 24 * 3600;

/// A deployment whose clock can be moved. Anywhere else there is no such path.
pub struct TestDeployment;

impl FromRequestParts<App> for TestDeployment {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if app.test_clock { Ok(Self) } else { Err(ApiError::NotFound) }
    }
}

body! {
    /// How far to move the clock: one of the two.
    #[example({ "seconds": 2_678_400 })]
    pub struct AdvanceClock {
        /// By so many seconds: at most ten years at once.
        #[example = 2_678_400]
        seconds: Option<Whole<u32, 0, SECONDS_MAX>>,
        /// Up to that moment, RFC 3339. One that has passed changes nothing.
        to: Option<Timestamp>,
    }
    read(at, reader) -> Advance {
        match (seconds?, to?) {
            (Some(seconds), None) => Some(Advance::By(Duration::from_secs(seconds.into()))),
            (None, Some(moment)) => Some(Advance::To(moment)),
            _ => reader.fault(at, "must have either seconds or to"),
        }
    }
}

/// How far to move it.
pub enum Advance {
    By(Duration),
    To(Timestamp),
}

/// The clock of a test deployment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockView {
    /// Always `test_clock`.
    #[schema(example = "test_clock")]
    object: &'static str,
    /// `advancing`, `ready` (all that has come due by now is done), or `stopped`: `failure` says why.
    #[schema(value_type = named::ClockStatus)]
    status: &'static str,
    /// Ask here how far it is.
    #[schema(format = "uri", example = "https://api.example/test-clock")]
    status_url: String,
    /// What time it is.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    /// Where it is to come to, if it was ever moved.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Why it came no further.
    failure: Option<ClockFailureView>,
}

/// Why a clock came no further.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockFailureView {
    /// `clock-waits`: what is due is not done for half a minute; does a worker run, and the broker? Or
    /// `clock-interrupted`: whoever moved it is gone.
    #[schema(example = "clock-waits")]
    code: String,
    /// What to do about it.
    #[schema(example = "Whoever moved it is gone. Send {\"to\":\"2027-01-01T00:00:00Z\"} to go on.")]
    message: String,
}

/// Where to ask how far it is.
const PATH: &str = "/test-clock";

/// Move the clock
///
/// Of this whole deployment, for all merchants, and only ahead. It goes from one moment at which something is due
/// to the next, and waits at each until all is done, as if the time had passed: a year of a subscription is one
/// call. It goes on when the answer is there: ask the status URL how far it is, or send `Prefer: wait=10`. The same `to`
/// again goes on where the clock stands.
#[utoipa::path(
    post, path = "/test-clock/advance", operation_id = "advanceTestClock", tag = "Testing", request_body = AdvanceClock,
    params(Prefer),
    responses(
        (status = 202, body = ClockView, description = "It moves. `Location` names the status URL.",
            example = json!({ "status": "advancing", "failure": null })),
        (status = 404, body = Problem, description = "This is no test deployment."),
        (status = 409, body = Problem, description = "`clock-moving`: another request moves it.",
            example = json!({ "code": "clock-moving", "detail": "Another request is moving the clock: GET /test-clock tells when it has come to its end." })),
        CreateProblems,
    ),
)]
pub async fn advance(
    State(app): State<App>,
    _caller: Caller<Admin>,
    _here: TestDeployment,
    prefer: Prefer,
    Body(advance): Body<AdvanceClock>,
) -> Result<Response, ApiError> {
    let now = db::now(&app.pool).await?;
    let to = match advance {
        Advance::By(time) => now + time,
        Advance::To(moment) => moment,
    };
    if (to - now).num_seconds() > SECONDS_MAX.into() {
        return Err(Faults::one("/to", "must be within ten years"));
    }
    let walking = walk::to(&app, to).await?;
    // It goes on whether or not somebody waits.
    let _ = timeout(prefer.wait.unwrap_or_default(), walking).await;
    let view = ClockView::new(&app, db::clock(&app.pool).await?);
    Ok(answer::accepted(PATH, view.is_final(), prefer, false, &view))
}

/// Get the clock
///
/// What time it is in this test deployment, and how far it is on its way.
#[utoipa::path(
    get, path = "/test-clock", operation_id = "getTestClock", tag = "Testing",
    responses(
        (status = 200, body = ClockView, description = "As it stands.",
            example = json!({ "status": "ready", "failure": null })),
        (status = 404, body = Problem, description = "This is no test deployment."),
        CreateProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    _caller: Caller<Admin>,
    _here: TestDeployment,
) -> Result<Response, ApiError> {
    let view = ClockView::new(&app, db::clock(&app.pool).await?);
    Ok(answer::one(view.is_final(), &view))
}

impl ClockView {
    fn new(app: &App, clock: Clock) -> Self {
        let Clock { now, target, is_moving, stopped_code, stopped_why } = clock;
        let failure = match (stopped_code, stopped_why, target) {
            _ if is_moving => None,
            (Some(code), Some(message), _) => Some(ClockFailureView { code, message }),
            (_, _, Some(to)) if now < to => Some(ClockFailureView::interrupted(to)),
            _ => None,
        };
        let status = match failure {
            _ if is_moving => "advancing",
            Some(_) => "stopped",
            None => "ready",
        };
        Self { object: "test_clock", status, status_url: app.url(PATH), now, to: target, failure }
    }

    fn is_final(&self) -> bool {
        self.status != "advancing"
    }
}

impl ClockFailureView {
    /// Whoever moved it is gone, and could not say so.
    fn interrupted(to: Timestamp) -> Self {
        let to = to.to_rfc3339();
        Self {
            code: "clock-interrupted".into(),
            message: format!("Whoever moved it is gone. Send {{\"to\":\"{to}\"}} to go on."),
        }
    }
}
