//! A merchant, as seen from outside: HTTP and JSON, nothing of ours.

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::{description, eventually};

/// How often a request is sent again that found the API's servers away.
const UNAVAILABLE_MAX: usize = 3;

/// Somebody with a key.
#[derive(Clone)]
pub struct Merchant {
    /// Where the API is.
    pub url: String,
    /// The key.
    pub key: String,
    client: Client,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or null where it is not JSON.
    pub body: Value,
}

impl Answer {
    /// A field of the body, as text.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_else(|| panic!("no text {field:?} in {self:?}"))
    }

    /// The pointer of the one fault that a body was refused for; another status is none.
    #[must_use]
    pub fn fault(&self) -> &str {
        match (self.status, self.body["errors"].as_array().map(Vec::as_slice)) {
            (422, Some([fault])) => fault["pointer"].as_str().unwrap_or_default(),
            _ => panic!("not one fault: {self:?}"),
        }
    }

    /// A header, as text; empty when it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The ids on a page of a list.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn ids(list: &Value) -> Vec<&str> {
    ids_of(list["data"].as_array().unwrap())
}

/// The ids of these.
///
/// # Panics
/// When one has none.
#[must_use]
pub fn ids_of(all: &[Value]) -> Vec<&str> {
    all.iter().map(|one| one["id"].as_str().unwrap()).collect()
}

/// A payment by card with this token.
#[must_use]
pub fn card(amount: &str, currency: &str, token: &str) -> Value {
    json!({ "amount": amount, "currency": currency, "payment_method": { "type": "card", "token": token } })
}

/// A payment with PayPal: by a saved payer, or by one who approves on PayPal's page.
#[must_use]
pub fn paypal(amount: &str, currency: &str, token: Option<&str>) -> Value {
    json!({
        "amount": amount, "currency": currency, "return_url": "https://shop.example/back",
        "payment_method": { "type": "paypal", "token": token },
    })
}

/// Pages of a list, at most: more are a list without an end.
const PAGES_MAX: usize = 1000;

impl Merchant {
    /// Somebody with a key.
    #[must_use]
    pub fn new(url: String, key: String) -> Self {
        Self { url, key, client: common::gateway::http_client(crate::PATIENCE).unwrap() }
    }

    /// Any request, with the key; `None` when no answer came. Every answer is as the API describes it.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Option<Answer> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            request = request.bearer_auth(&self.key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.unwrap_or_default()).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.ok()?;
        let shown = description::Shown { status, headers: &headers, bytes: &bytes };
        description::check(&self.client, &self.url, &method, path, &shown).await;
        Some(Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Any request, with the key. Where the answer says that the same may be sent again, and will be done once, it is, as
    /// by any client: a server that others keep busy may be away for a moment.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        let body = (!body.is_null()).then(|| body.to_string());
        let is_once = method != Method::POST || headers.iter().any(|(name, _)| *name == "idempotency-key");
        for _ in 0..UNAVAILABLE_MAX {
            let answer = self.try_send(method.clone(), path, &all, body.clone()).await.expect("an answer");
            if !(is_once && answer.status == 503 && answer.body["code"] == "unavailable") {
                return answer;
            }
            eprintln!("{method} {path}, once more: {answer:?}");
        }
        self.try_send(method, path, &all, body).await.expect("an answer")
    }

    /// `POST /test-clock/advance`, and what it has come to: the clock when it moves no more, or why it never did.
    pub async fn advanced(&self, body: &Value) -> Answer {
        let mut answer = self.send(Method::POST, "/test-clock/advance", &[("prefer", "wait=30")], body).await;
        while answer.body["status"] == "advancing" {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            answer = self.get("/test-clock").await;
        }
        answer
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &Value::Null).await
    }

    /// All that is in a list, as its pages lead from one to the next.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut path, mut all) = (path.to_owned(), Vec::new());
        for _ in 0..PAGES_MAX {
            let page = self.get(&path).await;
            assert_eq!(page.status, 200, "{path}: {page:?}");
            all.extend(page.body["data"].as_array().unwrap().iter().cloned());
            let link = page.header("link");
            assert_eq!(page.body["has_more"], !link.is_empty(), "{path}");
            let Some(next) = link.strip_prefix('<').and_then(|rest| rest.split_once('>')) else { return all };
            path = next.0.strip_prefix(&self.url).unwrap().to_owned();
        }
        panic!("a list without an end: {path}")
    }

    /// `POST /process-payment`.
    pub async fn pay(&self, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, "/process-payment", &[("idempotency-key", key)], body).await
    }

    /// `POST /process-payment`, which must be accepted; answers the payment's id.
    pub async fn paid(&self, key: &str, body: &Value) -> String {
        let answer = self.pay(key, body).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.text("id").to_owned()
    }

    /// A payment, as it stands.
    pub async fn payment(&self, id: &str) -> Answer {
        self.get(&format!("/payments/{id}")).await
    }

    /// The payment, once its status is one of these.
    pub async fn payment_with(&self, id: &str, statuses: &[&str]) -> Value {
        eventually(&format!("{id} becomes {statuses:?}"), || async {
            let answer = self.payment(id).await;
            (answer.status == 200 && statuses.contains(&answer.text("status"))).then_some(answer.body)
        })
        .await
    }

    /// A payment that has succeeded; answers its id.
    pub async fn paid_up(&self, key: &str, body: &Value) -> String {
        let id = self.paid(key, body).await;
        self.payment_with(&id, &["succeeded"]).await;
        id
    }

    /// `POST /refund-payment`; without an amount all that is left.
    pub async fn refund(&self, key: &str, payment: &str, amount: Option<&str>) -> Answer {
        let body = json!({ "payment": payment, "amount": amount });
        self.send(Method::POST, "/refund-payment", &[("idempotency-key", key)], &body).await
    }

    /// `POST /refund-payment`, which must be accepted; answers the refund's id.
    pub async fn refunded(&self, key: &str, payment: &str, amount: Option<&str>) -> String {
        let answer = self.refund(key, payment, amount).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.text("id").to_owned()
    }

    /// The refund, once its status is one of these.
    pub async fn refund_with(&self, id: &str, statuses: &[&str]) -> Value {
        eventually(&format!("{id} becomes {statuses:?}"), || async {
            let answer = self.get(&format!("/refunds/{id}")).await;
            (answer.status == 200 && statuses.contains(&answer.text("status"))).then_some(answer.body)
        })
        .await
    }

    /// `POST /payments/{id}/capture`; without an amount all that is reserved.
    pub async fn capture(&self, payment: &str, amount: Option<&str>) -> Answer {
        let body = amount.map_or(Value::Null, |amount| json!({ "amount": amount }));
        self.send(Method::POST, &format!("/payments/{payment}/capture"), &[], &body).await
    }

    /// `POST /payments/{id}/cancel`.
    pub async fn cancel(&self, payment: &str) -> Answer {
        self.send(Method::POST, &format!("/payments/{payment}/cancel"), &[], &Value::Null).await
    }
}
