//! What time brings: the outcomes of payments, boundaries, and retries.

use common::{
    clock::Timestamp,
    customer::BalanceDelta,
    gateway::DeclineClass,
    invoice::{
        self,
        dunning::{AttemptFailure, Due, Reason},
        state::{self as invoices, Ended, Settled},
    },
    subscription::{
        self, Subscription,
        state::{self, Fact, Refusal, Renewal},
    },
};
use tests::law::history::Card;

use super::{Payment, Store};

/// What one moment brings to one subscription, at most.
const BOUNDARIES_MAX: usize = 1000;

impl Store {
    /// The outcomes come of all payments that are under way.
    pub fn outcomes(&mut self) -> Result<(), Refusal> {
        while let Some(place) = self.payments.iter().position(|payment| !payment.has_ended) {
            self.payments[place].has_ended = true;
            let Payment { id, invoice, of, amount, card, reason, .. } = self.payments[place];
            let ended = match self.declines(card) {
                None => {
                    self.payments[place].captured = amount;
                    Ended::Succeeded(amount)
                }
                Some(class) => Ended::Failed(AttemptFailure::Declined(class)),
            };
            if ended == Ended::Failed(AttemptFailure::Declined(DeclineClass::Hard)) {
                self.decline_for_good(of, card);
            }
            let place = self.place(invoice);
            let settled = invoices::settle(&mut self.invoices[place], id, ended, reason, self.now);
            let is_open = self.invoices[place].status == invoice::Status::Open;
            match settled {
                Settled::Paid { balance_delta: BalanceDelta(amount) } => {
                    self.balance += amount;
                    self.follow_paid(of)?;
                }
                Settled::Surplus { balance_delta: BalanceDelta(amount), .. } => self.balance += amount,
                Settled::Owed(_) if is_open && matches!(ended, Ended::Failed(_)) => {
                    self.follow(of, Fact::PaymentDeclined)?;
                }
                Settled::GivenUp(then) => self.follow(of, Fact::DunningExhausted(then))?,
                Settled::Owed(_) | Settled::PartlyPaid | Settled::Ended => {}
            }
            self.carry_out(of)?;
            if reason == Reason::Asked {
                self.try_those_that_wait(of)?;
            }
        }
        Ok(())
    }

    /// A new card is asked for one invoice after the other.
    fn try_those_that_wait(&mut self, of: usize) -> Result<(), Refusal> {
        for place in self.owed(of) {
            let asks =
                |payment: &Payment| payment.of == of && !payment.has_ended && payment.reason == Reason::Asked;
            if self.invoices[place].retry_schedule.asked && !self.payments.iter().any(asks) {
                self.attempt(of, place, Reason::Asked)?;
            }
        }
        Ok(())
    }

    fn decline_for_good(&mut self, of: usize, card: Card) {
        let one = &mut self.subscriptions[of];
        if let Some(method) = one.subscription.method.as_mut().filter(|_| one.card == card) {
            method.is_declined = true;
        }
    }

    fn declines(&self, card: Card) -> Option<DeclineClass> {
        let day = (self.now - self.first).num_hours().div_euclid(24);
        match card {
            Card::Declined { from, to, hard } if (i64::from(from)..i64::from(to)).contains(&day) => {
                Some(if hard { DeclineClass::Hard } else { DeclineClass::Soft })
            }
            Card::Declined { .. } | Card::Good => None,
        }
    }

    /// What time brings at this moment: boundaries, and retries.
    pub fn comes(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.now = now;
        for of in 0..self.subscriptions.len() {
            for boundary in 0.. {
                assert!(boundary < BOUNDARIES_MAX, "boundaries without an end");
                let one = &mut self.subscriptions[of];
                let effects = if one.subscription.status == subscription::Status::Incomplete {
                    let is_live = |payment: &Payment| payment.of == of && !payment.has_ended;
                    let payment_under_way = self.payments.iter().any(is_live);
                    let fact = Fact::FirstInvoiceExpired { payment_under_way };
                    state::apply(&mut one.subscription, fact, now)?
                } else {
                    match state::renew(&mut one.subscription, now)? {
                        Renewal::Done(effects) => effects,
                        Renewal::NotBefore(_) | Renewal::None | Renewal::InReview => break,
                    }
                };
                let is_over = effects.is_empty();
                one.left.extend(effects);
                self.carry_out(of)?;
                self.settle_unless_slow()?;
                if is_over {
                    break;
                }
            }
        }
        for place in 0..self.invoices.len() {
            self.retry(place)?;
        }
        Ok(())
    }

    fn retry(&mut self, place: usize) -> Result<(), Refusal> {
        let of = self.of(place);
        let Subscription { status, created_at, .. } = self.subscriptions[of].subscription;
        let is_too_late = created_at + state::FIRST_INVOICE_WINDOW <= self.now;
        let has_job = self.invoices[place].retry_schedule.next_at.is_some()
            || self.invoices[place].retry_schedule.asked;
        if !has_job || status.is_final() || status == subscription::Status::Incomplete && is_too_late {
            return Ok(());
        }
        match invoices::come_due(&mut self.invoices[place], self.now) {
            Ok(Due::Attempt(reason)) => self.attempt(of, place, reason)?,
            Ok(Due::Exhausted(then)) => {
                self.follow(of, Fact::DunningExhausted(then))?;
                self.carry_out(of)?;
            }
            Ok(Due::NotBefore(_)) | Err(_) => {}
        }
        self.settle_unless_slow()
    }

    pub fn settle_unless_slow(&mut self) -> Result<(), Refusal> {
        if self.is_slow { Ok(()) } else { self.outcomes() }
    }
}
