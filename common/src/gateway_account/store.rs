//! The rows of `gateway_accounts`.

use rand::Rng;
use sqlx::{PgConnection, PgExecutor, PgPool};

use super::{Credentials, GatewayAccount};
use crate::{
    db::row::{InvalidColumn, word},
    encryption::{Keyring, Sealed},
    gateway::GatewayName,
    id::{GatewayAccountId, MerchantId},
};

/// A query that answers accounts.
macro_rules! accounts {
    ($after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Row,
            "SELECT id, merchant_id, gateway, account_ref, active, secrets, version FROM gateway_accounts " + $after
            $(, $argument)*
        )
    };
}

struct Row {
    id: uuid::Uuid,
    merchant_id: uuid::Uuid,
    gateway: String,
    account_ref: String,
    active: bool,
    secrets: String,
    version: i64,
}

impl TryFrom<Row> for GatewayAccount {
    type Error = InvalidColumn;

    fn try_from(row: Row) -> Result<Self, InvalidColumn> {
        Ok(Self {
            id: GatewayAccountId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            gateway: word("gateway", &row.gateway)?,
            account_ref: row.account_ref,
            active: row.active,
            secrets: Sealed::from(row.secrets),
            version: row.version,
        })
    }
}

/// What became of credentials that were set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// They are those of a new account, to which new payments go from now on.
    New(GatewayAccountId),
    /// They replace those of an account that was known; new payments go there.
    Replaced(GatewayAccountId),
    /// Customers have methods saved at the account that would be left, and could not be charged any more.
    Refused(SavedElsewhere),
}

/// How many of a merchant's customers have something saved at a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedElsewhere {
    /// So many.
    pub customers: i64,
}

/// Sets the credentials of the merchant's account of that name.
pub async fn set(
    pool: &PgPool,
    keys: &Keyring,
    (merchant, gateway, account_ref): (MerchantId, GatewayName, &str),
    credentials: &Credentials,
    rng: &mut impl Rng,
) -> sqlx::Result<Set> {
    let mut transaction = pool.begin().await?;
    let db = &mut *transaction;
    let all = lock(&mut *db, merchant, gateway).await?;
    let known = all.iter().find(|account| account.account_ref == account_ref);
    if !known.is_some_and(|account| account.active)
        && let Some(saved) = saved_elsewhere(&mut *db, merchant, gateway).await?
    {
        return Ok(Set::Refused(saved));
    }
    rest_all(&mut *db, merchant, gateway, Some(account_ref)).await?;
    let id = known.map_or_else(GatewayAccountId::new, |account| account.id);
    let sealed = credentials.seal(keys, id, rng);
    sqlx::query!(
        "INSERT INTO gateway_accounts (id, merchant_id, gateway, account_ref, active, secrets)
         VALUES ($1, $2, $3, $4, true, $5)
         ON CONFLICT (id) DO UPDATE SET active = true, secrets = excluded.secrets,
             version = gateway_accounts.version + 1, updated_at = remit_now()",
        id.0,
        merchant.0,
        gateway.as_str(),
        account_ref,
        sealed.as_str(),
    )
    .execute(&mut *db)
    .await?;
    let is_new = known.is_none();
    transaction.commit().await?;
    Ok(if is_new { Set::New(id) } else { Set::Replaced(id) })
}

/// New payments of the merchant go to the deployment's own account from now on. `Ok(Ok(false))`: they do already.
pub async fn remove(
    pool: &PgPool,
    merchant: MerchantId,
    gateway: GatewayName,
) -> sqlx::Result<Result<bool, SavedElsewhere>> {
    let mut transaction = pool.begin().await?;
    let db = &mut *transaction;
    let all = lock(&mut *db, merchant, gateway).await?;
    if !all.iter().any(|account| account.active) {
        return Ok(Ok(false));
    }
    if let Some(saved) = saved_elsewhere(&mut *db, merchant, gateway).await? {
        return Ok(Err(saved));
    }
    rest_all(&mut *db, merchant, gateway, None).await?;
    transaction.commit().await?;
    Ok(Ok(true))
}

/// All accounts of a merchant at a gateway. Whoever else would change them waits.
async fn lock(
    db: &mut PgConnection,
    merchant: MerchantId,
    gateway: GatewayName,
) -> sqlx::Result<Vec<GatewayAccount>> {
    sqlx::query!("SELECT FROM merchants WHERE id = $1 FOR NO KEY UPDATE", merchant.0)
        .execute(&mut *db)
        .await?;
    let rows = accounts!("WHERE merchant_id = $1 AND gateway = $2 ORDER BY id", merchant.0, gateway.as_str())
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(GatewayAccount::try_from).collect::<Result<_, _>>()?)
}

/// What the merchant's customers have saved at the gateway was saved at one account, and is unknown to any other.
async fn saved_elsewhere(
    db: &mut PgConnection,
    merchant: MerchantId,
    gateway: GatewayName,
) -> sqlx::Result<Option<SavedElsewhere>> {
    let customers = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
           FROM customers c JOIN customer_refs r ON r.customer_id = c.id AND r.gateway = $2
           WHERE c.merchant_id = $1"#,
        merchant.0,
        gateway.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok((customers > 0).then_some(SavedElsewhere { customers }))
}

/// New payments go to none of them but this.
async fn rest_all(
    db: &mut PgConnection,
    merchant: MerchantId,
    gateway: GatewayName,
    but: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE gateway_accounts SET active = false, updated_at = remit_now()
         WHERE merchant_id = $1 AND gateway = $2 AND active AND account_ref IS DISTINCT FROM $3",
        merchant.0,
        gateway.as_str(),
        but,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An account.
pub async fn find(db: impl PgExecutor<'_>, id: GatewayAccountId) -> sqlx::Result<Option<GatewayAccount>> {
    let row = accounts!("WHERE id = $1", id.0).fetch_optional(db).await?;
    Ok(row.map(GatewayAccount::try_from).transpose()?)
}

/// All of a merchant's at a gateway: an account that was left still tells of what was begun there.
pub async fn of_merchant(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    gateway: GatewayName,
) -> sqlx::Result<Vec<GatewayAccount>> {
    let rows = accounts!("WHERE merchant_id = $1 AND gateway = $2 ORDER BY id", merchant.0, gateway.as_str())
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(GatewayAccount::try_from).collect::<Result<_, _>>()?)
}

/// All that there are, merchant by merchant.
pub async fn all(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<GatewayAccount>> {
    let rows = accounts!("ORDER BY merchant_id, gateway, id").fetch_all(db).await?;
    Ok(rows.into_iter().map(GatewayAccount::try_from).collect::<Result<_, _>>()?)
}

/// The version of an account's secrets.
pub async fn version(db: impl PgExecutor<'_>, id: GatewayAccountId) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT version FROM gateway_accounts WHERE id = $1", id.0).fetch_optional(db).await
}

/// The merchant of that id or name.
pub async fn merchant(db: impl PgExecutor<'_>, named: &str) -> sqlx::Result<Option<MerchantId>> {
    let id = named.parse().ok().map(|MerchantId(id)| id);
    let found = sqlx::query_scalar!(
        "SELECT id FROM merchants WHERE id = $1 OR $1 IS NULL AND name = $2 ORDER BY id LIMIT 1",
        id,
        named,
    );
    Ok(found.fetch_optional(db).await?.map(MerchantId))
}
