//! What the stores of `common` do, in memory: the effects of the pure rules upon the subscriptions, invoices, payments
//! and the balance of one customer, in the order in which the stores do them.

mod time;

use std::collections::{BTreeSet, HashMap, VecDeque};

use common::{
    clock::Timestamp,
    customer::{BalanceDelta, PaymentMethod},
    gateway::GatewayName,
    id::{InvoiceId, PaymentId},
    invoice::{
        self, CreditNote, Invoice, Line, LineKind, NoteLine, Occasion,
        dunning::{Next, Policy, Reason, RetrySchedule},
        state as invoices,
        totals::Totals,
    },
    subscription::{
        self, Subscription,
        proration::{Book, Gone},
        state::{self, Effect, Effects, Fact, Refusal},
    },
};
use rust_decimal::Decimal;
use tests::law::history::Card;

/// A payment of an invoice.
#[derive(Debug, Clone)]
pub struct Payment {
    pub id: PaymentId,
    pub invoice: InvoiceId,
    pub of: usize,
    pub amount: Decimal,
    pub card: Card,
    pub reason: Reason,
    /// Whether it has an outcome.
    pub has_ended: bool,
    pub captured: Decimal,
    pub refunded: Decimal,
    /// Whether it is disputed: still, or lost.
    pub disputed: Option<Dispute>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispute {
    Open,
    Won,
    Lost,
}

/// A subscription, and the card that pays it.
#[derive(Debug, Clone)]
pub struct Subscribed {
    pub subscription: Subscription,
    pub card: Card,
    left: VecDeque<Effect>,
}

/// All rows of one customer.
#[derive(Debug, Clone)]
pub struct Store {
    pub first: Timestamp,
    pub now: Timestamp,
    pub subscriptions: Vec<Subscribed>,
    pub invoices: Vec<Invoice>,
    pub notes: Vec<CreditNote>,
    pub payments: Vec<Payment>,
    pub balance: Decimal,
    /// What was taken from the balance because it went back otherwise.
    pub reclaimed: HashMap<InvoiceId, Decimal>,
    /// What of an invoice is with the customer twice, whether it was taken or not.
    twice: HashMap<InvoiceId, Decimal>,
    /// Payments stay without an outcome, for now.
    pub is_slow: bool,
}

impl Store {
    pub fn new(first: Timestamp) -> Self {
        Self {
            first,
            now: first,
            subscriptions: Vec::new(),
            invoices: Vec::new(),
            notes: Vec::new(),
            payments: Vec::new(),
            balance: Decimal::ZERO,
            twice: HashMap::new(),
            reclaimed: HashMap::new(),
            is_slow: false,
        }
    }

    /// A subscription that was just made.
    pub fn add(&mut self, made: Result<(Subscription, Effects), Refusal>, card: Card) -> Result<(), Refusal> {
        let (subscription, effects) = made?;
        self.subscriptions.push(Subscribed { subscription, card, left: effects.into() });
        self.carry_out(self.subscriptions.len() - 1)
    }

    /// Decides a command about a subscription; all of it is done, or nothing.
    pub fn decide(
        &mut self,
        of: usize,
        decide: impl FnOnce(&mut Subscription, &Book) -> Result<Effects, Refusal>,
    ) -> Result<(), Refusal> {
        let before = self.clone();
        let book = self.book(of);
        let done = decide(&mut self.subscriptions[of].subscription, &book).and_then(|effects| {
            self.subscriptions[of].left.extend(effects);
            self.carry_out(of)
        });
        if done.is_err() {
            *self = before;
        }
        done
    }

    /// What was billed for the current period.
    fn book(&self, of: usize) -> Book {
        let subscription = &self.subscriptions[of].subscription;
        match subscription.current_period {
            Some(period) => self.book_of(subscription, period.index),
            None => Book::default(),
        }
    }

    fn book_of(&self, subscription: &Subscription, index: u32) -> Book {
        let of_it = |invoice: &&Invoice| {
            invoice.subscription_id == subscription.id
                && invoice.period_index == index
                && invoice.status != invoice::Status::Void
        };
        let found: Vec<_> = self.invoices.iter().filter(of_it).cloned().collect();
        let notes = self.notes.iter().filter(|note| found.iter().any(|invoice| invoice.id == note.invoice));
        let gone: Gone = found.iter().map(|invoice| (invoice.id, self.gone(invoice))).collect();
        Book::of(&found, &notes.cloned().collect::<Vec<_>>(), &gone)
    }

