//! When periods begin and end. Boundary *n* is computed from the anchor, never from the boundary before:
//! a subscription that began on the 31st comes back to the 31st after every shorter month, and nothing
//! drifts.
//!
//! A boundary is a local midnight in the subscription's zone. Where a clock change leaves out that
//! midnight it is the first instant after the gap; where midnight happens twice, the first of the two.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeZone as _, Utc, offset::LocalResult};
use chrono_tz::{GapInfo, Tz};

use crate::{
    clock::Timestamp,
    invoice::Span,
    plan::{Interval, Unit},
};

/// Where counting begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The first day of period [`Anchor::index`], in the zone's calendar. Its day of the month is the one
    /// that every later boundary comes back to.
    pub date: NaiveDate,
    /// Whose midnights are meant.
    pub zone: Tz,
    /// The number of the period that begins on that day. Not zero once a subscription was anchored anew:
    /// its periods are numbered on, because the number is part of their key.
    pub index: u32,
}

/// One period: billed once, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its number within the subscription, from zero.
    pub index: u32,
    /// Its days, by which it is prorated.
    pub days: Span,
    /// The first instant of it.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

/// A date that is past every calendar, or a period before the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("period {index} is outside of the calendar that begins on {}", anchor.date)]
pub struct OutOfCalendar {
    /// Where counting began.
    pub anchor: Anchor,
    /// What was asked for.
    pub index: u32,
}

impl Anchor {
    /// Counting begins with period `index`, on the day that it is in `zone` at `instant`.
    #[must_use]
    pub fn on_day_of(instant: Timestamp, zone: Tz, index: u32) -> Self {
        Self { date: local_date(instant, zone), zone, index }
    }

    /// The day on which period `index` begins.
    pub fn date_of(self, interval: Interval, index: u32) -> Result<NaiveDate, OutOfCalendar> {
        index
            .checked_sub(self.index)
            .and_then(|n| nth_date(self.date, interval, n))
            .ok_or(OutOfCalendar { anchor: self, index })
    }

    /// The instant at which period `index` begins.
    pub fn boundary(self, interval: Interval, index: u32) -> Result<Timestamp, OutOfCalendar> {
        let date = self.date_of(interval, index)?;
        start_of_day(date, self.zone).ok_or(OutOfCalendar { anchor: self, index })
    }

    /// Period `index`: from its boundary up to the next.
    pub fn period(self, interval: Interval, index: u32) -> Result<Period, OutOfCalendar> {
        let next = index.checked_add(1).ok_or(OutOfCalendar { anchor: self, index })?;
        Ok(Period {
            index,
            days: Span { from: self.date_of(interval, index)?, to: self.date_of(interval, next)? },
            start: self.boundary(interval, index)?,
            end: self.boundary(interval, next)?,
        })
    }
}

impl Period {
    /// Whether `instant` is in it.
    #[must_use]
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }
}

/// The day that it is in `zone` at `instant`.
#[must_use]
pub fn local_date(instant: Timestamp, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

/// The day `n` intervals after `anchor`.
fn nth_date(anchor: NaiveDate, interval: Interval, n: u32) -> Option<NaiveDate> {
    let units = i64::from(n).checked_mul(i64::from(interval.count()))?;
    match interval.unit() {
        Unit::Day => anchor.checked_add_signed(chrono::TimeDelta::try_days(units)?),
        Unit::Week => anchor.checked_add_signed(chrono::TimeDelta::try_weeks(units)?),
        Unit::Month => months_later(anchor, units),
        Unit::Year => months_later(anchor, units.checked_mul(12)?),
    }
}

/// The anchor's day in the month `months` later, or that month's last day if it is shorter.
fn months_later(anchor: NaiveDate, months: i64) -> Option<NaiveDate> {
    let k = i64::from(anchor.year()) * 12 + i64::from(anchor.month0()) + months;
    let year = i32::try_from(k.div_euclid(12)).ok()?;
    let month = u32::try_from(k.rem_euclid(12)).ok()? + 1;
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    first.with_day(anchor.day().min(u32::from(first.num_days_in_month())))
}

/// The first instant of `date` in `zone`.
fn start_of_day(date: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let midnight = date.and_time(NaiveTime::MIN);
    let instant: DateTime<Tz> = match zone.from_local_datetime(&midnight) {
        LocalResult::Single(instant) => instant,
        LocalResult::Ambiguous(earlier, _) => earlier,
        LocalResult::None => GapInfo::new(&midnight, &zone)?.end?,
    };
    Some(instant.with_timezone(&Utc))
}

#[cfg(test)]
mod tests;
