//! How the clock of a test deployment moves: from one moment at which something is due to the next, and never
//! while something is under way. So a year is lived through as it would have been, only sooner. Whoever goes
//! away in the middle leaves the clock where it has come to.

use std::time::Duration;

use common::{
    clock::Timestamp,
    db::ClockHand,
    job::store::{Outlook, emit_due, move_clock, outlook},
};
use tokio::time::{Instant, sleep};

use crate::{App, error::ApiError};

/// How often to look whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(8);

/// How long the same jobs may hold the clock before the caller is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// Jobs put on the queue by one statement, at most.
const BATCH: i64 = 500;

/// Moves the clock to this moment, and answers what time it is when all that has come due is done.
///
/// # Errors
/// [`ApiError::Conflict`] when the clock must wait for too long, or another request moves it.
pub async fn to(app: &App, to: Timestamp) -> Result<Timestamp, ApiError> {
    let Some(mut hand) = ClockHand::take(&app.pool).await? else {
        let why = "Another request is moving the clock; send this one again when that has its answer.";
        return Err(ApiError::Conflict("clock-moving", why.into()));
    };
    let walked = walk(app, &mut hand, to).await;
    hand.give_back().await?;
    walked
}

async fn walk(app: &App, hand: &mut ClockHand, to: Timestamp) -> Result<Timestamp, ApiError> {
    loop {
        let outlook = until_idle(app, to).await?;
        if to <= outlook.now {
            return Ok(outlook.now);
        }
        move_clock(hand, to).await?;
    }
}

/// Waits until nothing is due or under way, and answers what comes next.
async fn until_idle(app: &App, to: Timestamp) -> Result<Outlook, ApiError> {
    let (mut since, mut before) = (Instant::now(), 0);
    loop {
        let outlook = outlook(&app.pool).await?;
        if outlook.due == 0 {
            return Ok(outlook);
        }
        if outlook.to_emit > 0 {
            emit(app).await?;
        }
        if outlook.due != before {
            (since, before) = (Instant::now(), outlook.due);
        }
        if since.elapsed() > PATIENCE {
            return Err(waits(&outlook, to));
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = app.draining.cancelled() => return Err(ApiError::Unavailable),
        }
    }
}

/// Puts on the queue what is due, as a scheduler does: it would come to it as well, and a year has many such
/// moments. While the broker is away that is left alone, for each time doubles the wait before the next.
async fn emit(app: &App) -> Result<(), ApiError> {
    if app.publisher.is_connected() {
        for due in emit_due(&app.pool, BATCH).await? {
            app.publisher.publish(due).await;
        }
    }
    Ok(())
}

fn waits(Outlook { now, due, kinds, .. }: &Outlook, to: Timestamp) -> ApiError {
    let (now, to) = (now.to_rfc3339(), to.to_rfc3339());
    let why = format!(
        "The clock has come to {now} and waits there: jobs that are due are not done ({due}: {}). When a worker \
         and the broker are there, send {{\"to\":\"{to}\"}} to go on.",
        kinds.join(", "),
    );
    ApiError::Conflict("clock-waits", why)
}
