//! Saving a customer's payment method at its gateway: what is to be asked there, and what came of it. The first
//! payment that saves it does so for all of the customer's.

use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgExecutor, PgPool, types::Json};

use crate::{
    db,
    gateway::{GatewayKey, SaveRequest, SavedMethod, Sending},
    id::{CustomerId, InvoiceId, PaymentId},
    payment::{Payment, Route},
};

/// What stands between a payment of an invoice and its charge.
#[derive(Debug)]
pub enum ToSave {
    /// Nothing: its method was saved since the payment was made. This is to be charged.
    Done(SavedMethod),
    /// Its method is to be saved first.
    Ask(SaveRequest),
}

/// How it stands with the method that a payment of an invoice charges, as of now; `None` where there is nothing to
/// save.
///
/// The key of the request is the payment's, not the method's. One for all payments of a method would be used by two at
/// once that come to the same end without it, since a method belongs to one customer at most and says to whom; and
/// where saving fails, its gateway would repeat the failure to every later payment for as long as it knows the
/// key: at Stripe a day, which the next step of the retry schedule does not wait for.
pub async fn to_save(
    db: impl PgExecutor<'_>,
    payment: &Payment,
    sending: Sending,
) -> db::Result<Option<ToSave>> {
    let unsaved = payment.billing.as_ref().filter(|billing| billing.saved.is_none());
    let (Some(billing), Some(token)) = (unsaved, &payment.route.token) else { return Ok(None) };
    let row = sqlx::query!(
        r#"SELECT c.id, c.name, c.email, r.customer_ref AS "customer_ref?",
               m.saved AS "saved?: Json<SavedMethod>"
           FROM invoices i JOIN customers c ON c.id = i.customer_id
           LEFT JOIN customer_refs r ON r.customer_id = c.id AND r.gateway = $2
           LEFT JOIN customer_payment_methods m ON m.customer_id = c.id AND m.type = $3 AND m.token = $4
           WHERE i.id = $1"#,
        billing.invoice.0,
        payment.route.gateway.as_str(),
        payment.route.method.as_str(),
        token,
    )
    .fetch_one(db)
    .await?;
    if let Some(saved) = row.saved {
        return Ok(Some(ToSave::Done(saved.0)));
    }
    Ok(Some(ToSave::Ask(SaveRequest {
        reference: CustomerId(row.id).to_string(),
        key: key(payment.id, row.email.as_deref(), row.name.as_deref()),
        customer_ref: row.customer_ref.map(Into::into),
        email: row.email,
        name: row.name,
        token: token.clone(),
        sending,
    })))
}

/// A customer's address or name may be changed between two tries, which are two requests then: so the key says what was
/// told. Another key saves nothing twice, because a method belongs to one customer at most.
fn key(payment: PaymentId, email: Option<&str>, name: Option<&str>) -> GatewayKey {
    let told = Sha256::digest(format!("{email:?}{name:?}"));
    let told: String = told.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    GatewayKey(format!("{payment}-save-{told}"))
}

/// The method of a payment was saved at its gateway: from now on that is what is charged, for this payment and for
/// all of its customer's that come. Answers what is to be charged: of two who saved it at once, one was first.
pub async fn remember_saved(db: &PgPool, payment: &Payment, saved: &SavedMethod) -> db::Result<SavedMethod> {
    let mut transaction = db.begin().await?;
    let kept = match (&payment.billing, &payment.route) {
        (Some(billing), Route { method, token: Some(token), gateway, .. }) => {
            let (method, gateway) = ((method.as_str(), token.as_str()), gateway.as_str());
            remember(&mut transaction, billing.invoice, method, gateway, saved).await?
        }
        _ => saved.clone(),
    };
    let charged = sqlx::query_scalar!(
        r#"UPDATE payments SET saved = coalesce(saved, $2) WHERE id = $1
           RETURNING saved AS "saved!: Json<SavedMethod>""#,
        payment.id.0,
        Json(&kept) as _,
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(charged.0)
}

/// A method was saved by a payment of this invoice. Answers what is saved: of two who saved it at once, one was
/// first. A method that was deleted meanwhile is saved for this payment alone.
async fn remember(
    db: &mut PgConnection,
    invoice: InvoiceId,
    method: (&str, &str),
    gateway: &str,
    saved: &SavedMethod,
) -> db::Result<SavedMethod> {
    let (kind, token) = method;
    sqlx::query!(
        "INSERT INTO customer_refs (customer_id, gateway, customer_ref)
         SELECT customer_id, $2, $3::text FROM invoices WHERE id = $1 AND $3::text IS NOT NULL
         ON CONFLICT DO NOTHING",
        invoice.0,
        gateway,
        saved.customer_ref.as_deref(),
    )
    .execute(&mut *db)
    .await?;
    let kept = sqlx::query_scalar!(
        r#"UPDATE customer_payment_methods SET saved = coalesce(saved, $4)
           WHERE customer_id = (SELECT customer_id FROM invoices WHERE id = $1) AND type = $2 AND token = $3
           RETURNING saved AS "saved!: Json<SavedMethod>""#,
        invoice.0,
        kind,
        token,
        Json(saved) as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(kept.map_or_else(|| saved.clone(), |kept| kept.0))
}
