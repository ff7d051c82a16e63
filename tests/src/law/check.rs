//! Whether the facts obey the law.

use chrono::NaiveDate;

use super::{Bill, BillFacts, Exact, Facts, Law};

/// What is still to pay of an invoice, or was given up; and what was paid for what it sold and is still here.
pub(super) fn funds(bill: &Bill) -> (Exact, Exact) {
    let due = bill.due().or_nothing();
    let paid = bill.sold - due - bill.noted - bill.given - Exact::coins(bill.facts.gone());
    (due, paid.or_nothing())
}

impl Bill {
    fn is_void(&self) -> bool {
        self.facts.status == "void"
    }

    fn total(&self) -> Exact {
        self.sold - self.credits
    }

    fn due(&self) -> Exact {
        if self.is_void() {
            return Exact::ZERO;
        }
        let paid = Exact::coins(self.facts.from_balance + self.facts.paid);
        self.total().or_nothing() - paid - self.noted
    }

    /// What it has brought to the balance, or taken from it.
    fn balance_delta(&self) -> Exact {
        let given = if self.is_void() { Exact::ZERO } else { (-self.total()).or_nothing() };
        given + Exact::coins(self.facts.too_much() - self.facts.from_balance - self.facts.reclaimed)
    }
}

impl BillFacts {
    /// What payments brought beyond what was to pay: it is the customer's, in the balance.
    fn too_much(&self) -> i64 {
        self.received - self.paid
    }

    /// What went back, and was not taken from the balance.
    fn gone(&self) -> i64 {
        self.refunded + self.disputed - self.reclaimed
    }
}

impl Law {
    /// Takes note of the facts.
    pub fn learn(&mut self, facts: &Facts) {
        self.balance = facts.balance;
        for (name, facts) in &facts.bills {
            let Some(bill) = self.bills.get_mut(name) else { continue };
            let became_void = facts.status == "void" && !bill.is_void();
            // What went back makes it cost less, and leaves in force what is.
            let back = |facts: &BillFacts| (facts.refunded, facts.disputed);
            if back(facts) != back(&bill.facts) {
                self.seen = None;
            }
            bill.facts = facts.clone();
            if became_void {
                self.void(name);
            }
        }
    }

    /// What it brought is gone, and what it gave back is in force again.
    fn void(&mut self, name: &str) {
        self.story.push(format!("{name} is void"));
        self.seen = None;
        let Some(of) = self.bills.get(name).map(|bill| bill.of) else { return };
        let Some(period) = &mut self.subscriptions[of].period else { return };
        let reversed: Vec<(String, Exact)> = period
            .book
            .left
            .iter()
            .filter(|left| left.by.as_deref() == Some(name))
            .map(|left| (period.book.sold[left.of].bill.clone(), left.credit))
            .collect();
        period.book.void(name);
        for (bill, credit) in reversed {
            if let Some(bill) = self.bills.get_mut(&bill) {
                bill.given -= credit;
            }
        }
    }

    /// Checks all that must hold at every moment.
    ///
    /// Fails with what is broken: every place of it.
    pub fn check(&self, facts: &Facts) -> Result<(), String> {
        let mut broken = Vec::new();
        for (name, facts) in &facts.bills {
            match self.bills.get(name) {
                None => broken.push(format!("{name} is billed for nothing: {facts:?}")),
                Some(bill) => broken.extend(bill.broken().map(|why| format!("{name} {why}: {bill:?}"))),
            }
        }
        let gone: Vec<_> = self.bills.keys().filter(|name| !facts.bills.contains_key(*name)).collect();
        if !gone.is_empty() {
            broken.push(format!("invoices that are to be there, and are not: {gone:?}"));
        }
        let halves: i64 = self.bills.values().map(|bill| bill.halves).sum();
        let balance: Exact = self.bills.values().map(Bill::balance_delta).sum();
        if (Exact::coins(facts.balance) - balance).abs() > Exact::halves(halves) {
            broken.push(format!("the balance is {}, and must be {balance:?} (±{halves}/2)", facts.balance));
        }
        let received: i64 = facts.bills.values().map(|bill| bill.received).sum();
        if facts.balance > received {
            broken.push(format!("the balance is {}, and {received} came in", facts.balance));
        }
        let billed: Exact =
            self.bills.values().filter(|bill| !bill.is_void()).map(|bill| bill.total() - bill.noted).sum();
        let cost = cost(facts);
        if (Exact::coins(cost) - billed).abs() > Exact::halves(halves) {
            broken.push(format!(
                "what came in, and is open, less the balance, is {cost}, for {billed:?} (±{halves}/2)"
            ));
        }
        if broken.is_empty() { Ok(()) } else { Err(broken.join("\n  ")) }
    }

