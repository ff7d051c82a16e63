//! The days that something is billed for.

use std::fmt;

use chrono::NaiveDate;

/// The days `[from, to)` of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
}

impl Span {
    /// How many days it has; none, if it ends before it begins.
    #[must_use]
    pub fn days(self) -> u32 {
        u32::try_from((self.to - self.from).num_days()).unwrap_or(0)
    }

    /// Whether it has no day.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.days() == 0
    }

    /// What is left of it from `day` on, that day included.
    #[must_use]
    pub fn since(self, day: NaiveDate) -> Self {
        Self { from: day.clamp(self.from, self.to.max(self.from)), to: self.to }
    }
}

/// As people say it: the first day and the last.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.to.pred_opt().unwrap_or(self.to);
        if last <= self.from { write!(f, "{}", self.from) } else { write!(f, "{} to {last}", self.from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, to: &str) -> Span {
        Span { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[test]
    fn it_counts_its_days() {
        for (from, to, days) in [
            ("2025-03-02", "2025-04-02", 31),
            ("2024-02-28", "2024-03-01", 2),
            ("2025-03-02", "2025-03-02", 0),
            ("2025-03-02", "2025-03-01", 0),
        ] {
            assert_eq!(span(from, to).days(), days, "{from} to {to}");
            assert_eq!(span(from, to).is_empty(), days == 0, "{from} to {to}");
        }
    }

    #[test]
    fn what_is_left_of_it_includes_the_day() {
        for (day, left) in
            [("2025-03-04", 29), ("2025-03-02", 31), ("2025-04-02", 0), ("2025-05-01", 0), ("2025-01-01", 31)]
        {
            assert_eq!(span("2025-03-02", "2025-04-02").since(day.parse().unwrap()).days(), left, "{day}");
        }
        assert!(span("2025-03-02", "2025-03-01").since("2025-03-01".parse().unwrap()).is_empty());
    }

    #[test]
    fn people_name_the_last_day() {
        assert_eq!(span("2025-03-02", "2025-04-02").to_string(), "2025-03-02 to 2025-04-01");
        assert_eq!(span("2025-03-02", "2025-03-03").to_string(), "2025-03-02");
    }
}
