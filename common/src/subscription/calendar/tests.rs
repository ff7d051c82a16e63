//! The cases of the rule book, properties, and an independent calendar's table (`oracle.py`).

use chrono::Days;
use proptest::prelude::*;

use super::*;

/// Boundaries as other libraries compute them, over zones with and without clock changes.
const ORACLE: &str = include_str!("oracle.txt");

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn anchor(date: &str, zone: Tz) -> Anchor {
    Anchor { date: day(date), zone, index: 0 }
}

fn every(count: u16, unit: Unit) -> Interval {
    Interval::every(count, unit).unwrap()
}

#[track_caller]
fn assert_dates(anchored: &str, interval: Interval, expected: &[(u32, &str)]) {
    for &(n, date) in expected {
        assert_eq!(anchor(anchored, Tz::UTC).date_of(interval, n), Ok(day(date)), "boundary {n}");
    }
}

#[track_caller]
fn assert_instant(anchored: &str, zone: Tz, interval: Interval, n: u32, expected: &str) {
    let found = anchor(anchored, zone).boundary(interval, n).unwrap();
    assert_eq!(found, expected.parse::<Timestamp>().unwrap(), "boundary {n}");
}

#[test]
fn case_01_monthly_from_the_31st_comes_back_to_the_31st() {
    let expected = [(1, "2023-01-31"), (2, "2023-02-28"), (3, "2023-03-31"), (4, "2023-04-30")];
    assert_dates("2022-12-31", every(1, Unit::Month), &expected);
    assert_dates("2022-12-31", every(1, Unit::Month), &[(14, "2024-02-29"), (15, "2024-03-31")]);
}

#[test]
fn case_02_monthly_from_the_30th_of_a_leap_year() {
    let expected = [(1, "2024-02-29"), (2, "2024-03-30"), (3, "2024-04-30")];
    assert_dates("2024-01-30", every(1, Unit::Month), &expected);
}

#[test]
fn case_03_quarterly_from_the_31st() {
    let expected = [(1, "2022-04-30"), (2, "2022-07-31"), (3, "2022-10-31")];
    assert_dates("2022-01-31", every(3, Unit::Month), &expected);
}

#[test]
fn case_04_yearly_from_the_29th_of_february() {
    let expected = [(1, "2025-02-28"), (2, "2026-02-28"), (4, "2028-02-29")];
    assert_dates("2024-02-29", every(1, Unit::Year), &expected);
}

#[test]
fn case_05_weekly() {
    assert_dates("2015-05-01", every(1, Unit::Week), &[(1, "2015-05-08"), (2, "2015-05-15")]);
}

#[test]
fn case_06_a_month_ends_when_it_ends_in_kolkata() {
    let boundary = anchor("2023-02-01", Tz::Asia__Kolkata).boundary(every(1, Unit::Month), 1).unwrap();
    assert!(boundary > "2023-02-28T18:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(boundary, "2023-02-28T18:30:00Z".parse::<Timestamp>().unwrap());
}

#[test]
fn case_07_midnight_in_new_york_moves_with_the_clocks() {
    let monthly = every(1, Unit::Month);
    assert_instant("2024-02-10", Tz::America__New_York, monthly, 1, "2024-03-10T05:00:00Z");
    assert_instant("2024-02-10", Tz::America__New_York, monthly, 2, "2024-04-10T04:00:00Z");
}

#[test]
fn case_08_a_day_in_cairo_that_begins_at_one_oclock() {
    assert_instant("2024-03-26", Tz::Africa__Cairo, every(1, Unit::Month), 1, "2024-04-25T22:00:00Z");
}

#[test]
fn of_two_midnights_the_first_counts() {
    // In Havana the clocks went back from 01:00 to 00:00.
    assert_instant("2024-10-03", Tz::America__Havana, every(1, Unit::Month), 1, "2024-11-03T04:00:00Z");
}

#[test]
fn a_new_anchor_numbers_on() {
    let anew = Anchor { index: 7, ..anchor("2025-05-31", Tz::UTC) };
    let period = anew.period(every(1, Unit::Month), 8).unwrap();
    assert_eq!(period.days, Span { from: day("2025-06-30"), to: day("2025-07-31") });
    assert_eq!(period.index, 8);
    assert!(anew.period(every(1, Unit::Month), 6).is_err(), "before the anchor");
}

#[test]
fn the_end_of_the_calendar_is_an_error() {
    for (unit, count) in [(Unit::Day, 1000), (Unit::Week, 100), (Unit::Month, 36), (Unit::Year, 3)] {
        for index in [u32::MAX, u32::MAX - 1] {
            assert!(anchor("2024-01-31", Tz::UTC).period(every(count, unit), index).is_err(), "{unit}");
        }
    }
}

#[test]
fn another_calendar_agrees() {
    let mut rows = 0;
    for line in ORACLE.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap();
        let zone: Tz = word().parse().unwrap();
        let anchor = anchor(word(), zone);
        let unit: Unit = word().parse().unwrap();
        let interval = every(word().parse().unwrap(), unit);
        for row in words {
            let (n, seconds) = row.split_once(':').unwrap();
            let found = anchor.boundary(interval, n.parse().unwrap()).unwrap();
            assert_eq!(found.timestamp().to_string(), seconds, "boundary {n} of {line:.50}: {found}");
            rows += 1;
        }
    }
    assert!(rows > 5000, "only {rows} rows");
}

