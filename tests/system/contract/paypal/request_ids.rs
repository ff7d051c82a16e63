//! How long PayPal keeps a request id, and what stands guard when it has forgotten one.

use std::time::Duration;

use common::gateway::{ChargeRequest, paypal::GUARANTEES};
use serde_json::json;

use super::{bench, found, is_to_be_looked_up, taken};
use crate::contract::{
    bench::{Operation, Ready, charge_of, money},
    table::{Means, Means::*, meaning},
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Each operation, for how long its id is kept, and what it comes to under an id that is forgotten. The
/// invoice stands guard over a charge and a refund; a reservation knows what became of it.
const LIVES: [(Operation, u64, Means); 4] = [
    (Operation::Charge, 6 * HOUR, LookUp),
    (Operation::Capture, 45 * DAY, Done),
    (Operation::Cancel, 45 * DAY, Canceled),
    (Operation::Refund, 45 * DAY, Done),
];

#[tokio::test]
async fn a_forgotten_id_moves_nothing_twice() {
    assert!(GUARANTEES.replay_window < Duration::from_secs(6 * HOUR));
    for (operation, life, means) in LIVES {
        let bench = bench().await;
        let ready = match operation {
            // A part, so that there is something left for a second one.
            Operation::Refund => Ready::Refund(bench.refund_request(&bench.paid("vault_ok").await, "9.90")),
            _ => bench.ready(operation, "vault_ok").await,
        };
        let report = bench.send(&ready).await.report;
        bench.control("clock", json!({ "advance_seconds": life - 60 })).await;
        assert_eq!(bench.send(&ready).await.report, report, "{operation:?}: it is remembered");
        assert_eq!(bench.times_done(&ready).await, 1, "{operation:?}");
        bench.control("clock", json!({ "advance_seconds": 120 })).await;
        let anew = bench.send(&ready).await.report;
        assert_eq!(meaning(&anew), means, "{operation:?}: {anew:?}");
        if means != LookUp {
            assert_eq!(anew, report, "{operation:?}: what was done is told");
        }
        assert_eq!(bench.times_done(&ready).await, 1, "{operation:?}: never twice");
        if let Ready::Charge(request) = &ready {
            let order = &charge_of(&report).gateway_ref;
            assert_eq!(found(&bench, request, order).await, report, "the order knows");
        }
    }
}

/// Creating and completing an order have ids of their own, and a second attempt has others.
#[tokio::test]
async fn every_call_has_an_id_of_its_own() {
    let bench = bench().await;
    let (request, report) = bench.paid("vault_approved_only").await;
    assert_eq!(meaning(&report), Done, "{report:?}");
    let path = format!("/requests?reference={}", request.reference);
    let requests = bench.deployment.sandbox("GET", &path, &serde_json::Value::Null).await;
    let requests = requests["data"].as_array().unwrap();
    let mut ids: Vec<_> = requests
        .iter()
        .filter(|request| request["method"] == "POST")
        .map(|request| request["idempotency_key"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [request.key.to_string(), format!("{}-capture", request.key)]);
}

/// The same id with another body is a defect of ours, and must not pass for a failure.
#[tokio::test]
async fn an_id_sent_with_another_body_is_looked_up() {
    let bench = bench().await;
    let (request, _) = bench.paid("vault_ok").await;
    let changed = ChargeRequest { money: money("50.00", "EUR"), ..request };
    let report = bench.charged(changed.clone()).await.1;
    assert!(is_to_be_looked_up(&report), "{report:?}");
    assert_eq!(taken(&bench, &changed).await, [4990]);
}
