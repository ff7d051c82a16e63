//! What a change within a period gives back, takes off and sells, as billing.md and ADR 38 have it: a credit is money
//! that came in.

use chrono::NaiveDate;
use tests::calendar::{At, days, share};

use super::{
    invoice::{InvoiceStatus, Line, Taxed},
    model::{Item, Model, Terms},
    prices::Sale,
};

/// What a change does.
#[derive(Debug, Default)]
pub struct Change {
    /// What goes on its invoice.
    items: Vec<Item>,
    /// What is taken off invoices that were not paid.
    notes: Vec<Note>,
}

/// A line of a credit note.
#[derive(Debug)]
struct Note {
    /// The place of what was billed.
    of: usize,
    /// How many seats leave by it: none where the change's invoice says so.
    leaving: i64,
    worth: Taxed,
}

impl Model {
    /// At once, and without proration: more seats come free, and fewer take the free ones first. Another price comes free
    /// as a whole.
    pub fn take_free(&mut self, terms: &Terms) {
        let more = terms.quantity - self.terms.quantity;
        self.free = if terms.unit == self.terms.unit {
            (self.free + more.min(0)).max(0) + more.max(0)
        } else {
            terms.quantity
        };
    }

    fn in_force_at(&self, unit: i64) -> i64 {
        self.billed.iter().filter(|billed| billed.sold.unit == unit).map(|billed| billed.in_force()).sum()
    }

    /// From what is in force at the price, and seats that stand on no line, to these terms.
    pub fn settle(&mut self, terms: &Terms, today: NaiveDate, change: &mut Change) {
        let (kept, free) = (self.in_force_at(terms.unit), self.free);
        let more = terms.quantity - kept - free;
        if more < 0 {
            self.free = free.min(terms.quantity - kept).max(0);
            let fewer = (kept - terms.quantity).max(0);
            return self.withdraw(fewer, |unit| unit == terms.unit, today, change);
        }
        let back = self.take_up(more, terms.unit, today, change);
        let Some(period) = self.period else { return };
        let since = today.max(period.from);
        let (left, whole) = (days(since, period.to), days(period.from, period.to));
        if left > 0 && more > back {
            change.items.push(Item::Sale(Sale {
                kind: "proration_charge",
                name: terms.name.clone(),
                quantity: more - back,
                unit: terms.unit,
                price: share(terms.unit, (more - back) * left, whole),
                days: (since, period.to),
                part: if kept + free + back == 0 { (left, whole) } else { (0, 1) },
            }));
        }
    }

    /// Up to so many seats leave on this day: those first that came last.
    pub fn withdraw(
        &self,
        quantity: i64,
        which: impl Fn(i64) -> bool,
        today: NaiveDate,
        change: &mut Change,
    ) {
        let mut left = quantity;
        // What was taken from each invoice by this change already: of what is due, and of what was paid.
        let taken = |change: &Change, invoice: usize| {
            let of_it = |of: &usize| self.billed[*of].invoice == invoice;
            let noted = change.notes.iter().filter(|note| of_it(&note.of)).map(|note| note.worth.total());
            let given = change.items.iter().filter_map(|item| match item {
                Item::Credit(line, of) if of_it(of) => Some(-line.amount - line.tax),
                _ => None,
            });
            (noted.sum::<i64>(), given.sum::<i64>())
        };
        for (place, billed) in self.billed.iter().enumerate().rev() {
            let seats = if which(billed.sold.unit) { left.min(billed.in_force()) } else { 0 };
            left -= seats;
            let invoice = &self.invoices[billed.invoice];
            let Some(worth) = billed.worth(seats, today).filter(|_| invoice.status != InvoiceStatus::Void)
            else {
                continue;
            };
            let (noted, given) = taken(change, billed.invoice);
            let note = worth.part((invoice.due() - noted).min(worth.total()));
            let rest = worth.less(note);
            let credit = rest.part((invoice.funds() - given).min(rest.total()));
            if credit.total() != 0 {
                let line = Line {
                    kind: "proration_credit",
                    name: format!("Unused: {}", billed.sold.name),
                    quantity: seats,
                    unit: billed.sold.unit,
                    amount: -credit.net,
                    tax: -credit.tax,
                    days: Some(billed.since(today)),
                };
                change.items.push(Item::Credit(line, place));
            }
            if note.total() != 0 {
                let leaving = if credit.total() == 0 { seats } else { 0 };
                change.notes.push(Note { of: place, leaving, worth: note });
            }
        }
    }

    /// Up to so many seats of that price come back as they left. How many do.
    fn take_up(&self, quantity: i64, unit: i64, today: NaiveDate, change: &mut Change) -> i64 {
        let lines = || self.billed.iter().enumerate().filter(|(_, billed)| billed.sold.unit == unit);
        let gone = lines().flat_map(|(place, billed)| {
            billed.away.iter().map(move |(change, away)| (std::cmp::Reverse(*change), place, *away))
        });
        let mut gone: Vec<_> = gone.collect();
        // What left last comes back first; by one change, what was sold last left first.
        gone.sort_unstable();
        let (mut wanted, mut coming) = (quantity, vec![0; self.billed.len()]);
        for (_, place, away) in gone {
            let seats = wanted.min(away);
            coming[place] += seats;
            wanted -= seats;
        }
        let mut back = 0;
        for (place, billed) in lines() {
            let seats = coming[place];
            let Some(worth) = billed.worth_again(seats, today) else { continue };
            back += seats;
            let line = Line {
                kind: "proration_charge",
                name: billed.sold.name.clone(),
                quantity: seats,
                unit,
                amount: worth.net,
                tax: worth.tax,
                days: Some(billed.since(today)),
            };
            change.items.push(Item::Return(line, place));
        }
        back
    }

    /// Credit notes first, then the invoice; then what is in the balance pays what is open.
    pub fn carry_out(&mut self, change: Change, at: At) {
        let Some(period) = self.period.filter(|_| !change.items.is_empty() || !change.notes.is_empty())
        else {
            return;
        };
        self.changes += 1;
        let mut is_paid = false;
        for Note { of, leaving, worth } in change.notes {
            let billed = &mut self.billed[of];
            billed.leave(self.changes, leaving);
            billed.credited = billed.credited.and(worth);
            let invoice = &mut self.invoices[billed.invoice];
            self.story.push(format!("{at}: {} is taken off invoice {}", worth.total(), billed.invoice));
            invoice.noted += worth.total();
            if invoice.due() == 0 {
                (invoice.status, is_paid) = (InvoiceStatus::Settled, true);
            }
        }
        if is_paid {
            self.was_paid(at);
        }
        if !change.items.is_empty() {
            self.open(period.index, Some(self.changes), change.items, at);
        }
        self.use_balance(at);
    }
}
