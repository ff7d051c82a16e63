//! What a merchant asks of a subscription, and what billing.md makes of it.

use chrono_tz::Tz;

use tests::calendar::{At, day_of, midnight};

use super::{
    credits::Change,
    invoice::{InvoiceStatus, Reason},
    model::{Method, Model, Status, Terms},
};

pub use tests::law::commands::Proration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Another method: what is open is tried at once.
    Method(Method),
    /// Another plan, with as many seats.
    Plan(Terms, Proration),
    /// More seats, or fewer.
    Quantity(i64, Proration),
    /// Other midnights, from the next boundary on.
    Zone(Tz),
    Pause(Proration),
    /// To its old periods, or from today on.
    Resume {
        to_old_anchor: bool,
    },
    CancelNow {
        by_day: bool,
    },
    CancelWithPeriod,
    /// It shall not end with its period.
    Keep,
}

/// How it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandResult {
    Executed,
    Refused,
}
use CommandResult::{Executed, Refused};

impl Model {
    /// Executes a command, or does not.
    pub fn ask(&mut self, command: &Command, at: At) -> CommandResult {
        self.story.push(format!("{at}: {command:?}"));
        match command {
            Command::Method(method) => self.change_method(method, at),
            Command::Plan(terms, proration) => {
                let base = self.base(*proration);
                self.change_terms(Terms { quantity: base.quantity, ..terms.clone() }, *proration, at)
            }
            Command::Quantity(quantity, proration) => {
                let base = self.base(*proration);
                self.change_terms(Terms { quantity: *quantity, ..base }, *proration, at)
            }
            Command::Zone(zone) => {
                if self.status.has_ended() {
                    return Refused;
                }
                self.pending_zone = Some(*zone);
                Executed
            }
            Command::Pause(proration) => self.pause(*proration, at),
            Command::Resume { to_old_anchor } => self.resume(*to_old_anchor, at),
            Command::CancelNow { by_day } => self.cancel_now(*by_day, at),
            Command::CancelWithPeriod => match self.status {
                Status::Trialing | Status::Active | Status::PastDue => {
                    self.ends_with_period = true;
                    self.rests_with_period = false;
                    Executed
                }
                _ => self.cancel_now(false, at),
            },
            Command::Keep => {
                if self.status.has_ended() {
                    return Refused;
                }
                self.ends_with_period = false;
                Executed
            }
        }
    }

    fn base(&self, proration: Proration) -> Terms {
        let pending = self.pending_terms.as_ref().filter(|_| proration == Proration::AtPeriodEnd);
        pending.unwrap_or(&self.terms).clone()
    }

    fn change_method(&mut self, method: &Method, at: At) -> CommandResult {
        if self.status.has_ended() {
            return Refused;
        }
        self.method = Some(method.clone());
        self.use_balance(at);
        if self.is_declined_for_good(method) {
            return Executed;
        }
        for place in 0..self.invoices.len() {
            if self.invoices[place].status == InvoiceStatus::Open {
                self.invoices[place].retry_schedule.held = false;
                self.invoices[place].retry_schedule.plan(at);
                self.charge(place, Reason::Asked, at);
            }
        }
        Executed
    }

    fn change_terms(&mut self, terms: Terms, proration: Proration, at: At) -> CommandResult {
        if self.status.has_ended() {
            return Refused;
        }
        let same = if proration == Proration::AtPeriodEnd {
            terms == *self.pending_terms.as_ref().unwrap_or(&self.terms)
        } else {
            terms == self.terms && self.pending_terms.is_none()
        };
        if same {
            return Executed;
        }
        let other_interval = terms.every != self.terms.every;
        match (self.status, proration) {
            (Status::Incomplete, _) => return Refused,
            (Status::Paused, _) if other_interval => return Refused,
            (Status::Trialing | Status::Active | Status::PastDue, Proration::AtPeriodEnd) => {
                self.pending_terms = (terms != self.terms).then_some(terms);
                return Executed;
            }
            (Status::Active | Status::PastDue, Proration::None) => {
                if other_interval {
                    self.anchor = (self.aligned(self.next).from, self.next);
                }
                self.take_free(&terms);
            }
            (Status::Active | Status::PastDue, Proration::ByDay) => {
                self.change_by_day(terms, at);
                return Executed;
            }
            (Status::Paused, Proration::ByDay) => {
                self.rest_otherwise(terms, at);
                return Executed;
            }
            (Status::Paused, _) => self.take_free(&terms),
            _ => {}
        }
        (self.terms, self.pending_terms) = (terms, None);
        Executed
    }

