//! An invoice as billing.md says it lives, and its ladder.

use chrono::{NaiveDate, TimeDelta};

use tests::calendar::{At, days, share};

use super::{
    model::Decline,
    prices::Sale,
};

/// The days after the first decline on which it is tried again: the default policy.
const LADDER: [i64; 4] = [1, 3, 7, 14];

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Open,
    Settled,
    Void,
    Uncollectible,
}

impl Standing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "paid",
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
    /// Without tax.
    pub amount: i64,
    /// The tax on it, which is on a line of its own.
    pub tax: i64,
    pub days: Option<(NaiveDate, NaiveDate)>,
}

#[derive(Debug, Clone)]
pub struct Invoice {
    pub index: u32,
    pub change: Option<u32>,
    pub lines: Vec<Line>,
    pub total: i64,
    pub tax: i64,
    pub from_balance: i64,
    pub paid: i64,
    pub status: Standing,
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
        let mut left = rungs.into_iter().skip(self.used).filter(|rung| *rung > at);
        self.next = if self.held { left.next_back() } else { left.next() };
    }
}

/// Seats that were billed for a period, and what of them is still there.
#[derive(Debug, Clone)]
pub struct Billed {
    pub period: u32,
    /// On which invoice.
    pub invoice: usize,
    /// What was sold.
    pub sold: Sale,
    pub in_force: i64,
    /// What was billed for it after discounts, and the tax on that.
    pub net: i64,
    pub tax: i64,
    /// What was given back of both.
    pub credited: i64,
    pub credited_tax: i64,
}

impl Billed {
    pub fn of(sold: &Sale, lines: &[Line], period: u32, invoice: usize) -> Self {
        Self {
            period,
            invoice,
            sold: sold.clone(),
            in_force: sold.quantity,
            net: lines.iter().map(|line| line.amount).sum(),
            tax: lines.iter().map(|line| line.tax).sum(),
            credited: 0,
            credited_tax: 0,
        }
    }

    /// What is given back for so many of its seats, from this day on.
    pub fn give_back(&self, quantity: i64, day: NaiveDate) -> Option<Line> {
        let (from, to) = self.sold.days;
        let (since, left) = (day.max(from), days(day.max(from), to));
        if left == 0 || quantity == 0 {
            return None;
        }
        let of = |billed: i64, credited: i64| {
            let part = share(billed, quantity * left, self.sold.quantity * days(from, to));
            -part.min(billed - credited).max(0)
        };
        Some(Line {
            kind: "proration_credit",
            name: format!("Unused: {}", self.sold.name),
            quantity,
            unit: self.sold.unit,
            amount: of(self.net, self.credited),
            tax: of(self.tax, self.credited_tax),
            days: Some((since, to)),
        })
    }
}
