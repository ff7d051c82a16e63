//! The law of conservation of billing.md, as a model of its own: nothing of the product is called. It is told what was
//! asked for and done, and the facts (which invoices there are, what payments brought, refunds, disputes,
//! what is void or given up), and works out, without rounding, what every invoice and the balance must say.
//!
//! For each customer, at every moment: what came in = what was billed and not taken back + the balance − what is
//! open − what was given up. What was refunded or lost in a dispute came in, and is given back by nobody a second
//! time: it is the merchant's loss, and so are invoices that are void. A model may be off by half a coin for every
//! rounding, and by nothing else; what costs nothing costs exactly nothing.

mod book;
mod check;
pub mod commands;
mod exact;
pub mod history;
mod prices;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::calendar::Every;

pub use book::{Book, Left, Sold};
pub use exact::Exact;
pub use prices::{Discount, Off, Percent, Plan, Tax, Terms};

/// What is known of an invoice from outside, in coins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BillFacts {
    /// `open`, `paid`, `void` or `uncollectible`.
    pub status: String,
    /// What it says that is left to pay.
    pub due: i64,
    /// What of it the balance paid.
    pub from_balance: i64,
    /// What of it payments paid.
    pub paid: i64,
    /// What its payments brought.
    pub received: i64,
    /// What of that was refunded, or is on its way back.
    pub refunded: i64,
    /// What of that is disputed, or lost.
    pub disputed: i64,
    /// What was taken from the balance because it went back otherwise.
    pub reclaimed: i64,
}

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// What is in the balance.
    pub balance: i64,
    /// The invoices, by their names.
    pub bills: BTreeMap<String, BillFacts>,
}

/// An invoice, as it must be.
#[derive(Debug, Clone, Default)]
struct Bill {
    /// Of which subscription.
    of: usize,
    sold: Exact,
    /// What it gave back, of itself or of others.
    credits: Exact,
    /// What credit notes took off it.
    noted: Exact,
    /// What others gave back of what it sold.
    given: Exact,
    /// How many halves of a coin its amounts may be off by.
    halves: i64,
    facts: BillFacts,
}

/// A period that has begun.
#[derive(Debug, Clone)]
struct Period {
    index: u32,
    days: (NaiveDate, NaiveDate),
    /// The discounts that are given for it.
    discounts: Vec<Discount>,
    book: Book,
}

/// A discount, and for how many periods it is still given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    discount: Discount,
    left: Option<u32>,
    /// It was taken away: it ends with the period.
    ends: bool,
}

/// A subscription.
#[derive(Debug, Clone)]
struct Subscription {
    terms: Terms,
    pending: Option<Terms>,
    discounts: Vec<Given>,
    tax: Option<Tax>,
    /// The first day of the period with this number: the others are counted from there.
    anchor: (NaiveDate, u32),
    period: Option<Period>,
    /// Seats that came without proration: they stand on no line, until the period ends.
    free: i64,
}

/// What is subscribed to, and how it is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// What.
    pub terms: Terms,
    /// What is taken off.
    pub discounts: Vec<Discount>,
    /// The tax on it.
    pub tax: Option<Tax>,
}

/// One customer, in one currency.
#[derive(Debug, Clone, Default)]
pub struct Law {
    subscriptions: Vec<Subscription>,
    bills: BTreeMap<String, Bill>,
    balance: i64,
    /// What all cost, by what was in force, on the last day that something was asked for.
    seen: Option<(NaiveDate, Vec<(String, i64)>)>,
    /// What has happened, for people.
    pub story: Vec<String>,
}

impl Law {
    /// So many of the catalogue's coins.
    /// A subscription begins; answers its place.
    pub fn subscribed(&mut self, agreed: &Agreement, day: NaiveDate) -> usize {
        let given = |discount: &Discount| Given { discount: *discount, left: discount.periods, ends: false };
        self.subscriptions.push(Subscription {
            terms: agreed.terms,
            pending: None,
            discounts: agreed.discounts.iter().map(given).collect(),
            tax: agreed.tax,
            anchor: (day, 0),
            period: None,
            free: 0,
        });
        self.subscriptions.len() - 1
    }

