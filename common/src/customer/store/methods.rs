//! The rows of `customer_payment_methods`. They change under the lock of their customer.

use serde_json::json;
use sqlx::{PgConnection, PgExecutor, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    customer::{KeptMethod, MethodChoice, PaymentMethod},
    db::unreadable,
    event::{self, Event, EventType},
    gateway::{MethodType, SavedMethod},
    id::{CustomerId, MerchantId, PaymentMethodId},
};

use super::hold;

/// Methods that are shown of one customer, at most.
const SHOWN_MAX: i64 = 100;

/// A query that answers payment methods: what stands after the tables.
macro_rules! methods {
    ($after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            MethodRow,
            r#"SELECT m.id, m.type AS kind, m.token, m.saved AS "saved: Json<SavedMethod>", m.created_at,
                coalesce(m.id = c.default_method_id, false) AS "is_default!",
                m.declined_at IS NOT NULL AS "is_declined!"
             FROM customer_payment_methods m JOIN customers c ON c.id = m.customer_id"# + $after
            $(, $argument)*
        )
    };
}

struct MethodRow {
    id: Uuid,
    kind: String,
    token: String,
    saved: Option<Json<SavedMethod>>,
    created_at: Timestamp,
    is_default: bool,
    is_declined: bool,
}

impl TryFrom<MethodRow> for KeptMethod {
    type Error = sqlx::Error;

    fn try_from(row: MethodRow) -> sqlx::Result<Self> {
        let method = PaymentMethod {
            id: PaymentMethodId(row.id),
            kind: row.kind.parse().map_err(unreadable)?,
            token: row.token,
            saved: row.saved.map(|saved| saved.0),
            is_declined: row.is_declined,
        };
        Ok(Self { method, is_default: row.is_default, created_at: row.created_at })
    }
}

/// The payment methods of a customer of this merchant, newest first: the newest hundred.
pub async fn methods(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    customer: CustomerId,
) -> sqlx::Result<Vec<KeptMethod>> {
    let rows = methods!(
        " WHERE m.customer_id = $1 AND m.merchant_id = $2 ORDER BY m.id DESC LIMIT $3",
        customer.0,
        merchant.0,
        SHOWN_MAX
    );
    rows.fetch_all(db).await?.into_iter().map(KeptMethod::try_from).collect()
}

/// One payment method of a customer of this merchant. Another's is not found.
pub async fn find_method(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    customer: CustomerId,
    id: PaymentMethodId,
) -> sqlx::Result<Option<KeptMethod>> {
    let row = methods!(
        " WHERE m.customer_id = $1 AND m.merchant_id = $2 AND m.id = $3",
        customer.0,
        merchant.0,
        id.0
    );
    row.fetch_optional(db).await?.map(KeptMethod::try_from).transpose()
}

/// The method that is chosen for a customer who is held; one that the customer does not have yet is added.
/// `None`: the customer has no such method.
pub(crate) async fn chosen(
    db: &mut PgConnection,
    merchant: MerchantId,
    customer: CustomerId,
    choice: &MethodChoice,
) -> sqlx::Result<Option<PaymentMethod>> {
    let kept = match choice {
        MethodChoice::Kept(id) => find_method(db, merchant, customer, *id).await?,
        MethodChoice::Token(kind, token) => Some(add(db, merchant, customer, *kind, token).await?.0),
    };
    Ok(kept.map(|kept| kept.method))
}

/// What a customer who is held pays by where nothing else is said.
pub(crate) async fn default_method(
    db: &mut PgConnection,
    merchant: MerchantId,
    customer: CustomerId,
) -> sqlx::Result<Option<PaymentMethod>> {
    let row = methods!(
        " WHERE m.id = c.default_method_id AND m.customer_id = $1 AND m.merchant_id = $2",
        customer.0,
        merchant.0
    );
    let kept = row.fetch_optional(db).await?.map(KeptMethod::try_from).transpose()?;
    Ok(kept.map(|kept| kept.method))
}

/// Adds a payment method, unless the customer has it, and makes it the default if that is asked for. Tells whether
/// it is new; `None`: this merchant has no such customer.
pub async fn add_method(
    db: &PgPool,
    merchant: MerchantId,
    customer: CustomerId,
    method: (MethodType, &str),
    make_default: bool,
) -> sqlx::Result<Option<(KeptMethod, bool)>> {
    let mut transaction = db.begin().await?;
    if !hold(&mut transaction, merchant, customer).await? {
        return Ok(None);
    }
    let (kind, token) = method;
    let (mut kept, is_new) = add(&mut transaction, merchant, customer, kind, token).await?;
    if make_default && !kept.is_default {
        set_default(&mut transaction, (merchant, customer), &mut kept).await?;
    }
    transaction.commit().await?;
    Ok(Some((kept, is_new)))
}

