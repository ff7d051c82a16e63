//! One customer, who lives through a history, beside the law.

use chrono::NaiveDate;
use common::id::CustomerId;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Answer, Deployment, Merchant,
    calendar::At,
    eventually,
    law::{
        Agreement, Discount, Facts, Law, Off, Tax,
        commands::{Command, Executed, Proration},
        history::{CURRENCIES, Card, Happens, History, Order, Step},
    },
};
use uuid::Uuid;

use super::{World, days_after, facts};

pub struct Customer<'a> {
    deployment: &'a Deployment,
    plans: &'a [String],
    history: &'a History,
    first: NaiveDate,
    digits: u32,
    id: String,
    subscriptions: Vec<String>,
    law: Law,
    facts: Facts,
    /// How many invoices are known to the law.
    known: usize,
    steps: usize,
    keys: u32,
    /// How the law was broken.
    pub broken: Option<String>,
}

type Broken = Result<(), String>;

impl<'a> Customer<'a> {
    pub fn new(world: &'a World, history: &'a History, first: NaiveDate) -> Self {
        let (_, digits) = CURRENCIES[history.currency];
        Self {
            deployment: &world.deployment,
            plans: &world.plans[history.currency],
            history,
            first,
            digits,
            id: String::new(),
            subscriptions: Vec::new(),
            law: Law::default(),
            facts: Facts::default(),
            known: 0,
            steps: 0,
            keys: 0,
            broken: None,
        }
    }

