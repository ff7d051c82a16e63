//! Emits what is due. A job is put off before it is published: if we die between the two, or the broker
//! loses the message, it is due again.

use std::time::Duration;

use common::job::{broker::Publisher, store};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// Jobs taken by one statement, at most.
const BATCH: i64 = 500;

/// Looks for due jobs every `poll`, and without a pause while there are many.
pub async fn run(pool: &PgPool, publisher: &Publisher, poll: Duration, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        // While the broker is away nothing is taken: each emission doubles the wait before the next.
        let emitted = tokio::select! {
            emitted = async { publisher.wait_connected().await; emit(pool, publisher).await } => emitted,
            () = shutdown.cancelled() => return,
        };
        if emitted == BATCH {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(poll) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Emits one batch, and tells how many there were.
async fn emit(pool: &PgPool, publisher: &Publisher) -> i64 {
    let due = match store::emit_due(pool, BATCH).await {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(%error, "due jobs could not be read");
            return 0;
        }
    };
    let mut emitted = 0;
    for job in due {
        metrics::counter!("jobs_emitted_total", "kind" => job.kind.as_str()).increment(1);
        publisher.publish(job).await;
        emitted += 1;
    }
    emitted
}
