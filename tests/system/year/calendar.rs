//! Days and midnights, by billing.md alone: nothing here is the product's.

use chrono::{DateTime, Days, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// A moment.
pub type At = DateTime<Utc>;

/// What an interval is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    pub count: u32,
    pub unit: Unit,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl Every {
    /// The day `n` intervals after `first`: in a month that is too short, its last.
    pub fn after(self, first: NaiveDate, n: u32) -> NaiveDate {
        let units = n * self.count;
        match self.unit {
            Unit::Day => first + Days::new(units.into()),
            Unit::Week => first + Days::new(u64::from(units) * 7),
            Unit::Month => first + Months::new(units),
            Unit::Year => first + Months::new(units * 12),
        }
    }
}

/// The first instant of a day: all clocks of the world stand at full quarters of an hour then.
pub fn midnight(day: NaiveDate, zone: Tz) -> At {
    let quarter = TimeDelta::minutes(15);
    let mut at = day.and_hms_opt(0, 0, 0).unwrap().and_utc() - TimeDelta::hours(15);
    while day_of(at, zone) < day {
        at += quarter;
    }
    at
}

/// Which day it is.
pub fn day_of(at: At, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// How many days there are between.
pub fn days(from: NaiveDate, to: NaiveDate) -> i64 {
    (to - from).num_days().max(0)
}

/// `amount × part ÷ whole`, halves away from zero.
pub fn share(amount: i64, part: i64, whole: i64) -> i64 {
    let (twice, whole) = (2 * i128::from(amount) * i128::from(part), i128::from(whole));
    let halves = if twice < 0 { twice - whole } else { twice + whole };
    i64::try_from(halves / (2 * whole)).unwrap()
}

/// The rules on which everything else is built, against billing.md's own table.
#[test]
fn the_table_of_cases_holds() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let month = |count| Every { count, unit: Unit::Month };
    for (first, every, n, expected) in [
        ("2022-12-31", month(1), 2, "2023-02-28"),
        ("2022-12-31", month(1), 14, "2024-02-29"),
        ("2024-01-30", month(1), 1, "2024-02-29"),
        ("2022-01-31", month(3), 1, "2022-04-30"),
        ("2024-02-29", Every { count: 1, unit: Unit::Year }, 4, "2028-02-29"),
        ("2024-02-29", Every { count: 1, unit: Unit::Year }, 1, "2025-02-28"),
        ("2015-05-01", Every { count: 1, unit: Unit::Week }, 2, "2015-05-15"),
    ] {
        assert_eq!(every.after(day(first), n), day(expected));
    }
    for (text, zone, expected) in [
        ("2023-03-01", chrono_tz::Asia::Kolkata, "2023-02-28T18:30:00Z"),
        ("2024-03-10", chrono_tz::America::New_York, "2024-03-10T05:00:00Z"),
        ("2024-04-10", chrono_tz::America::New_York, "2024-04-10T04:00:00Z"),
        ("2024-04-26", chrono_tz::Africa::Cairo, "2024-04-25T22:00:00Z"),
    ] {
        assert_eq!(midnight(day(text), zone), expected.parse::<At>().unwrap(), "{text}");
    }
    for (amount, part, whole, expected) in [
        (-24995, 29, 31, -23382),
        (24995, 27, 30, 22496),
        (3000, 21, 31, 2032),
        (-1000, 21, 31, -677),
        (-101, 15, 30, -51),
        (201, 15, 30, 101),
    ] {
        assert_eq!(share(amount, part, whole), expected, "{amount}");
    }
}
