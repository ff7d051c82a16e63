//! How the clock of a test deployment moves: from one moment at which something is due to the next, and never
//! while something is under way. So a year is lived through as it would have been, only sooner. Whatever ends in
//! the middle leaves the clock where it has come to.

use std::time::Duration;

use common::{
    clock::Timestamp,
    db::ClockHand,
    job::store::{Outlook, admit, emit_due, move_clock, outlook},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{App, error::ApiError};

/// How often to look whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(8);

/// How long the same jobs may hold the clock before the caller is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// Jobs put on the queue by one statement, at most.
const BATCH: i64 = 500;

/// Why the clock comes no further: a stable code, and a sentence.
struct Stopped(&'static str, String);

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        tracing::warn!(%error, "the test clock cannot be moved on");
        Self::interrupted("The database could not be asked")
    }
}

impl Stopped {
    fn interrupted(why: &str) -> Self {
        Self("clock-interrupted", format!("{why}. Send the same again to go on."))
    }
}

/// Begins to move the clock to this moment. It goes on by itself, and ends when all that has come due is done, or when
/// the clock can come no further; which of them, the row of the clock tells.
///
/// Fails with [`ApiError::Conflict`] when another request moves it.
pub async fn to(app: &App, to: Timestamp) -> Result<JoinHandle<()>, ApiError> {
    let Some(mut hand) = ClockHand::take(&app.pool).await? else {
        let why = "Another request is moving the clock: GET /test-clock tells when it has come to its end.";
        return Err(ApiError::Conflict("clock-moving", why.into()));
    };
    hand.aim(to).await?;
    let app = app.clone();
    Ok(tokio::spawn(async move {
        if let Err(error) = finish(&app, hand, to).await {
            tracing::warn!(%error, "what the test clock came to could not be told");
        }
    }))
}

/// What cannot be told here is told all the same: the clock stands before where it was to come to, and nobody moves it.
async fn finish(app: &App, mut hand: ClockHand, to: Timestamp) -> sqlx::Result<()> {
    match walk(app, &mut hand, to).await {
        Ok(now) => tracing::info!(%now, "the test clock was moved"),
        Err(Stopped(code, why)) => {
            tracing::info!(code, why, "the test clock comes no further");
            hand.stop(code, &why).await?;
        }
    }
    hand.give_back().await
}

async fn walk(app: &App, hand: &mut ClockHand, to: Timestamp) -> Result<Timestamp, Stopped> {
    loop {
        let outlook = until_idle(app, to).await?;
        if to <= outlook.now {
            return Ok(outlook.now);
        }
        move_clock(hand, to).await?;
    }
}

/// Waits until nothing is due or under way, and answers what comes next.
async fn until_idle(app: &App, to: Timestamp) -> Result<Outlook, Stopped> {
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
            () = app.draining.cancelled() => return Err(Stopped::interrupted("The API was told to stop")),
        }
    }
}

/// Puts on the queue what is due, as a scheduler does: it would come to it as well, and a year has many such
/// moments. While the broker is away that is left alone, for each time doubles the wait before the next.
async fn emit(app: &App) -> sqlx::Result<()> {
    if app.publisher.is_connected() {
        let mut due = emit_due(&app.pool, BATCH).await?.due;
        due.extend(admit(&app.pool, app.flows.bounds()).await?.0);
        for due in due {
            app.publisher.publish(due).await;
        }
    }
    Ok(())
}

fn waits(Outlook { now, due, kinds, .. }: &Outlook, to: Timestamp) -> Stopped {
    let (now, to) = (now.to_rfc3339(), to.to_rfc3339());
    let why = format!(
        "The clock has come to {now} and waits there: jobs that are due are not done ({due}: {}). When a worker \
         and the broker are there, send {{\"to\":\"{to}\"}} to go on.",
        kinds.join(", "),
    );
    Stopped("clock-waits", why)
}