    fn change_by_day(&mut self, terms: Terms, at: At) {
        let (today, before) = (day_of(at, self.zone), self.terms.clone());
        let other_interval = terms.every != before.every;
        let mut change = Change::default();
        if other_interval {
            self.withdraw(i64::MAX, |_| true, today, &mut change);
        } else {
            if terms.unit != before.unit {
                self.free = 0;
                self.withdraw(i64::MAX, |unit| unit != terms.unit, today, &mut change);
            }
            self.settle(&terms, today, &mut change);
        }
        (self.terms, self.pending_terms) = (terms, None);
        self.carry_out(change, at);
        if other_interval {
            self.begin_anew(at);
        }
    }

    /// Another price while it rests: what is still in force at the old one is given back.
    fn rest_otherwise(&mut self, terms: Terms, at: At) {
        let mut change = Change::default();
        if terms.unit == self.terms.unit {
            self.free = (self.free + (terms.quantity - self.terms.quantity).min(0)).max(0);
        } else {
            self.free = 0;
            self.withdraw(i64::MAX, |_| true, day_of(at, self.zone), &mut change);
        }
        (self.terms, self.pending_terms) = (terms, None);
        self.carry_out(change, at);
    }

    fn pause(&mut self, proration: Proration, at: At) -> CommandResult {
        match self.status {
            Status::Paused => return Executed,
            Status::Active | Status::PastDue if self.ends_with_period => return Refused,
            Status::Active | Status::PastDue => {}
            _ => return Refused,
        }
        if proration == Proration::AtPeriodEnd {
            self.rests_with_period = true;
            return Executed;
        }
        let mut change = Change::default();
        if proration == Proration::ByDay {
            self.withdraw(i64::MAX, |_| true, day_of(at, self.zone), &mut change);
        }
        self.rests_with_period = false;
        self.enter(Status::Paused, at);
        self.carry_out(change, at);
        Executed
    }

    fn resume(&mut self, to_old_anchor: bool, at: At) -> CommandResult {
        match self.status {
            Status::Paused if self.method.is_none() => return Refused,
            Status::Paused => {}
            Status::Active | Status::PastDue => {
                self.rests_with_period = false;
                return Executed;
            }
            _ => return Refused,
        }
        let (today, mut change) = (day_of(at, self.zone), Change::default());
        if to_old_anchor && self.period.is_some_and(|period| today < period.to) {
            // What was put off waits for the end of the period.
            self.enter(Status::Active, at);
            self.take_up_again(at);
            return Executed;
        }
        let interval = self.terms.every;
        // What was paid of the days to come is not paid again.
        self.withdraw(i64::MAX, |_| true, today, &mut change);
        self.carry_out(change, at);
        self.take_pending();
        self.enter(Status::Active, at);
        if to_old_anchor && self.terms.every == interval {
            self.rejoin(at);
        } else {
            self.begin_anew(at);
        }
        Executed
    }

    /// Into the periods as they always were: of the one that is running, the rest is billed.
    fn rejoin(&mut self, at: At) {
        let today = day_of(at, self.zone);
        let mut period = self.aligned(self.next);
        if today < period.from {
            return;
        }
        while period.to <= today {
            period = self.aligned(period.index + 1);
        }
        period.start = midnight(today, self.zone);
        if let Some(last) = self.period.as_mut() {
            last.end = last.end.min(period.start.max(last.start));
            period.start = period.start.max(last.end);
        }
        // Discounts wait for the periods that are billed.
        self.skipped += period.index - self.next;
        if period.from == today {
            return self.bill(period, at);
        }
        self.enter_period(period);
        self.take_up_again(at);
    }

    /// What is left of the period, and not paid, is billed.
    fn take_up_again(&mut self, at: At) {
        let (terms, mut change) = (self.terms.clone(), Change::default());
        self.settle(&terms, day_of(at, self.zone), &mut change);
        self.carry_out(change, at);
    }

    fn cancel_now(&mut self, by_day: bool, at: At) -> CommandResult {
        match self.status {
            Status::Canceled => return Executed,
            Status::IncompleteExpired => return Refused,
            _ => {}
        }
        let has_days = matches!(self.status, Status::Active | Status::PastDue | Status::Paused);
        let mut change = Change::default();
        if by_day && has_days {
            self.withdraw(i64::MAX, |_| true, day_of(at, self.zone), &mut change);
        }
        let never_began = self.status == Status::Incomplete;
        self.end(Status::Canceled, at);
        self.carry_out(change, at);
        if never_began {
            self.void_first();
        }
        Executed
    }
}
