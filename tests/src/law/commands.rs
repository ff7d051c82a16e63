//! What a command that was executed does to what is billed, as billing.md has it. (How the product decides whether
//! to execute it is its own affair.)

use chrono::NaiveDate;

use super::{Discount, Exact, Given, Law, Left, Plan, Sold, Subscription, Terms};
use crate::calendar::days;

/// What becomes of the rest of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proration {
    /// It is settled by day.
    ByDay,
    /// Nothing becomes of it.
    None,
    /// The change waits for its end.
    AtPeriodEnd,
}

impl Proration {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ByDay => "by_day",
            Self::None => "none",
            Self::AtPeriodEnd => "at_period_end",
        }
    }
}

/// What is asked of a subscription, of what changes what is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Another plan, by its place in the catalogue.
    Plan(usize, Plan, Proration),
    /// More seats, or fewer.
    Seats(i64, Proration),
    /// It rests.
    Pause(Proration),
    /// It goes on: in its old periods, or from today on.
    Resume {
        /// Which.
        old_anchor: bool,
    },
    /// It ends, now or with its period.
    Cancel(Proration),
    /// Other discounts.
    Discounts(Vec<Discount>),
}

/// How a command was executed, as seen from outside.
#[derive(Debug, Clone)]
pub struct Executed {
    /// Where the subscription stood: `active`, `past_due`, `paused`…
    pub status: String,
    /// The day.
    pub day: NaiveDate,
    /// The invoice of the change, if there is one.
    pub change: Option<String>,
    /// The invoice of a whole period that began with it: its number, and its days.
    pub period: Option<(u32, (NaiveDate, NaiveDate), String)>,
}

impl Law {
    /// A command about a subscription was executed.
    ///
    /// Fails when the law is broken.
    pub fn executed(&mut self, of: usize, command: &Command, how: &Executed) -> Result<(), String> {
        self.story.push(format!("{} {of}: {command:?} {how:?}", how.day));
        let runs = matches!(&*how.status, "active" | "past_due");
        match command {
            Command::Plan(plan, price, proration) => {
                let base = self.base(of, *proration);
                let terms = Terms { plan: *plan, price: *price, ..base };
                self.change(of, terms, *proration, how, runs);
            }
            Command::Seats(quantity, proration) => {
                let base = self.base(of, *proration);
                self.change(of, Terms { quantity: *quantity, ..base }, *proration, how, runs);
            }
            Command::Pause(Proration::ByDay) if runs => self.withdraw(of, i64::MAX, |_| true, how),
            Command::Cancel(Proration::ByDay) if runs || how.status == "paused" => {
                self.withdraw(of, i64::MAX, |_| true, how);
            }
            Command::Resume { old_anchor } if how.status == "paused" => self.resume(of, *old_anchor, how),
            Command::Discounts(discounts) => self.discount(of, discounts),
            Command::Pause(_) | Command::Cancel(_) | Command::Resume { .. } => {}
        }
        match &how.period {
            Some((index, days, bill)) => self.period(of, *index, *days, bill),
            None => Ok(()),
        }
    }

    fn base(&self, of: usize, proration: Proration) -> Terms {
        let subscription = &self.subscriptions[of];
        let pending = subscription.pending.filter(|_| proration == Proration::AtPeriodEnd);
        pending.unwrap_or(subscription.terms)
    }

