//! Whether the database is still on the server that it was made on: positions in the record of events are that server's
//! numbers of transactions, and another begins anew.

use sqlx::{PgConnection, PgExecutor};

/// Why nothing may be written yet: the database was restored to another server. `None` where it was not.
pub(super) async fn stranger(db: impl PgExecutor<'_>) -> sqlx::Result<Option<String>> {
    let is_known = sqlx::query_scalar!(
        r#"SELECT system_id = (SELECT system_identifier FROM pg_control_system()) AS "is_known!" FROM event_positions"#
    )
    .fetch_one(db)
    .await?;
    Ok((!is_known).then(|| "the database was restored to another server: run `remit migrate`".into()))
}

/// From here on the record goes on after what it has, whatever the server's numbers are. It reads all of it.
pub(super) async fn settle_in(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE event_positions
         SET system_id = here.system_identifier,
             base = (SELECT coalesce(max(position), 0) + 1 FROM events) - pg_current_xact_id()::text::bigint
         FROM pg_control_system() here WHERE system_id <> here.system_identifier"
    )
    .execute(db)
    .await?;
    Ok(())
}
