//! One customer, who lives through a history by the pure rules, beside the law.

use chrono::{Days, NaiveDate, TimeDelta};
use common::{
    customer::PaymentMethod,
    gateway::MethodType,
    id::{CustomerId, MerchantId, PlanId, SubscriptionId},
    invoice::{self, Discount, Duration, Occasion, Percent, Reduction, TaxRate},
    money::{Currency, Money},
    plan::{Interval, Plan, Price, Unit},
    subscription::{
        Terms, WithoutMethod,
        proration::Proration,
        state::{self, New, ProrationContext, Refusal, Resume, Update, When},
    },
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use tests::law::{
    self, BillFacts, Facts, Law, Off,
    commands::{Command, Executed},
    history::{CURRENCIES, Card, Happens, History, Order, Step, catalogue},
};

use super::store::{Dispute, Store};

pub struct Customer<'a> {
    history: &'a History,
    /// In which steps payments have no outcome until the next has begun.
    slow: &'a [bool],
    digits: u32,
    plans: Vec<Plan>,
    ids: (MerchantId, CustomerId),
    store: Store,
    law: Law,
    known: usize,
}

type Broken = Result<(), String>;

/// Lives through all of it. How the law was broken, if it was.
pub fn live(history: &History, slow: &[bool]) -> Broken {
    let mut customer = Customer::new(history, slow);
    let lived = customer.live();
    lived.map_err(|why| format!("{why}\n  after\n  {}", customer.law.story.join("\n  ")))
}

impl<'a> Customer<'a> {
    fn new(history: &'a History, slow: &'a [bool]) -> Self {
        let (code, digits) = CURRENCIES[history.currency];
        let first = "2027-01-01T12:00:00Z".parse().unwrap();
        let currency = Currency::from_code(code).unwrap();
        let merchant = MerchantId::new();
        let law = Law::default();
        let plans = catalogue().into_iter().enumerate().map(|(place, plan)| Plan {
            id: PlanId::new(),
            merchant_id: merchant,
            name: format!("Plan {place}"),
            price: Price {
                unit: Money { amount: Decimal::new(plan.unit, digits), currency },
                interval: Interval::every(plan.every.count.try_into().unwrap(), unit(plan.every.unit))
                    .unwrap(),
            },
            trial_days: 0,
            archived: false,
            metadata: Default::default(),
            created_at: first,
            updated_at: first,
        });
        let (plans, ids) = (plans.collect(), (merchant, CustomerId::new()));
        Self { history, slow, digits, plans, ids, store: Store::new(first), law, known: 0 }
    }

    fn live(&mut self) -> Broken {
        let history = self.history;
        self.subscribe(&history.first)?;
        for (nth, (day, step)) in history.dated().enumerate() {
            self.time_passes(day)?;
            self.store.is_slow = !self.slow.is_empty() && self.slow[nth % self.slow.len()];
            self.step(step)?;
            self.check()?;
        }
        self.store.is_slow = false;
        self.outcomes()?;
        self.check()?;
        self.time_passes(history.dated().last().map_or(0, |(day, _)| day) + 40)
    }

    fn check(&mut self) -> Broken {
        let facts = self.facts();
        self.law.learn(&facts);
        self.law.check(&facts)?;
        self.law.costs_the_same(&facts, self.today())
    }

    fn today(&self) -> NaiveDate {
        self.store.now.date_naive()
    }

    /// Midnight, the hour in which first invoices expire, and noon of every day up to this.
    fn time_passes(&mut self, day: u32) -> Broken {
        let to = self.store.first + TimeDelta::days(day.into());
        while self.store.now < to {
            self.outcomes()?;
            self.store.is_slow = false;
            let next = (self.store.now.date_naive() + Days::new(1)).and_hms_opt(0, 0, 0).unwrap().and_utc();
            for hour in [0, 11, 12] {
                let done = self.store.comes(next + TimeDelta::hours(hour));
                self.done(done)?;
            }
            let facts = self.facts();
            self.law.learn(&facts);
            self.law.check(&facts)?;
        }
        Ok(())
    }