    /// Nothing for nothing: what is in force as it was before on this day costs what it cost then, to the coin, whatever
    /// was refunded or disputed meanwhile.
    ///
    /// Fails when it does not.
    pub fn costs_the_same(&mut self, facts: &Facts, day: NaiveDate) -> Result<(), String> {
        let (state, cost) = (self.in_force(day), cost(facts));
        let seen = self.seen.take().filter(|(seen, _)| *seen == day).map(|(_, seen)| seen);
        let mut seen = seen.unwrap_or_default();
        if let Some((_, before)) = seen.iter().find(|(before, _)| *before == state) {
            if *before != cost {
                return Err(format!("{state} cost {before} before on {day}, and costs {cost} now"));
            }
        } else {
            seen.push((state, cost));
        }
        self.seen = Some((day, seen));
        Ok(())
    }

    fn in_force(&self, day: NaiveDate) -> String {
        let mut states = Vec::new();
        for subscription in &self.subscriptions {
            let Some(period) = &subscription.period else { continue };
            let mut seats: Vec<(i64, i64)> = Vec::new();
            for (place, sold) in period.book.sold.iter().enumerate().filter(|(_, sold)| sold.days.1 > day) {
                match seats.iter_mut().find(|(unit, _)| *unit == sold.unit) {
                    Some((_, seats)) => *seats += period.book.in_force(place),
                    None => seats.push((sold.unit, period.book.in_force(place))),
                }
            }
            seats.retain(|(_, seats)| *seats > 0);
            seats.sort_unstable();
            states.push(format!("period {} with {seats:?}", period.index));
        }
        states.join(", ")
    }
}

impl Bill {
    fn broken(&self) -> Option<String> {
        let BillFacts { status, due, from_balance, paid, received, .. } = &self.facts;
        let expected = match &**status {
            "paid" | "void" => Exact::ZERO,
            _ => self.due(),
        };
        let slack = Exact::halves(self.halves);
        let is_off = |a: Exact, b: Exact| (a - b).abs() > slack;
        if is_off(Exact::coins(*due), expected) {
            return Some(format!("says that {due} is left to pay, where {expected:?} is"));
        }
        if is_off(self.due(), expected) {
            return Some(format!("is {status}, and {:?} is left to pay", self.due()));
        }
        if *due < 0 || *paid < 0 || paid > received {
            return Some("is paid by money that never came".to_owned());
        }
        // What went back beyond what was paid for its lines was in the balance, and is not any more.
        let lines = if self.is_void() {
            Exact::ZERO
        } else {
            self.sold - self.due().or_nothing() - self.noted - self.given
        };
        let (gone, reclaimed) = (self.facts.gone(), self.facts.reclaimed);
        if reclaimed < 0 || gone < 0 {
            return Some(format!("has taken {reclaimed} from the balance, which never went back"));
        }
        if self.facts.disputed == 0 && Exact::coins(gone) > lines.or_nothing() + slack {
            return Some(format!(
                "has given back {gone}, where {lines:?} and {reclaimed} of the balance were there"
            ));
        }
        if Exact::coins(*from_balance) > self.total().or_nothing() + slack {
            return Some("takes more from the balance than it asks for".to_owned());
        }
        None
    }
}

/// What came in and is to come in, less what is in the balance, or was taken from there.
fn cost(facts: &Facts) -> i64 {
    facts.bills.values().map(|bill| bill.received + bill.due - bill.reclaimed).sum::<i64>() - facts.balance
}
