//! What PayPal's statuses of HTTP mean, each for every operation. Silence, which takes its time, is in
//! the suite that both gateways pass.

use serde_json::json;

use super::fixture;
use crate::contract::{
    fixture::Operation,
    table::{Meaning, Meaning::*, meaning},
};

/// What the sandbox does, what it means, and whether the money moved all the same. PayPal keeps no
/// answers: asked again, it tells.
const SIGNALS: [(&str, Meaning, bool); 19] = [
    // A reset, before and after.
    ("drop_before", Replay, false),
    ("drop_after", Replay, true),
    ("500_before", Replay, false),
    ("500_after", Replay, true),
    ("502_once", Replay, false),
    ("502_after", Replay, true),
    ("503_once", Replay, false),
    ("503_after", Replay, true),
    ("504_once", Replay, false),
    ("504_after", Replay, true),
    ("424_once", Replay, false),
    ("424_after", Replay, true),
    // Stripe's advice is not PayPal's: it changes nothing.
    ("503_should_retry_false", Replay, false),
    // Did not run.
    ("409_once", Replay, false),
    ("429_once", NotSent, false),
    // The request or the account is at fault. A 401 is about the token, which is exchanged: see below.
    ("400_once", Refused, false),
    ("403_once", Credentials, false),
    ("404_once", Refused, false),
    ("401_once", Done, true),
];

#[tokio::test]
async fn a_signal_means_the_same_for_every_operation() {
    let fixture = fixture().await;
    for operation in Operation::ALL {
        for (signal, expected, moved) in SIGNALS {
            let row = format!("{operation:?} {signal}");
            let ready = fixture.misbehaving(operation, signal).await;
            let answer = fixture.send(&ready).await;
            match expected {
                Done => assert!(operation.is_done(&answer.report), "{row}: {answer:?}"),
                other => assert_eq!(meaning(&answer.report), other, "{row}: {answer:?}"),
            }
            let answered = answer.call.http_status.is_some();
            assert_eq!(answered, !signal.starts_with("drop"), "{row}: {answer:?}");
            assert_eq!(answer.call.request_id.is_some(), answered, "{row}: it can be complained of");
            assert_eq!(fixture.times_done(&ready).await, usize::from(moved), "{row}");
            let report = fixture.send(&ready).await.report;
            assert!(operation.is_done(&report), "{row}, again: {report:?}");
            assert_eq!(fixture.times_done(&ready).await, 1, "{row}: never twice");
            assert_eq!(fixture.found(&ready).await, report, "{row}: a look-up tells the same");
        }
    }
}

/// A token that was exchanged and is refused all the same: it is our account.
#[tokio::test]
async fn a_second_401_wakes_somebody() {
    let fixture = fixture().await;
    for operation in Operation::ALL {
        let ready = fixture.ready(operation, "vault_ok").await;
        fixture.control("faults", json!([{ "fault": "401", "match": { "method": "POST" } }])).await;
        let report = fixture.send(&ready).await.report;
        assert_eq!(meaning(&report), Credentials, "{operation:?}: {report:?}");
        assert_eq!(fixture.times_done(&ready).await, 0, "{operation:?}");
        fixture.control("faults", json!([])).await;
        assert!(operation.is_done(&fixture.send(&ready).await.report), "{operation:?}");
    }
}

#[tokio::test]
async fn a_question_that_goes_wrong_says_nothing() {
    let fixture = fixture().await;
    for operation in Operation::ALL {
        let ready = fixture.ready(operation, "vault_ok").await;
        fixture.send(&ready).await;
        for signal in ["401", "403", "409", "424", "429", "500_should_retry_true", "502", "503", "504"] {
            fixture.control("faults", json!([{ "fault": signal, "match": { "method": "GET" } }])).await;
            let report = fixture.found(&ready).await;
            assert_eq!(meaning(&report), LookUp, "{operation:?} {signal}: {report:?}");
        }
        fixture.control("faults", json!([])).await;
        let report = fixture.found(&ready).await;
        assert!(operation.is_done(&report), "{operation:?}: {report:?}");
    }
}

/// On a retry, 429 is about the retry: the first request may have run, and did.
#[tokio::test]
async fn a_limit_on_a_retry_says_nothing_of_the_first() {
    let fixture = fixture().await;
    for operation in Operation::ALL {
        let ready = fixture.misbehaving(operation, "drop_after").await;
        assert_eq!(meaning(&fixture.send(&ready).await.report), Replay, "{operation:?}");
        fixture
            .control("faults", json!([{ "fault": "429", "count": 1, "match": { "method": "POST" } }]))
            .await;
        assert_eq!(meaning(&fixture.send(&ready).await.report), NotSent, "{operation:?}");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}: it ran all the same");
        let report = fixture.send(&ready).await.report;
        assert!(operation.is_done(&report), "{operation:?}: {report:?}");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}");
    }
}
