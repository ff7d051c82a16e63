//! The story of a payment, for the people who must explain it.

use sqlx::PgExecutor;

use crate::{clock::Timestamp, id::PaymentId};

/// A call to a gateway, as operators see it.
#[derive(Debug, serde::Serialize)]
pub struct CallRow {
    /// Which attempt of its job it was.
    pub attempt: i32,
    /// `charge`, `look_up` …
    pub operation: String,
    /// One word of the gateways' vocabulary.
    pub outcome: String,
    /// More than the word.
    pub detail: Option<String>,
    /// The status of the answer, if one came.
    pub http_status: Option<i32>,
    /// The gateway's own id for the request.
    pub request_id: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// When it was recorded.
    pub at: Timestamp,
}

/// All calls that were made for a payment, in order.
pub async fn calls(db: impl PgExecutor<'_>, id: PaymentId) -> sqlx::Result<Vec<CallRow>> {
    sqlx::query_as!(
        CallRow,
        "SELECT attempt, operation, outcome, detail, http_status, request_id, duration_ms, at
         FROM gateway_calls WHERE payment_id = $1 ORDER BY at, job_id, attempt",
        id.0,
    )
    .fetch_all(db)
    .await
}
