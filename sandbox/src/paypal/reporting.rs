//! `GET /v1/reporting/transactions`: what an accountant reads, hours after it happened.

use serde_json::{Value, json};

use super::amounts::Money;
use super::call::Query;
use super::disputes;
use super::effect::Effect;
use super::errors::PayPalError;
use super::objects::{Capture, CaptureStatus, Dispute, DisputeStatus, Object, Refund, RefundStatus};
use super::render_payments::{SELLER, link};
use super::store::Store;
use super::times;
use crate::clock::Moment;

/// How late a transaction appears unless told otherwise: three hours.
const DELAY_MS: i64 = 3 * 60 * 60 * 1000;

/// The longest range of one report: 31 days.
const LONGEST_MS: i64 = 31 * 24 * 60 * 60 * 1000;

/// One line of the report.
struct Row<'a> {
    id: &'a str,
    at_ms: i64,
    updated_ms: i64,
    code: &'static str,
    /// What it is about: a refund's or a dispute's capture.
    about: Option<&'a str>,
    amount: Money,
    /// What PayPal takes, in minor units.
    fee: i64,
    status: &'static str,
    invoice: Option<&'a str>,
    custom: Option<&'a str>,
}

/// `GET /v1/reporting/transactions`.
pub(crate) fn transactions(
    store: &Store,
    query: &Query,
    now: Moment,
    public_url: &str,
) -> Result<Effect, PayPalError> {
    query.only(&[
        "start_date",
        "end_date",
        "fields",
        "page",
        "page_size",
        "balance_affecting_records_only",
    ])?;
    let moment = |name: &str| query.moment(name)?.ok_or_else(|| PayPalError::missing(name));
    let (start, end) = (moment("start_date")?, moment("end_date")?);
    if end < start || end.0 - start.0 > LONGEST_MS {
        return Err(PayPalError::invalid("INVALID_PARAMETER_VALUE", "end_date"));
    }
    let size = query.integer("page_size", 1..=500)?.unwrap_or(100);
    let page = query.integer("page", 1..=2_147_483_647)?.unwrap_or(1);
    let visible = now.0 - store.reporting_delay_ms.unwrap_or(DELAY_MS);
    let mut rows: Vec<Row<'_>> = store
        .ledger()
        // A dispute is older than the transaction that ends it, so the range's end is looked at by row.
        .filter(|(at_ms, _)| *at_ms <= end.0)
        .flat_map(|(_, object)| rows(store, object))
        .filter(|row| (start.0..=end.0).contains(&row.at_ms) && row.at_ms <= visible)
        .collect();
    rows.sort_by_key(|row| row.at_ms);
    let total = rows.len();
    let shown: Vec<Value> =
        rows.iter().skip((page - 1).saturating_mul(size)).take(size).map(Row::json).collect();
    Ok(Effect::json(json!({
        "transaction_details": shown,
        "account_number": SELLER,
        "start_date": times::write(start.0),
        "end_date": times::write(end.0),
        "last_refreshed_datetime": times::write(visible),
        "page": page,
        "total_items": total,
        "total_pages": total.div_ceil(size),
        "links": [link(&format!("{public_url}/v1/reporting/transactions"), "self", "GET")],
    })))
}

fn rows<'a>(store: &'a Store, object: &Object) -> Vec<Row<'a>> {
    let found = match object {
        Object::Capture(id) => store.capture(id).and_then(of_capture),
        Object::Refund(id) => store.refund(id).and_then(|refund| of_refund(store, refund)),
        Object::Dispute(id) => {
            return store.dispute(id).map(|dispute| of_dispute(store, dispute)).unwrap_or_default();
        }
        Object::Order(_) | Object::Authorization(_) => None,
    };
    found.into_iter().collect()
}

fn of_capture(capture: &Capture) -> Option<Row<'_>> {
    let status = match capture.status {
        CaptureStatus::Pending => "P",
        CaptureStatus::Declined => "D",
        CaptureStatus::Failed => return None,
        CaptureStatus::Completed if capture.refunded == capture.amount.minor => "V",
        CaptureStatus::Completed => "S",
    };
    let taken = capture.status == CaptureStatus::Completed;
    Some(Row {
        id: &capture.id,
        at_ms: capture.created_ms,
        updated_ms: capture.updated_ms,
        code: "T0006",
        about: None,
        amount: capture.amount.clone(),
        fee: if taken { capture.amount.fee().minor } else { 0 },
        status,
        invoice: capture.invoice_id.as_deref(),
        custom: capture.custom_id.as_deref(),
    })
}

fn of_refund<'a>(store: &'a Store, refund: &'a Refund) -> Option<Row<'a>> {
    let capture = store.capture(&refund.capture)?;
    Some(Row {
        id: &refund.id,
        at_ms: refund.created_ms,
        updated_ms: refund.updated_ms,
        code: "T1107",
        about: Some(&capture.id),
        amount: refund.amount.same_currency(-refund.amount.minor),
        fee: 0,
        status: match refund.status {
            RefundStatus::Pending => "P",
            RefundStatus::Completed => "S",
            RefundStatus::Failed | RefundStatus::Cancelled => "D",
        },
        invoice: refund.invoice_id.as_deref().or(capture.invoice_id.as_deref()),
        custom: refund.custom_id.as_deref().or(capture.custom_id.as_deref()),
    })
}

/// The money goes at once; if the seller wins, it comes back as a transaction of its own.
fn of_dispute<'a>(store: &'a Store, dispute: &'a Dispute) -> Vec<Row<'a>> {
    let Some(capture) = store.capture(&dispute.capture) else {
        return Vec::new();
    };
    let row = |id, at_ms, code, amount, fee| Row {
        id,
        at_ms,
        updated_ms: at_ms,
        code,
        about: Some(&capture.id),
        amount: dispute.amount.same_currency(amount),
        fee,
        status: "S",
        invoice: capture.invoice_id.as_deref(),
        custom: capture.custom_id.as_deref(),
    };
    let amount = dispute.amount.minor;
    let mut rows = vec![row(&dispute.withdrawal, dispute.created_ms, "T1201", -amount, disputes::FEE)];
    if let DisputeStatus::Won(id) = &dispute.status {
        rows.push(row(id, dispute.updated_ms, "T1202", amount, 0));
    }
    rows
}

impl Row<'_> {
    fn json(&self) -> Value {
        let mut info = json!({
            "transaction_id": self.id,
            "transaction_event_code": self.code,
            "transaction_initiation_date": times::write(self.at_ms),
            "transaction_updated_date": times::write(self.updated_ms),
            "transaction_amount": self.amount.json(),
            "transaction_status": self.status,
        });
        if self.fee != 0 {
            info["fee_amount"] = self.amount.same_currency(-self.fee).json();
        }
        if let Some(about) = self.about {
            info["paypal_reference_id"] = json!(about);
            info["paypal_reference_id_type"] = json!("TXN");
        }
        if let Some(invoice) = self.invoice {
            info["invoice_id"] = json!(invoice);
        }
        if let Some(custom) = self.custom {
            info["custom_field"] = json!(custom);
        }
        json!({"transaction_info": info})
    }
}
