//! The rows of `api_keys`.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{
        self,
        row::{InvalidColumn, word},
    },
    id::{ApiKeyId, MerchantId},
    job::store::interval,
    merchant::{
        Rights, StoredKey,
        caps::{Caps, CapsRow},
        key::{ApiKey, KeyHash},
        scope::{Scope, Scopes},
    },
    page::{Found, Page},
};

/// A query that answers keys: what stands before the columns, and what after.
macro_rules! keys {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            KeyRow,
            $before + r#"k.id, k.merchant_id, m.livemode, coalesce(k.first_key_id, k.id) AS "first_key_id!", k.name,
                k.prefix, k.last4, k.scopes, k.expires_at, k.overlap_ends_at, k.allowed_addresses,
                k.caps AS "caps: sqlx::types::Json<CapsRow>", k.created_at, k.last_used_at, k.revoked_at "# + $after
            $(, $argument)*
        )
    };
}

struct KeyRow {
    id: Uuid,
    merchant_id: Uuid,
    livemode: bool,
    first_key_id: Uuid,
    name: Option<String>,
    prefix: String,
    last4: String,
    scopes: Vec<String>,
    expires_at: Option<Timestamp>,
    overlap_ends_at: Option<Timestamp>,
    allowed_addresses: Option<Vec<String>>,
    caps: Option<Json<CapsRow>>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl TryFrom<KeyRow> for StoredKey {
    type Error = InvalidColumn;

    fn try_from(row: KeyRow) -> Result<Self, InvalidColumn> {
        let scopes = row.scopes.iter().map(|name| word("scopes", name)).collect::<Result<_, _>>()?;
        let networks = row.allowed_addresses.iter().flatten();
        let networks = networks.map(|text| word("allowed_addresses", text)).collect::<Result<_, _>>()?;
        Ok(Self {
            id: ApiKeyId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            livemode: row.livemode,
            first_key_id: ApiKeyId(row.first_key_id),
            name: row.name,
            prefix: row.prefix,
            last4: row.last4,
            rights: Rights {
                scopes: Scopes::new(scopes).ok_or_else(|| InvalidColumn::new("scopes", &row.scopes))?,
                expires_at: row.expires_at,
                allowed_addresses: networks,
                caps: row.caps.map_or_else(|| Ok(Caps::default()), |caps| caps.0.try_into())?,
            },
            overlap_ends_at: row.overlap_ends_at,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        })
    }
}

/// A key that is to be stored.
pub struct NewKey<'a> {
    /// Its own name.
    pub id: ApiKeyId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The first of the keys that it comes from by rotation, if it does.
    pub first_key: Option<ApiKeyId>,
    /// What people call it.
    pub name: Option<&'a str>,
    /// What it may do.
    pub rights: &'a Rights,
}

/// Stores what may be stored of a new key.
pub async fn add(db: impl PgExecutor<'_>, key: &ApiKey, new: &NewKey<'_>) -> sqlx::Result<()> {
    let Rights { scopes, expires_at, allowed_addresses, caps } = new.rights;
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    let networks: Vec<_> = allowed_addresses.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "INSERT INTO api_keys (id, merchant_id, hash, prefix, last4, name, scopes, expires_at, allowed_addresses, caps,
             first_key_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new.id.0,
        new.merchant.0,
        &key.hash().0,
        key.prefix(),
        key.last4(),
        new.name,
        &scopes,
        *expires_at,
        (!networks.is_empty()).then_some(networks) as _,
        (!caps.is_empty()).then(|| Json(CapsRow::from(caps))) as _,
        new.first_key.map(|id| id.0),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A key that was shown, as it stands.
pub struct Shown {
    /// What is known of it.
    pub key: StoredKey,
    /// How long it still holds; `None`: it has no end.
    pub expires_in: Option<Duration>,
    /// Whether its last use is to be written down anew.
    pub is_use_to_be_told: bool,
}

/// The key with that hash, unless it was revoked.
pub async fn by_hash(db: &mut PgConnection, hash: KeyHash) -> sqlx::Result<Option<Shown>> {
    let found = keys!(
        "SELECT ",
        " FROM api_keys k JOIN merchants m ON m.id = k.merchant_id WHERE k.hash = $1 AND k.revoked_at IS NULL",
        &hash.0
    );
    let Some(row) = found.fetch_optional(&mut *db).await? else { return Ok(None) };
    let key = StoredKey::try_from(row)?;
    let now = db::now(db).await?;
    let until = key.ends_at().map(|end| (end - now).to_std().unwrap_or(Duration::ZERO));
    let is_use_to_be_told = key.last_used_at.is_none_or(|last| now - last >= USES_TOLD_EVERY);
    Ok(Some(Shown { key, expires_in: until, is_use_to_be_told }))
}

/// How often the use of a key is written down, at most.
const USES_TOLD_EVERY: chrono::Duration = chrono::Duration::seconds(60);

/// A key is used at this moment. Of several processes that say so at once one writes it down.
pub async fn tell_use(db: impl PgExecutor<'_>, id: ApiKeyId) -> sqlx::Result<()> {
    let told = sqlx::query!(
        "UPDATE api_keys SET last_used_at = remit_now()
         WHERE id = $1 AND coalesce(last_used_at <= remit_now() - interval '60 s', true)",
        id.0,
    );
    told.execute(db).await.map(drop)
}

/// One key of this merchant. Another merchant's is not found.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: ApiKeyId,
) -> sqlx::Result<Option<StoredKey>> {
    let found = keys!(
        "SELECT ",
        " FROM api_keys k JOIN merchants m ON m.id = k.merchant_id WHERE k.id = $1 AND k.merchant_id = $2",
        id.0,
        merchant.0
    );
    let found = found.fetch_optional(db).await?;
    found.map(StoredKey::try_from).transpose().map_err(Into::into)
}