/// The method of a customer who is held, and whether it is new. A new one is the default of whoever has none.
async fn add(
    db: &mut PgConnection,
    merchant: MerchantId,
    customer: CustomerId,
    kind: MethodType,
    token: &str,
) -> sqlx::Result<(KeptMethod, bool)> {
    let added = sqlx::query_scalar!(
        "INSERT INTO customer_payment_methods (id, merchant_id, customer_id, type, token)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (customer_id, type, token) DO NOTHING RETURNING id",
        PaymentMethodId::new().0,
        merchant.0,
        customer.0,
        kind.as_str(),
        token,
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(id) = added {
        // It is the default of whoever has none.
        sqlx::query!(
            "UPDATE customers SET default_method_id = $2, updated_at = remit_now()
             WHERE id = $1 AND default_method_id IS NULL",
            customer.0,
            id,
        )
        .execute(&mut *db)
        .await?;
    }
    let row = methods!(
        " WHERE m.customer_id = $1 AND m.type = $2 AND m.token = $3",
        customer.0,
        kind.as_str(),
        token
    );
    let kept = KeptMethod::try_from(row.fetch_one(&mut *db).await?)?;
    if added.is_some() {
        tell(db, (merchant, customer), &kept, EventType::PaymentMethodAdded).await?;
    }
    Ok((kept, added.is_some()))
}

/// Makes a method the one that new subscriptions are paid by. `None`: this merchant has no such customer, or the
/// customer no such method.
pub async fn make_default(
    db: &PgPool,
    merchant: MerchantId,
    customer: CustomerId,
    id: PaymentMethodId,
) -> sqlx::Result<Option<KeptMethod>> {
    let mut transaction = db.begin().await?;
    hold(&mut transaction, merchant, customer).await?;
    let Some(mut kept) = find_method(&mut *transaction, merchant, customer, id).await? else {
        return Ok(None);
    };
    if !kept.is_default {
        set_default(&mut transaction, (merchant, customer), &mut kept).await?;
    }
    transaction.commit().await?;
    Ok(Some(kept))
}

async fn set_default(
    db: &mut PgConnection,
    whose @ (_, customer): (MerchantId, CustomerId),
    kept: &mut KeptMethod,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customers SET default_method_id = $2, updated_at = remit_now() WHERE id = $1",
        customer.0,
        kept.method.id.0,
    )
    .execute(&mut *db)
    .await?;
    kept.is_default = true;
    tell(db, whose, kept, EventType::PaymentMethodMadeDefault).await
}

/// Removes a payment method of a customer who is held.
pub(crate) async fn remove(
    db: &mut PgConnection,
    whose @ (_, customer): (MerchantId, CustomerId),
    kept: &KeptMethod,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customers SET default_method_id = NULL, updated_at = remit_now() WHERE id = $1 AND default_method_id = $2",
        customer.0,
        kept.method.id.0,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM customer_payment_methods WHERE id = $1", kept.method.id.0)
        .execute(&mut *db)
        .await?;
    tell(db, whose, kept, EventType::PaymentMethodDeleted).await
}

/// These methods, by their customer, type and token, were declined for good, unless they were before.
pub(crate) async fn decline(
    db: &mut PgConnection,
    methods: &[(CustomerId, MethodType, String)],
    now: Timestamp,
) -> sqlx::Result<()> {
    for (customer, kind, token) in methods {
        let declined = sqlx::query!(
            "UPDATE customer_payment_methods SET declined_at = $4
             WHERE customer_id = $1 AND type = $2 AND token = $3 AND declined_at IS NULL
             RETURNING id, merchant_id",
            customer.0,
            kind.as_str(),
            token,
            now,
        )
        .fetch_optional(&mut *db)
        .await?;
        let Some(row) = declined else { continue };
        let (whose, id) = ((MerchantId(row.merchant_id), *customer), PaymentMethodId(row.id));
        if let Some(kept) = find_method(&mut *db, whose.0, whose.1, id).await? {
            tell(&mut *db, whose, &kept, EventType::PaymentMethodDeclined).await?;
        }
    }
    Ok(())
}

/// The customer is held, or the method's row is locked.
async fn tell(
    db: &mut PgConnection,
    (merchant_id, customer): (MerchantId, CustomerId),
    KeptMethod { method, is_default, .. }: &KeptMethod,
    r#type: EventType,
) -> sqlx::Result<()> {
    // Of two who tell at once, one is first: a decline holds no customer.
    sqlx::query!("SELECT FROM customer_payment_methods WHERE id = $1 FOR UPDATE", method.id.0)
        .execute(&mut *db)
        .await?;
    let event = Event {
        merchant_id,
        subject: method.id.0,
        r#type,
        data: json!({
            "id": method.id,
            "object": "payment_method",
            "customer": customer,
            "type": method.kind,
            "is_default": is_default,
            "is_declined": method.is_declined,
        }),
    };
    let now = crate::db::now(&mut *db).await?;
    event::store::append(db, &[event], now).await
}
