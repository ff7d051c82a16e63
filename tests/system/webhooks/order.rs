//! Each object's events in their order, and nothing is missed, however long a receiver was away.

use std::collections::HashMap;

use serde_json::json;
use tests::{Deployment, Receiver, Reply, card, eventually};

use super::{endpoint, nothing_due};

#[tokio::test]
async fn a_receiver_that_was_down_for_a_day_misses_nothing_and_is_told_in_order() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    endpoint(merchant, &receiver, json!({ "order": "per_object" })).await;
    receiver.replies(Reply::Status(503, "", ""));
    for number in 0..4 {
        let payment = merchant.paid_up(&format!("k{number}"), &card("49.90", "EUR", "pm_card_visa")).await;
        let refund = merchant.refunded(&format!("r{number}"), &payment, Some("10.00")).await;
        merchant.refund_with(&refund, &["succeeded"]).await;
    }
    for _ in 0..24 {
        nothing_due(&deployment).await;
        deployment.advance(3600).await;
    }
    nothing_due(&deployment).await;
    let waits = "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'";
    assert_eq!(deployment.count(waits).await, 16, "of eight objects two events each wait");
    let tried: Vec<_> = receiver.hooks().iter().map(|hook| hook.told()["sequence"].clone()).collect();
    assert!(tried.iter().all(|sequence| *sequence == 1), "the later ones wait: {tried:?}");

    receiver.replies(Reply::Status(200, "", ""));
    receiver.forget();
    deployment.advance(24 * 3600).await;
    eventually("all is told", || async { (deployment.count(waits).await == 0).then_some(()) }).await;
    let mut told: HashMap<String, Vec<i64>> = HashMap::new();
    for hook in receiver.hooks() {
        let event = hook.told();
        let object = event["data"]["id"].as_str().unwrap().to_owned();
        told.entry(object).or_default().push(event["sequence"].as_i64().unwrap());
    }
    assert_eq!(told.len(), 8);
    assert!(told.values().all(|sequences| *sequences == [1, 2]), "{told:?}");
    deployment.settled().await;
}

#[tokio::test]
async fn an_object_that_is_stuck_holds_up_no_other() {
    let deployment = Deployment::start().await;
    let (merchant, receiver) = (&deployment.merchant, Receiver::start().await);
    receiver.replies(Reply::Status(500, "", ""));
    endpoint(merchant, &receiver, json!({ "order": "per_object" })).await;
    let stuck = merchant.paid_up("k", &card("1.00", "EUR", "pm_card_visa")).await;
    nothing_due(&deployment).await;
    receiver.replies(Reply::Status(200, "", ""));
    let other = merchant.paid_up("l", &card("1.00", "EUR", "pm_card_visa")).await;
    eventually("the other is told to its end", || async {
        let told = receiver.hooks().into_iter().map(|hook| hook.told());
        let of_other = told.filter(|told| told["data"]["id"] == other.as_str());
        (of_other.map(|told| told["sequence"].as_i64().unwrap()).collect::<Vec<_>>() == [1, 2]).then_some(())
    })
    .await;
    let of_stuck = receiver.hooks().into_iter().filter(|hook| hook.told()["data"]["id"] == stuck.as_str());
    assert!(of_stuck.into_iter().all(|hook| hook.told()["sequence"] == 1));
    deployment.advance(60).await;
    deployment.settled().await;
}
