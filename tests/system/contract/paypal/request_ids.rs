//! How long PayPal keeps a request id, and what stands guard when it has forgotten one.

use std::time::Duration;

use common::gateway::{ChargeRequest, paypal::GUARANTEES};
use serde_json::json;

use super::{fixture, found, is_to_be_looked_up, taken};
use crate::contract::{
    fixture::{Operation, Ready, charge_of, money},
    table::{Meaning, Meaning::*, meaning},
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Each operation, for how long its id is kept, and what it comes to under an id that is forgotten. The
/// invoice stands guard over a charge and a refund; a reservation knows what became of it.
const LIVES: [(Operation, u64, Meaning); 4] = [
    (Operation::Charge, 6 * HOUR, LookUp),
    (Operation::Capture, 45 * DAY, Done),
    (Operation::Cancel, 45 * DAY, Canceled),
    (Operation::Refund, 45 * DAY, Done),
];

#[tokio::test]
async fn a_forgotten_id_moves_nothing_twice() {
    assert!(GUARANTEES.replay_window < Duration::from_secs(6 * HOUR));
    for (operation, life, expected) in LIVES {
        let fixture = fixture().await;
        let ready = match operation {
            // A part, so that there is something left for a second one.
            Operation::Refund => {
                Ready::Refund(fixture.refund_request(&fixture.paid("vault_ok").await, "9.90"))
            }
            _ => fixture.ready(operation, "vault_ok").await,
        };
        let report = fixture.send(&ready).await.report;
        fixture.control("clock", json!({ "advance_seconds": life - 60 })).await;
        assert_eq!(fixture.send(&ready).await.report, report, "{operation:?}: it is remembered");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}");
        fixture.control("clock", json!({ "advance_seconds": 120 })).await;
        let anew = fixture.send(&ready).await.report;
        assert_eq!(meaning(&anew), expected, "{operation:?}: {anew:?}");
        if expected != LookUp {
            assert_eq!(anew, report, "{operation:?}: what was done is told");
        }
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}: never twice");
        if let Ready::Charge(request) = &ready {
            let order = &charge_of(&report).gateway_ref;
            assert_eq!(found(&fixture, request, order).await, report, "the order knows");
        }
    }
}

/// Creating and completing an order have ids of their own, and a second attempt has others.
#[tokio::test]
async fn every_call_has_an_id_of_its_own() {
    let fixture = fixture().await;
    let (request, report) = fixture.paid("vault_approved_only").await;
    assert_eq!(meaning(&report), Done, "{report:?}");
    let path = format!("/requests?reference={}", request.reference);
    let requests = fixture.deployment.sandbox("GET", &path, &serde_json::Value::Null).await;
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
    let fixture = fixture().await;
    let (request, _) = fixture.paid("vault_ok").await;
    let changed = ChargeRequest { money: money("50.00", "EUR"), ..request };
    let report = fixture.charged(changed.clone()).await.1;
    assert!(is_to_be_looked_up(&report), "{report:?}");
    assert_eq!(taken(&fixture, &changed).await, [4990]);
}
