//! What can come of a call, the same for every operation: done, not done, nobody knows.

use common::gateway::{Fault, Resolution};
use tests::eventually;

use super::bench::{Bench, Operation, Ready, look_up, new_name, send};
use crate::contract::vocabulary::Report;

pub async fn what_is_done_is_told_alike_by_all_who_are_asked(bench: &Bench) {
    for operation in Operation::ALL {
        let ready = bench.ready(operation, bench.tokens.good).await;
        let found = bench.found(&ready).await;
        assert!(operation.is_not_begun(&found), "{operation:?}: {found:?}");
        let answer = bench.send(&ready).await;
        assert!(operation.is_done(&answer.report), "{operation:?}: {answer:?}");
        assert!(answer.call.request_id.is_some(), "{operation:?}");
        assert_eq!(bench.found(&ready).await, answer.report, "{operation:?}");
        assert_eq!(bench.send(&ready).await.report, answer.report, "{operation:?}: a replay says the same");
        assert_eq!(bench.times_done(&ready).await, 1, "{operation:?}");
    }
}

pub async fn silence_is_unknown_and_a_replay_tells(bench: &Bench) {
    for operation in Operation::ALL {
        for fault in
            ["timeout_before", "timeout_after", "drop_before", "drop_after", "slow_after_1500", "503_once"]
        {
            let ready = bench.misbehaving(operation, fault).await;
            let first = bench.send(&ready).await.report;
            assert!(
                matches!(first, Report::Unknown { resolution: Resolution::Replay, .. }),
                "{operation:?} {fault}: {first:?}"
            );
            let last = eventually("a replay tells", || async {
                let report = bench.send(&ready).await.report;
                let is_open = matches!(report, Report::Unknown { resolution: Resolution::Replay, .. });
                (!is_open).then_some(report)
            })
            .await;
            assert!(operation.is_done(&last), "{operation:?} {fault}: {last:?}");
            assert_eq!(bench.times_done(&ready).await, 1, "{operation:?} {fault}");
        }
    }
}

pub async fn what_did_not_run_is_told_apart_from_what_may_have(bench: &Bench) {
    for operation in Operation::ALL {
        let limited = bench.misbehaving(operation, "429_once").await;
        let report = bench.send(&limited).await.report;
        assert!(matches!(report, Report::NotSent { .. }), "{operation:?}: {report:?}");
        assert_eq!(bench.times_done(&limited).await, 0, "{operation:?}");
        assert!(operation.is_done(&bench.send(&limited).await.report), "{operation:?}");

        let conflicting = bench.misbehaving(operation, "409_once").await;
        let report = bench.send(&conflicting).await.report;
        assert!(
            matches!(report, Report::Unknown { resolution: Resolution::Replay, .. }),
            "{operation:?}: {report:?}"
        );
        assert!(operation.is_done(&bench.send(&conflicting).await.report), "{operation:?}");

        let ready = bench.ready(operation, bench.tokens.good).await;
        let report = send(&bench.unreachable, &ready).await.report;
        assert!(matches!(report, Report::NotSent { .. }), "{operation:?}: {report:?}");
        let report = look_up(&bench.unreachable, &ready).await.report;
        assert!(
            matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }),
            "{operation:?}: a look-up that fails says nothing: {report:?}"
        );
    }
}

/// No name, no connection, no TLS: nothing has left us.
pub async fn what_fails_before_sending_was_not_sent(bench: &Bench) {
    let without_tls = bench.deployment.sandbox_url().replacen("http:", "https:", 1);
    for url in ["http://127.0.0.1:9", "http://nobody.invalid", &without_tls] {
        let elsewhere = (bench.at)(url);
        for operation in Operation::ALL {
            let ready = bench.ready(operation, bench.tokens.good).await;
            let report = send(&elsewhere, &ready).await.report;
            assert!(matches!(report, Report::NotSent { .. }), "{operation:?} {url}: {report:?}");
            assert_eq!(bench.times_done(&ready).await, 0, "{operation:?} {url}");
        }
    }
}

pub async fn strangers_are_refused_and_somebody_is_woken(bench: &Bench) {
    for operation in Operation::ALL {
        let ready = bench.ready(operation, bench.tokens.good).await;
        let report = send(&bench.stranger, &ready).await.report;
        assert!(
            matches!(report, Report::Refused { fault: Fault::Credentials, .. }),
            "{operation:?}: {report:?}"
        );
        let report = look_up(&bench.stranger, &ready).await.report;
        assert!(matches!(report, Report::Unknown { .. }), "{operation:?}: it says nothing: {report:?}");
        assert_eq!(bench.times_done(&ready).await, 0, "{operation:?}");
    }
}

pub async fn what_the_gateway_has_never_heard_of_is_refused(bench: &Bench) {
    for operation in Operation::ALL {
        let mut ready = match operation {
            Operation::Charge => bench.ready(operation, bench.tokens.unknown).await,
            _ => bench.ready(operation, bench.tokens.good).await,
        };
        let nobody = new_name("nobody");
        match &mut ready {
            Ready::Charge(_) => {}
            Ready::Capture(request) => {
                (request.gateway_ref, request.charge_ref) = (nobody.as_str().into(), Some(nobody.into()));
            }
            Ready::Cancel(request) => {
                (request.gateway_ref, request.charge_ref) = (nobody.as_str().into(), Some(nobody.into()));
            }
            Ready::Refund(request) => {
                (request.payment_ref, request.charge_ref) = (nobody.as_str().into(), Some(nobody.into()));
            }
        }
        let report = bench.send(&ready).await.report;
        assert!(matches!(report, Report::Refused { fault: Fault::Request, .. }), "{operation:?}: {report:?}");
    }
}
