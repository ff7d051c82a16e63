//! Between rows and payments. Columns are named once, here.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::row::{InvalidColumn, currency, word},
    gateway::{Card, SavedMethod, doubt::CallLog},
    id::{GatewayAccountId, InvoiceId, MerchantId, PaymentId},
    metadata::Metadata,
    money::Money,
    payment::{Billing, Failure, Fallback, Payer, Payment, PaymentRequest, Route},
};

/// A query that answers payments: what stands before the columns, and what after.
macro_rules! payments {
    ($before:literal, $after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            $crate::payment::store::row::PaymentRow,
            $before + r#"payments.id, merchant_id, amount, currency, capture, method_type, method_token,
                gateway, customer AS "customer: sqlx::types::Json<crate::payment::Payer>", description,
                order_id, metadata AS "metadata: sqlx::types::Json<crate::metadata::Metadata>",
                return_url, fallback AS "fallback: sqlx::types::Json<crate::payment::Fallback>", created_at,
                status, stage, stage_number, stage_amount, amount_captured,
                amount_refunded, amount_refunding, failure_code, failure_message,
                decline_class, next_action_url, review_reason, version, updated_at, settled_at, gateway_ref,
                charge_ref, card AS "card: sqlx::types::Json<crate::gateway::Card>", calls_begun,
                calls_not_sent, gateway_account_id, first_call_at, last_call_at, invoice_id, off_session,
                saved AS "saved: sqlx::types::Json<crate::gateway::SavedMethod>" "# + $after
            $(, $argument)*
        )
    };
}
pub(crate) use payments;

/// A row of `payments`, as the database types it.
pub struct PaymentRow {
    pub id: Uuid,
    pub merchant_id: Uuid,
    pub amount: Decimal,
    pub currency: String,
    pub capture: String,
    pub method_type: String,
    pub method_token: Option<String>,
    pub gateway: String,
    pub customer: Option<sqlx::types::Json<Payer>>,
    pub description: Option<String>,
    pub order_id: Option<String>,
    pub metadata: sqlx::types::Json<Metadata>,
    pub return_url: Option<String>,
    pub fallback: Option<sqlx::types::Json<Fallback>>,
    pub created_at: Timestamp,
    pub status: String,
    pub stage: String,
    pub stage_number: i32,
    pub stage_amount: Option<Decimal>,
    pub amount_captured: Decimal,
    pub amount_refunded: Decimal,
    pub amount_refunding: Decimal,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub decline_class: Option<String>,
    pub next_action_url: Option<String>,
    pub review_reason: Option<String>,
    pub version: i64,
    pub updated_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub gateway_ref: Option<String>,
    pub charge_ref: Option<String>,
    pub card: Option<sqlx::types::Json<Card>>,
    pub calls_begun: i32,
    pub calls_not_sent: i32,
    pub gateway_account_id: Option<Uuid>,
    pub first_call_at: Option<Timestamp>,
    pub last_call_at: Option<Timestamp>,
    pub invoice_id: Option<Uuid>,
    pub off_session: bool,
    pub saved: Option<sqlx::types::Json<SavedMethod>>,
}

impl TryFrom<PaymentRow> for Payment {
    type Error = InvalidColumn;

    fn try_from(row: PaymentRow) -> Result<Self, InvalidColumn> {
        let currency = currency(&row.currency)?;
        let failure = row.failure_code.map(|code| -> Result<_, InvalidColumn> {
            Ok(Failure {
                code,
                message: row.failure_message.unwrap_or_default(),
                decline_class: row.decline_class.map(|class| word("decline_class", &class)).transpose()?,
            })
        });
        Ok(Self {
            id: PaymentId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            request: PaymentRequest {
                money: Money { amount: row.amount, currency },
                capture: word("capture", &row.capture)?,
                customer: row.customer.map(|json| json.0),
                description: row.description,
                order_id: row.order_id,
                metadata: row.metadata.0,
                return_url: row.return_url,
            },
            route: Route {
                method: word("method_type", &row.method_type)?,
                token: row.method_token,
                gateway: word("gateway", &row.gateway)?,
                fallback: row.fallback.map(|json| json.0),
            },
            account: row.gateway_account_id.map(GatewayAccountId),
            billing: row.invoice_id.map(|invoice| Billing {
                invoice: InvoiceId(invoice),
                off_session: row.off_session,
                saved: row.saved.map(|json| json.0),
            }),
            created_at: row.created_at,
            status: word("status", &row.status)?,
            stage: word("stage", &row.stage)?,
            stage_number: row.stage_number,
            stage_amount: row.stage_amount,
            amount_captured: row.amount_captured,
            amount_refunded: row.amount_refunded,
            amount_refunding: row.amount_refunding,
            failure: failure.transpose()?,
            next_action_url: row.next_action_url,
            review_reason: row.review_reason,
            version: row.version,
            updated_at: row.updated_at,
            settled_at: row.settled_at,
            gateway_ref: row.gateway_ref.map(Into::into),
            charge_ref: row.charge_ref.map(Into::into),
            card: row.card.map(|json| json.0),
            call_log: CallLog {
                calls_begun: row.calls_begun,
                calls_not_sent: row.calls_not_sent,
                first_call_at: row.first_call_at,
                last_call_at: row.last_call_at,
            },
        })
    }
}
