//! One subscription as billing.md says it lives: written from its rules for this test alone. Nothing of the
//! product is called. Amounts are whole numbers of the currency's smallest coin.

use std::collections::VecDeque;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

use tests::calendar::{At, Every, day_of, midnight};

use super::{
    invoice::{Billed, Invoice, InvoiceStatus, Line, Reason, RetrySchedule, Taxed},
    prices::{Discount, Sale, Tax},
};

/// What is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Which plan, by its place in the script.
    pub plan: usize,
    pub name: String,
    /// The price of one, in coins.
    pub unit: i64,
    pub every: Every,
    pub quantity: i64,
}

/// How it is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    pub kind: &'static str,
    pub token: String,
    /// From when until when it is declined, and whether for good.
    pub declined: Option<(At, At, Decline)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decline {
    /// A later attempt may succeed.
    Soft,
    /// The retries wait for another method.
    Hard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Incomplete,
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Paused,
    Canceled,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
        }
    }

    pub fn has_ended(self) -> bool {
        matches!(self, Self::IncompleteExpired | Self::Canceled)
    }

    fn renews(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

/// A period: its days, and its instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub index: u32,
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub start: At,
    pub end: At,
}

/// What a subscription is made from.
#[derive(Debug, Clone)]
pub struct Order {
    pub currency: &'static str,
    pub terms: Terms,
    pub zone: Tz,
    pub trial_days: u32,
    /// A trial that ends without a method: rests, or ends.
    pub rests_without_method: bool,
    pub method: Option<Method>,
    pub discounts: Vec<Discount>,
    pub tax: Option<Tax>,
}

/// What goes on an invoice.
#[derive(Debug, Clone)]
pub enum Item {
    /// Something is sold.
    Sale(Sale),
    /// Something is given back of what was billed: by its place there.
    Credit(Line, usize),
    /// Seats come back that had left what was billed there.
    Return(Line, usize),
}

/// A subscription, its customer's balance, and its invoices.
#[derive(Debug, Clone)]
pub struct Model {
    pub order: Order,
    pub terms: Terms,
    pub zone: Tz,
    pub method: Option<Method>,
    pub status: Status,
    /// The first day of the period with this number: everything is counted from there.
    pub anchor: (NaiveDate, u32),
    pub next: u32,
    pub period: Option<Period>,
    pub changes: u32,
    /// Seats that came without proration: they stand on no line, until the period ends.
    pub free: i64,
    /// How many periods were never billed: its discounts wait for others.
    pub skipped: u32,
    /// Methods that were declined for good: nobody asks them any more.
    pub declined: Vec<Method>,
    pub ends_with_period: bool,
    pub rests_with_period: bool,
    pub pending_terms: Option<Terms>,
    pub pending_zone: Option<Tz>,
    pub began: At,
    pub ended: Option<At>,
    pub balance: i64,
    pub invoices: Vec<Invoice>,
    pub billed: Vec<Billed>,
    /// What has happened, for people.
    pub story: Vec<String>,
}

impl Model {
    /// It begins: with a trial, or with its first invoice.
    pub fn begin(order: Order, at: At) -> Self {
        let first = day_of(at, order.zone) + chrono::Days::new(order.trial_days.into());
        let mut model = Self {
            terms: order.terms.clone(),
            zone: order.zone,
            method: order.method.clone(),
            status: if order.trial_days > 0 { Status::Trialing } else { Status::Incomplete },
            anchor: (first, 0),
            next: 0,
            period: None,
            changes: 0,
            free: 0,
            skipped: 0,
            declined: Vec::new(),
            ends_with_period: false,
            rests_with_period: false,
            pending_terms: None,
            pending_zone: None,
            began: at,
            ended: None,
            balance: 0,
            invoices: Vec::new(),
            billed: Vec::new(),
            story: vec![format!("{at}: it begins")],
            order,
        };
        if model.status == Status::Incomplete {
            model.bill_next(at);
        }
        model
    }

    /// Everything happens that is due by then, in its order.
    pub fn live_until(&mut self, at: At) {
        while let Some((due, what)) = self.next_event().filter(|(due, _)| *due <= at) {
            match what {
                Event::Boundary => self.boundary(due),
                Event::FirstInvoiceExpires => self.expire(due),
                Event::Retry(invoice) => self.retry(invoice, due),
            }
        }
    }

    fn next_event(&self) -> Option<(At, Event)> {
        let mut events = VecDeque::new();
        if self.status.renews() {
            events.push_back((self.next_period().start, Event::Boundary));
        }
        if self.status == Status::Incomplete {
            events.push_back((self.began + TimeDelta::hours(23), Event::FirstInvoiceExpires));
        }
        // Who has left is asked for nothing more.
        if !self.status.has_ended() {
            for (place, invoice) in self.invoices.iter().enumerate() {
                if let (InvoiceStatus::Open, Some(at)) = (invoice.status, invoice.retry_schedule.next) {
                    events.push_back((at, Event::Retry(place)));
                }
            }
        }
        // Of what comes at one moment the boundary is first.
        events.into_iter().min_by_key(|(at, _)| *at)
    }

