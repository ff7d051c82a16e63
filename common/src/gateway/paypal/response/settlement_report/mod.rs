//! PayPal's report of transactions, `GET /v1/reporting/transactions`: the only place where a payment is
//! found by our reference, and its settlement report. It lags by up to three hours.

use chrono::{DateTime, SecondsFormat};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{
    clock::Timestamp,
    gateway::{
        Line, Movement,
        paypal::{
            amount::from_value,
            refusal::Refusal,
            wire::{ReportBody, ReportDetail, Transaction},
        },
    },
    money::Money,
};

use super::Received;

/// The longest time that one question may be about, a little under PayPal's 31 days.
const SECONDS_MAX: i64 = 30 * 24 * 3600;

/// The most that PayPal puts on a page.
const PAGE_SIZE: usize = 500;

/// The issue, or the error's name, of a question that is about too much.
const TOO_MANY: &str = "RESULTSET_TOO_LARGE";

/// Where to read on: a part of the time, and a page of its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The part begins at this second.
    from: i64,
    /// It is this long.
    seconds: i64,
    /// From 1.
    page: u32,
}

/// Which transactions are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// All: a reservation moves nothing, and still is there.
    All,
    /// Those that moved money.
    Moved,
}

/// A page, as read.
#[derive(Debug, Default)]
pub struct Page {
    /// Its transactions.
    pub transactions: Vec<Transaction>,
    more: bool,
}

/// Why there is no page.
#[derive(Debug, PartialEq, Eq)]
pub enum NoPage {
    /// The part of the time has more transactions than PayPal tells at once.
    TooMany,
    /// Anything else, for operators.
    Unreadable(String),
}

/// A transaction of a payment of ours, by how much it says: the later decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// Money was reserved: an authorization of this id.
    Reserved(String),
    /// Money was to be taken, and was not, or not yet: a capture of this id.
    Tried(String),
    /// Money was taken: a capture of this id.
    Taken(String),
}

impl Place {
    /// Where the settlement report begins.
    #[must_use]
    pub fn first(between: (Timestamp, Timestamp)) -> Self {
        Self { from: between.0.timestamp(), seconds: SECONDS_MAX, page: 1 }
    }

    /// The query. A time ends with its last second: too much is better than a gap.
    #[must_use]
    pub fn query(&self, until: Timestamp, records: Records) -> Vec<(&'static str, String)> {
        let end = self.end(until);
        let only_moved = match records {
            Records::All => "N",
            Records::Moved => "Y",
        };
        vec![
            ("balance_affecting_records_only", only_moved.to_owned()),
            ("start_date", rfc3339(self.from)),
            ("end_date", rfc3339(end)),
            ("fields", "transaction_info".to_owned()),
            ("page_size", PAGE_SIZE.to_string()),
            ("page", self.page.to_string()),
        ]
    }

    /// Where to read on after this page.
    #[must_use]
    pub fn next(&self, until: Timestamp, page: &Page) -> Option<Self> {
        if page.more {
            return Some(Self { page: self.page.saturating_add(1), ..*self });
        }
        let end = self.end(until);
        (end < last_second(until)).then_some(Self { from: end, page: 1, ..*self })
    }

    /// A shorter part, where this one has too many transactions.
    #[must_use]
    pub fn halved(&self, until: Timestamp) -> Option<Self> {
        let seconds = (self.end(until) - self.from) / 2;
        (seconds > 0).then_some(Self { from: self.from, seconds, page: 1 })
    }

    /// As text, for whoever reads on later.
    #[must_use]
    pub fn cursor(&self) -> String {
        format!("{}.{}.{}", self.from, self.seconds, self.page)
    }

    /// Reads such a text.
    #[must_use]
    pub fn at(cursor: &str) -> Option<Self> {
        let mut parts = cursor.split('.');
        let place = Self {
            from: parts.next()?.parse().ok()?,
            seconds: parts.next()?.parse().ok().filter(|seconds| (1..=SECONDS_MAX).contains(seconds))?,
            page: parts.next()?.parse().ok().filter(|page| *page > 0)?,
        };
        parts.next().is_none().then_some(place)
    }