    /// The rules never refuse what has happened.
    fn done(&mut self, done: Result<(), Refusal>) -> Broken {
        done.map_err(|refusal| format!("refused: {refusal}"))?;
        self.begin_periods()
    }

    fn outcomes(&mut self) -> Broken {
        let done = self.store.outcomes();
        self.done(done)
    }

    /// Whatever was billed by itself are whole periods.
    fn begin_periods(&mut self) -> Broken {
        for place in self.known..self.store.invoices.len() {
            let (of, whole) = self.whole_period(place);
            let (index, days, id) = whole.ok_or_else(|| format!("{place} comes by itself"))?;
            self.law.story.push(format!("{}: {of} is billed for period {index}", self.today()));
            self.law.period(of, index, days, &id)?;
        }
        self.known = self.store.invoices.len();
        Ok(())
    }

    /// Of which subscription an invoice is, and of which period, if of a whole one.
    #[expect(clippy::type_complexity, reason = "what the law wants to know of it")]
    fn whole_period(&self, place: usize) -> (usize, Option<(u32, (NaiveDate, NaiveDate), String)>) {
        let invoice = &self.store.invoices[place];
        let mut all = self.store.subscriptions.iter();
        let of = all.position(|one| one.subscription.id == invoice.subscription_id).unwrap();
        let days = invoice.lines.first().and_then(|line| line.days);
        let whole = days.filter(|_| invoice.occasion == Occasion::Period);
        (of, whole.map(|days| (invoice.period_index, (days.from, days.to), invoice.id.to_string())))
    }

    fn subscribe(&mut self, order: &Order) -> Broken {
        let law::Agreement { terms, discounts, tax } = &order.agreed;
        let plan = &self.plans[terms.plan];
        let (merchant_id, customer_id) = self.ids;
        let new = New {
            id: SubscriptionId::new(),
            merchant_id,
            customer_id,
            terms: Terms {
                plan_id: plan.id,
                name: plan.name.clone(),
                price: plan.price,
                quantity: u32::try_from(terms.quantity).unwrap(),
            },
            trial_days: 0,
            without_method: WithoutMethod::Pause,
            zone: chrono_tz::Tz::UTC,
            discounts: discounts.iter().map(|one| self.discount(one)).collect(),
            tax: tax.map(|tax| TaxRate {
                name: "VAT".into(),
                percent: percent(tax.percent),
                inclusive: tax.inclusive,
            }),
            method: Some(card(order.card)),
            on_dispute: Default::default(),
            metadata: Default::default(),
        };
        let before = self.store.clone();
        let made = state::create(new, self.store.now);
        if let Err(refusal) = self.store.add(made, order.card) {
            self.law.story.push(format!("{}: {order:?} {refusal}", self.today()));
            self.store = before;
            return Ok(());
        }
        self.law.story.push(format!("{}: {order:?}", self.today()));
        let _ = self.law.subscribed(&order.agreed, self.today());
        let done = self.store.settle_unless_slow();
        self.done(done)
    }

    fn step(&mut self, step: &Step) -> Broken {
        let of = step.of.min(self.store.subscriptions.len().saturating_sub(1));
        match &step.happens {
            Happens::Nothing => {}
            _ if self.store.subscriptions.is_empty() => {}
            Happens::Subscribed(order) if self.store.subscriptions.len() < 2 => self.subscribe(order)?,
            Happens::Subscribed(_) => {}
            Happens::Command(command, card) => self.command(of, command, *card)?,
            Happens::Card(new) => {
                let _ = self.with_card(of, Some(*new), Update::default());
            }
            _ => self.asked_of_invoices(&step.happens)?,
        }
        // Who asks before the outcome of the last has come is told so; then it comes.
        self.outcomes_unless_slow()
    }

    fn outcomes_unless_slow(&mut self) -> Broken {
        let done = self.store.settle_unless_slow();
        self.done(done)
    }

