//! Random histories of a customer: what is subscribed to, and what happens, day after day. They shrink to the least that
//! still breaks the law.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    Agreement, Discount, Off, Percent, Plan, Tax, Terms,
    commands::{Command, Proration},
};
use crate::calendar::{Every, Unit};

/// Currencies, and how many digits their coins have. A dinar, whose single coins no gateway takes, has tests of its own.
pub const CURRENCIES: [(&str, u32); 3] = [("EUR", 2), ("USD", 2), ("JPY", 0)];

/// Subscriptions of one customer, at most.
const SUBSCRIPTIONS: usize = 2;

/// A card, by what its bank says of it. Days are counted from the history's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// It pays.
    Good,
    /// It is declined from one day on, before another; for good, or not.
    Declined {
        /// The first day.
        from: u32,
        /// The day after the last.
        to: u32,
        /// Its bank says that it need not be tried again.
        hard: bool,
    },
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happens {
    /// Another subscription begins.
    Subscribed(Order),
    /// Something is asked of a subscription; of what is subscribed to, with another card in the same request, perhaps.
    Command(Command, Option<Card>),
    /// It gets another card.
    Card(Card),
    /// So much of a payment that has succeeded is refunded, in thirds of what is left; of those there are, this one.
    Refund {
        /// Which.
        which: usize,
        /// How many thirds.
        thirds: i64,
    },
    /// A payment that has succeeded is disputed.
    Dispute {
        /// Which.
        which: usize,
    },
    /// The oldest dispute ends.
    DisputeEnds {
        /// Whether the money comes back.
        won: bool,
    },
    /// An invoice that is open is called off.
    Void {
        /// Which.
        which: usize,
    },
    /// An invoice that is open is given up.
    GiveUp {
        /// Which.
        which: usize,
    },
    /// One attempt for an invoice that is open, or was given up.
    Pay {
        /// Which.
        which: usize,
    },
    /// Time passes.
    Nothing,
}

/// A subscription to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub agreed: Agreement,
    /// What it is paid with.
    pub card: Card,
}

/// What happens after so many days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Days since the step before.
    pub days: u32,
    /// To which subscription.
    pub of: usize,
    /// What.
    pub happens: Happens,
}

/// The life of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// By its place among [`CURRENCIES`].
    pub currency: usize,
    /// What is subscribed to on the first day.
    pub first: Order,
    /// What happens then.
    pub steps: Vec<Step>,
}

impl History {
    /// The step's day, counted from the first, beside it.
    pub fn dated(&self) -> impl Iterator<Item = (u32, &Step)> {
        self.steps.iter().scan(0, |day, step| {
            *day += step.days;
            Some((*day, step))
        })
    }
}

/// The plans that there are in every currency.
#[must_use]
pub fn catalogue() -> Vec<Plan> {
    let every = |count, unit| Every { count, unit };
    [
        (3000, every(1, Unit::Month)),
        (3000, every(1, Unit::Month)),
        (9990, every(1, Unit::Month)),
        (24_990, every(1, Unit::Month)),
        (7010, every(1, Unit::Week)),
        (50_000, every(3, Unit::Month)),
    ]
    .map(|(unit, every)| Plan { unit, every })
    .to_vec()
}

/// Any history of up to so many steps, within so many days.
pub fn histories(steps: usize, days: u32) -> impl Strategy<Value = History> {
    (0..CURRENCIES.len(), order(days), vec(step(days), 1..=steps)).prop_map(
        move |(currency, first, steps)| {
            let mut day = 0;
            let within = |step: &Step| {
                day += step.days;
                day <= days
            };
            let mut steps: Vec<_> = steps.into_iter().take_while(within).collect();
            // A dinar's last thousandths are never charged, so a card that is refunded leaves them: too little for the
            // law to tell from rounding whether there is something left to give back.
            for step in steps.iter_mut().filter(|_| CURRENCIES[currency].1 == 3) {
                if let Happens::Refund { thirds, .. } = &mut step.happens {
                    *thirds = (*thirds).min(2);
                }
            }
            History { currency, first, steps }
        },
    )
}

fn order(days: u32) -> impl Strategy<Value = Order> {
    let terms = (select(catalogue_places()), 1_i64..=4);
    (terms, discounts(), tax(), card(days)).prop_map(|((plan, quantity), discounts, tax, card)| {
        let terms = Terms { plan, price: catalogue()[plan], quantity };
        Order { agreed: Agreement { terms, discounts, tax }, card }
    })
}

/// Months most often.
fn catalogue_places() -> Vec<usize> {
    vec![0, 0, 1, 2, 2, 3, 4, 5]
}

