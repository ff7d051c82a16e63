//! Deleting a payment method, which subscriptions may be paid by.

use sqlx::PgPool;

use crate::{
    customer::store::{find_method, hold, remove},
    db,
    id::{CustomerId, MerchantId, PaymentMethodId, SubscriptionId},
    subscription::store::{forget_method, paid_by},
};

/// What became of a command to delete a payment method.
#[derive(Debug)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// This merchant has no such customer, or the customer no such method.
    NotFound,
    /// These subscriptions are paid by it: some, if they are many.
    InUse(Vec<SubscriptionId>),
}

/// Deletes a payment method that no subscription is paid by any more. Those that have ended forget it. What the
/// gateway has saved stays there; it is only not charged again.
pub async fn delete_method(
    db: &PgPool,
    merchant: MerchantId,
    customer: CustomerId,
    id: PaymentMethodId,
) -> db::Result<Deleted> {
    let mut transaction = db.begin().await?;
    hold(&mut transaction, merchant, customer).await?;
    let Some(kept) = find_method(&mut *transaction, merchant, customer, id).await? else {
        return Ok(Deleted::NotFound);
    };
    let paid_by_it = paid_by(&mut transaction, customer, id).await?;
    if !paid_by_it.is_empty() {
        return Ok(Deleted::InUse(paid_by_it));
    }
    forget_method(&mut transaction, customer, id).await?;
    remove(&mut transaction, (merchant, customer), &kept).await?;
    transaction.commit().await?;
    Ok(Deleted::Gone)
}
