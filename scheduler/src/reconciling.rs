//! Calls for each gateway's daily reconciliation. Whoever asks first makes it; others find it made.

use std::time::Duration;

use common::{gateway::GatewayName, reconciliation::store};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

/// How often it is seen to that today's is there.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Days that each covers. They overlap, so that what straddles the edge of one is inside the next.
const DAYS: u16 = 3;

/// Looks until `shutdown`.
pub async fn run(pool: &PgPool, gateways: &[GatewayName], shutdown: &CancellationToken) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = shutdown.cancelled() => return,
        }
        for gateway in gateways {
            if let Err(error) = store::request_daily(pool, *gateway, DAYS).await {
                tracing::warn!(%error, %gateway, "the daily reconciliation could not be called for");
            }
        }
    }
}