    /// What payments brought beyond what an invoice was paid; and what went back of them.
    fn flow(&self, invoice: &Invoice) -> (Decimal, Decimal) {
        let of_it = self.payments.iter().filter(|payment| payment.invoice == invoice.id);
        let (captured, back) = of_it.fold((Decimal::ZERO, Decimal::ZERO), |(captured, back), payment| {
            (captured + payment.captured, back + payment.refunded + payment.disputed())
        });
        (captured - invoice.amount_paid, back)
    }

    /// What went back of what the lines of an invoice were paid.
    fn gone(&self, invoice: &Invoice) -> Decimal {
        self.flow(invoice).1 - self.reclaimed.get(&invoice.id).copied().unwrap_or_default()
    }

    /// What was paid for the lines of an invoice and is still here; below zero, what is with the customer twice.
    fn left(&self, of: usize, invoice: &Invoice) -> Decimal {
        let book = self.book_of(&self.subscriptions[of].subscription, invoice.period_index);
        book.left(invoice.id).unwrap_or(-self.gone(invoice))
    }

    /// How much of a payment can be refunded.
    pub fn refundable(&self, payment: &Payment) -> Decimal {
        let invoice = self.invoice(payment.invoice);
        let (surplus, back) = self.flow(invoice);
        let spare = (surplus - back).max(Decimal::ZERO).min(self.balance.max(Decimal::ZERO));
        let left = self.left(payment.of, invoice).max(Decimal::ZERO);
        (payment.captured - payment.refunded).min(left + spare)
    }

    /// Money of a payment has gone back, or has not after all: what is with the customer twice leaves the balance.
    pub fn reclaim(&mut self, payment: usize) {
        self.reassess(self.payments[payment].invoice);
        self.collect();
    }

    fn reassess(&mut self, id: InvoiceId) {
        let invoice = self.invoice(id);
        let (surplus, back) = self.flow(invoice);
        let held = self.left(self.of(self.place(id)), invoice) + self.gone(invoice);
        let too_much = back.min(surplus);
        let twice = too_much + (back - too_much - held).max(Decimal::ZERO);
        self.twice.insert(id, twice);
        self.take(id, twice);
    }

    /// What was with the customer twice, and could not be taken then, is taken now.
    fn collect(&mut self) {
        let owed: Vec<_> =
            self.invoices.iter().filter_map(|one| Some((one.id, *self.twice.get(&one.id)?))).collect();
        for (id, twice) in owed {
            if twice > self.reclaimed.get(&id).copied().unwrap_or_default() {
                self.take(id, twice);
            }
        }
    }

    fn take(&mut self, id: InvoiceId, twice: Decimal) {
        let reclaimed = self.reclaimed.entry(id).or_default();
        let change = (twice - *reclaimed).min(self.balance.max(Decimal::ZERO));
        *reclaimed += change;
        self.balance -= change;
    }

    pub fn invoice(&self, id: InvoiceId) -> &Invoice {
        self.invoices.iter().find(|invoice| invoice.id == id).unwrap()
    }

    fn place(&self, id: InvoiceId) -> usize {
        self.invoices.iter().position(|invoice| invoice.id == id).unwrap()
    }

    /// Does what is to be done, and what follows from it.
    fn carry_out(&mut self, of: usize) -> Result<(), Refusal> {
        while let Some(effect) = self.subscriptions[of].left.pop_front() {
            let subscription = self.subscriptions[of].subscription.clone();
            let id = InvoiceId::new();
            match effect {
                Effect::Bill(period) => {
                    let lines = subscription.period_lines(id, &period)?;
                    self.open(of, id, period.index, Occasion::Period, lines)?;
                }
                Effect::Prorate { change, period, items } => {
                    let lines = subscription.change_lines(id, period, &items)?;
                    self.open(of, id, period, Occasion::Change(change), lines)?;
                }
                Effect::Note { change, lines } => self.note(of, change, &lines)?,
                Effect::UseBalance => self.use_balance(of)?,
                Effect::TryOpenInvoices => {
                    self.use_balance(of)?;
                    self.try_open(of);
                }
                Effect::VoidFirstInvoice => self.void_unpaid(of),
                Effect::Open(_) | Effect::Cut { .. } | Effect::Alarm(_) => {}
            }
        }
        Ok(())
    }

    fn follow(&mut self, of: usize, fact: Fact) -> Result<(), Refusal> {
        let effects = state::apply(&mut self.subscriptions[of].subscription, fact, self.now)?;
        self.subscriptions[of].left.extend(effects);
        Ok(())
    }