    fn asked_of_invoices(&mut self, happens: &Happens) -> Broken {
        self.law.story.push(format!("{}: {happens:?}", self.today()));
        let open = |statuses: &[invoice::Status], which: usize| {
            let all = self.store.invoices.iter().enumerate();
            let open: Vec<_> =
                all.filter(|(_, one)| statuses.contains(&one.status)).map(|(place, _)| place).collect();
            open.get(which % open.len().max(1)).copied()
        };
        let payment = |which: usize| {
            let all = self.store.payments.iter().enumerate();
            let found = all.filter(|(_, one)| one.captured > one.refunded && one.disputed.is_none());
            let found: Vec<_> = found.map(|(place, _)| place).collect();
            found.get(which % found.len().max(1)).copied()
        };
        use invoice::Status::{Open, Uncollectible};
        let done = match *happens {
            Happens::Void { which } => {
                open(&[Open, Uncollectible], which).map_or(Ok(()), |place| self.store.void(place))
            }
            Happens::Pay { which } => {
                open(&[Open, Uncollectible], which).map_or(Ok(()), |place| self.store.pay(place))
            }
            Happens::GiveUp { which } => {
                open(&[Open], which).into_iter().for_each(|place| self.store.give_up(place));
                Ok(())
            }
            Happens::Refund { which, thirds } => {
                if let Some(place) = payment(which) {
                    let one = &self.store.payments[place];
                    let part = (one.captured - one.refunded) * Decimal::from(thirds) / Decimal::from(3);
                    let part = part.round_dp(self.digits);
                    if part > Decimal::ZERO && part <= self.store.refundable(one) {
                        self.store.payments[place].refunded += part;
                        self.store.reclaim(place);
                    }
                }
                Ok(())
            }
            Happens::Dispute { which } => {
                let whole = payment(which).filter(|place| self.store.payments[*place].refunded.is_zero());
                if let Some(place) = whole {
                    self.store.payments[place].disputed = Some(Dispute::Open);
                    self.store.reclaim(place);
                }
                Ok(())
            }
            Happens::DisputeEnds { won } => {
                let open = |one: &super::store::Payment| one.disputed == Some(Dispute::Open);
                if let Some(place) = self.store.payments.iter().position(open) {
                    self.store.payments[place].disputed =
                        Some(if won { Dispute::Won } else { Dispute::Lost });
                    self.store.reclaim(place);
                }
                Ok(())
            }
            Happens::Subscribed(_) | Happens::Command(..) | Happens::Card(_) | Happens::Nothing => Ok(()),
        };
        self.done(done)
    }

    fn update(&mut self, of: usize, update: Update) -> Result<(), Refusal> {
        let now = self.store.now;
        self.store.decide(of, |subscription, book| {
            state::update(subscription, update, ProrationContext { now, book })
        })
    }

    /// An update, by which it gets another card, perhaps.
    fn with_card(&mut self, of: usize, new: Option<Card>, update: Update) -> Result<(), Refusal> {
        let before = self.store.subscriptions[of].card;
        self.store.subscriptions[of].card = new.unwrap_or(before);
        let done = self.update(of, Update { method: new.map(card), ..update });
        if done.is_err() {
            self.store.subscriptions[of].card = before;
        }
        done
    }

    fn command(&mut self, of: usize, command: &Command, card: Option<Card>) -> Broken {
        let status = self.store.subscriptions[of].subscription.status;
        let facts = self.facts();
        self.law.learn(&facts);
        if let Err(refusal) = self.execute(of, command, card) {
            self.law.story.push(format!("{} {of}: {command:?} {card:?} {refusal}", self.today()));
            return Ok(());
        }
        let (mut change, mut period) = (None, None);
        for place in self.known..self.store.invoices.len() {
            match self.whole_period(place) {
                (its, whole) if its == of && whole.is_some() => period = whole,
                (its, _) if its == of && change.is_none() => {
                    change = Some(self.store.invoices[place].id.to_string())
                }
                (its, _) => return Err(format!("{command:?} bills {its}")),
            }
        }
        self.known = self.store.invoices.len();
        let executed = Executed { status: status.as_str().to_owned(), day: self.today(), change, period };
        self.law.executed(of, command, &executed)
    }

