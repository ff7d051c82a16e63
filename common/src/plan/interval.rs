//! How long a period is, and what it costs.

use crate::{money::Money, name::names};

/// What an interval is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

names!(Unit, Day => "day", Week => "week", Month => "month", Year => "year");

impl Unit {
    /// The longest interval: three years.
    #[must_use]
    pub const fn longest(self) -> u16 {
        match self {
            Self::Day => 1095,
            Self::Week => 156,
            Self::Month => 36,
            Self::Year => 3,
        }
    }
}

/// How long a period is: `count` units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    unit: Unit,
    count: u16,
}

/// An interval that is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be between 1 and {} for an interval in {unit}s", unit.longest())]
pub struct InvalidInterval {
    /// What it was to be counted in.
    pub unit: Unit,
}

impl Interval {
    /// `count` units.
    ///
    /// Fails with [`InvalidInterval`] for none, and for more than three years.
    pub fn every(count: u16, unit: Unit) -> Result<Self, InvalidInterval> {
        if (1..=unit.longest()).contains(&count) {
            Ok(Self { unit, count })
        } else {
            Err(InvalidInterval { unit })
        }
    }

    /// What it is counted in.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// How many units.
    #[must_use]
    pub fn count(self) -> u16 {
        self.count
    }
}

/// What one seat costs for one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// How much. May be nothing.
    pub unit: Money,
    /// For how long.
    pub interval: Interval,
}
