//! What was billed for a period, and what of it is still here: its invoices, the credit notes on them, and what of
//! their payments has gone back.

use sqlx::PgConnection;

use crate::{
    db::{self, column},
    id::SubscriptionId,
    invoice::store::{gone, notes, of_period},
    subscription::proration::Book,
};

/// What was billed for a period of a subscription that is locked.
pub(crate) async fn book(
    db: &mut PgConnection,
    subscription: SubscriptionId,
    index: u32,
) -> db::Result<Book> {
    let invoices = of_period(&mut *db, subscription, index).await?;
    let ids = column(&invoices, |invoice| invoice.id.0);
    let notes = notes(&mut *db, &ids).await?;
    let gone = gone(db, &ids).await?.collect();
    Ok(Book::of(&invoices, &notes, &gone))
}