    fn execute(&mut self, of: usize, command: &Command, card: Option<Card>) -> Result<(), Refusal> {
        let now = self.store.now;
        let how = |proration: law::commands::Proration| match proration {
            law::commands::Proration::ByDay => Proration::ByDay,
            law::commands::Proration::None => Proration::None,
            law::commands::Proration::AtPeriodEnd => Proration::AtPeriodEnd,
        };
        let when = |proration| {
            if proration == law::commands::Proration::AtPeriodEnd { When::AtPeriodEnd } else { When::Now }
        };
        match command {
            Command::Plan(place, _, proration) => {
                let plan = Some(self.plans[*place].clone());
                let update = Update { plan, proration: how(*proration), ..Update::default() };
                self.with_card(of, card, update)
            }
            Command::Seats(quantity, proration) => {
                let quantity = u32::try_from(*quantity).ok();
                let update = Update { quantity, proration: how(*proration), ..Update::default() };
                self.with_card(of, card, update)
            }
            Command::Discounts(discounts) => {
                let discounts = discounts.iter().map(|one| self.discount(one)).collect();
                self.update(of, Update { discounts: Some(discounts), ..Update::default() })
            }
            Command::Pause(proration) => self.store.decide(of, |subscription, book| {
                state::pause(subscription, when(*proration), how(*proration), ProrationContext { now, book })
            }),
            Command::Resume { old_anchor } => self.store.decide(of, |subscription, book| {
                let how = if *old_anchor { Resume::OldAnchor } else { Resume::NewAnchor };
                state::resume(subscription, how, ProrationContext { now, book })
            }),
            Command::Cancel(proration) => self.store.decide(of, |subscription, book| {
                state::cancel(subscription, when(*proration), how(*proration), ProrationContext { now, book })
            }),
        }
    }

    fn discount(&self, discount: &law::Discount) -> Discount {
        Discount {
            name: discount.name.to_owned(),
            reduction: match discount.off {
                Off::Percent(share) => Reduction::Percent(percent(share)),
                Off::Coins(coins) => Reduction::Amount(Decimal::new(coins, self.digits)),
            },
            duration: match discount.periods {
                None => Duration::Forever,
                Some(1) => Duration::Once,
                Some(periods) => Duration::Periods(periods),
            },
            from_period: 0,
            until_period: None,
        }
    }

    fn coins(&self, amount: Decimal) -> i64 {
        let coins = amount * Decimal::from(10_i64.pow(self.digits));
        assert!(coins.fract().is_zero(), "{amount} has parts of a coin");
        coins.to_i64().unwrap()
    }

    fn facts(&self) -> Facts {
        let bill = |invoice: &invoice::Invoice| {
            let of_it = || self.store.payments.iter().filter(|payment| payment.invoice == invoice.id);
            let facts = BillFacts {
                status: invoice.status.as_str().to_owned(),
                due: self.coins(invoice.due().amount),
                from_balance: self.coins(invoice.from_balance),
                paid: self.coins(invoice.amount_paid),
                received: self.coins(of_it().map(|payment| payment.captured).sum()),
                refunded: self.coins(of_it().map(|payment| payment.refunded).sum()),
                disputed: self.coins(of_it().map(super::store::Payment::disputed).sum()),
                reclaimed: self.coins(self.store.reclaimed.get(&invoice.id).copied().unwrap_or_default()),
            };
            (invoice.id.to_string(), facts)
        };
        let bills = self.store.invoices.iter().map(bill).collect();
        Facts { balance: self.coins(self.store.balance), bills }
    }
}

fn card(card: Card) -> PaymentMethod {
    PaymentMethod::new(MethodType::Card, format!("{card:?}"))
}

fn percent(percent: law::Percent) -> Percent {
    Percent::new(percent.text.parse().unwrap()).unwrap()
}

fn unit(unit: tests::calendar::Unit) -> Unit {
    match unit {
        tests::calendar::Unit::Day => Unit::Day,
        tests::calendar::Unit::Week => Unit::Week,
        tests::calendar::Unit::Month => Unit::Month,
        tests::calendar::Unit::Year => Unit::Year,
    }
}
