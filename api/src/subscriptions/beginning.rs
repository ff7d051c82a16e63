//! The beginning of a subscription, as those see it who wait for it: until its first invoice is paid, or
//! was tried in vain.

use common::{
    invoice::{self, Invoice, store::Filter},
    subscription::{self, Status, Subscription},
};
use sqlx::PgPool;

use crate::outcomes::Awaited;

/// Whether its first invoice is not paid yet.
pub fn is_awaited(subscription: &Subscription) -> bool {
    subscription.status == Status::Incomplete
}

/// A subscription that has just begun.
pub struct Beginning {
    /// It, as it stands.
    pub subscription: Subscription,
    /// Its first payment has an outcome, and more attempts are the merchant's to call for.
    was_tried: bool,
}

impl Beginning {
    /// Nothing is known of its payment yet.
    pub fn of(subscription: Subscription) -> Self {
        Self { subscription, was_tried: false }
    }
}

impl Awaited for Beginning {
    fn has_outcome(&self) -> bool {
        self.was_tried || !is_awaited(&self.subscription)
    }

    async fn look(&self, pool: &PgPool) -> sqlx::Result<Option<Self>> {
        let Subscription { id, merchant_id, .. } = self.subscription;
        let filter = Filter { subscription: Some(id), limit: 1, ..Filter::default() };
        let (invoices, _) = invoice::store::list(pool, merchant_id, &filter).await?;
        // Read last: what the invoice has brought is then seen in the subscription as well.
        let found = subscription::store::find(pool, merchant_id, id).await?;
        let was_tried = invoices.first().is_some_and(was_tried);
        Ok(found.map(|subscription| Self { subscription, was_tried }))
    }
}

fn was_tried(invoice: &Invoice) -> bool {
    invoice.attempts > 0 && invoice.live_payment.is_none()
}