    fn follow_paid(&mut self, of: usize) -> Result<(), Refusal> {
        let open_left = self.open_left(of);
        self.follow(of, Fact::InvoicePaid { open_left })
    }

    fn open(
        &mut self,
        of: usize,
        id: InvoiceId,
        period_index: u32,
        occasion: Occasion,
        lines: Vec<Line>,
    ) -> Result<(), Refusal> {
        let subscription = &self.subscriptions[of].subscription;
        let mut invoice = Invoice {
            id,
            merchant_id: subscription.merchant_id,
            customer_id: subscription.customer_id,
            subscription_id: subscription.id,
            period_index,
            occasion,
            number: None,
            currency: subscription.terms.price.unit.currency,
            status: invoice::Status::Draft,
            total: Totals::of(&lines).total,
            lines,
            from_balance: Decimal::ZERO,
            amount_paid: Decimal::ZERO,
            amount_credited: Decimal::ZERO,
            attempts: 0,
            live_payment: None,
            retry_schedule: RetrySchedule::new(Policy::default()),
            created_at: self.now,
            updated_at: self.now,
            opened_at: None,
            ended_at: None,
        };
        let chargeable = |due| subscription.chargeable(due);
        let number = format!("{:06}", self.invoices.len() + 1);
        let BalanceDelta(balance_delta) =
            invoices::finalize(&mut invoice, number, self.balance, chargeable, self.now).unwrap();
        self.balance += balance_delta;
        self.invoices.push(invoice);
        let place = self.invoices.len() - 1;
        let is_declined = subscription.method.as_ref().map(|method| method.is_declined);
        match is_declined {
            _ if self.invoices[place].status != invoice::Status::Open => self.follow_paid(of),
            None => Ok(()),
            Some(true) => {
                match invoices::decline_unasked(&mut self.invoices[place], Reason::Schedule, self.now)
                    .unwrap()
                {
                    Next::Exhausted(then) => self.follow(of, Fact::DunningExhausted(then)),
                    _ => self.follow(of, Fact::PaymentDeclined),
                }
            }
            // A card that nobody knows yet is asked for one invoice at a time.
            Some(false) if self.asks(of) => {
                self.invoices[place].retry_schedule.asked = true;
                Ok(())
            }
            Some(false) => {
                self.begin(of, place, Reason::Schedule);
                Ok(())
            }
        }
    }

    fn begin(&mut self, of: usize, place: usize, reason: Reason) {
        let invoice = &mut self.invoices[place];
        let (id, amount) = (PaymentId::new(), invoice.due().amount);
        if invoices::begin_payment(invoice, id, self.now).is_err() {
            return;
        }
        // No card is charged for more than what is open: the total, and what the balance owed from before.
        let open = invoice.total - invoice.from_balance - invoice.amount_paid - invoice.amount_credited;
        assert!(amount > Decimal::ZERO && amount <= open, "{amount} of {invoice:?} is charged");
        self.payments.push(Payment {
            id,
            invoice: invoice.id,
            of,
            amount,
            card: self.subscriptions[of].card,
            reason,
            has_ended: false,
            captured: Decimal::ZERO,
            refunded: Decimal::ZERO,
            disputed: None,
        });
    }

    fn note(&mut self, of: usize, change: u32, lines: &[NoteLine]) -> Result<(), Refusal> {
        let mut sums: HashMap<InvoiceId, Vec<NoteLine>> = HashMap::new();
        for line in lines {
            sums.entry(line.of.invoice).or_default().push(line.clone());
        }
        let mut is_paid = false;
        for (id, lines) in sums {
            let place = self.place(id);
            let total = lines.iter().map(NoteLine::total).sum();
            let before = self.invoices[place].status;
            invoices::credit(&mut self.invoices[place], total, self.now).unwrap();
            is_paid |= self.invoices[place].status != before;
            let number = String::new();
            self.notes.push(CreditNote { invoice: id, change, number, lines, total, created_at: self.now });
        }
        if is_paid { self.follow_paid(of) } else { Ok(()) }
    }

    /// The invoices that a subscription is to pay, oldest first.
    fn owed(&self, of: usize) -> Vec<usize> {
        let subscription = &self.subscriptions[of].subscription;
        let is_unpaid = subscription.status == subscription::Status::Unpaid;
        let all = self.invoices.iter().enumerate();
        all.filter(|(_, invoice)| {
            invoice.subscription_id == subscription.id
                && (invoice.status == invoice::Status::Open
                    || is_unpaid && invoice.status == invoice::Status::Uncollectible)
        })
        .map(|(place, _)| place)
        .collect()
    }