    /// Boundary by boundary: cancel, pause, change, renew.
    fn boundary(&mut self, at: At) {
        let no_method = self.status == Status::Trialing && self.method.is_none();
        if self.ends_with_period || no_method && !self.rests_with_period && !self.order.rests_without_method {
            return self.end(Status::Canceled, at);
        }
        if self.rests_with_period || no_method {
            self.rests_with_period = false;
            return self.enter(Status::Paused, at);
        }
        self.take_pending();
        if self.status == Status::Trialing {
            self.enter(Status::Active, at);
        }
        let period = Period { start: at, ..self.next_period() };
        self.bill(period, at);
    }

    /// 23 hours, and the first invoice is not paid.
    fn expire(&mut self, at: At) {
        self.end(Status::IncompleteExpired, at);
        self.void_first();
    }

    pub fn void_first(&mut self) {
        for invoice in self.invoices.iter_mut().filter(|invoice| invoice.status == InvoiceStatus::Open) {
            invoice.status = InvoiceStatus::Void;
            self.balance += std::mem::take(&mut invoice.from_balance);
        }
    }

    /// The period that comes next begins where the last one has ended.
    pub fn next_period(&self) -> Period {
        let aligned = self.aligned(self.next);
        let follows = self.period.filter(|last| last.index + 1 == self.next && self.anchor.1 < self.next);
        let start = match (follows, self.period) {
            (Some(last), _) => last.end,
            (None, Some(last)) => aligned.start.max(last.end),
            (None, None) => aligned.start,
        };
        Period { start, end: aligned.end.max(start), ..aligned }
    }

    pub fn aligned(&self, index: u32) -> Period {
        let (first, number) = self.anchor;
        let [from, to] = [index, index + 1].map(|index| self.terms.every.after(first, index - number));
        Period { index, from, to, start: midnight(from, self.zone), end: midnight(to, self.zone) }
    }

    pub fn take_pending(&mut self) {
        if let Some(terms) = self.pending_terms.take() {
            if terms.every != self.terms.every {
                self.anchor = (self.aligned(self.next).from, self.next);
            }
            self.terms = terms;
        }
        if let Some(zone) = self.pending_zone.take() {
            self.zone = zone;
        }
    }

    /// A new anchor: the day that it is. A period that would end later ends with the last day.
    pub fn begin_anew(&mut self, at: At) {
        self.anchor = (day_of(at, self.zone), self.next);
        let start = midnight(self.anchor.0, self.zone);
        if let Some(last) = self.period.as_mut().filter(|last| start < last.end) {
            last.end = start.max(last.start);
        }
        self.bill_next(at);
    }

    pub fn bill_next(&mut self, at: At) {
        self.bill(self.next_period(), at);
    }

    /// A whole period is billed.
    pub fn bill(&mut self, period: Period, at: At) {
        self.enter_period(period);
        let Terms { name, unit, quantity, .. } = self.terms.clone();
        let days = (period.from, period.to);
        let sale = Sale { kind: "period", name, quantity, unit, price: unit * quantity, days, part: (1, 1) };
        self.open(period.index, None, vec![Item::Sale(sale)], at);
    }

    pub fn enter_period(&mut self, period: Period) {
        self.period = Some(period);
        self.next = period.index + 1;
        self.free = 0;
        // What was billed for another period is no longer in force.
        self.billed.retain(|billed| billed.period == period.index);
    }

    /// An invoice opens, is paid from the balance, and the rest is asked for at once.
    pub fn open(&mut self, index: u32, change: Option<u32>, items: Vec<Item>, at: At) {
        let place = self.invoices.len();
        let mut lines = Vec::new();
        for item in items {
            match item {
                Item::Credit(line, billed) => {
                    let billed = &mut self.billed[billed];
                    billed.leave(self.changes, line.quantity);
                    billed.credited = billed.credited.less(Taxed { net: line.amount, tax: line.tax });
                    self.invoices[billed.invoice].given -= line.amount + line.tax;
                    lines.push(line);
                }
                Item::Return(line, billed) => {
                    let first = &mut self.billed[billed];
                    first.come_back(line.quantity);
                    first.returned = first.returned.and(Taxed { net: line.amount, tax: line.tax });
                    let Line { ref name, quantity, unit, amount, days, .. } = line;
                    let (name, days) = (name.clone(), days.unwrap_or(first.sold.days));
                    let sale =
                        Sale { kind: line.kind, name, quantity, unit, price: amount, days, part: (0, 1) };
                    self.billed.push(Billed::of(&sale, std::slice::from_ref(&line), index, place));
                    lines.push(line);
                }
                Item::Sale(sale) => {
                    let of_it = sale.lines(&self.order.discounts, self.order.tax, index - self.skipped);
                    self.billed.push(Billed::of(&sale, &of_it, index, place));
                    lines.extend(of_it);
                }
            }
        }
        let tax = lines.iter().map(|line| line.tax).sum();
        lines.extend(Tax::line(self.order.tax, tax));
        let total: i64 = lines.iter().map(|line| line.amount).sum();
        let from_balance = self.drawn(total, self.balance);
        self.balance += (-total).max(0) - from_balance;
        let is_paid = total.max(0) == from_balance;
        self.story.push(format!("{at}: invoice {index} {change:?} over {total} opens"));
        self.invoices.push(Invoice {
            index,
            change,
            lines,
            total,
            tax,
            from_balance,
            paid: 0,
            noted: 0,
            given: 0,
            status: if is_paid { InvoiceStatus::Settled } else { InvoiceStatus::Open },
            attempts: 0,
            opened: at,
            retry_schedule: RetrySchedule::default(),
        });
        if is_paid {
            self.was_paid(at);
        } else {
            self.charge(place, Reason::Schedule, at);
        }
    }

