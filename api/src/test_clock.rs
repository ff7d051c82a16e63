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
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    docs::CreateProblems,
    error::{ApiError, Problem},
    extract::{
        JsonBody,
        fields::{self, Faults, Fields, whole},
    },
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

/// How far to move the clock: one of the two.
#[derive(ToSchema)]
#[schema(example = json!({ "seconds": 2_678_400 }))]
#[expect(dead_code, reason = "the description of what read reads")]
pub struct AdvanceClock {
    /// By so many seconds: at most ten years at once.
    #[schema(example = 2_678_400, minimum = 0, maximum = 316_224_000)]
    seconds: Option<u32>,
    /// Up to that moment, RFC 3339. One that has passed changes nothing.
    #[schema(format = DateTime, example = "2027-01-01T00:00:00Z")]
    to: Option<String>,
}

/// What time it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockView {
    /// Always `test_clock`.
    #[schema(example = "test_clock")]
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
    post, path = "/test-clock/advance", operation_id = "advanceTestClock", tag = "Testing", request_body = AdvanceClock,
    responses(
        (status = 200, body = ClockView, description = "What time it is now. All that has come due by then is done."),
        (status = 404, body = Problem, description = "This is no test deployment."),
        (status = 409, body = Problem, description = "`clock-waits`: what is due is not done for half a minute (does a worker run, and the broker?); the clock stands where it has come to. `clock-moving`: another request moves it.",
            example = json!({ "code": "clock-moving", "detail": "Another request moves the clock." })),
        CreateProblems,
    ),
)]
pub async fn advance(
    _here: TestDeployment,
    State(app): State<App>,
    // All keys that there are are test keys: `rmt_test_…` is the only form that is read.
    _caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Json<ClockView>, ApiError> {
    let advance = read(body)?;
    let now = db::now(&app.pool).await?;
    let to = match advance {
        Advance::By(time) => now + time,
        Advance::To(moment) => moment,
    };
    if (to - now).num_seconds() > SECONDS_MAX.into() {
        let mut faults = Faults::default();
        faults.at("/to", "must be within ten years");
        return Err(faults.into());
    }
    let now = walk::to(&app, to).await?;
    tracing::info!(%now, "the test clock was moved");
    Ok(Json(ClockView { object: "test_clock", now }))
}

/// How far to move it.
enum Advance {
    By(Duration),
    To(Timestamp),
}

fn read(body: Value) -> Result<Advance, ApiError> {
    let mut faults = Faults::default();
    let read = Fields::of(body, "", &mut faults).map(|mut fields| {
        let seconds = fields.optional("seconds", whole(SECONDS_MAX));
        let to = fields.optional("to", |value| fields::moment(value.as_str().unwrap_or_default()));
        fields.finish();
        (seconds, to)
    });
    match read {
        Some((Some(seconds), None)) => faults.or(Some(Advance::By(Duration::from_secs(seconds.into())))),
        Some((None, Some(moment))) => faults.or(Some(Advance::To(moment))),
        Some(_) if faults.is_empty() => {
            faults.at("", "must have either seconds or to");
            Err(faults.into())
        }
        _ => Err(faults.into()),
    }
}