fn discounts() -> impl Strategy<Value = Vec<Discount>> {
    let all = vec![
        Discount { name: "Launch", off: Off::Percent(percent(125, 1000, "12.5")), periods: Some(2) },
        Discount { name: "Friends", off: Off::Percent(percent(33_333, 100_000, "33.333")), periods: None },
        Discount { name: "Welcome", off: Off::Coins(520), periods: Some(1) },
        Discount { name: "Voucher", off: Off::Coins(250), periods: None },
    ];
    prop_oneof![
        2 => Just(Vec::new()),
        1 => select(all.clone()).prop_map(|one| vec![one]),
        1 => proptest::sample::subsequence(all, 0..=3),
    ]
}

fn percent(part: i64, whole: i64, text: &'static str) -> Percent {
    Percent { part, whole, text }
}

fn tax() -> impl Strategy<Value = Option<Tax>> {
    let rates = vec![(percent(19, 100, "19"), true), (percent(8875, 100_000, "8.875"), false)];
    option::weighted(0.4, select(rates).prop_map(|(percent, inclusive)| Tax { percent, inclusive }))
}

fn card(days: u32) -> impl Strategy<Value = Card> {
    let declined = (0..days, 1..30_u32, any::<bool>()).prop_map(|(from, lasts, hard)| Card::Declined {
        from,
        to: from + lasts,
        hard,
    });
    prop_oneof![3 => Just(Card::Good), 2 => declined]
}

fn step(days: u32) -> impl Strategy<Value = Step> {
    // Much happens on one day.
    let later = prop_oneof![3 => Just(0_u32), 3 => 1_u32..6, 2 => 6_u32..34];
    (later, 0..SUBSCRIPTIONS, happens(days)).prop_map(|(days, of, happens)| Step { days, of, happens })
}

fn happens(days: u32) -> impl Strategy<Value = Happens> {
    let which = 0_usize..4;
    prop_oneof![
        24 => (command(), option::weighted(0.15, card(days))).prop_map(|(command, card)| {
            let card = card.filter(|_| matches!(command, Command::Plan(..) | Command::Seats(..)));
            Happens::Command(command, card)
        }),
        3 => card(days).prop_map(Happens::Card),
        3 => (which.clone(), 1_i64..=3).prop_map(|(which, thirds)| Happens::Refund { which, thirds }),
        1 => which.clone().prop_map(|which| Happens::Dispute { which }),
        1 => any::<bool>().prop_map(|won| Happens::DisputeEnds { won }),
        2 => which.clone().prop_map(|which| Happens::Void { which }),
        1 => which.clone().prop_map(|which| Happens::GiveUp { which }),
        2 => which.prop_map(|which| Happens::Pay { which }),
        1 => order(days).prop_map(Happens::Subscribed),
        2 => Just(Happens::Nothing),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let proration = || prop_oneof![6 => Just(Proration::ByDay), 2 => Just(Proration::None), 1 => Just(Proration::AtPeriodEnd)];
    prop_oneof![
        5 => (select(catalogue_places()), proration())
            .prop_map(|(plan, proration)| Command::Plan(plan, catalogue()[plan], proration)),
        6 => (1_i64..=6, proration()).prop_map(|(quantity, proration)| Command::Seats(quantity, proration)),
        4 => proration().prop_map(Command::Pause),
        6 => any::<bool>().prop_map(|old_anchor| Command::Resume { old_anchor }),
        1 => proration().prop_map(Command::Cancel),
        2 => discounts().prop_map(Command::Discounts),
    ]
}

impl History {
    /// Simpler histories than this, the simplest first: one of them may break the law as well.
    #[must_use]
    pub fn simpler(&self) -> Vec<Self> {
        let mut simpler = Vec::new();
        let count = self.steps.len();
        let mut sizes: Vec<_> = [count / 2, count / 4, 1].into_iter().filter(|size| *size > 0).collect();
        sizes.dedup();
        for size in sizes {
            for from in (0..count).step_by(size) {
                simpler.push(self.without(from, (from + size).min(count)));
            }
        }
        let Order { agreed, card } = &self.first;
        let plain = Agreement { discounts: Vec::new(), ..agreed.clone() };
        let untaxed = Agreement { tax: None, ..agreed.clone() };
        let single = Agreement { terms: Terms { quantity: 1, ..agreed.terms }, ..agreed.clone() };
        for agreed in [plain, untaxed, single] {
            simpler.push(Self { first: Order { agreed, card: *card }, ..self.clone() });
        }
        simpler.push(Self { first: Order { card: Card::Good, ..self.first.clone() }, ..self.clone() });
        simpler.push(Self { currency: 0, ..self.clone() });
        simpler.retain(|simpler| simpler != self);
        simpler
    }

    /// Without these steps; the others happen on their days.
    fn without(&self, from: usize, to: usize) -> Self {
        let skipped: u32 = self.steps[from..to].iter().map(|step| step.days).sum();
        let mut steps = self.steps[..from].to_vec();
        steps.extend_from_slice(&self.steps[to..]);
        if let Some(next) = steps.get_mut(from) {
            next.days += skipped;
        }
        Self { steps, ..self.clone() }
    }
}
