//! The rows of `merchants`; those of their keys are in [`keys`], what was paid with a capped one in [`spending`].

pub mod keys;
pub mod spending;

use sqlx::PgExecutor;

use crate::id::MerchantId;

use super::Merchant;

/// That side of the merchant of that name, made if there is none.
pub async fn find_or_create(
    db: &mut sqlx::PgConnection,
    name: &str,
    livemode: bool,
) -> sqlx::Result<MerchantId> {
    create(&mut *db, name, livemode).await?;
    let id =
        sqlx::query_scalar!("SELECT id FROM merchants WHERE name = $1 AND livemode = $2", name, livemode);
    id.fetch_one(db).await.map(MerchantId)
}

/// Makes that side of a merchant. `None` if it is there.
pub async fn create(db: impl PgExecutor<'_>, name: &str, livemode: bool) -> sqlx::Result<Option<MerchantId>> {
    let id = sqlx::query_scalar!(
        "INSERT INTO merchants (id, name, livemode) VALUES ($1, $2, $3) ON CONFLICT (name, livemode) DO NOTHING
         RETURNING id",
        MerchantId::new().0,
        name,
        livemode,
    );
    Ok(id.fetch_optional(db).await?.map(MerchantId))
}

/// All merchants by their names, each side by itself; or both sides of one.
pub async fn list(db: impl PgExecutor<'_>, name: Option<&str>) -> sqlx::Result<Vec<Merchant>> {
    let rows = sqlx::query!(
        "SELECT id, name, livemode, created_at FROM merchants WHERE $1::text IS NULL OR name = $1
         ORDER BY name, livemode",
        name,
    );
    let rows = rows.fetch_all(db).await?;
    let merchant =
        |id, name, livemode, created_at| Merchant { id: MerchantId(id), name, livemode, created_at };
    Ok(rows.into_iter().map(|row| merchant(row.id, row.name, row.livemode, row.created_at)).collect())
}

/// What a merchant is called.
pub async fn name(db: impl PgExecutor<'_>, id: MerchantId) -> sqlx::Result<String> {
    sqlx::query_scalar!("SELECT name FROM merchants WHERE id = $1", id.0).fetch_one(db).await
}
