//! Every status of a capture, an authorization and a refund. HTTP 201 is not success.

use common::gateway::{
    Charge, Decline,
    DeclineClass::{Customer, Hard, Soft},
};
use serde_json::json;

use super::{fixture, found};
use crate::contract::{
    fixture::{Ready, charge_of},
    table::{Meaning, Meaning::*, meaning},
    vocabulary::Report,
};

#[tokio::test]
async fn every_status_of_a_capture_has_a_meaning() {
    let fixture = fixture().await;
    fixture.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (token, expected) in [
        ("vault_ok", Done),                     // COMPLETED
        ("vault_pending", Processing),          // PENDING
        ("vault_declined", Declined(Customer)), // DECLINED
        ("vault_failed", Declined(Soft)),       // FAILED
    ] {
        let (request, report) = fixture.paid(token).await;
        assert_eq!(meaning(&report), expected, "{token}: {report:?}");
        assert_eq!(fixture.charged(request.clone()).await.1, report, "{token}: a replay says the same");
        let (Report::Succeeded(Charge { gateway_ref: order, .. })
        | Report::Processing { gateway_ref: order }
        | Report::Declined(Decline { gateway_ref: Some(order), .. })) = &report
        else {
            panic!("{token}: {report:?}")
        };
        assert_eq!(found(&fixture, &request, order).await, report, "{token}: a look-up says the same");
        assert_eq!(
            fixture.times_done(&Ready::Charge(request)).await,
            usize::from(expected == Done),
            "{token}"
        );
    }
}

#[tokio::test]
async fn a_replay_tells_the_latest_status() {
    let fixture = fixture().await;
    fixture.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (token, end) in [("vault_pending", "succeeded"), ("vault_pending_denied", "declined")] {
        let (request, report) = fixture.paid(token).await;
        let Report::Processing { gateway_ref } = &report else { panic!("{token}: {report:?}") };
        assert_eq!(found(&fixture, &request, gateway_ref).await, report);
        assert_eq!(fixture.found_charge(&request).await, report, "by our reference");
        fixture.settle(&request.reference, None).await;
        let ended = fixture.charged(request.clone()).await.1;
        assert_eq!(ended.word(), end, "{token}");
        assert_eq!(found(&fixture, &request, gateway_ref).await, ended, "{token}");
        assert_eq!(fixture.found_charge(&request).await, ended, "{token}: by our reference");
    }
}

/// PARTIALLY_REFUNDED and REFUNDED: it was paid all the same.
#[tokio::test]
async fn a_capture_that_is_given_back_was_a_success() {
    let fixture = fixture().await;
    let paid = fixture.paid("vault_ok").await;
    for amount in ["9.90", "40.00"] {
        fixture.send(&Ready::Refund(fixture.refund_request(&paid, amount))).await;
        let order = &charge_of(&paid.1).gateway_ref;
        assert_eq!(found(&fixture, &paid.0, order).await, paid.1, "{amount}");
        assert_eq!(fixture.charged(paid.0.clone()).await.1, paid.1, "{amount}: by a replay");
        assert_eq!(fixture.found_charge(&paid.0).await, paid.1, "{amount}: by our reference");
    }
}

#[tokio::test]
async fn every_status_of_an_authorization_has_a_meaning() {
    let fixture = fixture().await;
    for (token, expected) in [
        ("vault_ok", Done),                     // CREATED
        ("vault_declined", Declined(Customer)), // DENIED
        ("vault_failed", Declined(Customer)),
    ] {
        let (request, report) = fixture.reserved(token).await;
        assert_eq!(meaning(&report), expected, "{token}: {report:?}");
        assert_eq!(fixture.charged(request.clone()).await.1, report, "{token}: a replay says the same");
    }
}

const REFUNDS: [(&str, Meaning); 4] =
    [("pending", Processing), ("succeeded", Done), ("failed", Declined(Hard)), ("canceled", Canceled)];

#[tokio::test]
async fn every_status_of_a_refund_has_a_meaning() {
    let fixture = fixture().await;
    fixture.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (status, expected) in REFUNDS {
        let paid = fixture.paid("vault_refund_pending").await;
        let request = fixture.refund_request(&paid, "9.90");
        let ready = Ready::Refund(request.clone());
        let report = fixture.send(&ready).await.report;
        assert!(matches!(report, Report::Processing { .. }), "{status}: {report:?}");
        if status != "pending" {
            fixture.settle(&request.reference, Some(status)).await;
        }
        let found = fixture.found(&ready).await;
        assert_eq!(meaning(&found), expected, "{status}: {found:?}");
        assert_eq!(fixture.send(&ready).await.report, found, "{status}: a replay tells the latest status");
        assert_eq!(fixture.times_done(&ready).await, usize::from(expected == Done), "{status}");
    }
}
