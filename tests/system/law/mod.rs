//! The law of conservation over random histories of the real processes: many customers of one deployment, at a clock
//! that is moved, each beside a [`Law`](tests::law::Law) that is told only what was done, and what has happened.
//!
//! A history that breaks the law is made simpler until nothing can be left out: all that might be, at once, each as a new
//! customer. `REMIT_LAW_SEED` repeats a run, `REMIT_LAW_HISTORIES` sets its size; `./dev faults` makes it a long one.

mod customer;
mod facts;

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use futures_util::{StreamExt as _, stream};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tests::{
    Deployment, Merchant, Service,
    calendar::At,
    eventually,
    law::history::{CURRENCIES, History, catalogue, histories},
};

use customer::Customer;

/// Histories, unless asked for otherwise.
const HISTORIES: usize = 24;

/// Steps of one, at most.
const STEPS: usize = 14;

/// Days of one, at most.
const DAYS: u32 = 75;

/// Customers at once.
const HANDS: usize = 12;

/// How often a history that breaks the law is made simpler.
const ROUNDS: usize = 12;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_law_of_conservation_holds() {
    let seed: u64 =
        from_environment("REMIT_LAW_SEED").unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    let count: usize = from_environment("REMIT_LAW_HISTORIES").unwrap_or(HISTORIES);
    println!("REMIT_LAW_SEED={seed} REMIT_LAW_HISTORIES={count}");
    let world = World::start().await;
    for (batch, histories) in random(seed, count).chunks(200).enumerate() {
        let broken = world.live(histories).await;
        let Some(first) = broken.iter().position(Option::is_some) else { continue };
        let many = broken.iter().flatten().count();
        println!("{many} of {} histories break the law, number {first} of batch {batch}:", histories.len());
        println!("{}", broken[first].as_deref().unwrap_or_default());
        let (history, why) = world.simplest(histories[first].clone()).await;
        panic!("the law is broken (seed {seed}) by {history:#?}\n{}", why.or(broken[first].clone()).unwrap());
    }
    // Thousands take their time, as long as they get fewer.
    let untold = async || {
        world.deployment.sandbox("GET", "/control/webhooks", &Value::Null).await["pending"].as_u64().unwrap()
    };
    let mut left = untold().await;
    while left > 0 {
        let fewer = async || Some(untold().await).filter(|now| *now < left);
        left = eventually("less is left to be told", fewer).await;
    }
    world.deployment.idle().await;
    world.deployment.check_books().await;
}

/// So many histories, always the same by their seed.
fn random(seed: u64, count: usize) -> Vec<History> {
    let bytes: Vec<u8> = [seed.to_be_bytes(); 4].concat();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let any = histories(STEPS, DAYS);
    (0..count).map(|_| any.new_tree(&mut runner).unwrap().current()).collect()
}

/// A deployment whose merchant sells the same plans in every currency.
struct World {
    deployment: Deployment,
    plans: Vec<Vec<String>>,
}

impl World {
    async fn start() -> Self {
        let mut deployment = Deployment::start().await;
        deployment.run(Service::SecondWorker).await;
        let mut plans = Vec::new();
        for (currency, digits) in CURRENCIES {
            let mut of_it = Vec::new();
            for (place, plan) in catalogue().iter().enumerate() {
                let every = json!({ "unit": plan.every.unit.name(), "count": plan.every.count });
                let amount = facts::money(plan.unit, digits);
                let plan = json!({
                    "name": format!("{currency} {place}"), "amount": amount, "currency": currency,
                    "interval": every,
                });
                of_it.push(deployment.merchant.made("/plans", &plan).await);
            }
            plans.push(of_it);
        }
        Self { deployment, plans }
    }

    /// All live side by side, each as a new customer, from the first day of a year on. Of each, how it breaks the law.
    async fn live(&self, histories: &[History]) -> Vec<Option<String>> {
        let year = self.deployment.now().await.year() + 1;
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let at = |day: u32| (first + chrono::Days::new(day.into())).and_hms_opt(12, 0, 0).unwrap().and_utc();
        let mut customers: Vec<_> =
            histories.iter().map(|history| Customer::new(self, history, first)).collect();
        let mut days: Vec<u32> =
            histories.iter().flat_map(|history| history.dated().map(|(day, _)| day)).collect();
        days.extend([0, DAYS]);
        days.sort_unstable();
        days.dedup();
        for day in days {
            advance(&self.deployment.merchant, at(day)).await;
            let acting = customers.iter_mut().map(|customer| customer.live(day, at(day)));
            stream::iter(acting).buffer_unordered(HANDS).collect::<Vec<()>>().await;
        }
        let ending = customers.iter_mut().map(Customer::end);
        stream::iter(ending).buffer_unordered(HANDS).collect::<Vec<()>>().await;
        customers.into_iter().map(|customer| customer.broken).collect()
    }

    /// The simplest that still breaks the law, and how.
    async fn simplest(&self, mut history: History) -> (History, Option<String>) {
        let mut why = None;
        for _ in 0..ROUNDS {
            let simpler = history.simpler();
            let broken = self.live(&simpler).await;
            let Some(place) = broken.iter().position(Option::is_some) else { break };
            (history, why) = (simpler[place].clone(), broken[place].clone());
        }
        (history, why)
    }
}

/// Moves the clock to this moment. Where it stops, it goes on.
async fn advance(merchant: &Merchant, to: At) {
    for _ in 0..20 {
        let answer = merchant.advanced(&json!({ "to": to.to_rfc3339() })).await;
        if answer.body["status"] == "ready" {
            return;
        }
        println!("{answer:?}");
    }
    panic!("the clock does not come to {to}");
}

/// A moment so many days after another.
fn days_after(at: At, days: u32) -> At {
    at + TimeDelta::days(days.into())
}
