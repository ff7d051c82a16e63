//! The rows of `subscription_periods`.

use sqlx::PgConnection;

use crate::{clock::Timestamp, db::column, id::SubscriptionId, subscription::calendar::Period};

/// Periods that have begun.
pub(crate) async fn open_periods(
    db: &mut PgConnection,
    new: &[(SubscriptionId, Period)],
) -> sqlx::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO subscription_periods (subscription_id, period_index, from_date, to_date, starts_at, ends_at)
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::date[], $4::date[], $5::timestamptz[],
             $6::timestamptz[])",
        &column(new, |(id, _)| id.0),
        &column(new, |(_, period)| i64::from(period.index)),
        &column(new, |(_, period)| period.days.from),
        &column(new, |(_, period)| period.days.to),
        &column(new, |(_, period)| period.start),
        &column(new, |(_, period)| period.end),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A period has ended early.
pub(crate) async fn cut_period(
    db: &mut PgConnection,
    id: SubscriptionId,
    index: u32,
    end: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE subscription_periods SET ends_at = $3 WHERE subscription_id = $1 AND period_index = $2",
        id.0,
        i64::from(index),
        end,
    )
    .execute(db)
    .await?;
    Ok(())
}