    /// A whole period begins, and this invoice bills it.
    ///
    /// Fails when it is not the next, or bills days that are paid already.
    pub fn period(
        &mut self,
        of: usize,
        index: u32,
        days: (NaiveDate, NaiveDate),
        bill: &str,
    ) -> Result<(), String> {
        self.take_pending(of);
        let subscription = &self.subscriptions[of];
        let expected = (subscription.next(), subscription.days_of(index));
        if (index, days) != expected {
            return Err(format!("{bill} bills period {index}, {days:?}, where {expected:?} is to be billed"));
        }
        if let Some(last) = subscription.period.as_ref().filter(|last| self.is_paid(last, days.0)) {
            return Err(format!("{bill} bills days from {} on that are in force: {last:?}", days.0));
        }
        self.enter(of, index);
        let Terms { price, quantity, .. } = self.subscriptions[of].terms;
        self.sell(of, bill, quantity, days, Exact::coins(price.unit).times(quantity), (1, 1));
        Ok(())
    }

    /// Whether money is still here for days of a period from this one on, or waits to be paid.
    fn is_paid(&self, period: &Period, day: NaiveDate) -> bool {
        (0..period.book.sold.len()).any(|place| {
            let in_force = period.book.in_force(place);
            let Some(bill) = self.bills.get(&period.book.sold[place].bill) else { return false };
            let (due, paid) = check::funds(bill);
            period.book.worth(place, in_force, day).min(due + paid) > Exact::halves(bill.halves)
        })
    }

    /// A period begins: one more for which its discounts are given.
    fn enter(&mut self, of: usize, index: u32) {
        let subscription = &mut self.subscriptions[of];
        let days = subscription.days_of(index);
        let mut discounts = Vec::new();
        subscription.discounts.retain(|given| !given.ends);
        for given in &mut subscription.discounts {
            if given.left == Some(0) {
                continue;
            }
            discounts.push(given.discount);
            given.left = given.left.map(|left| left - 1);
        }
        subscription.free = 0;
        subscription.period = Some(Period { index, days, discounts, book: Book::default() });
    }

    /// Seats are sold for this price. Of what is taken off a whole period, this part is.
    fn sell(
        &mut self,
        of: usize,
        bill: &str,
        quantity: i64,
        days: (NaiveDate, NaiveDate),
        price: Exact,
        part: (i64, i64),
    ) {
        let subscription = &mut self.subscriptions[of];
        let Some(period) = &mut subscription.period else { return };
        let mut left = price;
        for discount in &period.discounts {
            left -= match discount.off {
                Off::Percent(percent) => left.share(percent.part, percent.whole),
                Off::Coins(coins) => left.min(Exact::coins(coins).share(part.0, part.1)),
            };
        }
        let worth = Tax::on(subscription.tax, left);
        // The price, the tax, and each discount, with the tax on what they are off by.
        let halves = 3 + i64::try_from(period.discounts.len()).unwrap_or(0);
        let unit = subscription.terms.price.unit;
        period.book.sold.push(Sold { bill: bill.to_owned(), unit, quantity, days, worth, of: None });
        self.bill(of, bill).sold += worth;
        self.bill(of, bill).halves += halves;
    }

    /// What was put off until now.
    fn take_pending(&mut self, of: usize) {
        let subscription = &mut self.subscriptions[of];
        if let Some(pending) = subscription.pending.take() {
            subscription.count_anew_from_next(pending.price.every);
            subscription.terms = pending;
        }
    }

    fn bill(&mut self, of: usize, bill: &str) -> &mut Bill {
        self.bills.entry(bill.to_owned()).or_insert_with(|| Bill { of, ..Bill::default() })
    }
}

impl Subscription {
    /// The number of the period that is billed next.
    fn next(&self) -> u32 {
        self.period.as_ref().map_or(0, |period| period.index + 1)
    }

    /// The days of a period.
    fn days_of(&self, index: u32) -> (NaiveDate, NaiveDate) {
        let (first, number) = self.anchor;
        let day = |index: u32| self.terms.price.every.after(first, index - number.min(index));
        (day(index), day(index + 1))
    }

    /// With another interval, periods are counted from where the present one ends.
    fn count_anew_from_next(&mut self, every: Every) {
        if every != self.terms.price.every {
            self.anchor = (self.days_of(self.next()).0, self.next());
        }
    }
}
