//! A year of a thousand subscriptions: many plans, zones, trials, changes, pauses and failing cards, with the
//! real processes, by a clock that is moved. Beside each lives a [`model`] of billing.md's rules that knows nothing
//! of the product; in the end both agree on every invoice, and the gateways' books are the ledger.
//!
//! `./dev faults` makes it a full one; `REMIT_YEAR_SEED` repeats it, `REMIT_YEAR_SUBSCRIPTIONS` sets its size.

mod commands;
mod compare;
mod credits;
mod invoice;
mod model;
mod prices;
mod script;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service};

use commands::{Command, CommandResult, Proration};
use model::Model;
use prices::{Discount, Off, Tax};
use script::{DAYS, Life, SLOTS, catalogue, life, moment};
use tests::calendar::At;

/// Subscriptions, unless asked for otherwise.
const SUBSCRIPTIONS: u64 = 60;

/// Requests at once.
const HANDS: usize = 16;

/// One of them: at the product, and in the model.
struct Subject {
    merchant: Merchant,
    number: u64,
    life: Life,
    plans: std::sync::Arc<Vec<String>>,
    /// Once it has begun.
    lives: Option<(String, Model)>,
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_many_subscriptions_is_as_the_rules_have_it() {
    let seed = from_environment("REMIT_YEAR_SEED", u64::from(uuid::Uuid::new_v4().as_fields().0));
    let count = from_environment("REMIT_YEAR_SUBSCRIPTIONS", SUBSCRIPTIONS);
    println!("REMIT_YEAR_SEED={seed} REMIT_YEAR_SUBSCRIPTIONS={count}");
    let mut deployment = Deployment::start().await;
    deployment.run(Service::SecondWorker).await;
    deployment.run(Service::SecondScheduler).await;
    // What gateways tell by themselves is another test's: each event would ask them about a payment once more.
    deployment.sandbox("POST", "/control/webhooks", &json!({})).await;
    // Any day of the four years to come.
    let ahead = TimeDelta::days(StdRng::seed_from_u64(seed).random_range(1..=1461));
    let first = (deployment.now().await + ahead).date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    let mut subjects = cast(&deployment, seed, count, first).await;
    let began = std::time::Instant::now();
    live(&deployment, &mut subjects, first).await;
    println!("the year took {:?}", began.elapsed());
    agree(&subjects, seed).await;
    let merchants = [&subjects[0].merchant, &subjects[1].merchant];
    for merchant in merchants {
        numbers_have_no_gap(merchant, seed).await;
    }
    paid_once(&deployment, seed).await;
    deployment.check_books().await;
}

/// Two merchants, their plans, and who will subscribe to them.
async fn cast(deployment: &Deployment, seed: u64, count: u64, first: At) -> Vec<Subject> {
    let catalogue = catalogue();
    let mut shops = Vec::new();
    for merchant in [deployment.merchant.clone(), deployment.new_merchant("Second").await] {
        let mut plans = Vec::new();
        for plan in &catalogue {
            let body = json!({
                "name": plan.name, "amount": compare::money(plan.unit, plan.currency),
                "currency": plan.currency,
                "interval": { "unit": plan.every.unit.name(), "count": plan.every.count },
            });
            plans.push(merchant.made("/plans", &body).await);
        }
        shops.push((merchant, std::sync::Arc::new(plans)));
    }
    let subject = |number: u64| {
        let (merchant, plans) = shops[usize::from(number % 3 == 1)].clone();
        Subject { merchant, number, life: life(seed, number, &catalogue, first), plans, lives: None }
    };
    (0..count).map(subject).collect()
}

/// The year: from one slot in which somebody does something to the next.
async fn live(deployment: &Deployment, subjects: &mut Vec<Subject>, first: At) {
    let mut slots: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
    for (place, subject) in subjects.iter().enumerate() {
        let commands = subject.life.commands.iter().map(|(slot, _)| *slot);
        for slot in commands.chain([subject.life.begins]) {
            slots.entry(slot).or_default().push(place);
        }
    }
    for (slot, mut places) in slots {
        places.dedup();
        let at = moment(first, slot);
        advance(&deployment.merchant, at).await;
        for places in places.chunks(HANDS) {
            let (busy, mut idle): (Vec<_>, Vec<_>) = std::mem::take(subjects)
                .into_iter()
                .enumerate()
                .partition(|(place, _)| places.contains(place));
            let acting = busy.into_iter().map(|(place, mut subject)| {
                tokio::spawn(async move {
                    subject.act(slot, at).await;
                    (place, subject)
                })
            });
            for acted in acting.collect::<Vec<_>>() {
                idle.push(acted.await.unwrap());
            }
            idle.sort_by_key(|(place, _)| *place);
            *subjects = idle.into_iter().map(|(_, subject)| subject).collect();
        }
    }
    let end = moment(first, (DAYS, SLOTS)) + TimeDelta::hours(6);
    advance(&deployment.merchant, end).await;
    for (_, model) in subjects.iter_mut().filter_map(|subject| subject.lives.as_mut()) {
        model.live_until(end);
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

impl Subject {
    /// Whatever it does in this slot.
    async fn act(&mut self, slot: (u32, u32), at: At) {
        if let Some((_, model)) = &mut self.lives {
            model.live_until(at);
        }
        if self.life.begins == slot {
            self.begin(at).await;
        }
        let Some((id, model)) = &mut self.lives else { return };
        for (_, command) in self.life.commands.iter().filter(|(when, _)| *when == slot) {
            let answer = ask(&self.merchant, id, command, &self.plans).await;
            let expected = match model.ask(command, at) {
                CommandResult::Executed => 202,
                CommandResult::Refused => 409,
            };
            assert_eq!(answer.status, expected, "{id} {command:?}: {answer:?}\n{:#?}", model.story);
        }
    }

    async fn begin(&mut self, at: At) {
        let customer = self.merchant.made("/customers", &json!({ "email": "ada@example.com" })).await;
        let order = &self.life.order;
        let method =
            order.method.as_ref().map(|method| json!({ "type": method.kind, "token": method.token }));
        let body = json!({
            "customer": customer,
            "plan": self.plans[order.terms.plan],
            "quantity": order.terms.quantity,
            "zone": order.zone.name(),
            "trial_days": order.trial_days,
            "without_payment_method": if order.rests_without_method { "pause" } else { "cancel" },
            "payment_method": method,
            "discounts": order.discounts.iter().map(|one| discount(one, order.currency)).collect::<Vec<_>>(),
            "tax": order.tax.map(|Tax { percent, inclusive }| {
                json!({ "name": "VAT", "percent": percent.text, "inclusive": inclusive })
            }),
        });
        let answer = self.merchant.subscribe(&format!("year {}", self.number), &body).await;
        assert_eq!(answer.status, 202, "{body} {answer:?}");
        self.lives = Some((answer.text("id").to_owned(), Model::begin(order.clone(), at)));
    }
}

fn discount(discount: &Discount, currency: &str) -> Value {
    let Discount { name, off, periods } = discount;
    let duration = match periods {
        None => json!("forever"),
        Some(1) => json!("once"),
        Some(periods) => json!({ "periods": periods }),
    };
    match off {
        Off::Percent(percent) => json!({ "name": name, "percent": percent.text, "duration": duration }),
        Off::Coins(coins) => {
            json!({ "name": name, "amount": compare::money(*coins, currency), "duration": duration })
        }
    }
}

/// A command, as a merchant sends it; waits for what is charged.
async fn ask(merchant: &Merchant, id: &str, command: &Command, plans: &[String]) -> Answer {
    let update = format!("/update-subscription/{id}");
    let cancel = format!("/cancel-subscription/{id}");
    let (method, path, body) = match command {
        Command::Method(method) => {
            let method = json!({ "type": method.kind, "token": method.token });
            (Method::PUT, update, json!({ "payment_method": method }))
        }
        Command::Plan(terms, proration) => {
            (Method::PUT, update, json!({ "plan": plans[terms.plan], "proration": proration.name() }))
        }
        Command::Quantity(quantity, proration) => {
            (Method::PUT, update, json!({ "quantity": quantity, "proration": proration.name() }))
        }
        Command::Zone(zone) => (Method::PUT, update, json!({ "zone": zone.name() })),
        Command::Keep => (Method::PUT, update, json!({ "cancel_at_period_end": false })),
        Command::Pause(Proration::AtPeriodEnd) => {
            (Method::POST, format!("/subscriptions/{id}/pause"), json!({ "when": "at_period_end" }))
        }
        Command::Pause(proration) => {
            (Method::POST, format!("/subscriptions/{id}/pause"), json!({ "proration": proration.name() }))
        }
        Command::Resume { to_old_anchor } => {
            let anchor = if *to_old_anchor { "old" } else { "new" };
            (Method::POST, format!("/subscriptions/{id}/resume"), json!({ "anchor": anchor }))
        }
        Command::CancelNow { by_day } => {
            let proration = if *by_day { "by_day" } else { "none" };
            (Method::DELETE, format!("{cancel}?proration={proration}"), Value::Null)
        }
        Command::CancelWithPeriod => (Method::DELETE, format!("{cancel}?at_period_end=true"), Value::Null),
    };
    merchant.send(method, &path, &[("prefer", "wait=30")], &body).await
}

/// The product and the model, subscription by subscription.
async fn agree(subjects: &[Subject], seed: u64) {
    let (mut wrong, mut invoices, mut statuses) = (0, 0, BTreeMap::<&str, u32>::new());
    for subject in subjects {
        let (id, model) = subject.lives.as_ref().expect("it has begun");
        invoices += model.invoices.len();
        *statuses.entry(model.status.name()).or_default() += 1;
        let found = compare::differences(&subject.merchant, id, model).await;
        if !found.is_empty() {
            wrong += 1;
            println!("\n{id}, number {} of seed {seed}: {:?}", subject.number, subject.life.order);
            println!("  {}\n  {}", model.story.join("\n  "), found.join("\n  "));
        }
    }
    println!("{} subscriptions with {invoices} invoices: {statuses:?}", subjects.len());
    assert_eq!(wrong, 0, "subscriptions that are not as the rules have it, seed {seed}");
}

/// All numbers of a merchant's invoices, one after the other.
async fn numbers_have_no_gap(merchant: &Merchant, seed: u64) {
    let all = merchant.all("/invoices?limit=100").await;
    let mut numbers: Vec<usize> =
        all.iter().map(|one| one["number"].as_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(1..=numbers.len()), "seed {seed}: {numbers:?}");
}

/// No invoice was paid by two payments, and none by more or less than it says. Nor was a payment asked for twice:
/// nothing has failed, and time does not pass under what a worker has in hand.
async fn paid_once(deployment: &Deployment, seed: u64) {
    let twice =
        "SELECT count(*) FROM (SELECT FROM payments WHERE status = 'succeeded' AND invoice_id IS NOT NULL
                 GROUP BY invoice_id HAVING count(*) > 1) twice";
    assert_eq!(deployment.count(twice).await, 0, "invoices that were paid twice, seed {seed}");
    let again = "SELECT count(*) FROM payments WHERE calls_begun > 1";
    assert_eq!(deployment.count(again).await, 0, "payments that were taken up twice, seed {seed}");
    let paid = "SELECT count(*) FROM invoices i LEFT JOIN (
            SELECT invoice_id AS id, sum(amount_captured) AS paid FROM payments GROUP BY 1) p USING (id)
         WHERE i.amount_paid <> coalesce(p.paid, 0)";
    assert_eq!(deployment.count(paid).await, 0, "invoices whose payments are not what was paid, seed {seed}");
}
