//! Who subscribes to what, and what they do in that year: as the dice will have it.

use chrono::TimeDelta;
use chrono_tz::Tz;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom as _};

use tests::calendar::{At, Every, Unit};

use super::{
    commands::{Command, Proration},
    model::{Decline, Method, Order, Terms},
    prices::{Discount, Off, Percent, Tax},
};

/// How long it is lived through, in days.
pub const DAYS: u32 = 366;

/// Half an hour apart, twice a day somebody may do something.
pub const SLOTS: u32 = 2;

/// With daylight saving in both hemispheres, at midnight too, and with half an hour.
const ZONES: [&str; 8] = [
    "UTC",
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Australia/Sydney",
    "America/Santiago",
];

/// A plan in the catalogue.
pub struct Plan {
    pub name: String,
    pub currency: &'static str,
    pub unit: i64,
    pub every: Every,
}

/// A subscription's life: when it begins, and what is wanted of it then.
pub struct Life {
    pub order: Order,
    pub begins: (u32, u32),
    pub commands: Vec<((u32, u32), Command)>,
}

/// How many digits a currency's coins have.
pub fn digits(currency: &str) -> usize {
    match currency {
        "JPY" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

/// The moment of a slot of a day. Never near a midnight of [`ZONES`]; and no two that a retry schedule's steps are apart
/// are at the same time of day, so that a step never meets a command.
pub fn moment(first: At, (day, slot): (u32, u32)) -> At {
    let minutes = i64::from(60 * (7 + day % 5) + 30 * slot);
    first + TimeDelta::days(day.into()) + TimeDelta::minutes(minutes)
}

/// For each currency the same kinds of plan.
pub fn catalogue() -> Vec<Plan> {
    let mut plans = Vec::new();
    // Thousandths of a dinar are no money at Stripe, so its plans are round.
    for (currency, coin) in [("EUR", 1), ("USD", 1), ("GBP", 1), ("JPY", 1), ("KWD", 10)] {
        for (unit, count, kind) in [
            (4990, 1, Unit::Month),
            (9733, 1, Unit::Month),
            (24_995, 1, Unit::Month),
            (13_331, 3, Unit::Month),
            (59_900, 1, Unit::Year),
            (2599, 1, Unit::Week),
            (3777, 5, Unit::Day),
            (0, 1, Unit::Month),
        ] {
            let every = Every { count, unit: kind };
            let name = format!("{currency} {unit} every {count} {}", kind.name());
            plans.push(Plan { name, currency, unit: unit * coin, every });
        }
    }
    plans
}

/// The life of number `number`.
pub fn life(seed: u64, number: u64, plans: &[Plan], first: At) -> Life {
    let dice = &mut StdRng::seed_from_u64(seed ^ (number << 20));
    let by_paypal = dice.random_ratio(1, 8);
    let currencies: &[&str] =
        if by_paypal { &["EUR", "USD", "JPY"] } else { &["EUR", "EUR", "USD", "GBP", "JPY", "KWD"] };
    let currency = *currencies.choose(dice).unwrap();
    // Of eight plans; months most often, and the short ones seldom.
    let nth = *[0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7].choose(dice).unwrap();
    let terms = Terms { quantity: dice.random_range(1..=4), ..terms_of(plans, currency, nth) };
    // On few days, so that many are billed in the same night.
    let begins = (dice.random_range(0..12) * 4, dice.random_range(0..SLOTS));
    let trial_days = if dice.random_ratio(1, 4) { dice.random_range(1..=40) } else { 0 };
    let mut cast = Cast { dice, first, begins: begins.0, terms: &terms, by_paypal };
    let mut commands = Vec::new();
    let method = cast.method(trial_days, currency, &mut commands);
    cast.commands(plans, currency, &mut commands);
    let zone: Tz = ZONES.choose(cast.dice).unwrap().parse().unwrap();
    let rests_without_method = cast.dice.random_ratio(1, 2);
    commands.retain(|((day, _), _)| *day < DAYS);
    commands.sort_by_key(|(when, _)| *when);
    // One at a time.
    commands.dedup_by_key(|(when, _)| *when);
    let (discounts, tax) = prices(dice, currency);
    let order = Order {
        currency,
        terms: terms.clone(),
        zone,
        trial_days,
        rests_without_method,
        method,
        discounts,
        tax,
    };
    Life { order, begins, commands }
}

/// What is taken off, and the tax. Not in dinars: their thousandths are no money at Stripe.
fn prices(dice: &mut StdRng, currency: &str) -> (Vec<Discount>, Option<Tax>) {
    let percent = |part, whole, text| Percent { part, whole, text };
    let all = [
        Discount { name: "Launch", off: Off::Percent(percent(125, 1000, "12.5")), periods: Some(3) },
        Discount { name: "Friends", off: Off::Percent(percent(33_333, 100_000, "33.333")), periods: None },
        Discount { name: "Welcome", off: Off::Coins(517), periods: Some(1) },
        Discount { name: "Voucher", off: Off::Coins(250), periods: Some(5) },
    ];
    let rates = [(percent(19, 100, "19"), true), (percent(8875, 100_000, "8.875"), false)];
    if currency == "KWD" {
        return (Vec::new(), None);
    }
    let discounts = all.into_iter().filter(|_| dice.random_ratio(1, 6)).collect();
    let taxed = dice.random_ratio(1, 3);
    let tax = rates.choose(dice).filter(|_| taxed);
    (discounts, tax.map(|(percent, inclusive)| Tax { percent: *percent, inclusive: *inclusive }))
}

fn terms_of(plans: &[Plan], currency: &str, nth: usize) -> Terms {
    let (plan, found) =
        plans.iter().enumerate().filter(|(_, plan)| plan.currency == currency).nth(nth).unwrap();
    Terms { plan, name: found.name.clone(), unit: found.unit, every: found.every, quantity: 1 }
}

struct Cast<'a> {
    dice: &'a mut StdRng,
    first: At,
    begins: u32,
    terms: &'a Terms,
    by_paypal: bool,
}

impl Cast<'_> {
    fn day(&mut self, from: u32, to: u32) -> (u32, u32) {
        (self.begins + self.dice.random_range(from..=to), self.dice.random_range(0..SLOTS))
    }

    /// How it is paid first, and what is done about that.
    fn method(
        &mut self,
        trial_days: u32,
        currency: &str,
        commands: &mut Vec<((u32, u32), Command)>,
    ) -> Option<Method> {
        if trial_days > 0 && self.dice.random_ratio(2, 5) {
            if self.dice.random_ratio(2, 3) {
                commands.push((self.day(1, 60), Command::Method(self.good())));
                // A part of a period has thousandths of a dinar.
                let to_old_anchor = self.dice.random::<bool>() && currency != "KWD";
                commands.push((self.day(61, 90), Command::Resume { to_old_anchor }));
            }
            return None;
        }
        // A retry schedule must not end in the night of a renewal: which is first would be chance.
        let is_weekly = self.terms.every.unit == Unit::Week;
        let may_never_pay = !(is_weekly && trial_days > 0);
        if self.by_paypal || self.dice.random_ratio(1, 2) {
            let bad = self.by_paypal && may_never_pay && self.dice.random_ratio(1, 6);
            return Some(if bad { self.never() } else { self.good() });
        }
        if may_never_pay && self.dice.random_ratio(1, 8) {
            let never = self.never();
            if self.dice.random_ratio(1, 3) {
                commands.push(((self.begins, SLOTS - 1), Command::Method(self.good())));
            }
            return Some(never);
        }
        let goes_bad = self.dice.random_range(1..300);
        let lasts = if is_weekly { 9 } else { self.dice.random_range(1..30) };
        if !is_weekly && self.dice.random_ratio(1, 2) {
            commands.push((self.day(goes_bad + 1, goes_bad + 40), Command::Method(self.good())));
        }
        let how = if self.dice.random_ratio(1, 4) && !is_weekly { Decline::Hard } else { Decline::Soft };
        Some(self.declined_for(goes_bad, lasts, how))
    }

    fn good(&mut self) -> Method {
        let tokens: &[&str] = if self.by_paypal {
            &["vault_ok"]
        } else {
            &["pm_card_visa", "pm_card_mastercard", "pm_card_amex"]
        };
        let token = *tokens.choose(self.dice).unwrap();
        self.made(token.to_owned(), None)
    }

    /// Always declined.
    fn never(&mut self) -> Method {
        let tokens: &[(&str, Decline)] = if self.by_paypal {
            &[("vault_declined", Decline::Soft), ("vault_failed", Decline::Soft)]
        } else {
            &[
                ("pm_card_chargeCustomerFail", Decline::Soft),
                ("pm_card_visa_chargeDeclined", Decline::Soft),
                ("pm_sandbox_saved_chargeDeclinedExpiredCard", Decline::Hard),
                ("pm_sandbox_saved_chargeDeclinedStolenCard", Decline::Hard),
                ("pm_nobody_knows", Decline::Hard),
            ]
        };
        let (token, how) = *tokens.choose(self.dice).unwrap();
        self.made(token.to_owned(), Some((At::MIN_UTC, At::MAX_UTC, how)))
    }

    /// Good, and then for some days it is not.
    fn declined_for(&mut self, day: u32, lasts: u32, how: Decline) -> Method {
        let edge = |day: u32| self.first + TimeDelta::days(day.into()) + TimeDelta::minutes(16 * 60 + 30);
        let (from, to) = (edge(self.begins + day), edge(self.begins + day + lasts));
        let name = match how {
            Decline::Soft => "InsufficientFunds",
            Decline::Hard => "LostCard",
        };
        let token =
            format!("pm_sandbox_between_{}_{}_chargeDeclined{name}", from.timestamp(), to.timestamp());
        self.made(token, Some((from, to, how)))
    }

    fn made(&self, token: String, declined: Option<(At, At, Decline)>) -> Method {
        Method { kind: if self.by_paypal { "paypal" } else { "card" }, token, declined }
    }

    /// What a merchant wants of it over the year.
    fn commands(&mut self, plans: &[Plan], currency: &str, commands: &mut Vec<((u32, u32), Command)>) {
        for _ in 0..*[0, 0, 1, 1, 1, 2, 2, 3, 4].choose(self.dice).unwrap() {
            let when = self.day(1, 330);
            let proration = self.proration(currency);
            let command = match self.dice.random_range(0..16) {
                0..=3 => Command::Plan(terms_of(plans, currency, self.dice.random_range(0..3)), proration),
                4 => {
                    let other = *[3, 4, 7].choose(self.dice).unwrap();
                    Command::Plan(terms_of(plans, currency, other), proration)
                }
                5..=8 => Command::Quantity(self.dice.random_range(1..=6), proration),
                9..=11 => {
                    let resume = Command::Resume { to_old_anchor: currency != "KWD" && self.dice.random() };
                    let later = when.0 + self.dice.random_range(1..70);
                    commands.push(((later, self.dice.random_range(0..SLOTS)), resume));
                    Command::Pause(proration)
                }
                12 => Command::CancelNow { by_day: proration == Proration::ByDay },
                13 => {
                    if self.dice.random_ratio(1, 3) {
                        commands.push(((when.0 + self.dice.random_range(1..9), 0), Command::Keep));
                    }
                    Command::CancelWithPeriod
                }
                14 => Command::Zone(ZONES.choose(self.dice).unwrap().parse().unwrap()),
                _ => Command::Method(self.good()),
            };
            commands.push((when, command));
        }
    }

    fn proration(&mut self, currency: &str) -> Proration {
        match self.dice.random_range(0..5) {
            0 => Proration::None,
            1 => Proration::AtPeriodEnd,
            _ if currency == "KWD" => Proration::None,
            _ => Proration::ByDay,
        }
    }
}
