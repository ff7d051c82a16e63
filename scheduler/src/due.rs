//! Emits what is due. A job is put off before it is published: if we die between the two, or the broker
//! loses the message, it is due again.

use std::time::Duration;

use common::job::{Due, broker::Publisher, flow::Bounds, store};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// Jobs taken by one statement, at most.
const BATCH: i64 = 500;

/// How soon flows are looked at again that hold jobs back: what one merchant has done in a second is bounded by what
/// goes out in this time.
const HELD_POLL: Duration = Duration::from_millis(10);

/// Looks for due jobs every `poll`, without a pause while there are many, and soon while flows hold some back.
pub async fn run(
    pool: &PgPool,
    publisher: &Publisher,
    bounds: Bounds,
    poll: Duration,
    shutdown: &CancellationToken,
) {
    while !shutdown.is_cancelled() {
        // While the broker is away nothing is taken: each emission doubles the wait before the next.
        let emitting = async {
            publisher.wait_connected().await;
            (emit(pool, publisher).await, admit(pool, bounds, publisher).await)
        };
        let (there_are_more, flows_hold) = tokio::select! {
            emitted = emitting => emitted,
            () = shutdown.cancelled() => return,
        };
        if there_are_more {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(if flows_hold { poll.min(HELD_POLL) } else { poll }) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Emits one batch, and tells whether there may be more.
async fn emit(pool: &PgPool, publisher: &Publisher) -> bool {
    let emission = store::emit_due(pool, BATCH).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "due jobs could not be read");
        store::Emission::default()
    });
    publish(publisher, emission.due).await;
    i64::try_from(emission.taken) == Ok(BATCH)
}

/// Lets out what flows have held back and have room for now, and tells whether to look again soon.
async fn admit(pool: &PgPool, bounds: Bounds, publisher: &Publisher) -> bool {
    let (due, again) = store::admit(pool, bounds).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "jobs that are held could not be let out");
        (Vec::new(), false)
    });
    publish(publisher, due).await;
    again
}

async fn publish(publisher: &Publisher, due: Vec<Due>) {
    for job in due {
        metrics::counter!("jobs_emitted_total", "kind" => job.kind.as_str()).increment(1);
        publisher.publish(job).await;
    }
}
