//! `POST /test-clock/advance`: moves the clock of a test deployment ahead, so that a year of subscriptions is
//! lived through in seconds. It exists only where the API was started for that.

mod walk;

use std::time::Duration;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use common::{clock::Timestamp, db};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Problem},
    extract::{Body, Faults, Whole, body},
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

/// What time it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockView {
    /// Always `test_clock`.
    object: &'static str,
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
}

/// Move the clock
///
/// Of this whole deployment, for all merchants, and only ahead. It goes from one moment at which something is due
/// to the next, and waits at each until all is done, as if the time had passed: a year of a subscription is one
/// call. The same `to` again goes on where the clock stands.
#[utoipa::path(
    post, path = "/test-clock/advance", tag = "Testing", request_body = AdvanceClock,
    responses(
        (status = 200, body = ClockView, description = "What time it is now. All that has come due by then is done."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid test key."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "This is no test deployment."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "`clock-waits`: what is due is not done for half a minute (does a worker run, and the broker?); the clock stands where it has come to. `clock-moving`: another request moves it."),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Faults: all of them."),
    ),
)]
pub async fn advance(
    _here: TestDeployment,
    State(app): State<App>,
    // All keys that there are are test keys: `rmt_test_…` is the only form that is read.
    _caller: Caller,
    Body(advance): Body<AdvanceClock>,
) -> Result<Json<ClockView>, ApiError> {
    let now = db::now(&app.pool).await?;
    let to = match advance {
        Advance::By(time) => now + time,
        Advance::To(moment) => moment,
    };
    if (to - now).num_seconds() > SECONDS_MAX.into() {
        return Err(Faults::one("/to", "must be within ten years"));
    }
    let now = walk::to(&app, to).await?;
    tracing::info!(%now, "the test clock was moved");
    Ok(Json(ClockView { object: "test_clock", now }))
}
