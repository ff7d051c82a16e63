//! A payer has objected to the payment of an invoice: its subscription follows, in the same transaction.

use sqlx::PgConnection;

use crate::{
    alarm::Alarm,
    clock::Timestamp,
    db,
    id::SubscriptionId,
    payment::Payment,
    subscription::{state::Fact, store::lock},
};

use super::settlement::follow;

/// The first that is heard of a dispute about this payment, which is locked. Answers what an operator should be woken
/// for.
pub(crate) async fn payment_disputed(
    db: &mut PgConnection,
    payment: &Payment,
    now: Timestamp,
) -> db::Result<Option<Alarm>> {
    let Some(billing) = &payment.billing else { return Ok(None) };
    let of = sqlx::query_scalar!("SELECT subscription_id FROM invoices WHERE id = $1", billing.invoice.0);
    let Some(id) = of.fetch_optional(&mut *db).await? else { return Ok(None) };
    match lock(&mut *db, SubscriptionId(id)).await? {
        Some(subscription) => follow(db, subscription, Fact::Disputed, now).await,
        None => Ok(None),
    }
}
