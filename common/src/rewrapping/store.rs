//! Every sealed column of the schema, and what is done with all of them.

use rand::Rng;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Rewrapped, Sealing};
use crate::{
    encryption::{Keyring, Sealed},
    gateway_account, webhook,
};

/// Rows that are read at once.
const BATCH: i64 = 100;

/// What is done with each sealed column: its table, itself, and what its secrets are bound to besides the row's `id`
/// (`context:<id>`).
macro_rules! sealed_columns {
    ($(($table:literal, $column:literal, $context:expr)),+ $(,)?) => {
        /// With which keys all secrets are sealed.
        pub async fn status(pool: &PgPool) -> sqlx::Result<Vec<Sealing>> {
            let mut found = Vec::new();
            $(
                let rows = sqlx::query!(
                    "SELECT split_part(" + $column + r#", '.', 2) AS "key!", count(*) AS "rows!" FROM "# + $table
                        + " WHERE " + $column + " IS NOT NULL GROUP BY 1 ORDER BY 1"
                );
                let rows = rows.fetch_all(pool).await?.into_iter();
                found.extend(rows.map(|row| Sealing { table: $table, key: row.key, rows: row.rows }));
            )+
            Ok(found)
        }

        /// Seals with the first key what is sealed with another, row by row, while everything runs: a row that
        /// somebody else has written meanwhile stays as they wrote it. May be repeated.
        pub async fn rewrap(pool: &PgPool, keys: &Keyring, rng: &mut impl Rng) -> sqlx::Result<Rewrapped> {
            let mut rewrapped = Rewrapped::default();
            $(
                let mut after = Uuid::nil();
                loop {
                    let rows = sqlx::query!(
                        "SELECT id, " + $column + r#" AS "sealed!" FROM "# + $table + " WHERE id > $1 AND split_part("
                            + $column + ", '.', 2) <> $2 ORDER BY id LIMIT $3",
                        after,
                        keys.first(),
                        BATCH,
                    );
                    let rows = rows.fetch_all(pool).await?;
                    let Some(last) = rows.last() else { break };
                    after = last.id;
                    for row in rows {
                        let context = format!("{}:{}", $context, row.id);
                        let secret = match keys.open(&context, &Sealed::from(row.sealed.clone())) {
                            Ok(secret) => secret,
                            Err(why) => {
                                rewrapped.closed.push(($table, row.id, why));
                                continue;
                            }
                        };
                        let sealed = keys.seal(&context, &secret, rng);
                        let written = sqlx::query!(
                            "UPDATE " + $table + " SET " + $column + " = $3 WHERE id = $1 AND " + $column + " = $2",
                            row.id,
                            row.sealed,
                            sealed.as_str(),
                        );
                        rewrapped.done += written.execute(pool).await?.rows_affected();
                    }
                }
            )+
            Ok(rewrapped)
        }
    };
}

sealed_columns!(
    ("gateway_accounts", "secrets", gateway_account::CONTEXT),
    ("webhook_endpoints", "secret", webhook::CONTEXT),
    ("webhook_endpoints", "previous_secret", webhook::CONTEXT),
);
