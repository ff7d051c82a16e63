//! An invoice as billing.md says it lives, and its ladder.

use chrono::{NaiveDate, TimeDelta};

use super::{
    calendar::{At, days, share},
    model::Decline,
};

/// The days after the first decline on which it is tried again: the default policy.
const LADDER: [i64; 4] = [1, 3, 7, 14];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paid {
    Open,
    Paid,
    Void,
    Uncollectible,
}

impl Paid {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
        }
    }
}

/// Why it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It has opened, or a rung has come.
    Ladder,
    /// There is a new method.
    Asked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub kind: &'static str,
    pub name: String,
    pub quantity: i64,
    pub unit: i64,
    pub amount: i64,
    pub days: (NaiveDate, NaiveDate),
}

#[derive(Debug, Clone)]
pub struct Invoice {
    pub index: u32,
    pub change: Option<u32>,
    pub lines: Vec<Line>,
    pub total: i64,
    pub from_balance: i64,
    pub paid: i64,
    pub status: Paid,
    pub attempts: u32,
    pub opened: At,
    pub ladder: Ladder,
}

impl Invoice {
    pub fn due(&self) -> i64 {
        self.total.max(0) - self.from_balance - self.paid
    }
}

/// How often it was declined, and when it is tried next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ladder {
    pub first: Option<At>,
    pub used: usize,
    /// A hard decline: only the end comes by itself.
    pub held: bool,
    pub next: Option<At>,
}

impl Ladder {
    /// It was declined. Tells whether that was the end.
    pub fn declined(&mut self, reason: Reason, how: Decline, at: At) -> bool {
        match self.first {
            None => self.first = Some(at),
            Some(_) if reason == Reason::Ladder => self.used += 1,
            Some(_) => {}
        }
        self.held = how == Decline::Hard;
        self.plan(at);
        self.next.is_none()
    }

    /// When it is tried next: on the first rung that is not used and not over; if it is held, the end comes with
    /// the last.
    pub fn plan(&mut self, at: At) {
        let Some(first) = self.first else { return };
        let rungs = LADDER.map(|days| first + TimeDelta::days(days));
        let left = rungs.into_iter().skip(self.used).filter(|rung| *rung > at);
        self.next = if self.held { left.last() } else { left.into_iter().next() };
    }
}

/// Seats that were billed for a period, and what of them is still there.
#[derive(Debug, Clone)]
pub struct Billed {
    pub period: u32,
    /// On which invoice.
    pub invoice: usize,
    pub line: Line,
    pub in_force: i64,
    /// What was given back of its amount.
    pub credited: i64,
}

impl Billed {
    pub fn of(line: &Line, period: u32, invoice: usize) -> Self {
        Self { period, invoice, line: line.clone(), in_force: line.quantity, credited: 0 }
    }

    /// What is given back for so many of its seats, from this day on.
    pub fn give_back(&self, quantity: i64, day: NaiveDate) -> Option<Line> {
        let (from, to) = self.line.days;
        let (since, left) = (day.max(from), days(day.max(from), to));
        if left == 0 || quantity == 0 {
            return None;
        }
        let part = share(self.line.amount, quantity * left, self.line.quantity * days(from, to));
        Some(Line {
            kind: "proration_credit",
            name: format!("Unused: {}", self.line.name),
            quantity,
            unit: self.line.unit,
            amount: -part.min(self.line.amount - self.credited).max(0),
            days: (since, to),
        })
    }
}
