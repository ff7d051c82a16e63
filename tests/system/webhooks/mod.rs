//! Webhooks out: real workers tell a real receiver.

mod endpoints;
mod listening;
mod order;
mod replays;
mod retries;
mod secrets;
mod told;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Receiver, eventually};

/// Makes an endpoint at this receiver, with what is asked for besides.
async fn endpoint(merchant: &Merchant, receiver: &Receiver, besides: Value) -> Value {
    let mut body = json!({ "url": receiver.url });
    body.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
    let answer = post(merchant, "/webhook-endpoints", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

async fn post(merchant: &Merchant, path: &str, body: &Value) -> Answer {
    merchant.send(Method::POST, path, &[], body).await
}

/// The path of an endpoint.
fn path(endpoint: &Value) -> String {
    format!("/webhook-endpoints/{}", endpoint["id"].as_str().unwrap())
}

/// Pings an endpoint; answers the path of the delivery.
async fn ping(merchant: &Merchant, endpoint: &Value) -> String {
    let answer = post(merchant, &format!("{}/ping", path(endpoint)), &Value::Null).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.header("location").to_owned()
}

/// A delivery, once its attempts are so many.
async fn tried(merchant: &Merchant, delivery: &str, attempts: i64) -> Value {
    eventually(&format!("{delivery} is tried {attempts} times"), || async {
        let answer = merchant.get(delivery).await;
        (answer.body["attempt_count"].as_i64() >= Some(attempts)).then_some(answer.body)
    })
    .await
}

/// A delivery, once it stands so.
async fn stands(merchant: &Merchant, delivery: &str, status: &str) -> Value {
    eventually(&format!("{delivery} is {status}"), || async {
        let answer = merchant.get(delivery).await;
        (answer.body["status"] == status).then_some(answer.body)
    })
    .await
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// Waits until no job is due: whatever is left waits for its time.
async fn nothing_due(deployment: &Deployment) {
    let due =
        "SELECT count(*) FROM jobs WHERE held OR state = 'running' OR emits > 0 OR due_at <= remit_now()";
    eventually("nothing is due", || async { (deployment.count(due).await == 0).then_some(()) }).await;
}