    fn change(&mut self, of: usize, terms: Terms, proration: Proration, how: &Executed, runs: bool) {
        let subscription = &mut self.subscriptions[of];
        let is_so_already = match subscription.pending {
            None => terms == subscription.terms,
            Some(pending) => proration == Proration::AtPeriodEnd && terms == pending,
        };
        if is_so_already {
            return;
        }
        if runs && proration == Proration::AtPeriodEnd {
            subscription.pending = (terms != subscription.terms).then_some(terms);
            return;
        }
        let is_other_interval = terms.price.every != subscription.terms.price.every;
        let before = subscription.terms;
        let is_other_price = before.price.unit != terms.price.unit;
        match proration {
            Proration::ByDay if runs && is_other_interval => {
                self.withdraw(of, i64::MAX, |_| true, how);
                self.begin_anew(of, how.day);
            }
            Proration::ByDay if runs && is_other_price => {
                self.withdraw(of, i64::MAX, |unit| unit != terms.price.unit, how);
            }
            // It rests: what was paid of another price is given back; seats are counted when it goes on.
            Proration::ByDay if is_other_price => self.withdraw(of, i64::MAX, |_| true, how),
            Proration::ByDay => {}
            _ if runs => subscription.count_anew_from_next(terms.price.every),
            _ => {}
        }
        let seats = self.at_price(of, terms.price.unit);
        let subscription = &mut self.subscriptions[of];
        (subscription.terms, subscription.pending) = (terms, None);
        let more = terms.quantity - before.quantity;
        subscription.free = match proration {
            _ if subscription.period.is_none() => 0,
            Proration::ByDay if is_other_price || is_other_interval => 0,
            Proration::ByDay if runs => subscription.free,
            Proration::ByDay => (subscription.free + more.min(0)).max(0),
            // What comes without proration comes free, and leaves first.
            _ if runs => (terms.quantity - seats).max(0),
            _ if is_other_price => terms.quantity,
            _ => (subscription.free + more.min(0)).max(0) + more.max(0),
        };
        if runs && !is_other_interval && proration == Proration::ByDay {
            self.settle(of, how);
        }
    }

    /// From what is in force at the price, and seats that stand on no line, to the terms.
    fn settle(&mut self, of: usize, how: &Executed) {
        let Subscription { terms: Terms { price, quantity, .. }, free, .. } = self.subscriptions[of];
        let kept = self.at_price(of, price.unit);
        if quantity < kept + free {
            self.subscriptions[of].free = free.min(quantity - kept).max(0);
            return self.withdraw(of, (kept - quantity).max(0), |unit| unit == price.unit, how);
        }
        let more = quantity - kept - free;
        let back = self.take_up(of, more, how);
        let Some(period) = &self.subscriptions[of].period else { return };
        let since = how.day.max(period.days.0);
        let (left, whole) = (days(since, period.days.1), days(period.days.0, period.days.1));
        if left == 0 || more == back {
            return;
        }
        let (bill, span) = (how.change.clone().unwrap_or_default(), (since, period.days.1));
        let full = Exact::coins(price.unit).times(more - back).share(left, whole);
        let part = if kept + free + back == 0 { (left, whole) } else { (0, 1) };
        self.sell(of, &bill, more - back, span, full, part);
    }

    fn at_price(&self, of: usize, unit: i64) -> i64 {
        self.subscriptions[of].period.as_ref().map_or(0, |period| period.book.at_price(unit))
    }

    fn begin_anew(&mut self, of: usize, day: NaiveDate) {
        let next = self.subscriptions[of].next();
        self.subscriptions[of].anchor = (day, next);
    }

    fn resume(&mut self, of: usize, old_anchor: bool, how: &Executed) {
        let is_running = |period: &super::Period| how.day < period.days.1;
        if old_anchor && self.subscriptions[of].period.as_ref().is_some_and(is_running) {
            // What was put off waits for the end of the period.
            return self.settle(of, how);
        }
        self.withdraw(of, i64::MAX, |_| true, how);
        let every = self.subscriptions[of].terms.price.every;
        self.take_pending(of);
        let subscription = &self.subscriptions[of];
        if !old_anchor || subscription.terms.price.every != every {
            return self.begin_anew(of, how.day);
        }
        let mut index = subscription.next();
        if how.day < subscription.days_of(index).0 {
            return;
        }
        while subscription.days_of(index).1 <= how.day {
            index += 1;
        }
        if subscription.days_of(index).0 == how.day {
            // A whole period, which is billed as such; those between never are.
            let last = self.subscriptions[of].period.as_mut();
            return last.into_iter().for_each(|last| last.index = index - 1);
        }
        self.enter(of, index);
        self.settle(of, how);
    }

