//! The signals of Stripe's table, each for every operation. Silence, which takes its time, is in the
//! suite that both gateways pass.

use super::fixture;
use crate::contract::{
    fixture::Operation,
    table::{Meaning, Meaning::*, meaning},
    vocabulary::Report,
};

/// Whether money has moved before the same key is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    Moved,
    Still,
}
use Money::{Moved, Still};

/// What the sandbox does, the status that is seen, what it means, whether the money moved all the same,
/// and what the same key brings then.
const SIGNALS: [(&str, Option<u16>, Meaning, Money, Meaning); 25] = [
    // A reset, before and after.
    ("drop_before", None, Replay, Still, Done),
    ("drop_after", None, Replay, Moved, Done),
    // What a proxy answers, before and after.
    ("502_once", Some(502), Replay, Still, Done),
    ("502_after", Some(502), Replay, Moved, Done),
    ("503_once", Some(503), Replay, Still, Done),
    ("503_after", Some(503), Replay, Moved, Done),
    ("504_once", Some(504), Replay, Still, Done),
    ("504_after", Some(504), Replay, Moved, Done),
    ("424_once", Some(424), Replay, Still, Done),
    ("424_after", Some(424), Replay, Moved, Done),
    // Kept under the key.
    ("500_before", Some(500), LookUp, Still, LookUp),
    ("500_after", Some(500), LookUp, Moved, LookUp),
    // Did not run.
    ("409_once", Some(409), Replay, Still, Done),
    ("429_once", Some(429), NotSent, Still, Done),
    // Permanent.
    ("400_once", Some(400), Refused, Still, Done),
    ("401_once", Some(401), Credentials, Still, Done),
    ("403_once", Some(403), Credentials, Still, Done),
    ("404_once", Some(404), Refused, Still, Done),
    // `Stripe-Should-Retry` overrides.
    ("400_should_retry_true", Some(400), Replay, Still, Done),
    ("404_should_retry_true", Some(404), Replay, Still, Done),
    ("500_should_retry_true", Some(500), Replay, Still, Done),
    ("500_should_retry_false", Some(500), LookUp, Still, Done),
    ("502_should_retry_false", Some(502), LookUp, Still, Done),
    ("503_should_retry_true", Some(503), Replay, Still, Done),
    ("503_should_retry_false", Some(503), LookUp, Still, Done),
];

#[tokio::test]
async fn a_signal_means_the_same_for_every_operation() {
    let fixture = fixture().await;
    for operation in Operation::ALL {
        for (signal, status, expected, money, again) in SIGNALS {
            let row = format!("{operation:?} {signal}");
            let ready = fixture.misbehaving(operation, signal).await;
            let answer = fixture.send(&ready).await;
            assert_eq!(meaning(&answer.report), expected, "{row}: {answer:?}");
            assert_eq!(answer.call.http_status, status, "{row}");
            assert_eq!(answer.call.request_id.is_some(), status.is_some(), "{row}: it can be complained of");
            assert_eq!(fixture.times_done(&ready).await, usize::from(money == Moved), "{row}");
            let found = fixture.found(&ready).await;
            assert_eq!(operation.is_done(&found), money == Moved, "{row}: a look-up tells: {found:?}");
            assert_eq!(operation.is_not_begun(&found), money == Still, "{row}: a look-up tells: {found:?}");

            let report = fixture.send(&ready).await.report;
            match again {
                Done => assert!(operation.is_done(&report), "{row}, again: {report:?}"),
                other => assert_eq!(meaning(&report), other, "{row}, again: {report:?}"),
            }
            let times = usize::from(money == Moved || again == Done);
            assert_eq!(fixture.times_done(&ready).await, times, "{row}: never twice");
        }
    }
}

/// A question has no key: whatever goes wrong with one leaves everything as unknown as it was.
#[tokio::test]
async fn a_question_that_goes_wrong_says_nothing() {
    let fixture = fixture().await;
    for operation in Operation::ALL {
        let ready = fixture.ready(operation, "pm_card_visa").await;
        fixture.send(&ready).await;
        for signal in ["401", "403", "409", "424", "429", "500_should_retry_true", "502", "503", "504"] {
            let rule = serde_json::json!([{ "fault": signal, "match": { "method": "GET" } }]);
            fixture.control("faults", rule).await;
            let report = fixture.found(&ready).await;
            assert_eq!(meaning(&report), LookUp, "{operation:?} {signal}: {report:?}");
        }
        fixture.control("faults", serde_json::json!([])).await;
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
        let rule = serde_json::json!([{ "fault": "429", "count": 1, "match": { "method": "POST" } }]);
        fixture.control("faults", rule).await;
        assert_eq!(meaning(&fixture.send(&ready).await.report), NotSent, "{operation:?}");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}: it ran all the same");
        let report: Report = fixture.send(&ready).await.report;
        assert!(operation.is_done(&report), "{operation:?}: {report:?}");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}");
    }
}