prop_compose! {
    /// Any anchor between 1990 and 2090, in any zone.
    fn anchors()(days in 0_u64..36_500, zone in 0..chrono_tz::TZ_VARIANTS.len()) -> Anchor {
        let date = day("1990-01-01") + Days::new(days);
        Anchor { date, zone: chrono_tz::TZ_VARIANTS[zone], index: 0 }
    }
}

prop_compose! {
    fn intervals()(unit in 0..Unit::ALL.len(), share in 1_u16..=1000) -> Interval {
        let unit = Unit::ALL[unit];
        every(1 + (unit.longest() - 1) * (share / 100) / 10, unit)
    }
}

proptest! {
    /// One period ends where the next begins, and no boundary comes before an earlier one. (They may be
    /// one instant where a zone has left out a whole day.)
    #[test]
    fn periods_follow_on_each_other(anchor in anchors(), interval in intervals(), n in 0_u32..200) {
        let (period, next) = (anchor.period(interval, n).unwrap(), anchor.period(interval, n + 1).unwrap());
        prop_assert_eq!(period.end, next.start);
        prop_assert_eq!(period.days.to, next.days.from);
        prop_assert!(period.start <= period.end);
        prop_assert!(!period.days.is_empty());
        prop_assert!(!period.contains(period.end));
        prop_assert!(period.start == period.end || period.contains(period.start));
    }

    /// A boundary is on the anchor's day, or on the last day of a month that does not have it.
    #[test]
    fn months_do_not_drift(anchor in anchors(), count in 1_u16..=36, n in 0_u32..400) {
        let date = anchor.date_of(every(count, Unit::Month), n).unwrap();
        let is_last = (date + Days::new(1)).day() == 1;
        prop_assert!(date.day() == anchor.date.day() || (is_last && date.day() < anchor.date.day()));
        let months = (date.year() - anchor.date.year()) * 12 + date.month0().cast_signed()
            - anchor.date.month0().cast_signed();
        prop_assert_eq!(i64::from(months), i64::from(n) * i64::from(count));
    }

    /// Twelve months are a year, seven days a week.
    #[test]
    fn units_agree(anchor in anchors(), n in 0_u32..200) {
        let of = |count, unit| anchor.boundary(every(count, unit), n);
        prop_assert_eq!(of(12, Unit::Month), of(1, Unit::Year));
        prop_assert_eq!(of(7, Unit::Day), of(1, Unit::Week));
    }

    /// The instant is the first of its day: a second before, it was still the day before.
    #[test]
    fn a_boundary_is_the_first_instant_of_its_day(anchor in anchors(), interval in intervals(), n in 0_u32..100) {
        let (date, boundary) = (anchor.date_of(interval, n).unwrap(), anchor.boundary(interval, n).unwrap());
        prop_assert!(local_date(boundary, anchor.zone) >= date);
        prop_assert!(local_date(boundary - chrono::TimeDelta::seconds(1), anchor.zone) < date);
    }
}
