//! Pages, parts of a time, and what transactions say.

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

/// Follows the settlement report, and says which seconds were asked about.
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
    assert_eq!(Place::first((at(0), fraction)).query(fraction, Records::All)[2].1, "1970-01-01T00:00:06Z");
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
    assert_eq!(traces, [Trace::Tried("3C1".into())]);
    assert!(page.transactions.iter().all(|one| one.trace("pay_2").is_none()));
}

#[test]
fn only_payments_and_reservations_are_traces() {
    let id = || "3C1".to_owned();
    for (code, status, expected) in [
        ("T0006", "S", Some(Trace::Taken(id()))),
        ("T0006", "V", Some(Trace::Taken(id()))),
        ("T0003", "F", Some(Trace::Taken(id()))),
        ("T0006", "P", Some(Trace::Tried(id()))),
        ("T0006", "D", Some(Trace::Tried(id()))),
        ("T0006", "SOMETHING_NEW", Some(Trace::Tried(id()))),
        ("T1300", "S", Some(Trace::Reserved(id()))),
        ("T1107", "S", None),
        ("T1201", "S", None),
        ("T0", "S", None),
        ("", "S", None),
    ] {
        assert_eq!(transaction(code, status, "49.90").trace("pay_1"), expected, "{code} {status}");
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
        assert_eq!((money.to_string(), fee.unwrap().to_string()), ("49.90 EUR".into(), "2.23 EUR".into()));
    }
}
