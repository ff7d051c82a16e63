//! Accepting payments: requests that arrive together share a transaction. When many more wait than the
//! database can take, the next are refused before anything is stored.

use common::{
    batch::{BatchError, Batcher, Bounds},
    payment::{
        NewPayment,
        store::{self, Accepted},
    },
};
use sqlx::PgPool;

const BOUNDS: Bounds = Bounds { lanes: 2, batch: 64, waiting: 2048 };

/// Where payments are accepted.
pub struct Intake {
    payments: Batcher<(NewPayment, Option<String>), Accepted>,
}

impl Intake {
    /// Opens the intake.
    pub fn start(pool: PgPool) -> Self {
        let payments = Batcher::start(BOUNDS, move |requests: Vec<_>| {
            let pool = pool.clone();
            async move {
                let mut connection = pool.acquire().await?;
                store::accept(&mut connection, &requests).await
            }
        });
        Self { payments }
    }

    /// Stores a payment and its job. After this returns `New`, the payment will reach an end, whatever
    /// dies.
    ///
    /// # Errors
    /// [`BatchError`]: the caller must not be told that it was accepted. It may have been all the same,
    /// if the connection was lost during the commit; the same key again tells.
    pub async fn accept(&self, new: NewPayment, traceparent: String) -> Result<Accepted, BatchError> {
        self.payments.try_submit((new, Some(traceparent))).await
    }
}