/// One key, whoever's it is: for operators.
pub async fn find_any(db: impl PgExecutor<'_>, id: ApiKeyId) -> sqlx::Result<Option<StoredKey>> {
    let found =
        keys!("SELECT ", " FROM api_keys k JOIN merchants m ON m.id = k.merchant_id WHERE k.id = $1", id.0);
    let found = found.fetch_optional(db).await?;
    found.map(StoredKey::try_from).transpose().map_err(Into::into)
}

/// All keys of these merchants, oldest first: for operators.
pub async fn of_merchants(db: impl PgExecutor<'_>, merchants: &[MerchantId]) -> sqlx::Result<Vec<StoredKey>> {
    let merchants: Vec<_> = merchants.iter().map(|merchant| merchant.0).collect();
    let rows = keys!(
        "SELECT ",
        " FROM api_keys k JOIN merchants m ON m.id = k.merchant_id WHERE k.merchant_id = ANY($1) ORDER BY k.id",
        &merchants
    );
    let rows = rows.fetch_all(db).await?;
    rows.into_iter().map(|row| StoredKey::try_from(row).map_err(Into::into)).collect()
}

/// A page of this merchant's keys, newest first; those that were revoked too.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    page: &Page<ApiKeyId>,
) -> sqlx::Result<Found<StoredKey>> {
    let rows = match page.ending_before {
        None => {
            let rows = keys!(
                "SELECT ",
                " FROM api_keys k JOIN merchants m ON m.id = k.merchant_id
                  WHERE k.merchant_id = $1 AND ($2::uuid IS NULL OR k.id < $2) ORDER BY k.id DESC LIMIT $3",
                merchant.0,
                page.starting_after.map(|id| id.0),
                page.rows()
            );
            rows.fetch_all(db).await?
        }
        Some(before) => {
            let rows = keys!(
                "SELECT ",
                " FROM api_keys k JOIN merchants m ON m.id = k.merchant_id
                  WHERE k.merchant_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3",
                merchant.0,
                before.0,
                page.rows()
            );
            rows.fetch_all(db).await?
        }
    };
    Ok(page.cut(rows, StoredKey::try_from)?)
}

/// What became of a request to revoke a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked, or was before.
    Done,
    /// This merchant has no such key.
    NotFound,
    /// Nobody could make keys any more.
    LastAdmin,
}

/// Revokes a key of this merchant, unless it is the last one that may make others.
pub async fn revoke(db: &mut PgConnection, merchant: MerchantId, id: ApiKeyId) -> sqlx::Result<Revoked> {
    // One at a time: of two keys that revoke each other one is left.
    sqlx::query!("SELECT FROM merchants WHERE id = $1 FOR NO KEY UPDATE", merchant.0)
        .execute(&mut *db)
        .await?;
    let Some(key) = find(&mut *db, merchant, id).await? else { return Ok(Revoked::NotFound) };
    let others = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM api_keys WHERE merchant_id = $1 AND id <> $2 AND 'admin' = ANY(scopes)
                   AND revoked_at IS NULL
                   AND coalesce(least(expires_at, overlap_ends_at) > remit_now(), true)) AS "others!""#,
        merchant.0,
        id.0,
    );
    let is_admin = key.revoked_at.is_none() && key.rights.scopes.include(Scope::Admin);
    if is_admin && !others.fetch_one(&mut *db).await? {
        return Ok(Revoked::LastAdmin);
    }
    revoke_any(db, id).await?;
    Ok(Revoked::Done)
}

/// Revokes a key, whoever's it is, and also the last: for operators. Tells whether it was there, and was not revoked.
pub async fn revoke_any(db: impl PgExecutor<'_>, id: ApiKeyId) -> sqlx::Result<bool> {
    let revoked = sqlx::query!(
        "UPDATE api_keys SET revoked_at = remit_now() WHERE id = $1 AND revoked_at IS NULL",
        id.0,
    );
    Ok(revoked.execute(db).await?.rows_affected() == 1)
}

/// Puts another key in the place of one, which works for this time still, or for as long as it would have.
pub async fn replace(
    db: &mut PgConnection,
    old: &StoredKey,
    (id, key): (ApiKeyId, &ApiKey),
    expires_in: Duration,
) -> sqlx::Result<()> {
    let new = NewKey {
        id,
        merchant: old.merchant_id,
        first_key: Some(old.first_key_id),
        name: old.name.as_deref(),
        rights: &old.rights,
    };
    add(&mut *db, key, &new).await?;
    sqlx::query!(
        "UPDATE api_keys SET overlap_ends_at = least(overlap_ends_at, remit_now() + $2) WHERE id = $1",
        old.id.0,
        interval(expires_in),
    )
    .execute(db)
    .await?;
    Ok(())
}