    fn open_left(&self, of: usize) -> u32 {
        u32::try_from(self.owed(of).len()).unwrap()
    }

    fn draw(&mut self, of: usize, place: usize) {
        let method = self.subscriptions[of].subscription.method.clone();
        let chargeable =
            |due| method.map_or(due, |method| GatewayName::for_method(method.kind).chargeable(due));
        let BalanceDelta(drawn) =
            invoices::draw(&mut self.invoices[place], self.balance, chargeable, self.now);
        self.balance += drawn;
    }

    fn use_balance(&mut self, of: usize) -> Result<(), Refusal> {
        self.collect();
        let owed = self.owed(of);
        for place in &owed {
            self.draw(of, *place);
        }
        let is_paid = owed.iter().any(|place| self.invoices[*place].status == invoice::Status::Paid);
        if is_paid { self.follow_paid(of) } else { Ok(()) }
    }

    /// Whether its card is being asked off the retry schedule.
    fn asks(&self, of: usize) -> bool {
        self.payments.iter().any(|one| one.of == of && !one.has_ended && one.reason == Reason::Asked)
    }

    fn try_open(&mut self, of: usize) {
        if self.method(of).is_none_or(|method| method.is_declined) {
            return;
        }
        let owed = self.owed(of);
        for place in &owed {
            let _ = self.invoices[*place].retry_schedule.renew_method(self.now);
        }
        let first = owed.into_iter().find(|place| self.invoices[*place].live_payment.is_none());
        if let Some(place) = first {
            self.begin(of, place, Reason::Asked);
        }
    }

    fn method(&self, of: usize) -> Option<&PaymentMethod> {
        self.subscriptions[of].subscription.method.as_ref()
    }

    fn void_unpaid(&mut self, of: usize) {
        for place in self.owed(of) {
            if let Ok(BalanceDelta(amount)) = invoices::call_off(&mut self.invoices[place], self.now) {
                self.balance += amount;
            }
        }
    }

    /// One attempt, after what is in the balance.
    fn attempt(&mut self, of: usize, place: usize, reason: Reason) -> Result<(), Refusal> {
        let before = self.invoices[place].status;
        self.collect();
        self.draw(of, place);
        let is_declined = self.method(of).map(|method| method.is_declined);
        let invoice = &mut self.invoices[place];
        match is_declined {
            _ if invoice.status == invoice::Status::Paid => self.follow_paid(of)?,
            None => {}
            Some(true) => match invoices::decline_unasked(invoice, reason, self.now) {
                Ok(Next::Exhausted(then)) if invoice.status != before => {
                    self.follow(of, Fact::DunningExhausted(then))?;
                }
                _ if reason == Reason::Schedule => self.follow(of, Fact::PaymentDeclined)?,
                _ => {}
            },
            Some(false) => self.begin(of, place, reason),
        }
        self.carry_out(of)
    }

    /// A merchant asks for one.
    pub fn pay(&mut self, place: usize) -> Result<(), Refusal> {
        let of = self.of(place);
        if invoices::may_be_tried(&self.invoices[place]).is_err()
            || self.method(of).is_none_or(|one| one.is_declined)
        {
            return Ok(());
        }
        self.attempt(of, place, Reason::Asked)
    }

    pub fn void(&mut self, place: usize) -> Result<(), Refusal> {
        let of = self.of(place);
        if let Ok(BalanceDelta(amount)) = invoices::void(&mut self.invoices[place], self.now) {
            self.balance += amount;
            let lines = self.invoices[place].lines.clone();
            let credited = lines.iter().filter(|line| line.kind == LineKind::ProrationCredit);
            let credited: BTreeSet<_> = credited.filter_map(|line| Some(line.of?.invoice)).collect();
            for id in credited.into_iter().chain([self.invoices[place].id]) {
                self.reassess(id);
            }
            self.collect();
            let open_left = self.open_left(of);
            self.follow(of, Fact::InvoiceVoided { open_left })?;
        }
        self.carry_out(of)
    }

    pub fn give_up(&mut self, place: usize) {
        let _ = invoices::give_up(&mut self.invoices[place], self.now);
    }

    fn of(&self, place: usize) -> usize {
        let id = self.invoices[place].subscription_id;
        self.subscriptions.iter().position(|one| one.subscription.id == id).unwrap()
    }
}

impl Payment {
    pub fn disputed(&self) -> Decimal {
        match self.disputed {
            Some(Dispute::Open | Dispute::Lost) => self.captured,
            Some(Dispute::Won) | None => Decimal::ZERO,
        }
    }
}
