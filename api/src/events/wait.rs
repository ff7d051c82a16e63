//! Waiting for what happens next. Those who wait at the same time share a look, and all of them one connection.

use std::time::Duration;

use common::{
    batch::{BatchError, Batcher, Bounds},
    event::store::record::{self, Place},
    id::MerchantId,
};
use sqlx::PgPool;

/// How often it is looked: half of it is how late news is, on average.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// As many may wait for a look as may be connected.
const LOOKS: Bounds = Bounds { lanes: 1, batch: 1000, waiting: 10_000 };

/// Whoever waits for more of the record.
pub struct Waits {
    looks: Batcher<(MerchantId, Place), bool>,
}

impl Waits {
    pub fn start(pool: PgPool) -> Self {
        let looks = Batcher::start(LOOKS, move |waiting: Vec<(MerchantId, Place)>| {
            let pool = pool.clone();
            async move { Ok(record::has_more(&pool, &waiting).await?) }
        });
        Self { looks }
    }

    /// Comes back when something has happened after this place.
    pub async fn for_more(&self, merchant: MerchantId, after: Place) -> Result<(), BatchError> {
        while !self.looks.submit((merchant, after)).await? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}
