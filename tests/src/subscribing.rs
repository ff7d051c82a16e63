//! A merchant who sells subscriptions, through the API alone.

use common::clock::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, Deployment, Merchant, eventually};

impl Merchant {
    /// `POST`, without a key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], body).await
    }

    /// Something that is made at once, and is there as it was shown; answers its id.
    pub async fn made(&self, path: &str, body: &Value) -> String {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let id = answer.text("id").to_owned();
        assert_eq!(answer.header("location"), format!("{path}/{id}"));
        assert_eq!(self.get(&format!("{path}/{id}")).await.body, answer.body);
        id
    }

    /// A plan in euros.
    pub async fn plan(&self, amount: &str, interval: &str) -> String {
        let name = format!("{amount} a {interval}");
        let plan = json!({ "name": name, "amount": amount, "currency": "EUR", "interval": interval });
        self.made("/plans", &plan).await
    }

    /// A customer.
    pub async fn customer(&self) -> String {
        self.made("/customers", &json!({ "email": "ada@example.com" })).await
    }

    /// `POST /create-subscription` by a new customer with a good card; waits until it is paid, and answers its id.
    pub async fn subscribed(&self, key: &str, plan: &str, quantity: u32) -> String {
        let order = subscription(&self.customer().await, plan, quantity);
        let answer = self.subscribe(key, &order).await;
        assert_eq!((answer.status, answer.text("status")), (202, "active"), "{answer:?}");
        answer.text("id").to_owned()
    }

    /// `POST /create-subscription`; waits for the first payment.
    pub async fn subscribe(&self, key: &str, order: &Value) -> Answer {
        let headers = [("idempotency-key", key), ("prefer", "wait=30")];
        self.send(Method::POST, "/create-subscription", &headers, order).await
    }

    /// `DELETE /cancel-subscription/{id}`.
    pub async fn cancel_subscription(&self, id: &str, query: &str, headers: &[(&str, &str)]) -> Answer {
        let path = format!("/cancel-subscription/{id}{query}");
        self.send(Method::DELETE, &path, headers, &Value::Null).await
    }

    /// `PUT /update-subscription/{id}`; waits for what is charged.
    pub async fn update(&self, id: &str, body: &Value) -> Answer {
        self.send(Method::PUT, &format!("/update-subscription/{id}"), &[("prefer", "wait=30")], body).await
    }

    /// The same, which must be accepted.
    pub async fn updated(&self, id: &str, body: &Value) -> Answer {
        let answer = self.update(id, body).await;
        assert_eq!(answer.status, 202, "{body} {answer:?}");
        answer
    }

    /// What an update would come to.
    pub async fn preview(&self, id: &str, body: &Value) -> Value {
        let answer = self.send(Method::POST, &format!("/subscriptions/{id}/preview"), &[], body).await;
        assert_eq!(answer.status, 200, "{body} {answer:?}");
        answer.body
    }

    /// `POST /subscriptions/{id}/pause` or `/resume`, which must be accepted; waits for what is charged.
    pub async fn turn(&self, id: &str, what: &str, body: &Value) -> Answer {
        let path = format!("/subscriptions/{id}/{what}");
        let answer = self.send(Method::POST, &path, &[("prefer", "wait=30")], body).await;
        assert_eq!(answer.status, 202, "{what} {body} {answer:?}");
        answer
    }

    /// A subscription, as it stands.
    pub async fn subscription(&self, id: &str) -> Answer {
        self.get(&format!("/subscriptions/{id}")).await
    }

    /// A subscription, once it is in this status.
    pub async fn subscription_with(&self, id: &str, status: &str) -> Value {
        eventually(&format!("{id} becomes {status}"), || async {
            let answer = self.subscription(id).await;
            (answer.text("status") == status).then_some(answer.body)
        })
        .await
    }

    /// The invoices of a subscription, oldest first.
    pub async fn invoices(&self, id: &str) -> Vec<Value> {
        let list = self.get(&format!("/invoices?subscription={id}&limit=100")).await.body;
        let mut invoices = list["data"].as_array().expect("a list").clone();
        invoices.reverse();
        invoices
    }

    /// What a customer has in the balance, in euros.
    pub async fn balance(&self, subscription: &str) -> String {
        let customer = self.subscription(subscription).await.text("customer").to_owned();
        let customer = self.get(&format!("/customers/{customer}")).await.body;
        customer["balances"][0]["amount"].as_str().unwrap_or("0.00").to_owned()
    }
}

impl Deployment {
    /// Moves time on to the next noon of a day of the year, `"03-10"`, and waits until what is due then is done.
    pub async fn noon_of(&self, day: &str) {
        let now = self.now().await;
        let year: u16 = now.to_rfc3339()[..4].parse().unwrap();
        let noon = |year: u16| format!("{year}-{day}T12:00:00Z").parse::<Timestamp>().unwrap();
        self.advance_to(if now < noon(year) { noon(year) } else { noon(year + 1) }).await;
        self.idle().await;
    }
}

/// An order of a subscription that a good card pays.
#[must_use]
pub fn subscription(customer: &str, plan: &str, quantity: u32) -> Value {
    json!({
        "customer": customer, "plan": plan, "quantity": quantity,
        "payment_method": { "type": "card", "token": "pm_card_visa" },
    })
}

/// The kinds of an invoice's lines, each with its amount.
#[must_use]
pub fn lines(invoice: &Value) -> Vec<(&str, &str)> {
    let lines = invoice["lines"].as_array().expect("lines").iter();
    lines.map(|line| (line["kind"].as_str().unwrap(), line["amount"].as_str().unwrap())).collect()
}
