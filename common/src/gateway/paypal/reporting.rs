//! PayPal's report of transactions, `GET /v1/reporting/transactions`: the only place where a payment is
//! found by our reference, and its account of a time. It lags by up to three hours.

use chrono::{DateTime, SecondsFormat, TimeDelta};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    clock::Timestamp,
    gateway::{Line, Movement},
    money::Money,
};

use super::{
    amount::{Amount, from_value},
    issue::Refusal,
    response::Received,
};

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

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    transaction_details: Option<Vec<Value>>,
    total_pages: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    transaction_info: Option<Transaction>,
}

/// One transaction: a movement of money, or an attempt at one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Transaction {
    transaction_id: Option<String>,
    transaction_event_code: Option<String>,
    transaction_status: Option<String>,
    transaction_amount: Option<Amount>,
    fee_amount: Option<Amount>,
    invoice_id: Option<String>,
    custom_field: Option<String>,
}

/// What a payment of ours is called in the report, and where it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// Money taken: a capture of this id.
    Capture(String),
    /// Money reserved: an authorization of this id.
    Authorization(String),
}

impl Place {
    /// Where the account of this time begins.
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

/// The time in which a payment's transactions lie: by our clock, and with room for PayPal's.
#[must_use]
pub fn around(made_between: (Timestamp, Timestamp), margin: TimeDelta) -> (Timestamp, Timestamp) {
    let (from, to) = made_between;
    (from.checked_sub_signed(margin).unwrap_or(from), to.checked_add_signed(margin).unwrap_or(to))
}

/// Reads a page. Its transactions are read one by one: an odd one must not hide the others.
///
/// # Errors
/// [`NoPage`].
pub fn read(received: &Received, place: &Place) -> Result<Page, NoPage> {
    match received.status {
        200 => {}
        400 if Refusal::read(400, &received.body).issue == TOO_MANY => return Err(NoPage::TooMany),
        status => return Err(NoPage::Unreadable(format!("the gateway answered {status}"))),
    }
    let body: Body = serde_json::from_slice(&received.body)
        .map_err(|error| NoPage::Unreadable(format!("unreadable answer: {error}")))?;
    let details = body.transaction_details.unwrap_or_default();
    Ok(Page {
        more: body.total_pages.map_or(details.len() >= PAGE_SIZE, |total| place.page < total),
        transactions: details
            .into_iter()
            .filter_map(|detail| Detail::deserialize(detail).unwrap_or_default().transaction_info)
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
            "T00" => Some(Trace::Capture(id)),
            "T13" => Some(Trace::Authorization(id)),
            _ => None,
        }
    }

    /// As a line of an account; `None` if no money moved.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        let code = self.transaction_event_code.as_deref().unwrap_or("");
        let is_charge = code.starts_with("T00");
        let moved = match self.transaction_status.as_deref() {
            Some("S") => true,
            // Given back later, in part or whole. That is a movement of its own; this one took place.
            Some("F" | "V") => is_charge,
            _ => false,
        };
        // A reservation moves nothing.
        if !moved || code.starts_with("T13") {
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
            gateway_ref: self.transaction_id.clone()?,
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
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn received(status: u16, body: &str) -> Received {
        Received { status, retry_after: None, body: body.to_owned().into() }
    }

    fn transaction(code: &str, status: &str, amount: &str) -> Transaction {
        let body = format!(
            r#"{{"transaction_id":"3C1","transaction_event_code":"{code}","transaction_status":"{status}",
            "transaction_amount":{{"currency_code":"EUR","value":"{amount}"}},
            "fee_amount":{{"currency_code":"EUR","value":"-2.23"}},"invoice_id":"pay_1","custom_field":"pay_1"}}"#
        );
        serde_json::from_str(&body).unwrap()
    }

    /// Follows the account of a time, and says which seconds were asked about.
    fn parts(days: i64) -> Vec<(String, String)> {
        let until = at(days * 86_400);
        let (mut next, mut parts) = (Some(Place::first((at(0), until))), Vec::new());
        while let Some(place) = next {
            let query = place.query(until, Records::Moved);
            parts.push((query[1].1.clone(), query[2].1.clone()));
            next = place.next(until, &Page::default());
        }
        parts
    }

    #[test]
    fn a_long_time_is_asked_about_in_parts_without_a_gap() {
        assert_eq!(parts(1), [("1970-01-01T00:00:00Z".into(), "1970-01-02T00:00:00Z".into())]);
        let two_months = parts(60);
        assert_eq!(two_months.len(), 2);
        assert_eq!(two_months[0].1, two_months[1].0);
        assert_eq!(two_months[1].1, "1970-03-02T00:00:00Z");
        let fraction = DateTime::from_timestamp(5, 1).unwrap();
        assert_eq!(
            Place::first((at(0), fraction)).query(fraction, Records::All)[2].1,
            "1970-01-01T00:00:06Z"
        );
    }

