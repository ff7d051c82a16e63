//! What Stripe keeps under a key, and for how long.

use std::time::Duration;

use common::gateway::stripe::GUARANTEES;
use serde_json::json;

use super::fixture;
use crate::contract::{
    fixture::{Operation, Ready, charge_of, money},
    table::{Meaning, Meaning::*, meaning},
};

const DAY: u64 = 24 * 3600;

/// A key that is forgotten runs anew, and then only the state of the payment stands guard. So nothing is
/// sent again after the window in which we may send it.
#[tokio::test]
async fn a_key_lives_for_a_day_and_longer_than_our_window() {
    assert!(GUARANTEES.replay_window < Duration::from_secs(DAY));
    for (operation, expected, times) in [
        (Operation::Charge, Done, 2),
        (Operation::Capture, LookUp, 1),
        (Operation::Cancel, LookUp, 1),
        (Operation::Refund, Done, 2),
    ] {
        let fixture = fixture().await;
        let ready = match operation {
            // A part, so that there is something left for a second one.
            Operation::Refund => {
                Ready::Refund(fixture.refund_request(&fixture.paid("pm_card_visa").await, "9.90"))
            }
            _ => fixture.ready(operation, "pm_card_visa").await,
        };
        let report = fixture.send(&ready).await.report;
        let window = GUARANTEES.replay_window.as_secs();
        fixture.control("clock", json!({ "advance_seconds": window })).await;
        assert_eq!(fixture.send(&ready).await.report, report, "{operation:?}: it is remembered");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}");
        fixture.control("clock", json!({ "advance_seconds": DAY - window })).await;
        let anew = fixture.send(&ready).await.report;
        assert_eq!(meaning(&anew), expected, "{operation:?}: {anew:?}");
        assert_ne!(anew, report, "{operation:?}: it ran anew");
        assert_eq!(fixture.times_done(&ready).await, times, "{operation:?}");
    }
}

/// Kept: what came of executing, declines and refusals by the payment's state included. Not kept: what
/// was refused before anything ran.
#[tokio::test]
async fn what_did_not_run_leaves_its_key_free() {
    let fixture = fixture().await;
    let paid = fixture.paid("pm_card_visa").await;
    let too_much = fixture.refund_request(&paid, "50.00");
    for row in ["the first time", "kept"] {
        let report = fixture.send(&Ready::Refund(too_much.clone())).await.report;
        let kept: Meaning = meaning(&report);
        assert_eq!(kept, Declined(common::gateway::DeclineClass::Hard), "{row}");
    }
    let unknown = fixture.charge_request("pm_nobody_knows");
    let report = fixture.charged(unknown.clone()).await.1;
    assert_eq!(meaning(&report), Refused, "{report:?}");
    let known = common::gateway::ChargeRequest { token: Some("pm_card_visa".into()), ..unknown };
    let report = fixture.charged(known).await.1;
    assert_eq!(charge_of(&report).money, Some(money("49.90", "EUR")), "the key was free for it");
}
