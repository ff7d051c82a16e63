//! What a subscription was billed for its present period: seats on lines, what has left, and what has come back.

use chrono::NaiveDate;

use super::Exact;
use crate::calendar::days;

/// Seats that were sold together.
#[derive(Debug, Clone)]
pub struct Sold {
    /// The invoice.
    pub bill: String,
    /// The price of one for a whole period.
    pub unit: i64,
    /// How many.
    pub quantity: i64,
    /// The days: `[from, to)`.
    pub days: (NaiveDate, NaiveDate),
    /// What was asked for them, net of discounts, with tax.
    pub worth: Exact,
    /// They were sold before, in this place, and had left.
    pub of: Option<usize>,
}

/// Seats that have left.
#[derive(Debug, Clone)]
pub struct Left {
    /// The invoice of the change by which they left, if it has one.
    pub by: Option<String>,
    /// The place of what they were sold as.
    pub of: usize,
    /// How much was sold before they left.
    pub before: usize,
    /// How many.
    pub quantity: i64,
    /// What was given back for them.
    pub credit: Exact,
    /// What was taken off the invoice that was not paid.
    pub note: Exact,
}

/// All of a period.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// What was sold, oldest first.
    pub sold: Vec<Sold>,
    /// What has left, oldest first.
    pub left: Vec<Left>,
}

impl Book {
    /// What an invoice has brought is gone, because it is void. Credits that it had come with are in force again; what
    /// credit notes took off other invoices stays off.
    pub fn void(&mut self, bill: &str) {
        for sold in self.sold.iter_mut().filter(|sold| sold.bill == bill) {
            (sold.quantity, sold.worth, sold.of) = (0, Exact::ZERO, None);
        }
        let is_of_it = |left: &Left| self.sold[left.of].bill == bill;
        for left in self.left.iter_mut().filter(|left| is_of_it(left)) {
            (left.quantity, left.credit, left.note) = (0, Exact::ZERO, Exact::ZERO);
        }
        for left in self.left.iter_mut().filter(|left| left.by.as_deref() == Some(bill)) {
            if left.credit != Exact::ZERO {
                (left.quantity, left.credit) = (0, Exact::ZERO);
            }
        }
    }

    /// How many seats of a sale are in force.
    #[must_use]
    pub fn in_force(&self, sold: usize) -> i64 {
        let gone = self.left.iter().filter(|left| left.of == sold).map(|left| left.quantity);
        (self.sold[sold].quantity - gone.sum::<i64>()).max(0)
    }

    /// How many seats are in force at that price.
    #[must_use]
    pub fn at_price(&self, unit: i64) -> i64 {
        let at_price = (0..self.sold.len()).filter(|sold| self.sold[*sold].unit == unit);
        at_price.map(|sold| self.in_force(sold)).sum()
    }

    /// What so many seats of a sale are worth that leave on this day: no more than was not given back before.
    #[must_use]
    pub fn worth(&self, sold: usize, quantity: i64, day: NaiveDate) -> Exact {
        self.part(sold, quantity, day).min(self.sold[sold].worth - self.given(sold)).or_nothing()
    }

    /// How many of so many seats of that price come back to each sale that has days left: what left last comes first.
    #[must_use]
    pub fn coming_back(&self, unit: i64, quantity: i64, day: NaiveDate) -> Vec<i64> {
        let (mut wanted, mut back) = (quantity, vec![0; self.sold.len()]);
        for (left, away) in self.away().into_iter().rev() {
            let sold = &self.sold[left.of];
            if sold.unit == unit && sold.days.1 > day {
                let coming = wanted.min(away);
                back[left.of] += coming;
                wanted -= coming;
            }
        }
        back
    }

    /// What so many of a sale cost that come back on this day: no more than was given back for them.
    #[must_use]
    pub fn worth_again(&self, sold: usize, quantity: i64, day: NaiveDate) -> Exact {
        let (mut wanted, mut worth) = (quantity, Exact::ZERO);
        for (left, away) in self.away().into_iter().rev().filter(|(left, _)| left.of == sold) {
            let coming = wanted.min(away);
            wanted -= coming;
            let given = (left.credit + left.note).share(coming, left.quantity);
            worth += self.part(sold, coming, day).min(given).or_nothing();
        }
        worth
    }

    /// What has left, and how many of it have not come back.
    fn away(&self) -> Vec<(&Left, i64)> {
        let all = self.left.iter().filter(|left| left.quantity > 0);
        let mut away: Vec<_> = all.map(|left| (left, left.quantity)).collect();
        for (place, again) in self.sold.iter().enumerate() {
            let mut back = again.quantity;
            let are_its = |left: &Left| Some(left.of) == again.of && left.before <= place;
            for (_, away) in away.iter_mut().rev().filter(|(left, _)| are_its(left)) {
                let coming = back.min(*away);
                *away -= coming;
                back -= coming;
            }
        }
        away
    }

    fn part(&self, sold: usize, quantity: i64, day: NaiveDate) -> Exact {
        let Sold { quantity: of, days: (from, to), worth, .. } = self.sold[sold];
        if of == 0 {
            Exact::ZERO
        } else {
            worth.share(quantity * days(day.max(from), to), of * days(from, to))
        }
    }

    fn given(&self, sold: usize) -> Exact {
        self.left.iter().filter(|left| left.of == sold).map(|left| left.credit + left.note).sum()
    }
}
