//! The rows of `webhook_endpoints`, each with the event of its change. What becomes of deliveries is in [`deliveries`] and
//! [`attempts`].

pub mod attempts;
pub mod deliveries;
pub mod replays;

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::{Change, Delivery, DisabledReason, ENDPOINTS_MAX, Endpoint, NewEndpoint, Terms};
use crate::{
    clock::Timestamp,
    db::{
        self,
        row::{InvalidColumn, word},
    },
    encryption::Sealed,
    event::{self, Event, EventType},
    id::{MerchantId, WebhookEndpointId},
    page::{Found, Page},
};

/// A query that answers endpoints: what stands before the columns, and what after.
macro_rules! endpoints {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            EndpointRow,
            $before + "id, merchant_id, url, description, types, payload, delivery_order, disabled_why, failing_since,
                previous_until, version, created_at, updated_at" + $after
            $(, $argument)*
        )
    };
}

struct EndpointRow {
    id: Uuid,
    merchant_id: Uuid,
    url: String,
    description: Option<String>,
    types: Option<Vec<String>>,
    payload: String,
    delivery_order: String,
    disabled_why: Option<String>,
    failing_since: Option<Timestamp>,
    previous_until: Option<Timestamp>,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = InvalidColumn;

    fn try_from(row: EndpointRow) -> Result<Self, InvalidColumn> {
        let read = |types: Vec<String>| types.iter().map(|name| word("types", name)).collect();
        Ok(Self {
            id: WebhookEndpointId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            terms: Terms {
                url: row.url,
                description: row.description,
                types: row.types.map(read).transpose()?,
                payload: word("payload", &row.payload)?,
                order: word("delivery_order", &row.delivery_order)?,
            },
            disabled: row.disabled_why.map(|why| word("disabled_why", &why)).transpose()?,
            failing_since: row.failing_since,
            previous_secret_until: row.previous_until,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn names(types: Option<&Vec<EventType>>) -> Option<Vec<String>> {
    types.map(|types| types.iter().map(|one| one.as_str().to_owned()).collect())
}

/// Stores a new endpoint. `None`: its merchant has as many as there may be.
pub async fn create(db: &mut PgConnection, new: &NewEndpoint) -> db::Result<Option<Endpoint>> {
    let NewEndpoint { id, merchant_id, terms, secret } = new;
    let row = endpoints!(
        "INSERT INTO webhook_endpoints (id, merchant_id, url, description, types, payload, delivery_order, secret)
         SELECT $1::uuid, $2::uuid, $3, $4, $5, $6, $7, $8
         WHERE (SELECT count(*) FROM webhook_endpoints WHERE merchant_id = $2 AND deleted_at IS NULL) < $9
         RETURNING ",
        "",
        id.0,
        merchant_id.0,
        terms.url,
        terms.description.as_ref(),
        names(terms.types.as_ref()) as _,
        terms.payload.as_str(),
        terms.order.as_str(),
        secret.as_str(),
        ENDPOINTS_MAX
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let endpoint = Endpoint::try_from(row)?;
    tell(db, &endpoint, EventType::WebhookEndpointCreated, endpoint.created_at).await?;
    Ok(Some(endpoint))
}

/// Says in the record what became of an endpoint.
async fn tell(
    db: &mut PgConnection,
    endpoint: &Endpoint,
    what: EventType,
    now: Timestamp,
) -> sqlx::Result<()> {
    let event = Event {
        merchant_id: endpoint.merchant_id,
        subject: endpoint.id.0,
        r#type: what,
        data: endpoint.told(),
    };
    event::store::append(db, &[event], now).await
}

/// One endpoint of this merchant. Another merchant's is not found, nor one that was deleted.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: WebhookEndpointId,
) -> sqlx::Result<Option<Endpoint>> {
    let row = endpoints!(
        "SELECT ",
        " FROM webhook_endpoints WHERE id = $1 AND merchant_id = $2 AND deleted_at IS NULL",
        id.0,
        merchant.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Endpoint::try_from).transpose()?)
}

/// The same, and nobody else changes it until the end of the transaction.
async fn lock(
    db: &mut PgConnection,
    merchant: MerchantId,
    id: WebhookEndpointId,
) -> sqlx::Result<Option<Endpoint>> {
    let row = endpoints!(
        "SELECT ",
        " FROM webhook_endpoints WHERE id = $1 AND merchant_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE",
        id.0,
        merchant.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Endpoint::try_from).transpose()?)
}

/// A page of this merchant's endpoints, newest first.
pub async fn list(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    page: &Page<WebhookEndpointId>,
) -> sqlx::Result<Found<Endpoint>> {
    let rows = endpoints!(
        "SELECT ",
        " FROM webhook_endpoints WHERE merchant_id = $1 AND deleted_at IS NULL
            AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR id > $3)
          ORDER BY CASE WHEN $3::uuid IS NULL THEN id END DESC, id LIMIT $4",
        merchant.0,
        page.starting_after.map(|id| id.0),
        page.ending_before.map(|id| id.0),
        page.rows()
    )
    .fetch_all(db)
    .await?;
    Ok(page.cut(rows, Endpoint::try_from)?)
}

/// Changes an endpoint of this merchant; one that is so already stays as it is. What waits to be sent goes where it is
/// now, in the words that it was written in. `None`: there is none.
pub async fn change(
    db: &PgPool,
    merchant: MerchantId,
    id: WebhookEndpointId,
    change: &Change,
) -> db::Result<Option<Endpoint>> {
    let mut transaction = db.begin().await?;
    let Some(before) = lock(&mut transaction, merchant, id).await? else { return Ok(None) };
    let terms = change.of(&before.terms);
    let disabled = match change.enabled {
        None => before.disabled,
        Some(true) => None,
        Some(false) => before.disabled.or(Some(DisabledReason::Merchant)),
    };
    if (&terms, disabled) == (&before.terms, before.disabled) {
        return Ok(Some(before));
    }
    let is_told_again = before.disabled.is_some() && disabled.is_none();
    let row = endpoints!(
        "UPDATE webhook_endpoints SET url = $2, description = $3, types = $4, payload = $5, delivery_order = $6,
             disabled_why = $7, failing_since = CASE WHEN $8 THEN NULL ELSE failing_since END, version = version + 1,
             updated_at = greatest(remit_now(), updated_at)
         WHERE id = $1 RETURNING ",
        "",
        id.0,
        terms.url,
        terms.description,
        names(terms.types.as_ref()) as _,
        terms.payload.as_str(),
        terms.order.as_str(),
        disabled.map(DisabledReason::as_str),
        is_told_again
    )
    .fetch_one(&mut *transaction)
    .await?;
    let endpoint = Endpoint::try_from(row)?;
    let what = match (before.disabled, disabled) {
        (Some(_), None) => EventType::WebhookEndpointEnabled,
        (None, Some(_)) => EventType::WebhookEndpointDisabled,
        (None, None) | (Some(_), Some(_)) => EventType::WebhookEndpointUpdated,
    };
    tell(&mut transaction, &endpoint, what, endpoint.updated_at).await?;
    transaction.commit().await?;
    Ok(Some(endpoint))
}

/// Deletes an endpoint of this merchant: what is on its way there is not sent any more. Tells whether there was one.
pub async fn delete(db: &PgPool, merchant: MerchantId, id: WebhookEndpointId) -> db::Result<bool> {
    let mut transaction = db.begin().await?;
    let Some(endpoint) = lock(&mut transaction, merchant, id).await? else { return Ok(false) };
    let now = db::now(&mut *transaction).await?;
    sqlx::query!(
        "UPDATE webhook_endpoints SET deleted_at = $2, version = version + 1 WHERE id = $1",
        id.0,
        now
    )
    .execute(&mut *transaction)
    .await?;
    tell(&mut transaction, &endpoint, EventType::WebhookEndpointDeleted, now).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Another secret signs from now on, and the one before beside it for so long. `None`: there is no such endpoint.
pub async fn rotate(
    db: &PgPool,
    merchant: MerchantId,
    id: WebhookEndpointId,
    secret: &Sealed,
    old_for: Duration,
) -> db::Result<Option<Endpoint>> {
    let mut transaction = db.begin().await?;
    if lock(&mut transaction, merchant, id).await?.is_none() {
        return Ok(None);
    }
    let now = db::now(&mut *transaction).await?;
    let old_until = (!old_for.is_zero()).then_some(now + old_for);
    let row = endpoints!(
        "UPDATE webhook_endpoints
         SET previous_secret = CASE WHEN $3::timestamptz IS NOT NULL THEN secret END, previous_until = $3, secret = $2,
             version = version + 1, updated_at = greatest($4, updated_at)
         WHERE id = $1 RETURNING ",
        "",
        id.0,
        secret.as_str(),
        old_until,
        now
    )
    .fetch_one(&mut *transaction)
    .await?;
    let endpoint = Endpoint::try_from(row)?;
    tell(&mut transaction, &endpoint, EventType::WebhookEndpointUpdated, now).await?;
    transaction.commit().await?;
    Ok(Some(endpoint))
}

/// What came of asking an endpoint whether it hears us.
#[derive(Debug)]
pub enum Pinged {
    /// It is on its way.
    Sent(Box<Delivery>),
    /// It is told nothing now.
    Disabled(DisabledReason),
    /// There is none.
    NotFound,
}

/// Asks an endpoint of this merchant whether it hears us: it alone is told, whatever types it is told of.
pub async fn ping(db: &PgPool, merchant: MerchantId, id: WebhookEndpointId) -> db::Result<Pinged> {
    let mut transaction = db.begin().await?;
    let Some(endpoint) = lock(&mut transaction, merchant, id).await? else { return Ok(Pinged::NotFound) };
    if let Some(why) = endpoint.disabled {
        return Ok(Pinged::Disabled(why));
    }
    let now = db::now(&mut *transaction).await?;
    tell(&mut transaction, &endpoint, EventType::WebhookEndpointPing, now).await?;
    let delivery = deliveries::last_about(&mut *transaction, id, id.0).await?;
    let delivery = delivery.ok_or_else(|| db::Error::broken("what an endpoint is told has no delivery"))?;
    transaction.commit().await?;
    Ok(Pinged::Sent(Box::new(delivery)))
}