    /// Up to so many seats leave, those first that came last. What was not paid of them is taken off their invoice;
    /// what was paid, and is still here, is given back by the invoice of the change. The rest is nobody's.
    fn withdraw(&mut self, of: usize, quantity: i64, which: impl Fn(i64) -> bool, how: &Executed) {
        let mut left = quantity;
        let count = self.subscriptions[of].period.as_ref().map_or(0, |period| period.book.sold.len());
        for place in (0..count).rev() {
            let Some(period) = &self.subscriptions[of].period else { return };
            let Sold { unit, bill, .. } = period.book.sold[place].clone();
            let quantity = if which(unit) { left.min(period.book.in_force(place)) } else { 0 };
            left -= quantity;
            let worth = period.book.worth(place, quantity, how.day);
            let (due, paid) = self.bills.get(&bill).map_or_else(Default::default, super::check::funds);
            let note = worth.min(due);
            let credit = (worth - note).min(paid);
            // For what nothing is given back, but what rounding has left, it stays paid.
            if note + credit <= Exact::halves(3) {
                continue;
            }
            let its = self.bill(of, &bill);
            (its.noted, its.given, its.halves) = (its.noted + note, its.given + credit, its.halves + 4);
            // What rounding alone has left is on no invoice, where the change has none.
            if credit > Exact::ZERO && (how.change.is_some() || credit > Exact::halves(3)) {
                let change = self.bill(of, &how.change.clone().unwrap_or_default());
                (change.credits, change.halves) = (change.credits + credit, change.halves + 4);
            }
            let gone = Left { by: how.change.clone(), of: place, before: count, quantity, credit, note };
            self.subscriptions[of].period.iter_mut().for_each(|period| period.book.left.push(gone.clone()));
        }
    }

    /// Up to so many seats of that price come back as they left. How many did.
    fn take_up(&mut self, of: usize, quantity: i64, how: &Executed) -> i64 {
        let unit = self.subscriptions[of].terms.price.unit;
        let Some(period) = self.subscriptions[of].period.clone() else { return 0 };
        let mut back = 0;
        let coming = period.book.coming_back(unit, quantity, how.day);
        for (place, quantity) in coming.into_iter().enumerate().filter(|(_, coming)| *coming > 0) {
            back += quantity;
            let worth = period.book.worth_again(place, quantity, how.day);
            let days = (how.day, period.book.sold[place].days.1);
            let bill = how.change.clone().unwrap_or_default();
            let its = self.bill(of, &bill);
            (its.sold, its.halves) = (its.sold + worth, its.halves + 4);
            let again = Sold { bill, unit, quantity, days, worth, of: Some(place) };
            self.subscriptions[of].period.iter_mut().for_each(|period| period.book.sold.push(again.clone()));
        }
        back
    }

    /// Other discounts: those that it has already go on as they are. What is new begins with the next period, and what is
    /// not named ends with this.
    fn discount(&mut self, of: usize, discounts: &[Discount]) {
        let subscription = &mut self.subscriptions[of];
        let covers_now = |given: &Given| {
            subscription.period.as_ref().is_some_and(|now| now.discounts.contains(&given.discount))
        };
        let goes_on = |new: &Discount| {
            let same = subscription.discounts.iter().find(|given| given.discount == *new);
            Given { discount: *new, left: same.map_or(new.periods, |same| same.left), ends: false }
        };
        let ends = |given: &&Given| covers_now(given) && !discounts.contains(&given.discount);
        let ending =
            subscription.discounts.iter().filter(ends).map(|given| Given { ends: true, ..given.clone() });
        subscription.discounts = discounts.iter().map(goes_on).chain(ending).collect();
    }
}