    fn merchant(&self) -> &'a Merchant {
        &self.deployment.merchant
    }

    fn uuid(&self) -> Uuid {
        self.id.parse::<CustomerId>().unwrap().0
    }

    /// Lives through a day. Who has broken the law lives no more.
    pub async fn live(&mut self, day: u32, at: At) {
        if self.broken.is_some() {
            return;
        }
        if let Err(why) = self.live_day(day, at).await {
            self.broken = Some(format!("on day {day}, after\n  {}\n  {why}", self.law.story.join("\n  ")));
        }
    }

    async fn live_day(&mut self, day: u32, at: At) -> Broken {
        let date = at.date_naive();
        if day == 0 {
            self.id = self.merchant().made("/customers", &json!({ "email": "ada@example.com" })).await;
            let first = self.history.first.clone();
            self.subscribe(&first, date).await?;
        }
        self.time_has_passed().await?;
        let history = self.history;
        let now = history.dated().skip(self.steps).take_while(|(then, _)| *then <= day);
        for (_, step) in now.collect::<Vec<_>>() {
            self.steps += 1;
            self.step(step, date).await?;
            self.law.check(&self.facts)?;
            self.law.costs_the_same(&self.facts, date)?;
        }
        Ok(())
    }

    /// It leaves, and is billed no more.
    pub async fn end(&mut self) {
        for id in &self.subscriptions {
            self.merchant().cancel_subscription(id, "", &[]).await;
        }
    }

    /// What has come with time: renewals, retries, and their ends.
    async fn time_has_passed(&mut self) -> Broken {
        for invoice in self.learn().await {
            let of = self.place(&invoice);
            self.law.story.push(format!("a renewal: {}", invoice["id"]));
            self.begins(of, &invoice)?;
        }
        self.law.learn(&self.facts);
        self.law.check(&self.facts)
    }

    /// Takes note of all facts; answers the invoices that are new.
    async fn learn(&mut self) -> Vec<Value> {
        facts::quiet(self.deployment, self.uuid()).await;
        let (facts, mut invoices) = facts::of(self.deployment, &self.id, self.digits).await;
        self.facts = facts;
        let new = invoices.split_off(self.known);
        self.known += new.len();
        new
    }

    fn place(&self, invoice: &Value) -> usize {
        self.subscriptions.iter().position(|id| invoice["subscription"] == **id).expect("it is one of these")
    }

    fn begins(&mut self, of: usize, invoice: &Value) -> Broken {
        let (index, days, id) =
            whole_period(invoice).ok_or_else(|| format!("it comes by itself: {invoice}"))?;
        self.law.period(of, index, days, &id)
    }

    async fn subscribe(&mut self, order: &Order, day: NaiveDate) -> Broken {
        self.keys += 1;
        let Agreement { terms, discounts, tax } = &order.agreed;
        let body = json!({
            "customer": self.id, "plan": self.plans[terms.plan], "quantity": terms.quantity,
            "payment_method": self.card(order.card),
            "discounts": discounts.iter().map(|one| self.discount(one)).collect::<Vec<_>>(),
            "tax": tax.map(|Tax { percent, inclusive }| {
                json!({ "name": "VAT", "percent": percent.text, "inclusive": inclusive })
            }),
        });
        let answer = self.merchant().subscribe(&format!("{} {}", self.id, self.keys), &body).await;
        self.law.story.push(format!("{day}: {order:?} {}", answer.status));
        if answer.status != 202 {
            return Ok(());
        }
        self.subscriptions.push(answer.text("id").to_owned());
        let of = self.law.subscribed(&order.agreed, day);
        for invoice in self.learn().await {
            self.begins(of, &invoice)?;
        }
        self.law.learn(&self.facts);
        Ok(())
    }

    async fn step(&mut self, step: &Step, day: NaiveDate) -> Broken {
        let of = step.of.min(self.subscriptions.len().saturating_sub(1));
        match &step.happens {
            Happens::Nothing => {}
            _ if self.subscriptions.is_empty() => {}
            Happens::Subscribed(order) if self.subscriptions.len() < 2 => self.subscribe(order, day).await?,
            Happens::Subscribed(_) => {}
            Happens::Command(command, card) => self.command(of, command, *card, day).await?,
            Happens::Card(card) => {
                let body = json!({ "payment_method": self.card(*card) });
                let answer = self.merchant().update(&self.subscriptions[of], &body).await;
                self.law.story.push(format!("{day}: {card:?} {}", answer.status));
                self.happened().await?;
            }
            Happens::Void { which } => self.ask(day, *which, "void", &["open", "uncollectible"]).await?,
            Happens::GiveUp { which } => self.ask(day, *which, "mark-uncollectible", &["open"]).await?,
            Happens::Pay { which } => self.ask(day, *which, "pay", &["open", "uncollectible"]).await?,
            Happens::Refund { which, thirds } => self.refund(day, *which, *thirds).await?,
            Happens::Dispute { which } => self.dispute(day, *which).await?,
            Happens::DisputeEnds { won } => self.dispute_ends(day, *won).await?,
        }
        Ok(())
    }

    /// Something has happened that bills nothing.
    async fn happened(&mut self) -> Broken {
        let new = self.learn().await;
        self.law.learn(&self.facts);
        if new.is_empty() { Ok(()) } else { Err(format!("it is billed for nothing: {new:?}")) }
    }

    async fn command(&mut self, of: usize, command: &Command, card: Option<Card>, day: NaiveDate) -> Broken {
        let id = self.subscriptions[of].clone();
        let status = self.merchant().subscription(&id).await.text("status").to_owned();
        let answer = self.send(&id, command, card).await;
        if answer.status != 202 {
            assert!(matches!(answer.status, 409 | 422), "{command:?} {answer:?}");
            self.law
                .story
                .push(format!("{day} {of}: {command:?} {}: {}", answer.status, answer.body["code"]));
            return self.happened().await;
        }
        let (mut change, mut period) = (None, None);
        for invoice in self.learn().await {
            let id = invoice["id"].as_str().unwrap().to_owned();
            if self.place(&invoice) != of || invoice["occasion"] == "change" && change.is_some() {
                return Err(format!("{command:?} bills {invoice}"));
            }
            match whole_period(&invoice) {
                Some(whole) => period = Some(whole),
                None => change = Some(id),
            }
        }
        let executed = Executed { status, day, change, period };
        self.law.executed(of, command, &executed)?;
        self.law.learn(&self.facts);
        Ok(())
    }

    async fn send(&self, id: &str, command: &Command, card: Option<Card>) -> Answer {
        let merchant = self.merchant();
        let method = card.map(|card| self.card(card));
        let turn = async |what: &str, body: Value| {
            let path = format!("/subscriptions/{id}/{what}");
            merchant.send(Method::POST, &path, &[("prefer", "wait=30")], &body).await
        };
        match command {
            Command::Plan(plan, _, proration) => {
                let plan = &self.plans[*plan];
                let body = json!({ "plan": plan, "proration": proration.name(), "payment_method": method });
                merchant.update(id, &body).await
            }
            Command::Seats(seats, proration) => {
                let body =
                    json!({ "quantity": seats, "proration": proration.name(), "payment_method": method });
                merchant.update(id, &body).await
            }
            Command::Pause(Proration::AtPeriodEnd) => turn("pause", json!({ "when": "at_period_end" })).await,
            Command::Pause(proration) => turn("pause", json!({ "proration": proration.name() })).await,
            Command::Resume { old_anchor } => {
                turn("resume", json!({ "anchor": if *old_anchor { "old" } else { "new" } })).await
            }
            Command::Cancel(Proration::AtPeriodEnd) => {
                merchant.cancel_subscription(id, "?at_period_end=true", &[]).await
            }
            Command::Cancel(proration) => {
                merchant.cancel_subscription(id, &format!("?proration={}", proration.name()), &[]).await
            }
            Command::Discounts(discounts) => {
                let discounts: Vec<_> = discounts.iter().map(|one| self.discount(one)).collect();
                merchant.update(id, &json!({ "discounts": discounts })).await
            }
        }
    }

    /// Something is asked of an invoice in one of these statuses.
    async fn ask(&mut self, day: NaiveDate, which: usize, what: &str, statuses: &[&str]) -> Broken {
        let open = self.facts.bills.iter().filter(|(_, facts)| statuses.contains(&&*facts.status));
        let open: Vec<_> = open.map(|(id, _)| id.clone()).collect();
        let Some(id) = open.get(which % open.len().max(1)) else { return Ok(()) };
        let path = format!("/invoices/{id}/{what}");
        let answer = self.merchant().send(Method::POST, &path, &[("prefer", "wait=30")], &Value::Null).await;
        self.law.story.push(format!("{day}: {what} {id} {}", answer.status));
        self.happened().await
    }

    async fn refund(&mut self, day: NaiveDate, which: usize, thirds: i64) -> Broken {
        let payments = self
            .payments("p.status = 'succeeded' AND d.id IS NULL AND p.amount_captured > p.amount_refunded")
            .await;
        let Some((payment, left)) = payments.get(which % payments.len().max(1)) else { return Ok(()) };
        self.keys += 1;
        let part = 1.max(left * thirds / 3).min(*left);
        let amount = facts::money(part, self.digits);
        let answer =
            self.merchant().refund(&format!("{} {}", self.id, self.keys), payment, Some(&amount)).await;
        self.law.story.push(format!(
            "{day}: {part} of {payment} is refunded: {} {}",
            answer.status, answer.body["detail"]
        ));
        if answer.status == 202 {
            self.merchant().refund_with(answer.text("id"), &["succeeded", "failed"]).await;
        }
        self.happened().await
    }

    async fn dispute(&mut self, day: NaiveDate, which: usize) -> Broken {
        let payments =
            self.payments("p.status = 'succeeded' AND d.id IS NULL AND p.amount_refunded = 0").await;
        let Some((payment, _)) = payments.get(which % payments.len().max(1)) else { return Ok(()) };
        self.law.story.push(format!("{day}: {payment} is disputed"));
        self.deployment.sandbox("POST", "/control/dispute", &json!({ "reference": payment })).await;
        self.disputed(payment, "open").await;
        self.happened().await
    }

    async fn dispute_ends(&mut self, day: NaiveDate, won: bool) -> Broken {
        let payments = self.payments("d.status = 'open'").await;
        let Some((payment, _)) = payments.first() else { return Ok(()) };
        let outcome = if won { "won" } else { "lost" };
        self.law.story.push(format!("{day}: {payment} is {outcome}"));
        let end = json!({ "reference": payment, "outcome": outcome });
        self.deployment.sandbox("POST", "/control/dispute", &end).await;
        self.disputed(payment, outcome).await;
        self.happened().await
    }

    async fn disputed(&self, payment: &str, status: &str) {
        eventually("the dispute is told", || async {
            let payment = self.merchant().payment(payment).await.body;
            (payment["disputes"][0]["status"] == status).then_some(())
        })
        .await;
    }

    /// The customer's payments that are so, each with what of it is left.
    async fn payments(&self, so: &str) -> Vec<(String, i64)> {
        let query = format!(
            "SELECT p.id, ((p.amount_captured - p.amount_refunded) * $2)::bigint FROM payments p
             JOIN invoices i ON i.id = p.invoice_id LEFT JOIN disputes d ON d.payment_id = p.id
             WHERE i.customer_id = $1 AND {so} ORDER BY p.id"
        );
        let rows: Vec<(Uuid, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(self.uuid())
            .bind(10_i64.pow(self.digits))
            .fetch_all(&self.deployment.pool)
            .await
            .unwrap();
        rows.into_iter().map(|(id, left)| (common::id::PaymentId(id).to_string(), left)).collect()
    }

    fn card(&self, card: Card) -> Value {
        let token = match card {
            Card::Good => "pm_card_visa".to_owned(),
            Card::Declined { from, to, hard } => {
                let midnight = self.first.and_hms_opt(0, 0, 0).unwrap().and_utc();
                let [from, to] = [from, to].map(|day| days_after(midnight, day).timestamp());
                let how = if hard { "LostCard" } else { "InsufficientFunds" };
                format!("pm_sandbox_between_{from}_{to}_chargeDeclined{how}")
            }
        };
        json!({ "type": "card", "token": token })
    }

    fn discount(&self, discount: &Discount) -> Value {
        let duration = match discount.periods {
            None => json!("forever"),
            Some(1) => json!("once"),
            Some(periods) => json!({ "periods": periods }),
        };
        let mut body = json!({ "name": discount.name, "duration": duration });
        match discount.off {
            Off::Percent(percent) => body["percent"] = json!(percent.text),
            Off::Coins(coins) => {
                body["amount"] = json!(facts::money(coins, self.digits));
            }
        }
        body
    }
}

/// Of an invoice for a whole period: its number, its days, and the invoice's name.
fn whole_period(invoice: &Value) -> Option<(u32, (NaiveDate, NaiveDate), String)> {
    let day = |field: &str| invoice["lines"][0][field].as_str()?.parse().ok();
    let index = u32::try_from(invoice["period_index"].as_u64()?).ok()?;
    let whole = (index, (day("from")?, day("to")?), invoice["id"].as_str()?.to_owned());
    (invoice["occasion"] == "period").then_some(whole)
}
