//! An invoice as billing.md says it lives, and its retry schedule.

use chrono::{NaiveDate, TimeDelta};

use tests::calendar::{At, days, share};

use super::{model::Decline, prices::Sale};

/// The days after the first decline on which it is tried again: the default policy.
const RETRY_DAYS: [i64; 4] = [1, 3, 7, 14];

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceStatus {
    Open,
    Settled,
    Void,
    Uncollectible,
}

impl InvoiceStatus {
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
    /// It has opened, or a step has come.
    Schedule,
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
    /// What credit notes took off it.
    pub noted: i64,
    /// What was given back of what it sold.
    pub given: i64,
    pub status: InvoiceStatus,
    pub attempts: u32,
    pub opened: At,
    pub retry_schedule: RetrySchedule,
}

impl Invoice {
    pub fn due(&self) -> i64 {
        match self.status {
            InvoiceStatus::Open | InvoiceStatus::Uncollectible => {
                self.total.max(0) - self.from_balance - self.paid - self.noted
            }
            InvoiceStatus::Settled | InvoiceStatus::Void => 0,
        }
    }

    /// What was paid for what it sells, and is still here.
    pub fn funds(&self) -> i64 {
        let is_sold = |line: &&Line| matches!(line.kind, "period" | "proration_charge" | "discount");
        let charges: i64 = self.lines.iter().filter(is_sold).map(|line| line.amount + line.tax).sum();
        (charges - self.due() - self.noted - self.given).max(0)
    }
}

/// How often it was declined, and when it is tried next.
#[derive(Debug, Clone, Copy, Default)]
pub struct RetrySchedule {
    pub first: Option<At>,
    pub used: usize,
    /// A hard decline: only the end comes by itself.
    pub held: bool,
    pub next: Option<At>,
}

impl RetrySchedule {
    /// It was declined. Tells whether that was the end.
    pub fn declined(&mut self, reason: Reason, how: Decline, at: At) -> bool {
        match self.first {
            None => self.first = Some(at),
            Some(_) if reason == Reason::Schedule => self.used += 1,
            Some(_) => {}
        }
        self.held = how == Decline::Hard;
        self.plan(at);
        self.next.is_none()
    }

    /// When it is tried next: on the first step that is not used and not over; if it is held, the end comes with
    /// the last.
    pub fn plan(&mut self, at: At) {
        let Some(first) = self.first else { return };
        let steps = RETRY_DAYS.map(|days| first + TimeDelta::days(days));
        let mut left = steps.into_iter().skip(self.used).filter(|step| *step > at);
        self.next = if self.held { left.next_back() } else { left.next() };
    }
}

/// An amount, and the tax on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taxed {
    pub net: i64,
    pub tax: i64,
}

impl Taxed {
    pub fn total(self) -> i64 {
        self.net + self.tax
    }

    pub fn and(self, other: Self) -> Self {
        Self { net: self.net + other.net, tax: self.tax + other.tax }
    }

    pub fn less(self, other: Self) -> Self {
        Self { net: self.net - other.net, tax: self.tax - other.tax }
    }

    /// So much of it, with its share of the tax.
    pub fn part(self, total: i64) -> Self {
        if total == self.total() || self.total() == 0 {
            return self;
        }
        let tax = share(self.tax, total, self.total());
        Self { net: total - tax, tax }
    }

    /// Neither more than this.
    fn up_to(self, other: Self) -> Self {
        Self { net: self.net.min(other.net).max(0), tax: self.tax.min(other.tax).max(0) }
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
    /// How many seats have left, and how many of these, by which change, have not come back.
    pub left: i64,
    pub away: Vec<(u32, i64)>,
    /// What was billed for it after discounts.
    pub billed: Taxed,
    /// What was given back of it, or taken off its invoice.
    pub credited: Taxed,
    /// What of that was billed again.
    pub returned: Taxed,
}

impl Billed {
    pub fn of(sold: &Sale, lines: &[Line], period: u32, invoice: usize) -> Self {
        let billed = Taxed {
            net: lines.iter().map(|line| line.amount).sum(),
            tax: lines.iter().map(|line| line.tax).sum(),
        };
        let (credited, returned) = (Taxed::default(), Taxed::default());
        Self { period, invoice, sold: sold.clone(), left: 0, away: Vec::new(), billed, credited, returned }
    }

    /// So many seats leave.
    pub fn leave(&mut self, change: u32, quantity: i64) {
        self.left += quantity;
        self.away.push((change, quantity));
    }

    /// So many come back, those first that left last: they are sold again.
    pub fn come_back(&mut self, quantity: i64) {
        let mut left = quantity;
        for (_, away) in self.away.iter_mut().rev() {
            let back = left.min(*away);
            *away -= back;
            left -= back;
        }
    }

    pub fn in_force(&self) -> i64 {
        self.sold.quantity - self.left
    }

    /// What so many of its seats were billed at from this day on; `None` where no day is left.
    fn part(&self, quantity: i64, day: NaiveDate) -> Option<Taxed> {
        let (from, to) = self.sold.days;
        let left = days(day.max(from), to);
        let of = |billed: i64| share(billed, quantity * left, self.sold.quantity * days(from, to));
        (left > 0 && quantity > 0).then(|| Taxed { net: of(self.billed.net), tax: of(self.billed.tax) })
    }

    /// What so many of its seats are worth that leave on this day.
    pub fn worth(&self, quantity: i64, day: NaiveDate) -> Option<Taxed> {
        Some(self.part(quantity, day)?.up_to(self.billed.less(self.credited)))
    }

    /// What so many of its seats cost that come back on this day.
    pub fn worth_again(&self, quantity: i64, day: NaiveDate) -> Option<Taxed> {
        Some(self.part(quantity, day)?.up_to(self.credited.less(self.returned)))
    }

    /// The days from this one on.
    pub fn since(&self, day: NaiveDate) -> (NaiveDate, NaiveDate) {
        (day.max(self.sold.days.0), self.sold.days.1)
    }
}
