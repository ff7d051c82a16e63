//! Between rows and refunds. Columns are named once, here.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::unreadable,
    gateway::doubt::CallLog,
    id::{MerchantId, PaymentId, RefundId},
    metadata::Metadata,
    money::{Currency, Money},
    refund::{Failure, Refund},
};

/// A query that answers refunds: what stands before the columns, and what after.
macro_rules! refunds {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            $crate::refund::store::row::RefundRow,
            $before + r#"refunds.id, merchant_id, payment_id, origin, amount, currency, reason,
                metadata AS "metadata: sqlx::types::Json<crate::metadata::Metadata>", created_at, status,
                failure_code, failure_message, review_reason, version, updated_at, settled_at, gateway_ref,
                calls_begun, calls_not_sent, first_call_at, last_call_at"# + $after
            $(, $argument)*
        )
    };
}
pub(super) use refunds;

/// A row of `refunds`, as the database types it.
pub struct RefundRow {
    pub id: Uuid,
    pub merchant_id: Uuid,
    pub payment_id: Uuid,
    pub origin: String,
    pub amount: Decimal,
    pub currency: String,
    pub reason: Option<String>,
    pub metadata: sqlx::types::Json<Metadata>,
    pub created_at: Timestamp,
    pub status: String,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub review_reason: Option<String>,
    pub version: i64,
    pub updated_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub gateway_ref: Option<String>,
    pub calls_begun: i32,
    pub calls_not_sent: i32,
    pub first_call_at: Option<Timestamp>,
    pub last_call_at: Option<Timestamp>,
}

impl TryFrom<RefundRow> for Refund {
    type Error = sqlx::Error;

    fn try_from(row: RefundRow) -> sqlx::Result<Self> {
        let currency = Currency::from_code(&row.currency).map_err(unreadable)?;
        Ok(Self {
            id: RefundId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            payment_id: PaymentId(row.payment_id),
            origin: row.origin.parse().map_err(unreadable)?,
            money: Money { amount: row.amount, currency },
            reason: row.reason.map(|word| word.parse().map_err(unreadable)).transpose()?,
            metadata: row.metadata.0,
            created_at: row.created_at,
            status: row.status.parse().map_err(unreadable)?,
            failure: row
                .failure_code
                .map(|code| Failure { code, message: row.failure_message.unwrap_or_default() }),
            review_reason: row.review_reason,
            version: row.version,
            updated_at: row.updated_at,
            settled_at: row.settled_at,
            gateway_ref: row.gateway_ref.map(Into::into),
            call_log: CallLog {
                calls_begun: row.calls_begun,
                calls_not_sent: row.calls_not_sent,
                first_call_at: row.first_call_at,
                last_call_at: row.last_call_at,
            },
        })
    }
}
