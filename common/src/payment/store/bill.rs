//! Payments that we make ourselves, for invoices. They are stored beside what merchants ask for, and told
//! apart by keys that no merchant may use.

use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool, types::Json};

use crate::{
    clock::Timestamp,
    customer,
    gateway::{GatewayName, MethodType, SavedMethod},
    id::{InvoiceId, JobId, MerchantId, PaymentId},
    job::{self, Kind},
    money::Money,
    payment::{Order, Payment},
};

/// What the idempotency keys of our own payments begin with. A merchant's key must not.
pub const OWN_KEYS: &str = "remit:";

/// A payment of an invoice.
pub(crate) struct InvoicePayment<'a> {
    pub id: PaymentId,
    pub merchant_id: MerchantId,
    pub invoice: InvoiceId,
    /// Which payment of the invoice it is, from 1.
    pub attempt_no: u32,
    pub money: Money,
    pub method: MethodType,
    pub token: &'a str,
    /// What is charged instead of the token, if it was saved.
    pub saved: Option<SavedMethod>,
    /// For the merchant's eyes.
    pub description: String,
    /// Where the payer comes back to; `None` where there is no payer to do anything.
    pub return_url: Option<&'a str>,
}

/// Stores it, with the job that will charge it: of this kind, and found by the scheduler at this moment.
pub(crate) async fn bill(
    db: &mut PgConnection,
    new: &InvoicePayment<'_>,
    now: Timestamp,
    charge: (Kind, Timestamp),
    traceparent: Option<&str>,
) -> sqlx::Result<JobId> {
    let (kind, due_at) = charge;
    let key = format!("{OWN_KEYS}{}:{}", new.invoice, new.attempt_no);
    let hash = Sha256::digest(&key);
    sqlx::query!(
        "INSERT INTO payments (id, merchant_id, idempotency_key, request_hash, amount, currency, capture,
             method_type, method_token, gateway, description, return_url, invoice_id, off_session, saved,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'automatic', $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
        new.id.0,
        new.merchant_id.0,
        key,
        hash.as_slice(),
        new.money.amount,
        new.money.currency.code(),
        new.method.as_str(),
        new.token,
        GatewayName::for_method(new.method).as_str(),
        new.description,
        new.return_url,
        new.invoice.0,
        new.return_url.is_none(),
        new.saved.as_ref().map(Json) as _,
        now,
    )
    .execute(&mut *db)
    .await?;
    job::store::enqueue_at(db, kind, new.id.0, due_at, traceparent).await
}

/// The method of a payment was saved at its gateway: from now on that is what is charged, for this payment and for
/// all of its customer's that come. Answers what is to be charged: of two who saved it at once, one was first.
///
/// # Errors
/// When the database fails.
pub async fn remember_saved(
    db: &PgPool,
    payment: &Payment,
    saved: &SavedMethod,
) -> sqlx::Result<SavedMethod> {
    let mut transaction = db.begin().await?;
    let kept = match (&payment.billing, &payment.order) {
        (Some(billing), Order { method, token: Some(token), gateway, .. }) => {
            let (method, gateway) = ((method.as_str(), token.as_str()), gateway.as_str());
            customer::store::remember(&mut transaction, billing.invoice, method, gateway, saved).await?
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