    fn end(&self, until: Timestamp) -> i64 {
        self.from.saturating_add(self.seconds).min(last_second(until))
    }
}

/// The first whole second that is not before this.
fn last_second(until: Timestamp) -> i64 {
    until.timestamp() + i64::from(until.timestamp_subsec_nanos() > 0)
}

fn rfc3339(second: i64) -> String {
    DateTime::from_timestamp(second, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Reads a page. Its transactions are read one by one: an odd one must not hide the others.
pub fn read(received: &Received, place: &Place) -> Result<Page, NoPage> {
    match received.status {
        200 => {}
        400 if Refusal::read(400, &received.body).issue == TOO_MANY => return Err(NoPage::TooMany),
        status => return Err(NoPage::Unreadable(format!("the gateway answered {status}"))),
    }
    let body: ReportBody = serde_json::from_slice(&received.body)
        .map_err(|error| NoPage::Unreadable(format!("unreadable answer: {error}")))?;
    let details = body.transaction_details.unwrap_or_default();
    Ok(Page {
        more: body.total_pages.map_or(details.len() >= PAGE_SIZE, |total| place.page < total),
        transactions: details
            .into_iter()
            .filter_map(|detail| ReportDetail::deserialize(detail).unwrap_or_default().transaction_info)
            .collect(),
    })
}

impl Transaction {
    /// Whether it carries our reference, and where to read what became of it.
    #[must_use]
    pub fn trace(&self, reference: &str) -> Option<Trace> {
        let ours = |id: &Option<String>| id.as_deref() == Some(reference);
        if !ours(&self.custom_field) && !ours(&self.invoice_id) {
            return None;
        }
        let id = self.transaction_id.clone()?;
        match self.transaction_event_code.as_deref()?.get(..3)? {
            "T00" if self.took_place() => Some(Trace::Taken(id)),
            "T00" => Some(Trace::Tried(id)),
            "T13" => Some(Trace::Reserved(id)),
            _ => None,
        }
    }

    /// Whether money moved.
    fn took_place(&self) -> bool {
        match self.transaction_status.as_deref() {
            Some("S") => true,
            // Given back later, in part or whole. That is a movement of its own; this one took place.
            Some("F" | "V") => {
                self.transaction_event_code.as_deref().is_some_and(|code| code.starts_with("T00"))
            }
            _ => false,
        }
    }

    /// As a line of a settlement report; `None` if no money moved.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        let code = self.transaction_event_code.as_deref().unwrap_or("");
        let is_charge = code.starts_with("T00");
        // A reservation moves nothing.
        if !self.took_place() || code.starts_with("T13") {
            return None;
        }
        let mut money = from_value(self.transaction_amount.as_ref()?)?;
        let comes_in = money.amount.is_sign_positive();
        money.amount = money.amount.abs();
        // PayPal's fees are negative where they are taken.
        let fee = self.fee_amount.as_ref().and_then(from_value);
        let fee = fee.map(|fee| Money { amount: Decimal::ZERO - fee.amount, ..fee });
        Some(Line::Movement {
            reference: filled(self.custom_field.as_deref()).or(filled(self.invoice_id.as_deref())),
            // The settlement report does not name disputes: they are found by the capture that they are about.
            gateway_ref: match code {
                "T1201" | "T1202" => self.paypal_reference_id.clone().or(self.transaction_id.clone())?,
                _ => self.transaction_id.clone()?,
            },
            movement: match code {
                _ if is_charge && comes_in => Movement::Charge,
                // The money of a dispute is held, and let go again.
                "T1110" | "T1111" => Movement::Other,
                _ if code.starts_with("T11") && comes_in => Movement::RefundReversal,
                _ if code.starts_with("T11") => Movement::Refund,
                "T1201" => Movement::Dispute,
                "T1202" => Movement::DisputeReversal,
                _ => Movement::Other,
            },
            money,
            fee,
        })
    }
}

fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