    #[test]
    fn a_part_with_too_many_transactions_is_halved_down_to_a_second() {
        let until = at(86_400);
        let mut place = Place::first((at(0), until));
        let mut ends = Vec::new();
        while let Some(shorter) = place.halved(until) {
            assert!(shorter.end(until) < place.end(until));
            place = shorter;
            ends.push(place.end(until));
        }
        assert_eq!(ends.first(), Some(&43_200));
        assert_eq!(ends.last(), Some(&1));
        assert_eq!(place.next(until, &Page::default()).unwrap().from, 1, "it goes on where the part ended");
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_no_other_is() {
        let place = Place { from: 1_700_000_000, seconds: 3600, page: 7 };
        assert_eq!(Place::at(&place.cursor()), Some(place));
        for cursor in ["", "1", "1.2", "1.0.1", "1.2.0", "1.2.3.4", "a.b.c", "1.-5.1", "1.99999999.1"] {
            assert_eq!(Place::at(cursor), None, "{cursor}");
        }
    }

    #[test]
    fn pages_follow_one_another() {
        let first = Place::first((at(0), at(1)));
        let more = |place: &Place, body: &str| read(&received(200, body), place).unwrap().more;
        assert!(more(&first, r#"{"total_pages":2}"#));
        let second = first.next(at(1), &Page { more: true, ..Page::default() }).unwrap();
        assert_eq!(second.page, 2);
        assert!(!more(&second, r#"{"total_pages":2}"#));
        assert!(!more(&first, r#"{"transaction_details":null,"total_pages":null}"#));
        let full = format!(r#"{{"transaction_details":[{}]}}"#, vec!["{}"; PAGE_SIZE].join(","));
        assert!(more(&first, &full), "a full page is not taken for the last");
    }

    #[test]
    fn what_is_no_page_says_why() {
        let place = Place::first((at(0), at(1)));
        let read = |status, body: &str| read(&received(status, body), &place).unwrap_err();
        assert_eq!(read(400, r#"{"name":"RESULTSET_TOO_LARGE"}"#), NoPage::TooMany);
        assert_eq!(read(400, r#"{"details":[{"issue":"RESULTSET_TOO_LARGE"}]}"#), NoPage::TooMany);
        for (status, body) in [(400, "{}"), (403, ""), (404, ""), (500, ""), (200, ""), (200, "<html>")] {
            assert!(matches!(read(status, body), NoPage::Unreadable(_)), "{status} {body}");
        }
    }

    #[test]
    fn an_odd_transaction_does_not_hide_the_others() {
        let body = r#"{"transaction_details":[null,{},{"transaction_info":null},{"transaction_info":{"fee_amount":7}},
            {"transaction_info":{"transaction_id":"3C1","transaction_event_code":"T0006","invoice_id":"pay_1"}}]}"#;
        let page = read(&received(200, body), &Place::first((at(0), at(1)))).unwrap();
        let traces: Vec<_> = page.transactions.iter().filter_map(|one| one.trace("pay_1")).collect();
        assert_eq!(traces, [Trace::Capture("3C1".into())]);
        assert!(page.transactions.iter().all(|one| one.trace("pay_2").is_none()));
    }

    #[test]
    fn only_payments_and_reservations_are_traces() {
        for (code, expected) in [
            ("T0006", Some(Trace::Capture("3C1".into()))),
            ("T0003", Some(Trace::Capture("3C1".into()))),
            ("T1300", Some(Trace::Authorization("3C1".into()))),
            ("T1107", None),
            ("T1201", None),
            ("T0", None),
            ("", None),
        ] {
            assert_eq!(transaction(code, "S", "49.90").trace("pay_1"), expected, "{code}");
        }
    }

    #[test]
    fn lines_of_an_account() {
        use Movement::{Charge, Dispute, DisputeReversal, Other, Refund, RefundReversal};
        for (code, status, amount, expected) in [
            ("T0006", "S", "49.90", Some(Charge)),
            ("T0006", "F", "49.90", Some(Charge)),
            ("T0006", "V", "49.90", Some(Charge)),
            ("T0006", "P", "49.90", None),
            ("T0006", "D", "49.90", None),
            ("T0000", "S", "-49.90", Some(Other)),
            ("T1107", "S", "-49.90", Some(Refund)),
            ("T1107", "P", "-49.90", None),
            ("T1106", "S", "49.90", Some(RefundReversal)),
            ("T1110", "S", "-49.90", Some(Other)),
            ("T1201", "S", "-49.90", Some(Dispute)),
            ("T1202", "S", "49.90", Some(DisputeReversal)),
            ("T1300", "S", "49.90", None),
            ("T0400", "S", "-49.90", Some(Other)),
            ("T0006", "SOMETHING_NEW", "49.90", None),
        ] {
            let line = transaction(code, status, amount).line();
            let Some(Line::Movement { reference, gateway_ref, movement, money, fee }) = line else {
                assert_eq!(expected, None, "{code} {status}");
                continue;
            };
            assert_eq!(Some(movement), expected, "{code} {status}");
            assert_eq!((reference.as_deref(), gateway_ref.as_str()), (Some("pay_1"), "3C1"));
            assert_eq!(
                (money.to_string(), fee.unwrap().to_string()),
                ("49.90 EUR".into(), "2.23 EUR".into())
            );
        }
    }
}
