//! Payments that we make ourselves, for invoices. They are stored beside what merchants ask for, and told
//! apart by keys that no merchant may use.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, types::Json};

use crate::{
    clock::Timestamp,
    db::{self, column},
    event::{self, Event, EventType},
    gateway::{GatewayName, MethodType, SavedMethod},
    id::{InvoiceId, JobId, MerchantId, PaymentId},
    job::{self, store::Planned},
    money::Money,
    payment::Status,
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
    /// The job that will charge it.
    pub charge: Planned<'a>,
    /// When it was made.
    pub at: Timestamp,
}

impl InvoicePayment<'_> {
    fn key(&self) -> String {
        format!("{OWN_KEYS}{}:{}", self.invoice, self.attempt_no)
    }
}

/// Stores them, and answers the jobs that will charge them, in their order.
pub(crate) async fn bill(db: &mut PgConnection, new: &[&InvoicePayment<'_>]) -> db::Result<Vec<JobId>> {
    sqlx::query!(
        "INSERT INTO payments (id, merchant_id, idempotency_key, request_hash, amount, currency, capture,
             method_type, method_token, gateway, description, return_url, invoice_id, off_session, saved,
             created_at, updated_at)
         SELECT id, merchant_id, key, hash, amount, currency, 'automatic', method_type, method_token, gateway,
             description, return_url, invoice_id, return_url IS NULL, saved, at, at
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::numeric[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::jsonb[],
                     $14::timestamptz[])
              AS new (id, merchant_id, key, hash, amount, currency, method_type, method_token, gateway,
                      description, return_url, invoice_id, saved, at)",
        &column(new, |p| p.id.0),
        &column(new, |p| p.merchant_id.0),
        &column(new, |p| p.key()),
        &column(new, |p| Sha256::digest(p.key()).to_vec()),
        &column(new, |p| p.money.amount),
        &column(new, |p| p.money.currency.code().to_owned()),
        &column(new, |p| p.method.as_str().to_owned()),
        &column(new, |p| p.token.to_owned()),
        &column(new, |p| GatewayName::for_method(p.method).as_str().to_owned()),
        &column(new, |p| p.description.clone()),
        &column(new, |p| p.return_url.map(str::to_owned)) as _,
        &column(new, |p| p.invoice.0),
        &column(new, |p| p.saved.clone().map(Json)) as _,
        &column(new, |p| p.at),
    )
    .execute(&mut *db)
    .await?;
    if let Some(first) = new.first() {
        event::store::append(&mut *db, &column(new, |p| pending_event(p)), first.at).await?;
    }
    job::store::plan(db, &column(new, |p| p.charge)).await
}

/// A payment that was made for an invoice: it is pending.
fn pending_event(payment: &InvoicePayment<'_>) -> Event {
    Event {
        merchant_id: payment.merchant_id,
        subject: payment.id.0,
        r#type: EventType::PaymentPending,
        data: json!({
            "id": payment.id,
            "object": "payment",
            "status": Status::Pending,
            "amount": payment.money.display_amount(),
            "currency": payment.money.currency,
            "order_id": null,
            "metadata": {},
            "invoice": payment.invoice,
            "failure": null,
        }),
    }
}