    fn retry(&mut self, place: usize, at: At) {
        if self.invoices[place].retry_schedule.held {
            self.give_up(place, at);
        } else {
            self.attempt(place, Reason::Schedule, at);
        }
    }

    /// What is in the balance pays first; a payment asks for the rest.
    pub fn attempt(&mut self, place: usize, reason: Reason, at: At) {
        if self.draw(place) {
            return self.was_paid(at);
        }
        self.charge(place, reason, at);
    }

    /// What is in the balance pays of an invoice. Whether that was all.
    fn draw(&mut self, place: usize) -> bool {
        let drawn = self.drawn(self.invoices[place].due(), self.balance.max(0));
        self.balance -= drawn;
        let invoice = &mut self.invoices[place];
        invoice.from_balance += drawn;
        if invoice.due() == 0 {
            invoice.status = InvoiceStatus::Settled;
        }
        invoice.status == InvoiceStatus::Settled
    }

    /// What is in the balance pays what is open, oldest first.
    pub fn use_balance(&mut self, at: At) {
        let mut is_paid = false;
        for place in 0..self.invoices.len() {
            if self.invoices[place].status == InvoiceStatus::Open {
                is_paid |= self.draw(place);
            }
        }
        if is_paid {
            self.was_paid(at);
        }
    }

    /// What a balance pays of so much, and what of the rest cannot be charged.
    fn drawn(&self, total: i64, balance: i64) -> i64 {
        if total <= 0 {
            return 0;
        }
        let due = total - balance.min(total);
        total - self.method.as_ref().map_or(due, |method| chargeable(method, due, self.order.currency))
    }

    pub fn is_declined_for_good(&self, method: &Method) -> bool {
        self.declined.iter().any(|declined| declined.token == method.token)
    }

    /// One payment for all that is due. What was declined for good is as good as asked.
    pub fn charge(&mut self, place: usize, reason: Reason, at: At) {
        let Some(method) = self.method.clone() else { return };
        let is_asked = !self.is_declined_for_good(&method);
        let invoice = &mut self.invoices[place];
        let due = invoice.due();
        let declined = if is_asked {
            invoice.attempts += 1;
            method.declined.filter(|(from, to, _)| (*from..*to).contains(&at)).map(|(_, _, how)| how)
        } else {
            Some(Decline::Hard)
        };
        self.story.push(format!("{at}: {due} of invoice {place} asked for: {declined:?}"));
        let Some(how) = declined else {
            invoice.paid += due;
            invoice.status = InvoiceStatus::Settled;
            return self.was_paid(at);
        };
        let is_over = invoice.retry_schedule.declined(reason, how, at);
        if how == Decline::Hard && is_asked {
            self.declined.push(method);
        }
        if self.status == Status::Active {
            self.enter(Status::PastDue, at);
        }
        if is_over {
            self.give_up(place, at);
        }
    }

    pub fn was_paid(&mut self, at: At) {
        let all = self.invoices.iter().all(|invoice| invoice.status != InvoiceStatus::Open);
        if self.status == Status::Incomplete || self.status == Status::PastDue && all {
            self.enter(Status::Active, at);
        }
    }

    /// The retry schedule has come to its end. The default policy: the subscription ends.
    fn give_up(&mut self, place: usize, at: At) {
        self.invoices[place].status = InvoiceStatus::Uncollectible;
        if matches!(self.status, Status::Active | Status::PastDue) {
            self.end(Status::Canceled, at);
        }
    }

    pub fn end(&mut self, status: Status, at: At) {
        self.enter(status, at);
        self.ended = Some(at);
        (self.ends_with_period, self.rests_with_period) = (false, false);
        (self.pending_terms, self.pending_zone) = (None, None);
    }

    pub fn enter(&mut self, status: Status, at: At) {
        self.story.push(format!("{at}: it is {}", status.name()));
        self.status = status;
    }
}

enum Event {
    Boundary,
    FirstInvoiceExpires,
    Retry(usize),
}

/// What can be charged of so much: Stripe takes nothing below its least amounts, and no thousandths of a dinar.
fn chargeable(method: &Method, due: i64, currency: &str) -> i64 {
    let (least, step) = match currency {
        _ if method.kind == "paypal" => (0, 1),
        "USD" | "EUR" | "JPY" => (50, 1),
        "GBP" => (30, 1),
        "KWD" => (0, 10),
        _ => (0, 1),
    };
    let amount = due - due % step;
    if amount < least { 0 } else { amount }
}
