//! Days and midnights, by billing.md alone: nothing here is the product's.

use chrono::{DateTime, Days, Months, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// A moment.
pub type At = DateTime<Utc>;

/// What an interval is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

/// An interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    /// So many
    pub count: u32,
    /// of these.
    pub unit: Unit,
}

impl Unit {
    /// As it is written.
    #[must_use]
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
